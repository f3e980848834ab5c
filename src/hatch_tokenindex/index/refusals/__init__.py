"""The meaning of an index's responses: its own words, what a refusal is about, and the one step that helps.

Everything here is a pure function of what was sent and what came back. The table is `ROWS`; the first row that fits
wins, and a response that fits none is shown as it is.
"""

from __future__ import annotations

from hatch_tokenindex.index.refusals.attempt import Attempt, Response, Upload
from hatch_tokenindex.index.refusals.matching import Doubt, Refusal, refusal, unreachable
from hatch_tokenindex.index.refusals.message import Redact
from hatch_tokenindex.index.refusals.table import GROUPS, ROWS, ConnectionFailure, Row

__all__ = [
    "GROUPS",
    "ROWS",
    "Attempt",
    "ConnectionFailure",
    "Doubt",
    "Redact",
    "Refusal",
    "Response",
    "Row",
    "Upload",
    "refusal",
    "unreachable",
]
