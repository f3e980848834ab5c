"""The signer of an attestation: the CI job and its source, as an identity token or a certificate states them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Mapping

GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"
GOOGLE = "https://accounts.google.com"

# Object identifiers of Fulcio (https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md).
_ISSUER, _REPOSITORY, _COMMIT, _REF, _WORKFLOW = (f"1.3.6.1.4.1.57264.1.{number}" for number in (8, 12, 13, 14, 18))


@dataclass(frozen=True)
class Signer:
    """A CI job; every field may be empty where it isn't stated."""

    issuer: str = ""
    repository: str = ""
    """`owner/name` on GitHub and GitLab, a URL elsewhere."""
    workflow: str = ""
    """File name of a GitHub workflow, path of a GitLab pipeline file."""
    ref: str = ""
    commit: str = ""
    email: str = ""
    """Address of a Google service account."""

    @property
    def description(self) -> str:
        """The signer on one line, safe to show."""
        details = {"workflow": self.workflow, "commit": self.commit, "ref": self.ref}
        job = self.email or self.repository or self.issuer or "unknown"
        return escaped_line(", ".join([job, *(f"{name} {value}" for name, value in details.items() if value)]))


def of_identity(claims: Mapping[str, Any]) -> Signer:
    """Return the signer that an identity token (OIDC) of GitHub, GitLab or Google names."""
    issuer = str(claims.get("iss", ""))
    if issuer == GOOGLE or "email" in claims:
        return Signer(issuer, email=str(claims.get("email", "")))
    repository = str(claims.get("repository") or claims.get("project_path") or "")
    file = str(claims.get("workflow_ref") or claims.get("ci_config_ref_uri") or "")
    ref = str(claims.get("ref_path") or claims.get("ref") or "")
    return Signer(issuer, repository, _workflow_file(file, repository), ref, str(claims.get("sha", "")))


def of_environment(environment: Mapping[str, str]) -> Signer:
    """Return the signer of a job in GitHub Actions, as its variables name it; an empty one elsewhere."""
    repository = environment.get("GITHUB_REPOSITORY", "")
    if not repository:
        return Signer()
    workflow = _workflow_file(environment.get("GITHUB_WORKFLOW_REF", ""), repository)
    return Signer(GITHUB, repository, workflow, environment.get("GITHUB_REF", ""), environment.get("GITHUB_SHA", ""))


def of_certificate(claims: Mapping[str, str], email: str) -> Signer:
    """Return the signer that a certificate of Sigstore names in its extensions, by object identifier."""
    issuer, repository = claims.get(_ISSUER, ""), claims.get(_REPOSITORY, "")
    for host in ("https://github.com/", "https://gitlab.com/"):
        repository = repository.removeprefix(host)
    workflow = _workflow_file(claims.get(_WORKFLOW, ""), repository)
    return Signer(issuer, repository, workflow, claims.get(_REF, ""), claims.get(_COMMIT, ""), email)


def reason_refused(claims: Mapping[str, Any]) -> str:
    """Return why PyPI refuses attestations of the job with this identity; empty if it doesn't.

    https://docs.pypi.org/trusted-publishers/troubleshooting/
    """
    if claims.get("event_name") == "pull_request_target":
        return "PyPI refuses attestations of jobs that `pull_request_target` triggered"
    called, calling = claims.get("job_workflow_ref"), claims.get("workflow_ref")
    if called and calling and called != calling:
        return "PyPI refuses attestations of reusable workflows"
    return ""


def _workflow_file(reference: str, repository: str) -> str:
    """Return `release.yml` of `octo/x/.github/workflows/release.yml@refs/tags/1`, `.gitlab-ci.yml` of `gitlab.com/x//...`."""
    path, _, _ = reference.rpartition("@")
    _, separator, pipeline = path.partition(f"{repository}//")
    if separator:
        return pipeline
    return path.rpartition("/.github/workflows/")[2]
