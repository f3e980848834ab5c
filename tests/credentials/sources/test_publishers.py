"""The Trusted Publisher settings shown to a refused job, taken from its claims, with pre-filled links."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from api_tokens import USER_ID, make_token
from ci_job import Job, gitlab_job, script_minting
from hatch_process import run_hatch
from servers import Answer
from servers.oidc import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers import Request

FILLED_IN = {"provider": "github", "owner": "octo-org", "repository": "sample", "workflow_filename": "release.yml"}


def links(text: str) -> list[tuple[str, dict[str, str]]]:
    """The pages of PyPI in a text, and what each is filled in with; the same in annotations doesn't count."""
    words = " ".join(line for line in text.splitlines() if not line.startswith("::")).split()
    found = [urlsplit(word.rstrip(".,")) for word in words if word.startswith("https://") and "publishing/" in word]
    return [
        (f"{link.netloc}{link.path}", {key: value for key, (value,) in parse_qs(link.query).items()}) for link in found
    ]


# Refused jobs


def invalid_payload(job: Job) -> None:
    """PyPI doesn't know the issuer."""
    job.github.claims["iss"] = "https://ci.example.org"


def not_enabled(job: Job) -> None:
    """Disable Trusted Publishing after the audience request."""
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
    """Another user has created each of the projects meanwhile."""
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


COMPARISON = "Compare each claim with its field"
TO_ADD = "adds it as a publisher"


