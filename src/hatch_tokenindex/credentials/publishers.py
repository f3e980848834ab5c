"""What a Trusted Publisher has to be configured with, as identity tokens and the environment of a job tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hatch_tokenindex.errors import MintingError
    from hatch_tokenindex.repositories import Repository


_ADVICE = {
    "not-enabled": "The index has switched off Trusted Publishing for this provider, at least for now: use an API token.",
    "invalid-payload": "Either the project's name can't be created, or the index can't read this provider's tokens.",
    "invalid-token": (
        "The identity token is not valid for this index: check the clock of a self-hosted runner, and that the provider is "
        "one that the index knows."
    ),
    "invalid-publisher": "No publisher is configured with these values. Compare each of them, and mind the spelling:",
    "invalid-pending-publisher": (
        "The project was created by somebody else before this publisher was used: choose another name, or ask its owner to "
        "add a publisher."
    ),
    "invalid-reuse-token": "The identity token was used before: run the job again.",
}


def explained(error: MintingError, claims: Mapping[str, Any], project: str, repository: Repository) -> str:
    """Why the index minted no token: its own words, then what to do, with the claims beside the fields of its form."""
    advice = _ADVICE.get(error.code, "The index gives no known reason: what it says above is all there is.")
    code = f" ({error.code})" if error.code else ""
    lines = [f"Trusted Publishing failed: the index made no API token{code}. It says:", f"  {error}", advice]
    lines += [f"  {line}" for line in _side_by_side(claims)]
    if _is_reusable_workflow(claims):
        lines.append(
            "This job runs in a reusable workflow, which PyPI doesn't support: publish from a job of the calling workflow."
        )
    if link := configuration_link(_github_values(claims), project, repository):
        lines.append(f"Configure it here: {link}")
        lines.append(
            f"For a project that doesn't exist yet: {pending_link(_github_values(claims), project, repository)}"
        )
    return "\n".join(lines)


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The fields of the form for a job in GitHub Actions, as far as its environment tells; empty elsewhere."""
    reference = environment.get("GITHUB_WORKFLOW_REF", "")
    return _values(environment.get("GITHUB_REPOSITORY", ""), reference, "") if reference else {}


def configuration_link(values: Mapping[str, str], project: str, repository: Repository) -> str:
    """The page that adds a publisher to an existing project, filled in; empty for an index other than PyPI's."""
    if repository.site is None or not values:
        return ""
    return f"https://{repository.site}/manage/project/{project}/settings/publishing/?{urlencode(values)}"


def pending_link(values: Mapping[str, str], project: str, repository: Repository) -> str:
    """The page that adds a pending publisher, which creates the project with its first use, filled in."""
    if repository.site is None or not values:
        return ""
    query = urlencode({**values, "project_name": project})
    return f"https://{repository.site}/manage/account/publishing/?{query}"


def _github_values(claims: Mapping[str, Any]) -> dict[str, str]:
    reference = claims.get("workflow_ref") or claims.get("job_workflow_ref")
    if "repository" not in claims or not isinstance(reference, str):
        return {}
    return _values(str(claims["repository"]), reference, str(claims.get("environment") or ""))


def _values(repository: str, workflow_reference: str, environment: str) -> dict[str, str]:
    owner, _, name = repository.partition("/")
    workflow = workflow_reference.partition("@")[0].rpartition("/")[2]
    values = {"provider": "github", "owner": owner, "repository": name, "workflow_filename": workflow}
    return {**values, "environment": environment} if environment else values


def _side_by_side(claims: Mapping[str, Any]) -> Iterator[str]:
    """Each claim that is checked, and the field of the form that it is compared with."""
    if values := _github_values(claims):
        yield f"repository_owner: {values['owner']}  <->  Owner"
        yield f"repository: {claims['repository']}  <->  Repository name: {values['repository']}"
        yield f"workflow: {values['workflow_filename']}  <->  Workflow name"
        yield f"environment: {values.get('environment') or 'none'}  <->  Environment name (or left empty)"
        yield from (f"{name}: {claims[name]}" for name in ("ref", "event_name") if name in claims)
    elif "project_path" in claims:
        namespace, _, name = str(claims["project_path"]).rpartition("/")
        path = str(claims.get("ci_config_ref_uri", "")).partition("@")[0].partition("//")[2]
        yield f"project_path: {claims['project_path']}  <->  Namespace: {namespace}; Project name: {name}"
        yield f"ci_config_ref_uri: {claims.get('ci_config_ref_uri', 'none')}  <->  Top-level pipeline file path: {path}"
        yield f"environment: {claims.get('environment') or 'none'}  <->  Environment name (or left empty)"
    elif "email" in claims:
        yield f"email: {claims['email']}  <->  Email"
        yield f"sub: {claims.get('sub', 'none')}  <->  Subject (or left empty)"


def _is_reusable_workflow(claims: Mapping[str, Any]) -> bool:
    called, calling = claims.get("job_workflow_ref"), claims.get("workflow_ref")
    return bool(called and calling and called != calling)
