"""From a response to a refusal, with the help of the table, and from there to the text that the user reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from hatch_tokenindex.index.clock import seconds_to_wait
from hatch_tokenindex.index.refusals.message import MOST_LINES, message_of, status_line
from hatch_tokenindex.index.refusals.placeholders import about_attempt, about_response
from hatch_tokenindex.index.refusals.table import (
    GAVE_UP,
    ROWS,
    SERVER_ERRORS,
    UNCONFIRMED,
    UNKNOWN,
    ConnectionFailure,
    Row,
    circumstances,
)
from hatch_tokenindex.text import lines, one_line, shortened, without_controls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hatch_tokenindex.index.refusals.attempt import Attempt, Response
    from hatch_tokenindex.index.refusals.message import Redact


class Doubt(IntEnum):
    """Doubt about whether the index has a file that it didn't confirm. The greatest of all attempts counts."""

    NONE = 0
    """The index answered that it doesn't accept the file, or nothing was sent."""
    SERVER_ERROR = 1
    """The index, or a gateway in front of it, failed; it can have stored the file all the same."""
    NO_RESPONSE = 2
    """The file was sent, and no response came, or none that proves anything."""


@dataclass(frozen=True)
class Refusal:
    """The reason why a file was not accepted: the row of the table, and the texts filled in for one attempt."""

    attempt: Attempt
    row: Row
    said: tuple[str, ...]
    """The index's own words, or those of the HTTP client; never empty."""
    why: str
    step: str
    status: int | None
    """None if no response came."""
    was_sent: bool = True
    """The whole file went out."""
    retry_after: int | None = None
    """The seconds that the index asks to wait for."""

    @property
    def next_step(self) -> str | None:
        """The reason and the next step; None for an unrecognised response."""
        return None if self.row is UNKNOWN else f"{self.why} {self.step}"

    @property
    def doubt(self) -> Doubt:
        """The doubt that this response, or its absence, leaves about whether the index has the file."""
        if self.is_unconfirmed or (self.status is None and self.was_sent):
            return Doubt.NO_RESPONSE
        return Doubt.SERVER_ERROR if self.status in (*SERVER_ERRORS, *GAVE_UP) else Doubt.NONE

    @property
    def is_unconfirmed(self) -> bool:
        """Return True for a successful response that doesn't prove that the index has the file."""
        return self.status in UNCONFIRMED

    @property
    def calls_token_expired(self) -> bool:
        """Return True if the index calls the token expired; for a narrowed one, a wrong clock can be the reason."""
        return "token is expired" in " ".join(self.said)

    def __str__(self) -> str:
        """The text for the user: headline, the index's words, what was used, the reason, the next step."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        attempt, item = self.attempt, self.attempt.upload.distribution
        if self.is_unconfirmed:
            yield one_line(f"{attempt.index_name} did not confirm {item.filename} ({self.status})")
        elif self.status:
            yield one_line(f"{attempt.index_name} rejected {item.filename} ({self.status})")
        else:
            yield one_line(f"Could not upload {item.filename} to {attempt.index_name}")
        yield ""
        yield from (f"  {line}" for line in self.said)
        yield ""
        yield f"  project      {one_line(f'{item.project} {item.version}')}"
        yield f"  upload URL   {attempt.url}"
        yield f"  credential   {one_line(_used(attempt))}"
        yield ""
        yield self.why
        yield f"Fix: {self.step[:1].lower()}{self.step[1:]}"


def _used(attempt: Attempt) -> str:
    credential = attempt.credential
    if credential is None:
        return "none"
    return f"{credential.shown_user}, {attempt.kind_of_secret} from {credential.description}"


def refusal(response: Response, attempt: Attempt, redact: Redact) -> Refusal:
    """Return the reason for a response other than success. `redact` masks the secrets in a text of the server."""
    own = message_of(response, redact)
    said = own or (status_line(response, redact),)
    given, text = circumstances(attempt, response), "\n".join(own)
    row = next((row for row in ROWS if row.fits(response.status, text, given)), UNKNOWN)
    names = {**about_attempt(attempt), **about_response(response, redact)}
    return Refusal(attempt, row, said, *_filled(row, names), response.status, retry_after=seconds_to_wait(response))


def unreachable(
    kind: ConnectionFailure, detail: str, attempt: Attempt, redact: Redact, *, was_sent: bool = True
) -> Refusal:
    """Return the reason why no response came.

    Args:
        kind: The failure.
        detail: The text of the HTTP client, in which `redact` masks the secrets.
        was_sent: The whole file was handed to the network.
    """
    row = kind.value
    said = (f"{row.title}.", *map(shortened, lines(redact(without_controls(detail)))))[:MOST_LINES]
    why, step = _filled(row, about_attempt(attempt))
    return Refusal(attempt, row, said, why, step, None, was_sent and kind.came_after_sending)


def _filled(row: Row, names: Mapping[str, str]) -> tuple[str, str]:
    return one_line(row.why.format_map(names)), one_line(row.step.format_map(names))
