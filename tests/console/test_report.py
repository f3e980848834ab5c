"""Progress of an upload: bars that come and go on a terminal, plain lines everywhere else, JSON untouched."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from api_tokens import account_token
from distribution_builders import make_sdist, make_wheel
from hatch_process import command, needs_terminal, run_hatch
from rich.console import Console
from servers import Answer

from hatch_tokenindex.console.report import Report
from hatch_tokenindex.console.terminal import Terminal
from hatch_tokenindex.distributions import read
from hatch_tokenindex.errors import UploadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from maintainer import Maintainer
    from servers import RecordingServer, Request

    from hatch_tokenindex.distributions import Distribution

SECRET = "s3cret-of-the-maintainer"
BAR = "\N{BOX DRAWINGS HEAVY HORIZONTAL}"
ESCAPE = "\x1b"
NOTHING: Mapping[str, str] = {}


class Screen:
    """The final lines on a terminal, without colours.

    Supports the movements that progress bars need: to the start of the line, a line up, and clearing a line.
    """

    _PIECES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+")

    def __init__(self, shown: str) -> None:
        self._lines = [""]
        self._row = self._column = 0
        for piece in self._PIECES.findall(shown):
            self._show(piece)

    @property
    def lines(self) -> list[str]:
        """The lines from the top."""
        return [line.rstrip() for line in self._lines]

    def _show(self, piece: str) -> None:
        if piece == "\r":
            self._column = 0
        elif piece == "\n":
            self._row += 1
            self._lines += [""] * (self._row + 1 - len(self._lines))
        elif piece.startswith(ESCAPE):
            self._obey(piece[2:-1], piece[-1])
        else:
            line = self._lines[self._row].ljust(self._column)
            self._lines[self._row] = line[: self._column] + piece + line[self._column + len(piece) :]
            self._column += len(piece)

    def _obey(self, number: str, code: str) -> None:
        if code == "A":
            self._row = max(0, self._row - int(number or 1))
        elif code == "K":
            self._lines[self._row] = ""
        elif code not in {"m", "h", "l"}:
            message = f"a terminal sequence that nobody expected: {number}{code}"
            raise ValueError(message)


@pytest.fixture
def files(at_index: Maintainer) -> list[Path]:
    """Two wheels and an sdist."""
    dist, name = at_index.project.dist, at_index.project.name
    return [*(make_wheel(dist, name, tag=f"cp31{minor}-none-any") for minor in (1, 2)), make_sdist(dist, name)]


def held(index: RecordingServer, event: threading.Event) -> Any:
    """A step that takes the file, and answers only after the event."""

    def answer(request: Request) -> Answer:
        return replace(index.usual_answer(request), after=event)

    return answer


def plain_lines(at: Maintainer, files: list[Path]) -> list[str]:
    """All that a run tells that goes well."""
    told = [f"{path.relative_to(at.project.folder)} ... success" for path in files]
    return [*told, "", f"[{at.project.name}]", f"{at.server.simple_url}{at.project.name}/"]


def check_success(lines: list[str], at: Maintainer, files: list[Path]) -> None:
    """These are the plain lines and nothing else; the files after the first can end in any order."""
    expected, told = not_empty(plain_lines(at, files)), not_empty(lines)
    assert (told[0], sorted(told[1:]), told[-2:]) == (expected[0], sorted(expected[1:]), expected[-2:])


def not_empty(lines: list[str]) -> list[str]:
    """Return what says something: Rich before 14.3 leaves an empty line where bars were."""
    return [line for line in lines if line]


def shortened(name: str) -> str:
    """The name of a bar on a terminal of 100 columns."""
    width = 100 - 66
    return name if len(name) <= width else f"{name[: (width - 1) // 2]}…{name[-(width - 1 - (width - 1) // 2) :]}"


# On a terminal


@needs_terminal
def test_a_bar_for_each_file_under_way_comes_and_goes(at_index: Maintainer, files: list[Path]) -> None:
    first, others = threading.Event(), threading.Event()
    index = at_index.server
    index.script_uploads(held(index, first), held(index, others), held(index, others))
    with at_index.at_terminal(HATCH_INDEX_AUTH=SECRET) as terminal:
        index.wait_for_uploads_in_progress(1)
        terminal.expect(f"{files[0].stat().st_size}/{files[0].stat().st_size} bytes")
        during_first = Screen(terminal.raw).lines
        first.set()
        index.wait_for_uploads_in_progress(2)
        terminal.expect("success")
        terminal.expect("\r\n")
        while len([line for line in Screen(terminal.raw).lines if BAR in line]) < len(files) - 1:
            terminal.expect("bytes")
        during_others = Screen(terminal.raw).lines
        others.set()
        assert terminal.finish() == 0, terminal.screen

    (bar,) = [line for line in during_first if BAR in line]
    assert shortened(files[0].name) == bar.split()[0]
    bars = [line.split()[0] for line in during_others if BAR in line]
    assert sorted(bars) == sorted(shortened(path.name) for path in files[1:])
    left = Screen(terminal.raw).lines
    assert not [line for line in left if BAR in line]
    check_success(left[:-1], at_index, files)


@needs_terminal
def test_a_retry_and_a_refusal_are_lines_above_the_bars(at_index: Maintainer, files: list[Path]) -> None:
    at_index.server.script_uploads(
        Answer(503, headers={"Retry-After": "0"}), None, Answer(400, "I don't want it"), Answer(400, "I don't want it")
    )
    with at_index.at_terminal("-o", "jobs=1", HATCH_INDEX_AUTH=SECRET) as terminal:
        assert terminal.finish() == 1
    lines = not_empty(Screen(terminal.raw).lines)
    shown = [str(path.relative_to(at_index.project.folder)) for path in files]
    assert lines[:4] == [
        f"{shown[0]}: 503 Service Unavailable. Retrying in 0 s.",
        f"{shown[0]} ... success",
        f"{shown[1]} ... failed",
        f"Uploaded: {shown[0]}.",
    ]
    assert not [line for line in lines if BAR in line]


@needs_terminal
@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        pytest.param(["-q"], {}, id="-q"),
        pytest.param([], {"TERM": "dumb"}, id="a dumb terminal"),
        pytest.param([], {"NO_COLOR": "1"}, id="NO_COLOR"),
        pytest.param(["--no-color"], {}, id="--no-color"),
    ],
)
def test_no_bars_and_no_colours_for_who_wants_none(
    at_index: Maintainer, files: list[Path], arguments: list[str], environment: dict[str, str]
) -> None:
    shown = on_terminal(at_index, *arguments, variables=environment)
    assert shown.status == 0, shown.errors
    assert ESCAPE not in shown.errors
    assert BAR not in shown.errors
    if "-q" in arguments:
        assert shown.errors == ""
    else:
        check_success(shown.errors.replace("\r", "").splitlines(), at_index, files)


@needs_terminal
def test_json_goes_one_way_and_the_lines_another(at_index: Maintainer, files: list[Path]) -> None:
    """Standard output is a pipe, standard error the terminal; Hatch's console knows of one of them, so there are no bars."""
    shown = on_terminal(at_index, options=("-o", "json"), piped=True)
    assert shown.status == 0, shown.errors
    (project,) = json.loads(shown.output)["projects"]
    assert {file["filename"]: file["outcome"] for file in project["files"]} == {path.name: "uploaded" for path in files}
    assert ESCAPE not in shown.output + shown.errors
    check_success(shown.errors.replace("\r", "").splitlines(), at_index, files)


