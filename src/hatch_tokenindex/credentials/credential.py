"""What all places where a credential can lie have in common: a name, and one question that they answer in one shape."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

T_co = TypeVar("T_co", covariant=True)

TOKEN_USER = "__token__"  # noqa: S105 - the user name of every API token (PyPI, devpi, GitLab)
PROJECT_SLOT_PREFIX = "pypi_token:project:"


@dataclass(frozen=True)
class Credential:
    """A user name and a secret, and where the secret comes from.

    `slot` is the user name under which the keyring keeps it, if it was found there: it was remembered, not chosen.
    `typed` marks what a person typed in this run, and what may therefore be asked for again and remembered, but not the
    user name if that was given (`user_given`) by a flag, a variable or a file. `minted` marks what Trusted Publishing gave,
    and what is worthless soon: `publisher` is then what a Trusted Publisher has to be configured with for this job, as
    PyPI's form takes it in the query of its URL.
    """

    user: str
    secret: Secret
    origin: str
    slot: str | None = None
    typed: bool = False
    user_given: bool = False
    minted: bool = False
    publisher: str = ""

    @property
    def is_replaceable(self) -> bool:
        """Whether a person may be asked for another one: it was typed or remembered, not chosen."""
        return self.typed or self.slot is not None


@dataclass(frozen=True)
class Source(Generic[T_co]):
    """One place of an ordered list.

    `look` answers what lies there, `None` if nothing does, and raises if something does but can't be used:
    `SourceUnavailableError` if the search may go on, any other `TokenIndexError` if the run must end. It is `None` for the
    person at the terminal, who is asked when nothing was found. `effect` says what looking would do beyond reading; empty
    if it only reads. `rehearse` does all of `look` but its effect, and raises as `look` does; a rehearsal does that instead.
    `not_used` says why what lies there doesn't count, where that is so.
    """

    place: str
    look: Callable[[], T_co | None] | None
    effect: str = ""
    rehearse: Callable[[], None] | None = None
    not_used: str = ""


class Prompter(Protocol):
    """Whoever sits at the terminal, if anybody does."""

    def note(self, text: str) -> None:
        """Tell something that is worth knowing while it happens."""

    def ask(self, question: str) -> str:
        """Ask for something that may be seen while it is typed."""

    def ask_secret(self, question: str) -> Secret:
        """Ask for something that must not be seen."""


def basic(credential: Credential) -> Secret:
    """User name and secret as `Authorization: Basic` carries them (RFC 7617)."""
    return Secret(base64.b64encode(f"{credential.user}:{credential.secret.reveal()}".encode()).decode())


def project_slot(project: str) -> str:
    """The keyring user name of one project's token: flit's convention. `project` is normalized (PEP 503)."""
    return f"{PROJECT_SLOT_PREFIX}{project}"
