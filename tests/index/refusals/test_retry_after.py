"""When to retry: what an index says of it in `Retry-After` and `RateLimit`, and what is shown of that."""

from __future__ import annotations

import pytest
from refusal_builders import response

from hatch_tokenindex.index.refusals.retry_after import retry_after, retry_time

DATE = "Sat, 21 Nov 2026 14:39:00 GMT"


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
    assert retry_after(response(429, headers=headers)) == seconds


@pytest.mark.parametrize(
    ("headers", "shown"),
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
def test_when_to_retry_is_shown(headers: dict[str, str], shown: str) -> None:
    assert retry_time(response(429, headers=headers), "later") == shown
