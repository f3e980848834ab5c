"""The pauses between attempts."""

from __future__ import annotations

import pytest

from hatch_tokenindex.backoff import Backoff

PAUSES = [(0, 0.5), (1, 1), (2, 2), (3, 4), (4, 6), (5, 6), (100_000, 6)]


@pytest.mark.parametrize(("attempt", "longest"), PAUSES)
def test_each_pause_is_twice_as_long_up_to_a_limit(attempt: int, longest: float) -> None:
    assert Backoff(0.5, 6).pause(attempt) == longest


@pytest.mark.parametrize(("attempt", "longest"), PAUSES)
def test_jitter_makes_a_pause_shorter(attempt: int, longest: float) -> None:
    pauses = {Backoff(0.5, 6, jitter=0.5).pause(attempt) for _ in range(100)}
    assert all(longest / 2 <= pause <= longest for pause in pauses)
    assert len(pauses) > 1
