"""The text of `-o help`: Hatch's own `--help` can't be extended by a publisher."""

from __future__ import annotations

import textwrap

from hatch_tokenindex.config.keys import OPTION_KEYS, RUN_KEYS, Key

_WIDTH = 80
_COLUMN = 30

_BEFORE = """\
hatch publish -p tokenindex [ARTIFACTS]...

Uploads the wheels and sdists that you name, or those of dist/, each project
with its own credential. All flags of `hatch publish` and their HATCH_INDEX_*
environment variables work. These options go with -o:
"""
_AFTER = """\
Which credential? The first of these that has one, for the user name and for
the secret:
  --user, HATCH_INDEX_USER_<REPO>, HATCH_INDEX_USER, repos tables, ~/.pypirc,
  Hatch's cache, a prompt
  ~/.pypirc (if it gave the user name), --auth, HATCH_INDEX_AUTH_<REPO>,
  HATCH_INDEX_AUTH, repos tables, auth-command, the keyring,
  Trusted Publishing (in CI), a prompt

Tokens and two-factor authentication: since PyPI requires two-factor
authentication, it accepts API tokens and Trusted Publishing, but no passwords.
Create a token at https://pypi.org/manage/account/token/ and paste it when
prompted; its user name is __token__, which is what Enter means. The first
release of a project needs a token for the entire account; afterwards, create
one for the project alone. It is saved in your keyring once PyPI has accepted
it, one for each project.

In CI, set HATCH_INDEX_AUTH to a token from the job's secrets. Or use Trusted
Publishing, which needs no stored token, not even for a first release: add the
workflow at https://pypi.org/manage/account/publishing/ (for an existing
project, in its settings), and on GitHub give the job the permission
`id-token: write`.
"""


def text() -> str:
    """Return the text, with a paragraph for each option."""
    others = (key for name, key in OPTION_KEYS.items() if name not in RUN_KEYS)
    return "\n".join([_BEFORE, *map(_entry, RUN_KEYS.values()), "", *map(_entry, others), "", _AFTER])


def _entry(key: Key) -> str:
    default = f" Default: {key.shown_default}." if key.shown_default else ""
    lines = textwrap.wrap(f"{key.help}{default}", _WIDTH - _COLUMN, break_on_hyphens=False)
    first = f"{f'  {key.usage}':<{_COLUMN}}{lines[0]}"
    return "\n".join([first, *(" " * _COLUMN + line for line in lines[1:])])
