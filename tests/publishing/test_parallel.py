"""Concurrent work in threads that end with the run and don't swallow errors."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from hatch_tokenindex.publishing.parallel import in_parallel, run_in_thread

PATIENCE = 60


class Crew:
    """Work that waits until a number of it is under way at once, and notes how many there were."""

    def __init__(self, together: int) -> None:
        self.peak = 0
        self.begun: list[int] = []
        self.threads: set[threading.Thread] = set()
        self._together = together
        self._under_way = 0
        self._changed = threading.Condition()

    def work(self, item: int) -> str:
        """Wait for the others."""
        with self._changed:
            self.begun.append(item)
            self.threads.add(threading.current_thread())
            self._under_way += 1
            self.peak = max(self.peak, self._under_way)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self.peak >= self._together, PATIENCE)
            self._under_way -= 1
        return f"done {item}"


def test_nothing_to_do_ends_at_once() -> None:
    assert list(in_parallel([], str, 4)) == []


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_so_many_at_once_and_no_more(jobs: int) -> None:
    crew = Crew(jobs)
    ended = list(in_parallel(range(20), crew.work, jobs))
    assert sorted(ended) == [(item, f"done {item}", None) for item in range(20)]
    assert crew.peak == jobs
    assert sorted(crew.begun) == list(range(20))


def test_few_items_need_few_threads() -> None:
    crew = Crew(2)
    assert len(list(in_parallel(range(2), crew.work, 8))) == 2
    assert len(crew.threads) == 2


def test_each_is_told_as_soon_as_it_ends() -> None:
    first_was_told = threading.Event()

    def work(item: int) -> int:
        assert item == 0 or first_was_told.wait(PATIENCE)
        return item

    told = []
    for item, _, _ in in_parallel(range(3), work, 3):
        told.append(item)
        first_was_told.set()
    assert told[0] == 0


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3), KeyboardInterrupt()])
def test_after_a_failure_nothing_is_begun_and_what_is_under_way_ends(error: BaseException) -> None:
    both, failed = threading.Barrier(2, timeout=PATIENCE), threading.Event()
    begun = []

    def work(item: int) -> str:
        begun.append(item)
        both.wait()
        if item == 0:
            raise error
        assert failed.wait(PATIENCE)
        return "done"

    ended = []
    for item, result, failure in in_parallel(range(10), work, 2):
        ended.append((item, result, failure))
        failed.set()
    assert ended == [(0, None, error), (1, "done", None)]
    assert sorted(begun) == [0, 1]


def test_who_stops_listening_leaves_the_rest_undone() -> None:
    go_on = threading.Event()
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        assert item == 0 or go_on.wait(PATIENCE)
        return item

    running = in_parallel(range(10), work, 2)
    assert next(running) == (0, 0, None)
    running.close()  # type: ignore[attr-defined]
    left_behind = [thread for thread in threading.enumerate() if thread.name.startswith("upload-")]
    go_on.set()
    for thread in left_behind:
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert thread.daemon
    assert len(begun) <= 3


def test_apart_gives_what_the_work_gives() -> None:
    here = threading.current_thread()
    assert run_in_thread(lambda: threading.current_thread() is not here)
    assert run_in_thread(lambda: None) is None


def fail() -> None:
    """Go wrong."""
    message = "bad"
    raise ValueError(message)


def test_apart_raises_what_the_work_raises() -> None:
    with pytest.raises(ValueError, match="bad"):
        run_in_thread(fail)


BUSY = """
import threading
from hatch_tokenindex.publishing.parallel import run_in_thread, in_parallel

def work(item=0):
    print("begun\\n", end="", flush=True)
    threading.Event().wait()

try:
    {run}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process there can't be sent Ctrl-C alone")
@pytest.mark.parametrize("run", ["run_in_thread(work)", "list(in_parallel(range(3), work, 2))"])
def test_ctrl_c_is_heard_and_no_thread_keeps_the_process(run: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY.format(run=run)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=PATIENCE)
    assert (printed.replace("begun\n", ""), errors, process.returncode) == ("interrupted\n", "", 0)
