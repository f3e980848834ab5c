"""What can be said of a credential before anything is sent: cleaned where that is safe, refused where it can't work."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential
from hatch_tokenindex.errors import CredentialError, MalformedTokenError, UnfitTokenError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.text import as_date
from hatch_tokenindex.tokens import Token, looks_like_token, read, token_in

if TYPE_CHECKING:
    from hatch_tokenindex.config.origin import WithOrigin
    from hatch_tokenindex.config.repositories import Repository


@dataclass(frozen=True)
class CheckedCredential:
    """A credential that may be sent, as which it was found, what its token says (`None` if it can't be read), and notes."""

    credential: Credential
    found: Credential
    token: Token | None
    notes: tuple[str, ...] = ()


def check_credential(found: Credential, project: str | None, repository: Repository, now: float) -> CheckedCredential:
    """Look at a credential at `now` (unix seconds) before it travels, or is stored.

    `project` is the normalized name (PEP 503) of the one that it is wanted for, `None` if that isn't known yet.
    Raises `UnfitTokenError` if the token says that it is for another index, project or time, `CredentialError` if it can't
    work, or would only be disclosed to somebody who has no use for it.
    """
    notes: list[str] = []
    secret = _cleaned(found, notes)
    try:
        token = read(secret)
    except MalformedTokenError as error:
        token = None
        if secret.reveal().startswith("pypi-") and repository.site:
            notes.append(f"{_subject(found)} can't be read, and is sent as it is. {error}")
    user = found.user
    if user != TOKEN_USER and looks_like_token(secret.reveal()):
        notes.append(f"{_subject(found)} goes with the user name {TOKEN_USER}, which is used instead of {user!r}.")
        user = TOKEN_USER
    credential = replace(found, user=user, secret=secret)
    _refuse_plain_http(credential, token, repository)
    if token is not None:
        _refuse_other_index(credential, token, repository, notes)
        if project is not None:
            _refuse_other_project(credential, token, project)
        # One that was minted just now begins now by the index's clock, of which ours may be behind.
        if not found.minted:
            _refuse_other_time(credential, token, now)
    return CheckedCredential(credential, found, token, tuple(notes))


def usable_user_name(given: WithOrigin[str]) -> WithOrigin[str]:
    """A user name, if it is one that can be sent and shown.

    Raises `CredentialError` for an API token, which would be shown and cached, and for what Basic authorization can't carry.
    """
    if token_in(given.value) is not None:
        msg = (
            f"{given.origin} holds an API token where a user name is wanted. Give the token as the secret instead "
            f"(HATCH_INDEX_AUTH, `--auth` or the keyring), and no user name: it is {TOKEN_USER}."
        )
        raise CredentialError(msg)
    if ":" in given.value or not given.value.isprintable():
        msg = f"The user name from {given.origin} holds a colon or characters that can't be sent (RFC 7617)."
        raise CredentialError(msg)
    return given


def _subject(credential: Credential) -> str:
    return f"The API token from {credential.origin}"


def _cleaned(found: Credential, notes: list[str]) -> Secret:
    text = found.secret.reveal()
    token = token_in(text)
    if token is not None:
        cleaned = token.reveal()
        if cleaned != text:
            notes.append(
                f"{_subject(found)} had white space, quotes or a variable's name around it, which are left out."
            )
    else:
        cleaned = text.rstrip("\r\n")
        if cleaned != text:
            notes.append(f"The secret from {found.origin} ended with a line break, which is left out.")
    if not cleaned.strip():
        msg = f"The secret from {found.origin} is empty. {_how_to_paste(found)}"
        raise CredentialError(msg)
    if any(character < " " or character == "\x7f" for character in cleaned):
        msg = (
            f"The secret from {found.origin} holds control characters, as when Ctrl+V doesn't paste. "
            f"{_how_to_paste(found)}"
        )
        raise CredentialError(msg)
    if any("\ud800" <= character <= "\udfff" for character in cleaned):
        msg = f"The secret from {found.origin} is not UTF-8 text. {_how_to_paste(found)}"
        raise CredentialError(msg)
    return Secret(cleaned)


def may_be_for(secret: Secret, project: str) -> bool:
    """Whether a secret doesn't say that it is for other projects than this one (normalized, PEP 503)."""
    try:
        projects = read(token_in(secret.reveal()) or secret).projects
    except MalformedTokenError:
        return True
    return projects is None or project in projects


def _how_to_paste(found: Credential) -> str:
    if found.typed:
        return "Paste with the right mouse button or from the terminal's menu (in a Windows console), or with Ctrl+Shift+V."
    return "Set it again, to the token alone."


def _refuse_plain_http(credential: Credential, token: Token | None, repository: Repository) -> None:
    if not urls.is_disclosing(repository.url):
        return
    if token is not None and site_of(token):
        msg = (
            f"{_subject(credential)} belongs to {token.location} and is never sent over plain http: anybody on the way "
            f"to {repository.url} could read it. Use an https:// URL."
        )
        raise CredentialError(msg)
    if not repository.insecure_http:
        msg = (
            f"The secret from {credential.origin} is not sent to {repository.url}: over plain http anybody on the way "
            f"could read it. Use an https:// URL; on a network that you trust, `-o insecure-http` allows it for one run."
        )
        raise CredentialError(msg)


def site_of(token: Token) -> str | None:
    """`pypi.org` or `test.pypi.org` if one of them made the token."""
    return urls.site(f"https://{token.location}/") if re.fullmatch(r"[\w.-]+", token.location) else None


def _refuse_other_index(credential: Credential, token: Token, repository: Repository, notes: list[str]) -> None:
    made_by, used_at = site_of(token), repository.site
    if not token.location or (made_by == used_at and made_by is not None):
        return
    host = urls.origin(repository.url)[1]
    if made_by or used_at:
        where = f"Make one at {repository.token_page}." if used_at else f"Give a secret that is meant for {host}."
        msg = (
            f"{_subject(credential)} was made by {token.location}, but this publishes to {host}. It is not sent, since it "
            f"would only be disclosed to {host}. {where}"
        )
        raise UnfitTokenError(msg)
    if token.location.lower() not in {host, host.removeprefix("upload.")}:
        notes.append(f"{_subject(credential)} was made by {token.location}, and is sent to {host}.")


def _refuse_other_project(credential: Credential, token: Token, project: str) -> None:
    if token.projects is not None and project not in token.projects:
        names = ", ".join(sorted(token.projects)) or "no project at all"
        msg = (
            f"{_subject(credential)} is only for {names}, and can't upload {project}. "
            f"Give {project} a token of its own, or one for the whole account."
        )
        raise UnfitTokenError(msg)


def _refuse_other_time(credential: Credential, token: Token, now: float) -> None:
    if token.expires_at is not None and token.expires_at <= now:
        msg = f"{_subject(credential)} expired on {as_date(token.expires_at)}. Make a new one."
        raise UnfitTokenError(msg)
    if token.not_before is not None and token.not_before > now:
        msg = (
            f"{_subject(credential)} is valid only from {as_date(token.not_before)} on: wait, or correct this machine's "
            f"clock."
        )
        raise UnfitTokenError(msg)
