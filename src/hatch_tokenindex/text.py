"""Text that is safe to show, without terminal commands or bidirectional controls and of limited length; and tables of it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LONGEST_LINE = 500
"""Characters that are shown of a line from outside."""

END_OF_TIME = 32_503_680_000
"""The year 3000 in Unix time: later dates can't be formatted on every platform."""

_TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
)


def escaped(text: str) -> str:
    """Return the text with an escape like `\\x1b` for everything unprintable but line breaks."""
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def escaped_line(text: str, longest: int = LONGEST_LINE) -> str:
    """Return the text on one line of `longest` characters, with an escape for everything unprintable and line breaks."""
    return escaped(shortened(text, longest)).replace("\n", "\\n")


def without_controls(text: str) -> str:
    """Return the text without control, format and surrogate characters and without terminal escape sequences."""
    return "".join(
        character for character in _TERMINAL_SEQUENCE.sub("", text) if character.isprintable() or character.isspace()
    )


def one_line(text: str) -> str:
    """Return the text on one line, without control characters and with single spaces."""
    return " ".join(without_controls(text).split())


def lines(text: str) -> Iterator[str]:
    """Return the lines that aren't blank, with single spaces."""
    return (" ".join(line.split()) for line in text.splitlines() if line.strip())


def shortened(line: str, longest: int = LONGEST_LINE) -> str:
    """Return a line cut at `longest` characters."""
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def command_line(*words: str) -> str:
    """Return a command as it is typed into the shell of this system."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of cells, each column as wide as its widest cell: the same on a terminal, in a pipe, in a log."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def as_date(seconds: float) -> str:
    """Return a Unix time as date and time in UTC."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC"
