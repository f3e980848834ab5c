"""What a Trusted Publisher has to be configured with, as identity tokens and the environment of a job tell it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.errors import MintingError

ADVICE = {
    "not-enabled": "{index} has switched off Trusted Publishing for this CI provider, at least for now.",
    "invalid-payload": "Either {index} doesn't know who issued the identity token, or it can't create {project}.",
    "invalid-token": (
        "The identity token is not valid at {index}: check the clock of a self-hosted runner, and whether {index} takes "
        "this CI provider."
    ),
    "invalid-publisher": "No publisher that is configured at {index} fits this job. Compare each field with its claim:",
    "invalid-pending-publisher": (
        "A pending publisher fits this job, but a project of that name exists by now, so {index} has dropped it. If the "
        "project is yours, add a publisher to it; if not, choose another name."
    ),
    "invalid-reuse-token": "The identity token was used before. Run the job again.",
}
"""What to do about each code of PyPI, by that code."""
_UNKNOWN = "That is no reason that is known here: what {index} says above is all there is."

# The names of the claims that PyPI checks, what its form calls the values, and how the form's URL does.
_FORMS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "github": (
        ("repository_owner", "Owner", "owner"),
        ("repository", "Repository name", "repository"),
        ("job_workflow_ref", "Workflow name", "workflow_filename"),
        ("environment", "Environment name", "environment"),
    ),
    "gitlab": (
        ("namespace_path", "Namespace", "namespace"),
        ("project_path", "Project name", "project"),
        ("ci_config_ref_uri", "Top-level pipeline file path", "workflow_filepath"),
        ("environment", "Environment name", "environment"),
    ),
    "google": (("email", "Email", "email"), ("sub", "Subject", "sub")),
}
_EMPTY = "(empty; or give the job what the publisher has)"
_ALSO_TOLD = ("sub", "ref", "ref_path", "event_name", "pipeline_source")
_GITHUB_WORKFLOW = re.compile(r"[^/]+\.ya?ml(?=@)")
_GITLAB_PIPELINE = re.compile(r"(?<=//).+\.ya?ml(?=@)")
_LONGEST = 200


def explained(error: MintingError, claims: Mapping[str, Any], project: str, repository: Repository) -> str:
    """Why the index minted no token: its own words, then what to do, with the claims beside the fields of its form."""
    index, values = repository.index, of_claims(claims)
    advice = ADVICE.get(error.code, _UNKNOWN).format(index=index, project=project)
    code = f" ({error.code})" if error.code else ""
    lines = [f"{index} minted no token for this job{code}. It said:", f"  {error}", advice]
    lines += [f"  {line}" for line in _side_by_side(claims, values)]
    if _is_reusable_workflow(claims):
        lines.append(
            "This job belongs to a reusable workflow, for which PyPI mints none: publish from the calling one."
        )
    if how := how_to_add(values, project, repository):
        lines.append(how)
    if repository.trusted_publishing == "automatic":
        lines.append("An API token in HATCH_INDEX_AUTH works without a publisher.")
    return "\n".join(lines)


def how_to_add(values: Mapping[str, str], project: str, repository: Repository) -> str:
    """Where to add a publisher with these values, to a project that exists and to one that doesn't; empty elsewhere."""
    if not repository.site or not values:
        return ""
    pending = urlencode({**values, "project_name": project})
    return (
        f"To let this job publish without a stored token, an owner of {project} adds it as a publisher:\n"
        f"  {configuration_link(values, project, repository)}\n"
        f"If {repository.index} has no {project} yet, add it as a pending publisher, which creates {project} when it "
        f"is first used:\n"
        f"  https://{repository.site}/manage/account/publishing/?{pending}"
    )


def configuration_link(values: Mapping[str, str], project: str, repository: Repository) -> str:
    """PyPI's or TestPyPI's page that adds a publisher to an existing project, filled in."""
    return f"https://{repository.site}/manage/project/{project}/settings/publishing/?{urlencode(values)}"


def of_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The values for a job in GitHub Actions, as far as its environment tells; empty elsewhere."""
    return _github_values(environment.get("GITHUB_REPOSITORY"), environment.get("GITHUB_WORKFLOW_REF"), None)


def of_claims(claims: Mapping[str, Any]) -> dict[str, str]:
    """The values for the job that an identity token is about; empty where its provider isn't known."""
    environment = claims.get("environment")
    if "project_path" in claims:
        return _gitlab_values(claims["project_path"], claims.get("ci_config_ref_uri"), environment)
    if "repository" in claims:
        reference = claims.get("workflow_ref") or claims.get("job_workflow_ref")
        return _github_values(claims["repository"], reference, environment)
    return {"provider": "google", "email": _text(claims["email"])} if "email" in claims else {}


def _github_values(repository: object, workflow_reference: object, environment: object) -> dict[str, str]:
    workflow = _GITHUB_WORKFLOW.search(_text(workflow_reference))
    owner, _, name = _text(repository).partition("/")
    if workflow is None or not name:
        return {}
    values = {"provider": "github", "owner": owner, "repository": name, "workflow_filename": workflow[0]}
    return {**values, "environment": _text(environment)} if environment else values


def _gitlab_values(path: object, pipeline_reference: object, environment: object) -> dict[str, str]:
    pipeline = _GITLAB_PIPELINE.search(_text(pipeline_reference))
    namespace, _, name = _text(path).rpartition("/")
    if pipeline is None or not namespace:
        return {}
    values = {"provider": "gitlab", "namespace": namespace, "project": name, "workflow_filepath": pipeline[0]}
    return {**values, "environment": _text(environment)} if environment else values


def _side_by_side(claims: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[str]:
    """Each claim that is checked, and beside it the field of the form that has to agree."""
    fields = _FORMS.get(values.get("provider", ""), ())
    rows = [
        (f"{claim}: {_text(claims.get(claim)) or '(none)'}", f"{label}: {values.get(name) or _EMPTY}")
        for claim, label, name in fields
    ]
    width = max((len(told) for told, _ in rows), default=0)
    yield from (f"{told:<{width}}  {field}" for told, field in rows)
    checked = {claim for claim, _, _ in fields}
    yield from (f"{name}: {_text(claims[name])}" for name in _ALSO_TOLD if name in claims and name not in checked)


def _is_reusable_workflow(claims: Mapping[str, Any]) -> bool:
    called, calling = claims.get("job_workflow_ref"), claims.get("workflow_ref")
    return bool(called and calling and called != calling)


def _text(value: object) -> str:
    """A claim on one line; anything can be in a token that nobody has checked."""
    return " ".join(str(value or "").split())[:_LONGEST]
