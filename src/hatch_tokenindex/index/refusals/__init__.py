"""Refusals: the meaning of an index's responses, its own message, and one fix for each.

Everything here is a pure function of an attempt and its response. The first row of `ROWS` that matches a response gives
cause and fix; a response that none matches is shown without a guess.
"""

from __future__ import annotations

from hatch_tokenindex.index.refusals.matching import Refusal, refusal_from_failure, refusal_from_response, render
from hatch_tokenindex.index.refusals.message import Redact
from hatch_tokenindex.index.refusals.response import Response
from hatch_tokenindex.index.refusals.rows import About, ConnectionFailure, Row
from hatch_tokenindex.index.refusals.table import CONNECTION_ROWS, GROUPS, ROWS

__all__ = [
    "CONNECTION_ROWS",
    "GROUPS",
    "ROWS",
    "About",
    "ConnectionFailure",
    "Redact",
    "Refusal",
    "Response",
    "Row",
    "refusal_from_failure",
    "refusal_from_response",
    "render",
]
