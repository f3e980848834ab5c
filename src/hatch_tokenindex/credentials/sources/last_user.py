"""The user name that was typed last for the repository, which Hatch's cache remembers, as a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.credentials.finding import Source

if TYPE_CHECKING:
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.cache import Cache
    from hatch_tokenindex.credentials.finding import Mode

PLACE = "Hatch's cache"


def user_source(cache: Cache, repository: Repository) -> Source[WithOrigin[str]]:
    """Return the source of the user name."""

    def read(_mode: Mode) -> WithOrigin[str] | None:
        user = cache.read().user(repository.url)
        return WithOrigin(user, PLACE) if user else None

    return Source(PLACE, read)
