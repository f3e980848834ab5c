"""`Distribution`: a wheel or sdist that was read and can be uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.utils import NormalizedName


@dataclass(frozen=True)
class Distribution:
    """A wheel or sdist on disk, with a valid archive, valid metadata and a file name that agrees with it."""

    path: Path
    filename: str
    size: int
    """In bytes."""
    filetype: Literal["sdist", "bdist_wheel"]
    project: str
    """The project's name as spelled in the metadata."""
    version: str
    """Normalized (PEP 440); `fields` has it as spelled in the metadata."""
    fields: tuple[tuple[str, str], ...]
    """The metadata as pairs of name and value for PyPI's upload form, without digests and content."""
    warnings: tuple[str, ...] = ()
    pypi_problems: tuple[str, ...] = ()
    """Problems of the archive itself that only PyPI rejects, not yet escaped for a terminal."""

    @property
    def name(self) -> NormalizedName:
        """The project's name, normalized (PEP 503)."""
        return canonicalize_name(self.project)

    def values(self, field: str) -> tuple[str, ...]:
        """Return the values of one form field; empty if it is absent."""
        return tuple(value for name, value in self.fields if name == field)
