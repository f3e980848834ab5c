"""A server in a process of its own, on a free loopback port."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_PATIENCE = 60.0
_TRIES = 3


class ServerDidNotStartError(Exception):
    """The process ended, or never listened. The text is what it printed."""


class ServerProcess:
    """A running server; `stop` ends it. `command` builds its command line for a port, `folder` gets its log.

    A port is free when it is looked for, but another process may be faster: then the server ends, and another is tried.
    """

    def __init__(self, command: Callable[[int], Sequence[str | Path]], folder: Path) -> None:
        self._log = folder / "server.log"
        for _ in range(_TRIES):
            self.port = free_port()
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    command(self.port),
                    cwd=folder,
                    env=server_environment(folder),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            if self._listens():
                return
            self.stop()
        raise ServerDidNotStartError(self.log)

    @property
    def log(self) -> str:
        """The output of the server so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the process and wait for its end."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        """Wait until the server takes connections; false where its process ended, or takes none."""
        for _ in range(int(_PATIENCE / 0.05)):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
                return False
        return False


def free_port() -> int:
    """A loopback port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_environment(folder: Path) -> dict[str, str]:
    """This process's environment with `folder` as home, and with no proxy: a server shall see nothing but its folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**inherited, "HOME": str(folder), "USERPROFILE": str(folder), "PYTHONWARNINGS": "ignore"}
