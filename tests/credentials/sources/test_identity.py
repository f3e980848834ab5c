"""Who this machine is: which provider is asked, what it is asked for, and what comes of its answers."""

from __future__ import annotations

import base64
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from servers import Answer
from servers.oidc import GITLAB, GitHub, signed

from hatch_tokenindex.credentials.sources.identity import PROVIDERS, claims_of, obtain, provider
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_tokenindex.credentials.sources.identity import Identity

ON_GITHUB, ON_GITLAB, ON_GOOGLE = PROVIDERS


@pytest.fixture
def github(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> GitHub:
    """A job in GitHub Actions, of which this process is a part: the `id` library looks at nothing else."""
    for name, value in github.job.items():
        monkeypatch.setenv(name, value)
    return github


def on_github(github: GitHub, audience: str = "pypi") -> Identity:
    """Ask GitHub."""
    return obtain(ON_GITHUB, audience, github.job)


def refused(environment: Mapping[str, str], audience: str = "pypi") -> str:
    """The error message for a job without an identity."""
    found = provider(environment)
    assert found is not None
    with pytest.raises(SourceUnavailableError) as caught:
        obtain(found, audience, environment)
    return str(caught.value)


# Who is asked


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"GITHUB_ACTIONS": "true"}, "GitHub Actions"),
        ({"GITLAB_CI": "true"}, "GitLab CI/CD"),
        ({"GOOGLE_SERVICE_ACCOUNT_NAME": "ci@example.iam.gserviceaccount.com"}, "Google Cloud"),
        ({"GITHUB_ACTIONS": "true", "GOOGLE_SERVICE_ACCOUNT_NAME": "ci@example.org"}, "GitHub Actions"),
        ({}, None),
        ({"CI": "true"}, None),
        ({"GITHUB_ACTIONS": ""}, None),
        ({"GITHUB_ACTIONS": "false"}, None),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"}, None),
        ({"PYPI_ID_TOKEN": "x"}, None),
        ({"CODESPACES": "true", "GITHUB_TOKEN": "x"}, None),
        ({"CIRCLECI": "true"}, None),
        ({"BUILDKITE": "true"}, None),
        ({"TF_BUILD": "True"}, None),
    ],
)
def test_a_provider_is_known_by_what_it_sets_in_every_job(environment: dict[str, str], name: str | None) -> None:
    found = provider(environment)
    assert (found and found.name) == name


# GitHub


def test_github_states_the_job_for_an_audience(github: GitHub) -> None:
    identity = on_github(github, "testpypi")
    assert identity.token == Secret(github.issued[0])
    assert identity.claims["aud"] == "testpypi"
    assert identity.claims.items() >= github.claims.items()
    assert github.audiences == ["testpypi"]
    (request,) = github.server.requests
    assert dict(request.query) == {"api-version": "2.0", "audience": "testpypi"}


def test_every_question_gives_another_token(github: GitHub) -> None:
    tokens = [on_github(github) for _ in range(3)]
    assert len({identity.claims["jti"] for identity in tokens}) == len(set(github.issued)) == len(tokens)


def test_an_identity_shows_neither_its_token_nor_its_claims(github: GitHub) -> None:
    assert repr(on_github(github)) == "Identity(token=*****)"


@pytest.mark.parametrize("name", ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL"])
@pytest.mark.parametrize("value", ["", None])
def test_a_job_without_the_permission_is_told_what_to_add(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    environment = {key: text for key, text in github.job.items() if key != name}
    if value is not None:
        environment[name] = value
    monkeypatch.delenv(name)
    why = refused(environment)
    assert "lacks the permission to request an identity token" in why
    assert "permissions:\n  contents: read\n  id-token: write" in why
    assert github.server.requests == []


def test_a_pull_request_is_told_that_one_from_a_fork_has_no_identity() -> None:
    why = refused({"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request"})
    assert "fork" in why
    assert "tag or a release" in why


SHAPE = signed({"iss": "anybody"}, "pypi")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(500, body="out of order"), "out of order"),
        (Answer(403, body=f"{GitHub.request_token} may not"), "***** may not"),
        (Answer(403, body=f"what is {SHAPE}?"), "what is *****?"),
        (Answer(403, body="\x1b[31mred\x9b0m\u202e"), "red"),
        (Answer(403, body=b"\xff"), "UnicodeDecodeError"),
        (Answer(403, body="x" * 10_000), "..."),
        (Answer(body="no JSON"), "malformed or incomplete JSON"),
        (Answer(body=[]), "malformed or incomplete JSON"),
        (Answer(body={"value": 3}), "malformed or incomplete JSON"),
        (Answer(body={"value": "no token"}), "Malformed token"),
        (Answer(body={"value": "a.b.c"}), "Malformed token"),
        (Answer(body={"value": ""}), "Malformed token"),
        (Answer(body={"value": signed({}, "sigstore")}), "expected pypi, got sigstore"),
        (Answer(body={"value": signed({}, ["pypi"])}), "expected pypi, got ['pypi']"),
    ],
)
def test_what_github_may_answer_instead(github: GitHub, answer: Answer, told: str) -> None:
    github.server.respond = lambda _request: answer
    why = refused(github.job)
    assert told in why
    assert why.isprintable()
    assert len(why) < 600
    assert GitHub.request_token not in why
    assert SHAPE[-40:] not in why


def test_github_cannot_be_reached(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url)
        assert refused({**github.job, "ACTIONS_ID_TOKEN_REQUEST_URL": url}).startswith("no identity token")


