"""Restricting PyPI tokens before they are sent: which ones, to what, for how long, and by which clock."""

from __future__ import annotations

import base64
import os
import re
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING

import pytest
from api_tokens import PROJECT_ID, USER_ID, make_token, present
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import HatchTerminal, needs_terminal, run_hatch
from servers import Answer, BasicAuth

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.checks import check_credential
from hatch_tokenindex.credentials.credential import Credential
from hatch_tokenindex.credentials.narrowing import authorize, lifetime
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_tokens import Presented
    from hatch_process import HatchResult, Home, Project
    from servers import PyPIStandIn, RecordingServer, Request

    from hatch_tokenindex.credentials.narrowing import Authorization

PYPI = "https://upload.pypi.org/legacy/"
TEST_PYPI = "https://test.pypi.org/legacy/"
NOW = 1_800_000_000
HOUR = 3600

ACCOUNT = make_token(user=USER_ID)
LOCATIONS = {"main": "pypi.org", "test": "test.pypi.org"}
LONGEST = 24_500
"""Characters of a token that still fits into a header which PyPI takes."""


# What is made of a secret


def sent(
    secret: str, url: str = PYPI, *, project: str = "demo", size: int = 0, narrow_token: str = "automatic"
) -> Authorization:
    """Return the authorization sent for a secret at `NOW`."""
    repository = Repository("private", url, narrow_token="never" if narrow_token == "never" else "automatic")
    checked = check_credential(Credential("__token__", Secret(secret), "HATCH_INDEX_AUTH"), None, repository, NOW)
    return authorize(checked, project, repository, size=size, now=NOW)


def sent_token(authorization: Authorization) -> str:
    """The token that the index gets to see."""
    scheme, _, encoded = authorization.header.reveal().partition(" ")
    assert scheme == "Basic"
    user, _, token = base64.b64decode(encoded).decode().partition(":")
    assert user == "__token__"
    return token


def presented_by(authorization: Authorization) -> Presented:
    """That token as the index reads it."""
    return present(sent_token(authorization))


@pytest.mark.parametrize(
    ("size", "seconds"),
    [
        (0, 900),
        (249_999, 900),
        (250_000, 901),
        (25_000_000, 1_000),
        (100 * 2**20, 1_319),
        (2**30, 5_194),
    ],
)
def test_a_token_lives_as_long_as_its_file_takes_at_250_kb_a_second(size: int, seconds: int) -> None:
    assert lifetime(size) == seconds
    presented = presented_by(sent(ACCOUNT, size=size))
    assert presented.verifies
    assert presented.added_to(ACCOUNT) == ([1, ["demo"]], [0, NOW + seconds, NOW - HOUR])


@pytest.mark.parametrize(
    "token",
    [
        ACCOUNT,
        make_token(),
        make_token(projects=["demo"], project_ids=[PROJECT_ID]),
        make_token(projects=["demo", "other"]),
        make_token(user=USER_ID, expires=NOW + 60, not_before=NOW - 60),
    ],
    ids=["account", "says nothing", "project", "projects", "about to expire"],
)
def test_what_a_token_says_already_stays(token: str) -> None:
    presented = presented_by(sent(token))
    assert presented.verifies
    assert presented.added_to(token) == ([1, ["demo"]], [0, NOW + 900, NOW - HOUR])


def test_the_name_of_the_project_is_normalized() -> None:
    assert presented_by(sent(ACCOUNT, project="Demo_.Project")).caveats[1] == [1, ["demo-project"]]


