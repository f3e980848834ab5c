"""Dates in HTTP headers."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

_LONGEST_DATE = 100


def parse_http_date(text: str) -> datetime | None:
    """Return the time that a header like `Date` or `Retry-After` gives (RFC 9110, 5.6.7), in UTC; None if it gives none."""
    try:
        date = parsedate_to_datetime(text[:_LONGEST_DATE])
        return date.astimezone(timezone.utc) if date.tzinfo else date.replace(tzinfo=timezone.utc)
    except (ValueError, TypeError, OverflowError):
        return None
