"""Plain lines: which are printed on which stream at which verbosity, in any encoding, and from several threads."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hatch_in_process import publish
from hatch_process import run_hatch
from rich.console import Console

from hatch_tokenindex.console.terminal import Terminal

if TYPE_CHECKING:
    from hatch_process import Home, Project

SECRET = "s3cret-that-must-not-be-shown"
WARNING, SUCCESS, ERROR = "gets committed", " ... success", "already exists on the index"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_a_stream_cannot_encode_is_escaped(built: Project, home: Home, encoding: str) -> None:
    words = ("publish", "-p", "tokenindex", "-u", "\u2603", "-a", SECRET, "-o", "explain")
    environment = {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    result = run_hatch(*words, cwd=built.folder, home=home, env=environment)
    assert result.returncode == 0, result.output
    assert "> --user" in result.stdout
    assert "\\u2603" in result.stdout


@pytest.mark.parametrize(
    ("quiet", "said"),
    [("", [WARNING, SUCCESS]), ("-q", [WARNING]), ("-qq", []), ("-qqq", []), ("-v", [WARNING, SUCCESS])],
)
def test_what_a_success_says_at_each_verbosity(warned: Project, home: Home, quiet: str, said: list[str]) -> None:
    result = publish(warned, home, flag=quiet)
    assert result.returncode == 0
    assert result.stdout == ""
    assert [text for text in (WARNING, SUCCESS) if text in result.stderr] == said
    if not said:
        assert result.stderr == ""
    assert ("sha256" in result.stderr) is ("token from" in result.stderr) is (quiet == "-v")


@pytest.mark.parametrize(
    ("quiet", "said"), [("", [WARNING, ERROR]), ("-q", [WARNING, ERROR]), ("-qq", [ERROR]), ("-qqq", [])]
)
def test_what_a_failure_says_at_each_verbosity(warned: Project, home: Home, quiet: str, said: list[str]) -> None:
    assert publish(warned, home).returncode == 0
    result = publish(warned, home, "-o", "existing=fail", flag=quiet)
    assert result.returncode == 1
    assert result.stdout == ""
    assert [text for text in (WARNING, ERROR) if text in result.stderr] == said
    if not said:
        assert result.stderr == ""


def test_lines_of_several_threads_do_not_mix_with_what_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """One console has one stream at a time, and standard output is for JSON alone."""
    terminal = Terminal(Console(force_terminal=False))
    together = threading.Barrier(4)

    def tell(number: int) -> None:
        together.wait(60)
        for line in range(300):
            terminal.info(f"thread {number}, line {line}")
            terminal.success("success", what=f"thread {number}, line {line} ... ")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, range(4)))
    terminal.output("{}")
    printed = capsys.readouterr()
    assert printed.out == "{}\n"
    expected = [f"thread {number}, line {line}" for number in range(4) for line in range(300)]
    assert sorted(printed.err.splitlines()) == sorted([*expected, *(f"{line} ... success" for line in expected)])


def test_what_was_asked_for_stays_on_its_stream_while_threads_tell_of_retries(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal = Terminal(Console(force_terminal=False))
    interval, is_over = sys.getswitchinterval(), threading.Event()

    def tell() -> None:
        while not is_over.is_set():
            terminal.info("Retrying")

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(2) as pool:
            telling = [pool.submit(tell) for _ in range(2)]
            for _ in range(200):
                terminal.output("{}")
            is_over.set()
            for thread in telling:
                thread.result()
    finally:
        is_over.set()
        sys.setswitchinterval(interval)
    printed = capsys.readouterr()
    assert printed.out == "{}\n" * 200
    assert set(printed.err.splitlines()) == {"Retrying"}