@pytest.mark.parametrize(
    ("location", "url", "setting", "narrowed"),
    [
        ("pypi.org", PYPI, "automatic", True),
        ("upload.pypi.org", PYPI, "automatic", True),
        ("pypi.org", "https://pypi.org/legacy/", "automatic", True),
        ("test.pypi.org", TEST_PYPI, "automatic", True),
        ("pypi.org", PYPI, "never", False),
        ("test.pypi.org", TEST_PYPI, "never", False),
        ("", PYPI, "automatic", False),
        ("example.org", "https://example.org/legacy/", "automatic", False),
        ("example.org", "https://upload.example.org/legacy/", "automatic", False),
        ("", "https://example.org/legacy/", "automatic", False),
    ],
)
def test_tokens_of_pypi_are_narrowed_and_no_others(location: str, url: str, setting: str, narrowed: bool) -> None:
    token = make_token(location=location, user=USER_ID)
    made = sent(token, url, narrow_token=setting)
    assert made.is_narrowed is narrowed
    assert (sent_token(made) == token) is not narrowed
    assert len(presented_by(made).added_to(token)) == (2 if narrowed else 0)


@pytest.mark.parametrize("secret", ["passw0rd", "pypi-", ACCOUNT[:-4], f"{ACCOUNT}AAAA", ACCOUNT.replace("A", "B", 1)])
def test_what_cannot_be_read_is_sent_as_it_is(secret: str) -> None:
    made = sent(secret)
    assert not made.is_narrowed
    assert sent_token(made) == secret
    assert made.header.reveal() == f"Basic {base64.b64encode(f'__token__:{secret}'.encode()).decode()}"


def test_a_token_that_would_become_too_long_is_sent_as_it_is() -> None:
    room = 59
    fits, does_not_fit = (
        max((token for token in padded if len(token) <= LONGEST - left), key=len)
        for padded in [[make_token(projects=["demo", "x" * count]) for count in range(18_000, 18_300)]]
        for left in (room, room - 3)
    )
    assert LONGEST - 3 <= len(sent_token(sent(fits))) <= LONGEST
    assert sent(fits).is_narrowed
    assert sent_token(sent(does_not_fit)) == does_not_fit
    assert not sent(does_not_fit).is_narrowed


# What crosses the wire


@pytest.fixture
def pypi(pypi: PyPIStandIn) -> PyPIStandIn:
    """PyPI and TestPyPI, which check each token that is presented as PyPI does."""
    pypi.server.respond = lambda request: checked(pypi.server, request)
    return pypi


def checked(server: RecordingServer, request: Request) -> Answer | None:
    """PyPI's refusal of a token, by the index's clock."""
    if not request.is_upload:
        return None
    why_not = token_of(request).refusal(request.value("name"), time() + server.seconds_ahead)
    return Answer(403, why_not, body={"message": why_not, "code": f"403 {why_not}"}) if why_not else None


def token_of(request: Request) -> Presented:
    """The token that a request presents."""
    assert request.authorization is not None
    assert request.authorization.user == "__token__"
    return present(request.authorization.password)


def lifespan(request: Request) -> tuple[int, int]:
    """From when until when the token of a request is valid."""
    tag, expires_at, not_before = token_of(request).caveats[-1]
    assert tag == 0
    return not_before, expires_at


def publish(
    pypi: PyPIStandIn,
    project: Project,
    home: Home,
    *arguments: str,
    token: str = ACCOUNT,
    run: Callable[..., HatchResult] = invoke_hatch,
) -> HatchResult:
    """Publish to the stand-in for PyPI; in this process, unless `run` says otherwise."""
    return run(
        *("publish", "-p", "tokenindex", "--ca-cert", str(pypi.ca_file), *arguments),
        cwd=project.folder,
        home=home,
        env={**pypi.environment, "HATCH_INDEX_AUTH": token},
    )


