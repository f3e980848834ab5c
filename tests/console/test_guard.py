"""The end of every run: a bug and an interruption are one line, and nothing but Hatch's own abort leaves it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
import httpx
import pytest
from hatch_in_process import publish
from hatch_process import command, run_command, run_hatch
from servers import Answer

from hatch_tokenindex import distributions
from hatch_tokenindex.config import options, repositories
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
    """An exception whose text and whose frame hold the secret."""
    if issubclass(kind, UnicodeDecodeError):
        return kind("utf-8", SECRET.encode(), 0, 1, SECRET)
    return kind(SECRET)


PLACES = [
    (options, "read"),
    (repositories, "load"),
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
