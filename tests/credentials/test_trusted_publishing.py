"""Trusted Publishing, end to end: `hatch publish -p tokenindex` in the environment of a CI job."""

from __future__ import annotations

import base64
import json
import re
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from api_tokens import USER_ID, make_token, present
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import command, run_hatch
from ruamel.yaml import YAML
from servers import Answer, Fault, PyPIStandIn, oidc
from servers.oidc import GITLAB, GitHub, Publisher, TrustingIndex, signed

from hatch_tokenindex import options
from hatch_tokenindex.credentials import identity, publishers
from hatch_tokenindex.credentials.trusted_publishing import TrustedPublishing
from hatch_tokenindex.errors import CredentialError, MintingError, SourceUnavailableError
from hatch_tokenindex.index.minting import Minted
from hatch_tokenindex.index.upload import Uploader
from hatch_tokenindex.repositories import Repository
from hatch_tokenindex.tokens import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import trustme
    from hatch_process import HatchResult, Home, Project
    from maintainer import Maintainer
    from servers import Request

MINTED = ["audience", "mint-token", "burn-token"]
SECRET = "s3cret-that-was-stored"


@dataclass(frozen=True)
class Job:
    """A job in GitHub Actions: `at` publishes, `github` states who it is, `index` mints for it."""

    at: Maintainer
    github: GitHub
    index: TrustingIndex

    @property
    def project(self) -> str:
        """The name of the project at hand."""
        return self.at.project.name

    def publish(
        self,
        *arguments: str,
        run: Callable[..., HatchResult] = invoke_hatch,
        environment: Mapping[str, str] | None = None,
        **variables: str,
    ) -> HatchResult:
        """Publish in that job, or in another environment, and look for secrets in what is shown."""
        at, job = self.at, self.github.job if environment is None else environment
        command_line = ("publish", "-p", "tokenindex", *at.options, *arguments)
        everything = {**at.environment, **job, **variables}
        result = run(*command_line, cwd=at.project.folder, home=at.home, env=everything)
        self.look_for_secrets(result.output)
        return result

    def look_for_secrets(self, output: str) -> None:
        """No identity token may be shown, and no minted one but to mask it."""
        assert self.github.request_token not in output
        for token in self.github.issued:
            assert not [part for part in token.split(".")[1:] if part in output]
        shown = "".join(line for line in output.splitlines() if not line.startswith("::add-mask::"))
        for token in self.index.minted:
            assert token not in shown
            assert token[-40:] not in shown


@pytest.fixture
def job(at_index: Maintainer, github: GitHub) -> Job:
    """A job with something to publish to an index of its own, which trusts it."""
    index = TrustingIndex(at_index.server)
    index.trust(at_index.project.name)
    at_index.build()
    return Job(at_index, github, index)


@pytest.fixture
def pypi_job(at_pypi: Maintainer, github: GitHub) -> Job:
    """A job with something to publish to PyPI, which trusts it."""
    index = TrustingIndex(at_pypi.server, "pypi", "upload.pypi.org")
    index.trust(at_pypi.project.name)
    at_pypi.build()
    return Job(at_pypi, github, index)


def tokens_of(job: Job) -> list[str | None]:
    """The minted token that each upload presented, or what was made of it."""
    return [job.index.original_of(r.authorization.password) for r in job.at.server.uploads if r.authorization]


# The whole way


def test_a_job_publishes_to_pypi_with_nothing_stored(pypi_job: Job, pypi: PyPIStandIn) -> None:
    make_sdist(pypi_job.at.project.dist, pypi_job.project)
    result = pypi_job.publish(run=run_hatch)

    assert result.returncode == 0, result.output
    assert pypi_job.index.calls == MINTED
    assert pypi_job.github.audiences == ["pypi"]
    (token,) = pypi_job.index.minted
    assert tokens_of(pypi_job) == [token, token]
    assert pypi_job.index.burned == [token]
    hosts = {request.headers["Host"] for request in pypi.server.requests if request.path.startswith("/_/oidc/")}
    assert hosts == {"upload.pypi.org"}
    assert {tunnel.target for tunnel in pypi.proxy.tunnels} == {"upload.pypi.org:443", "pypi.org:443"}
    assert pypi_job.at.kept == {}
    assert pypi_job.at.files_with(token) == []


def test_what_is_sent_of_a_minted_token_is_narrowed(pypi_job: Job) -> None:
    assert pypi_job.publish().returncode == 0
    (request,) = pypi_job.at.server.uploads
    assert request.authorization is not None
    presented = present(request.authorization.password)
    (token,) = pypi_job.index.minted
    scope, (tag, expires_at, not_before) = presented.added_to(token)
    assert presented.verifies
    assert scope == [1, [pypi_job.project]]
    assert (tag, expires_at - not_before) == (0, 4500)


def test_testpypi_has_an_audience_of_its_own(pypi_job: Job) -> None:
    pypi_job.index.audience, pypi_job.index.location = "testpypi", "test.pypi.org"
    result = pypi_job.publish("-r", "test")
    assert result.returncode == 0, result.output
    assert pypi_job.github.audiences == ["testpypi"]


def test_any_index_with_the_endpoints_will_do(job: Job) -> None:
    result = job.publish("-o", "json", run=run_hatch)
    assert result.returncode == 0, result.output
    assert job.index.calls == MINTED
    (project,) = json.loads(result.stdout)["projects"]
    assert project["credential"] == {"user": "__token__", "source": "Trusted Publishing"}


def test_a_job_of_gitlab_publishes_with_nothing_stored(job: Job) -> None:
    job.index.publishers[:] = [gitlab_publisher(job)]
    make_sdist(job.at.project.dist, job.project)
    result = job.publish(run=run_hatch, environment=gitlab_job())
    assert result.returncode == 0, result.output
    assert job.index.calls == MINTED
    assert len(job.at.server.uploads) == 2
    assert "::" not in result.output


GITLAB_CLAIMS = {
    "iss": GITLAB,
    "sub": "project_path:group/sub/sample:ref_type:tag:ref:v1.0",
    "namespace_path": "group/sub",
    "project_path": "group/sub/sample",
    "ci_config_ref_uri": "gitlab.com/group/sub/sample//.gitlab-ci.yml@refs/tags/v1.0",
    "ref_path": "refs/tags/v1.0",
    "pipeline_source": "push",
    "environment": "release",
}


def gitlab_job(audience: object = "pypi", **claims: str) -> dict[str, str]:
    """The environment of a job in GitLab CI/CD that asks for an identity token for PyPI."""
    token = signed({**GITLAB_CLAIMS, **claims}, audience)
    return {"CI": "true", "GITLAB_CI": "true", "PYPI_ID_TOKEN": token}


def gitlab_publisher(job: Job) -> Publisher:
    """The one that fits it."""
    return Publisher("group/sub/sample", ".gitlab-ci.yml", "release", [job.project])


