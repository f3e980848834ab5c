"""Common parts of reading wheels and sdists: the contents that the checks need, size limits and unsafe paths."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable

METADATA_LIMIT = 4 * 1024 * 1024
"""The maximum size of METADATA or PKG-INFO in bytes."""

LONGEST_NAME = 80
"""The number of characters of a member's path that are shown."""
_NAMES_SHOWN = 3

_ESCAPES = re.compile(r"[/\\]|[A-Za-z]:|(?:.*[/\\])?\.\.(?:[/\\]|$)", re.DOTALL)


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
    some = ", ".join(escaped_line(name, LONGEST_NAME) for name in ordered[:_NAMES_SHOWN])
    rest = len(ordered) - _NAMES_SHOWN
    return f"{some} and {rest} more" if rest > 0 else some


def mebibytes(size: int) -> str:
    """Return a size in bytes as text in MiB."""
    return f"{size // (1024 * 1024):,} MiB"
