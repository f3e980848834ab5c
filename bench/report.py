"""What a benchmark found, as Markdown: a table of figures, and a table of the bounds that are promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet


@dataclass(frozen=True)
class Bound:
    """A promise: what is bounded, what was measured, what was promised, and whether that was kept."""

    what: str
    measured: str
    promised: str
    kept: bool


@dataclass(frozen=True)
class Finding:
    """What one benchmark found. The first of `rows` is the heading; `note` says how it was measured."""

    title: str
    note: str
    rows: Sequence[Sequence[str]]
    bounds: Sequence[Bound]

    @property
    def kept(self) -> bool:
        """Whether all promises were."""
        return all(bound.kept for bound in self.bounds)

    def as_markdown(self) -> str:
        """A section of a page."""
        bounds = [
            (bound.what, bound.measured, bound.promised, "yes" if bound.kept else "**no**") for bound in self.bounds
        ]
        return "\n\n".join(
            [
                f"### {self.title}",
                self.note,
                _table(self.rows),
                _table([("bound", "measured", "promised", "kept"), *bounds]),
            ]
        )


def at_most(what: str, measured: float, limit: float, unit: str = "") -> Bound:
    """A promise that a figure doesn't exceed its limit."""
    return Bound(what, f"{measured:.2f}{unit}", f"at most {limit:.2f}{unit}", measured <= limit)


def at_least(what: str, measured: float, limit: float) -> Bound:
    """A promise that a figure reaches its limit."""
    return Bound(what, f"{measured:.2f}", f"at least {limit:.2f}", measured >= limit)


def below(what: str, measured: float, limit: float, unit: str = "") -> Bound:
    """A promise that a figure stays below its limit."""
    return Bound(what, f"{measured:.2f}{unit}", f"below {limit:.2f}{unit}", measured < limit)


def exactly(what: str, measured: AbstractSet[int], wanted: int) -> Bound:
    """A promise of one number in all runs."""
    return Bound(what, " or ".join(map(str, sorted(measured))), str(wanted), measured == {wanted})


def _table(rows: Sequence[Sequence[str]]) -> str:
    heading, *others = rows
    columns = ["---", *("---:" for _ in heading[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, columns, *others))