# Where it stands among the places


def store(job: Job, place: str) -> tuple[list[str], dict[str, str]]:
    """Put a secret into one of the places that come before; the flags and variables for it."""
    at, flags, variables = job.at, list[str](), dict[str, str]()
    if place == "--auth":
        flags = ["--auth", SECRET]
    elif place.startswith("HATCH_"):
        variables = {place: SECRET}
    elif place == "config.toml":
        at.home.configure_hatch(f'[publish.tokenindex.repos.private]\nurl = "{at.url}"\nauth = "{SECRET}"\n')
    elif place == "auth-command":
        program = json.dumps([sys.executable, "-c", f"print({SECRET!r})"])
        at.home.configure_hatch(f'[publish.tokenindex.repos.private]\nurl = "{at.url}"\nauth-command = {program}\n')
    elif place == ".pypirc":
        text = f"[private]\nrepository = {at.url}\nusername = __token__\npassword = {SECRET}\n"
        at.home.pypirc.write_text(text, encoding="utf-8")
    else:
        at.home.remember(at.url, "__token__", SECRET)
    return flags, variables


GIVEN = ["--auth", "HATCH_INDEX_AUTH", "HATCH_INDEX_AUTH_PRIVATE", "config.toml", "auth-command"]


@pytest.mark.parametrize("place", [*GIVEN, ".pypirc", "keyring"])
def test_every_stored_secret_comes_before(job: Job, place: str) -> None:
    flags, variables = store(job, place)
    result = job.publish(*flags, environment={**job.github.job, **variables})
    assert result.returncode == 0, result.output
    assert [secret for _, _, secret in job.at.received] == [SECRET]
    assert job.index.calls == job.github.audiences == []


@pytest.mark.parametrize("place", GIVEN)
@pytest.mark.parametrize("mode", ["publish", "dry-run", "explain"])
def test_always_allows_no_other_secret(job: Job, place: str, mode: str) -> None:
    more = [] if mode == "publish" else ["-o", mode]
    flags, variables = store(job, place)
    environment = {**job.github.job, **variables}
    result = job.publish("-o", "trusted-publishing=always", *more, *flags, environment=environment)
    assert result.returncode == (0 if mode == "explain" else 1), result.output
    assert "gives a secret, but `trusted-publishing` is `always`" in result.words
    assert place.removesuffix(".toml") in result.output
    assert job.index.calls == job.github.audiences == []
    assert job.at.server.uploads == []


@pytest.mark.parametrize("place", [".pypirc", "keyring"])
def test_always_reads_no_other_place(job: Job, place: str) -> None:
    flags, variables = store(job, place)
    environment = {**job.github.job, **variables}
    result = job.publish("-o", "trusted-publishing=always", *flags, environment=environment)
    assert result.returncode == 0, result.output
    assert tokens_of(job) == list(job.index.minted)
    assert job.at.home.keyring.calls == []


def test_always_needs_a_job(job: Job) -> None:
    result = job.publish("-o", "trusted-publishing=always", environment={})
    assert result.returncode == 1
    assert "`trusted-publishing` is `always`, and there is none" in result.words
    assert "Run this in a job of a CI provider" in result.output
    assert job.index.calls == []


def test_never_mints_nothing(job: Job) -> None:
    result = job.publish("-o", "trusted-publishing=never")
    assert result.returncode == 1
    assert "No secret was found" in result.output
    assert job.index.calls == job.github.audiences == []


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"CI": "true"},
        {"CI": "true", "BUILDKITE": "true"},
        {"CI": "true", "CIRCLECI": "true"},
        {"CODESPACES": "true"},
        {"PYPI_ID_TOKEN": "of another job"},
        {"GITHUB_ACTIONS": "false"},
    ],
)
def test_nobody_is_asked_where_no_provider_is_marked(job: Job, environment: dict[str, str]) -> None:
    asking = {name: value for name, value in job.github.job.items() if name.startswith("ACTIONS_")}
    result = job.publish(environment={**asking, **environment})
    assert result.returncode == 1
    assert "Trusted Publishing: nothing" in result.output
    assert (job.index.calls, job.github.server.requests) == ([], [])


def test_nothing_is_minted_where_nothing_is_to_be_uploaded(job: Job) -> None:
    assert job.publish().returncode == 0
    result = job.publish()
    assert result.returncode == 0, result.output
    assert job.index.calls == MINTED
    assert "already exists" in result.output


# An identity is not lent


class Minting:
    """An index in memory: it asks for `audience`, mints the tokens of `lives` (seconds), and tells what was burned."""

    def __init__(self, audience: str = "pypi", lives: Iterable[int | None] = (900,), now: float = 0) -> None:
        self.wanted = audience
        self.lives = list(lives)
        self.now = now
        self.asked = 0
        self.burned: list[Secret] = []

    def audience(self) -> str:
        """What every token is asked for."""
        self.asked += 1
        return self.wanted

    def mint(self, identity: Secret) -> Minted:
        """A token that is none."""
        assert identity
        life = self.lives.pop(0)
        return Minted(Secret(f"token {len(self.lives)}"), None if life is None else int(self.now) + life)

    def burn(self, tokens: Iterable[Secret]) -> None:
        """Remember them."""
        self.burned += tokens


