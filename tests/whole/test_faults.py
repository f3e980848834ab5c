"""Failures during an upload: every file ends up on the index once, or the error lists which did and which didn't."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from time import monotonic, time
from typing import TYPE_CHECKING

import httpx
import pytest
from api_tokens import USER_ID, make_token
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import command, needs_terminal, run_hatch
from servers import Answer, Fault, RecordingServer

from hatch_tokenindex.backoff import Backoff
from hatch_tokenindex.index import upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hatch_process import HatchResult, HatchTerminal
    from maintainer import Maintainer
    from servers import PyPIStandIn, Request

SECRET = "s3cret-of-the-maintainer"
AT_ONCE = {"Retry-After": "0"}
TAGS = ("cp310-cp310-any", "cp311-cp311-any", "cp312-cp312-any")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts in this process follow each other at once, unless the index asks for a pause."""
    monkeypatch.setattr(upload, "BACKOFF", Backoff(first=0, longest=0))


@pytest.fixture
def files(at_index: Maintainer) -> list[Path]:
    """A release of three wheels and an sdist, in the order in which they are to be sent."""
    return release(at_index)


def release(at: Maintainer, version: str = "1.0", name: str = "", tags: tuple[str, ...] = TAGS) -> list[Path]:
    """Build wheels with these tags and an sdist."""
    name = name or at.project.name
    wheels = [make_wheel(at.project.dist, name, version, tag=tag) for tag in tags]
    return [*wheels, make_sdist(at.project.dist, name, version)]


def publish(
    at: Maintainer, *arguments: str, run: Callable[..., HatchResult] = invoke_hatch, **variables: str
) -> HatchResult:
    """Publish with a secret from the environment; in this process, unless `run` says otherwise."""
    return at.publish(*arguments, run=run, **{"HATCH_INDEX_AUTH": SECRET, **variables})


def shown(at: Maintainer, *files: Path) -> str:
    """The paths of files as a run prints them."""
    return ", ".join(str(path.relative_to(at.project.folder)) for path in files)


def check_stored(index: RecordingServer, *files: Path) -> None:
    """The index holds these files and nothing else, byte for byte."""
    assert {name: file.content for name, file in index.files.items()} == {
        path.name: path.read_bytes() for path in files
    }


def check_published(result: HatchResult, index: RecordingServer, *files: Path) -> None:
    """Check that all files were reported as uploaded and were, and that each attempt sent the same bytes."""
    assert result.returncode == 0, result.output
    check_stored(index, *files)
    for path in files:
        assert f"{path.name} ... success" in result.words
    check_attempts(index)
    check_clean(result)


def check_refused(result: HatchResult, *expected: str) -> None:
    """The run failed, and a person reads why."""
    assert result.returncode == 1, result.output
    for text in expected:
        assert text in result.words
    check_clean(result)


def check_clean(result: HatchResult) -> None:
    """No bug, no traceback, no secret."""
    for text in ("Traceback", "bug in hatch-tokenindex", SECRET):
        assert text not in result.output


def check_attempts(index: RecordingServer) -> None:
    """Every attempt to send a file sent the same bytes; one that broke off sent their beginning."""
    bodies = defaultdict(set)
    for request in index.uploads:
        if request.complete:
            bodies[request.file.filename].add(request.body)
    assert [name for name, found in bodies.items() if len(found) > 1] == []
    whole = [body for found in bodies.values() for body in found]
    for request in index.uploads:
        assert any(body.startswith(request.body) for body in whole)


def sent(index: RecordingServer) -> list[str]:
    """The names of the files, once for each upload that came whole, in their order."""
    return [request.file.filename for request in index.uploads if request.complete]


def answering(index: RecordingServer, **changes: object) -> Callable[[Request], Answer]:
    """A step that does what is done untold, a file is stored, and changes the answer."""
    return lambda request: replace(index.usual_answer(request), **changes)  # type: ignore[arg-type]


