"""A real devpi-server with a user, and an index that keeps what it once took."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

from servers.process import ServerProcess, server_environment

if TYPE_CHECKING:
    from pathlib import Path

# The default cost of its keys takes the server 4 seconds to start, and that of passwords, which no option lowers, a fifth
# of a second for each request; a test has nothing to protect.
_CHEAP_KEYS = ("--argon2-memory-cost", "8", "--argon2-time-cost", "1", "--argon2-parallelism", "1")
_CHEAP_PASSWORDS = """
from devpi_server.auth import pwd_context
from devpi_server.main import main
pwd_context.update(argon2__memory_cost=8, argon2__time_cost=1, argon2__parallelism=1)
main()
"""


class DevpiServer:
    """A devpi-server on loopback with the index `user/stable`, not volatile: a file's content can't be replaced."""

    user = "maintainer"
    password = "correct horse: 100 % battery"

    def __init__(self, folder: Path) -> None:
        data = folder / "data"
        subprocess.run(
            [sys.executable, "-c", "from devpi_server.init import init; init()", "--serverdir", data, "--no-root-pypi"],
            check=True,
            capture_output=True,
            env=server_environment(folder),
        )
        self._process = ServerProcess(
            lambda port: [
                *(sys.executable, "-c", _CHEAP_PASSWORDS, "--serverdir", data, "--offline-mode"),
                *("--host", "127.0.0.1", "--port", str(port), *_CHEAP_KEYS),
            ],
            folder,
        )
        self._root = f"http://127.0.0.1:{self._process.port}/"
        self._put(self.user, {"password": self.password})
        self.upload_url = self.add_index("stable")
        self.simple_url = f"{self.upload_url}+simple/"

    def add_index(self, name: str, *, bases: tuple[str, ...] = ()) -> str:
        """Create an index like `stable` that inherits the files of others of this user; return its upload URL."""
        inherited = [f"{self.user}/{base}" for base in bases]
        self._put(f"{self.user}/{name}", {"type": "stage", "volatile": False, "bases": inherited})
        return f"{self._root}{self.user}/{name}/"

    def stop(self) -> None:
        """End the process."""
        self._process.stop()

    def _put(self, path: str, content: dict[str, Any]) -> None:
        """One call of devpi's own API, as the user once there is one."""
        request = urllib.request.Request(f"{self._root}{path}", json.dumps(content).encode(), method="PUT")
        request.add_header("Content-Type", "application/json")
        if "/" in path:
            credential = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {credential}")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request):
            pass
