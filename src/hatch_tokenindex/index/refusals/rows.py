"""A row of the table of refusals: how it is recognised, what follows from it, and its texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping


SERVER_ERRORS = range(500, 600)
"""With those that proxies made up: 520 to 527, 530, 598 and 599."""
GAVE_UP = (408, 460, 499)
"""The server, or a proxy such as nginx, stopped waiting; the index may have the file all the same."""
UNCONFIRMED = (200, 201, 202)
"""Successes that are refusals if the file isn't listed afterwards: a file to be stored later, or a sign-in page."""
# Not redirects: whatever they say, what matters is where they lead.
_ANY = frozenset(range(1_000)) - frozenset(range(300, 400))


@dataclass(frozen=True)
class Row:
    """One kind of refusal.

    `why` and `step` can name in braces everything that `placeholders` has.
    """

    title: str
    """The heading in the documentation, no two alike."""
    why: str
    """The reason, which the index doesn't give."""
    step: str
    """The next step: one imperative sentence that follows `Fix: `."""
    said: str = ""
    """A regular expression for the index's own words, in any case of letters."""
    statuses: Container[int] = _ANY
    when: str = ""
    """The circumstance in which the row counts, one of `circumstances`."""
    retry: bool = False
    """The same bytes, sent again later, may be accepted."""
    exists: bool = False
    """The index has a file of that name."""
    about_credential: bool = False
    """Another user name, password or token may be accepted."""
    good_elsewhere: bool = False
    """The credential may be valid for something else."""

    def fits(self, status: int, text: str, circumstances: Mapping[str, bool]) -> bool:
        """Return True if a response with this status and these words is of this kind."""
        return (
            status in self.statuses
            and circumstances[self.when]
            and re.search(self.said, text, re.IGNORECASE | re.MULTILINE) is not None
        )


UNKNOWN = Row(
    "Unrecognised response",
    why="Unrecognised response.",
    step="Contact the administrator of {host} and quote the message above.",
)
"""The row for every response that fits no other."""
