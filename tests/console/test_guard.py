"""The end of every run: a bug and an interruption are one line, and nothing but Hatch's own abort leaves it."""

from __future__ import annotations

import io
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click
import httpx
import pytest
from hatch_in_process import publish
from hatch_process import command, run_command, run_hatch
from rich.console import Console
from servers import Answer

from hatch_tokenindex import distributions
from hatch_tokenindex.config import options, repositories
from hatch_tokenindex.console.guard import guarded
from hatch_tokenindex.console.terminal import Terminal
from hatch_tokenindex.credentials.cache import Cache
from hatch_tokenindex.credentials.chain import Chain
from hatch_tokenindex.credentials.sources.pypirc import Pypirc
from hatch_tokenindex.index.simple import SimpleApi
from hatch_tokenindex.index.upload import Uploader
from hatch_tokenindex.publishing.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_process import HatchResult, Home, Project
    from servers import RecordingServer


SECRET = "s3cret-that-must-not-be-shown"


def secret_bearing(kind: type[BaseException]) -> BaseException:
    """An exception with the secret in its text and its frame."""
    if issubclass(kind, UnicodeDecodeError):
        return kind("utf-8", SECRET.encode(), 0, 1, SECRET)
    return kind(SECRET)


PLACES = [
    (options, "read"),
    (repositories, "Repositories"),
    (repositories.Repositories, "choose"),
    (distributions, "find"),
    (Pypirc, "user"),
    (Cache, "read"),
    (Chain, "resolve"),
    (SimpleApi, "listing"),
    (Uploader, "upload"),
    (Run, "publish"),
]


KINDS = [
    RuntimeError,
    KeyError,
    ValueError,
    UnicodeDecodeError,
    OSError,
    MemoryError,
    RecursionError,
    NotImplementedError,
    AssertionError,
    click.ClickException,
    httpx.HTTPError,
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("owner", "name"), PLACES)
def test_a_bug_is_one_line(
    index: RecordingServer,
    built: Project,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    kind: type[BaseException],
) -> None:
    def explode(*_: object, **__: object) -> None:
        token = SECRET
        raise secret_bearing(kind) from RuntimeError(token)

    monkeypatch.setattr(owner, name, explode)
    result = publish(built, home, "-r", index.upload_url, "-a", SECRET)
    assert result.returncode == 1
    (line,) = result.output.splitlines()
    assert line.startswith(f"This is a bug in hatch-tokenindex, please report it: {kind.__name__} in ")

    result = publish(built, home, "-r", index.upload_url, "-a", SECRET, HATCH_DEBUG="1")
    assert result.returncode == 1
    assert "in explode" in result.stderr
    assert 'File "' in result.stderr
    assert SECRET not in result.output
    assert index.uploads == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, EOFError, click.exceptions.Abort])
@pytest.mark.parametrize(("owner", "name"), PLACES)
def test_an_interruption_is_one_line(
    index: RecordingServer,
    built: Project,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    kind: type[BaseException],
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise kind

    monkeypatch.setattr(owner, name, interrupt)
    result = publish(built, home, "-r", index.upload_url, "-a", SECRET, HATCH_DEBUG="1")
    assert (result.returncode, result.output) == (1, "Aborted.\n")


def test_the_installed_command_shows_no_variables(built: Project, home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    folder.joinpath("sitecustomize.py").write_text(
        "import hatch_tokenindex.publishing.run as run\n\n\ndef explode(self, files):\n    raise RuntimeError(self.options)\n\n\n"
        "run.Run.publish = explode\n",
        encoding="utf-8",
    )
    environment = {"PYTHONPATH": str(folder), "HATCH_DEBUG": "1", "HATCH_INDEX_AUTH": SECRET}
    result = run_hatch("publish", "-p", "tokenindex", "-a", SECRET, cwd=built.folder, home=home, env=environment)
    assert result.returncode == 1
    assert "RuntimeError in explode" in result.stderr
    assert "locals" not in result.output
    assert SECRET not in result.output


needs_dev_full = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /dev/full")


@needs_dev_full
@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_nothing_is_shown_where_standard_error_is_gone(built: Project, home: Home, streams: str) -> None:
    words = f'"$0" publish -p tokenindex -r nowhere -a "$1" {streams}'
    environment = {**home.environment, "HATCH_DEBUG": "1"}
    shell = ("sh", "-c", words, command("hatch"), SECRET)
    result = run_command(*shell, cwd=built.folder, environment=environment)
    assert result.returncode != 0
    assert result.output == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes descriptors")
@pytest.mark.parametrize("streams", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_descriptors_stop_no_upload(index: RecordingServer, built: Project, home: Home, streams: str) -> None:
    """Nor is what is printed written into another file that got their numbers."""
    words = f'"$0" publish -p tokenindex -u somebody -a "$1" -r "$2" {streams}'
    shell = ("sh", "-c", words, command("hatch"), SECRET, index.upload_url)
    (path,) = built.dist.iterdir()
    before = path.read_bytes()
    result = run_command(*shell, cwd=built.folder, environment=home.environment)
    assert result.returncode == 0, result
    assert result.stdout == ""
    assert len(index.uploads) == 1
    assert path.read_bytes() == before


def publish_to_full_output(project: Project, home: Home, *arguments: str) -> HatchResult:
    """Publish with a document that can't be written."""
    shell = ("sh", "-c", '"$0" publish -p tokenindex -a "$1" -o json -r "$2" >/dev/full', command("hatch"), SECRET)
    return run_command(*shell, *arguments, cwd=project.folder, environment=home.environment)


@needs_dev_full
def test_a_full_standard_output_is_one_line(index: RecordingServer, built: Project, home: Home) -> None:
    result = publish_to_full_output(built, home, index.upload_url)
    assert result.returncode != 0
    assert "Can't write to standard output" in result.stderr
    assert '"ok"' not in result.stderr
    assert "bug in hatch-tokenindex" not in result.stderr
    assert SECRET not in result.stderr


@needs_dev_full
def test_a_full_standard_output_hides_no_refusal(index: RecordingServer, built: Project, home: Home) -> None:
    index.script_uploads(Answer(400, "I don't want it"))
    result = publish_to_full_output(built, home, index.upload_url)
    assert result.returncode != 0
    assert "  I don't want it" in result.stderr.splitlines()
    assert "\nFix: " in result.stderr
    assert "Can't write to standard output" in result.stderr
    assert '"ok"' not in result.stderr
    assert SECRET not in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at once")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_run_as_control_c_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    number = getattr(signal, name)
    cleaned_up = []
    before = signal.signal(number, signal.SIG_DFL)

    def run() -> None:
        try:
            signal.raise_signal(number)
        finally:
            cleaned_up.append(name)

    assert guarded(Terminal(Console()), run) == 128 + number
    assert capsys.readouterr().err == f"Ended by {name}.\n"
    assert cleaned_up == [name]
    assert signal.getsignal(number) is signal.SIG_DFL
    signal.signal(number, before)


def test_a_run_in_a_thread_changes_no_signals() -> None:
    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(guarded, Terminal(Console()), lambda: None)
        assert seen.result() == 0


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_a_broken_stream_without_a_descriptor_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO | None
) -> None:
    console = Console()

    def fail(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(console, "print", fail)
    monkeypatch.setattr(sys, "stderr", stream)
    Terminal(console).info("text")


def test_a_failure_while_reporting_is_status_1() -> None:
    def fail(*_: object) -> None:
        raise OSError

    terminal = Terminal(Console())
    object.__setattr__(terminal, "error", fail)
    assert guarded(terminal, fail) == 1
