"""`user` and `auth` of the configuration tables as sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.checks import check_user_name
from hatch_tokenindex.credentials.credential import credential_from
from hatch_tokenindex.credentials.finding import Source, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_tokenindex.config.origin import WithOrigin
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.credential import Credential

PLACE = "repos tables"


def user_source(repository: Repository) -> Source[WithOrigin[str]]:
    """Return the source of the user name."""
    return reading(PLACE, lambda: repository.user, check_user_name)


def secret_source(
    repository: Repository, user: str, check: Callable[[Credential], CheckedCredential]
) -> Source[CheckedCredential]:
    """Return the source of the secret, for this user name."""
    return reading(PLACE, lambda: credential_from(repository.auth, user), check)
