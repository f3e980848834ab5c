"""API tokens as PyPI makes them, and the look that PyPI takes at those that are presented, both by way of pymacaroons."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pymacaroons
from pymacaroons.exceptions import MacaroonInvalidSignatureException

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT_KEY = b"the index alone knows this key"
IDENTIFIER = "0f5ad73c-3b6f-4a1b-8e5c-4a2d10a8e3a1"
USER_ID = "7d9c2f04-93de-4f77-9b1e-6a1a3b1f0c55"
PROJECT_ID = "c3a1d1f0-2f9d-4c83-a4bb-0d7c1b0e4f52"

_END_OF_TIME = 32_503_679_999


def make_token(
    *,
    location: str = "pypi.org",
    projects: Iterable[str] | None = None,
    project_ids: Iterable[str] | None = None,
    user: str | None = None,
    publisher: str | None = None,
    expires: int | None = None,
    not_before: int | None = None,
    identifier: str = IDENTIFIER,
) -> str:
    """A token with a caveat for each thing that is given, and for nothing else; times are in unix seconds.

    PyPI's own: `user=USER_ID` is one for the whole account; `projects=["demo"], project_ids=[PROJECT_ID]` is one for a
    project; `publisher=...` with `project_ids` and `expires` is minted. Those with another `identifier` are other tokens.
    """
    caveats: list[list[Any]] = []
    if publisher is not None:
        caveats.append([4, publisher, None])
    if projects is not None:
        caveats.append([1, list(projects)])
    if project_ids is not None:
        caveats.append([2, list(project_ids)])
    if user is not None:
        caveats.append([3, user])
    if expires is not None or not_before is not None:
        caveats.append([0, _END_OF_TIME if expires is None else expires, not_before or 0])
    made = pymacaroons.Macaroon(
        location=location, identifier=identifier, key=ROOT_KEY, version=pymacaroons.macaroon.MACAROON_V2
    )
    for caveat in caveats:
        made.add_first_party_caveat(json.dumps(caveat, separators=(",", ":")).encode())
    return f"pypi-{made.serialize()}"


def account_token(identifier: str = "account", *, location: str = "pypi.org") -> str:
    """A token for the whole account, as PyPI makes it."""
    return make_token(location=location, user=USER_ID, identifier=identifier)


def project_token(*projects: str, identifier: str = "", location: str = "pypi.org", expires: int | None = None) -> str:
    """A token for these projects, as PyPI makes it. Unless another is given, its identifier is like `for-demo`."""
    return make_token(
        location=location,
        projects=projects,
        project_ids=[PROJECT_ID],
        identifier=identifier or f"for-{'-'.join(projects)}",
        expires=expires,
    )


@dataclass(frozen=True)
class Presented:
    """A token as its index sees it. `verifies` tells that the root key gives its signature: nothing in it was made up.

    `caveats` are the JSON arrays in it, in order; `signature` is in hex.
    """

    verifies: bool
    location: str
    identifier: str
    caveats: tuple[list[Any], ...]
    signature: str = field(repr=False)

    def added_to(self, original: str) -> tuple[list[Any], ...]:
        """The caveats that its holder added to a token; a `ValueError` if it was not made of that one."""
        before = present(original)
        count = len(before.caveats)
        if (before.location, before.identifier, before.caveats) != (
            self.location,
            self.identifier,
            self.caveats[:count],
        ):
            message = "made of another token"
            raise ValueError(message)
        return self.caveats[count:]

    def refusal(self, project: str, now: float) -> str | None:
        """PyPI's error for an upload to `project` (normalized) with the token at `now`; `None` if allowed."""
        reasons = [] if self.verifies else ["signatures do not match"]
        for tag, *fields in self.caveats:
            if tag == 0 and not fields[1] <= now < fields[0]:
                reasons.append("token is expired")
            if tag == 1 and project not in fields[0]:
                reasons.append(f"project-scoped token is not valid for project: '{project}'")
        # PyPI gives its reasons twice.
        return f"Invalid API Token: {', '.join(reasons * 2)}" if reasons else None


def present(token: str) -> Presented:
    """Look at a token. Raises whatever pymacaroons raises for a text that is none."""
    macaroon = pymacaroons.Macaroon.deserialize(token.removeprefix("pypi-"))
    verifier = pymacaroons.Verifier()
    verifier.satisfy_general(lambda _caveat: True)
    try:
        verifies = bool(verifier.verify(macaroon, ROOT_KEY))
    except MacaroonInvalidSignatureException:
        verifies = False
    return Presented(
        verifies,
        macaroon.location,
        macaroon.identifier_bytes.decode(),
        tuple(json.loads(caveat.caveat_id) for caveat in macaroon.caveats),
        macaroon.signature,
    )
