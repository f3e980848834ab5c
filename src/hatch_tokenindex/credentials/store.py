"""Saving what was typed, once the index accepted it: the secret in the keyring, everything else in Hatch's cache."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.credentials.cache import Cache, Contents, EntryRecord
from hatch_tokenindex.credentials.credential import PROJECT_ENTRY_PREFIX, TOKEN_USER, Credential, project_entry_user
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
class KeyringEntry:
    """One keyring entry of a repository: its user name, and its project (None: every project of the index)."""

    user: str
    project: str | None


@dataclass(frozen=True)
class StoreResult:
    """The messages after saving: where the secret went, or why it was not saved."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _KeyringChange:
    """The entries that the keyring has now, the user name of the one that is gone, and the messages."""

    entries: tuple[KeyringEntry, ...] = ()
    deleted: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def entries_for(checked: CheckedCredential, project: str | None) -> tuple[KeyringEntry, ...]:
    """Return the entries that a secret belongs to, as far as the token says.

    Args:
        checked: The credential.
        project: The project that it has just published, if any; normalized (PEP 503).
    """
    token = checked.token
    if token is not None and token.projects:
        return tuple(project_entry(name) for name in sorted(token.projects))
    if token is not None and project and token.kind in {Kind.PROJECT_ID, Kind.TRUSTED_PUBLISHING}:
        return (project_entry(project),)
    return (KeyringEntry(checked.credential.user, None),)


def project_entry(project: str) -> KeyringEntry:
    """Return the entry of one project."""
    return KeyringEntry(project_entry_user(project), project)


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
        self,
        checked: CheckedCredential,
        entries: Sequence[KeyringEntry],
        now: float,
        replaced: Credential | None = None,
    ) -> StoreResult:
        """Save a credential at `now` (Unix time), in place of one that was refused.

        Never raises: an upload may just have succeeded. If the keyring failed before in this run, which was shown then,
        the cache still gets the user name.
        """
        change = self._save(checked, entries, replaced) if self.repository.keyring else _KeyringChange()
        warnings = change.warnings
        try:
            self.cache.update(lambda contents: self._recorded(contents, checked, change, now))
        except SourceUnavailableError as error:
            what = f"list the saved {checked.credential.noun}" if change.entries else "remember the user name"
            warnings += (f"Hatch's cache could not {what}: {error}.",)
        return StoreResult(change.notes, warnings)

    def arguments(self, entry: KeyringEntry) -> tuple[str, ...]:
        """Return the arguments with which `login` and `logout` mean this entry, whatever is configured."""
        return ("-r", self.repository.name, *(("--project", entry.project) if entry.project else ("-u", entry.user)))

    def _save(
        self, checked: CheckedCredential, entries: Sequence[KeyringEntry], replaced: Credential | None
    ) -> _KeyringChange:
        failed_before = self.keyring.fault is not None
        saved: list[KeyringEntry] = []
        unreadable: list[KeyringEntry] = []
        notes, warnings = [], []
        backend, deleted = "", None
        try:
            backend = self.keyring.name
            for entry in entries:
                if reason := self.keyring.set(self.repository.url, entry.user, checked.credential.secret):
                    unreadable.append(entry)
                    warnings.append(self._unreadable_warning(checked, entry, reason))
                else:
                    saved.append(entry)
        except SourceUnavailableError as error:
            unsaved = f"The {checked.credential.noun} was not saved; the next run will prompt for it again"
            if failed_before:
                notes.append(f"{unsaved}.")
            elif not unreadable:
                warnings.append(f"{unsaved}: {error}.")
        else:
            try:
                deleted = self._delete(replaced, [*saved, *unreadable])
            except SourceUnavailableError as error:
                warnings.append(f"The rejected secret is still in the keyring: {error}.")
        if saved:
            notes.append(self._saved_note(checked, saved, backend))
        return _KeyringChange((*saved, *unreadable), deleted, tuple(notes), tuple(warnings))

    def _saved_note(self, checked: CheckedCredential, entries: Sequence[KeyringEntry], backend: str) -> str:
        targets = " and ".join(describe(self.repository.url, entry.user) for entry in entries)
        return f"Saved the {checked.credential.noun} for {targets} in the keyring ({backend}). {self._undo(entries)}"

    def _unreadable_warning(self, checked: CheckedCredential, entry: KeyringEntry, reason: str) -> str:
        return (
            f"Saved the {checked.credential.noun} for {describe(self.repository.url, entry.user)} in the keyring, but it can't be "
            f"read back: {reason}. The next run may prompt for it again. {self._undo((entry,))}"
        )

    def _undo(self, entries: Sequence[KeyringEntry]) -> str:
        return "To remove it: " + " and ".join(f"`{command('logout', *self.arguments(entry))}`" for entry in entries)

    def _delete(self, refused: Credential | None, saved: Sequence[KeyringEntry]) -> str | None:
        """Delete the entry of a refused secret, if the new one is in another entry, and return its user name."""
        if refused is None or refused.keyring_user is None or refused.keyring_user in {entry.user for entry in saved}:
            return None
        self.keyring.delete(self.repository.url, refused.keyring_user)
        return refused.keyring_user

    def _recorded(self, contents: Contents, checked: CheckedCredential, change: _KeyringChange, now: float) -> Contents:
        service, credential = self.repository.url, checked.credential
        if change.deleted is not None:
            contents = contents.without_entry(service, change.deleted)
        if not credential.user_given:
            contents = contents.with_user(service, credential.user)
        for entry in change.entries:
            contents = contents.with_entry(record(service, entry, credential.secret, stored=int(now)))
        return contents


def record(service: str, entry: KeyringEntry, secret: Secret, *, stored: int) -> EntryRecord:
    """Return what the cache keeps of a secret; `stored` is in Unix time, 0 if unknown."""
    try:
        token = read(secret)
    except MalformedTokenError:
        return EntryRecord(service, entry.user, entry.project, "password", None, stored)
    return EntryRecord(service, entry.user, entry.project, str(token.kind), token.expires_at, stored)


def describe(service: str, user: str) -> str:
    """Return the target of a keyring entry, as a user would name it: `PyPI`, `my-project on PyPI`."""
    index = urls.index_name(service, service)
    if user.startswith(PROJECT_ENTRY_PREFIX):
        return f"{user.removeprefix(PROJECT_ENTRY_PREFIX)} on {index}"
    return index if user == TOKEN_USER else f"{user} on {index}"


def command(*arguments: str) -> str:
    """Return a `hatch-tokenindex` command line that works as printed: `pipx inject` doesn't expose the script."""
    script = shutil.which("hatch-tokenindex")
    words = (*(("hatch-tokenindex",) if script else (sys.executable, "-m", "hatch_tokenindex")), *arguments)
    return command_line(*words)
