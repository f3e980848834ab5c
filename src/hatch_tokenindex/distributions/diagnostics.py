"""Problems and warnings about files, collected so that one run shows all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hatch_tokenindex.errors import DistributionError
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class Diagnostics:
    """Problems and warnings about one file: predicates like "is empty", not yet escaped for a terminal."""

    problems: list[str] = field(default_factory=list)
    """Reasons not to publish the file on any index."""
    warnings: list[str] = field(default_factory=list)
    """Oddities that don't prevent publishing."""
    pypi_problems: list[str] = field(default_factory=list)
    """Reasons for which only PyPI and TestPyPI reject the archive."""


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
