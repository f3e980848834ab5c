"""Text from a server made fit to be shown: on one line, of bearable length, and with nothing that commands a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 500
"""Characters of a line that are shown."""
MOST_LINES = 4
"""Lines of an answer that are shown."""

_TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
)


def without_controls(text: str) -> str:
    """Nothing that could act on a terminal or turn the writing round: no control, format or surrogate characters."""
    return "".join(
        character for character in _TERMINAL_SEQUENCE.sub("", text) if character.isprintable() or character.isspace()
    )


def one_line(text: str) -> str:
    """The text on one line, without control characters and with single spaces."""
    return " ".join(without_controls(text).split())


def lines(text: str) -> Iterator[str]:
    """Its lines that hold anything, with single spaces."""
    return (" ".join(line.split()) for line in text.splitlines() if line.strip())


def shortened(line: str) -> str:
    """A line that may be endless, cut at `LONGEST_LINE`."""
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}..."
