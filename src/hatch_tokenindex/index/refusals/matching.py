"""Refusal: the reason why an attempt failed, found in the table, and its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex.index.attempt import Arrival
from hatch_tokenindex.index.refusals.message import MOST_LINES, message_of, status_line
from hatch_tokenindex.index.refusals.placeholders import attempt_placeholders, response_placeholders
from hatch_tokenindex.index.refusals.retry_after import retry_after
from hatch_tokenindex.index.refusals.rows import SERVER_ERRORS, UNKNOWN, About, ConnectionFailure, Row
from hatch_tokenindex.index.refusals.table import CONNECTION_ROWS, ROWS
from hatch_tokenindex.text import lines, one_line, shortened, without_controls

if TYPE_CHECKING:
    from hatch_tokenindex.index.attempt import Attempt
    from hatch_tokenindex.index.refusals.message import Redact
    from hatch_tokenindex.index.refusals.response import Response


@dataclass(frozen=True)
class Refusal:
    """The reason why an attempt failed: the index rejected the file, or the connection failed."""

    attempt: Attempt
    row: Row
    message: tuple[str, ...]
    """The index's message, or a description of the failure; at least one line."""
    why: str
    step: str
    status: int | None = None
    """The status of the response, None without one."""
    failure: ConnectionFailure | None = None
    """The way in which the connection failed, None if there was a response."""
    retry_after: int | None = None
    """The seconds to wait that the index asks for, None if it doesn't."""

    @property
    def arrival(self) -> Arrival:
        """The likelihood that the index has the file all the same."""
        if self.failure is not None and self.failure.is_after_sending:
            return Arrival.POSSIBLE
        return Arrival.UNLIKELY if self.status in SERVER_ERRORS else Arrival.IMPOSSIBLE

    @property
    def next_step(self) -> str | None:
        """Cause and fix as one text; None for an unrecognised response."""
        return None if self.row is UNKNOWN else f"{self.why} {self.step[:1].upper()}{self.step[1:]}"

    @property
    def says_token_expired(self) -> bool:
        """Return True if the index calls the token expired, which a wrong clock can cause if it was narrowed."""
        return "token is expired" in " ".join(self.message)

    @property
    def is_about_credential(self) -> bool:
        """Return True if another credential may be accepted."""
        return self.row.about is About.CREDENTIAL

    @property
    def makes_credential_worthless(self) -> bool:
        """Return True if the credential is of no use anywhere."""
        return self.is_about_credential and not self.row.credential_may_be_valid


def refusal_from_response(response: Response, attempt: Attempt, redact: Redact) -> Refusal:
    """Return the refusal in a response other than a success. `redact` masks secrets in texts from the server."""
    message = message_of(response, redact)
    text = "\n".join(message)
    row = next((row for row in ROWS if row.matches(response.status, text, attempt)), UNKNOWN)
    values = {**attempt_placeholders(attempt), **response_placeholders(response, redact)}
    return Refusal(
        attempt,
        row,
        message or (status_line(response, redact),),
        why=one_line(row.why.format_map(values)),
        step=one_line(row.step.format_map(values)),
        status=response.status,
        retry_after=retry_after(response),
    )


def refusal_from_failure(failure: ConnectionFailure, detail: str, attempt: Attempt, redact: Redact) -> Refusal:
    """Return the refusal in a request without a response. `detail` is the HTTP client's message, which may be empty."""
    row, values = CONNECTION_ROWS[failure], attempt_placeholders(attempt)
    return Refusal(
        attempt,
        row,
        (failure.value, *map(shortened, lines(redact(without_controls(detail)))))[:MOST_LINES],
        why=one_line(row.why.format_map(values)),
        step=one_line(row.step.format_map(values)),
        failure=failure,
    )


def render(refusal: Refusal) -> str:
    """Return the text of a refusal: what failed, the index's message, what was used, the cause and the fix."""
    attempt, credential = refusal.attempt, refusal.attempt.credential
    item = attempt.upload.distribution
    headline = (
        f"Could not upload {item.filename} to {attempt.host}"
        if refusal.status is None
        else f"{attempt.index_name} rejected {item.filename} ({refusal.status})"
    )
    secret = "token" if credential and credential.has_token_user else "secret"
    used = f"{credential.user}, {secret} from {credential.description}" if credential else "none"
    return "\n".join(
        (
            one_line(headline),
            "",
            *(f"  {line}" for line in refusal.message),
            "",
            f"  project      {one_line(f'{item.project} {item.version}')}",
            f"  upload URL   {one_line(attempt.repository.url)}",
            f"  credential   {one_line(used)}",
            "",
            refusal.why,
            f"Fix: {refusal.step}",
        )
    )
