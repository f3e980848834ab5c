"""Row: one kind of refusal in the table, and what a refusal can be about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from hatch_tokenindex.index.attempt import Attempt


class About(Enum):
    """The subject of a refusal. Another user name, password or token helps only with `CREDENTIAL`."""

    CREDENTIAL = "credential"
    ACCOUNT = "account"
    """The account or organization behind the credential: its other tokens are refused as well."""
    PROJECT = "project"
    """The project: its name, its status, or the permission to upload to it."""
    RELEASE = "release"
    FILE = "file"
    INDEX = "index"
    """The index as a whole, for now: it accepts no file and no credential."""
    RATE_LIMIT = "rate limit"
    ADDRESS = "address"
    """The URL, or the connection to it."""
    UNKNOWN = "unknown"


class ConnectionFailure(Enum):
    """The ways in which a request fails without a response; the value is its description."""

    UNKNOWN_HOST = "The host name could not be resolved."
    REFUSED = "The connection was refused."
    UNREACHABLE = "The host could not be reached."
    CERTIFICATE = "The TLS certificate could not be verified."
    TLS = "The TLS handshake failed."
    PROXY = "The proxy refused the connection."
    PROXY_FAILED = "The connection through the proxy failed."
    TIMEOUT = "The request timed out."
    CLOSED = "The connection was closed before the index answered."

    @property
    def is_after_sending(self) -> bool:
        """Return True if the request may have been sent: the file was possibly uploaded."""
        return self in {ConnectionFailure.TIMEOUT, ConnectionFailure.CLOSED}


def _always(_: Attempt) -> bool:
    return True


SERVER_ERRORS = range(500, 600)
# Without redirects: only their target matters, whatever their body says.
_ANY = frozenset(range(1_000)) - frozenset(range(300, 400))


@dataclass(frozen=True)
class Row:
    """One kind of refusal: how to recognise it, and what to show."""

    key: str
    about: About
    title: str
    """Its heading in the documentation."""
    why: str
    """The cause, in sentences. This and `step` may contain the names of `placeholders` in braces."""
    step: str
    """The fix: an imperative that follows `Fix: `."""
    message: str = ""
    """A regular expression for the index's message, in any case."""
    statuses: Container[int] = _ANY
    when: Callable[[Attempt], bool] = _always
    retry: bool = False
    """The same bytes may be accepted later."""
    file_exists: bool = False
    """The index has a file with this name."""
    credential_may_be_valid: bool = False

    def matches(self, status: int, message: str, attempt: Attempt) -> bool:
        """Return True if a response with this status and message is of this kind."""
        return (
            status in self.statuses
            and self.when(attempt)
            and re.search(self.message, message, re.IGNORECASE | re.MULTILINE) is not None
        )


@dataclass(frozen=True)
class Group:
    """Rows under one heading of the documentation."""

    title: str
    rows: tuple[Row, ...]


UNKNOWN = Row(
    "",
    About.UNKNOWN,
    "Unrecognised response",
    why="Unrecognised response.",
    step="contact the administrator of {host} and quote the message above.",
)
"""The row of every response that no other matches."""
