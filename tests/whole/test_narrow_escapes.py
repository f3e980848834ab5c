"""Ways in which a secret could have got lost or out, each closed for good."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from api_tokens import USER_ID, make_token

from hatch_tokenindex import options, repositories
from hatch_tokenindex.credentials import commands
from hatch_tokenindex.credentials.cache import Cache
from hatch_tokenindex.credentials.judging import judge, may_be_for
from hatch_tokenindex.credentials.keyrings import Keyring
from hatch_tokenindex.credentials.remembering import Memory, places
from hatch_tokenindex.credentials.sources import Credential
from hatch_tokenindex.errors import ConfigurationError, CredentialError, SourceUnavailableError
from hatch_tokenindex.given import Given
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.repositories import Layer, Repository
from hatch_tokenindex.tokens import Secret

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = make_token(user=USER_ID)
AROUND = ["{}", " {}", '"{}"', "{}\n", "HATCH_INDEX_AUTH={}"]


@pytest.mark.parametrize("around", AROUND)
def test_a_token_in_the_wrong_place_is_not_quoted(around: str, tmp_path: Path) -> None:
    wrong = around.format(TOKEN)
    configured = repositories.load([])
    with pytest.raises(ConfigurationError) as as_repository:
        configured.choose(Given(wrong, "-r"), dict, Layer("this run", tmp_path, {}))
    with pytest.raises(ConfigurationError) as as_path:
        options.read([wrong], {}, {}, stdin_is_terminal=False)
    assert TOKEN not in f"{as_repository.value} {as_path.value}"


def test_a_password_in_a_url_without_scheme_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as failure:
        repositories.load([]).choose(Given("user:hunter22/x", "-r"), dict, Layer("this run", tmp_path, {}))
    assert "hunter22" not in str(failure.value)


@pytest.mark.parametrize("host", ["localhost", "localhost.", "127.0.0.1", "[::1]"])
def test_no_proxy_sees_what_goes_to_this_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.org:3128")
    with connect(Repository("local", f"http://{host}:8080/")) as client:
        assert not client.trust_env


@pytest.mark.skipif(sys.platform == "win32", reason="makes a shell script")
def test_a_clone_does_not_bring_the_program_of_auth_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "password-manager"
    program.write_text("#!/bin/sh\necho stolen\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".")
    with pytest.raises(CredentialError, match="is not run"):
        commands.first_line(Given((program.name,), "`auth-command`"))
    assert commands.first_line(Given((str(program),), "`auth-command`")).reveal() == "stolen"


@pytest.mark.parametrize("around", AROUND)
def test_a_token_of_another_project_is_known_whatever_is_around_it(around: str) -> None:
    assert not may_be_for(Secret(around.format(make_token(projects=["other"]))), "demo")


class FailsAtTheSecond(Keyring):
    """A keyring that keeps one secret and then breaks."""

    def __init__(self) -> None:
        super().__init__(None)
        self.slots: list[str] = []

    @property
    def name(self) -> str:
        return "half"

    def set(self, service: str, slot: str, secret: Secret) -> None:  # noqa: ARG002 - as the keyring has it
        if self.slots:
            msg = "the keyring is locked"
            raise SourceUnavailableError(msg)
        self.slots.append(slot)


def test_what_was_stored_in_part_is_listed(tmp_path: Path) -> None:
    repository = Repository("main", "https://upload.pypi.org/legacy/")
    found = Credential("__token__", Secret(make_token(projects=["a", "b"])), "the prompt", typed=True)
    judged, keyring, cache = judge(found, "a", repository, 1e9), FailsAtTheSecond(), Cache(tmp_path)
    kept = Memory(repository, cache, keyring).keep(judged, places(judged, "a"), 1e9)
    assert "a on PyPI" in kept.notes[0]
    assert "locked" in kept.warnings[0]
    assert [slot.user for slot in cache.read().slots] == keyring.slots == ["pypi_token:project:a"]
