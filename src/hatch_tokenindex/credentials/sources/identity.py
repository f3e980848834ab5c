"""The OIDC identity that a CI provider issues to a job, requested only where the environment names a provider."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.secrets import MASK, REDACTOR, Secret
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_GITHUB_VARIABLES = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL")
# Every JSON Web Token (RFC 7519) begins with `{"` in base64.
_IDENTITY_TOKEN = re.compile(r"\beyJ[\w.-]*")


@dataclass(frozen=True)
class Identity:
    """An identity token, which is as good as a password, and its claims, which are not secret."""

    token: Secret
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Provider:
    """A CI provider that issues OIDC identities to jobs."""

    name: str
    marker: str
    """The environment variable that it sets in every job."""
    missing: Callable[[Mapping[str, str], str | None], str]
    """Returns what the job lacks to get a token for an audience (None: not known yet), without a request; may be empty.

    The first line is the reason; further lines say what to do.
    """
    request_token: Callable[[Mapping[str, str], str], str | None]
    """Returns an identity token for an audience, None if there is none."""
    renewable: bool
    """The same job can get another one."""


def provider(environment: Mapping[str, str]) -> Provider | None:
    """Return the provider that runs this job, None outside of CI."""
    return next((found for found in PROVIDERS if environment.get(found.marker) not in {None, "", "false"}), None)


def obtain(provider: Provider, audience: str, environment: Mapping[str, str]) -> Identity:
    """Return a fresh identity token for `audience`. Raises `SourceUnavailableError`, which says what to do."""
    if missing := provider.missing(environment, audience):
        raise SourceUnavailableError(missing)
    token = Secret(provider.request_token(environment, audience) or "")
    claims = claims_of(token)
    # A token for another audience could impersonate this job there.
    if not token or claims.get("aud") not in (audience, [audience]):
        found = f"for {escaped_line(str(claims['aud']))}" if "aud" in claims else "that can't be read"
        msg = f"{provider.name} issued an identity token {found}, instead of one for {escaped_line(audience)}"
        raise SourceUnavailableError(msg)
    return Identity(token, claims)


def claims_of(token: Secret) -> Mapping[str, Any]:
    """Return the claims of an identity token (RFC 7519), none if it can't be read. Only its audience can verify it."""
    try:
        payload = token.reveal().split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _missing_on_github(environment: Mapping[str, str], _audience: str | None) -> str:
    if all(environment.get(name) for name in _GITHUB_VARIABLES):
        return ""
    if environment.get("GITHUB_EVENT_NAME") == "pull_request":
        return (
            "GitHub issues no identity token to pull requests from forks\n"
            "Publish from a push, a tag or a release instead."
        )
    return (
        "the job lacks the permission to request an identity token\n"
        "Add to the job in the workflow file:\n"
        "permissions:\n"
        "  contents: read\n"
        "  id-token: write"
    )


def _missing_on_gitlab(environment: Mapping[str, str], audience: str | None) -> str:
    if audience is None or environment.get(name := _gitlab_variable(audience)):
        return ""
    return f"the job has no identity token in {name}\nAdd to the job:\nid_tokens:\n  {name}:\n    aud: {audience}"


def _token_from_gitlab(environment: Mapping[str, str], audience: str) -> str | None:
    """GitLab puts tokens into variables. The library would query Google's metadata server first on Google's machines."""
    return environment.get(_gitlab_variable(audience))


def _gitlab_variable(audience: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", audience.upper()) + "_ID_TOKEN"


def _token_from_library(environment: Mapping[str, str], audience: str) -> str | None:
    """Request a token with the `id` library, which reads this process's own environment."""
    import id as identity

    try:
        return identity.detect_credential(audience)
    except identity.IdentityError as error:
        REDACTOR.learn(Secret(environment.get(_GITHUB_VARIABLES[0], "")))
        msg = f"no identity token: {escaped_line(_IDENTITY_TOKEN.sub(MASK, REDACTOR.redact(str(error))))}"
        raise SourceUnavailableError(msg) from None
    except Exception as error:  # noqa: BLE001 - the library lets exceptions of its HTTP client through
        msg = f"no identity token ({type(error).__name__})"
        raise SourceUnavailableError(msg) from None


def _nothing_missing(_environment: Mapping[str, str], _audience: str | None) -> str:
    return ""


# Those that PyPI supports, and that the `id` library can query without querying others first.
PROVIDERS = (
    Provider("GitHub Actions", "GITHUB_ACTIONS", _missing_on_github, _token_from_library, renewable=True),
    Provider("GitLab CI/CD", "GITLAB_CI", _missing_on_gitlab, _token_from_gitlab, renewable=False),
    Provider("Google Cloud", "GOOGLE_SERVICE_ACCOUNT_NAME", _nothing_missing, _token_from_library, renewable=True),
)
