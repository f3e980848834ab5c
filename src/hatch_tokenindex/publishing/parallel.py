"""Work on several files at once, in daemon threads that never keep a process from ending."""

from __future__ import annotations

from collections import deque
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")

_LOOK_FOR_INTERRUPT = 0.1
"""Seconds: Windows delivers Ctrl-C only to a thread that isn't waiting."""


def run_in_thread(work: Callable[[], R]) -> R:
    """Return what `work` returns in such a thread, or raise what it raises; Ctrl-C is heard meanwhile."""
    ((_, result, failure),) = in_parallel([None], lambda _: work(), jobs=1)
    if failure is not None:
        raise failure
    return cast("R", result)


def in_parallel(
    items: Sequence[T], work: Callable[[T], R], jobs: int
) -> Iterator[tuple[T, R | None, BaseException | None]]:
    """Do `work` for every item, `jobs` at once, and yield each item with its result or its exception as it ends.

    After an exception no other item is begun, and those that are under way still end. A caller that stops iterating, as
    on Ctrl-C, leaves them behind: a thread can't be ended from outside.
    """
    waiting = deque(items)
    ended: SimpleQueue[tuple[T, R | None, BaseException | None] | None] = SimpleQueue()

    def take_turns() -> None:
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                break
            try:
                ended.put((item, work(item), None))
            except BaseException as error:  # noqa: BLE001 - handed to whoever listens
                waiting.clear()
                ended.put((item, None, error))
        ended.put(None)

    running = min(jobs, len(items))
    for number in range(running):
        Thread(target=take_turns, name=f"upload-{number}", daemon=True).start()
    try:
        while running:
            try:
                outcome = ended.get(timeout=_LOOK_FOR_INTERRUPT)
            except Empty:
                continue
            if outcome is None:
                running -= 1
            else:
                yield outcome
    finally:
        waiting.clear()
