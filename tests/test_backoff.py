"""The pauses between attempts: they double up to a limit, and jitter shortens them."""

from __future__ import annotations

import pytest

from hatch_tokenindex.backoff import Backoff


def test_each_pause_is_twice_as_long_up_to_the_longest() -> None:
    backoff = Backoff(first=0.5, longest=3)
    assert [backoff.pause(attempt) for attempt in range(5)] == [0.5, 1, 2, 3, 3]


def test_any_number_of_attempts_has_a_pause() -> None:
    assert Backoff(first=1, longest=60).pause(100_000) == 60


@pytest.mark.parametrize(("jitter", "shortest"), [(0.5, 2), (1, 0)])
def test_jitter_shortens_a_pause_by_its_part_at_most(jitter: float, shortest: float) -> None:
    pauses = {Backoff(first=4, longest=60, jitter=jitter).pause(0) for _ in range(200)}
    assert len(pauses) > 100
    assert all(shortest <= pause <= 4 for pause in pauses)
