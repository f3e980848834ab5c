"""The index's clock: a wrong local clock must not make a restricted token expire early."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_DATE = 100


class Clock:
    """The local clock, corrected by the index's responses. Any thread may use it."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return time() + self._offset

    def correct(self, headers: Mapping[str, str]) -> None:
        """Adopt the `Date` of a response (RFC 9110, 6.6.1). One with `Age` was cached, and its date is old.

        Args:
            headers: The response's headers, by name in any case (`httpx.Headers`) or in lower case.
        """
        if "age" not in headers and (date := parse_date(headers.get("date", ""))) is not None:
            self._offset = date.timestamp() - time()


def parse_date(text: str) -> datetime | None:
    """Return the time of a header such as `Date` or `Retry-After` (RFC 9110, 5.6.7), None if it isn't one."""
    try:
        date = parsedate_to_datetime(text[:_LONGEST_DATE])
        date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
        date.timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return date.astimezone(timezone.utc)
