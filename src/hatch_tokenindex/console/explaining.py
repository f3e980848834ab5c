"""`-o explain` as text and as data: every place of both lists, what it holds, and which one is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.console.tables import aligned
from hatch_tokenindex.secrets import MASK
from hatch_tokenindex.text import as_date
from hatch_tokenindex.tokens import Token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_tokenindex.config.origin import WithOrigin
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.chain import Explanation
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.finding import Finding


def as_text(explanation: Explanation, repository: Repository) -> str:
    """The table of one project, and below it what its token says."""
    rows = [(row.question, row.place, row.holds.partition("\n")[0], row.mark) for row in _rows(explanation)]
    lines = [f"{explanation.project} -> {repository.url} (repository {repository.name})", aligned(rows, indent="  ")]
    lines += [f"  {line}" for row in _rows(explanation) for line in row.holds.splitlines()[1:]]
    user, secret = explanation.user, explanation.secret
    if user is None and secret is not None and secret.error is None:
        lines.append("  No place gives a user name: __token__ is used, or what comes with the secret.")
    if user is not None and user.error is not None:
        lines.append("  Publishing would stop there.")
    elif secret is None:
        lines.append("  No place gives a secret, and nobody can be asked: publishing would stop here.")
    elif secret.error is not None:
        lines.append("  Publishing would stop there.")
    elif secret.answer is not None:
        lines += [f"  {line}" for line in _about(secret.answer, explanation)]
    return "\n".join(lines)


def as_data(explanation: Explanation) -> dict[str, Any]:
    """The same for `-o json`: an entry as for other runs, but of all versions and with rows instead of files."""
    checked = explanation.secret.answer if explanation.secret is not None else None
    return {
        "name": explanation.project,
        "version": None,
        "url": None,
        "credential": checked and {"user": checked.credential.user, "source": checked.credential.origin},
        "rows": [
            {"question": row.question, "place": row.place, "holds": row.holds, "used": row.mark == _USED}
            for row in _rows(explanation)
        ],
        "token": checked and _about(checked, explanation),
    }


_USED = "<- used"
_STOPS = "<- stops the run"


@dataclass(frozen=True)
class _Row:
    question: str
    place: str
    holds: str
    mark: str


def _rows(explanation: Explanation) -> Iterator[_Row]:
    for user in explanation.users:
        yield _Row("user name", user.place, _holds(user, _name(user.answer)), _mark(user, explanation.user))
    for secret in explanation.secrets:
        yield _Row("secret", secret.place, _holds(secret, _masked(secret.answer)), _mark(secret, explanation.secret))


def _mark(look: Finding[Any], deciding: Finding[Any] | None) -> str:
    if look is not deciding:
        return ""
    return _USED if look.error is None else _STOPS


def _name(given: WithOrigin[str] | None) -> str:
    return "" if given is None else f"{given.value} ({given.origin})"


def _masked(checked: CheckedCredential | None) -> str:
    return "" if checked is None else f"set: {MASK} ({checked.credential.origin}; user {checked.credential.user})"


def _holds(look: Finding[Any], answer: str) -> str:
    if look.error is not None:
        return f"refused: {look.error}"
    if look.unavailable:
        return f"unavailable: {look.unavailable}"
    if look.passed_over:
        return f"passed over: {look.passed_over}"
    return look.effect or answer or look.not_used or "not set"


def _about(checked: CheckedCredential, explanation: Explanation) -> list[str]:
    """What the token that is used says of itself, and what will be sent of it."""
    if checked.token is None:
        return ["The secret is not a token that can be read here, and is sent as it is."]
    lines = [_says(checked.token)]
    if explanation.narrowed_for:
        lines.append(
            f"What is sent is narrowed on this machine: whoever catches it can upload {explanation.project} for "
            f"{explanation.narrowed_for // 60} minutes, and nothing else."
        )
    else:
        lines.append("It is sent as it is.")
    return [*lines, *checked.notes]


def _says(token: Token) -> str:
    projects = ", ".join(sorted(token.projects)) if token.projects is not None else "not told"
    expires = as_date(token.expires_at) if token.expires_at is not None else "not told"
    made_by = token.location or "not told"
    return f"The token says: made by {made_by}; kind: {token.kind}; projects: {projects}; expires: {expires}."
