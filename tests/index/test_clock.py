"""The index's clock: responses that correct it, and responses that don't."""

from __future__ import annotations

from email.utils import formatdate
from time import time

import httpx
import pytest

from hatch_tokenindex.index.clock import Clock

NOW = 1_790_000_000


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
