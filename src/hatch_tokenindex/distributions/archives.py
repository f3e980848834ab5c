"""The contents of wheels and sdists that the checks need, and unsafe paths."""

from __future__ import annotations

import re
from dataclasses import dataclass

METADATA_LIMIT = 4 * 1024 * 1024
"""The maximum size of METADATA or PKG-INFO in bytes."""
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
