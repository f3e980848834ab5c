"""`user` and `auth` of the configuration tables as sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.credential import credential_from
from hatch_tokenindex.credentials.finding import Source

if TYPE_CHECKING:
    from hatch_tokenindex.config.origin import WithOrigin
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.credential import Credential

PLACE = "repos tables"


def user_source(repository: Repository) -> Source[WithOrigin[str]]:
    """Return the source of the user name."""
    return Source(PLACE, lambda _mode: repository.user)


def secret_source(repository: Repository, user: str) -> Source[Credential]:
    """Return the source of the secret, for this user name."""
    return Source(PLACE, lambda _mode: credential_from(repository.auth, user))
