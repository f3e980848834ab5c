"""What stands in a row of the table of refusals, and what a refusal can be about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from hatch_tokenindex.index.refusals.exchange import Attempt


class About(Enum):
    """What a refusal is about. Only `CREDENTIAL` is mended by another user name, password or token."""

    CREDENTIAL = "credential"
    ACCOUNT = "account"
    """The account or organization behind the credential: its other tokens are refused alike."""
    PROJECT = "project"
    """The project: its name, its state, or who may upload to it."""
    RELEASE = "release"
    FILE = "file"
    SITE = "site"
    """The index as a whole, now: no file and no credential gets through."""
    RATE_LIMIT = "rate limit"
    ADDRESS = "address"
    """The URL, or the way to it."""
    UNKNOWN = "unknown"


class NoAnswer(Enum):
    """How a request can fail without any answer; the value says it in words."""

    NAME = "The name of the host is not known."
    REFUSED = "The connection was refused."
    UNREACHABLE = "The host could not be reached."
    CERTIFICATE = "The server's certificate could not be verified."
    TLS = "No encrypted connection could be agreed on."
    PROXY = "The proxy did not let the connection through."
    PROXY_FAILED = "The connection through the proxy failed."
    TIMEOUT = "No answer came in time."
    LOST = "The connection broke off."

    @property
    def came_after_sending(self) -> bool:
        """Whether something had been sent before: it may have arrived."""
        return self in {NoAnswer.TIMEOUT, NoAnswer.LOST}


def _always(_: Attempt) -> bool:
    return True


SERVER_ERRORS = range(500, 600)
# But for redirects: whatever is said there, what matters is where they lead.
_ANY = frozenset(range(1_000)) - frozenset(range(300, 400))


@dataclass(frozen=True)
class Row:
    """One kind of refusal.

    `title` is its heading in the documentation. `why` is what the index doesn't say, `step` what to do; both can name in
    braces whatever `placeholders` holds. `said` is a regular expression for the index's own words, in any case of
    letters; `statuses` and `when` narrow it down. `retry` tells that the same bytes, sent again later, may well be taken,
    `exists` that the index has a file of that name, `good_elsewhere` that the credential needn't be worthless.
    """

    key: str
    about: About
    title: str
    why: str
    step: str
    said: str = ""
    statuses: Container[int] = _ANY
    when: Callable[[Attempt], bool] = _always
    retry: bool = False
    exists: bool = False
    good_elsewhere: bool = False

    @property
    def next_step(self) -> str:
        """Both texts, as a person at a terminal reads them."""
        return f"{self.why} {self.step}"

    def fits(self, status: int, text: str, sent: Attempt) -> bool:
        """Whether an answer with this status and these words is of this kind."""
        return (
            status in self.statuses
            and self.when(sent)
            and re.search(self.said, text, re.IGNORECASE | re.MULTILINE) is not None
        )


@dataclass(frozen=True)
class Group:
    """Rows that belong together; `title` is their heading in the documentation."""

    title: str
    rows: tuple[Row, ...]


UNKNOWN = Row("", About.UNKNOWN, "Unknown answer", why="", step="")
"""What stands for the answers that fit no row."""
