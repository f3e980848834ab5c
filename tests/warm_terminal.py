"""A pseudo-terminal of pexpect's whose process was started warm."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from typing import TYPE_CHECKING, Any

import pexpect
import ptyprocess
from warm_process import WarmProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class WarmSpawn(pexpect.spawn):  # type: ignore[misc]
    """`pexpect.spawn` for what `warm_process.is_possible` allows."""

    def _spawnpty(self, args: Sequence[bytes], **options: Any) -> _Terminal:
        return _Terminal.start([os.fsdecode(argument) for argument in args], **options)


class _Terminal(ptyprocess.PtyProcess):  # type: ignore[misc]
    """The same as its base class, but the process on it is not this process's child."""

    terminated: bool
    exitstatus: int | None
    signalstatus: int | None
    _process: WarmProcess

    @classmethod
    def start(
        cls, arguments: list[str], *, cwd: str, env: Mapping[str, str], dimensions: tuple[int, int], **_: object
    ) -> _Terminal:
        """Start a process on a terminal of this size."""
        master, slave = pty.openpty()
        try:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", *dimensions, 0, 0))
            process = WarmProcess(arguments, cwd=cwd, environment=env, streams=(slave, slave, slave), terminal=True)
        finally:
            os.close(slave)
        terminal = cls(process.pid, master)
        terminal._process = process
        return terminal

    def isalive(self) -> bool:
        """Return False once the process has ended; its end has been read, if `flag_eof` is set."""
        if not self.terminated and (self.flag_eof or self._process.has_ended()):
            self.wait()
        return not self.terminated

    def wait(self) -> int | None:
        """Wait for the end; the exit status."""
        if not self.terminated:
            self.status = self._process.wait()
            code = os.waitstatus_to_exitcode(self.status)
            self.exitstatus = code if code >= 0 else None
            self.signalstatus = -code if code < 0 else None
            self.terminated = True
        return self.exitstatus