@pytest.fixture
def in_job(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """This process is part of the job."""
    for name, value in github.job.items():
        monkeypatch.setenv(name, value)
    return github.job


def publishing(url: str, minter: Minting, environment: dict[str, str], **settings: Any) -> TrustedPublishing:
    """Trusted Publishing at an index in memory."""
    repository = Repository("private", url, **settings)
    return TrustedPublishing(repository, minter, environment, lambda: minter.now, lambda _secret: None)


PYPI, TEST_PYPI, OTHER = (
    "https://upload.pypi.org/legacy/",
    "https://test.pypi.org/legacy/",
    "https://packages.example.org/legacy/",
)


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        (OTHER, "pypi"),
        (OTHER, "testpypi"),
        (OTHER, "PyPI"),
        (OTHER, "sigstore"),
        (OTHER, "vault"),
        (OTHER, "sts.amazonaws.com"),
        (OTHER, "api://AzureADTokenExchange"),
        (OTHER, "https://github.com/octo-org"),
        (OTHER, "//iam.googleapis.com/projects/1"),
        (OTHER, "https://other.example.org/"),
        (OTHER, "https://packages.example.org.evil.example/"),
        (OTHER, "https://packages.example.org@evil.example/"),
        (OTHER, "https://localhost/"),
        (OTHER, "example.org"),
        (OTHER, "npm:registry.npmjs.org"),
        (OTHER, "pypi "),
        (OTHER, "pypi\n"),
        (OTHER, "pypi,packages.example.org"),
        (OTHER, "\u0440ypi"),
        (OTHER, "packages.example.org\x1b[31m"),
        ("https://pypi.org.example/legacy/", "pypi"),
        (PYPI, "testpypi"),
        (PYPI, "sigstore"),
        (PYPI, "upload.pypi.org"),
        (TEST_PYPI, "pypi"),
    ],
)
def test_an_identity_that_is_good_elsewhere_is_not_lent(
    github: GitHub, in_job: dict[str, str], url: str, audience: str
) -> None:
    minter = Minting(audience)
    trusted = publishing(url, minter, in_job)
    looks: list[Callable[[], object]] = [trusted.rehearse, partial(trusted.credential, "demo")]
    for look in looks:
        with pytest.raises(CredentialError) as caught:
            look()
        assert "with which it could act elsewhere" in str(caught.value)
        assert str(caught.value).isprintable()
    assert github.audiences == []
    assert len(minter.lives) == 1


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        (PYPI, "pypi"),
        ("https://pypi.org/legacy/", "pypi"),
        (TEST_PYPI, "testpypi"),
        (OTHER, "example-packages"),
        (OTHER, "packages.example.org"),
        (OTHER, "https://packages.example.org"),
        (OTHER, "https://packages.example.org/simple/"),
        ("https://upload.example.org/legacy/", "example.org"),
        ("https://upload.example.org/legacy/", "upload.example.org"),
        ("http://127.0.0.1:1/", "pypi"),
        ("http://localhost:1/", "testpypi"),
        ("https://[::1]/", "sigstore"),
    ],
)
def test_an_identity_for_the_index_itself_is_stated(
    github: GitHub, in_job: dict[str, str], url: str, audience: str
) -> None:
    assert publishing(url, Minting(audience), in_job).credential("demo") is not None
    assert github.audiences == [audience]


def test_a_hostile_index_gets_no_identity(
    authority: trustme.CA, tmp_path: Path, project: Project, home: Home, github: GitHub
) -> None:
    make_wheel(project.dist, project.name)
    with PyPIStandIn(authority, tmp_path, hosts=("packages.example.org",)) as evil:
        index = TrustingIndex(evil.server, "pypi")
        options = ("-r", "https://packages.example.org/legacy/", "--ca-cert", str(evil.ca_file))
        environment = {**github.job, **evil.environment}
        result = run_hatch("publish", "-p", "tokenindex", *options, cwd=project.folder, home=home, env=environment)
    assert result.returncode == 1
    assert "packages.example.org asks for an identity token made out for 'pypi'" in result.words
    assert index.calls == ["audience"]
    assert github.server.requests == []


def test_gitlabs_token_for_pypi_is_not_lent_to_who_asks_in_capitals() -> None:
    """Its variable has the same name."""
    with pytest.raises(CredentialError, match="act elsewhere"):
        publishing(OTHER, Minting("PyPI"), gitlab_job()).credential("demo")


@pytest.mark.parametrize("setting", [{}, {"insecure_http": True}])
def test_an_identity_is_never_sent_over_plain_http(
    github: GitHub, in_job: dict[str, str], setting: dict[str, Any]
) -> None:
    minter = Minting()
    trusted = publishing("http://packages.example.org/legacy/", minter, in_job, **setting)
    assert trusted.effect == ""
    looks: list[Callable[[], object]] = [trusted.rehearse, partial(trusted.credential, "demo")]
    for look in looks:
        with pytest.raises(SourceUnavailableError, match="never sent over plain http"):
            look()
    assert (minter.asked, github.server.requests) == (0, [])


# Each attempt has an identity of its own


def script_minting(job: Job, *steps: Callable[[Request], Answer | None]) -> None:
    """Do something else at the first requests to mint."""
    waiting = list(steps)
    usual = job.at.server.respond

    def respond(request: Request) -> Answer | None:
        is_minting = request.path == "/_/oidc/mint-token"
        return waiting.pop(0)(request) if is_minting and waiting else usual(request)

    job.at.server.respond = respond


@pytest.mark.parametrize("failures", [1, 2])
def test_a_lost_answer_is_followed_by_another_identity(job: Job, failures: int) -> None:
    def mint_and_lose_the_answer(request: Request) -> Answer:
        assert job.index.respond(request) is not None
        return Answer(fault=Fault.RESET_AFTER_BODY)

    script_minting(job, *[mint_and_lose_the_answer] * failures)
    result = job.publish()
    assert result.returncode == 0, result.output
    assert len(job.github.issued) == len(set(job.index.used)) == len(job.index.minted) == failures + 1
    assert tokens_of(job) == job.index.burned == list(job.index.minted)[-1:]


@pytest.mark.parametrize("answer", [Answer(503), Answer(429), Answer(fault=Fault.RESET_AFTER_BODY)])
def test_three_identities_are_enough(job: Job, answer: Answer) -> None:
    script_minting(job, *[lambda _request: answer] * 3)
    result = job.publish()
    assert result.returncode == 1
    assert len(job.github.issued) == job.index.calls.count("mint-token") == 3
    assert "Trusted Publishing: " in result.output
    assert "status 5" in result.output or "status 4" in result.output or "could not be reached" in result.output
    assert job.at.server.uploads == []


@pytest.mark.parametrize("answer", [Answer(503), Answer(fault=Fault.RESET_AFTER_BODY)])
def test_gitlabs_only_identity_is_used_once(job: Job, answer: Answer) -> None:
    script_minting(job, lambda _request: answer)
    result = job.publish(environment=gitlab_job())
    assert result.returncode == 1
    assert job.index.calls == ["audience", "mint-token"]
    assert "GitLab CI/CD states an identity only once in a job" in result.words


def test_a_used_identity_of_gitlab_is_told(job: Job) -> None:
    job.index.publishers[:] = [gitlab_publisher(job)]
    environment = gitlab_job()
    assert job.publish(environment=environment).returncode == 0
    make_sdist(job.at.project.dist, job.project)
    result = job.publish(environment=environment)
    assert result.returncode == 1
    assert "invalid-reuse-token" in result.output
    assert "GitLab CI/CD states an identity only once in a job: run it again." in result.words


def test_a_leftover_pending_publisher_costs_one_identity(job: Job) -> None:
    job.index.await_first_release(job.project)
    result = job.publish()
    assert result.returncode == 0, result.output
    assert len(job.github.issued) == len(set(job.index.used)) == 2
    assert job.index.pending == []


# What goes wrong


def test_a_job_without_the_permission_is_shown_what_to_add(job: Job) -> None:
    result = job.publish(run=run_hatch, environment=job.github.job_without_permission)
    assert result.returncode == 1
    assert "the job may not ask GitHub for an identity token" in result.output
    assert yaml_below(result.output, "Add to the job in the workflow file:") == {
        "permissions": {"contents": "read", "id-token": "write"}
    }
    assert job.index.calls == []


