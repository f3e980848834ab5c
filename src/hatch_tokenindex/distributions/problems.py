"""Problems and warnings about files, and the texts that state them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hatch_tokenindex.errors import DistributionError
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LONGEST_NAME = 80
_NAMES_SHOWN = 3


@dataclass
class Diagnostics:
    """Problems and warnings about one file: predicates like "is empty", not yet escaped for a terminal."""

    problems: list[str] = field(default_factory=list)
    """Reasons not to publish the file on any index."""
    warnings: list[str] = field(default_factory=list)
    """Oddities that don't prevent publishing."""
    pypi_problems: list[str] = field(default_factory=list)
    """Reasons for which only PyPI and TestPyPI reject the archive."""


def listed(names: Iterable[str]) -> str:
    """Return the first few of `names` in sorted order, and the number of the others."""
    ordered = sorted(names)
    some = ", ".join(escaped_line(name, _LONGEST_NAME) for name in ordered[:_NAMES_SHOWN])
    rest = len(ordered) - _NAMES_SHOWN
    return f"{some} and {rest} more" if rest > 0 else some


def mebibytes(size: int) -> str:
    """Return a size in bytes as text in MiB."""
    return f"{size // (1024 * 1024):,} MiB"


def reason(error: Exception) -> str:
    """Return an exception's text, without the path that the operating system's errors repeat."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def shown(path: Path) -> str:
    """Return a path as it can be typed here: relative if it is below the current folder."""
    try:
        return escaped_line(str(path.relative_to(Path.cwd())))
    except (ValueError, OSError):
        return escaped_line(str(path))


def error_from(problems: Mapping[Path, Sequence[str]]) -> DistributionError:
    """Return one error that lists the problems of all files, escaped for a terminal."""
    end = " can't be published:" if len(problems) == 1 else ":"
    blocks = ["\n  ".join([f"{shown(path)}{end}", *map(escaped_line, lines)]) for path, lines in problems.items()]
    head = [] if len(problems) == 1 else [f"{len(problems)} files can't be published:"]
    return DistributionError("\n".join([*head, *blocks]))
