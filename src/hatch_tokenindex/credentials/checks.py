"""Checks on a credential before anything is sent: clean it where that is safe, refuse it where it can't work."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential
from hatch_tokenindex.errors import CredentialError, MalformedTokenError, UnfitTokenError
from hatch_tokenindex.secrets import RUN, Secret
from hatch_tokenindex.text import as_date
from hatch_tokenindex.tokens import Token, is_blank, issuers_in, looks_like_token, read, token_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_tokenindex.config.origin import WithOrigin
    from hatch_tokenindex.config.repositories import Repository


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
        RUN.learn(Secret(found.user))
    secret = found.secret if found.user_is_secret else _cleaned(found, notes)
    try:
        token = read(secret)
    except MalformedTokenError as error:
        token = None
        notes += _doubts(found, secret, str(error), repository)
    user = found.user
    if user != TOKEN_USER and looks_like_token(secret.reveal()):
        notes.append(f"{_subject(found)} needs the user name {TOKEN_USER}; using it instead of {user!r}.")
        user = TOKEN_USER
    credential = replace(found, user=user, secret=secret)
    # By a lenient search and not by what can be parsed: the receiver could repair what is spelt wrongly.
    issuers = issuers_in(secret.reveal()) | ({site} if token and (site := site_of(token)) else set())
    _refuse_plain_http(credential, issuers, repository)
    _refuse_other_index(credential, issuers, token, repository, notes)
    if token is not None:
        if project is not None:
            _refuse_other_project(credential, token, project, repository)
        # A token that was minted just now is valid from now by the index's clock, and ours may be behind.
        if not found.minted:
            _refuse_other_time(credential, token, now, repository)
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


def _subject(credential: Credential) -> str:
    return f"The token from {credential.origin}"


def _cleaned(found: Credential, notes: list[str]) -> Secret:
    text = found.secret.reveal()
    token = token_in(text)
    if token is not None:
        cleaned = token.reveal()
        if cleaned != text:
            notes.append(f"Removed whitespace, quotes or a variable name from around the token from {found.origin}.")
    else:
        cleaned = text.rstrip("\r\n")
        if cleaned != text:
            notes.append(f"Removed the line break at the end of the secret from {found.origin}.")
    if is_blank(cleaned):
        msg = f"The secret from {found.origin} is empty.\nFix: {_how_to_paste(found)}"
        raise CredentialError(msg)
    if "\n" in cleaned or "\r" in cleaned:
        msg = (
            f"The secret from {found.origin} contains line breaks.\n"
            f"Fix: {'paste' if found.typed else 'set'} it as one line; a key in base64 must not be wrapped."
        )
        raise CredentialError(msg)
    if any(character < " " or character == "\x7f" for character in cleaned):
        msg = (
            f"The secret from {found.origin} contains control characters, as if Ctrl+V had not pasted.\n"
            f"Fix: {_how_to_paste(found)}"
        )
        raise CredentialError(msg)
    if any("\ud800" <= character <= "\udfff" for character in cleaned):
        msg = f"The secret from {found.origin} is not UTF-8 text.\nFix: {_how_to_paste(found)}"
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
        yield f"{_subject(found)} could not be parsed; sending it unchanged. {why}"
    elif not found.minted:
        yield f"The secret from {found.origin} doesn't look like an API token: those of {repository.index} start with `pypi-`."


def _how_to_paste(found: Credential) -> str:
    if found.typed:
        return "paste with the right mouse button, from the terminal's menu, or with Ctrl+Shift+V."
    return "set it again, to the token alone."


def _refuse_plain_http(credential: Credential, issuers: frozenset[str], repository: Repository) -> None:
    if not urls.is_disclosing(repository.url):
        return
    if issuers:
        msg = (
            f"Refusing to send a token of {', '.join(sorted(issuers))} over plain http (from {credential.origin}).\n"
            f"Anyone between you and {repository.url} could read it.\n"
            f"Fix: use an https:// URL."
        )
        raise CredentialError(msg)
    if not repository.insecure_http:
        msg = (
            f"Refusing to send the {credential.noun} from {credential.origin} over plain http.\n"
            f"Anyone between you and {repository.url} could read it.\n"
            f"Fix: use an https:// URL, or add `-o insecure-http` on a network that you trust."
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
        notes.append(f"{_subject(credential)} was issued by {location}; sending it to {host}.")


def _refuse_other_project(credential: Credential, token: Token, project: str, repository: Repository) -> None:
    if token.projects is not None and project not in token.projects:
        names = ", ".join(sorted(token.projects)) or "no project"
        where = f" at {repository.token_page}" if repository.token_page else ""
        fix = f"create a token for {project}{where}, or one for the entire account"
        if project == "unknown":
            fix = "set `name` under `[project]` in pyproject.toml and build again; setuptools found no name"
        msg = f"{_subject(credential)} is scoped to {names} and can't upload {project}.\nFix: {fix}."
        raise UnfitTokenError(msg)


def _refuse_other_time(credential: Credential, token: Token, now: float, repository: Repository) -> None:
    if token.expires_at is not None and token.expires_at <= now:
        where = f" at {repository.token_page}" if repository.token_page else ""
        msg = f"{_subject(credential)} expired on {as_date(token.expires_at)}.\nFix: create a new one{where}."
        raise UnfitTokenError(msg)
    if token.not_before is not None and token.not_before > now:
        msg = (
            f"{_subject(credential)} is not valid before {as_date(token.not_before)}.\n"
            f"Fix: wait until then, or correct this machine's clock."
        )
        raise UnfitTokenError(msg)