def test_a_pull_request_from_a_fork(job: Job) -> None:
    environment = {**job.github.job_without_permission, "GITHUB_EVENT_NAME": "pull_request"}
    result = job.publish(environment=environment)
    assert result.returncode == 1
    assert "GitHub gives one from a fork no identity token" in result.words
    assert "Publish from a push, a tag or a release instead." in result.words


def test_a_job_of_gitlab_without_the_variable_is_shown_what_to_add(job: Job) -> None:
    result = job.publish(environment={"CI": "true", "GITLAB_CI": "true"})
    assert result.returncode == 1
    assert yaml_below(result.output, "Add to the job:") == {"id_tokens": {"PYPI_ID_TOKEN": {"aud": "pypi"}}}
    assert job.index.calls == ["audience"]


def test_a_variable_of_gitlab_for_somebody_else(job: Job) -> None:
    result = job.publish(environment=gitlab_job("sigstore"))
    assert result.returncode == 1
    assert "no identity token for pypi, but one for sigstore" in result.words
    assert job.index.calls == ["audience"]


def yaml_below(output: str, line: str) -> object:
    """What stands in indented lines below this one."""
    _, _, rest = output.partition(f"{line}\n")
    indented = []
    for text in rest.splitlines():
        if not text.startswith("    "):
            break
        indented.append(text)
    return YAML(typ="safe").load("\n".join(indented))


def test_an_index_without_trusted_publishing(at_index: Maintainer, github: GitHub) -> None:
    at_index.build()
    result = invoke_hatch(
        *("publish", "-p", "tokenindex", *at_index.options),
        cwd=at_index.project.folder,
        home=at_index.home,
        env=github.job,
    )
    assert result.returncode == 1
    assert "Trusted Publishing: the index offers no Trusted Publishing (status 404)" in result.words
    assert github.server.requests == []


def test_an_index_that_has_switched_it_off(job: Job) -> None:
    job.index.disabled = True
    result = job.publish()
    assert result.returncode == 1
    assert "(status 403: Trusted publishing functionality not enabled)" in result.words
    assert job.github.server.requests == []


def test_an_index_whose_certificate_is_not_trusted(pypi_job: Job) -> None:
    result = run_hatch(
        *("publish", "-p", "tokenindex", str(pypi_job.at.project.dist)),
        cwd=pypi_job.at.project.folder,
        home=pypi_job.at.home,
        env={**pypi_job.github.job, **pypi_job.at.environment},
    )
    assert result.returncode == 1
    assert "https://upload.pypi.org/_/oidc/audience could not be reached" in result.words
    assert pypi_job.at.server.requests == pypi_job.github.server.requests == []


def invalid_payload(job: Job) -> None:
    """PyPI doesn't know the issuer."""
    job.github.claims["iss"] = "https://ci.example.org"


def not_enabled(job: Job) -> None:
    """Switched off after the audience was told."""
    usual = job.index.respond

    def respond(request: Request) -> Answer | None:
        job.index.disabled = request.path.endswith("/mint-token")
        return usual(request)

    job.at.server.respond = respond


def invalid_token(job: Job) -> None:
    """The clock of the runner is an hour ahead."""
    job.github.claims["iat"] = 4_000_000_000


def invalid_publisher(job: Job) -> None:
    """Another environment is configured."""
    job.index.publishers[:] = [Publisher(environment="pypi", projects=[job.project])]


def invalid_pending_publisher(job: Job) -> None:
    """Somebody else has created each of the projects meanwhile."""
    job.index.publishers.clear()
    for _ in range(3):
        job.index.await_first_release(job.project)


def invalid_reuse_token(job: Job) -> None:
    """All identity tokens have the same number."""
    job.github.claims["jti"] = "1"
    job.index.used.append("1")


def a_new_code(job: Job) -> None:
    """Something that was made up after this version."""
    body = {"errors": [{"code": "invalid-moon", "description": "wrong phase"}]}
    script_minting(job, lambda _request: Answer(422, body=body))


@pytest.mark.parametrize(
    ("cause", "said", "advice", "attempts"),
    [
        (invalid_payload, "unknown trusted publishing issuer", "doesn't know who issued the identity token", 1),
        (not_enabled, "GitHub trusted publishing functionality not enabled", "has switched off", 1),
        (invalid_token, "malformed or invalid token", "check the clock", 1),
        (invalid_publisher, "Publisher with matching claims was not found", "Compare each field with its claim", 1),
        (invalid_pending_publisher, "project already exists", "choose another name", 3),
        (invalid_reuse_token, "invalid token: already used", "Run the job again", 3),
        (a_new_code, "wrong phase", "no reason that is known here", 1),
    ],
)
def test_every_refusal_is_explained_with_the_claims_beside_the_fields(
    pypi_job: Job, cause: Callable[[Job], None], said: str, advice: str, attempts: int
) -> None:
    cause(pypi_job)
    result = pypi_job.publish("-o", "json")

    assert result.returncode == 1
    assert pypi_job.index.calls == ["audience", *["mint-token"] * attempts]
    assert len(pypi_job.github.issued) == attempts
    assert pypi_job.at.server.uploads == []
    text = json.loads(result.stdout)["error"]["summary"]
    code = "invalid-moon" if cause is a_new_code else cause.__name__.replace("_", "-")
    assert text.startswith(f"PyPI minted no token for this job ({code}). It said:\n  ")
    assert said in text
    assert advice in text
    for claim, field in (
        ("repository_owner: octo-org", "Owner: octo-org"),
        ("repository: octo-org/sample", "Repository name: sample"),
        (
            "job_workflow_ref: octo-org/sample/.github/workflows/release.yml@refs/tags/v1.0",
            "Workflow name: release.yml",
        ),
        ("environment: (none)", "Environment name: (empty; or give the job what the publisher has)"),
    ):
        (line,) = (line for line in text.splitlines() if line.strip().startswith(claim))
        assert line.endswith(f"  {field}")
    assert "An API token in HATCH_INDEX_AUTH works without a publisher." in text
    assert "reusable" not in text


def links(text: str) -> list[tuple[str, dict[str, str]]]:
    """The pages of PyPI in a text, and what each is filled in with; the same in annotations doesn't count."""
    words = " ".join(line for line in text.splitlines() if not line.startswith("::")).split()
    found = [urlsplit(word.rstrip(".,")) for word in words if word.startswith("https://") and "publishing/" in word]
    return [
        (f"{link.netloc}{link.path}", {key: value for key, (value,) in parse_qs(link.query).items()}) for link in found
    ]


FILLED_IN = {"provider": "github", "owner": "octo-org", "repository": "sample", "workflow_filename": "release.yml"}


