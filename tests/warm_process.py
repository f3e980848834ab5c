"""Processes of `hatch` and `hatch-tokenindex` that are forked from one that has imported what they need.

A start takes four tenths of a second of a processor, nearly all of it for imports, and the tests make hundreds. A warm
start takes a tenth of that, and runs the same console script with the arguments, the environment, the folder, the
streams and the terminal that it is given. Nothing has run before but imports: each module is as it is after its own.
`keyring`, which looks into the environment at its import, is imported anew. Hatch has found its plugins (`hatch_plugins`).

Only on Linux: macOS forbids most of its libraries after a fork, and Windows has none. There, and where `is_possible`
says no, the tests start the command cold.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TESTS = Path(__file__).parent

INTERPRETER = {"PYTHONPATH": str(TESTS), "PYTHONUTF8": "1"}
"""What an interpreter finds in its environment when it begins: a process that shall find other values is started cold."""

_PROGRAMS = {str(Path(sysconfig.get_path("scripts"), name)) for name in ("hatch", "hatch-tokenindex")}
_OF_THE_INTERPRETER = ("PYTHON", "LANG", "LC_")
_LIBRARIES = (
    "encodings.idna",
    "filelock",
    "hatch.cli",
    "hatch.plugin.manager",
    "hatch.plugin.specs",
    "hatch.project.config",
    "hatch.publish.plugin.hooks",
    "hatchling.metadata.core",
    "httpx",
    "keyring",
    "rich.progress",
    "ssl",
    "tomli_w",
    "truststore",
)
_LARGEST_REQUEST = 100_000
_FITS_INTO_A_PIPE = 4096


def _has_process_descriptors() -> bool:
    """Return True on Linux, unless this Python, or the sandbox that it runs in, lacks `pidfd_open`."""
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


IS_SUPPORTED = _has_process_descriptors()
"""True if this system can start warm at all."""


def is_possible(program: str, environment: Mapping[str, str], stdin: bytes = b"") -> bool:
    """Return True if a warm start makes no difference to this program with this environment."""
    given = {name: value for name, value in environment.items() if name.startswith(_OF_THE_INTERPRETER)}
    given.pop("PYTHON_KEYRING_BACKEND", None)
    fits = program in _PROGRAMS and given == INTERPRETER and len(stdin) <= _FITS_INTO_A_PIPE
    return fits and IS_SUPPORTED


class WarmProcess:
    """A process with these three streams. With `terminal`, they are one, and it is the leader of a session of its own."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: str | Path,
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
        terminal: bool = False,
    ) -> None:
        start = {"arguments": arguments, "cwd": os.fspath(cwd), "environment": dict(environment), "terminal": terminal}
        self._told, teller = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with teller:
            socket.send_fds(_forks(), [json.dumps(start).encode()], [*streams, teller.fileno()])
        self.pid = int(self._told.recv(32))

    def has_ended(self) -> bool:
        """Return True if `wait` would not wait."""
        return bool(select.select([self._told], [], [], 0)[0])

    def wait(self) -> int:
        """Wait for the end, once; the status as `os.waitpid` returns it."""
        with self._told:
            return int(self._told.recv(32))


def run(
    arguments: Sequence[str], *, cwd: str | Path, environment: Mapping[str, str], stdin: bytes, timeout: float
) -> subprocess.CompletedProcess[bytes]:
    """Do what `subprocess.run` does that captures the output."""
    pipes = [os.pipe() for _ in range(3)]
    (for_stdin, typing), (stdout, for_stdout), (stderr, for_stderr) = pipes
    os.write(typing, stdin)
    os.close(typing)
    streams = (for_stdin, for_stdout, for_stderr)
    try:
        process = WarmProcess(arguments, cwd=cwd, environment=environment, streams=streams)
    finally:
        for stream in streams:
            os.close(stream)
    printed = {stdout: b"", stderr: b""}
    end = time.monotonic() + timeout
    try:
        unread = {stdout, stderr}
        while unread:
            ready = select.select(unread, [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                os.kill(process.pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(arguments, timeout, printed[stdout], printed[stderr])
            for stream in ready:
                data = os.read(stream, 65536)
                printed[stream] += data
                if not data:
                    unread.remove(stream)
    finally:
        status = process.wait()
        os.close(stdout)
        os.close(stderr)
    returncode = os.waitstatus_to_exitcode(status)
    return subprocess.CompletedProcess(arguments, returncode, printed[stdout], printed[stderr])


@cache
def _forks() -> socket.socket:
    """The connection to the process that forks, which begins with the first request and ends with the tests."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            env={"PATH": os.environ["PATH"], **INTERPRETER},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


# In the process that forks


@dataclass(frozen=True)
class _Start:
    """A request, and the streams that came with it."""

    arguments: list[str]
    cwd: str
    environment: dict[str, str]
    terminal: bool
    streams: list[int]

    def run(self) -> None:
        """Become what a cold start is when it has begun, and run the console script."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, stream in enumerate(self.streams):
            os.dup2(stream, number)
            os.close(stream)
        if self.terminal:
            import fcntl
            import termios

            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.chdir(self.cwd)
        # The interpreter itself may have put one in (PEP 538), and does so in a cold start.
        chosen = {"LC_CTYPE": os.environ["LC_CTYPE"]} if "LC_CTYPE" in os.environ else {}
        os.environ.clear()
        os.environ.update({**self.environment, **chosen})
        time.tzset()
        sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
        sys.argv = self.arguments
        sys.path[0] = str(Path(sys.argv[0]).parent)
        if "COVERAGE_PROCESS_CONFIG" in os.environ:
            import_module("coverage").process_startup()
        runpy.run_path(sys.argv[0], run_name="__main__")


def _import_all() -> None:
    from hatch_plugins import search_once

    import hatch_tokenindex

    for name in _LIBRARIES:
        import_module(name)
    for module in pkgutil.walk_packages(hatch_tokenindex.__path__, "hatch_tokenindex."):
        if not module.name.endswith("__main__") and ".attesting" not in module.name:
            import_module(module.name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "keyring"]:
        del sys.modules[name]
    search_once().start()
    gc.freeze()


def _next_start(requests: socket.socket) -> _Start | None:
    """Fork for each request: the request in the process that is forked for it, None in this one once the tests end."""
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        awaited: list[Any] = [requests, *running]
        ready = select.select(awaited, [], [])[0]
        for ended in running.keys() & ready:
            pid, told = running.pop(ended)
            os.close(ended)
            with told:
                _tell(told, os.waitpid(pid, 0)[1])
        if requests not in ready:
            continue
        request, received, _, _ = socket.recv_fds(requests, _LARGEST_REQUEST, 4)
        if not request:
            return None
        *streams, teller = received
        pid = os.fork()
        if pid == 0:
            for file in (teller, requests.detach(), *running):
                os.close(file)
            for _, told in running.values():
                told.close()
            return _Start(**json.loads(request), streams=streams)
        for stream in streams:
            os.close(stream)
        told = socket.socket(fileno=teller)
        _tell(told, pid)
        running[os.pidfd_open(pid)] = pid, told


def _tell(told: socket.socket, number: int) -> None:
    """Send a number to whoever asked for a process, who may have stopped waiting."""
    with suppress(BrokenPipeError, ConnectionResetError):
        told.send(str(number).encode())


def main() -> None:
    """Import what `hatch` does, fork as often as asked to, and run the console script in what is forked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import_all()
    start = _next_start(socket.socket(fileno=int(sys.argv[1])))
    if start is not None:
        start.run()


if __name__ == "__main__":
    main()