@needs_terminal
def test_json_of_a_run_that_was_interrupted(at_index: Maintainer, files: list[Path]) -> None:
    never = threading.Event()
    at_index.server.script_uploads(None, Answer(after=never))

    def interrupt(process: subprocess.Popen[bytes]) -> None:
        at_index.server.wait_for(lambda: len(at_index.server.uploads) == 2)
        process.send_signal(signal.SIGINT)

    shown = on_terminal(at_index, options=("-o", "json", "-o", "jobs=1"), piped=True, act=interrupt)
    never.set()
    assert shown.status == 1
    document = json.loads(shown.output)
    assert document["ok"] is False
    assert document["error"]["summary"] == "The run was ended by KeyboardInterrupt."
    (project,) = document["projects"]
    assert [(file["filename"], file["outcome"]) for file in project["files"]] == [
        (path.name, outcome) for path, outcome in zip(files, ["uploaded", "failed", "not tried"], strict=True)
    ]
    assert "possibly uploaded" in project["files"][1]["error"]


class Shown:
    """The exit status of a run, its standard output, and its terminal output."""

    def __init__(self, status: int, output: bytes, errors: bytes) -> None:
        self.status = status
        self.output = output.decode()
        self.errors = errors.decode()


def on_terminal(
    at: Maintainer,
    *arguments: str,
    options: tuple[str, ...] = (),
    piped: bool = False,
    act: Callable[[subprocess.Popen[bytes]], None] = lambda _process: None,
    variables: Mapping[str, str] = NOTHING,
) -> Shown:
    """Publish with standard error on a terminal, and standard output too unless it is `piped`; `act` meanwhile.

    `arguments` are Hatch's own, `options` those of `hatch publish`.
    """
    environment = {**at.home.environment, "TERM": "xterm-256color", "HATCH_INDEX_AUTH": SECRET, **variables}
    ours, theirs = os.openpty()
    with (
        ThreadPoolExecutor(1) as pool,
        subprocess.Popen(
            [command("hatch"), *arguments, "publish", "-p", "tokenindex", *at.options, *options],
            cwd=at.project.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else theirs,
            stderr=theirs,
        ) as process,
    ):
        os.close(theirs)
        errors = pool.submit(read_terminal, ours)
        act(process)
        output, _ = process.communicate(timeout=60)
        shown = Shown(process.returncode, output or b"", errors.result())
    os.close(ours)
    return shown


def read_terminal(ours: int) -> bytes:
    """All that is shown until nobody is left to show anything."""
    shown = b""
    while True:
        try:
            block = os.read(ours, 65_536)
        except OSError:  # what Linux says at the end
            return shown
        if not block:
            return shown
        shown += block


# Elsewhere


