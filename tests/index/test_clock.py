"""The index's time: responses that correct the clock, and those that say when to try again."""

from __future__ import annotations

from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING

import httpx
import pytest
from attempts import response

from hatch_tokenindex.index.clock import Clock, seconds_to_wait, when

if TYPE_CHECKING:
    from hatch_tokenindex.index.refusals import Response

NOW = 1_790_000_000
DATE = "Sat, 21 Nov 2026 14:39:00 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Date": formatdate(NOW, usegmt=True)}, NOW),
        ({"date": formatdate(NOW, usegmt=True)}, NOW),
        ({"Date": "Mon, 21 Sep 2026 14:13:20 -0000"}, NOW),
        ({"Date": "Mon, 21 Sep 2026 16:13:20 +0200"}, NOW),
        ({"Date": formatdate(NOW, usegmt=True), "Age": "600"}, None),
        ({"Date": formatdate(NOW, usegmt=True), "age": "0"}, None),
        ({}, None),
        ({"Date": ""}, None),
        ({"Date": "tomorrow"}, None),
        ({"Date": "Mon, 99 Sep 2026 14:13:20 GMT"}, None),
        ({"Date": "Mon, 21 Sep 99999 14:13:20 GMT"}, None),
    ],
)
def test_fresh_response_corrects_the_clock(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], expected: float | None
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    clock = Clock()
    clock.correct(httpx.Headers(headers))
    assert clock.now() == pytest.approx(time() if expected is None else expected, abs=60)


def test_last_response_counts() -> None:
    clock = Clock()
    for date in (NOW - 1000, NOW + 1000):
        clock.correct(httpx.Headers({"Date": formatdate(date, usegmt=True)}))
    clock.correct(httpx.Headers({"Date": "nonsense"}))
    assert clock.now() == pytest.approx(NOW + 1000, abs=60)


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
    assert when(answer_with(headers), "later") == told