def test_a_url_that_is_none_is_no_traceback(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "no url")
    why = refused(github.job)
    assert why.startswith("no identity token (")


# GitLab

ON_GITLAB_ALONE = {"GITLAB_CI": "true"}


@pytest.mark.parametrize(
    ("audience", "variable"),
    [
        ("pypi", "PYPI_ID_TOKEN"),
        ("testpypi", "TESTPYPI_ID_TOKEN"),
        ("packages.example.org", "PACKAGES_EXAMPLE_ORG_ID_TOKEN"),
        ("https://example.org/", "HTTPS___EXAMPLE_ORG__ID_TOKEN"),
    ],
)
def test_gitlab_gives_the_token_in_a_variable(audience: str, variable: str) -> None:
    token = signed({"iss": GITLAB, "project_path": "group/sample"}, audience)
    identity = obtain(ON_GITLAB, audience, {**ON_GITLAB_ALONE, variable: token})
    assert identity.token == Secret(token)
    assert identity.claims["project_path"] == "group/sample"


def test_one_audience_may_stand_in_a_list() -> None:
    """So GitLab writes it where the job does (RFC 7519, 4.1.3, knows both)."""
    token = signed({"iss": GITLAB}, ["pypi"])
    assert obtain(ON_GITLAB, "pypi", {**ON_GITLAB_ALONE, "PYPI_ID_TOKEN": token}).token == Secret(token)


@pytest.mark.parametrize("value", [{}, {"PYPI_ID_TOKEN": ""}, {"TESTPYPI_ID_TOKEN": "x"}])
def test_a_job_of_gitlab_without_the_variable_is_told_what_to_add(value: dict[str, str]) -> None:
    why = refused({**ON_GITLAB_ALONE, **value})
    assert "no identity token in PYPI_ID_TOKEN" in why
    assert "id_tokens:\n  PYPI_ID_TOKEN:\n    aud: pypi" in why


@pytest.mark.parametrize(
    ("made_out_for", "asked_for", "told"),
    [
        ("pypi", "PyPI", "for pypi, instead of one for PyPI"),
        ("sigstore", "pypi", "for sigstore, instead of one for pypi"),
        (["pypi", "sigstore"], "pypi", "for ['pypi', 'sigstore'], instead of one for pypi"),
        (["sigstore"], "pypi", "for ['sigstore'], instead of one for pypi"),
        ([], "pypi", "for [], instead of one for pypi"),
        (None, "pypi", "for None, instead of one for pypi"),
    ],
)
def test_a_token_of_gitlab_is_used_for_nobody_but_whom_it_is_made_out_for(
    made_out_for: object, asked_for: str, told: str
) -> None:
    """A variable's name tells less than an audience: an index that asks for `PyPI` would get what is meant for `pypi`."""
    token = signed({"iss": GITLAB}, made_out_for)
    why = refused({**ON_GITLAB_ALONE, "PYPI_ID_TOKEN": token}, asked_for)
    assert told in why
    assert token not in why


@pytest.mark.parametrize("token", ["no token", "a.b.c", "eyJhbGciOiJSUzI1NiJ9..", "...."])
def test_what_is_no_token_in_the_variable_is_not_sent(token: str) -> None:
    why = refused({**ON_GITLAB_ALONE, "PYPI_ID_TOKEN": token})
    assert "that can't be read, instead of one for" in why
    assert token not in why


# Google


def test_google_states_a_service_account(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "ci@example.iam.gserviceaccount.com"
    token = signed({"iss": "https://accounts.google.com", "email": name}, "pypi")
    answers = {"metadata": {"access_token": "of the machine"}, "iamcredentials.googleapis.com": {"token": token}}
    asked = []

    def request(_method: str, url: str, **_more: Any) -> urllib3.HTTPResponse:
        host = urllib3.util.parse_url(url).host or ""
        asked.append(host)
        body = json.dumps(answers[host]).encode()
        return urllib3.HTTPResponse(body, headers={"Content-Type": "application/json"}, status=200)

    monkeypatch.setattr(urllib3, "request", request)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_NAME", name)
    identity = obtain(ON_GOOGLE, "pypi", {"GOOGLE_SERVICE_ACCOUNT_NAME": name})
    assert identity.claims["email"] == name
    assert asked == ["metadata", "iamcredentials.googleapis.com"]


# What a token claims


def payload(text: bytes) -> Secret:
    """A token with this payload."""
    return Secret(f"e30.{base64.urlsafe_b64encode(text).decode().rstrip('=')}.signature")


@pytest.mark.parametrize(
    ("token", "claims"),
    [
        (payload(b'{"sub": "a"}'), {"sub": "a"}),
        (payload('{"sub": "ü"}'.encode()), {"sub": "ü"}),
        (payload(b'["sub"]'), {}),
        (payload(b"sub"), {}),
        (payload(b"\xff"), {}),
        (payload(b"[" * 100_000), {}),
        (Secret("e30"), {}),
        (Secret("e30.!"), {}),
        (Secret("e30.ü.x"), {}),
        (Secret(""), {}),
    ],
    ids=[
        "claims",
        "not ASCII",
        "a list",
        "no JSON",
        "not UTF-8",
        "endless",
        "one part",
        "no base64",
        "no letters",
        "nothing",
    ],
)
def test_claims_are_read_from_whatever_stands_there(token: Secret, claims: dict[str, Any]) -> None:
    assert claims_of(token) == claims
