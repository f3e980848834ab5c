"""Text made fit to be shown: nothing in it that commands a terminal or turns the writing round, and of bearable length."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 500
"""Characters of a line from elsewhere that are shown."""

END_OF_TIME = 32_503_680_000
"""The year 3000 in unix seconds: what is later can't be shown as a date on every platform."""

_TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
)


def escaped(text: str) -> str:
    """The text with an escape like `\\x1b` for everything unprintable but line breaks."""
    return "\n".join(map(_escaped_line, text.split("\n")))


def escaped_line(text: str, longest: int = LONGEST_LINE) -> str:
    """The text on one line, cut at `longest` characters, with an escape for everything unprintable, line breaks too."""
    return _escaped_line(shortened(text, longest))


def without_controls(text: str) -> str:
    """The text without its control, format and surrogate characters, and without whole sequences that command a terminal."""
    return "".join(
        character for character in _TERMINAL_SEQUENCE.sub("", text) if character.isprintable() or character.isspace()
    )


def one_line(text: str) -> str:
    """The text on one line, without control characters and with single spaces."""
    return " ".join(without_controls(text).split())


def lines(text: str) -> Iterator[str]:
    """Its lines that hold anything, with single spaces."""
    return (" ".join(line.split()) for line in text.splitlines() if line.strip())


def shortened(line: str, longest: int = LONGEST_LINE) -> str:
    """A line that may be endless, cut at `longest` characters."""
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def command_line(*words: str) -> str:
    """A command as it can be typed into the shell of this system."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def as_date(seconds: float) -> str:
    """Unix seconds as a date and a time that every reader understands alike."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC"


def _escaped_line(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in line
    )
