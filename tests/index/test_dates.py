"""Dates in HTTP headers, valid or not."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from hatch_tokenindex.index.dates import parse_http_date


@pytest.mark.parametrize(
    "text",
    ["Mon, 21 Sep 2026 14:13:20 GMT", "Mon, 21 Sep 2026 14:13:20 -0000", "Mon, 21 Sep 2026 16:13:20 +0200"],
)
def test_a_date_is_read_in_utc(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    date = parse_http_date(text)
    assert date == datetime(2026, 9, 21, 14, 13, 20, tzinfo=timezone.utc)
    assert date.tzinfo is timezone.utc


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "120",
        "Mon, 99 Sep 2026 14:13:20 GMT",
        "Mon, 21 Sep 99999 14:13:20 GMT",
        "Fri, 31 Dec 9999 23:59:59 -0100",
        "9" * 70_000,
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert parse_http_date(text) is None
