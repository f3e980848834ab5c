"""A real pypiserver with password authentication."""

from __future__ import annotations

import base64
import hashlib
import sys
from typing import TYPE_CHECKING

from servers.process import ServerProcess

if TYPE_CHECKING:
    from pathlib import Path


class PypiServer:
    """A pypiserver on loopback that wants `user` or `__token__`, and `password`, for uploads, and lets anyone list and download.

    It holds no more than its tests upload: what it doesn't have is not looked for at PyPI.
    """

    user = "maintainer"
    password = "correct horse: 100 % battery"

    def __init__(self, folder: Path) -> None:
        self.packages = folder / "packages"
        self.packages.mkdir()
        passwords = folder / "htpasswd"
        passwords.write_text("".join(htpasswd_line(user, self.password) for user in (self.user, "__token__")))
        options: list[str | Path] = ["--authenticate", "update", "--passwords", passwords, "--disable-fallback"]
        self._process = ServerProcess(
            lambda port: [
                *(sys.executable, "-m", "pypiserver", "run", "--interface", "127.0.0.1", "--port", str(port)),
                *options,
                self.packages,
            ],
            folder,
        )
        self.upload_url = f"http://127.0.0.1:{self._process.port}/"
        self.simple_url = f"{self.upload_url}simple/"

    def stop(self) -> None:
        """End the process."""
        self._process.stop()


def htpasswd_line(user: str, password: str) -> str:
    """A line of an Apache password file, in the one scheme of it that the standard library can write."""
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return f"{user}:{{SHA}}{base64.b64encode(digest).decode()}\n"
