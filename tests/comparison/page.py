"""The measured parts of `docs/comparison.md`: each stands between two comments, `<!-- measured: NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from comparison import situations
from comparison.stage import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparison.situations import Situation
    from comparison.tools import Tool

PAGE = Path(__file__).resolve().parents[2] / "docs" / "comparison.md"


@dataclass(frozen=True)
class Table:
    """A measured table: a row per tool, with the columns of some situations."""

    name: str
    situations: tuple[Situation, ...]

    def of(self, tool: Tool) -> str:
        """Play the situations, each on a stage of its own."""
        cells = (cell for situation in self.situations for cell in _played(situation, tool))
        return _row([tool.candidate.name, *cells])

    @property
    def heading(self) -> str:
        """The first two rows: the names of the columns, and a line."""
        columns = ["", *(column for situation in self.situations for column in situation.columns)]
        return f"{_row(columns)}\n{_row(['---'] * len(columns))}"

    def as_markdown(self, tools: Sequence[Tool]) -> str:
        """The heading and the rows."""
        return "\n".join([self.heading, *map(self.of, tools)])


PARTS: tuple[Table, ...] = (
    Table("refused", (situations.REFUSED,)),
    Table("two projects", (situations.TWO_PROJECTS,)),
    Table("unattended", (situations.UNATTENDED,)),
    Table(
        "exists",
        (
            situations.SAME_CONTENT,
            situations.SAME_CONTENT_REFUSED,
            situations.OTHER_CONTENT,
            situations.OTHER_CONTENT_WITH_OPTION,
        ),
    ),
    Table("disturbed", (situations.UNAVAILABLE, situations.TOO_MANY, situations.CUT, situations.LOST)),
    Table("tokens", (situations.FOREIGN, situations.EXPIRED, situations.OF_ANOTHER, situations.PLAIN_HTTP)),
    Table("redirects", (situations.PERMANENT_REDIRECT, situations.MOVED)),
)


def write(tools: Sequence[Tool]) -> None:
    """Watch all tools and write down what they did."""
    text = put(PAGE.read_text(encoding="utf-8"), "versions", _versions(tools))
    for part in PARTS:
        text = put(text, part.name, part.as_markdown(tools))
    PAGE.write_text(text, encoding="utf-8", newline="\n")


def put(text: str, name: str, content: str) -> str:
    """The page with this content in one measured part. Raises `ValueError` if the page has no such part."""
    before, _, after = _split(text, name)
    return f"{before}\n{content}\n\n{after}"


def measured(text: str, name: str) -> str:
    """The text of a measured part. Raises `ValueError` if the page has no such part."""
    return _split(text, name)[1].strip("\n")


def _split(text: str, name: str) -> tuple[str, str, str]:
    pattern = rf"(.*<!-- measured: {re.escape(name)} -->\n)(.*?)(<!-- end -->.*)"
    if found := re.fullmatch(pattern, text, re.DOTALL):
        return found[1], found[2], found[3]
    message = f"No part {name!r} on the page"
    raise ValueError(message)


def _played(situation: Situation, tool: Tool) -> tuple[str, ...]:
    with stage(tool) as its_stage:
        return situation.play(its_stage)


def _versions(tools: Sequence[Tool]) -> str:
    installed = ", ".join(f"{tool.candidate.package} {tool.version}" for tool in tools)
    today = datetime.now(timezone.utc).date().isoformat()
    return f"Tried on {today} with {installed}; {platform.system()}, Python {platform.python_version()}."


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