@pytest.mark.parametrize("repository", ["main", "test"])
def test_only_narrowed_tokens_cross_the_wire(pypi: PyPIStandIn, project: Project, home: Home, repository: str) -> None:
    token = make_token(location=LOCATIONS[repository], user=USER_ID)
    files = [make_wheel(project.dist, project.name), make_sdist(project.dist, project.name)]
    files.append(make_wheel(project.dist, f"{project.name}-plugin", extra={"data": os.urandom(1_000_000)}))
    sizes = {file.name: file.stat().st_size for file in files}
    before = int(time())
    result = publish(pypi, project, home, "-r", repository, token=token, run=run_hatch)
    after = int(time())

    assert result.returncode == 0, result.output
    assert {request.file.filename for request in pypi.server.uploads} == set(sizes)
    signature = present(token).signature
    for request in pypi.server.uploads:
        presented = token_of(request)
        assert presented.verifies
        scope, _ = presented.added_to(token)
        assert scope == [1, [request.value("name")]]
        not_before, expires_at = lifespan(request)
        assert before - HOUR <= not_before <= after - HOUR
        assert expires_at - not_before == HOUR + 900 + sizes[request.file.filename] // 250_000
        assert presented.signature != signature
        assert bytes.fromhex(signature) not in bytes_of(request)
    for request in pypi.server.requests:
        assert request.is_upload or "Authorization" not in request.headers
        assert token not in f"{request.target}{request.headers}"
        assert token.encode() not in request.body


def bytes_of(request: Request) -> bytes:
    """The token of a request, decoded."""
    assert request.authorization is not None
    payload = request.authorization.password.removeprefix("pypi-")
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def test_a_project_token_is_narrowed_too(pypi: PyPIStandIn, project: Project, home: Home) -> None:
    make_wheel(project.dist, project.name)
    token = make_token(projects=[project.name], project_ids=[PROJECT_ID])
    result = publish(pypi, project, home, token=token)

    assert result.returncode == 0, result.output
    (request,) = pypi.server.uploads
    assert [caveat[0] for caveat in token_of(request).added_to(token)] == [1, 0]


@pytest.mark.parametrize("where", ["-o", "hatch.toml", "config.toml"])
def test_narrowing_can_be_turned_off(pypi: PyPIStandIn, project: Project, home: Home, where: str) -> None:
    make_wheel(project.dist, project.name)
    if where == "hatch.toml":
        project.configure('[publish.tokenindex]\nnarrow-token = "never"\n')
    if where == "config.toml":
        home.configure_hatch('[publish.tokenindex.repos.main]\nnarrow-token = "never"\n')
    result = publish(pypi, project, home, *(["-o", "narrow-token=never"] if where == "-o" else []))

    assert result.returncode == 0, result.output
    assert [request.authorization for request in pypi.server.uploads] == [BasicAuth("__token__", ACCOUNT)]


def test_a_token_that_cannot_be_read_crosses_the_wire_as_it_is(pypi: PyPIStandIn, project: Project, home: Home) -> None:
    make_wheel(project.dist, project.name)
    pypi.server.respond = lambda _request: None
    result = publish(pypi, project, home, token=ACCOUNT[:-4])

    assert result.returncode == 0, result.output
    assert [request.authorization for request in pypi.server.uploads] == [BasicAuth("__token__", ACCOUNT[:-4])]
    assert "could not be parsed; sending it unchanged" in result.words


@needs_terminal
def test_what_is_remembered_is_the_original(pypi: PyPIStandIn, project: Project, home: Home) -> None:
    make_wheel(project.dist, project.name)
    home.use_keyring("FileKeyring")
    arguments = ["publish", "-p", "tokenindex", "-u", "__token__", "--ca-cert", str(pypi.ca_file)]
    with HatchTerminal(*arguments, cwd=project.folder, home=home, env=pypi.environment) as terminal:
        terminal.give_secret(ACCOUNT)
        assert terminal.finish() == 0, terminal.screen

    assert home.keyring.secrets == {PYPI: {"__token__": ACCOUNT}}
    (request,) = pypi.server.uploads
    assert len(token_of(request).added_to(ACCOUNT)) == 2


# By whose clock


def test_each_attempt_has_a_token_of_its_own(pypi: PyPIStandIn, project: Project, home: Home) -> None:
    make_wheel(project.dist, project.name)
    later = formatdate(time() + 600, usegmt=True)
    pypi.server.script_uploads(*[Answer(503, headers={"Retry-After": "0", "Date": later})] * 2)
    result = publish(pypi, project, home)

    assert result.returncode == 0, result.output
    first, *others = [lifespan(request) for request in pypi.server.uploads]
    assert all(token_of(request).verifies for request in pypi.server.uploads)
    assert len(others) == 2
    for not_before, expires_at in others:
        assert not_before - first[0] == pytest.approx(600, abs=30)
        assert expires_at - first[1] == not_before - first[0]


