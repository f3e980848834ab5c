"""Credential: a user name and a secret, and the place that gave the secret."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.text import as_date

if TYPE_CHECKING:
    from threading import Event

    from hatch_tokenindex.config.origin import WithOrigin

TOKEN_USER = "__token__"  # noqa: S105 - the user name of every API token (PyPI, devpi, GitLab)
PROJECT_ENTRY_PREFIX = "pypi_token:project:"


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
    publisher: str = ""
    """If minted: the query that fills in PyPI's form for a Trusted Publisher with the values of this job."""

    @property
    def is_replaceable(self) -> bool:
        """Return True if the user can be prompted for another one: it was typed or remembered, not chosen."""
        return self.typed or self.keyring_user is not None

    @property
    def has_token_user(self) -> bool:
        """Return True if the user name is that of an API token."""
        return self.user == TOKEN_USER

    @property
    def description(self) -> str:
        """The origin, and for a remembered credential the time at which it was stored."""
        return self.origin if self.stored_at is None else f"{self.origin}, stored on {as_date(self.stored_at)}"


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


def credential_from(setting: WithOrigin[Secret] | None, user: str) -> Credential | None:
    """Return the credential with the secret that a flag, a variable or a file gives, None if it gives none.

    Raises:
        CredentialError: The secret is empty.
    """
    if setting is None:
        return None
    if not setting.value:
        msg = (
            f"{setting.origin} is set but empty. In CI, that usually means a missing secret.\n"
            f"Fix: check the name of the secret, and that this job may read it (pull requests from forks may not)."
        )
        raise CredentialError(msg)
    return Credential(user, setting.value, setting.origin)


def basic(credential: Credential) -> Secret:
    """Return user name and secret as `Authorization: Basic` carries them (RFC 7617)."""
    return Secret(base64.b64encode(f"{credential.user}:{credential.secret.reveal()}".encode()).decode())


def project_entry_user(project: str) -> str:
    """Return the user name of the keyring entry for one project's token, which is flit's convention.

    Args:
        project: The project's name, normalized (PEP 503).
    """
    return f"{PROJECT_ENTRY_PREFIX}{project}"
