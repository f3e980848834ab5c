"""Whole runs from outside: dry runs at a terminal, several projects, some already uploaded, and the final summary."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from api_tokens import account_token
from distribution_builders import make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import needs_terminal
from servers import Answer

if TYPE_CHECKING:
    from hatch_process import HatchResult
    from maintainer import Maintainer
    from servers import Request


@needs_terminal
def test_a_rehearsal_of_a_disabled_publisher_says_that_the_run_would_ask(at_pypi: Maintainer) -> None:
    at_pypi.project.configure("[publish.tokenindex]\ndisable = true\n")
    at_pypi.build()
    with at_pypi.at_terminal("-o", "dry-run") as terminal:
        assert terminal.finish() == 0, terminal.screen
    assert "Publishing with tokenindex is disabled. Publishing would prompt for confirmation." in terminal.words
    assert "would prompt" in terminal.words
    assert at_pypi.received == []


@needs_terminal
def test_a_rehearsal_of_remembering_asks_nothing(at_pypi: Maintainer) -> None:
    with at_pypi.at_terminal("--initialize-auth", "-o", "dry-run") as terminal:
        assert terminal.finish() == 0, terminal.screen
    name = at_pypi.project.name
    assert f"No credential for {name} yet: publishing would prompt." in terminal.words
    assert at_pypi.kept == {}


def test_what_is_left_out_of_the_metadata_is_told_by_file(at_index: Maintainer) -> None:
    wheel = make_wheel(at_index.project.dist, headers=[("Made-Up", "nobody knows it")])
    result = at_index.publish_in_process(HATCH_INDEX_AUTH="s3cret")
    assert result.returncode == 0, result.output
    assert f"{wheel.name}: unknown metadata fields are not uploaded: made-up" in result.words


def test_a_rehearsal_tells_of_projects_that_are_there_and_of_others(at_index: Maintainer) -> None:
    at_index.build("aaa", "zzz")
    wheel = at_index.project.dist / "aaa-1.0-py3-none-any.whl"
    at_index.server.store(wheel.name, wheel.read_bytes())
    result = at_index.publish_in_process("-o", "dry-run", HATCH_INDEX_AUTH="s3cret")
    assert result.returncode == 0, result.output
    assert f"{wheel.name} ... already exists" in result.words
    assert "zzz would be published as __token__ with the token from HATCH_INDEX_AUTH." in result.words
    assert "aaa would be published" not in result.words
    assert at_index.received == []


def test_a_reminder_waits_for_a_run_that_ends_well(at_pypi: Maintainer) -> None:
    """A project that exists is reminded of a token of its own once: not beside a refusal of another one."""
    at_pypi.build("aaa", "zzz")
    at_pypi.home.remember(at_pypi.url, "__token__", account_token())
    at_pypi.server.store("aaa-0.1-py3-none-any.whl", b"an older release")
    at_pypi.server.script_uploads(None, Answer(400, "The name 'zzz' is too similar to an existing project."))
    refused = at_pypi.publish()
    assert refused.returncode == 1
    assert "https://pypi.org/project/aaa/1.0/" in refused.words
    assert "A token for aaa alone is safer" not in refused.words

    make_wheel(at_pypi.project.dist, "aaa", tag="cp312-none-any")
    again = at_pypi.publish()
    assert again.returncode == 0, again.output
    assert "A token for aaa alone is safer" in again.words


# Files that the index has, but did not list


def publish_unlisted(at: Maintainer, *arguments: str) -> HatchResult:
    """Publish to an index that lists nothing and refuses what it has."""

    def respond(request: Request) -> Answer | None:
        if not request.is_upload:
            return Answer(503)
        return Answer(409, "File already exists") if request.file.filename in at.server.files else None

    at.server.respond = respond
    return at.publish(*arguments, run=invoke_hatch, HATCH_INDEX_AUTH="secret")


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_file_that_exists_does_not_keep_the_others_back(at_index: Maintainer, position: int) -> None:
    wheels = [make_wheel(at_index.project.dist, tag=f"cp3{minor}-none-any") for minor in (10, 11, 12)]
    at_index.server.store(wheels[position].name, b"there before")
    at_index.build("zzz")
    result = publish_unlisted(at_index, "-o", "jobs=1")
    assert result.returncode == 1, result.output
    assert {path.name for path in at_index.project.dist.iterdir()} == set(at_index.server.files)
    assert f"{wheels[position].name} ... failed" in result.words
    assert f"Not uploaded: dist{os.sep}{wheels[position].name}." in result.words
    assert "already has" in result.words
    assert result.words.count("... success") == 3
    assert f"{at_index.server.simple_url}zzz/" in result.words


def test_all_files_exist_unlisted(at_index: Maintainer) -> None:
    wheels = [make_wheel(at_index.project.dist, tag=f"cp3{minor}-none-any") for minor in (10, 11)]
    for wheel in wheels:
        at_index.server.store(wheel.name, wheel.read_bytes())
    result = publish_unlisted(at_index)
    assert result.returncode == 1, result.output
    assert len(at_index.server.uploads) == 2
    assert result.words.count("already has") == 2
    assert "[demo]" not in result.output


@pytest.mark.parametrize("existing", ["fail", "replace"])
def test_a_file_that_must_not_exist_ends_the_run(at_index: Maintainer, existing: str) -> None:
    wheels = [make_wheel(at_index.project.dist, tag=f"cp3{minor}-none-any") for minor in (10, 11)]
    at_index.server.store(wheels[0].name, b"there before")
    result = publish_unlisted(at_index, "-o", f"existing={existing}")
    assert result.returncode == 1, result.output
    assert len(at_index.server.uploads) == 1
