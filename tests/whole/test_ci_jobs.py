"""Trusted Publishing, end to end: `hatch publish -p tokenindex` in the environment of a CI job."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import threading
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from api_tokens import present
from ci_job import Job, gitlab_job, gitlab_publisher, script_minting
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import command, run_hatch
from ruamel.yaml import YAML
from servers import Answer, Fault, PyPIStandIn
from servers.oidc import GitHub, TrustingIndex

from hatch_tokenindex.index.upload import Uploader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import trustme
    from hatch_process import Home, Project
    from maintainer import Maintainer
    from servers import Request

MINTED = ["audience", "mint-token", "burn-token"]
SECRET = "s3cret-that-was-stored"


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
    result = job.publish("-o", "json")
    assert result.returncode == 0, result.output
    assert job.index.calls == MINTED
    (project,) = json.loads(result.stdout)["projects"]
    assert project["credential"] == {"user": "__token__", "source": "Trusted Publishing (GitHub Actions)"}


def test_a_job_of_gitlab_publishes_with_nothing_stored(job: Job) -> None:
    job.index.publishers[:] = [gitlab_publisher(job)]
    make_sdist(job.at.project.dist, job.project)
    result = job.publish(run=run_hatch, environment=gitlab_job())
    assert result.returncode == 0, result.output
    assert job.index.calls == MINTED
    assert len(job.at.server.uploads) == 2
    assert "::" not in result.output
    assert "Using Trusted Publishing (GitLab CI/CD).\n" in result.output


def test_trusted_publishing_is_told_once_with_its_provider(job: Job) -> None:
    other = f"{job.project}-plugin"
    job.index.publishers.clear()
    job.index.trust(job.project, other)
    job.at.build(other)
    result = job.publish()
    assert result.returncode == 0, result.output
    assert result.output.count("Using Trusted Publishing (GitHub Actions).\n") == 1
    assert "Trusted Publishing" not in job.publish("-o", "existing=replace", HATCH_INDEX_AUTH=SECRET).output


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
    assert "`trusted-publishing` is `always`." in result.words
    assert "run this in a job of a CI provider" in result.output
    assert job.index.calls == []


def test_never_mints_nothing(job: Job) -> None:
    result = job.publish("-o", "trusted-publishing=never")
    assert result.returncode == 1
    assert "Cannot prompt for a token" in result.output
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
    assert "Trusted Publishing: not set" in result.output
    assert (job.index.calls, job.github.server.requests) == ([], [])


def test_nothing_is_minted_where_nothing_is_to_be_uploaded(job: Job) -> None:
    assert job.publish().returncode == 0
    result = job.publish()
    assert result.returncode == 0, result.output
    assert job.index.calls == MINTED
    assert "already exists" in result.output


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
    assert "Refusing packages.example.org's request for an OIDC token with audience 'pypi'" in result.words
    assert index.calls == ["audience"]
    assert github.server.requests == []


# Each attempt has an identity of its own


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
    assert "HTTP 5" in result.output or "HTTP 4" in result.output or "could not be reached" in result.output
    assert job.at.server.uploads == []


@pytest.mark.parametrize("answer", [Answer(503), Answer(fault=Fault.RESET_AFTER_BODY)])
def test_gitlabs_only_identity_is_used_once(job: Job, answer: Answer) -> None:
    script_minting(job, lambda _request: answer)
    result = job.publish(environment=gitlab_job())
    assert result.returncode == 1
    assert job.index.calls == ["audience", "mint-token"]
    assert "GitLab CI/CD issues one identity token per job" in result.words


def test_a_used_identity_of_gitlab_is_told(job: Job) -> None:
    job.index.publishers[:] = [gitlab_publisher(job)]
    environment = gitlab_job()
    assert job.publish(environment=environment).returncode == 0
    make_sdist(job.at.project.dist, job.project)
    result = job.publish(environment=environment)
    assert result.returncode == 1
    assert "invalid-reuse-token" in result.output
    assert "GitLab CI/CD issues one identity token per job; run the job again." in result.words


def test_a_leftover_pending_publisher_costs_one_identity(job: Job) -> None:
    job.index.await_first_release(job.project)
    result = job.publish()
    assert result.returncode == 0, result.output
    assert len(job.github.issued) == len(set(job.index.used)) == 2
    assert job.index.pending == []


# What goes wrong


def test_a_job_without_the_permission_is_shown_what_to_add(job: Job) -> None:
    result = job.publish(environment=job.github.job_without_permission)
    assert result.returncode == 1
    assert "the job lacks the permission to request an identity token" in result.output
    assert yaml_below(result.output, "Add to the job in the workflow file:") == {
        "permissions": {"contents": "read", "id-token": "write"}
    }
    assert job.index.calls == []


def test_a_pull_request_from_a_fork_is_told_to_publish_otherwise(job: Job) -> None:
    environment = {**job.github.job_without_permission, "GITHUB_EVENT_NAME": "pull_request"}
    result = job.publish(environment=environment)
    assert result.returncode == 1
    assert "GitHub issues no identity token to pull requests from forks" in result.words
    assert "Publish from a push, a tag or a release instead." in result.words


def test_a_job_of_gitlab_without_the_variable_is_shown_what_to_add(job: Job) -> None:
    result = job.publish(environment={"CI": "true", "GITLAB_CI": "true"})
    assert result.returncode == 1
    assert yaml_below(result.output, "Add to the job:") == {"id_tokens": {"PYPI_ID_TOKEN": {"aud": "pypi"}}}
    assert job.index.calls == ["audience"]


def test_a_variable_of_gitlab_for_somebody_else_is_not_used(job: Job) -> None:
    result = job.publish(environment=gitlab_job("sigstore"))
    assert result.returncode == 1
    assert "an identity token for sigstore, instead of one for pypi" in result.words
    assert job.index.calls == ["audience"]


def yaml_below(output: str, line: str) -> object:
    """The YAML data in the indented lines below a line."""
    _, _, rest = output.partition(f"{line}\n")
    indented = []
    for text in rest.splitlines():
        if not text.startswith("    "):
            break
        indented.append(text)
    return YAML(typ="safe").load("\n".join(indented))


def test_an_index_without_trusted_publishing_is_told(at_index: Maintainer, github: GitHub) -> None:
    at_index.build()
    result = invoke_hatch(
        *("publish", "-p", "tokenindex", *at_index.options),
        cwd=at_index.project.folder,
        home=at_index.home,
        env=github.job,
    )
    assert result.returncode == 1
    assert "Trusted Publishing: unavailable: the index does not support Trusted Publishing (HTTP 404)" in result.words
    assert github.server.requests == []


def test_an_index_that_has_switched_it_off_is_told(job: Job) -> None:
    job.index.disabled = True
    result = job.publish()
    assert result.returncode == 1
    assert "(HTTP 403: Trusted publishing functionality not enabled)" in result.words
    assert job.github.server.requests == []


def test_an_index_whose_certificate_is_not_trusted_gets_no_identity(pypi_job: Job) -> None:
    result = run_hatch(
        *("publish", "-p", "tokenindex", str(pypi_job.at.project.dist)),
        cwd=pypi_job.at.project.folder,
        home=pypi_job.at.home,
        env={**pypi_job.github.job, **pypi_job.at.environment},
    )
    assert result.returncode == 1
    assert "https://upload.pypi.org/_/oidc/audience could not be reached" in result.words
    assert pypi_job.at.server.requests == pypi_job.github.server.requests == []


# A project that isn't there yet, or isn't covered


def test_a_pending_publisher_creates_the_project(pypi_job: Job) -> None:
    pypi_job.index.publishers.clear()
    pypi_job.index.projects.clear()
    pypi_job.index.await_first_release(pypi_job.project, environment="pypi")
    pypi_job.github.claims["environment"] = "pypi"
    result = pypi_job.publish()
    assert result.returncode == 0, result.output
    assert pypi_job.index.projects == {pypi_job.project}
    assert len(pypi_job.at.server.uploads) == 1


def test_a_pending_publisher_for_another_name_creates_nothing(pypi_job: Job) -> None:
    pypi_job.index.publishers.clear()
    pypi_job.index.projects.clear()
    pypi_job.index.await_first_release("another-name")
    result = pypi_job.publish()
    assert result.returncode == 1
    assert "Non-user identities cannot create new projects" in result.words
    assert "A pending publisher can only create the project that it names" in result.words
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
    result = job.publish()
    assert result.returncode == 1
    assert "/evil" not in result.output


def test_debugging_shows_no_token(pypi_job: Job) -> None:
    pypi_job.at.server.script_uploads(Answer(403, "no"))
    result = pypi_job.publish(run=run_hatch, HATCH_DEBUG="1")
    assert result.returncode == 1
    assert "Traceback" not in result.output


# Every token is burned


def test_a_refused_upload_burns_the_token(pypi_job: Job) -> None:
    pypi_job.at.server.script_uploads(Answer(400, "The description failed to render"))
    result = pypi_job.publish()
    assert result.returncode == 1
    assert pypi_job.index.burned == list(pypi_job.index.minted)
    assert len(pypi_job.index.burned) == 1


def test_a_bug_of_ours_burns_the_token(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_ctrl_c_burns_the_token(job: Job) -> None:
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


def test_an_index_that_burns_no_tokens_is_no_error(job: Job) -> None:
    job.index.can_burn = False
    result = job.publish()
    assert result.returncode == 0, result.output
    assert job.index.calls == MINTED
    assert "burn" not in result.output
    assert "HTTP 405" not in result.output


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
    assert "would mint a token" in result.words
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
    result = job.publish()
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
    assert "A Trusted Publishing token is valid for 15 minutes, and this one has expired." in result.words
    assert "run the job again" in result.words


@pytest.mark.parametrize(("seconds", "succeeds"), [(700, True), (1000, False)])
def test_a_provider_that_fails_later_matters_once_the_token_is_over(job: Job, seconds: float, succeeds: bool) -> None:
    make_sdist(job.at.project.dist, job.project)
    later(job, upload=1, seconds=seconds)
    job.github.server.script_others(None, Answer(500, body="out of order"), Answer(500, body="out of order"))
    result = job.publish()
    assert (result.returncode == 0) is succeeds, result.output
    if not succeeds:
        assert "The Trusted Publishing token has expired and could not be renewed" in result.words
        assert "out of order" in result.words
    assert len(job.index.minted) == len(job.index.burned) == 1


@pytest.mark.parametrize(("seconds", "succeeds"), [(700, True), (1000, False)])
def test_an_index_that_mints_no_more_matters_once_the_token_is_over(job: Job, seconds: float, succeeds: bool) -> None:
    make_sdist(job.at.project.dist, job.project)
    later(job, upload=1, seconds=seconds)
    body = {"errors": [{"code": "not-enabled", "description": "not today"}]}
    script_minting(job, job.index.respond, *[lambda _request: Answer(422, body=body)] * 2)
    result = job.publish()
    assert (result.returncode == 0) is succeeds, result.output
    assert ("not today" in result.output) is not succeeds
    assert len(job.index.minted) == len(job.index.burned) == 1


# Looking without doing


@pytest.mark.parametrize("environment", ["github", "gitlab"])
@pytest.mark.parametrize("mode", ["explain", "dry-run"])
def test_looking_mints_nothing_and_says_what_would_be_minted(job: Job, mode: str, environment: str) -> None:
    variables = job.github.job if environment == "github" else gitlab_job()
    result = job.publish("-o", mode, environment=variables)
    assert result.returncode == 0, result.output
    name = "GitHub Actions" if environment == "github" else "GitLab CI/CD"
    assert f"would mint a token with the OIDC identity of this {name} job" in result.words
    assert job.index.minted == {}
    assert job.github.server.requests == job.at.server.uploads == []
    assert job.index.calls == ([] if mode == "explain" else ["audience"])


def test_explain_shows_that_the_permission_is_missing(pypi_job: Job) -> None:
    result = pypi_job.publish("-o", "explain", environment=pypi_job.github.job_without_permission)
    assert result.returncode == 0, result.output
    (row,) = (line for line in result.output.splitlines() if "Trusted Publishing" in line)
    assert "the job lacks the permission to request an identity token" in row
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


# The clock of this machine


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_wrong_clock_of_the_runner_does_not_matter(pypi_job: Job, seconds: float) -> None:
    pypi_job.at.server.seconds_ahead = seconds
    result = pypi_job.publish()
    assert result.returncode == 0, result.output
    assert len(pypi_job.index.minted) == 1


def test_a_token_that_begins_in_a_moment_is_used(pypi_job: Job) -> None:
    """A token is valid from when it is minted, and a response's `Date` may be a second behind."""
    pypi_job.index.seconds_ahead = 1.5
    result = pypi_job.publish()
    assert result.returncode == 0, result.output
    assert pypi_job.index.burned == list(pypi_job.index.minted)
