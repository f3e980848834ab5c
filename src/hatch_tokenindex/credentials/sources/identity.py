"""The identity of this machine, as its CI provider states it: asked for only where the environment marks a provider."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.secrets import MASK, Redactor, Secret
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_GITHUB_VARIABLES = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL")
# What begins as every JSON Web Token does (RFC 7519): `{"` in base64.
_IDENTITY_TOKEN = re.compile(r"\beyJ[\w.-]*")


@dataclass(frozen=True)
class Identity:
    """An identity token, which is as good as a password, and what it claims, which is not secret."""

    token: Secret
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Provider:
    """A CI provider that states who a job is.

    `marker` is the variable that it sets in every job. `missing` tells from the environment, with no request, what the job
    lacks to get an identity token for an audience, and what to do in lines of their own; it is empty if nothing is missing.
    The audience is `None` where it isn't known yet. `state` answers the token, `None` if there is none. `renewable` tells
    whether the same job gets another one.
    """

    name: str
    marker: str
    missing: Callable[[Mapping[str, str], str | None], str]
    state: Callable[[Mapping[str, str], str], str | None]
    renewable: bool


def provider(environment: Mapping[str, str]) -> Provider | None:
    """The provider that the environment marks."""
    return next((found for found in PROVIDERS if environment.get(found.marker) not in {None, "", "false"}), None)


def obtain(provider: Provider, audience: str, environment: Mapping[str, str]) -> Identity:
    """A fresh identity token made out for `audience`. Raises `SourceUnavailableError` with what to do about it."""
    if missing := provider.missing(environment, audience):
        raise SourceUnavailableError(missing)
    token = Secret(provider.state(environment, audience) or "")
    claims = claims_of(token)
    # What is made out for somebody else would act there in the name of this job.
    if not token or claims.get("aud") not in (audience, [audience]):
        found = f"one for {escaped_line(str(claims['aud']))}" if "aud" in claims else "none that can be read"
        msg = f"{provider.name} gave no identity token for {escaped_line(audience)}, but {found}"
        raise SourceUnavailableError(msg)
    return Identity(token, claims)


def claims_of(token: Secret) -> Mapping[str, Any]:
    """What an identity token (RFC 7519) claims; nothing if it can't be read. Only its audience can check it."""
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
            "this job runs for a pull request, and GitHub gives one from a fork no identity token\n"
            "Publish from a push, a tag or a release instead."
        )
    return (
        "the job may not ask GitHub for an identity token\n"
        "Add to the job in the workflow file:\n"
        "permissions:\n"
        "  contents: read\n"
        "  id-token: write"
    )


def _missing_on_gitlab(environment: Mapping[str, str], audience: str | None) -> str:
    if audience is None or environment.get(name := _gitlab_variable(audience)):
        return ""
    return f"the job has no identity token in {name}\nAdd to the job:\nid_tokens:\n  {name}:\n    aud: {audience}"


def _stated_by_gitlab(environment: Mapping[str, str], audience: str) -> str | None:
    """GitLab puts the tokens that a job asks for into variables; the library would ask Google first on its machines."""
    return environment.get(_gitlab_variable(audience))


def _gitlab_variable(audience: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", audience.upper()) + "_ID_TOKEN"


def _stated_to_library(environment: Mapping[str, str], audience: str) -> str | None:
    """Ask with the `id` library, which looks at this process's own environment."""
    import id as identity

    try:
        return identity.detect_credential(audience)
    except identity.IdentityError as error:
        said = Redactor((("", Secret(environment.get(_GITHUB_VARIABLES[0], ""))),)).redact(str(error))
        msg = f"there is no identity token: {escaped_line(_IDENTITY_TOKEN.sub(MASK, said))}"
        raise SourceUnavailableError(msg) from None
    except Exception as error:  # noqa: BLE001 - the library lets through what its HTTP client raises
        msg = f"there is no identity token ({type(error).__name__})"
        raise SourceUnavailableError(msg) from None


def _nothing_missing(_environment: Mapping[str, str], _audience: str | None) -> str:
    return ""


# Those that PyPI takes, and that the `id` library can ask without asking others along the way.
PROVIDERS = (
    Provider("GitHub Actions", "GITHUB_ACTIONS", _missing_on_github, _stated_to_library, renewable=True),
    Provider("GitLab CI/CD", "GITLAB_CI", _missing_on_gitlab, _stated_by_gitlab, renewable=False),
    Provider("Google Cloud", "GOOGLE_SERVICE_ACCOUNT_NAME", _nothing_missing, _stated_to_library, renewable=True),
)
