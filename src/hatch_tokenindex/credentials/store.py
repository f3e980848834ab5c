"""Saving what was typed, once the index accepted it: the secret in the keyring, everything else in Hatch's cache."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.credentials.cache import Cache, Contents, EntryRecord
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential, project_entry_user, project_of_entry
from hatch_tokenindex.errors import MalformedTokenError, SourceUnavailableError
from hatch_tokenindex.text import command_line
from hatch_tokenindex.tokens import Kind, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.sources.keyring import Keyring
    from hatch_tokenindex.secrets import Secret


@dataclass(frozen=True)
class StoreResult:
    """The messages after saving: where the secret went, or why it was not saved; and the entries of the keyring."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    """The user names of the entries that have the secret now."""
    deleted: str | None = None
    """The user name of the entry that is gone."""


def entries_for(checked: CheckedCredential, project: str | None) -> tuple[str, ...]:
    """Return the user names of the keyring entries that a secret belongs to, as far as the token says.

    Args:
        checked: The credential.
        project: The project that it has just published, if any; normalized (PEP 503).
    """
    token = checked.token
    if token is not None and token.projects:
        return tuple(project_entry_user(name) for name in sorted(token.projects))
    if token is not None and project and token.kind in {Kind.PROJECT_ID, Kind.TRUSTED_PUBLISHING}:
        return (project_entry_user(project),)
    return (checked.credential.user,)


@dataclass(frozen=True)
class CredentialStore:
    """Saves and deletes the credentials of one repository."""

    repository: Repository
    cache: Cache
    keyring: Keyring

    @property
    def is_available(self) -> bool:
        """True if there is a keyring that secrets can be saved to."""
        try:
            return self.repository.keyring and bool(self.keyring.name)
        except SourceUnavailableError:
            return False

    def save(
        self, checked: CheckedCredential, entries: Sequence[str], now: float, replaced: Credential | None = None
    ) -> StoreResult:
        """Save a credential in keyring entries of these user names at `now` (Unix time), in place of one that was refused.

        Never raises: an upload may just have succeeded. If the keyring failed before in this run, which was shown then,
        the cache still gets the user name.
        """
        result = self._save(checked, entries, replaced) if self.repository.keyring else StoreResult()
        try:
            self.cache.update(lambda contents: self._recorded(contents, checked.credential, result, int(now)))
        except SourceUnavailableError as error:
            what = f"list the saved {checked.credential.noun}" if result.entries else "remember the user name"
            return replace(result, warnings=(*result.warnings, f"Hatch's cache could not {what}: {error}."))
        return result

    def arguments(self, entry: str) -> tuple[str, ...]:
        """Return the arguments with which `login` and `logout` mean an entry, whatever is configured."""
        project = project_of_entry(entry)
        return ("-r", self.repository.name, *(("--project", project) if project else ("-u", entry)))

    def _save(self, checked: CheckedCredential, entries: Sequence[str], refused: Credential | None) -> StoreResult:
        service, noun, secret = self.repository.url, checked.credential.noun, checked.credential.secret
        failed_before = self.keyring.fault is not None
        saved: list[str] = []
        unreadable: list[str] = []
        notes, warnings = [], []
        backend, deleted = "", None
        try:
            backend = self.keyring.name
            for entry in entries:
                if reason := self.keyring.set(service, entry, secret):
                    unreadable.append(entry)
                    warnings.append(
                        f"Saved the {noun} for {describe(service, entry)} in the keyring, but it can't be read back: "
                        f"{reason}. The next run may prompt for it again. {self._undo((entry,))}"
                    )
                else:
                    saved.append(entry)
        except SourceUnavailableError as error:
            unsaved = f"The {noun} was not saved; the next run will prompt for it again"
            if failed_before:
                notes.append(f"{unsaved}.")
            elif not unreadable:
                warnings.append(f"{unsaved}: {error}.")
        else:
            old = refused.keyring_user if refused else None
            # It is deleted only if the new one is in another entry.
            if old is not None and old not in entries:
                try:
                    self.keyring.delete(service, old)
                    deleted = old
                except SourceUnavailableError as error:
                    warnings.append(f"The rejected secret is still in the keyring: {error}.")
        if saved:
            targets = " and ".join(describe(service, entry) for entry in saved)
            notes.append(f"Saved the {noun} for {targets} in the keyring ({backend}). {self._undo(saved)}")
        return StoreResult(tuple(notes), tuple(warnings), (*saved, *unreadable), deleted)

    def _undo(self, entries: Sequence[str]) -> str:
        return "To remove it: " + " and ".join(f"`{command('logout', *self.arguments(entry))}`" for entry in entries)

    def _recorded(self, contents: Contents, credential: Credential, result: StoreResult, now: int) -> Contents:
        service = self.repository.url
        if result.deleted is not None:
            contents = contents.without_entry(service, result.deleted)
        if not credential.user_given:
            contents = contents.with_user(service, credential.user)
        for entry in result.entries:
            contents = contents.with_entry(record(service, entry, credential.secret, stored=now))
        return contents


def record(service: str, user: str, secret: Secret, *, stored: int) -> EntryRecord:
    """Return what the cache keeps of the secret in a keyring entry; `stored` is in Unix time, 0 if unknown."""
    try:
        token = read(secret)
    except MalformedTokenError:
        return EntryRecord(service, user, project_of_entry(user), "password", None, stored)
    return EntryRecord(service, user, project_of_entry(user), str(token.kind), token.expires_at, stored)


def describe(service: str, user: str) -> str:
    """Return the target of a keyring entry, as a user would name it: `PyPI`, `my-project on PyPI`."""
    index = urls.index_name(service, service)
    return index if user == TOKEN_USER else f"{project_of_entry(user) or user} on {index}"


def command(*arguments: str) -> str:
    """Return a `hatch-tokenindex` command line that works as printed: `pipx inject` doesn't expose the script."""
    script = shutil.which("hatch-tokenindex")
    words = (*(("hatch-tokenindex",) if script else (sys.executable, "-m", "hatch_tokenindex")), *arguments)
    return command_line(*words)
