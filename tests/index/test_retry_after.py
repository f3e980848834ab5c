"""Retry times: parsing them from `Retry-After` and `RateLimit`, and showing them to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attempts import response

from hatch_tokenindex.index.retry_after import seconds_to_wait, when

if TYPE_CHECKING:
    from hatch_tokenindex.index.refusals import Response

DATE = "Sat, 21 Nov 2026 14:39:00 GMT"


def answer_with(headers: dict[str, str]) -> Response:
    """An answer of an index that has had enough."""
    return response(429, "", headers)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120),
        ({"retry-after": " 0 "}, 0),
        ({"Retry-After": "Sat, 21 Nov 2026 14:40:30 GMT", "Date": DATE}, 90),
        ({"Retry-After": "Sat, 21 Nov 2026 14:00:00 GMT", "Date": DATE}, 0),
        ({"Retry-After": "Sat, 21 Nov 2026 14:40:30 GMT"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "\u00b2"}, None),
        ({"Retry-After": "9" * 5_000}, None),
        ({"RateLimit": '"project.create.ip";r=19;t=1500, "project.create.user";r=0;t=1500'}, 1_500),
        ({"RateLimit": '"ip";r=0;t=10, "user";r=0;t=1800'}, 1_800),
        ({"RateLimit": '"ip";r=3;t=10'}, 10),
        ({"RateLimit": '"ip";t=5;r=0;x="a,b"'}, 5),
        ({"RateLimit": '"ip";r=0'}, None),
        ({"RateLimit": "limit=100, remaining=0, reset=50"}, None),
        ({"RateLimit": '"' * 70_000}, None),
        ({"Retry-After": "7", "RateLimit": '"ip";r=0;t=10'}, 7),
    ],
)
def test_how_long_the_index_asks_to_wait(headers: dict[str, str], seconds: int | None) -> None:
    assert seconds_to_wait(answer_with(headers)) == seconds


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "later"),
        ({"Retry-After": "1"}, "in 1 second"),
        ({"Retry-After": "45"}, "in 45 seconds"),
        ({"Retry-After": "61"}, "in 2 minutes"),
        ({"Retry-After": "7201"}, "in 3 hours"),
        ({"Retry-After": "172801", "Date": DATE}, "in 3 days (at 2026-11-23 14:39 UTC)"),
        (
            {"Retry-After": "60", "Date": "Sat, 21 Nov 2026 16:39:00 +0200"},
            "in 60 seconds (at 2026-11-21 14:40 UTC)",
        ),
        ({"Retry-After": "60", "Date": "Fri, 31 Dec 9999 23:59:59 GMT"}, "in 60 seconds"),
        ({"Retry-After": "60", "Date": "yesterday"}, "in 60 seconds"),
    ],
)
def test_how_it_is_told_when_to_try_again(headers: dict[str, str], told: str) -> None:
    assert when(answer_with(headers)) == told