def failing(index: RecordingServer, path: Path, answer: Answer) -> None:
    """Make the index give this answer whenever this file comes."""
    index.respond = lambda request: answer if request.is_upload and request.file.filename == path.name else None


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Do something beside a run in this process; what it raises is raised here."""
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act)
        yield
        acting.result()


# Faults that pass


PASSING = {
    "500": [Answer(500)],
    "502": [Answer(502, body="<html><h1>Bad gateway</h1></html>", headers={"Content-Type": "text/html"})],
    "503": [Answer(503)],
    "429": [Answer(429)],
    "503, at once": [Answer(503, headers=AT_ONCE)],
    "429, at once": [Answer(429, headers=AT_ONCE)],
    "503, at a date that is over": [Answer(503, headers={"Retry-After": formatdate(time() - 60, usegmt=True)})],
    "503, at no time": [Answer(503, headers={"Retry-After": "soon"})],
    "408": [Answer(408)],
    "500, far from a limit": [Answer(500, headers={"RateLimit": '"project.create.ip";r=39;t=3600'})],
    "reset before the body": [Answer(fault=Fault.RESET_BEFORE_BODY)],
    "reset during the body": [Answer(fault=Fault.RESET_DURING_BODY)],
    "reset after the body": [Answer(fault=Fault.RESET_AFTER_BODY)],
    "503, cut off": [Answer(503, body="x" * 100_000, fault=Fault.CUT_ANSWER)],
    "503, before the body": [Answer(503, headers={**AT_ONCE, "Connection": "close"}, fault=Fault.ANSWER_BEFORE_BODY)],
    "five in a row": [
        Answer(500),
        Answer(fault=Fault.RESET_DURING_BODY),
        Answer(429, headers=AT_ONCE),
        Answer(fault=Fault.RESET_AFTER_BODY),
        Answer(503),
    ],
}


ON_ANY_FILE = ("reset during the body", "five in a row")
"""Passing faults that are tried on the first and last file too; the others on the second."""


@pytest.mark.parametrize(
    ("fault", "before"),
    [
        *(pytest.param(fault, 1, id=f"{fault}, second file") for fault in PASSING),
        *(pytest.param(fault, 0, id=f"{fault}, first file") for fault in ON_ANY_FILE),
        *(pytest.param(fault, 3, id=f"{fault}, last file") for fault in ON_ANY_FILE),
    ],
)
def test_a_fault_that_passes_is_outlived(at_index: Maintainer, files: list[Path], fault: str, before: int) -> None:
    earlier = f"{at_index.project.name.replace('-', '_')}-0.1.tar.gz"
    at_index.server.store(earlier, b"an earlier release")
    at_index.server.script_uploads(*[None] * before, *PASSING[fault])
    # One at a time: with several at once, faults in a row would be spread over several files.
    result = publish(at_index, "-o", "jobs=1")

    del at_index.server.files[earlier]
    check_published(result, at_index.server, *files)
    assert len(at_index.server.uploads) == len(files) + len(PASSING[fault])
    assert result.words.count("Retrying in 0 s.") == len(PASSING[fault])
    assert result.words.count("success") == len(files)


@pytest.mark.parametrize(
    "steps",
    [
        [Answer(503, headers=AT_ONCE), Answer(500, headers=AT_ONCE)],
        [None, Answer(502, headers=AT_ONCE), Answer(429, headers=AT_ONCE), None, Answer(503, headers=AT_ONCE)],
    ],
    ids=["first file", "several files at once"],
)
def test_the_installed_command_outlives_faults(
    at_index: Maintainer, files: list[Path], steps: list[Answer | None]
) -> None:
    at_index.server.script_uploads(*steps)
    result = publish(at_index, run=run_hatch)
    check_published(result, at_index.server, *files)
    assert len(at_index.server.uploads) == len(files) + len([step for step in steps if step])


def test_the_installed_command_outlives_a_reset(at_index: Maintainer) -> None:
    """With the real pause before the second attempt: half a second to a second."""
    files = release(at_index, tags=TAGS[:1])
    at_index.server.script_uploads(Answer(fault=Fault.RESET_DURING_BODY))
    result = publish(at_index, run=run_hatch)
    check_published(result, at_index.server, *files)
    assert "Retrying in" in result.words


def test_what_is_asked_for_between_attempts(at_index: Maintainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause is twice as long, but never the same for everybody; the index's own wish comes first."""
    files = release(at_index, tags=TAGS[:1])
    pauses: list[float] = []
    monkeypatch.setattr(upload, "BACKOFF", Backoff(first=1, longest=6, jitter=0.5))
    monkeypatch.setattr("hatch_tokenindex.publishing.run.sleep", pauses.append)
    wishes = [{}, {}, {"Retry-After": "7"}, {}, {"Retry-After": formatdate(time() + 500, usegmt=True)}]
    at_index.server.script_uploads(*(Answer(503, headers=headers) for headers in wishes))

    check_published(publish(at_index), at_index.server, *files)
    first, second, third, fourth, fifth = pauses
    assert 0.5 <= first <= 1
    assert 1 <= second <= 2
    assert third == 7
    assert 3 <= fourth <= 6
    assert 490 <= fifth <= 510


# The file arrived, and the answer did not


def lost(_index: RecordingServer) -> Answer:
    """The connection breaks instead of an answer."""
    return Answer(fault=Fault.LOSE_ANSWER)


def cut(index: RecordingServer) -> Callable[[Request], Answer]:
    """The answer breaks off in its middle."""
    return answering(index, body="x" * 100_000, fault=Fault.CUT_ANSWER)


@pytest.mark.parametrize("before", [0, 1, 3], ids=["first file", "second file", "last file"])
@pytest.mark.parametrize("fault", [lost, cut])
def test_a_file_that_arrived_is_not_sent_again(
    at_index: Maintainer, files: list[Path], fault: Callable[[RecordingServer], Answer], before: int
) -> None:
    at_index.server.script_uploads(*[None] * before, fault(at_index.server))
    result = publish(at_index)
    check_published(result, at_index.server, *files)
    assert sorted(sent(at_index.server)) == sorted(path.name for path in files)
    assert "Retrying" not in result.words


def test_the_installed_command_asks_what_arrived(at_index: Maintainer, files: list[Path]) -> None:
    at_index.server.script_uploads(Answer(fault=Fault.LOSE_ANSWER), Answer(fault=Fault.LOSE_ANSWER))
    result = publish(at_index, run=run_hatch)
    check_published(result, at_index.server, *files)
    assert len(at_index.server.uploads) == len(files)


