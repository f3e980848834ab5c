"""The `HATCH_INDEX_*` environment variables as sources: a repository's own before the general one.

A repository that is given by its URL has a variable of its own too, but it is named only where somebody has set it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import repository_variable
from hatch_tokenindex.credentials.checks import check_user_name
from hatch_tokenindex.credentials.credential import credential_from
from hatch_tokenindex.credentials.finding import Source, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_tokenindex.config.options import Options
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.credential import Credential
    from hatch_tokenindex.secrets import Secret


def user_sources(options: Options, repository: Repository) -> tuple[Source[WithOrigin[str]], ...]:
    """Return the sources of the user name, in order."""
    own = repository_variable("USER", repository.name)
    user = WithOrigin(options.repository_users[own], own) if own in options.repository_users else None
    general = reading("HATCH_INDEX_USER", lambda: options.environment_user, check_user_name)
    if user is None and not repository.has_name:
        return (general,)
    return reading(own, lambda: user, check_user_name), general


def secret_sources(
    options: Options, repository: Repository, user: str, check: Callable[[Credential], CheckedCredential]
) -> tuple[Source[CheckedCredential], ...]:
    """Return the sources of the secret for this user name, in order."""
    own = repository_variable("AUTH", repository.name)
    secret = own_secret(options, repository)
    general = reading("HATCH_INDEX_AUTH", lambda: credential_from(options.environment_auth, user), check)
    if secret is None and not repository.has_name:
        return (general,)
    return reading(own, lambda: credential_from(secret, user), check), general


def own_secret(options: Options, repository: Repository) -> WithOrigin[Secret] | None:
    """Return the value of the repository's own variable, `HATCH_INDEX_AUTH_<REPO>`."""
    own = repository_variable("AUTH", repository.name)
    return WithOrigin(options.repository_auths[own], own) if own in options.repository_auths else None
