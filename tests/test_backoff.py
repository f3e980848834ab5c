"""The pauses between attempts."""

from __future__ import annotations

import pytest

from hatch_tokenindex.backoff import Backoff

PAUSES = [(0, 0.5), (1, 1), (2, 2), (3, 4), (4, 6), (5, 6), (100_000, 6)]


@pytest.mark.parametrize(("retry", "longest"), PAUSES)
def test_each_pause_is_twice_as_long_up_to_a_limit(retry: int, longest: float) -> None:
    assert Backoff(0.5, 6).pause(retry) == longest


@pytest.mark.parametrize(("retry", "longest"), PAUSES)
def test_jitter_makes_a_pause_shorter(retry: int, longest: float) -> None:
    pauses = {Backoff(0.5, 6, jitter=0.5).pause(retry) for _ in range(100)}
    assert all(longest / 2 <= pause <= longest for pause in pauses)
    assert len(pauses) > 1


def test_without_a_limit_a_pause_is_still_a_number() -> None:
    assert Backoff(1).pause(100_000) < float("inf")


def test_the_server_is_obeyed() -> None:
    assert Backoff(1, 60, jitter=0.5).pause(0, retry_after=500) == 500
    assert Backoff(1, 60, jitter=0.5).pause(3, retry_after=0) == 0