def test_the_links_are_filled_in(pypi_job: Job) -> None:
    pypi_job.github.claims["environment"] = "pypi & more"
    pypi_job.index.publishers.clear()
    result = pypi_job.publish(run=run_hatch)
    filled_in = {**FILLED_IN, "environment": "pypi & more"}
    assert links(result.output) == [
        (f"pypi.org/manage/project/{pypi_job.project}/settings/publishing/", filled_in),
        ("pypi.org/manage/account/publishing/", {**filled_in, "project_name": pypi_job.project}),
    ]
    assert "a pending publisher, which creates" in result.words


def test_the_links_for_gitlab_are_filled_in(pypi_job: Job) -> None:
    result = pypi_job.publish(environment=gitlab_job())
    assert result.returncode == 1
    filled_in = {
        "provider": "gitlab",
        "namespace": "group/sub",
        "project": "sample",
        "workflow_filepath": ".gitlab-ci.yml",
        "environment": "release",
    }
    assert [values for _, values in links(result.output)] == [
        filled_in,
        {**filled_in, "project_name": pypi_job.project},
    ]
    for line in (
        "project_path: group/sub/sample  ",
        "Namespace: group/sub\n",
        "Top-level pipeline file path: .gitlab-ci.yml\n",
        "Environment name: release\n",
    ):
        assert line in result.output


def test_another_index_gets_no_links_of_pypi(job: Job) -> None:
    job.index.publishers.clear()
    result = job.publish()
    assert result.returncode == 1
    assert "repository_owner: octo-org" in result.output
    assert links(result.output) == []


def test_a_reusable_workflow_is_told(job: Job) -> None:
    job.github.claims["job_workflow_ref"] = "octo-org/shared/.github/workflows/publish.yml@refs/heads/main"
    result = job.publish()
    assert result.returncode == 1
    assert "This job belongs to a reusable workflow" in result.output
    assert "Workflow name: release.yml" in result.output


def test_always_knows_no_other_way(pypi_job: Job) -> None:
    pypi_job.index.publishers.clear()
    result = pypi_job.publish("-o", "trusted-publishing=always")
    assert result.returncode == 1
    assert "HATCH_INDEX_AUTH" not in result.output


def test_claims_and_words_that_are_hostile(job: Job) -> None:
    job.github.claims |= {"repository_owner": "octo\n::set-output::\x1b[31m", "ref": ["a"] * 1000, "sub": None}
    body = {"errors": [{"code": "bad\n::warning::", "description": "::error::\x1b]0;title\x07 no\n::add-mask::x"}]}
    script_minting(job, lambda _request: Answer(422, body=body))
    result = job.publish(run=run_hatch)
    assert result.returncode == 1
    assert "\x1b" not in result.output
    commands = [line for line in result.output.splitlines() if line.startswith("::")]
    assert [command.split(" ")[0] for command in commands] == ["::error"]


# A project that isn't there yet, or isn't covered


def test_a_pending_publisher_creates_the_project(pypi_job: Job) -> None:
    pypi_job.index.publishers.clear()
    pypi_job.index.projects.clear()
    pypi_job.index.await_first_release(pypi_job.project, environment="pypi")
    pypi_job.github.claims["environment"] = "pypi"
    result = pypi_job.publish(run=run_hatch)
    assert result.returncode == 0, result.output
    assert pypi_job.index.projects == {pypi_job.project}
    assert len(pypi_job.at.server.uploads) == 1


def test_a_pending_publisher_for_another_name(pypi_job: Job) -> None:
    pypi_job.index.publishers.clear()
    pypi_job.index.projects.clear()
    pypi_job.index.await_first_release("another-name")
    result = pypi_job.publish()
    assert result.returncode == 1
    assert "Non-user identities cannot create new projects" in result.words
    assert "A pending publisher creates only the project that it names" in result.words
    assert pypi_job.index.burned == list(pypi_job.index.minted)


def test_two_new_projects_take_two_runs(pypi_job: Job) -> None:
    """Each minting creates one project."""
    other = f"{pypi_job.project}-plugin"
    pypi_job.index.publishers.clear()
    pypi_job.index.projects.clear()
    pypi_job.at.build(other)
    pypi_job.index.await_first_release(pypi_job.project)
    pypi_job.index.await_first_release(other)
    first, second = pypi_job.publish(), pypi_job.publish()
    assert (first.returncode, second.returncode) == (1, 0), second.output
    assert "Non-user identities cannot create new projects" in first.words
    assert pypi_job.index.projects == {pypi_job.project, other}
    assert len(pypi_job.at.server.files) == 2


def test_one_token_is_for_every_project_of_its_publisher(job: Job) -> None:
    job.index.trust(f"{job.project}-plugin", job.project)
    job.index.publishers.pop(0)
    job.at.build(f"{job.project}-plugin")
    result = job.publish()
    assert result.returncode == 0, result.output
    assert job.index.calls == MINTED
    assert len(job.at.server.uploads) == 2


def test_a_project_that_the_token_does_not_cover_is_told_with_the_publisher(pypi_job: Job) -> None:
    other = f"{pypi_job.project}-plugin"
    pypi_job.index.projects.add(other)
    pypi_job.github.claims["environment"] = "pypi"
    pypi_job.at.build(other)
    result = pypi_job.publish()
    assert result.returncode == 1
    assert f"isn't allowed to upload to project '{other}'" in result.words
    assert f"is no trusted publisher of {other}" in result.words
    expected = (f"pypi.org/manage/project/{other}/settings/publishing/", {**FILLED_IN, "environment": "pypi"})
    assert links(result.output) == [expected]
    assert pypi_job.index.burned == list(pypi_job.index.minted)


# What is shown


def test_a_token_is_masked_before_anything_else_is_shown(pypi_job: Job) -> None:
    make_sdist(pypi_job.at.project.dist, pypi_job.project)
    result = pypi_job.publish(run=run_hatch)
    (token,) = pypi_job.index.minted
    basic = base64.b64encode(f"__token__:{token}".encode()).decode()
    first, second, *rest = result.stderr.splitlines()
    assert [first, second] == [f"::add-mask::{token}", f"::add-mask::{basic}"]
    assert not [line for line in rest if "add-mask" in line]
    assert "add-mask" not in result.stdout


def test_nothing_is_masked_outside_of_github(job: Job) -> None:
    job.index.publishers[:] = [gitlab_publisher(job)]
    result = job.publish(environment=gitlab_job())
    assert result.returncode == 0, result.output
    assert "add-mask" not in result.output


def test_a_token_that_would_be_a_command_is_not_taken(job: Job) -> None:
    body = {"token": "pypi-x\n::add-path::/evil"}
    script_minting(job, lambda _request: Answer(body=body))
    result = job.publish(run=run_hatch)
    assert result.returncode == 1
    assert "/evil" not in result.output


def test_debugging_shows_no_token(pypi_job: Job) -> None:
    pypi_job.at.server.script_uploads(Answer(403, "no"))
    result = pypi_job.publish(run=run_hatch, HATCH_DEBUG="1")
    assert result.returncode == 1
    assert "Traceback" not in result.output


