"""What an index's answers mean: its own words, what a refusal is about, and the one step that helps.

Everything here is a pure function of what was sent and what came back. What a refusal is called and what to do about it
is one table, `ROWS`; the first row that fits wins, and an answer that fits none is shown and not guessed at.
"""

from __future__ import annotations

from hatch_tokenindex.index.refusals.exchange import Answer, Attempt
from hatch_tokenindex.index.refusals.matching import Refusal, refusal, render, unreachable
from hatch_tokenindex.index.refusals.own_words import Redact
from hatch_tokenindex.index.refusals.rows import About, Group, NoAnswer, Row
from hatch_tokenindex.index.refusals.table import GROUPS, NO_ANSWER_ROWS, ROWS
from hatch_tokenindex.index.refusals.waiting import seconds_to_wait

__all__ = [
    "GROUPS",
    "NO_ANSWER_ROWS",
    "ROWS",
    "About",
    "Answer",
    "Attempt",
    "Group",
    "NoAnswer",
    "Redact",
    "Refusal",
    "Row",
    "refusal",
    "render",
    "seconds_to_wait",
    "unreachable",
]
