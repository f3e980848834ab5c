"""The terminal device: read a secret from it, and leave it as it was."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from getpass import getpass
from select import select
from typing import TYPE_CHECKING, Any

import click

if sys.platform != "win32":
    import termios

if TYPE_CHECKING:
    from collections.abc import Iterator

PASTE_PAUSE = 0.05
"""Seconds after a line break, within which more input means that it was pasted along."""

# In what termios returns.
_FLAGS, _CHARACTERS = 3, 6
_ENTER, _ERASE, _CLEAR, _END = (b"\r", b"\n"), (b"\x7f", b"\b"), (b"\x15", b"\x17"), (b"\x04", b"")


def read_secret(question: str) -> str:
    """Return what is typed up to Enter, without showing it; all lines of a paste. Raises `EOFError` for Ctrl-D."""
    if sys.platform == "win32":
        return _read_console(question)
    with _device() as device:
        return _read_hidden(question, sys.stdin.fileno() if device is None else device)


@contextmanager
def restoring_terminal() -> Iterator[None]:
    """Leave the terminal as it was: a keyring backend that hides what is typed may be cut off before it undoes that."""
    if sys.platform == "win32":
        yield
        return
    with _device() as device:
        before: list[Any] = []
        with suppress(termios.error):
            before = [] if device is None else termios.tcgetattr(device)
        try:
            yield
        finally:
            # In the background, the terminal is the shell's.
            with suppress(OSError, termios.error):
                if device is not None and before and os.tcgetpgrp(device) == os.getpgrp():
                    termios.tcsetattr(device, termios.TCSANOW, before)


def _read_console(question: str) -> str:
    """Return what is typed on Windows, where a line has no limit, but the rest of a paste would wait for the shell."""
    import msvcrt

    lines = [getpass(question)]
    while msvcrt.kbhit():  # type: ignore[attr-defined,unused-ignore]
        lines.append(getpass(""))
    return "\n".join(lines).rstrip("\n")


@contextmanager
def _device() -> Iterator[int | None]:
    """Yield the descriptor of the terminal of this process, None if it has none."""
    try:
        device = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        yield None
        return
    try:
        yield device
    finally:
        os.close(device)


def _read_hidden(question: str, device: int) -> str:
    before, hidden = termios.tcgetattr(device), termios.tcgetattr(device)
    # Not line by line: the system cuts a line at 4,095 characters, on macOS at 1,024.
    hidden[_FLAGS] &= ~(termios.ECHO | termios.ICANON)
    hidden[_CHARACTERS][termios.VMIN], hidden[_CHARACTERS][termios.VTIME] = 1, 0
    try:
        termios.tcsetattr(device, termios.TCSAFLUSH, hidden)
        click.echo(question, nl=False, err=True)
        return _read_line(device)
    finally:
        termios.tcsetattr(device, termios.TCSAFLUSH, before)
        click.echo(err=True)


def _read_line(device: int) -> str:
    typed = bytearray()
    while True:
        key = os.read(device, 1)
        if key in _ENTER:
            if not select([device], [], [], PASTE_PAUSE)[0]:
                break
            typed += b"\n"
        elif key in _END:
            if not typed:
                raise EOFError
            break
        elif key in _ERASE:
            typed = bytearray(typed.decode("utf-8", "surrogateescape")[:-1].encode("utf-8", "surrogateescape"))
        elif key in _CLEAR:
            typed.clear()
        else:
            typed += key
    return typed.rstrip(b"\n").decode("utf-8", "surrogateescape")
