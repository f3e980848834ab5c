"""`--user` and `--auth` (and `-o user`, `-o auth`) as sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.checks import check_user_name
from hatch_tokenindex.credentials.credential import credential_from
from hatch_tokenindex.credentials.finding import Source, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_tokenindex.config.options import Options
    from hatch_tokenindex.config.origin import WithOrigin
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.credential import Credential


def user_source(options: Options) -> Source[WithOrigin[str]]:
    """Return the source of the user name."""
    return reading("--user", lambda: options.flag_user, check_user_name)


def secret_source(
    options: Options, user: str, check: Callable[[Credential], CheckedCredential], *, may_be_empty: bool
) -> Source[CheckedCredential]:
    """Return the source of the secret, for this user name; `may_be_empty` is as for `credential_from`."""
    return reading("--auth", lambda: credential_from(options.flag_auth, user, may_be_empty=may_be_empty), check)
