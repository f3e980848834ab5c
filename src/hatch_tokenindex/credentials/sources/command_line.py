"""`--user` and `--auth` (and `-o user`, `-o auth`) as sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.credential import credential_from
from hatch_tokenindex.credentials.finding import Source

if TYPE_CHECKING:
    from hatch_tokenindex.config.options import Options
    from hatch_tokenindex.config.origin import WithOrigin
    from hatch_tokenindex.credentials.credential import Credential


def user_source(options: Options) -> Source[WithOrigin[str]]:
    """Return the source of the user name."""
    return Source("--user", lambda _mode: options.flag_user)


def secret_source(options: Options, user: str, *, may_be_empty: bool) -> Source[Credential]:
    """Return the source of the secret, for this user name; `may_be_empty` is as for `credential_from`."""
    return Source("--auth", lambda _mode: credential_from(options.flag_auth, user, may_be_empty=may_be_empty))
