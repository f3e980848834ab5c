"""`-o explain` as text: every place of both lists, what it holds, and which one is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hatch_tokenindex.console.tables import aligned
from hatch_tokenindex.credentials.judging import Judged, as_date
from hatch_tokenindex.credentials.narrowing import LIFETIME, is_narrowed
from hatch_tokenindex.tokens import MASK, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_tokenindex.credentials.chain import Explanation, Look
    from hatch_tokenindex.given import Given
    from hatch_tokenindex.repositories import Repository


def as_text(explanation: Explanation, repository: Repository) -> str:
    """The table of one project, and below it what its token says."""
    rows = [(kind, place, holds, "<- used" if used else "") for kind, place, holds, used in _rows(explanation)]
    lines = [f"{explanation.project} -> {repository.url} (repository {repository.name})", aligned(rows, indent="  ")]
    if explanation.user is None and explanation.secret is not None:
        lines.append("  No place gives a user name: __token__ is used, or what comes with the secret.")
    if explanation.secret is None:
        lines.append("  No place gives a secret, and nobody can be asked: publishing would stop here.")
    elif explanation.secret.answer is not None:
        lines += [f"  {line}" for line in _about(explanation.secret.answer, explanation.project, repository)]
    return "\n".join(lines)


def as_data(explanation: Explanation, repository: Repository) -> dict[str, Any]:
    """The same for `-o json`."""
    return {
        "name": explanation.project,
        "rows": [
            {"question": kind, "place": place, "holds": holds, "used": used}
            for kind, place, holds, used in _rows(explanation)
        ],
        "token": None
        if explanation.secret is None or explanation.secret.answer is None
        else _about(explanation.secret.answer, explanation.project, repository),
    }


def _rows(explanation: Explanation) -> Iterator[tuple[str, str, str, bool]]:
    for user in explanation.users:
        yield "user name", user.place, _holds(user, _name(user.answer)), user is explanation.user
    for secret in explanation.secrets:
        yield "secret", secret.place, _holds(secret, _masked(secret.answer)), secret is explanation.secret


def _name(given: Given[str] | None) -> str:
    return "" if given is None else f"{given.value} ({given.origin})"


def _masked(judged: Judged | None) -> str:
    return "" if judged is None else f"set: {MASK} ({judged.credential.origin}; user {judged.credential.user})"


def _holds(look: Look[Any], answer: str) -> str:
    if look.error is not None:
        return f"refused: {look.error}"
    if look.unavailable:
        return f"unavailable: {look.unavailable}"
    if look.passed_over:
        return f"passed over: {look.passed_over}"
    return look.effect or answer or "not set"


def _about(judged: Judged, project: str, repository: Repository) -> list[str]:
    """What the token that is used says of itself, and what will be sent of it."""
    if judged.token is None:
        return ["The secret is not a token that can be read here, and is sent as it is."]
    lines = [_says(judged.token)]
    if is_narrowed(judged, repository):
        lines.append(
            f"What is sent is narrowed on this machine: whoever catches it can upload {project} for {LIFETIME // 60} minutes, "
            f"and nothing else."
        )
    else:
        lines.append("It is sent as it is.")
    return [*lines, *judged.notes]


def _says(token: Token) -> str:
    projects = ", ".join(sorted(token.projects)) if token.projects is not None else "not told"
    expires = as_date(token.expires_at) if token.expires_at is not None else "not told"
    return f"The token says: made by {token.location or 'not told'}; kind: {token.kind}; projects: {projects}; expires: {expires}."
