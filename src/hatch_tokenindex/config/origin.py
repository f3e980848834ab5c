"""WithOrigin: a value and the place that gave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class WithOrigin(Generic[T]):
    """A value and the place that gave it, so that every message can name the place."""

    value: T
    origin: str
    """The place, as the user knows it: `--user`, `HATCH_INDEX_AUTH`, a table of a file."""