# Every token is burned


def test_a_refused_upload(pypi_job: Job) -> None:
    pypi_job.at.server.script_uploads(Answer(400, "The description failed to render"))
    result = pypi_job.publish(run=run_hatch)
    assert result.returncode == 1
    assert pypi_job.index.burned == list(pypi_job.index.minted)
    assert len(pypi_job.index.burned) == 1


def test_a_bug_of_ours(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        message = "a bug"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(Uploader, "upload", fail)
    result = job.publish()
    assert result.returncode == 1
    assert "This is a bug in hatch-tokenindex" in result.output
    assert job.index.burned == list(job.index.minted)
    assert len(job.index.burned) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c(job: Job) -> None:
    held = threading.Event()
    job.at.server.script_uploads(Answer(after=held))
    process = subprocess.Popen(
        [command("hatch"), "publish", "-p", "tokenindex", *job.at.options],
        cwd=job.at.project.folder,
        env={**job.at.home.environment, **job.github.job},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    job.at.server.wait_for_uploads_in_progress(1)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    held.set()
    assert process.returncode == 1
    assert "Aborted." in stderr
    assert job.index.burned == list(job.index.minted)
    assert len(job.index.burned) == 1
    job.look_for_secrets(stdout + stderr)


def test_a_token_that_is_being_minted_when_the_run_ends(in_job: dict[str, str]) -> None:
    """A thread that sends files can't be ended from outside, and may just be getting another token."""
    inside, go_on = threading.Event(), threading.Event()

    class Slow(Minting):
        def mint(self, identity: Secret) -> Minted:
            inside.set()
            assert go_on.wait(20)
            return super().mint(identity)

    minter = Slow()
    trusted = publishing("http://127.0.0.1:1/", minter, in_job)
    sending = threading.Thread(target=trusted.credential, args=("demo",))
    ending = threading.Thread(target=trusted.burn)
    sending.start()
    assert inside.wait(20)
    ending.start()
    go_on.set()
    sending.join()
    ending.join()
    assert minter.burned == [Secret("token 0")]


def test_an_index_that_burns_no_tokens_is_no_error(job: Job) -> None:
    job.index.can_burn = False
    result = job.publish(run=run_hatch)
    assert result.returncode == 0, result.output
    assert job.index.calls == MINTED
    assert "burn" not in result.output
    assert "status 405" not in result.output


def test_an_endpoint_that_hangs_holds_the_end_up_for_two_seconds_alone(job: Job) -> None:
    asked: list[float] = []

    def hang(request: Request) -> Answer | None:
        if request.path == "/_/oidc/burn-token":
            asked.append(monotonic())
            return Answer(after=threading.Event())
        return job.index.respond(request)

    job.at.server.respond = hang
    result = job.publish(run=run_hatch)
    ended = monotonic()
    assert result.returncode == 0, result.output
    assert len(asked) == 1
    assert ended - asked[0] < 5
    job.at.server.close()


def test_initializing_mints_nothing(job: Job) -> None:
    """There is nothing to publish, and minting with a pending publisher would create the project."""
    for file in job.at.project.dist.iterdir():
        file.unlink()
    result = job.publish("--initialize-auth")
    assert result.returncode == 0, result.output
    assert "a token would be minted" in result.words
    assert (job.index.minted, job.github.server.requests, job.at.kept) == ({}, [], {})


# A run longer than a token's life


def later(job: Job, *, upload: int, seconds: float, answer: Answer | None = None) -> None:
    """Let the index's time pass while this upload is under way."""
    usual = job.at.server.respond

    def respond(request: Request) -> Answer | None:
        if request.is_upload and len(job.at.server.uploads) + 1 == upload:
            said = usual(request)
            job.at.server.seconds_ahead += seconds
            return answer or said
        return usual(request)

    job.at.server.respond = respond


@pytest.mark.parametrize("told", [True, False], ids=["expires", "no expires"])
def test_another_token_is_minted_in_time(job: Job, told: bool) -> None:
    job.index.life = 900 if told else None
    make_sdist(job.at.project.dist, job.project)
    later(job, upload=1, seconds=605)
    result = job.publish(run=run_hatch)
    assert result.returncode == 0, result.output
    assert job.index.calls == ["audience", "mint-token", "mint-token", "burn-token", "burn-token"]
    assert tokens_of(job) == list(job.index.minted)
    assert sorted(job.index.burned) == sorted(job.index.minted)
    assert result.output.count("::add-mask::") == 4


def test_a_token_that_lives_long_enough_is_used_on(job: Job) -> None:
    make_sdist(job.at.project.dist, job.project)
    later(job, upload=1, seconds=500)
    result = job.publish()
    assert result.returncode == 0, result.output
    assert len(job.index.minted) == 1


def test_a_token_that_expires_between_two_attempts_is_replaced(job: Job) -> None:
    later(job, upload=1, seconds=1000, answer=Answer(503, headers={"Retry-After": "0"}))
    result = job.publish()
    assert result.returncode == 0, result.output
    first, second = job.index.minted
    assert tokens_of(job) == [first, second]


def test_gitlab_goes_on_with_what_it_has(job: Job) -> None:
    job.index.publishers[:] = [gitlab_publisher(job)]
    make_sdist(job.at.project.dist, job.project)
    later(job, upload=1, seconds=1000)
    result = job.publish(environment=gitlab_job())
    assert result.returncode == 1
    assert len(job.index.minted) == 1
    assert "token is expired" in result.words
    assert "A token of Trusted Publishing lives for 15 minutes, and this one has run out." in result.words
    assert "Run the job again" in result.words


@pytest.mark.parametrize(("seconds", "succeeds"), [(700, True), (1000, False)])
def test_a_provider_that_fails_later(job: Job, seconds: float, succeeds: bool) -> None:
    make_sdist(job.at.project.dist, job.project)
    later(job, upload=1, seconds=seconds)
    job.github.server.script_others(None, Answer(500, body="out of order"), Answer(500, body="out of order"))
    result = job.publish()
    assert (result.returncode == 0) is succeeds, result.output
    if not succeeds:
        assert "The token of Trusted Publishing has expired, and there is no other" in result.words
        assert "out of order" in result.words
    assert len(job.index.minted) == len(job.index.burned) == 1


@pytest.mark.parametrize(("seconds", "succeeds"), [(700, True), (1000, False)])
def test_an_index_that_mints_no_more(job: Job, seconds: float, succeeds: bool) -> None:
    make_sdist(job.at.project.dist, job.project)
    later(job, upload=1, seconds=seconds)
    body = {"errors": [{"code": "not-enabled", "description": "not today"}]}
    script_minting(job, job.index.respond, *[lambda _request: Answer(422, body=body)] * 2)
    result = job.publish()
    assert (result.returncode == 0) is succeeds, result.output
    assert ("not today" in result.output) is not succeeds
    assert len(job.index.minted) == len(job.index.burned) == 1


@pytest.mark.parametrize(
    ("life", "age", "seconds", "minted_again"),
    [
        (900, 0, 0, False),
        (900, 599, 0, False),
        (900, 601, 0, True),
        (900, 0, 10_000, False),
        (900, 59, 10_000, False),
        (900, 61, 10_000, True),
        (900, 300, 290, False),
        (900, 300, 310, True),
        (None, 599, 0, False),
        (None, 601, 0, True),
        (21_600, 21_000, 0, False),
        (21_600, 21_400, 0, True),
        (90, 55, 0, False),
        (90, 65, 0, True),
        (-100, 0, 0, True),
    ],
)
def test_when_another_token_is_minted(
    in_job: dict[str, str], life: int | None, age: float, seconds: float, minted_again: bool
) -> None:
    """A large file gets a fresh one, and a token that is fresh is as good as another."""
    minter = Minting(lives=[life, 900], now=1_800_000_000)
    trusted = publishing("http://127.0.0.1:1/", minter, in_job)
    first = trusted.credential("demo")
    assert first is not None
    assert first.minted
    minter.now += age
    assert (trusted.renewed(first, "demo", seconds) is not first) is minted_again
    trusted.burn()
    assert minter.burned == [Secret("token 1"), Secret("token 0")][: 1 + minted_again]


# Looking without doing


@pytest.mark.parametrize("environment", ["github", "gitlab"])
@pytest.mark.parametrize("mode", ["explain", "dry-run"])
def test_looking_mints_nothing_and_says_what_would_be_minted(job: Job, mode: str, environment: str) -> None:
    variables = job.github.job if environment == "github" else gitlab_job()
    result = job.publish("-o", mode, run=run_hatch, environment=variables)
    assert result.returncode == 0, result.output
    name = "GitHub Actions" if environment == "github" else "GitLab CI/CD"
    assert f"a token would be minted for the identity that {name} states" in result.words
    assert job.index.minted == {}
    assert job.github.server.requests == job.at.server.uploads == []
    assert job.index.calls == ([] if mode == "explain" else ["audience"])


def test_explain_shows_that_the_permission_is_missing(pypi_job: Job) -> None:
    result = pypi_job.publish("-o", "explain", environment=pypi_job.github.job_without_permission)
    assert result.returncode == 0, result.output
    (row,) = (line for line in result.output.splitlines() if "Trusted Publishing" in line)
    assert "the job may not ask GitHub for an identity token" in row
    assert "would be minted" not in result.output
    assert pypi_job.index.calls == []


def no_permission(job: Job) -> dict[str, str]:
    """A job that may not ask."""
    return job.github.job_without_permission


def no_support(job: Job) -> dict[str, str]:
    """An index that has switched it off."""
    job.index.disabled = True
    return job.github.job


def no_variable(_job: Job) -> dict[str, str]:
    """A job of GitLab that has not asked for a token."""
    return {"CI": "true", "GITLAB_CI": "true"}


@pytest.mark.parametrize("cause", [no_permission, no_support, no_variable])
def test_a_dry_run_tells_what_can_be_known(job: Job, cause: Callable[[Job], dict[str, str]]) -> None:
    environment = cause(job)
    dry = job.publish("-o", "dry-run", environment=environment)
    real = job.publish(environment=environment)
    assert dry.returncode == real.returncode == 1
    (reason,) = (line for line in real.output.splitlines() if line.startswith("  Trusted Publishing: "))
    assert reason in dry.output
    assert job.github.server.requests == []


# From a stored token to none


def test_a_stored_token_in_a_job_is_followed_by_one_line(pypi_job: Job) -> None:
    token = make_token(user=USER_ID)
    result = pypi_job.publish(run=run_hatch, HATCH_INDEX_AUTH=token)
    assert result.returncode == 0, result.output
    (line,) = (line for line in result.output.splitlines() if line.startswith("With Trusted Publishing"))
    assert links(line) == [(f"pypi.org/manage/project/{pypi_job.project}/settings/publishing/", FILLED_IN)]
    assert (pypi_job.index.calls, pypi_job.github.server.requests) == ([], [])


def test_a_minted_token_is_followed_by_no_such_line(pypi_job: Job) -> None:
    result = pypi_job.publish()
    assert result.returncode == 0, result.output
    assert "With Trusted Publishing" not in result.output


@pytest.mark.parametrize("where", ["at home", "never"])
def test_nobody_is_told_who_cannot_or_does_not_want_to(pypi_job: Job, where: str) -> None:
    options = ["-o", "trusted-publishing=never"] if where == "never" else []
    environment = pypi_job.github.job if where == "never" else {}
    result = pypi_job.publish(*options, environment=environment, HATCH_INDEX_AUTH=make_token(user=USER_ID))
    assert result.returncode == 0, result.output
    assert "Trusted Publishing" not in result.output


def test_a_private_index_is_followed_by_no_such_line(job: Job) -> None:
    result = job.publish(HATCH_INDEX_AUTH=SECRET)
    assert result.returncode == 0, result.output
    assert "Trusted Publishing" not in result.output


@pytest.mark.parametrize("setting", ["automatic", "always"])
def test_a_first_release_with_no_secret_at_all_is_told_the_way(pypi_job: Job, setting: str) -> None:
    result = pypi_job.publish(
        *("-o", f"trusted-publishing={setting}"), environment=pypi_job.github.job_without_permission
    )
    assert result.returncode == 1
    assert links(result.output) == [
        (f"pypi.org/manage/project/{pypi_job.project}/settings/publishing/", FILLED_IN),
        ("pypi.org/manage/account/publishing/", {**FILLED_IN, "project_name": pypi_job.project}),
    ]
    assert "a pending publisher, which creates" in result.words


# The clock of this machine


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_wrong_clock_of_the_runner_does_not_matter(pypi_job: Job, seconds: float) -> None:
    pypi_job.at.server.seconds_ahead = seconds
    result = pypi_job.publish()
    assert result.returncode == 0, result.output
    assert len(pypi_job.index.minted) == 1


def test_a_token_that_begins_in_a_moment_is_used(pypi_job: Job) -> None:
    """It begins when it is minted, and the date of an answer may be a second behind."""
    pypi_job.index.seconds_ahead = 1.5
    result = pypi_job.publish()
    assert result.returncode == 0, result.output
    assert pypi_job.index.burned == list(pypi_job.index.minted)


# The pages, and the workflow that releases this project

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
OWN_WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
GITHUB_PAGE, GITLAB_PAGE = (ROOT / "docs" / "how-to" / name for name in ("github-actions.md", "gitlab-ci.md"))
TRUSTED_PAGE = ROOT / "docs" / "trusted-publishing.md"
KEYWORDS_OF_GITLAB = {"stages", "default"}


def yaml_on(page: Path) -> list[Any]:
    """The YAML on a page, each block loaded."""
    found = re.findall(r"^```ya?ml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [YAML(typ="safe").load(block) for block in found]


def workflows_on(page: Path) -> list[dict[str, Any]]:
    """The complete workflows of GitHub on a page."""
    return [data for data in yaml_on(page) if "jobs" in data and "on" in data]


def steps_of(data: Any) -> Iterator[dict[str, Any]]:
    """The steps of a workflow, or of a part of one."""
    jobs = data["jobs"].values() if "jobs" in data else [{"steps": data}] if isinstance(data, list) else []
    for job in jobs:
        yield from job["steps"]


def command_lines(data: Any) -> list[str]:
    """What is run by a workflow of GitHub or a pipeline of GitLab."""
    lines = [line for step in steps_of(data) for line in step.get("run", "").splitlines()]
    if isinstance(data, dict) and "jobs" not in data:
        lines += [line for job in data.values() if isinstance(job, dict) for line in job.get("script", [])]
    return lines


def check_command(line: str, home: Home, folder: Path) -> None:
    """A command line of Hatch is one that it takes, with options that this plugin takes."""
    words = shlex.split(line)
    assert words[0] == "hatch"
    result = invoke_hatch(*words[1:], "--help", cwd=folder, home=home)
    assert result.returncode == 0, f"{line}: {result.output}"
    pairs = dict(pair.partition("=")[::2] for flag, pair in pairwise(words) if flag == "-o")
    options.read([], pairs, {}, stdin_is_terminal=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_yaml_on_the_pages_is_yaml_and_runs_commands_that_exist(page: Path, home: Home, tmp_path: Path) -> None:
    for data in yaml_on(page):
        for line in command_lines(data):
            if line.startswith("hatch "):
                check_command(line, home, tmp_path)


def publishing_jobs(workflow: dict[str, Any]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """The jobs that run `hatch publish`, each with the step that does."""
    return {
        name: (job, step)
        for name, job in workflow["jobs"].items()
        for step in job["steps"]
        if "hatch publish" in step.get("run", "")
    }


WORKFLOWS = [
    *((page.name, workflow) for page in (TRUSTED_PAGE, GITHUB_PAGE) for workflow in workflows_on(page)),
    (OWN_WORKFLOW.name, YAML(typ="safe").load(OWN_WORKFLOW.read_text(encoding="utf-8"))),
]


@pytest.mark.parametrize(("where", "workflow"), WORKFLOWS)
def test_workflows_have_the_rights_that_they_need_and_no_others(where: str, workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}
    publishing = publishing_jobs(workflow)
    assert publishing, where
    for name, job in workflow["jobs"].items():
        step = publishing[name][1] if name in publishing else {}
        is_trusted = "trusted-publishing=always" in step.get("run", "")
        checks_out = any("actions/checkout" in step.get("uses", "") for step in job["steps"])
        assert job.get("permissions", {}) == {
            **({"contents": "read"} if checks_out else {}),
            **({"id-token": "write"} if is_trusted else {}),
        }
        if name in publishing:
            assert "environment" in job
            secrets = [key for key in step.get("env", {}) if key.startswith("HATCH_INDEX_AUTH")]
            assert bool(secrets) is not is_trusted
        if is_trusted:
            assert not checks_out
            assert not any("hatch build" in step.get("run", "") for step in job["steps"])


def test_the_pages_have_a_file_for_every_case() -> None:
    kinds = [
        sorted(step["run"].removeprefix("hatch publish -p tokenindex") for _, step in publishing_jobs(data).values())
        for data in workflows_on(GITHUB_PAGE)
    ]
    trusted = " -o trusted-publishing=always"
    assert kinds == [[trusted], [""], [trusted, f" -r test{trusted} -o wait"], [" -r private"]]
    assert workflows_on(TRUSTED_PAGE) == workflows_on(GITHUB_PAGE)[:1]
    assert len(yaml_on(GITLAB_PAGE)) == 4


def test_pipelines_of_gitlab_ask_for_the_identity_that_the_index_wants() -> None:
    seen = []
    for pipeline in yaml_on(GITLAB_PAGE):
        jobs = {name: job for name, job in pipeline.items() if name not in KEYWORDS_OF_GITLAB}
        assert [job["stage"] for job in jobs.values()] == pipeline["stages"]
        for job in jobs.values():
            (line,) = (line for line in job["script"] if line.startswith("hatch"))
            if "trusted-publishing=always" not in line:
                assert "id_tokens" not in job
                continue
            audience = "testpypi" if "-r test" in line else "pypi"
            variable = re.findall(r"\w+_ID_TOKEN", identity.PROVIDERS[1].missing({}, audience))[0]
            assert job["id_tokens"] == {variable: {"aud": audience}}
            assert job["environment"] == audience
            seen.append(audience)
    assert seen == ["pypi", "testpypi", "pypi"]


def test_the_release_of_this_project_publishes_with_itself() -> None:
    workflow = YAML(typ="safe").load(OWN_WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["on"] == {"release": {"types": ["published"]}}
    (publish, step) = publishing_jobs(workflow)["publish"]
    lines = [step.get("run", "") for step in publish["steps"]]
    assert "python -m pip install hatch dist/*.whl" in lines
    assert step["run"].startswith("hatch publish -p tokenindex -o trusted-publishing=always")
    assert publish["environment"]["name"] == "pypi"


def test_the_failure_on_the_page_is_what_is_said() -> None:
    with GitHub("octo-org/my-project") as github:
        text = publishers.explained(
            MintingError(
                "invalid-publisher",
                "valid token, but no corresponding publisher (Publisher with matching claims was not found)",
            ),
            github.claims,
            "my-project",
            Repository("main", PYPI, trusted_publishing="always"),
        )
    (shown,) = re.findall(r"^```text\n(.*?)^```$", TRUSTED_PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert shown == f"{text}\n"


def test_every_failure_is_on_the_page() -> None:
    page = TRUSTED_PAGE.read_text(encoding="utf-8")
    described = re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]+ \|$", page, re.MULTILINE)
    described = described[described.index("invalid-publisher") :]
    on_github, on_gitlab, _ = identity.PROVIDERS
    pull_request = {"GITHUB_EVENT_NAME": "pull_request"}
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    said = [
        on_github.missing({}, None),
        on_github.missing(pull_request, None),
        on_gitlab.missing({}, "pypi"),
        Path(oidc.__file__).read_text(encoding="utf-8"),
        source,
    ]
    assert [text for text in described if not any(text in each for each in said)] == []
    assert {text for text in described if re.fullmatch("[a-z-]+", text)} == set(publishers.ADVICE)