@pytest.mark.parametrize(
    "environment", [{}, {"TERM": "xterm-256color"}, {"TERM": "dumb"}, {"NO_COLOR": "1"}, {"CI": "true"}]
)
def test_plain_lines_in_a_pipe(at_index: Maintainer, files: list[Path], environment: dict[str, str]) -> None:
    result = at_index.publish(run=run_hatch, HATCH_INDEX_AUTH=SECRET, **environment)
    assert result.returncode == 0
    assert result.stdout == ""
    assert ESCAPE not in result.stderr
    check_success(result.stderr.splitlines(), at_index, files)


def test_colours_in_a_pipe_for_who_wants_them(at_index: Maintainer, files: list[Path]) -> None:
    """But no bars, which move the cursor."""
    result = at_index.publish(run=run_hatch, HATCH_INDEX_AUTH=SECRET, FORCE_COLOR="1")
    assert result.returncode == 0
    assert f"{ESCAPE}[" in result.stderr
    assert set(re.findall(r"\x1b\[[0-9;?]*([A-Za-z])", result.stderr)) == {"m"}
    check_success(Screen(result.stderr.replace("\n", "\r\n")).lines[:-1], at_index, files)


# Threads


class TerminalStream:
    """Standard error on a terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        """Return True: the stream is a terminal."""
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def looked_at(monkeypatch: pytest.MonkeyPatch, item: Distribution) -> Iterator[Report]:
    """A report on one file that shows its bars."""
    monkeypatch.setattr(sys, "stderr", TerminalStream(sys.stderr))
    report = Report(Terminal(Console(force_terminal=True, width=100)))
    report.read([item], lambda _name, _version: "")
    with report.showing_progress([]):
        yield report


def test_a_file_can_fail_before_it_has_a_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For example, if no credential is available."""
    item = read(make_wheel(tmp_path))
    with looked_at(monkeypatch, item) as report:
        report.failed(item, UploadError("No credential."))
    assert "... failed" in capsys.readouterr().err


def test_what_a_thread_tells_after_the_end_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves threads behind that go on sending."""
    item = read(make_wheel(tmp_path))
    with looked_at(monkeypatch, item) as report:
        report.begun(item)
    report.sent(item, 100)


def test_an_exception_that_is_not_ours_is_not_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text of an exception could hold a secret."""
    report = Report(Terminal(Console()))
    item = read(make_wheel(tmp_path))
    report.read([item], lambda _name, _version: "")

    def fail() -> None:
        with report.reporting(as_json=True):
            report.begun(item)
            report.failed(item, OSError(SECRET))
            raise OSError(SECRET)

    with pytest.raises(OSError, match=SECRET):
        fail()
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err
    (project,) = json.loads(printed.out)["projects"]
    assert project["files"][0]["error"] == "The run was ended by OSError."


# At the end


def test_one_entry_for_each_name_and_version(at_index: Maintainer) -> None:
    dist = at_index.project.dist
    files = [
        *(make(dist, "bbb", version) for version in ("1.9", "1.10") for make in (make_wheel, make_sdist)),
        make_wheel(dist, "aaa", "2.0"),
    ]
    result = at_index.publish_in_process("-o", "json", "-o", "all-versions", HATCH_INDEX_AUTH=SECRET)
    document = json.loads(result.stdout)
    assert document["ok"] is True
    entries = {(entry["name"], entry["version"]): entry for entry in document["projects"]}
    assert list(entries) == [("aaa", "2.0"), ("bbb", "1.9"), ("bbb", "1.10")]
    assert entries["bbb", "1.10"]["url"] == f"{at_index.server.simple_url}bbb/"
    assert [file["filename"] for file in entries["bbb", "1.10"]["files"]] == [path.name for path in files[2:4]]
    for entry in document["projects"]:
        assert entry["credential"] == {"user": "__token__", "source": "HATCH_INDEX_AUTH"}
        for file in entry["files"]:
            stored = at_index.server.files[file["filename"]]
            assert (file["sha256"], file["size"]) == (stored.sha256, len(stored.content))


def test_every_project_has_its_page_at_the_end(at_index: Maintainer) -> None:
    for name in ("aaa", "bbb"):
        make_wheel(at_index.project.dist, name)
    result = at_index.publish_in_process(HATCH_INDEX_AUTH=SECRET)
    lines = result.stderr.splitlines()
    assert lines[2:] == [
        "",
        "[aaa]",
        f"{at_index.server.simple_url}aaa/",
        "",
        "[bbb]",
        f"{at_index.server.simple_url}bbb/",
    ]


def test_what_was_published_has_its_page_though_the_next_project_is_refused(at_pypi: Maintainer) -> None:
    at_pypi.build("alpha", "beta")
    at_pypi.server.script_uploads(None, Answer(400, "The name 'beta' is too similar to an existing project."))
    result = at_pypi.publish(HATCH_INDEX_AUTH=account_token())
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    page = lines.index("https://pypi.org/project/alpha/1.0/")
    assert lines[page - 2 : page] == ["", "[alpha]"]
    assert lines[page + 1].startswith("alpha is new. Your token can upload to every project")
    assert "https://pypi.org/project/beta/1.0/" not in lines
