"""Backoff: the pauses between attempts."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

_MOST_DOUBLINGS = 30  # More would overflow a float in the end.


@dataclass(frozen=True)
class Backoff:
    """Exponential back-off: pauses that double from `first` up to `longest` seconds."""

    first: float
    longest: float = math.inf
    jitter: float = 0
    """The random share of each pause, so that clients that failed together don't retry together."""

    def pause(self, retry: int, retry_after: float | None = None) -> float:
        """Return the seconds to wait before a retry.

        Args:
            retry: The number of the retry, from 0.
            retry_after: The seconds that the server asks for; they are returned unchanged.
        """
        if retry_after is not None:
            return float(retry_after)
        pause: float = min(self.longest, self.first * 2 ** min(retry, _MOST_DOUBLINGS))
        return pause * random.uniform(1 - self.jitter, 1)  # noqa: S311 - jitter needs no secrecy
