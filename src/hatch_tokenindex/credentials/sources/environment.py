"""The `HATCH_INDEX_*` environment variables as sources: a repository's own before the general one.

A repository that is given by its URL has a variable of its own too, but it is named only where somebody has set it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import repository_variable
from hatch_tokenindex.credentials.credential import credential_from
from hatch_tokenindex.credentials.finding import Source

if TYPE_CHECKING:
    from hatch_tokenindex.config.options import Options
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.credential import Credential
    from hatch_tokenindex.secrets import Secret


def user_sources(options: Options, repository: Repository) -> tuple[Source[WithOrigin[str]], ...]:
    """Return the sources of the user name, in order."""
    own = repository_variable("USER", repository.name)
    user = WithOrigin(options.repository_users[own], own) if own in options.repository_users else None
    general = Source("HATCH_INDEX_USER", lambda _mode: options.environment_user)
    if user is None and not repository.has_name:
        return (general,)
    return Source(own, lambda _mode: user), general


def secret_sources(options: Options, repository: Repository, user: str) -> tuple[Source[Credential], ...]:
    """Return the sources of the secret for this user name, in order."""
    own = repository_variable("AUTH", repository.name)
    secret = own_secret(options, repository)
    general = Source("HATCH_INDEX_AUTH", lambda _mode: credential_from(options.environment_auth, user))
    if secret is None and not repository.has_name:
        return (general,)
    return Source(own, lambda _mode: credential_from(secret, user)), general


def own_secret(options: Options, repository: Repository) -> WithOrigin[Secret] | None:
    """Return the value of the repository's own variable, `HATCH_INDEX_AUTH_<REPO>`."""
    own = repository_variable("AUTH", repository.name)
    return WithOrigin(options.repository_auths[own], own) if own in options.repository_auths else None
