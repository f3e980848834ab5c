"""The result of a benchmark as Markdown: a table of figures, and a table of the bounds that are promised."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_RELATIONS = {"at most": operator.le, "at least": operator.ge, "below": operator.lt, "exactly": operator.eq}


@dataclass(frozen=True)
class Bound:
    """A promise about a figure: `relation` is one of "at most", "at least", "below" and "exactly"."""

    what: str
    measured: float
    relation: str
    limit: float
    unit: str = ""

    @property
    def row(self) -> tuple[str, str, str, str]:
        """The row of the table: what is bounded, what was measured, what was promised, and whether that was kept."""
        kept = _RELATIONS[self.relation](self.measured, self.limit)
        measured, limit = (
            f"{figure:d}" if isinstance(figure, int) else f"{figure:.2f}{self.unit}"
            for figure in (self.measured, self.limit)
        )
        return self.what, measured, f"{self.relation} {limit}", "yes" if kept else "**no**"


@dataclass(frozen=True)
class Finding:
    """The result of one benchmark. The first of `rows` is the heading; `note` says how it was measured."""

    title: str
    note: str
    rows: Sequence[Sequence[str]]
    bounds: Sequence[Bound]

    def as_markdown(self) -> str:
        """Return a section of a page."""
        bounds = [("bound", "measured", "promised", "kept"), *(bound.row for bound in self.bounds)]
        return "\n\n".join([f"### {self.title}", self.note, _table(self.rows), _table(bounds)])


def _table(rows: Sequence[Sequence[str]]) -> str:
    heading, *others = rows
    columns = ["---", *("---:" for _ in heading[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, columns, *others))
