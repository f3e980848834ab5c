"""Keeping what was typed, once the index accepted it: the secret in the keyring, everything else in Hatch's cache."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.credentials.cache import Cache, Contents, Slot
from hatch_tokenindex.credentials.credential import PROJECT_SLOT_PREFIX, TOKEN_USER, Credential, project_slot
from hatch_tokenindex.errors import MalformedTokenError, SourceUnavailableError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.text import as_date, command_line
from hatch_tokenindex.tokens import Kind, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.sources.keyring import Keyring


@dataclass(frozen=True)
class KeyringEntry:
    """One keyring slot that a secret belongs to; `project` is `None` where it is for every project of the index."""

    slot: str
    project: str | None


@dataclass(frozen=True)
class StoreResult:
    """What to tell after storing: where it went, or why it didn't."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Stored:
    """What the keyring took: the slots that it has now, the one that is gone, and what to tell."""

    places: tuple[KeyringEntry, ...] = ()
    gone: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def places(checked: CheckedCredential, project: str | None) -> tuple[KeyringEntry, ...]:
    """Where a secret belongs, as far as it tells itself; `project` is the one that it has just published, if any."""
    token = checked.token
    if token is not None and token.projects:
        return tuple(entry_of(name) for name in sorted(token.projects))
    if token is not None and project and token.kind in {Kind.PROJECT_ID, Kind.TRUSTED_PUBLISHING}:
        return (entry_of(project),)
    return (KeyringEntry(checked.credential.user, None),)


def entry_of(project: str) -> KeyringEntry:
    """The slot of one project."""
    return KeyringEntry(project_slot(project), project)


@dataclass(frozen=True)
class CredentialStore:
    """Stores and deletes what is remembered for one repository."""

    repository: Repository
    cache: Cache
    keyring: Keyring

    def keep(self, checked: CheckedCredential, where: Sequence[KeyringEntry], now: float, replaced: Credential | None = None) -> StoreResult:
        """Store a credential, in place of one that was refused. Never raises: an upload may just have happened.

        Where the keyring failed before in this run, which was told then, the cache still gets the user name.
        """
        stored = self._store(checked, where, replaced) if self.repository.keyring else _Stored()
        warnings = stored.warnings
        try:
            self.cache.update(lambda contents: self._recorded(contents, checked, stored, now))
        except SourceUnavailableError as error:
            what = "list what was stored" if stored.places else "remember the user name"
            warnings += (f"Hatch's cache does not {what}: {error}.",)
        return StoreResult(stored.notes, warnings)

    def _store(self, checked: CheckedCredential, where: Sequence[KeyringEntry], replaced: Credential | None) -> _Stored:
        failed_before = self.keyring.fault is not None
        stored: list[KeyringEntry] = []
        notes, warnings = [], []
        keyring_name, gone = "", None
        try:
            keyring_name = self.keyring.name
            for place in where:
                self.keyring.set(self.repository.url, place.slot, checked.credential.secret)
                stored.append(place)
        except SourceUnavailableError as error:
            told = "The secret was not stored, and will be asked for again"
            if failed_before:
                notes.append(f"{told}.")
            else:
                warnings.append(f"{told}: {error}.")
        else:
            try:
                gone = self._delete_refused(replaced, stored)
            except SourceUnavailableError as error:
                warnings.append(f"The refused secret is still in the keyring: {error}.")
        if stored:
            notes.append(self._told(stored, keyring_name))
        return _Stored(tuple(stored), gone, tuple(notes), tuple(warnings))

    def age(self, credential: Credential) -> str:
        """When a remembered credential was stored, as half a sentence; empty where that isn't known."""
        slot = credential.slot and self.cache.read().slot(self.repository.url, credential.slot)
        return f", stored on {as_date(slot.stored)}" if slot else ""

    def arguments(self, place: KeyringEntry) -> tuple[str, ...]:
        """What `login` and `logout` have to be told to mean this repository and place, whatever is configured."""
        return ("-r", self.repository.name, *(("--project", place.project) if place.project else ("-u", place.slot)))

    def _told(self, where: Sequence[KeyringEntry], keyring_name: str) -> str:
        """Where a secret went, and how to undo it."""
        service = self.repository.url
        described = " and ".join(describe(service, place.slot) for place in where)
        undo = "; ".join(command("logout", *self.arguments(place)) for place in where)
        return f"Stored the secret for {described} in the keyring ({keyring_name}). To undo: {undo}"

    def _delete_refused(self, refused: Credential | None, where: Sequence[KeyringEntry]) -> str | None:
        """Delete what a new secret took the place of, if that lies elsewhere, and answer the slot that is gone."""
        if refused is None or refused.slot is None or refused.slot in {place.slot for place in where}:
            return None
        self.keyring.delete(self.repository.url, refused.slot)
        return refused.slot

    def _recorded(self, contents: Contents, checked: CheckedCredential, stored: _Stored, now: float) -> Contents:
        service, credential = self.repository.url, checked.credential
        if stored.gone is not None:
            contents = contents.without_slot(service, stored.gone)
        if not credential.user_given:
            contents = contents.with_user(service, credential.user)
        for place in stored.places:
            contents = contents.with_slot(recorded(service, place, credential.secret, stored=int(now)))
        return contents


def recorded(service: str, place: KeyringEntry, secret: Secret, *, stored: int) -> Slot:
    """What the cache keeps of a secret; `stored` is in unix seconds, 0 if that isn't known."""
    try:
        token = read(secret)
    except MalformedTokenError:
        return Slot(service, place.slot, place.project, "password", None, stored)
    return Slot(service, place.slot, place.project, str(token.kind), token.expires_at, stored)


def describe(service: str, slot: str) -> str:
    """What a slot is for, as a person would say it."""
    index = urls.index_name(service, service)
    if slot.startswith(PROJECT_SLOT_PREFIX):
        return f"{slot.removeprefix(PROJECT_SLOT_PREFIX)} on {index}"
    return index if slot == TOKEN_USER else f"{slot} on {index}"


def command(*arguments: str) -> str:
    """A `hatch-tokenindex` command line that works as printed: `pipx inject` doesn't expose the script."""
    script = shutil.which("hatch-tokenindex")
    words = (*(("hatch-tokenindex",) if script else (sys.executable, "-m", "hatch_tokenindex")), *arguments)
    return command_line(*words)