def test_a_file_that_is_only_accepted_is_not_called_uploaded(at_index: Maintainer) -> None:
    """As by Pulp, whose task then fails; another try can succeed."""
    (sdist,) = release(at_index, tags=())
    at_index.server.script_uploads(Answer(202, body={"task": "/pulp/api/v3/tasks/7/"}))
    result = publish(at_index, "-o", "wait")
    check_refused(result, f"did not confirm {sdist.name} (202)", f"Possibly uploaded: {shown(at_index, sdist)}.")
    assert "Waiting" not in result.words
    at_index.server.script_uploads(answering(at_index.server, status=202))
    assert publish(at_index, "-o", "wait").returncode == 0
    check_stored(at_index.server, sdist)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_gateway_that_gives_up_too_early_is_not_believed(at_index: Maintainer, status: int) -> None:
    files = release(at_index, tags=TAGS[:1])
    at_index.server.script_uploads(answering(at_index.server, status=status), answering(at_index.server, status=status))
    result = publish(at_index, "-o", "retries=0")
    check_published(result, at_index.server, *files)
    assert len(at_index.server.uploads) == len(files)


CANNOT_TELL = {
    "an old page": Answer(404),
    "no page": Answer(500),
    "nonsense": Answer(body="{", headers={"Content-Type": "application/json"}),
    "no connection": Answer(fault=Fault.RESET_AFTER_BODY),
}


@pytest.mark.parametrize("page", CANNOT_TELL)
def test_a_page_that_does_not_tell_proves_nothing(at_index: Maintainer, files: list[Path], page: str) -> None:
    """The same bytes are sent again; an index that keeps to PyPI's rules answers 200 to them."""
    asked_twice = [CANNOT_TELL[page]] * (2 if page in {"an old page", "nonsense"} else 1)
    at_index.server.script_others(None, None, *asked_twice)
    at_index.server.script_uploads(Answer(fault=Fault.LOSE_ANSWER))
    result = publish(at_index)
    check_published(result, at_index.server, *files)
    assert len(at_index.server.uploads) == len(files) + 1


def refuse_what_exists(index: RecordingServer) -> None:
    """Make the index answer 409 to every file that it has, as pypiserver, Gitea and others do."""

    def respond(request: Request) -> Answer | None:
        exists = request.is_upload and request.file.filename in index.files
        return Answer(409, "Conflict") if exists else None

    index.respond = respond


def test_an_index_that_refuses_what_it_has_is_asked_again(at_index: Maintainer, files: list[Path]) -> None:
    refuse_what_exists(at_index.server)
    at_index.server.script_others(*[None] * 2, *[Answer(404)] * 2)
    at_index.server.script_uploads(Answer(fault=Fault.LOSE_ANSWER))
    result = publish(at_index)
    check_published(result, at_index.server, *files)
    assert len(at_index.server.uploads) == len(files) + 1


def test_an_index_without_hashes_that_refuses_what_was_sent_before_has_it(
    at_index: Maintainer, files: list[Path]
) -> None:
    refuse_what_exists(at_index.server)
    page = Answer(body=f"<a href='{files[0].name}'>{files[0].name}</a>", headers={"Content-Type": "text/html"})
    at_index.server.script_others(*[None] * 2, *[page] * 4)
    at_index.server.script_uploads(Answer(fault=Fault.LOSE_ANSWER))
    check_published(publish(at_index), at_index.server, *files)


# Slow answers


def test_an_answer_that_comes_too_late_is_looked_for_at_the_index(at_index: Maintainer) -> None:
    """The configured timeout applies; the file has arrived, and the index confirms it."""
    files = release(at_index, tags=TAGS[:1])
    never = threading.Event()
    at_index.server.script_uploads(answering(at_index.server, after=never))
    result = publish(at_index, "-o", "timeout=1", run=run_hatch)
    never.set()
    check_published(result, at_index.server, *files)
    assert len(at_index.server.uploads) == len(files)


