"""What wheels and sdists have in common as archives: limits, unsafe paths, and what is kept of one that was read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable

METADATA_LIMIT = 16 * 1024 * 1024
"""The most bytes that are read of a METADATA or PKG-INFO."""

LONGEST_NAME = 80
"""How much of a member's path is shown."""
_NAMES_SHOWN = 3

_ESCAPES = re.compile(r"[/\\]|[A-Za-z]:|(?:.*[/\\])?\.\.(?:[/\\]|$)", re.DOTALL)


@dataclass(frozen=True)
class Archive:
    """What a wheel or sdist holds, as far as the checks need it."""

    metadata: bytes | None
    """The content of METADATA or PKG-INFO; `None` where there is none that can be read."""
    license_folder: str
    """The folder that `License-File` paths start from."""
    names: frozenset[str] | None
    """The paths of the members; `None` where the archive was not followed to its end."""


def escapes(name: str) -> bool:
    """Tell whether a member's path leads out of the folder that the archive is unpacked into, on any system."""
    return _ESCAPES.match(name) is not None


def listed(names: Iterable[str]) -> str:
    """The first few of `names` in order, and how many more there are."""
    ordered = sorted(names)
    some = ", ".join(escaped_line(name, LONGEST_NAME) for name in ordered[:_NAMES_SHOWN])
    rest = len(ordered) - _NAMES_SHOWN
    return f"{some} and {rest} more" if rest > 0 else some


def mebibytes(size: int) -> str:
    """A size in bytes, for people."""
    return f"{size // (1024 * 1024):,} MiB"
