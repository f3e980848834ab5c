"""An index that wants a token as the user name and an empty password (Gemfury): how it is given, and that it is masked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hatch_in_process import invoke_hatch
from hatch_process import needs_terminal
from servers import Answer, BasicAuth

if TYPE_CHECKING:
    from hatch_process import HatchResult
    from maintainer import Maintainer

TOKEN = "1aBcDe-push-token-of-gemfury"
PLACES = ["--auth", "-o auth", "HATCH_INDEX_USER", "~/.pypirc", "~/.pypirc without a space"]


def give(maintainer: Maintainer, place: str, user: str = TOKEN) -> tuple[tuple[str, ...], dict[str, str]]:
    """Write user name and empty password where they belong; the flags and variables for it."""
    if place.startswith("~/.pypirc"):
        line = "password =" if place == "~/.pypirc" else "password:"
        text = f"[private]\nrepository = {maintainer.url}\nusername = {user}\n{line}\n"
        maintainer.home.pypirc.write_text(text, encoding="utf-8")
    elif place == "HATCH_INDEX_USER":
        return ("-a", ""), {"HATCH_INDEX_USER": user}
    else:
        return ("-u", user, *(("-a", "") if place == "--auth" else ("-o", "auth="))), {}
    return (), {}


def publish(maintainer: Maintainer, place: str, *arguments: str) -> HatchResult:
    flags, variables = give(maintainer, place)
    result = maintainer.publish(*flags, *arguments, run=invoke_hatch, **variables)
    assert TOKEN not in result.output
    return result


@pytest.fixture
def gemfury(at_index: Maintainer) -> Maintainer:
    """A maintainer with a file to publish to an index that requires this."""
    at_index.server.credentials = {BasicAuth(TOKEN, "")}
    at_index.build()
    return at_index


@pytest.mark.parametrize("place", PLACES)
def test_a_user_name_is_sent_with_an_empty_password(gemfury: Maintainer, place: str) -> None:
    result = publish(gemfury, place, "-o", "json")
    assert result.returncode == 0, result.output
    assert gemfury.received == [(gemfury.project.name, TOKEN, "")]
    (project,) = json.loads(result.stdout)["projects"]
    assert project["credential"]["user"] == "*****"
    assert gemfury.kept == {}
    # The stand-in for a keyring writes down which entries it was asked for.
    assert {path.name for path in gemfury.files_with(TOKEN)} <= {".pypirc", "keyring.json"}


@pytest.mark.parametrize("place", PLACES)
def test_the_user_name_is_masked_in_what_is_told(gemfury: Maintainer, place: str) -> None:
    explained = publish(gemfury, place, "-o", "explain").words
    assert "publishing would use ***** with the empty password from " in explained
    assert "set: empty password" in explained
    data = json.loads(publish(gemfury, place, "-o", "explain", "-o", "json").stdout)
    assert data["projects"][0]["credential"]["user"] == "*****"
    assert "published as ***** with the empty password from " in publish(gemfury, place, "-o", "dry-run").words
    flags, variables = give(gemfury, place)
    command = ("-v", "publish", "-p", "tokenindex", *gemfury.options, *flags)
    detailed = invoke_hatch(*command, cwd=gemfury.project.folder, home=gemfury.home, env=variables)
    assert "using ***** with the empty password from " in detailed.words
    assert TOKEN not in detailed.output


@pytest.mark.parametrize("place", PLACES)
def test_the_user_name_is_masked_in_a_refusal_that_quotes_it(gemfury: Maintainer, place: str) -> None:
    gemfury.server.script_uploads(Answer(401, body={"message": f"No such token: {TOKEN}"}))
    result = publish(gemfury, place)
    assert result.returncode == 1
    assert "No such token: *****" in result.words
    assert "credential *****, empty password from " in result.words
    assert "Fix: check the user name, or give a password: the one from " in result.words


@pytest.mark.parametrize("user", ["__token__", None])
def test_an_empty_password_without_a_user_name_of_its_own_is_a_missing_secret(
    at_index: Maintainer, user: str | None
) -> None:
    at_index.build()
    result = at_index.publish("-a", "", *(("-u", user) if user else ()), run=invoke_hatch)
    assert (result.returncode, at_index.received) == (1, [])
    assert "--auth is set but empty" in result.words


@pytest.mark.parametrize("name", ["HATCH_INDEX_AUTH", "HATCH_INDEX_AUTH_PRIVATE"])
def test_an_empty_variable_stays_a_missing_secret(gemfury: Maintainer, name: str) -> None:
    result = gemfury.publish("-u", TOKEN, run=invoke_hatch, **{name: ""})
    assert (result.returncode, gemfury.received) == (1, [])
    assert f"{name} is set but empty" in result.words


def test_pypi_wants_no_user_name_alone(at_pypi: Maintainer) -> None:
    at_pypi.build()
    result = at_pypi.publish("-u", "jane", "-a", "", run=invoke_hatch)
    assert (result.returncode, at_pypi.received) == (1, [])
    assert "--auth is set but empty" in result.words
    at_pypi.home.pypirc.write_text("[pypi]\nusername = jane\npassword =\n", encoding="utf-8")
    assert "Cannot prompt for a password" in at_pypi.publish(run=invoke_hatch).words


def test_an_empty_password_of_pypirc_comes_after_the_keyring(gemfury: Maintainer) -> None:
    """An empty password can mean that it is in the keyring."""
    give(gemfury, "~/.pypirc", "alice")
    gemfury.home.remember(gemfury.url, "alice", "correct horse")
    gemfury.server.credentials = {BasicAuth("alice", "correct horse")}
    result = gemfury.publish(run=invoke_hatch)
    assert result.returncode == 0, result.output
    assert gemfury.received == [(gemfury.project.name, "alice", "correct horse")]


@needs_terminal
def test_an_empty_password_of_pypirc_that_is_refused_may_stand_for_one_that_is_typed(gemfury: Maintainer) -> None:
    give(gemfury, "~/.pypirc", "alice")
    gemfury.server.credentials = {BasicAuth("alice", "correct horse")}
    with gemfury.at_terminal() as terminal:
        terminal.give_secret("correct horse")
        assert terminal.finish() == 0, terminal.screen
    assert gemfury.received == [(gemfury.project.name, "alice", secret) for secret in ("", "correct horse")]
    assert gemfury.kept == {"alice": "correct horse"}
