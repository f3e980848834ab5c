"""Findings about a file: the contents that the checks need, unsafe paths, and problems and warnings as text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hatch_tokenindex.errors import DistributionError
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

METADATA_LIMIT = 4 * 1024 * 1024
"""The maximum size of METADATA or PKG-INFO in bytes."""
_LONGEST_NAME = 80
_NAMES_SHOWN = 3
_ESCAPES = re.compile(r"[/\\]|[A-Za-z]:|(?:.*[/\\])?\.\.(?:[/\\]|$)", re.DOTALL)


@dataclass
class Diagnostics:
    """Problems and warnings about one file: predicates like "is empty", not yet escaped for a terminal."""

    problems: list[str] = field(default_factory=list)
    """Reasons not to publish the file on any index."""
    warnings: list[str] = field(default_factory=list)
    """Oddities that don't prevent publishing."""
    pypi_problems: list[str] = field(default_factory=list)
    """Reasons for which only PyPI and TestPyPI reject the archive."""


@dataclass(frozen=True)
class Archive:
    """The contents of a wheel or sdist that the checks need."""

    metadata: bytes
    """The content of METADATA or PKG-INFO."""
    license_folder: str
    """The folder that `License-File` paths are relative to."""
    names: frozenset[str] | None
    """The paths of all members; `None` if the archive was not read to its end."""


def escapes(name: str) -> bool:
    """Return True if a member's path leads out of the target folder when unpacked, on any operating system."""
    return _ESCAPES.match(name) is not None


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
