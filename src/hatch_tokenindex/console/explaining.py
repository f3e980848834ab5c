"""`-o explain` as text and as data: every source in order, what it holds, and which one is used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.secrets import MASK
from hatch_tokenindex.text import aligned, as_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_tokenindex.config.origin import WithOrigin
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.chain import Explanation
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.finding import Finding
    from hatch_tokenindex.tokens import Token

_WIDTH = 80
_USED, _STOPS, _UNUSED = ">", "!", " "


@dataclass(frozen=True)
class _Row:
    question: str
    place: str
    holds: str
    mark: str


def as_text(explanation: Explanation, repository: Repository, attestations: str = "") -> str:
    """Return the table of one project: a line that names the credential, the sources in order, and what the token says.

    The source that decides has a mark in front. `attestations` says what the run does about them; empty if nothing.
    """
    rows = list(_rows(explanation))
    table = aligned((f"{row.mark} {row.place}", row.holds.partition("\n")[0]) for row in rows).splitlines()
    lines = [f"{explanation.project}: {_headline(explanation)}", f"Repository {repository.name}: {repository.url}"]
    for question, group in groupby(zip(rows, table, strict=True), key=lambda pair: pair[0].question):
        lines += ["", f"{question[:1].upper()}{question[1:]}:"]
        for row, line in group:
            lines += [*_fitting(line), *(f"    {more}" for more in row.holds.splitlines()[1:])]
    if about := _about(explanation):
        lines += ["", *about]
    if attestations:
        lines += ["", f"Attestations: {attestations}"]
    return "\n".join(lines)


def as_data(explanation: Explanation, attestations: str = "") -> dict[str, Any]:
    """Return the same for `-o json`: an entry as for other runs, but of all versions and with rows instead of files."""
    checked = explanation.secret.value if explanation.secret is not None else None
    return {
        "name": explanation.project,
        "version": None,
        "url": None,
        "credential": checked and {"user": checked.credential.shown_user or None, "source": checked.credential.origin},
        "rows": [
            {"question": row.question, "place": row.place, "holds": row.holds, "used": row.mark == _USED}
            for row in _rows(explanation)
        ],
        "token": _about(explanation) or None,
        "attestations": attestations or None,
    }


def _headline(explanation: Explanation) -> str:
    """Return what publishing would use, or why it would stop."""
    user, secret = explanation.user, explanation.secret
    if user is not None and user.error is not None:
        return f"publishing would stop at the user name from {user.place}."
    if secret is None:
        return "publishing would stop: no credential, and no way to prompt for one."
    if secret.error is not None:
        return f"publishing would stop at the secret from {secret.place}."
    if secret.value is not None:
        credential = secret.value.credential
        origin = "the keyring" if credential.keyring_user is not None else credential.origin
        return f"publishing would use {replace(credential, origin=origin).summary}."
    return f"publishing {secret.detail}."


def _rows(explanation: Explanation) -> Iterator[_Row]:
    checked = None if explanation.secret is None else explanation.secret.value
    is_secret = checked is not None and checked.credential.user_is_secret
    for user in explanation.users:
        name = _name(user.place, user.value, is_secret=is_secret)
        yield _Row("user name", user.place, name or user.reason, _mark(user, explanation.user))
    for secret in explanation.secrets:
        masked = _masked(secret.place, secret.value)
        yield _Row("secret", secret.place, masked or secret.reason, _mark(secret, explanation.secret))


def _mark(finding: Finding[Any], deciding: Finding[Any] | None) -> str:
    if finding is not deciding:
        return _UNUSED
    return _USED if finding.error is None else _STOPS


def _name(place: str, user: WithOrigin[str] | None, *, is_secret: bool) -> str:
    return "" if user is None else f"{MASK if is_secret else user.value}{_unless_obvious(user.origin, place)}"


def _masked(place: str, checked: CheckedCredential | None) -> str:
    if checked is None:
        return ""
    credential = checked.credential
    if credential.is_anonymous:
        return "in place of a user name and secret"
    if credential.user_is_secret:
        return f"set: {credential.noun}{_unless_obvious(credential.origin, place)}"
    user = "" if credential.has_token_user else f" for {credential.user}"
    return f"set: {MASK}{user}{_unless_obvious(credential.origin, place)}"


def _unless_obvious(origin: str, place: str) -> str:
    """Return the origin in parentheses, where the place doesn't say it already."""
    entry = f"keyring entry '{place.removeprefix('keyring: ')}'"
    return "" if origin == place or origin.startswith(entry) else f" ({origin})"


def _fitting(line: str) -> Iterator[str]:
    """Yield a line of the table, with the origin in parentheses on a line of its own if the whole is too wide."""
    begin, parenthesis, origin = line.rpartition(" (")
    if parenthesis and len(line) > _WIDTH:
        yield begin
        yield f"    ({origin}"
    else:
        yield line


def _about(explanation: Explanation) -> list[str]:
    """Return what the token says, and in which form it is sent; nothing if there is no credential."""
    checked = None if explanation.secret is None else explanation.secret.value
    if checked is None:
        return []
    if checked.credential.is_anonymous:
        return ["Nothing is sent but the client certificate."]
    if checked.token is None:
        return ["The secret is not a token that can be parsed; it is sent unchanged."]
    sent = "The token is sent unchanged."
    if minutes := explanation.narrowed_for // 60:
        sent = f"The token is restricted to {explanation.project} for {minutes} minutes before it is sent."
    return [_says(checked.token), sent, *checked.notes]


def _says(token: Token) -> str:
    projects = f" ({', '.join(sorted(token.projects))})" if token.projects is not None else ""
    expiry = as_date(token.expires_at) if token.expires_at is not None else "unknown"
    return f"Token: issued by {token.location or 'unknown'}; scope: {token.kind.scope}{projects}; expiry: {expiry}."
