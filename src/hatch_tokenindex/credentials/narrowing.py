"""Narrowing: PyPI's tokens are restricted, on this machine, to one project and the next minutes before they are sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.authorization import Authorization
from hatch_tokenindex.credentials.checks import CheckedCredential, site_of
from hatch_tokenindex.credentials.credential import basic
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
    sent = _narrowed(checked, project, repository, size, now) or credential.secret
    header = Secret(f"Basic {basic(replace(credential, secret=sent)).reveal()}")
    return Authorization(credential, sent, header)


def _narrowed(checked: CheckedCredential, project: str, repository: Repository, size: int, now: float) -> Secret | None:
    if not is_narrowed(checked, repository):
        return None
    not_before, expires_at = int(now) - TOLERANCE, int(now) + lifetime(size)
    try:
        return narrow(checked.credential.secret, project=project, not_before=not_before, expires_at=expires_at)
    except MalformedTokenError:
        return None
