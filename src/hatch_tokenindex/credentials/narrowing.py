"""What goes on the wire: PyPI's tokens restricted, on this machine, to one project and the next minutes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.judging import Judged, site_of
from hatch_tokenindex.credentials.sources import Credential, basic
from hatch_tokenindex.errors import MalformedTokenError
from hatch_tokenindex.tokens import Secret, narrow

if TYPE_CHECKING:
    from hatch_tokenindex.repositories import Repository

LIFETIME = 15 * 60
"""Seconds that a narrowed token is worth something, for a file that uploads at once."""
SLOWEST_UPLOAD = 250_000
"""Bytes per second: PyPI looks at the token after the last byte, so a slow line must not outlast it."""
TOLERANCE = 60 * 60
"""Seconds that the token is valid before it is made: PyPI tolerates no clock that is ahead of its own."""


@dataclass(frozen=True)
class Sendable:
    """A credential as it is sent: what `Authorization` says, and every secret in it, to be masked in answers."""

    credential: Credential
    header: Secret
    narrowed: bool


def is_narrowed(judged: Judged, repository: Repository) -> bool:
    """Whether the secret is a token that is narrowed before it is sent."""
    return (
        judged.token is not None
        and repository.narrow_token == "automatic"  # noqa: S105 - a setting
        and repository.site is not None
        and site_of(judged.token) == repository.site
    )


def lifetime(size: int) -> int:
    """Seconds for which a token is made that uploads a file of `size` bytes."""
    return LIFETIME + size // SLOWEST_UPLOAD


def sendable(judged: Judged, project: str, repository: Repository, size: int, now: float) -> Sendable:
    """The credential for one attempt to upload a file of `size` bytes of `project` at `now` (unix seconds).

    A token that can't be narrowed is sent as it is.
    """
    credential, narrowed = judged.credential, is_narrowed(judged, repository)
    if narrowed:
        try:
            secret = narrow(
                credential.secret,
                project=project,
                not_before=int(now) - TOLERANCE,
                expires_at=int(now) + lifetime(size),
            )
            credential = replace(credential, secret=secret)
        except MalformedTokenError:
            narrowed = False
    return Sendable(credential, Secret(f"Basic {basic(credential).reveal()}"), narrowed)
