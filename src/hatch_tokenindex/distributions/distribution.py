"""`Distribution`: a wheel or sdist that was read and can be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.utils import NormalizedName


@dataclass(frozen=True)
class Distribution:
    """A wheel or sdist on disk; its file name, its metadata and its archive are sound and agree."""

    path: Path
    filename: str
    size: int
    """In bytes."""
    filetype: Literal["sdist", "bdist_wheel"]
    project: str
    """The project's name as the metadata spells it."""
    version: str
    """In the normalized form of PEP 440; `fields` has it as the metadata spells it."""
    fields: tuple[tuple[str, str], ...]
    """The metadata as fields of PyPI's upload form, a pair per value: everything but digests and content."""
    warnings: tuple[str, ...] = ()
    refused_by_pypi: tuple[str, ...] = ()
    """What in the archive itself PyPI refuses and other indexes take."""

    @property
    def name(self) -> NormalizedName:
        """The project's name, normalized by PEP 503."""
        return canonicalize_name(self.project)

    def values(self, field: str) -> tuple[str, ...]:
        """The values of one form field, none where it is absent."""
        return tuple(value for name, value in self.fields if name == field)
