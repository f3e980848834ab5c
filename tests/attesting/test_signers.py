"""The signer of an attestation, as tokens, jobs and certificates name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ci_job import GITLAB_CLAIMS
from servers.sigstore import GOOGLE

from hatch_tokenindex.attesting import signers
from hatch_tokenindex.attesting.signers import Signer

if TYPE_CHECKING:
    from servers.oidc import GitHub

ON_GITHUB = Signer(signers.GITHUB, "octo-org/sample", "release.yml", "refs/tags/v1.0", "0" * 40)
ON_GITLAB = Signer(signers.GITLAB, "group/sub/sample", ".gitlab-ci.yml", "refs/tags/v1.0", "1" * 40)


def test_an_identity_token_names_the_job_on_github(github: GitHub) -> None:
    assert signers.of_identity(github.claims) == ON_GITHUB


def test_an_identity_token_names_the_job_on_gitlab() -> None:
    claims = {**GITLAB_CLAIMS, "ref": "v1.0", "sha": "1" * 40}
    assert signers.of_identity(claims) == ON_GITLAB


def test_an_identity_token_names_the_service_account_of_google() -> None:
    assert signers.of_identity({"iss": GOOGLE, "email": "ci@x.iam.example"}) == Signer(GOOGLE, email="ci@x.iam.example")


def test_variables_name_the_job_on_github(github: GitHub) -> None:
    job = {**github.job, "GITHUB_REF": "refs/tags/v1.0", "GITHUB_SHA": "0" * 40}
    assert signers.of_environment(job) == ON_GITHUB
    assert signers.of_environment({}) == Signer()


@pytest.mark.parametrize(
    ("signer", "description"),
    [
        (ON_GITHUB, f"octo-org/sample, workflow release.yml, commit {'0' * 40}, ref refs/tags/v1.0"),
        (Signer(GOOGLE, email="ci@x.iam.example"), "ci@x.iam.example"),
        (Signer("https://ci.example"), "https://ci.example"),
        (Signer(), "unknown"),
        (Signer(repository="a\x1b[1m/b"), "a\\x1b[1m/b"),
    ],
)
def test_a_signer_is_described_on_one_safe_line(signer: Signer, description: str) -> None:
    assert signer.description == description


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"event_name": "push", "job_workflow_ref": "x", "workflow_ref": "x"}, ""),
        ({"event_name": "push"}, ""),
        (
            {"event_name": "pull_request_target"},
            "PyPI refuses attestations of jobs that `pull_request_target` triggered",
        ),
        ({"job_workflow_ref": "x", "workflow_ref": "y"}, "PyPI refuses attestations of reusable workflows"),
    ],
)
def test_jobs_that_pypi_refuses_are_known(claims: dict[str, str], reason: str) -> None:
    assert signers.reason_refused(claims) == reason
