"""A value together with the place that gave it, so that every message can say where something comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class WithOrigin(Generic[T]):
    """`origin` names the place as the person at the terminal knows it: `--user`, `HATCH_INDEX_AUTH`, a table of a file."""

    value: T
    origin: str
