"""The client certificate, in place of a user name and a secret: an index that asks for it may ask for nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.credentials.credential import ANONYMOUS, Credential
from hatch_tokenindex.credentials.finding import Source

if TYPE_CHECKING:
    from hatch_tokenindex.config.options import Options
    from hatch_tokenindex.config.repositories import Repository

PLACE = "client certificate"


def secret_sources(options: Options, repository: Repository, *, has_user: bool) -> tuple[Source[Credential], ...]:
    """Return the source, none where a secret is expected: with a user name, for PyPI, or with `--initialize-auth`."""
    is_shown = repository.client_cert is not None and urls.web_origin(repository.url)[0] == "https"
    if not is_shown or has_user or repository.site is not None or options.initialize_auth:
        return ()
    return (Source(PLACE, lambda _mode: ANONYMOUS),)
