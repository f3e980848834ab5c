"""A client certificate alone publishes to an index that asks for nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hatch_process import needs_terminal
from maintainer import Maintainer
from servers import Answer, BasicAuth

if TYPE_CHECKING:
    from pathlib import Path

    import trustme
    from hatch_process import Home, Project
    from servers import RecordingServer

UNAUTHORIZED = Answer(401, "Unauthorized")


@pytest.fixture
def certified(
    project: Project, home: Home, strict_index: RecordingServer, authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> Maintainer:
    """A maintainer with a certificate and an empty keyring, and an index that asks for the certificate."""
    home.use_keyring("FileKeyring")
    certificate = tmp_path / "client.pem"
    authority.issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(certificate)
    options = ("-r", strict_index.upload_url, "--ca-cert", str(ca_file), "--client-cert", str(certificate))
    at = Maintainer(project, home, strict_index, strict_index.upload_url, options)
    at.build()
    return at


def test_no_secret_is_needed(certified: Maintainer) -> None:
    result = certified.publish_in_process()
    assert result.returncode == 0, result.output
    (upload,) = certified.server.uploads
    assert upload.client_certificate is not None
    assert "Authorization" not in upload.headers


@pytest.mark.parametrize("status", [401, 403])
def test_an_index_that_asks_for_a_secret_too_is_a_refusal(certified: Maintainer, status: int) -> None:
    certified.server.script_uploads(Answer(status))
    result = certified.publish_in_process()
    assert result.returncode == 1
    for expected in (f"({status})", "credential none", "requires a user name and password", "set HATCH_INDEX_USER"):
        assert expected in result.words
    assert len(certified.server.uploads) == 1


def test_a_page_that_asks_for_a_secret_stops_no_upload(certified: Maintainer) -> None:
    certified.server.script_others(UNAUTHORIZED)
    result = certified.publish_in_process()
    assert result.returncode == 0, result.output
    assert [request.method for request in certified.server.requests] == ["GET", "POST"]


def test_a_lost_answer_is_looked_for_without_a_secret(certified: Maintainer) -> None:
    certified.server.script_uploads(Answer(409))
    certified.server.script_others(None, UNAUTHORIZED)
    result = certified.publish_in_process("-o", "existing=replace")
    assert result.returncode == 1
    assert "probably has" in result.words


@needs_terminal
def test_on_a_terminal_it_is_asked_for_once_the_index_asks_for_it(certified: Maintainer) -> None:
    certified.server.script_uploads(UNAUTHORIZED)
    with certified.at_terminal() as terminal:
        terminal.expect("Fix: enter them here.")
        terminal.expect("User name")
        terminal.send("me")
        terminal.give_secret("a-pass-word")
        assert terminal.finish() == 0, terminal.screen
    first, second = certified.server.uploads
    assert "Authorization" not in first.headers
    assert second.authorization == BasicAuth("me", "a-pass-word")
    assert certified.kept == {"me": "a-pass-word"}


@needs_terminal
def test_what_was_typed_is_for_the_next_project_too(certified: Maintainer) -> None:
    certified.build("another-project")
    certified.server.script_uploads(UNAUTHORIZED)
    with certified.at_terminal() as terminal:
        terminal.expect("User name")
        terminal.send("me")
        terminal.give_secret("a-pass-word")
        assert terminal.finish() == 0, terminal.screen
    assert [upload.authorization for upload in certified.server.uploads] == [
        None,
        *[BasicAuth("me", "a-pass-word")] * 2,
    ]


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["-u", "me"], {}),
        ([], {"HATCH_INDEX_USER": "me"}),
        (["--initialize-auth"], {}),
    ],
)
def test_who_names_a_user_means_a_password_too(
    certified: Maintainer, arguments: list[str], variables: dict[str, str]
) -> None:
    result = certified.publish_in_process(*arguments, **variables)
    assert result.returncode == 1
    assert "Cannot prompt for" in result.words
    assert certified.server.uploads == []


def test_a_secret_that_is_given_is_sent(certified: Maintainer) -> None:
    result = certified.publish_in_process(HATCH_INDEX_AUTH="a-pass-word")
    assert result.returncode == 0, result.output
    assert certified.server.uploads[0].authorization == BasicAuth("__token__", "a-pass-word")


def test_pypi_always_asks_for_a_token(at_pypi: Maintainer, authority: trustme.CA, tmp_path: Path) -> None:
    certificate = tmp_path / "client.pem"
    authority.issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(certificate)
    at_pypi.build()
    result = at_pypi.publish_in_process("--client-cert", str(certificate))
    assert result.returncode == 1
    assert "Cannot prompt for a token" in result.words
    assert at_pypi.server.uploads == []


def test_a_rehearsal_says_so(certified: Maintainer) -> None:
    result = certified.publish_in_process("-o", "dry-run")
    assert result.returncode == 0, result.output
    assert f"{certified.project.name} would be published with the client certificate alone." in result.words


def test_explain_says_so(certified: Maintainer) -> None:
    result = certified.publish_in_process("-o", "explain")
    assert result.returncode == 0, result.output
    assert "publishing would use the client certificate alone." in result.words
    assert "> client certificate in place of a user name and secret" in result.words
    assert "Token" not in result.output


@pytest.mark.parametrize("option", ["explain", "dry-run"])
def test_json_has_no_user(certified: Maintainer, option: str) -> None:
    result = certified.publish_in_process("-o", option, "-o", "json")
    (entry,) = json.loads(result.stdout)["projects"]
    assert entry["credential"] == {"user": None, "source": "client-cert"}
