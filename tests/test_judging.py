"""What is said of a credential before anything is uploaded: what was seen, where it came from, and what to do."""

from __future__ import annotations

import json
import sys
from itertools import product
from typing import TYPE_CHECKING

import pytest
from api_tokens import IDENTIFIER, PROJECT_ID, USER_ID, make_token
from distribution_builders import make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import HatchTerminal, needs_terminal, run_hatch
from servers import BasicAuth

from hatch_tokenindex.credentials.judging import Judged, judge
from hatch_tokenindex.credentials.sources import Credential
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.repositories import Repository
from hatch_tokenindex.tokens import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_process import HatchResult, Home, Project
    from servers import PyPIStandIn, RecordingServer

NOW = 1_800_000_000
PAST, PAST_DATE = 1_600_000_000, "2020-09-13 12:26 UTC"
FUTURE, FUTURE_DATE = 4_102_444_800, "2100-01-01 00:00 UTC"

ACCOUNT = make_token(user=USER_ID)
EXPIRED = make_token(user=USER_ID, expires=PAST)
HERE = make_token(location="127.0.0.1", user=USER_ID)
FAR = "http://packages.example.org/legacy/"


def publish(
    project: Project, home: Home, *arguments: str, run: str = "in process", **environment: str
) -> HatchResult:
    """Publish with the plugin, on a standard input that is no terminal."""
    hatch = run_hatch if run == "the real command" else invoke_hatch
    return hatch("publish", "-p", "tokenindex", *arguments, cwd=project.folder, home=home, env=environment)


@pytest.fixture
def wheel(project: Project) -> str:
    """The name of a project that has a wheel in `dist`."""
    make_wheel(project.dist, project.name)
    return project.name


def check_refusal(result: HatchResult, secret: str, expected: list[str]) -> None:
    """Exit 1, the sentence, no secret, and no word of what else went wrong."""
    assert result.returncode == 1, result.output
    for text in expected:
        assert text in result.words
    assert secret.strip() not in result.output or not secret.strip()
    assert "Traceback" not in result.output
    assert "bug in hatch-tokenindex" not in result.output


# What is refused


@pytest.mark.parametrize(
    ("repository", "secret", "expected"),
    [
        pytest.param(
            "main",
            make_token(location="test.pypi.org", user=USER_ID),
            ["made by test.pypi.org", "upload.pypi.org", "https://pypi.org/manage/account/token/"],
            id="TestPyPI's token at PyPI",
        ),
        pytest.param(
            "test",
            ACCOUNT,
            ["made by pypi.org", "to test.pypi.org", "https://test.pypi.org/manage/account/token/"],
            id="PyPI's token at TestPyPI",
        ),
        pytest.param(
            "main",
            make_token(location="packages.example.org", user=USER_ID),
            ["made by packages.example.org", "upload.pypi.org", "https://pypi.org/manage/account/token/"],
            id="another index's token at PyPI",
        ),
        pytest.param(
            "main",
            make_token(projects=["other-project"], project_ids=[PROJECT_ID]),
            ["only for other-project", "can't upload {project}", "one for the whole account"],
            id="another project's token",
        ),
        pytest.param(
            "main",
            make_token(projects=["one", "two"]),
            ["only for one, two", "can't upload {project}", "a token of its own"],
            id="other projects' token",
        ),
        pytest.param("main", EXPIRED, [f"expired on {PAST_DATE}", "Make a new one"], id="expired"),
        pytest.param(
            "main",
            make_token(user=USER_ID, not_before=FUTURE),
            [f"valid only from {FUTURE_DATE}", "wait", "clock"],
            id="not yet valid",
        ),
        pytest.param("main", "\x16", ["control characters", "Ctrl+V", "Set it again"], id="Ctrl+V"),
        pytest.param("main", f"{ACCOUNT[:60]}\n{ACCOUNT[60:]}", ["control characters"], id="line break inside"),
        pytest.param("main", "", ["is set but empty", "missing secret", "check"], id="empty"),
        pytest.param("main", " \t ", ["is empty", "Set it again"], id="white space"),
    ],
)
def test_refused_by_pypi_before_anything_is_uploaded(
    pypi: PyPIStandIn, home: Home, project: Project, wheel: str, repository: str, secret: str, expected: list[str]
) -> None:
    environment = {**pypi.environment, "HATCH_INDEX_AUTH": secret}
    arguments = ["-r", repository, "--ca-cert", str(pypi.ca_file)]
    result = publish(project, home, *arguments, run="the real command", **environment)

    check_refusal(result, secret, ["HATCH_INDEX_AUTH", *(text.format(project=wheel) for text in expected)])
    assert pypi.server.uploads == []
    assert all("Authorization" not in request.headers for request in pypi.server.requests)


