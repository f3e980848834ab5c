"""From an answer to a refusal, with the help of the table, and from there to the three parts that a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex.index.refusals.own_words import MOST_LINES, own_words, status_line
from hatch_tokenindex.index.refusals.placeholders import about_answer, about_sent
from hatch_tokenindex.index.refusals.rows import SERVER_ERRORS, UNKNOWN, About, NoAnswer, Row
from hatch_tokenindex.index.refusals.table import NO_ANSWER_ROWS, ROWS
from hatch_tokenindex.secrets import MASK
from hatch_tokenindex.text import lines, one_line, shortened, without_controls

if TYPE_CHECKING:
    from hatch_tokenindex.index.refusals.exchange import Answer, Attempt
    from hatch_tokenindex.index.refusals.own_words import Redact


@dataclass(frozen=True)
class Refusal:
    """Why a file was not taken. `row` is the one of the table that fits, `UNKNOWN` if none does; `next_step` is `None` then.

    `said` is never empty. `status` is `None` if no answer came; `was_sent` tells whether anything went out.
    """

    row: Row
    said: tuple[str, ...]
    next_step: str | None
    status: int | None
    was_sent: bool = True

    @property
    def may_hide_success(self) -> bool:
        """Whether the index can have the file all the same: a gateway's 502 or 504 doesn't tell."""
        return self.may_have_arrived or self.status in SERVER_ERRORS

    @property
    def calls_token_expired(self) -> bool:
        """Whether the index calls the token expired; of a narrowed one that can be the clock's fault."""
        return "token is expired" in " ".join(self.said)

    @property
    def about_credential(self) -> bool:
        """Whether another credential may be taken."""
        return self.row.about is About.CREDENTIAL

    @property
    def worthless(self) -> bool:
        """Whether the credential is good for nothing any more."""
        return self.about_credential and not self.row.good_elsewhere

    @property
    def may_have_arrived(self) -> bool:
        """Whether the index can have the file, although it didn't say so."""
        return self.status is None and self.was_sent


def refusal(answer: Answer, sent: Attempt, redact: Redact) -> Refusal:
    """What an answer other than success means. `redact` masks the secrets in a text that comes from the server."""
    own = own_words(answer, redact)
    said = own or (status_line(answer, redact),)
    row = next((row for row in ROWS if row.fits(answer.status, "\n".join(own), sent)), None)
    if row is None:
        return Refusal(UNKNOWN, said, None, answer.status)
    step = one_line(row.next_step.format_map({**about_sent(sent), **about_answer(answer, redact)}))
    return Refusal(row, said, step, answer.status)


def unreachable(kind: NoAnswer, detail: str, sent: Attempt, redact: Redact) -> Refusal:
    """What it means that no answer came. `detail` is what the HTTP client said about it, and may be empty."""
    row = NO_ANSWER_ROWS[kind]
    said = (kind.value, *map(shortened, lines(redact(without_controls(detail)))))[:MOST_LINES]
    step = one_line(row.next_step.format_map(about_sent(sent)))
    return Refusal(row, said, step, None, was_sent=kind.came_after_sending)


def render(refused: Refusal, sent: Attempt) -> str:
    """The three parts for a terminal: what the index said, what was sent, what to do now."""
    said = f"{sent.index} said (status {refused.status}):" if refused.status else f"No answer from {sent.host}:"
    credential = f"{sent.user} with {MASK} from {sent.source}" if sent.source else "none"
    sent_or_not = "What was sent:" if refused.was_sent else "What was to be sent:"
    what = (
        f"file: {sent.filename} ({sent.project} {sent.version})",
        f"to: {sent.url}",
        f"credential: {credential}",
    )
    step = refused.next_step or (
        f"This answer isn't known here: what {sent.host} said above is all there is. Ask whoever runs it, and quote that."
    )
    return "\n".join(
        (
            said,
            *(f"  {line}" for line in refused.said),
            sent_or_not,
            *(f"  {one_line(line)}" for line in what),
            "What to do now:",
            f"  {step}",
        )
    )