@pytest.mark.parametrize(
    ("cause", "said", "advice", "attempts"),
    [
        (invalid_payload, "unknown trusted publishing issuer", "doesn't recognise the issuer of the identity token", 1),
        (not_enabled, "GitHub trusted publishing functionality not enabled", "has disabled Trusted Publishing", 1),
        (invalid_token, "malformed or invalid token", "Check the clock", 1),
        (invalid_publisher, "Publisher with matching claims was not found", COMPARISON, 1),
        (invalid_pending_publisher, "project already exists", "choose another name", 3),
        (invalid_reuse_token, "invalid token: already used", "Run the job again", 3),
        (a_new_code, "wrong phase", "Unrecognised error code", 1),
    ],
)
def test_the_reason_of_the_index_decides_the_advice(
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
    assert text.startswith(f"PyPI refused to issue a token for this job ({code})\n\n  ")
    assert said in text
    assert advice in text
    assert (COMPARISON in text, TO_ADD in text) == (cause is invalid_publisher, cause is invalid_publisher)
    assert ("repository: octo-org/sample" in text) == (cause in {invalid_publisher, a_new_code})
    assert "Or set HATCH_INDEX_AUTH to an API token, which needs no publisher." in text
    assert "reusable" not in text


def test_a_job_without_a_publisher_sees_its_claims_beside_the_fields(pypi_job: Job) -> None:
    invalid_publisher(pypi_job)
    text = json.loads(pypi_job.publish("-o", "json").stdout)["error"]["summary"]
    for claim, field in (
        ("repository_owner: octo-org", "Owner: octo-org"),
        ("repository: octo-org/sample", "Repository name: sample"),
        (
            "job_workflow_ref: octo-org/sample/.github/workflows/release.yml@refs/tags/v1.0",
            "Workflow name: release.yml",
        ),
        ("environment: (none)", "Environment name: (empty, or the environment that the publisher names)"),
    ):
        (line,) = (line for line in text.splitlines() if line.strip().startswith(claim))
        assert line.endswith(f"  {field}")


@pytest.mark.parametrize(
    ("why", "advice", "shown"),
    [
        ("Check failed for required claim 'sub'", "reset the customized subject claim", "sub: repository_id:1:ref:x"),
        (
            "Publishing from a workflow invoked via 'pull_request_target' is not supported.",
            "issues no token to workflows that `pull_request_target` triggers",
            "",
        ),
        ("Missing claim 'jti'", "refused one of the claims", "event_name: release"),
        ("The ref and sha claims are empty", "refused one of the claims", "ref: refs/tags/v1.0"),
        (
            "The job_workflow_ref claim does not match, expecting one of ['x'], got 'y'",
            "PyPI doesn't support reusable workflows",
            "job_workflow_ref: octo-org/shared",
        ),
        ("Check failed for optional claim 'environment'", "refused one of the claims", "sub: repository_id:1:ref:x"),
    ],
)
def test_a_publisher_that_fits_is_not_asked_for(pypi_job: Job, why: str, advice: str, shown: str) -> None:
    pypi_job.github.claims["sub"] = "repository_id:1:ref:x"
    pypi_job.github.claims["job_workflow_ref"] = "octo-org/shared/.github/workflows/release.yml@main"
    description = f"valid token, but no corresponding publisher ({why})"
    body = {"errors": [{"code": "invalid-publisher", "description": description}]}
    script_minting(pypi_job, lambda _request: Answer(422, body=body))
    text = json.loads(pypi_job.publish("-o", "json").stdout)["error"]["summary"]
    assert f"  {description}\n" in text
    assert advice in text
    assert f"  {shown}" in text
    assert COMPARISON not in text
    assert TO_ADD not in text


@pytest.mark.parametrize(
    "then",
    [
        Answer(422, body={"errors": [{"code": "invalid-publisher", "description": "no corresponding publisher"}]}),
        Answer(422, body={"errors": [{"code": "not-enabled", "description": "no corresponding publisher"}]}),
    ],
)
def test_a_dropped_pending_publisher_stays_visible(pypi_job: Job, then: Answer) -> None:
    """PyPI drops it in the request that it refuses, and knows nothing of it in the next one."""
    body = {"errors": [{"code": "invalid-pending-publisher", "description": "valid token, but project already exists"}]}
    script_minting(pypi_job, lambda _request: Answer(422, body=body), lambda _request: then)
    result = pypi_job.publish("-o", "json")
    text = json.loads(result.stdout)["error"]["summary"]
    assert text.startswith(
        "PyPI refused to issue a token for this job (invalid-pending-publisher)\n\n"
        "  valid token, but project already exists\n"
        "  no corresponding publisher\n\n"
        f"A pending publisher matches this job, but {pypi_job.project} has been created in the meantime"
    )
    assert links(text) == [(f"pypi.org/manage/project/{pypi_job.project}/settings/publishing/", FILLED_IN)]
    assert COMPARISON not in text


@pytest.mark.parametrize("setting", ["automatic", "always"])
@pytest.mark.parametrize("pending", [False, True])
def test_a_failing_index_asks_nobody_to_add_a_publisher(pypi_job: Job, setting: str, *, pending: bool) -> None:
    body = {"errors": [{"code": "invalid-pending-publisher", "description": "project already exists"}]}
    failure = Answer(503, body={"message": "Read-only mode"})
    first = Answer(422, body=body) if pending else failure
    script_minting(pypi_job, lambda _request: first, *[lambda _request: failure] * 2)
    result = pypi_job.publish("-o", f"trusted-publishing={setting}")
    assert result.returncode == 1
    assert "the index failed to issue a token (HTTP 503: Read-only mode)" in result.words
    assert ("after invalid-pending-publisher: project already exists" in result.words) == pending
    assert "Run the job again in a few minutes." in result.words
    assert TO_ADD not in result.words
    assert ("Fix: solve the problem above, and run the job again." in result.words) == (setting == "always")


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
    assert "PyPI doesn't support reusable workflows" in result.output
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
    result = job.publish()
    assert result.returncode == 1
    assert "\x1b" not in result.output
    commands = [line for line in result.output.splitlines() if line.startswith("::")]
    assert [command.split(" ")[0] for command in commands] == ["::error"]


def test_a_project_that_the_token_does_not_cover_is_told_with_the_publisher(pypi_job: Job) -> None:
    other = f"{pypi_job.project}-plugin"
    pypi_job.index.projects.add(other)
    pypi_job.github.claims["environment"] = "pypi"
    pypi_job.at.build(other)
    result = pypi_job.publish()
    assert result.returncode == 1
    assert f"isn't allowed to upload to project '{other}'" in result.words
    assert f"is not a Trusted Publisher of {other}" in result.words
    expected = (f"pypi.org/manage/project/{other}/settings/publishing/", {**FILLED_IN, "environment": "pypi"})
    assert links(result.output) == [expected]
    assert pypi_job.index.burned == list(pypi_job.index.minted)


def test_a_stored_token_in_a_job_is_followed_by_one_line(pypi_job: Job) -> None:
    token = make_token(user=USER_ID)
    result = pypi_job.publish(HATCH_INDEX_AUTH=token)
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
    result = job.publish(HATCH_INDEX_AUTH="s3cret")
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


@pytest.mark.parametrize("provider", ["GitHub Actions", "GitLab CI/CD"])
def test_no_link_is_made_up_where_the_token_names_no_workflow(pypi_job: Job, provider: str) -> None:
    pypi_job.index.publishers.clear()
    pypi_job.github.claims |= dict.fromkeys(["workflow_ref", "job_workflow_ref"], "octo-org/sample")
    environment = gitlab_job(ci_config_ref_uri="elsewhere") if provider == "GitLab CI/CD" else None
    result = pypi_job.publish(environment=environment)
    assert result.returncode == 1
    assert "PyPI refused to issue a token for this job (invalid-publisher)" in result.output
    assert "sub: " in result.output
    assert links(result.output) == []


def test_a_service_account_of_google_is_told_by_its_address(pypi_job: Job) -> None:
    pypi_job.index.publishers.clear()
    account, environment = "ci@example.iam.gserviceaccount.com", pypi_job.github.job
    pypi_job.github.claims.clear()
    pypi_job.github.claims |= {"iss": "https://accounts.google.com", "sub": "1234", "email": account}
    body = {"errors": [{"code": "invalid-publisher", "description": "Publisher with matching claims was not found"}]}
    script_minting(pypi_job, lambda _request: Answer(422, body=body))
    result = pypi_job.publish(environment=environment)
    assert result.returncode == 1
    assert f"email: {account}  Email: {account}\n" in result.output
    [to_project, _] = links(result.output)
    filled_in = {"provider": "google", "email": account}
    assert to_project == (f"pypi.org/manage/project/{pypi_job.project}/settings/publishing/", filled_in)