@pytest.mark.parametrize("location", ["pypi.org", "test.pypi.org", "upload.pypi.org", "PyPI.org"])
def test_a_token_of_pypi_is_not_disclosed_to_another_index(
    index: RecordingServer, home: Home, project: Project, wheel: str, location: str
) -> None:
    token = make_token(location=location, projects=[wheel])
    result = publish(project, home, "-r", index.upload_url, run="the real command", HATCH_INDEX_AUTH=token)

    check_refusal(result, token, [f"HATCH_INDEX_AUTH was made by {location}", "disclosed to 127.0.0.1", "Give a secret"])
    assert index.uploads == []


@pytest.mark.parametrize(
    ("secret", "arguments", "expected"),
    [
        pytest.param("passw0rd", [], ["The secret", "https://", "`-o insecure-http`"], id="password"),
        pytest.param("passw0rd", ["-o", "insecure-http=false"], ["The secret", "https://"], id="insecure-http=false"),
        pytest.param(ACCOUNT, [], ["never sent over plain http", "https://"], id="PyPI's token"),
        pytest.param(ACCOUNT, ["-o", "insecure-http"], ["never sent over plain http"], id="PyPI's token, insecure-http"),
    ],
)
def test_nothing_travels_over_plain_http(
    index: RecordingServer, home: Home, project: Project, wheel: str, secret: str, arguments: list[str], expected: list[str]
) -> None:
    environment = {"HTTP_PROXY": index.url, "HATCH_INDEX_AUTH": secret}
    result = publish(project, home, "-r", FAR, *arguments, run="the real command", **environment)

    check_refusal(result, secret, ["from HATCH_INDEX_AUTH", FAR, *expected])
    assert index.uploads == []
    assert all("Authorization" not in request.headers for request in index.requests)


def test_insecure_http_lets_a_secret_go(index: RecordingServer, home: Home, project: Project, wheel: str) -> None:
    environment = {"HTTP_PROXY": index.url, "HATCH_INDEX_AUTH": "passw0rd"}
    result = publish(project, home, "-r", FAR, "-o", "insecure-http", **environment)

    assert result.returncode == 0, result.output
    assert [request.authorization for request in index.uploads] == [BasicAuth("__token__", "passw0rd")]


def test_a_proxy_never_sees_what_goes_to_this_machine(
    index: RecordingServer, home: Home, project: Project, wheel: str
) -> None:
    result = publish(project, home, "-r", index.upload_url, HTTP_PROXY=FAR, HATCH_INDEX_AUTH="passw0rd")

    assert result.returncode == 0, result.output
    assert len(index.uploads) == 1


# Where it came from, in each refusal


def in_flag(project: Project, home: Home, url: str, token: str) -> str:  # noqa: ARG001
    """`--auth`, of which the run has to be told."""
    return "from --auth"


@pytest.mark.parametrize(
    ("arguments", "environment", "origin"),
    [
        (["--auth", EXPIRED], {}, "from --auth"),
        (["-o", f"auth={EXPIRED}"], {}, "from -o auth"),
        ([], {"HATCH_INDEX_AUTH": EXPIRED}, "from HATCH_INDEX_AUTH"),
        ([], {"HATCH_INDEX_AUTH_PRIVATE": EXPIRED}, "from HATCH_INDEX_AUTH_PRIVATE"),
        ([], {"HATCH_PUBLISHER_OPTIONS": f"auth={EXPIRED}"}, "from HATCH_PUBLISHER_OPTIONS"),
    ],
    ids=["--auth", "-o auth", "variable", "own variable", "options variable"],
)
def test_a_refusal_names_the_flag_or_variable(
    index: RecordingServer,
    home: Home,
    project: Project,
    wheel: str,
    arguments: list[str],
    environment: dict[str, str],
    origin: str,
) -> None:
    project.configure(f'[publish.tokenindex.repos.private]\nurl = "{index.upload_url}"\n')
    result = publish(project, home, "-r", "private", *arguments, **environment)
    check_refusal(result, EXPIRED, [f"{origin} was made by pypi.org"])
    assert index.uploads == []