def test_an_answer_that_takes_12_seconds_is_waited_for(at_index: Maintainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the timeout passed with each request is checked, so the test needn't wait."""
    limits = []
    handle = httpx.HTTPTransport.handle_request

    def look(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            limits.append(request.extensions["timeout"]["read"])
        return handle(transport, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", look)
    files = release(at_index)
    check_published(publish(at_index), at_index.server, *files)
    assert limits == [300] * len(files)


# Faults that stay


STAYING = {
    "500": Answer(500, "Something broke"),
    "503": Answer(503, headers=AT_ONCE),
    "429": Answer(429, headers=AT_ONCE),
    "reset": Answer(fault=Fault.RESET_AFTER_BODY),
}


@pytest.mark.parametrize("fault", STAYING)
def test_a_fault_that_stays_ends_the_run(at_index: Maintainer, files: list[Path], fault: str) -> None:
    first, broken, *others = files
    failing(at_index.server, broken, STAYING[fault])
    result = publish(at_index, "-o", "retries=2", "-o", "jobs=1")

    check_refused(result, f"Uploaded: {shown(at_index, first)}.", f"{broken.name} ... failed", "Fix: ")
    check_stored(at_index.server, first)
    assert sent(at_index.server) == [first.name, *[broken.name] * 3]
    check_attempts(at_index.server)
    if fault == "reset":
        assert f"Possibly uploaded: {shown(at_index, broken)}." in result.words
        assert f"Not uploaded: {shown(at_index, *others)}." in result.words
    else:
        assert f"Not uploaded: {shown(at_index, broken, *others)}." in result.words

    at_index.server.respond = lambda _request: None
    again = publish(at_index)
    assert f"{first.name} ... already exists" in again.words
    check_published_rest(again, at_index.server, files)


def check_published_rest(result: HatchResult, index: RecordingServer, files: list[Path]) -> None:
    """A second run completed what a first left: what had arrived was not sent again."""
    assert result.returncode == 0, result.output
    check_stored(index, *files)
    check_clean(result)


def test_what_is_under_way_still_ends(at_index: Maintainer, files: list[Path]) -> None:
    """Of three files at once the first is refused; the other two are not left half sent."""
    first, *others = files
    together, refused = threading.Event(), threading.Event()

    def answer(request: Request) -> Answer:
        if request.file.filename == others[0].name:
            return Answer(403, "No", after=together)
        return replace(at_index.server.usual_answer(request), after=refused)

    at_index.server.script_uploads(None, answer, answer, answer)

    def let_go() -> None:
        at_index.server.wait_for_uploads_in_progress(3)
        together.set()
        refused.set()

    with meanwhile(let_go):
        result = publish(at_index)
    check_refused(
        result, f"Uploaded: {shown(at_index, first, *others[1:])}.", f"Not uploaded: {shown(at_index, others[0])}."
    )
    check_stored(at_index.server, first, *others[1:])


def test_after_a_refusal_no_other_file_is_begun(at_index: Maintainer, files: list[Path]) -> None:
    failing(at_index.server, files[0], Answer(400, "The name 'x' is invalid."))
    result = publish(at_index)
    check_refused(result, "The name 'x' is invalid.", f"Not uploaded: {shown(at_index, *files)}.")
    assert sent(at_index.server) == [files[0].name]
    assert "Uploaded:" not in result.words


def test_several_refusals_are_all_shown(at_index: Maintainer, files: list[Path]) -> None:
    together = threading.Event()

    def answer(request: Request) -> Answer:
        return Answer(400, f"I dislike {request.file.filename}", after=together)

    at_index.server.script_uploads(None, answer, answer, answer)

    def let_go() -> None:
        at_index.server.wait_for_uploads_in_progress(3)
        together.set()

    with meanwhile(let_go):
        result = publish(at_index)
    check_refused(result, *(f"I dislike {path.name}" for path in files[1:]))


def test_a_server_that_dies_between_two_files_is_told_with_what_arrived(
    at_index: Maintainer, files: list[Path]
) -> None:
    first, second, *others = files

    def die(_request: Request) -> None:
        at_index.server.close()

    at_index.server.script_uploads(None, die)
    result = publish(at_index, "-o", "retries=1", "-o", "jobs=1")

    check_refused(
        result,
        f"Uploaded: {shown(at_index, first)}.",
        f"Possibly uploaded: {shown(at_index, second)}.",
        f"Not uploaded: {shown(at_index, *others)}.",
        "Run the same command again to upload the rest; files already uploaded are skipped.",
    )
    with RecordingServer() as risen:
        risen.files.update(at_index.server.files)
        check_published_rest(publish(at_index, "-r", risen.upload_url), risen, files)
        assert first.name not in sent(risen)


def test_where_nobody_listens_the_run_ends_with_a_text(at_index: Maintainer, files: list[Path]) -> None:
    at_index.server.close()
    result = publish(at_index, "-o", "retries=1")
    check_refused(result, "Could not upload ", f"Not uploaded: {shown(at_index, *files)}.")
    assert "Possibly uploaded" not in result.words


def test_a_long_wait_is_the_persons_own(at_index: Maintainer, files: list[Path]) -> None:
    """An index that asks for an hour isn't retried; the error says when to try again."""
    at_index.server.script_uploads(None, *[Answer(429, headers={"Retry-After": "3600"})] * 3)
    result = publish(at_index, "-o", "jobs=1")
    check_refused(result, "publish again in 60 minutes", f"Uploaded: {shown(at_index, files[0])}.")
    assert len(at_index.server.uploads) == 2


def test_too_many_new_projects_are_not_tried_again(at_pypi: Maintainer, pypi: PyPIStandIn) -> None:
    """Each try counts against PyPI's limit, so only the time of its end helps."""
    files = release(at_pypi)
    limits = {
        "RateLimit-Policy": '"project.create.ip";q=40;w=3600;pk=:ip:, "project.create.user";q=20;w=3600;pk=:user:',
        "RateLimit": '"project.create.ip";r=20;t=1500, "project.create.user";r=0;t=1500',
    }
    pypi.server.script_uploads(Answer(429, "Too many new projects created", headers=limits))
    result = publish(at_pypi, HATCH_INDEX_AUTH=make_token(user=USER_ID))

    check_refused(result, "Too many new projects created", "in 25 minutes", "20 in 60 minutes")
    assert f"Not uploaded: {shown(at_pypi, *files)}." in result.words
    assert len(pypi.server.uploads) == 1


def test_no_index_is_asked_twice_to_create_a_project_that_it_limits(at_index: Maintainer, files: list[Path]) -> None:
    """Only the index knows what counts as an attempt, so a new project gets one; its later files get more."""
    at_index.server.script_uploads(Answer(429, headers={"Retry-After": "90"}))
    check_refused(publish(at_index), "again in 2 minutes", f"Not uploaded: {shown(at_index, *files)}.")
    assert len(at_index.server.uploads) == 1

    at_index.server.requests.clear()
    at_index.server.script_uploads(None, Answer(429, headers=AT_ONCE))
    check_published(publish(at_index), at_index.server, *files)


# Races


def run_both(one: Callable[[], HatchResult], other: Callable[[], HatchResult]) -> tuple[HatchResult, HatchResult]:
    """Both at the same time."""
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(one), pool.submit(other)
        return running[0].result(), running[1].result()


@pytest.mark.parametrize("strict", [False, True], ids=["as PyPI", "as pypiserver"])
def test_two_runs_of_one_release_leave_each_file_once(at_index: Maintainer, files: list[Path], strict: bool) -> None:
    """Both have seen that nothing is there, and both send; the slower one learns that its file is there."""
    if strict:
        refuse_what_exists(at_index.server)
    together = threading.Event()

    def answer(request: Request) -> Answer:
        index = at_index.server
        return replace(index.respond(request) or index.usual_answer(request), after=together)

    at_index.server.script_uploads(answer, answer)

    def let_go() -> None:
        at_index.server.wait_for(lambda: len(at_index.server.uploads) == 2)
        together.set()

    def run() -> HatchResult:
        return publish(at_index, run=run_hatch)

    with meanwhile(let_go):
        results = run_both(run, run)
    check_stored(at_index.server, *files)
    for result in results:
        assert result.returncode == 0, result.output
        assert result.words.count("... success") + result.words.count("... already exists") == len(files)
        check_clean(result)


def test_another_run_that_sent_other_content_wins(at_index: Maintainer, files: list[Path]) -> None:
    """Between the look at the index and the upload, somebody else's build of the same version arrived."""
    index, first = at_index.server, files[0]

    def be_faster(request: Request) -> None:
        index.store(request.file.filename, b"somebody else's")

    index.script_uploads(be_faster)
    result = publish(at_index)
    check_refused(result, "File already exists", f"Not uploaded: {shown(at_index, *files)}.")
    assert {name: file.content for name, file in index.files.items()} == {first.name: b"somebody else's"}
    check_refused(publish(at_index), f"{first.name} already exists on the index with other content")


def test_with_existing_fail_another_run_is_an_error(at_index: Maintainer) -> None:
    (wheel,) = release(at_index, tags=())
    refuse_what_exists(at_index.server)

    def be_faster(_request: Request) -> None:
        at_index.server.store(wheel.name, wheel.read_bytes())

    at_index.server.script_uploads(be_faster)
    check_refused(publish(at_index, "-o", "existing=fail"), "Conflict", f"Not uploaded: {shown(at_index, wheel)}.")


# Ctrl-C


def interrupted(terminal: HatchTerminal) -> float:
    """Press Ctrl-C; the seconds until the end of the process, which says that it failed."""
    began = monotonic()
    terminal.interrupt()
    assert terminal.finish() == 1, terminal.screen
    return monotonic() - began


@needs_terminal
@pytest.mark.parametrize("uploaded", [0, 1, 3], ids=["during the first file", "during the second", "during the last"])
def test_ctrl_c_ends_at_once_and_says_what_arrived(at_index: Maintainer, files: list[Path], uploaded: int) -> None:
    never = threading.Event()
    at_index.server.script_uploads(*[None] * uploaded, Answer(after=never))
    with at_index.at_terminal("-o", "jobs=1", HATCH_INDEX_AUTH=SECRET) as terminal:
        at_index.server.wait_for(lambda: len(at_index.server.uploads) == uploaded + 1)
        for _ in range(uploaded):
            terminal.expect("success")
        assert interrupted(terminal) < 2
    never.set()
    parts = files[:uploaded], files[uploaded : uploaded + 1], files[uploaded + 1 :]
    for place, paths in zip(("Uploaded", "Possibly uploaded", "Not uploaded"), parts, strict=True):
        assert (f"{place}: {shown(at_index, *paths)}." in terminal.words) is bool(paths), terminal.screen
    assert "Run the same command again to upload the rest; files already uploaded are skipped." in terminal.words
    assert terminal.words.endswith("Aborted.")
    assert "Traceback" not in terminal.screen
    check_stored(at_index.server, *files[:uploaded])

    check_published_rest(publish(at_index), at_index.server, files)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("times", [2, 4])
def test_an_impatient_ctrl_c_shows_no_traceback(at_index: Maintainer, files: list[Path], times: int) -> None:
    """However far the end of the run has come."""
    never = threading.Event()
    at_index.server.script_uploads(None, *[Answer(after=never)] * 3)
    environment = {**at_index.home.environment, "HATCH_INDEX_AUTH": SECRET, "HATCH_DEBUG": "1"}
    # What coverage does at the end of a process can be interrupted too.
    environment.pop("COVERAGE_PROCESS_CONFIG", None)
    process = subprocess.Popen(
        [command("hatch"), "publish", "-p", "tokenindex", *at_index.options],
        cwd=at_index.project.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    at_index.server.wait_for_uploads_in_progress(3)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    never.set()
    assert process.returncode != 0
    assert "Traceback" not in stdout + stderr
    assert SECRET not in stdout + stderr
    check_published_rest(publish(at_index), at_index.server, files)


@needs_terminal
def test_ctrl_c_ends_also_a_pause(at_index: Maintainer, files: list[Path]) -> None:
    at_index.server.script_uploads(Answer(503, headers={"Retry-After": "600"}))
    with at_index.at_terminal(HATCH_INDEX_AUTH=SECRET) as terminal:
        terminal.expect("Retrying in 600 s.")
        assert interrupted(terminal) < 2
    check_published_rest(publish(at_index), at_index.server, files)


@needs_terminal
def test_ctrl_c_ends_also_many_uploads_at_once(at_index: Maintainer, files: list[Path]) -> None:
    never = threading.Event()
    at_index.server.script_uploads(None, *[Answer(after=never)] * 3)
    with at_index.at_terminal(HATCH_INDEX_AUTH=SECRET) as terminal:
        at_index.server.wait_for_uploads_in_progress(3)
        assert interrupted(terminal) < 2
    never.set()
    assert f"Uploaded: {shown(at_index, files[0])}." in terminal.words
    assert f"Possibly uploaded: {shown(at_index, *files[1:])}." in terminal.words


# The order


def test_wheels_come_before_the_sdist_and_projects_one_after_the_other(at_index: Maintainer) -> None:
    files = [
        *release(at_index, name="aaa"),
        *release(at_index, "1.9", name="bbb"),
        *release(at_index, "1.10", name="bbb"),
    ]
    result = publish(at_index, "-o", "jobs=1", "-o", "all-versions")
    check_published(result, at_index.server, *files)
    assert sent(at_index.server) == [path.name for path in files]


@pytest.mark.parametrize("jobs", [1, 2, 4, 8])
def test_after_the_first_file_so_many_at_once_and_no_more(at_index: Maintainer, jobs: int) -> None:
    files = release(at_index, tags=tuple(f"cp3{minor}-none-any" for minor in range(10, 20)))
    together = threading.Event()
    at_index.server.script_uploads(None, *[answering(at_index.server, after=together)] * jobs)

    def let_go() -> None:
        at_index.server.wait_for(lambda: len(at_index.server.uploads) == 1 + jobs)
        together.set()

    with meanwhile(let_go):
        result = publish(at_index, "-o", f"jobs={jobs}")
    check_published(result, at_index.server, *files)
    assert at_index.server.peak_uploads == jobs


def test_the_first_file_of_a_release_is_alone_until_its_answer(at_index: Maintainer) -> None:
    """The file is by far the largest, so all others could arrive before it ends."""
    large = make_wheel(
        at_index.project.dist, at_index.project.name, extra={"x": os.urandom(8_000_000)}, tag="aaa-none-any"
    )
    files = [large, *release(at_index)]
    together = threading.Event()
    at_index.server.script_uploads(None, *[answering(at_index.server, after=together)] * 4)

    def let_go() -> None:
        at_index.server.wait_for_uploads_in_progress(4)
        together.set()

    with meanwhile(let_go):
        check_published(publish(at_index), at_index.server, *files)
    overlapping = {frozenset({one.file.filename, other.file.filename}) for one, other in at_index.server.overlaps}
    assert overlapping == {frozenset(pair) for pair in itertools.combinations((path.name for path in files[1:]), 2)}


def test_two_versions_of_a_project_are_never_sent_at_once(at_index: Maintainer) -> None:
    files = [*release(at_index, "1.0"), *release(at_index, "1.0.post1"), *release(at_index, "2.0")]
    together = threading.Barrier(3)

    def answer(request: Request) -> Answer:
        together.wait(60)
        return at_index.server.usual_answer(request)

    at_index.server.script_uploads(*[None, answer, answer, answer] * 3)
    result = publish(at_index, "-o", "all-versions")
    check_published(result, at_index.server, *files)
    assert len(at_index.server.overlaps) == 3 * 3
    for one, other in at_index.server.overlaps:
        assert one.value("version") == other.value("version")


# Redirects


@pytest.fixture
def elsewhere() -> Iterator[RecordingServer]:
    """Another origin."""
    with RecordingServer() as server:
        yield server


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("location", ["/legacy/again/", "again/", "{url}legacy/again/", "?again"])
def test_a_redirect_within_the_origin_gets_the_body_again(at_index: Maintainer, status: int, location: str) -> None:
    files = release(at_index, tags=())
    location = location.format(url=at_index.server.url)
    at_index.server.script_uploads(Answer(status, headers={"Location": location}))
    result = publish(at_index, run=run_hatch if location == "again/" else invoke_hatch)
    check_published(result, at_index.server, *files)
    here, there = at_index.server.uploads
    assert (here.path, there.target) == ("/legacy/", "/legacy/?again" if location == "?again" else "/legacy/again/")
    assert here.body == there.body
    assert there.authorization == here.authorization


@pytest.mark.parametrize(
    ("status", "location"),  # None: the answer doesn't say where to
    [
        *((status, "/legacy/again/") for status in (300, 301, 302, 303, 304)),
        *((status, "{elsewhere}legacy/") for status in (301, 302, 303, 307, 308)),
        (308, "https://127.0.0.1:{port}/legacy/"),
        (308, "http://localhost:{port}/legacy/"),
        (308, "http://ci:pa55@127.0.0.1:{port}/legacy/"),
        (307, "ftp://127.0.0.1:{port}/legacy/"),
        (307, "http://["),
        (308, None),
    ],
)
def test_no_other_redirect_is_a_success(
    at_index: Maintainer, elsewhere: RecordingServer, status: int, location: str | None
) -> None:
    files = release(at_index)
    target = location and location.format(elsewhere=elsewhere.url, port=at_index.server.port)
    headers = {} if target is None else {"Location": target}
    at_index.server.respond = lambda request: Answer(status, headers=headers) if request.is_upload else None
    result = publish(at_index, "-o", "retries=0")

    check_refused(result, at_index.server.upload_url, f"Not uploaded: {shown(at_index, *files)}.")
    if target and "pa55" not in target:
        assert target.rstrip("/") in result.words
    assert elsewhere.requests == []
    assert at_index.server.files == {}
    assert len(at_index.server.uploads) == 1
    assert "... success" not in result.words


@pytest.mark.parametrize("location", ["/legacy/", "//", "?"])
def test_a_circle_of_redirects_ends(at_index: Maintainer, location: str) -> None:
    files = release(at_index)
    at_index.server.respond = lambda request: Answer(308, headers={"Location": location}) if request.is_upload else None
    result = publish(at_index)
    check_refused(result, at_index.server.upload_url, f"Not uploaded: {shown(at_index, *files)}.")
    assert len(at_index.server.uploads) < 10


# Answers without end


ENDLESS = itertools.repeat(b"All work and no play makes an index a dull server. " * 1000)


@pytest.mark.parametrize("status", [200, 400, 503])
def test_an_answer_without_end_is_not_read_to_its_end(at_index: Maintainer, status: int) -> None:
    (sdist,) = release(at_index, tags=())
    at_index.server.script_uploads(answering(at_index.server, status=status, blocks=ENDLESS, headers=AT_ONCE))
    result = publish(at_index)
    check_stored(at_index.server, sdist)
    if status == 400:
        check_refused(result, "All work and no play")
        assert len(result.output) < 10_000
    else:
        check_published(result, at_index.server, sdist)


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_trickles_is_not_waited_for(at_index: Maintainer, status: int) -> None:
    """The status is known; the words that came in time count."""
    (sdist,) = release(at_index, tags=())
    end = threading.Event()

    def trickle() -> Iterator[bytes]:
        yield b"No. "
        while not end.wait(0.1):
            yield b"."

    at_index.server.script_uploads(answering(at_index.server, status=status, blocks=trickle()))
    result = publish(at_index, "-o", "timeout=1")
    end.set()
    assert result.returncode == (0 if status == 200 else 1), result.output
    assert ("No." in result.words) is (status == 400)
    check_stored(at_index.server, sdist)
    check_clean(result)


def test_a_refusal_that_is_cut_off_is_a_refusal(at_index: Maintainer, files: list[Path]) -> None:
    """It isn't retried, unlike a connection that breaks before any response."""
    text = "Not this file. " * 1000
    at_index.server.script_uploads(Answer(400, body=text, fault=Fault.CUT_ANSWER))
    check_refused(publish(at_index), "Not this file.", f"Not uploaded: {shown(at_index, *files)}.")
    assert len(at_index.server.uploads) == 1


def test_an_answer_before_the_body(at_index: Maintainer) -> None:
    """As of a proxy that takes no file of this size; whether its words still arrive is up to the network."""
    large = make_wheel(at_index.project.dist, at_index.project.name, extra={"x": os.urandom(4_000_000)})
    failing_early = [Answer(413, "Request Entity Too Large", fault=Fault.ANSWER_BEFORE_BODY)] * 2
    at_index.server.script_uploads(*failing_early)
    check_refused(publish(at_index, "-o", "retries=1"), large.name)
    assert at_index.server.files == {}


# Waiting until the index lists what it has


class Hours:
    """Time that passes only where somebody waits for it."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        """Seconds since the begin."""
        return self.passed

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.pauses.append(seconds)
        self.passed += seconds


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    """The time of a run that waits."""
    hours = Hours()
    monkeypatch.setattr("hatch_tokenindex.index.arrival.monotonic", hours.monotonic)
    monkeypatch.setattr("hatch_tokenindex.index.arrival.sleep", hours.sleep)
    return hours


def old_pages(index: RecordingServer, count: int) -> None:
    """Answer so many times as if nothing had arrived."""
    # Each time without the credential and with it.
    index.script_others(*[Answer(404)] * 2 * (1 + count))


def test_pages_that_are_old_for_a_while_are_waited_for(at_index: Maintainer, files: list[Path], hours: Hours) -> None:
    """Asked less and less often; PyPI's pages can be ten minutes old."""
    old_pages(at_index.server, 10)
    result = publish(at_index, "-o", "wait")
    check_published(result, at_index.server, *files)
    assert "The index lists every file." in result.words
    assert hours.pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]


@pytest.mark.parametrize(("asked", "seconds"), [("wait=5", 5), ("wait=100", 100), ("wait", 900)])
def test_pages_that_stay_old_end_the_wait_with_a_text(
    at_index: Maintainer, files: list[Path], hours: Hours, asked: str, seconds: float
) -> None:
    """The last check is at the very end, and the text doesn't suggest another upload."""
    old_pages(at_index.server, 1000)
    result = publish(at_index, "-o", asked)
    check_refused(
        result,
        f"Uploaded: {shown(at_index, *files)}.",
        f"did not list these files within {seconds} seconds: {', '.join(path.name for path in files)}",
        "don't upload again",
    )
    assert "Not uploaded" not in result.words
    assert "run again" not in result.words
    assert hours.passed == seconds
    assert len(at_index.server.requests) == 2 + len(files) + 2 * (len(hours.pauses) + 1)
    check_stored(at_index.server, *files)


@pytest.mark.parametrize(("fragment", "status"), [("", 0), ("#md5=x", 0), (f"#sha256={'0' * 64}", 1)])
def test_a_file_is_listed_with_its_hash_or_with_none(
    at_index: Maintainer, hours: Hours, fragment: str, status: int
) -> None:
    (sdist,) = release(at_index, tags=())
    page = Answer(body=f"<a href='{sdist.name}{fragment}'>x</a>", headers={"Content-Type": "text/html"})
    at_index.server.script_others(*[Answer(404)] * 2, *[page] * 1000)
    assert publish(at_index, "-o", "wait=60").returncode == status
    assert hours.passed == (60 if status else 0)


def test_what_is_uploaded_is_waited_for_without_the_file(at_index: Maintainer, files: list[Path], hours: Hours) -> None:
    """A next build removes the files, or writes others of their names."""
    removed, *others = files
    contents = {path.name: path.read_bytes() for path in files}
    old_pages(at_index.server, 1)

    def build_again(request: Request) -> None:
        if request.file.filename == others[-1].name:
            vanish(removed)
            for path in others[:-1]:
                change(path)

    at_index.server.script_uploads(*[build_again] * len(files))
    result = publish(at_index, "-o", "wait", "-o", "jobs=1")
    assert result.returncode == 0, result.output
    assert "The index lists every file." in result.words
    assert {name: file.content for name, file in at_index.server.files.items()} == contents
    assert hours.pauses == [1]


def test_what_was_there_before_is_not_waited_for(at_index: Maintainer, hours: Hours) -> None:
    (sdist,) = release(at_index, tags=())
    at_index.server.store(sdist.name, sdist.read_bytes())
    assert publish(at_index, "-o", "wait").returncode == 0
    assert hours.pauses == []


# Files on disk


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
def test_a_link_counts_by_its_own_name(at_index: Maintainer, tmp_path: Path) -> None:
    target = make_wheel(tmp_path / "built", at_index.project.name)
    at_index.project.dist.mkdir()
    at_index.project.dist.joinpath(target.name).symlink_to(target)
    check_published(publish(at_index), at_index.server, target)


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
@pytest.mark.parametrize("leads_to", ["nothing", "itself", "a folder"])
def test_a_link_that_leads_to_no_file_is_refused(at_index: Maintainer, files: list[Path], leads_to: str) -> None:
    link = at_index.project.dist / "zzz-1.0-py3-none-any.whl"
    link.symlink_to({"nothing": "missing", "itself": link.name, "a folder": "."}[leads_to])
    result = publish(at_index, run=run_hatch if leads_to == "nothing" else invoke_hatch)
    check_refused(result, link.name)
    assert len(result.output.splitlines()) <= 2, result.output
    assert at_index.server.requests == []
    assert files[0].name not in result.words


def test_a_folder_with_the_name_of_a_wheel_is_refused(at_index: Maintainer, files: list[Path]) -> None:
    folder = at_index.project.dist / "zzz-1.0-py3-none-any.whl"
    folder.mkdir()
    check_refused(publish(at_index), folder.name, "folder")
    check_refused(publish(at_index, str(folder), run=run_hatch), folder.name, "folder")
    assert at_index.server.requests == []
    assert all(path.exists() for path in files)


def vanish(path: Path) -> None:
    """Delete the file."""
    path.unlink()


def grow(path: Path) -> None:
    """A build goes on writing."""
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    """A build starts anew."""
    path.write_bytes(path.read_bytes()[:-10])


def change(path: Path) -> None:
    """Another build has just as many bytes."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.parametrize("happens", [vanish, grow, shrink])
def test_a_file_that_is_not_what_it_was_when_it_was_checked_is_not_sent(
    at_index: Maintainer, files: list[Path], happens: Callable[[Path], None]
) -> None:
    first, second, *others = files

    def meddle(_request: Request) -> None:
        happens(second)

    at_index.server.script_uploads(meddle)
    result = publish(at_index, "-o", "jobs=1")
    check_refused(
        result,
        second.name,
        f"Uploaded: {shown(at_index, first)}.",
        f"Not uploaded: {shown(at_index, second, *others)}.",
    )
    check_stored(at_index.server, first)


@pytest.mark.parametrize("happens", [vanish, grow, shrink, change])
def test_a_file_that_changes_between_two_attempts_is_not_sent_again(
    at_index: Maintainer, happens: Callable[[Path], None]
) -> None:
    """An index must not get other bytes than those that it may have stored."""
    (sdist,) = release(at_index, tags=())

    def meddle(_request: Request) -> Answer:
        happens(sdist)
        return Answer(503, headers=AT_ONCE)

    at_index.server.script_uploads(meddle)
    check_refused(publish(at_index), sdist.name, "changed" if happens is not vanish else "can no longer be read")
    assert at_index.server.files == {}


@pytest.mark.parametrize("happens", [vanish, grow, shrink, change])
def test_a_file_that_changes_after_a_lost_answer_may_have_arrived(
    at_index: Maintainer, happens: Callable[[Path], None]
) -> None:
    (sdist,) = release(at_index, tags=())

    def meddle(_request: Request) -> Answer:
        happens(sdist)
        return Answer(fault=Fault.LOSE_ANSWER)

    at_index.server.script_uploads(meddle)
    at_index.server.script_others(*[Answer(404)] * 4)
    result = publish(at_index)
    check_refused(
        result,
        "changed during the upload" if happens is not vanish else "can no longer be read",
        f"Possibly uploaded: {shown(at_index, sdist)}.",
    )
    assert "Not uploaded" not in result.words
    assert list(at_index.server.files) == [sdist.name]


@pytest.mark.parametrize("name", ["demo-1.0-py3-none-\u00e4ny.whl", "demo-1.0-py3-none-any\udcff.whl"], ids=ascii)
def test_a_file_whose_name_no_index_takes(at_index: Maintainer, name: str) -> None:
    wheel = make_wheel(at_index.project.dist)
    try:
        wheel.rename(wheel.with_name(name))
    except (OSError, UnicodeError):
        pytest.skip("no such names on this file system")
    for run in (invoke_hatch, run_hatch):
        check_refused(publish(at_index, run=run), "has non-ASCII characters in its name")
    assert at_index.server.requests == []
