"""The advice to replace an account token with a project token: when it is printed, and that its command works."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from api_tokens import PROJECT_ID, USER_ID, account_token, make_token, project_token
from hatch_in_process import invoke_hatch
from hatch_process import command, needs_terminal

if TYPE_CHECKING:
    from hatch_process import HatchResult
    from maintainer import Maintainer

ACCOUNT = account_token()
LINK = "manage/account/token/?selected_project="


def advice(result: HatchResult) -> list[str]:
    """The lines that lead to a token for the project alone."""
    return [line for line in result.output.splitlines() if LINK in line]


def exists_at(maintainer: Maintainer, *names: str) -> None:
    """Put an old release of each project (default: the current one) on the index, and a new one into `dist`."""
    for name in names or (maintainer.project.name,):
        maintainer.server.store(f"{name.replace('-', '_')}-0.1.tar.gz", b"old")
    maintainer.build(*names)


def run_as_printed(line: str, maintainer: Maintainer, token: str) -> None:
    """Paste the command at the end of a line into a shell, and the token at its question."""
    subprocess.run(
        re.split("save it with: | and run: ", line)[1],
        shell=True,
        check=True,
        cwd=maintainer.project.folder,
        env=maintainer.home.environment,
        input=token.encode(),
        capture_output=True,
        timeout=60,
    )


# After a first release


@pytest.mark.parametrize("repository", ["main", "test"])
@pytest.mark.parametrize("script", ["on the path", "nowhere"])
def test_the_token_that_created_a_project_is_swapped(
    at_pypi: Maintainer, tmp_path: Path, repository: str, script: str
) -> None:
    name, site = at_pypi.project.name, {"main": "pypi.org", "test": "test.pypi.org"}[repository]
    folder = Path(command("hatch-tokenindex")).parent if script == "on the path" else tmp_path
    at_pypi.home.environment["PATH"] = str(folder)
    at_pypi.build()
    account = account_token(location=site)
    url = {"main": at_pypi.url, "test": "https://test.pypi.org/legacy/"}[repository]
    at_pypi.home.remember(url, "__token__", account)
    first = at_pypi.publish_in_process("-r", repository)

    assert first.returncode == 0, first.output
    (line,) = advice(first)
    assert f"{name} is new. Your token can upload to every project of the account" in line
    assert f"https://{site}/{LINK}{name} " in line
    assert ("save it with: `hatch-tokenindex login" in line) is (script == "on the path")

    token = project_token(name, location=site)
    run_as_printed(line, at_pypi, token)
    kept = at_pypi.home.keyring.secrets[url]
    assert kept == {"__token__": account, f"pypi_token:project:{name}": token}

    at_pypi.build(version="2.0")
    second = at_pypi.publish_in_process("-r", repository)
    assert second.returncode == 0, second.output
    assert at_pypi.received == [(name, "__token__", "account"), (name, "__token__", f"for-{name}")]
    assert advice(second) == []


@needs_terminal
def test_the_token_that_was_typed_for_a_first_release_is_swapped(at_pypi: Maintainer) -> None:
    at_pypi.build()
    with at_pypi.at_terminal("-u", "__token__") as terminal:
        terminal.give_secret(ACCOUNT)
        assert terminal.finish() == 0, terminal.screen
        assert terminal.words.count(f"https://pypi.org/{LINK}{at_pypi.project.name}") == 1
    assert at_pypi.kept == {"__token__": ACCOUNT}


def test_each_new_project_gets_its_own_line(at_pypi: Maintainer) -> None:
    names = [at_pypi.project.name, f"{at_pypi.project.name}-plugin"]
    at_pypi.build(*names)
    result = at_pypi.publish(run=invoke_hatch, HATCH_INDEX_AUTH=ACCOUNT)

    assert result.returncode == 0, result.output
    lines = advice(result)
    assert [f"{LINK}{name} " in line for name, line in zip(names, lines, strict=True)] == [True, True]


def test_the_advice_is_in_the_document(at_pypi: Maintainer) -> None:
    at_pypi.build()
    result = at_pypi.publish("-o", "json", run=invoke_hatch, HATCH_INDEX_AUTH=ACCOUNT)

    assert result.returncode == 0, result.output
    (warning,) = [text for text in json.loads(result.stdout)["warnings"] if LINK in text]
    assert "set HATCH_INDEX_AUTH to it." in warning


@pytest.mark.parametrize("source", ["HATCH_INDEX_AUTH", "HATCH_INDEX_AUTH_MAIN", "--auth", "~/.pypirc"])
def test_a_token_that_was_given_is_replaced_where_it_comes_from(at_pypi: Maintainer, source: str) -> None:
    """A saved one would lose to it."""
    at_pypi.build()
    if source == "~/.pypirc":
        at_pypi.home.pypirc.write_text(f"[pypi]\npassword = {ACCOUNT}\n", encoding="utf-8")
    arguments = ("--auth", ACCOUNT) if source == "--auth" else ()
    variables = {source: ACCOUNT} if source.startswith("HATCH") else {}
    result = at_pypi.publish(*arguments, run=invoke_hatch, **variables)

    assert result.returncode == 0, result.output
    (line,) = advice(result)
    told = {
        "--auth": "and use it instead of the one from --auth.",
        "~/.pypirc": "and use it instead of the one from [pypi] of ~/.pypirc.",
    }
    assert told.get(source, f"and set {source} to it.") in line
    assert line.endswith("In CI, update the secret that the job gets it from.")
    assert " login " not in line


@needs_terminal
@pytest.mark.parametrize("where", ["no keyring", "-o keyring=false"])
def test_without_a_keyring_no_command_is_printed_that_cannot_work(at_pypi: Maintainer, where: str) -> None:
    at_pypi.home.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    at_pypi.build()
    options = ("-o", "keyring=false") if where != "no keyring" else ()
    with at_pypi.at_terminal("-u", "__token__", *options) as terminal:
        terminal.give_secret(ACCOUNT)
        assert terminal.finish() == 0, terminal.screen
    assert f"{LINK}{at_pypi.project.name} and paste it when the next run prompts." in terminal.words
    assert " login " not in terminal.words


# When a stored account token publishes


def test_a_stored_account_token_is_remarked_on_once_for_each_project(at_pypi: Maintainer) -> None:
    name, other = at_pypi.project.name, f"{at_pypi.project.name}-plugin"
    at_pypi.home.remember(at_pypi.url, "__token__", ACCOUNT)
    exists_at(at_pypi)
    first = at_pypi.publish()
    assert first.returncode == 0, first.output
    (line,) = advice(first)
    assert f"A token for {name} alone is safer than your account token" in line
    assert f"https://pypi.org/{LINK}{name} and run: " in line

    at_pypi.build(version="2.0")
    second = at_pypi.publish(run=invoke_hatch)
    assert second.returncode == 0, second.output
    assert advice(second) == []

    exists_at(at_pypi, other)
    third = at_pypi.publish(run=invoke_hatch)
    assert third.returncode == 0, third.output
    (line_for_other,) = advice(third)
    assert f"{LINK}{other} and run: " in line_for_other

    run_as_printed(line, at_pypi, project_token(name))
    assert at_pypi.kept == {"__token__": ACCOUNT, f"pypi_token:project:{name}": project_token(name)}


def test_a_dry_run_says_nothing_and_uses_nothing_up(at_pypi: Maintainer) -> None:
    at_pypi.home.remember(at_pypi.url, "__token__", ACCOUNT)
    exists_at(at_pypi)
    assert advice(at_pypi.publish("-o", "dry-run", run=invoke_hatch)) == []
    assert len(advice(at_pypi.publish(run=invoke_hatch))) == 1


def test_a_run_that_uploads_nothing_says_nothing(at_pypi: Maintainer) -> None:
    at_pypi.build()
    assert at_pypi.publish(run=invoke_hatch, HATCH_INDEX_AUTH=project_token(at_pypi.project.name)).returncode == 0
    at_pypi.home.remember(at_pypi.url, "__token__", ACCOUNT)
    again = at_pypi.publish(run=invoke_hatch)
    assert again.returncode == 0, again.output
    assert advice(again) == []


def test_a_refused_upload_is_no_time_for_advice(at_pypi: Maintainer) -> None:
    at_pypi.server.credentials = set()
    at_pypi.build()
    result = at_pypi.publish(run=invoke_hatch, HATCH_INDEX_AUTH=ACCOUNT)
    assert result.returncode == 1
    assert advice(result) == []


def test_a_cache_that_cannot_be_written_stops_nothing(at_pypi: Maintainer) -> None:
    at_pypi.home.remember(at_pypi.url, "__token__", ACCOUNT)
    exists_at(at_pypi)
    at_pypi.home.hatch_cache.mkdir(parents=True)
    at_pypi.home.hatch_cache.joinpath("publish").write_text("a file where a folder should be", encoding="utf-8")
    result = at_pypi.publish(run=invoke_hatch)
    assert result.returncode == 0, result.output
    assert len(at_pypi.received) == 1


# Silence


@pytest.mark.parametrize("exists", [False, True], ids=["first release", "existing project"])
@pytest.mark.parametrize("stored", [False, True], ids=["given", "stored"])
@pytest.mark.parametrize(
    "token",
    [
        pytest.param("project", id="project's"),
        pytest.param(make_token(project_ids=[PROJECT_ID]), id="project id's"),
        pytest.param(make_token(), id="says nothing"),
        pytest.param(make_token(user=USER_ID)[:-4], id="can't be read"),
    ],
)
def test_a_token_that_is_not_for_the_whole_account_is_not_remarked_on(
    at_pypi: Maintainer, token: str, exists: bool, stored: bool
) -> None:
    token = project_token(at_pypi.project.name) if token == "project" else token
    assert silent_run(at_pypi, token, exists=exists, stored=stored)


def test_an_account_token_that_is_given_for_an_existing_project_is_not_remarked_on(at_pypi: Maintainer) -> None:
    assert silent_run(at_pypi, ACCOUNT, exists=True, stored=False)


@pytest.mark.parametrize("exists", [False, True], ids=["first release", "existing project"])
@pytest.mark.parametrize("stored", [False, True], ids=["given", "stored"])
@pytest.mark.parametrize(
    "token", [make_token(location="127.0.0.1", user=USER_ID), "passw0rd"], ids=["token", "password"]
)
def test_other_indexes_have_no_such_page(at_index: Maintainer, token: str, exists: bool, stored: bool) -> None:
    assert silent_run(at_index, token, exists=exists, stored=stored)


def silent_run(maintainer: Maintainer, token: str, *, exists: bool, stored: bool) -> bool:
    """Publish with a token; return True if no other token was suggested."""
    if exists:
        exists_at(maintainer)
    maintainer.build()
    if stored:
        maintainer.home.remember(maintainer.url, "__token__", token)
    result = maintainer.publish(run=invoke_hatch, **({} if stored else {"HATCH_INDEX_AUTH": token}))
    assert result.returncode == 0, result.output
    assert len(maintainer.server.uploads) == 1
    return "selected_project" not in result.output and " login " not in result.output