@pytest.mark.parametrize("hours", [-30, -2, 2, 30])
def test_a_wrong_clock_of_this_machine_does_not_matter(
    pypi: PyPIStandIn, project: Project, home: Home, hours: int
) -> None:
    make_wheel(project.dist, project.name)
    pypi.server.seconds_ahead = hours * HOUR
    result = publish(pypi, project, home)

    assert result.returncode == 0, result.output
    (request,) = pypi.server.uploads
    assert lifespan(request)[0] == pytest.approx(time() + (hours - 1) * HOUR, abs=30)


def test_a_wrong_clock_is_corrected_before_a_token_is_judged(pypi: PyPIStandIn, project: Project, home: Home) -> None:
    make_wheel(project.dist, project.name)
    pypi.server.seconds_ahead = -2 * HOUR
    result = publish(pypi, project, home, token=make_token(user=USER_ID, expires=int(time()) - HOUR))
    assert result.returncode == 0, result.output


def test_the_date_of_an_answer_from_a_cache_is_no_clock(pypi: PyPIStandIn, project: Project, home: Home) -> None:
    make_wheel(project.dist, project.name)
    long_ago = formatdate(time() - 3 * HOUR, usegmt=True)
    pypi.server.script_others(Answer(404, headers={"Age": "10800", "Date": long_ago}))
    result = publish(pypi, project, home)

    assert result.returncode == 0, result.output
    (request,) = pypi.server.uploads
    assert lifespan(request)[0] == pytest.approx(time() - HOUR, abs=30)


def test_an_expired_token_is_tried_once_more_with_a_new_one(pypi: PyPIStandIn, project: Project, home: Home) -> None:
    """The page came from a cache, so the refusal is the first that tells the index's time."""
    make_wheel(project.dist, project.name)
    pypi.server.seconds_ahead = 5 * HOUR
    pypi.server.script_others(Answer(404, headers={"Age": "1", "Date": formatdate(time(), usegmt=True)}))
    result = publish(pypi, project, home)

    assert result.returncode == 0, result.output
    first, second = [lifespan(request) for request in pypi.server.uploads]
    assert second[0] - first[0] == pytest.approx(5 * HOUR, abs=30)
    assert "expired" not in result.output


@pytest.mark.parametrize(("setting", "attempts"), [("automatic", 2), ("never", 1)])
def test_an_expired_token_is_tried_once_more_and_only_once(
    pypi: PyPIStandIn, project: Project, home: Home, setting: str, attempts: int
) -> None:
    make_wheel(project.dist, project.name)
    words = "Invalid API Token: token is expired, token is expired"
    pypi.server.respond = lambda request: Answer(403, words) if request.is_upload else None
    result = publish(pypi, project, home, "-o", f"narrow-token={setting}")

    assert result.returncode == 1
    assert len(pypi.server.uploads) == attempts
    assert re.search(r"PyPI rejected \S+ \(403\) Invalid API Token: token is expired project ", result.words)
    assert ("clock" in result.output) is (setting == "automatic")
    assert "https://pypi.org/manage/account/token/" in result.output


# What a person is told


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("automatic", "The token is restricted to {project} for 15 minutes before it is sent."),
        ("never", "The token is sent unchanged."),
    ],
)
def test_explain_tells_what_is_sent(project: Project, home: Home, setting: str, told: str) -> None:
    arguments = ["publish", "-p", "tokenindex", "-o", "explain", "-o", f"narrow-token={setting}"]
    result = invoke_hatch(*arguments, cwd=project.folder, home=home, env={"HATCH_INDEX_AUTH": ACCOUNT})

    assert result.returncode == 0, result.output
    assert told.format(project=project.name) in result.words
    assert "issued by pypi.org; scope: entire account" in result.words
