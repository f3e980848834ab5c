"""The index's clock: a wrong local clock must not make a restricted token expire early."""

from __future__ import annotations

from datetime import timezone
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        if "age" in headers or "date" not in headers:
            return
        try:
            date = parsedate_to_datetime(headers["date"])
            self._offset = (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp() - time()
        except (ValueError, TypeError, OverflowError):
            return
