"""Branches for Windows, macOS and systems that lack something, with the system's part replaced, so that they run everywhere."""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from hatch_tokenindex import text
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.console import guard
from hatch_tokenindex.credentials import cache
from hatch_tokenindex.credentials.cache import Cache
from hatch_tokenindex.credentials.sources import command
from hatch_tokenindex.distributions import readme
from hatch_tokenindex.errors import CredentialError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("platform", "shown"),
    [
        ("win32", 'hatch-tokenindex login --project "my project"'),
        ("darwin", "hatch-tokenindex login --project 'my project'"),
        ("linux", "hatch-tokenindex login --project 'my project'"),
    ],
)
def test_commands_are_quoted_for_the_shell_of_the_system(
    monkeypatch: pytest.MonkeyPatch, platform: str, shown: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert text.command_line("hatch-tokenindex", "login", "--project", "my project") == shown


# The cache on Windows


@pytest.fixture
def replacing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[Any]]]:
    """Return a function that lets `os.replace` fail so many times, and returns the list of what was tried and waited for."""
    events: list[Any] = []
    real = os.replace

    def failing(times: int, *, on_windows: bool) -> list[Any]:
        def replace(source: str, target: Path) -> None:
            events.append("replace")
            if events.count("replace") <= times:
                raise PermissionError(13, "Access is denied")
            real(source, target)

        monkeypatch.setattr(cache, "_PAUSES", (0.01, 0.05, 0.1, 0.5) if on_windows else ())
        monkeypatch.setattr(cache, "sleep", events.append)
        monkeypatch.setattr(os, "replace", replace)
        return events

    yield failing
    monkeypatch.undo()


def test_a_cache_that_another_process_reads_is_replaced_a_moment_later(
    replacing: Callable[..., list[Any]], tmp_path: Path
) -> None:
    events = replacing(2, on_windows=True)
    Cache(tmp_path).update(lambda contents: contents.with_user("https://host/", "alice"))
    assert Cache(tmp_path).read().user("https://host/") == "alice"
    assert events == ["replace", 0.01, "replace", 0.05, "replace"]


@pytest.mark.parametrize(("on_windows", "attempts"), [(True, 5), (False, 1)])
def test_a_cache_that_stays_protected_is_reported(
    replacing: Callable[..., list[Any]], tmp_path: Path, *, on_windows: bool, attempts: int
) -> None:
    events = replacing(99, on_windows=on_windows)
    with pytest.raises(SourceUnavailableError, match=r"can't be written \(Access is denied\)"):
        Cache(tmp_path).update(lambda contents: contents)
    assert events.count("replace") == attempts
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


# Programs on Windows


def first_line(*words: str) -> str:
    """Return the secret that a program prints."""
    return command.first_line(WithOrigin(words, "`auth-command`"), None).reveal()


def test_a_program_of_the_current_folder_is_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As `shutil.which` finds it on Windows, before those on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: str(tmp_path / f"{name}.exe"))
    with pytest.raises(CredentialError, match="programs in the current folder are not run"):
        first_line("pass")


def test_the_pipes_of_a_killed_program_are_left_to_their_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Process(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Process)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(command, "TIME_LIMIT", 0.2)
    for platform in ("win32", "linux"):
        monkeypatch.setattr(sys, "platform", platform)
        with pytest.raises(CredentialError, match="timed out"):
            first_line(sys.executable, "-S", "-c", "import threading; threading.Event().wait()")
    on_windows, on_linux = started
    assert on_windows.stdout
    assert not on_windows.stdout.closed
    assert on_linux.stdout
    assert on_linux.stdout.closed
    monkeypatch.undo()
    for pipe in (on_windows.stdout, on_windows.stderr):
        if pipe:
            pipe.close()


# Limits and signals that a system may lack


@pytest.mark.parametrize("resource", [None, SimpleNamespace(RLIMIT_DATA=2, setrlimit=lambda *_: int("refused"))])
def test_a_readme_is_rendered_where_memory_cannot_be_limited(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], resource: object
) -> None:
    monkeypatch.setitem(sys.modules, "resource", resource)
    readme.main({"description": "text", "content_type": "text/x-rst"})
    assert capsys.readouterr().out == "{}"


def test_windows_has_no_sighup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP", raising=False)
    assert runpy.run_path(str(guard.__file__))["_ENDING_SIGNALS"] == [signal.SIGTERM]
