"""Checks on a credential before anything is sent: clean it where that is safe, refuse it where it can't work."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential
from hatch_tokenindex.errors import CredentialError, MalformedTokenError, UnfitTokenError
from hatch_tokenindex.secrets import REDACTOR, Secret
from hatch_tokenindex.text import as_date
from hatch_tokenindex.tokens import Token, is_blank, issuers_in, looks_like_token, read, token_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_tokenindex.config.origin import WithOrigin
    from hatch_tokenindex.config.repositories import Repository


_LINE_BREAKS = "contains line breaks"
_UNSENDABLE = (
    (r"[\r\n]", _LINE_BREAKS),
    (r"[\x00-\x1f\x7f]", "contains control characters, as if Ctrl+V had not pasted"),
    (r"[\ud800-\udfff]", "is not UTF-8 text"),
)


@dataclass(frozen=True)
class CheckedCredential:
    """A credential that may be sent, the one that it was made from, its token (None if it isn't one), and notes."""

    credential: Credential
    found: Credential
    token: Token | None
    notes: tuple[str, ...] = ()


def check_credential(found: Credential, project: str | None, repository: Repository, now: float) -> CheckedCredential:
    """Return the credential in the form in which it may be sent or stored.

    Args:
        found: The credential as its source gave it.
        project: The normalized name (PEP 503) of the project that it is wanted for, None if that isn't known yet.
        repository: The repository that it would be sent to.
        now: Unix time at the index.

    Raises:
        UnfitTokenError: The token is restricted to another index, project or time.
        CredentialError: The secret can't work, or would be disclosed to somebody who has no use for it.
    """
    notes: list[str] = []
    if found.user_is_secret:
        # Masks it in whatever is shown from now on.
        REDACTOR.learn(Secret(found.user))
    secret = found.secret if found.user_is_secret else _cleaned(found, notes)
    try:
        token = read(secret)
    except MalformedTokenError as error:
        token = None
        notes += _doubts(found, secret, str(error), repository)
    user = found.user
    if user != TOKEN_USER and looks_like_token(secret.reveal()):
        notes.append(f"The token from {found.origin} needs the user name {TOKEN_USER}; using it instead of {user!r}.")
        user = TOKEN_USER
    credential = replace(found, user=user, secret=secret)
    # By a lenient search and not by what can be parsed: the receiver could repair what is spelt wrongly.
    issuers = issuers_in(secret.reveal()) | ({site} if token and (site := site_of(token)) else set())
    _refuse_plain_http(credential, issuers, repository)
    _refuse_other_index(credential, issuers, token, repository, notes)
    if token is not None:
        _refuse_other_use(credential, token, project, repository, now)
    return CheckedCredential(credential, found, token, tuple(notes))


def check_user_name(user: WithOrigin[str]) -> WithOrigin[str]:
    """Return a user name that can be sent and shown.

    Raises:
        CredentialError: It is an API token, which would be shown and cached, or Basic authentication can't carry it.
    """
    if token_in(user.value) is not None or issuers_in(user.value):
        msg = (
            f"{user.origin} holds an API token instead of a user name.\n"
            f"Fix: give the token as the secret (HATCH_INDEX_AUTH, `--auth` or the keyring) and leave the user name out; "
            f"it defaults to {TOKEN_USER}."
        )
        raise CredentialError(msg)
    if ":" in user.value or not user.value.isprintable():
        msg = f"The user name from {user.origin} contains a colon or unprintable characters, which can't be sent (RFC 7617)."
        raise CredentialError(msg)
    return user


def may_be_for(secret: Secret, project: str | None) -> bool:
    """Return False if a secret is a token that is restricted to other projects than this one (normalized, PEP 503)."""
    try:
        projects = read(token_in(secret.reveal()) or secret).projects
    except MalformedTokenError:
        return True
    return projects is None or project is None or project in projects


def not_a_token(found: Credential, repository: Repository) -> str:
    """Return the error text for a secret that isn't a token, for PyPI or TestPyPI."""
    return (
        f"The secret from {found.origin} is not a valid API token, and {repository.index} accepts nothing else.\n"
        f"Fix: copy it again, from `pypi-` to its last character, or create a new one at {repository.token_page}."
    )


def site_of(token: Token) -> str | None:
    """Return `pypi.org` or `test.pypi.org` if one of them issued the token."""
    return urls.site(f"https://{token.location}/") if re.fullmatch(r"[\w.-]+", token.location) else None


def _cleaned(found: Credential, notes: list[str]) -> Secret:
    text = found.secret.reveal()
    token = token_in(text)
    cleaned = text.rstrip("\r\n") if token is None else token.reveal()
    if cleaned != text and token is not None:
        notes.append(f"Removed whitespace, quotes or a variable name from around the token from {found.origin}.")
    elif cleaned != text:
        notes.append(f"Removed the line break at the end of the secret from {found.origin}.")
    fix = "set it again, to the token alone."
    if found.typed:
        fix = "paste with the right mouse button, from the terminal's menu, or with Ctrl+Shift+V."
    unsendable = (what for characters, what in _UNSENDABLE if re.search(characters, cleaned))
    problem = "is empty" if is_blank(cleaned) else next(unsendable, "")
    if problem == _LINE_BREAKS:
        fix = f"{'paste' if found.typed else 'set'} it as one line; a key in base64 must not be wrapped."
    if problem:
        msg = f"The secret from {found.origin} {problem}.\nFix: {fix}"
        raise CredentialError(msg)
    return Secret(cleaned)


def _doubts(found: Credential, secret: Secret, why: str, repository: Repository) -> Iterator[str]:
    """Yield a note if a secret that isn't a token goes to PyPI or TestPyPI, which accept nothing else.

    Raises:
        CredentialError: It was typed, so it can be typed again.
    """
    is_truncated = secret.reveal().startswith("pypi-")
    if repository.site is None or not (is_truncated or found.user == TOKEN_USER):
        return
    if found.typed:
        raise CredentialError(not_a_token(found, repository))
    if is_truncated:
        yield f"The token from {found.origin} could not be parsed; sending it unchanged. {why}"
    elif not found.minted:
        yield f"The secret from {found.origin} doesn't look like an API token: those of {repository.index} start with `pypi-`."


def _refuse_plain_http(credential: Credential, issuers: frozenset[str], repository: Repository) -> None:
    if not urls.is_disclosing(repository.url) or (repository.insecure_http and not issuers):
        return
    what = f"a token of {', '.join(sorted(issuers))}" if issuers else f"the {credential.noun}"
    option = "" if issuers else ", or add `-o insecure-http` on a network that you trust"
    msg = (
        f"Refusing to send {what} from {credential.origin} over plain http.\n"
        f"Anyone between you and {repository.url} could read it.\n"
        f"Fix: use an https:// URL{option}."
    )
    raise CredentialError(msg)


def _refuse_other_index(
    credential: Credential, issuers: frozenset[str], token: Token | None, repository: Repository, notes: list[str]
) -> None:
    target = repository.site
    host = urls.web_origin(repository.url)[1]
    location = "" if token is None else token.location
    foreign = sorted(issuers - {target})
    if foreign or (target and location and not issuers):
        holds = "You entered" if credential.typed else f"{credential.origin[:1].upper()}{credential.origin[1:]} holds"
        what = f"a {urls.index_name(f'https://{foreign[0]}/', '')} token" if foreign else f"a token of {location}"
        fix = f"create one at {repository.token_page}" if target else f"use a credential issued by {host}"
        msg = (
            f"{holds} {what}, but you are publishing to {urls.index_name(repository.url, host)}. Not sent.\nFix: {fix}."
        )
        raise UnfitTokenError(msg)
    if not target and location and location.lower() not in {host, host.removeprefix("upload.")}:
        notes.append(f"The token from {credential.origin} was issued by {location}; sending it to {host}.")


def _refuse_other_use(
    credential: Credential, token: Token, project: str | None, repository: Repository, now: float
) -> None:
    where = f" at {repository.token_page}" if repository.token_page else ""
    if project is not None and token.projects is not None and project not in token.projects:
        problem = f"is scoped to {', '.join(sorted(token.projects)) or 'no project'} and can't upload {project}"
        fix = f"create a token for {project}{where}, or one for the entire account"
        if project == "unknown":
            fix = "set `name` under `[project]` in pyproject.toml and build again; setuptools found no name"
    elif credential.minted:
        # It is valid from now by the index's clock, and ours may be behind.
        return
    elif token.expires_at is not None and token.expires_at <= now:
        problem, fix = f"expired on {as_date(token.expires_at)}", f"create a new one{where}"
    elif token.not_before is not None and token.not_before > now:
        problem = f"is not valid before {as_date(token.not_before)}"
        fix = "wait until then, or correct this machine's clock"
    else:
        return
    msg = f"The token from {credential.origin} {problem}.\nFix: {fix}."
    raise UnfitTokenError(msg)
