"""The identity of this machine, as its CI provider states it: asked for only where the environment marks a provider."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.tokens import Redactor, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Provider:
    """A CI provider. `renewable` tells whether it makes out another identity token in the same job."""

    name: str
    marker: str
    renewable: bool = True


# The providers that PyPI knows, and that the `id` library can ask without asking others along the way.
PROVIDERS = (
    Provider("GitHub Actions", "GITHUB_ACTIONS"),
    Provider("GitLab CI/CD", "GITLAB_CI", renewable=False),
    Provider("Google Cloud", "GOOGLE_SERVICE_ACCOUNT_NAME"),
)


@dataclass(frozen=True)
class Identity:
    """An identity token, which is as good as a password, and what it claims, which is not secret."""

    token: Secret
    claims: Mapping[str, Any] = field(repr=False)


def provider(environment: Mapping[str, str]) -> Provider | None:
    """The provider that the environment marks."""
    return next(
        (provider for provider in PROVIDERS if environment.get(provider.marker) not in {None, "", "false"}), None
    )


def obtain(provider: Provider, audience: str, environment: Mapping[str, str]) -> Identity:
    """A fresh identity token made out for `audience`. Raises `SourceUnavailableError` with what to do about it."""
    token = (
        _from_gitlab(audience, environment) if provider.marker == "GITLAB_CI" else _from_library(audience, environment)
    )
    return Identity(token, claims_of(token))


def _from_library(audience: str, environment: Mapping[str, str]) -> Secret:
    import id as identity

    try:
        token = identity.detect_credential(audience)
    except identity.GitHubOidcPermissionCredentialError:
        raise SourceUnavailableError(_no_permission(environment)) from None
    except identity.IdentityError as error:
        request_token = Secret(environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", ""))
        said = Redactor((("", request_token),)).redact(str(error))
        msg = f"the provider gave no identity token: {said[:500]}"
        raise SourceUnavailableError(msg) from None
    except Exception as error:  # noqa: BLE001 - the library lets through what its HTTP client raises
        msg = f"the provider gave no identity token ({type(error).__name__})"
        raise SourceUnavailableError(msg) from None
    if not token:
        msg = "the provider gave no identity token"
        raise SourceUnavailableError(msg)
    return Secret(token)


def _from_gitlab(audience: str, environment: Mapping[str, str]) -> Secret:
    """GitLab puts the tokens that a job asks for into variables; the library would ask Google first on its machines."""
    name = re.sub(r"[^A-Z0-9]", "_", audience.upper()) + "_ID_TOKEN"
    if token := environment.get(name):
        return Secret(token)
    msg = f"the job has no identity token in {name}. Add to the job:\n  id_tokens:\n    {name}:\n      aud: {audience}"
    raise SourceUnavailableError(msg)


def _no_permission(environment: Mapping[str, str]) -> str:
    if environment.get("GITHUB_EVENT_NAME") == "pull_request":
        return (
            "GitHub gives a pull request no identity token if it comes from a fork: publish from a push, a tag or a release "
            "instead"
        )
    return (
        "the job may not ask GitHub for an identity token. Add to the job in the workflow file:\n"
        "  permissions:\n    id-token: write"
    )


def claims_of(token: Secret) -> Mapping[str, Any]:
    """What an identity token (RFC 7519) claims; nothing if it can't be read. Only its audience can check it."""
    try:
        payload = token.reveal().split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
