"""Narrowing: PyPI's tokens are restricted, on this machine, to one project and the next minutes before they are sent."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.checks import CheckedCredential, site_of
from hatch_tokenindex.credentials.credential import Credential, basic
from hatch_tokenindex.errors import MalformedTokenError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import narrow

if TYPE_CHECKING:
    from hatch_tokenindex.config.repositories import Repository

LIFETIME = 15 * 60
"""Seconds for which a narrowed token is valid, plus the time that a large file takes."""
SLOWEST_UPLOAD = 250_000
"""Bytes per second: PyPI checks the token after the last byte, so a slow connection must not outlast it."""
TOLERANCE = 60 * 60
"""Seconds before now from which the token is valid: PyPI tolerates no clock that is ahead of its own."""


@dataclass(frozen=True)
class Authorization:
    """A credential in the form in which one attempt sends it."""

    credential: Credential
    """The credential as it was checked, never narrowed."""
    sent: Secret
    """The secret that is sent: the credential's own, or its narrowed form."""
    header: Secret
    """The value of the `Authorization` header."""

    @property
    def is_narrowed(self) -> bool:
        """Return True if the token was restricted on this machine."""
        return self.sent != self.credential.secret


def is_narrowed(checked: CheckedCredential, repository: Repository) -> bool:
    """Return True if the secret is a token that is narrowed before it is sent."""
    return (
        checked.token is not None
        and repository.narrow_token == "automatic"  # noqa: S105 - a setting
        and repository.site is not None
        and site_of(checked.token) == repository.site
    )


def lifetime(size: int) -> int:
    """Return the seconds for which a token is valid that uploads a file of `size` bytes."""
    return LIFETIME + size // SLOWEST_UPLOAD


def authorize(
    checked: CheckedCredential, project: str, repository: Repository, *, size: int, now: float
) -> Authorization:
    """Return the authorization for one attempt to upload a file of `size` bytes of `project` at `now` (Unix time).

    A token that can't be narrowed is sent unchanged.
    """
    credential = checked.credential
    sent = credential.secret
    if is_narrowed(checked, repository):
        not_before, expires_at = int(now) - TOLERANCE, int(now) + lifetime(size)
        with suppress(MalformedTokenError):
            sent = narrow(sent, project=project, not_before=not_before, expires_at=expires_at)
    header = Secret(f"Basic {basic(replace(credential, secret=sent)).reveal()}")
    return Authorization(credential, sent, header)
