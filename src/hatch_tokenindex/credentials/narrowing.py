"""What goes on the wire: PyPI's tokens restricted, on this machine, to one project and the next minutes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.authorization import Authorization
from hatch_tokenindex.credentials.checks import CheckedCredential, site_of
from hatch_tokenindex.credentials.credential import TOKEN_USER, basic
from hatch_tokenindex.errors import MalformedTokenError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import narrow

if TYPE_CHECKING:
    from hatch_tokenindex.config.repositories import Repository

LIFETIME = 15 * 60
"""Seconds that a narrowed token is worth something, for a file that uploads at once."""
SLOWEST_UPLOAD = 250_000
"""Bytes per second: PyPI looks at the token after the last byte, so a slow line must not outlast it."""
TOLERANCE = 60 * 60
"""Seconds that the token is valid before it is made: PyPI tolerates no clock that is ahead of its own."""


def is_narrowed(checked: CheckedCredential, repository: Repository) -> bool:
    """Whether the secret is a token that is narrowed before it is sent."""
    return (
        checked.token is not None
        and repository.narrow_token == "automatic"  # noqa: S105 - a setting
        and repository.site is not None
        and site_of(checked.token) == repository.site
    )


def lifetime(size: int) -> int:
    """Seconds for which a token is made that uploads a file of `size` bytes."""
    return LIFETIME + size // SLOWEST_UPLOAD


def authorize(
    checked: CheckedCredential, source: str, project: str, repository: Repository, *, size: int, now: float
) -> Authorization:
    """The credential for one attempt to upload a file of `size` bytes of `project` at `now` (unix seconds).

    `source` is what may be told of where it comes from. A token that can't be narrowed is sent as it is.
    """
    original, narrowed = checked.credential, _narrowed(checked, project, repository, size, now)
    credential = original if narrowed is None else replace(original, secret=narrowed)
    header = Secret(f"Basic {basic(credential).reveal()}")
    return Authorization(
        user=credential.user,
        source=source,
        header=header,
        secrets=((original.user, original.secret), (credential.user, credential.secret), (TOKEN_USER, header)),
        asked_again=credential.is_replaceable,
        narrowed=narrowed is not None,
        minted=credential.minted,
        publisher=credential.publisher,
    )


def _narrowed(checked: CheckedCredential, project: str, repository: Repository, size: int, now: float) -> Secret | None:
    if not is_narrowed(checked, repository):
        return None
    not_before, expires_at = int(now) - TOLERANCE, int(now) + lifetime(size)
    try:
        return narrow(checked.credential.secret, project=project, not_before=not_before, expires_at=expires_at)
    except MalformedTokenError:
        return None
