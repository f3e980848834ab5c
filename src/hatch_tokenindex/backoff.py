"""The pauses between attempts."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential back-off: each pause is twice as long as the one before."""

    first: float
    """Seconds before the second attempt."""
    longest: float
    """Seconds that no pause exceeds."""
    jitter: float = 0
    """The part of a pause, from 0 to 1, that is random, so that clients that failed together don't return together."""

    def pause(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt, which are counted from 0."""
        # Without a limit on the exponent, the power would become too large for a float.
        pause: float = min(self.longest, self.first * 2 ** min(attempt, 30))
        return pause * random.uniform(1 - self.jitter, 1)  # noqa: S311 - jitter needs no secrecy
