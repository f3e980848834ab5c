"""A whole run from outside: rehearsals at a terminal, several projects of which some are there, and what is told at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_tokens import account_token
from distribution_builders import make_wheel
from hatch_process import needs_terminal
from servers import Answer

if TYPE_CHECKING:
    from maintainer import Maintainer


@needs_terminal
def test_a_rehearsal_of_a_disabled_publisher_says_that_the_run_would_ask(at_pypi: Maintainer) -> None:
    at_pypi.project.configure("[publish.tokenindex]\ndisable = true\n")
    at_pypi.build()
    with at_pypi.at_terminal("-o", "dry-run") as terminal:
        assert terminal.finish() == 0, terminal.screen
    assert "Publishing with tokenindex is disabled; publishing would prompt for confirmation." in terminal.words
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
