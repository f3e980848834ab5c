"""Credential: a user name and a secret, and the place that gave the secret."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.secrets import MASK, Secret
from hatch_tokenindex.text import as_date
from hatch_tokenindex.tokens import looks_like_token

if TYPE_CHECKING:
    from threading import Event

    from hatch_tokenindex.config.origin import WithOrigin

TOKEN_USER = "__token__"  # noqa: S105 - the user name of every API token (PyPI, devpi, GitLab)
_PROJECT_ENTRY = "pypi_token:project:"


@dataclass(frozen=True)
class Credential:
    """A user name and a secret, and the place that gave the secret.

    A fact about a credential is added here alone: every later stage holds the credential itself.
    """

    user: str
    secret: Secret
    origin: str
    """The place, as the user knows it: `HATCH_INDEX_AUTH`, `the prompt`."""
    keyring_user: str | None = None
    """The user name of the keyring entry that it was read from: it was remembered, not chosen for this run."""
    stored_at: int | None = None
    """When that entry was stored, in Unix time, if known."""
    typed: bool = False
    """It was typed in this run, and is saved once the index has accepted it."""
    user_given: bool = False
    """The user name comes from a flag, a variable or a file, so it isn't saved along with a typed secret."""
    minted: bool = False
    """It is a short-lived token of Trusted Publishing."""
    user_is_secret: bool = False
    """The password is empty on purpose: the index wants a token as the user name, and nothing else (Gemfury)."""
    publisher: str = ""
    """If minted: the query that fills in PyPI's form for a Trusted Publisher with the values of this job."""

    @property
    def is_replaceable(self) -> bool:
        """True if the user can be prompted for another one: it was typed or remembered, or an empty password stands for it."""
        return self.typed or self.keyring_user is not None or self.user_is_secret or self.is_anonymous

    @property
    def is_anonymous(self) -> bool:
        """Return True for `ANONYMOUS`."""
        return not self.user and not self.secret

    @property
    def how_to_replace(self) -> str:
        """The instruction to put another token where this secret comes from, if it was chosen."""
        # The name of an environment variable; another place (a flag, a file, a command) can't be set as simply.
        is_variable = re.fullmatch("[A-Z][A-Z0-9_]+", self.origin)
        return f"set {self.origin} to it" if is_variable else f"use it instead of the one from {self.origin}"

    @property
    def has_token_user(self) -> bool:
        """Return True if the user name is that of an API token."""
        return self.user == TOKEN_USER

    @property
    def shown_user(self) -> str:
        """The user name as it may be shown."""
        return MASK if self.user_is_secret else self.user

    @property
    def noun(self) -> str:
        """The word for the secret: `token` for an API token, else `password`; `secret` is for one that isn't known."""
        if self.user_is_secret:
            return "empty password"
        return "token" if self.has_token_user or looks_like_token(self.secret.reveal()) else "password"

    @property
    def summary(self) -> str:
        """The credential in half a sentence: `alice with the password from HATCH_INDEX_AUTH`."""
        if self.is_anonymous:
            return "the client certificate alone"
        return f"{self.shown_user} with the {self.noun} from {self.origin}"

    @property
    def description(self) -> str:
        """The origin, and for a remembered credential the time at which it was stored."""
        return self.origin if self.stored_at is None else f"{self.origin}, stored on {as_date(self.stored_at)}"


ANONYMOUS = Credential("", Secret(""), "client-cert")
"""The credential of who has neither user name nor secret, and shows a client certificate alone."""


class Prompter(Protocol):
    """The terminal, as the credentials see it."""

    def note(self, text: str) -> None:
        """Show something worth knowing while it happens."""

    def hold_prompts(self, until: Event) -> None:
        """Prompt for nothing before `until` is set: something else may be reading from the terminal."""

    def ask(self, question: str) -> str:
        """Prompt for an answer that is shown while it is typed."""

    def ask_secret(self, question: str) -> Secret:
        """Prompt for an answer that is not shown."""


def credential_from(setting: WithOrigin[Secret] | None, user: str, *, may_be_empty: bool = False) -> Credential | None:
    """Return the credential with the secret that a flag, a variable or a file gives, None if it gives none.

    Raises `CredentialError` if the secret is empty, but `may_be_empty` where that is written on purpose, since the index
    may want a user name alone.
    """
    if setting is None:
        return None
    if not setting.value and not may_be_empty:
        msg = (
            f"{setting.origin} is set but empty. In CI, that usually means a missing secret.\n"
            f"Fix: check the name of the secret, and that this job may read it (pull requests from forks may not)."
        )
        raise CredentialError(msg)
    return Credential(user, setting.value, setting.origin, user_is_secret=not setting.value)


def basic(credential: Credential) -> Secret:
    """Return user name and secret as `Authorization: Basic` carries them (RFC 7617)."""
    return Secret(base64.b64encode(f"{credential.user}:{credential.secret.reveal()}".encode()).decode())


def project_entry_user(project: str) -> str:
    """Return the user name of the keyring entry for a project (normalized, PEP 503), which is flit's convention."""
    return f"{_PROJECT_ENTRY}{project}"


def project_of_entry(entry_user: str) -> str | None:
    """Return the project that a keyring entry is for, by its user name; None if it is for every project of the index."""
    return entry_user.removeprefix(_PROJECT_ENTRY) if entry_user.startswith(_PROJECT_ENTRY) else None
