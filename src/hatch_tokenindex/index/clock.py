"""The time at the index: a wrong clock of this machine must not make a token expire."""

from __future__ import annotations

from datetime import timezone
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Clock:
    """This machine's clock, corrected by what the index answered."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return time() + self._offset

    def correct(self, headers: Mapping[str, str]) -> None:
        """Learn from the `Date` of an answer (RFC 9110, 6.6.1). One with `Age` comes from a cache, and its date is old."""
        lowered = {name.lower(): value for name, value in headers.items()}
        if "age" in lowered or "date" not in lowered:
            return
        try:
            date = parsedate_to_datetime(lowered["date"])
            self._offset = (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp() - time()
        except (ValueError, TypeError, OverflowError):
            return
