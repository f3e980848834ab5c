"""The values that a Trusted Publisher needs for this job, from its identity token or environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.errors import MintingError

_COMPARE = "No Trusted Publisher configured on {index} matches this job. Compare each claim with its field:"
_CLAIM_REFUSED = "{index} found a Trusted Publisher for this job, but refused one of the claims:"
_SUBJECT = (
    "{index} found a Trusted Publisher for this job, but its `sub` claim is not in the provider's default format. Ask an "
    "administrator of the repository or organization to reset the customized subject claim (on GitHub: "
    "https://docs.github.com/en/actions/reference/security/oidc). The job's claims:"
)
_EXISTS = (
    "A pending publisher matches this job, but {project} has been created in the meantime, so {index} dropped it. If the "
    "project is yours, add a publisher to it; if not, choose another name."
)
_UNKNOWN = (
    "Unrecognised error code. Contact the administrator of {index} and quote the message above. The job's claims:"
)
ADVICE = {
    "not-enabled": "{index} has disabled Trusted Publishing for this CI provider, at least for now.",
    "invalid-payload": "{index} doesn't recognise the issuer of the identity token, or can't create {project}.",
    "invalid-token": (
        "{index} could not validate the identity token. Check the clock of a self-hosted runner, and that {index} supports "
        "this CI provider."
    ),
    "invalid-publisher": _COMPARE,
    "invalid-pending-publisher": _EXISTS,
    "invalid-reuse-token": "The identity token was already used. Run the job again.",
}
"""Advice on each error code of PyPI."""
_REASONS = (
    (
        r"pull_request_target",
        "{index} issues no token to workflows that `pull_request_target` triggers. Publish from a push, a tag or a release "
        "instead.",
    ),
    (r"required claim '?sub\b", _SUBJECT),
    (r"(Check failed for|Missing) .*\bclaim|claims? .*(empty|does not match)", _CLAIM_REFUSED),
)
"""Reasons that PyPI gives in the words of `invalid-publisher` although a publisher fits, and the advice on each."""

# The claims that PyPI checks, their labels in its form, and their names in the form's URL.
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
_EMPTY = "(empty, or the environment that the publisher names)"
_ALSO_SHOWN = ("sub", "ref", "ref_path", "event_name", "pipeline_source")
_FILES = {"github": re.compile(r"[^/]+\.ya?ml(?=@)"), "gitlab": re.compile(r"(?<=//).+\.ya?ml(?=@)")}
_LONGEST = 200


def explained(
    error: MintingError,
    claims: Mapping[str, Any],
    project: str,
    repository: Repository,
    earlier: MintingError | None = None,
) -> str:
    """Return why the index refused to mint a token: its own words, then advice on that very reason.

    Args:
        error: The refusal.
        claims: The claims of the identity token.
        project: The project's name, normalized (PEP 503).
        repository: The repository.
        earlier: The refusal of an attempt before, if that is the reason: it dropped a pending publisher.
    """
    index, values = repository.index, of_claims(claims)
    reason = earlier or error
    template = ADVICE.get(reason.code, _UNKNOWN)
    if template is _COMPARE:
        # PyPI gives one code to a job without a publisher and to one that it doesn't accept.
        template = next((advice for words, advice in _REASONS if re.search(words, str(reason))), _COMPARE)
    code = f" ({reason.code})" if reason.code else ""
    lines = [f"{index} refused to issue a token for this job{code}", ""]
    lines += [f"  {said}" for said in dict.fromkeys([str(reason), str(error)])]
    lines += ["", template.format(index=index, project=project)]
    if template in {_COMPARE, _CLAIM_REFUSED, _SUBJECT, _UNKNOWN}:
        lines += [f"  {line}" for line in _claims_shown(claims, values, beside_fields=template is _COMPARE)]
    elif template is _EXISTS and repository.site and values:
        lines.append(f"  {configuration_link(values, project, repository)}")
    if template in {_COMPARE, _CLAIM_REFUSED} and _is_reusable_workflow(claims):
        lines.append("PyPI doesn't support reusable workflows: publish from the calling workflow.")
    if template is _COMPARE and (how := how_to_add(values, project, repository)):
        lines.append(how)
    if repository.trusted_publishing == "automatic":
        lines.append("Or set HATCH_INDEX_AUTH to an API token, which needs no publisher.")
    return "\n".join(lines)


def how_to_add(values: Mapping[str, str], project: str, repository: Repository) -> str:
    """Return where to add a publisher with these values, to an existing and to a new project; empty if unknown."""
    if not repository.site or not values:
        return ""
    pending = urlencode({**values, "project_name": project})
    return (
        f"To publish from this job without a stored token, an owner of {project} adds it as a publisher:\n"
        f"  {configuration_link(values, project, repository)}\n"
        f"If {project} doesn't exist on {repository.index} yet, add a pending publisher, which creates it on first use:\n"
        f"  https://{repository.site}/manage/account/publishing/?{pending}"
    )


def configuration_link(values: Mapping[str, str], project: str, repository: Repository) -> str:
    """Return the link to the page that adds a publisher to an existing project, with the form filled in."""
    return f"https://{repository.site}/manage/project/{project}/settings/publishing/?{urlencode(values)}"


def of_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the values for a job in GitHub Actions, from its environment variables; empty elsewhere."""
    return _values("github", environment.get("GITHUB_REPOSITORY"), environment.get("GITHUB_WORKFLOW_REF"), None)


def of_claims(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the values for the job of an identity token; empty if its provider isn't known."""
    environment = claims.get("environment")
    if "project_path" in claims:
        return _values("gitlab", claims["project_path"], claims.get("ci_config_ref_uri"), environment)
    if "repository" in claims:
        workflow = claims.get("workflow_ref") or claims.get("job_workflow_ref")
        return _values("github", claims["repository"], workflow, environment)
    return {"provider": "google", "email": _text(claims["email"])} if "email" in claims else {}


def _values(provider: str, path: object, reference: object, environment: object) -> dict[str, str]:
    """Return the values for a workflow or pipeline of a repository; empty if they can't be read."""
    owner, _, name = _text(path).rpartition("/")
    file = _FILES[provider].search(_text(reference))
    if file is None or not owner or not name:
        return {}
    values = zip((field for _, _, field in _FORMS[provider]), (owner, name, file[0], _text(environment)), strict=True)
    return {"provider": provider, **{field: value for field, value in values if value}}


def _claims_shown(claims: Mapping[str, Any], values: Mapping[str, str], *, beside_fields: bool) -> Iterator[str]:
    """Yield each claim that is checked, maybe beside the field of the form that has to match, and more claims."""
    form = _FORMS.get(values.get("provider", ""), ())
    shown = [f"{claim}: {_text(claims.get(claim)) or '(none)'}" for claim, _, _ in form]
    width = max(map(len, shown), default=0)
    for line, (_, label, field) in zip(shown, form, strict=True):
        yield f"{line:<{width}}  {label}: {values.get(field) or _EMPTY}" if beside_fields else line
    checked = {claim for claim, _, _ in form}
    yield from (f"{name}: {_text(claims[name])}" for name in _ALSO_SHOWN if name in claims and name not in checked)


def _is_reusable_workflow(claims: Mapping[str, Any]) -> bool:
    called, calling = claims.get("job_workflow_ref"), claims.get("workflow_ref")
    return bool(called and calling and called != calling)


def _text(value: object) -> str:
    """Return a claim on one line: a token that nobody has verified can hold anything."""
    return " ".join(str(value or "").split())[:_LONGEST]
