"""The system's keyring, guarded: whatever a backend does, a run gets an answer in time or goes on without it."""

from __future__ import annotations

from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential, Prompter
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyring.backend import KeyringBackend

T = TypeVar("T")

PATIENCE = 5
"""Seconds that a keyring has where nobody can answer a dialog, and before a person is told what is awaited."""
PATIENCE_WITH_PROMPTER = 20
"""Seconds that it has in all where somebody could be answering a dialog."""


class Keyring:
    """Reads and writes slots: a service (the upload URL) and a user name.

    Every method raises `SourceUnavailableError` when the keyring is absent, locked, broken or silent. After the first
    such fault it isn't asked again in this run.
    """

    def __init__(self, prompter: Prompter | None) -> None:
        """`person` is told what is awaited; `None` where nobody can answer a dialog."""
        self._prompter = prompter
        self.fault: str | None = None
        """Why it is not asked any more in this run."""

    def get(self, service: str, slot: str) -> Secret | None:
        """The secret of one slot."""

        def look(backend: KeyringBackend) -> str | None:
            password = backend.get_password(service, slot)
            # Google's and AWS's backends give their token for whatever user is asked for, and tell only here whose it is.
            credential = backend.get_credential(service, slot) if password else None
            return password if credential is None or credential.username == slot else None

        password = self._guarded(look)
        return Secret(password) if password else None

    def remembered(self, service: str, slot: str, user: str) -> Credential | None:
        """The secret of one slot as a credential of `user`."""
        secret = self.get(service, slot)
        return None if secret is None else Credential(user, secret, f"keyring slot {slot!r} of {service}", slot)

    def offered(self, service: str) -> Credential | None:
        """What the backend offers for a service when no user name is known: Google's, Azure's and AWS's live by that."""
        offer = self._guarded(lambda backend: backend.get_credential(service, None))
        if offer is None or not offer.password or (offer.username or "").startswith("pypi_token:"):
            return None
        user = offer.username or TOKEN_USER
        return Credential(user, Secret(offer.password), f"keyring entry {user!r} of {service}", user)

    def set(self, service: str, slot: str, secret: Secret) -> None:
        """Store a secret, and make sure that it was kept."""

        def store(backend: KeyringBackend) -> str | None:
            backend.set_password(service, slot, secret.reveal())
            return backend.get_password(service, slot)

        if self._guarded(store) != secret.reveal():
            msg = f"the keyring ({self.name}) did not keep it"
            raise SourceUnavailableError(msg)

    def delete(self, service: str, slot: str) -> bool:
        """Delete a slot; whether there was one."""

        def remove(backend: KeyringBackend) -> bool:
            if backend.get_password(service, slot) is None:
                return False
            backend.delete_password(service, slot)
            return True

        return self._guarded(remove)

    @property
    def name(self) -> str:
        """The backend, as a person may know it."""
        return self._guarded(lambda backend: str(backend.name))

    def _guarded(self, question: Callable[[KeyringBackend], T]) -> T:
        if self.fault is not None:
            raise SourceUnavailableError(self.fault)
        try:
            return self._in_time(question)
        except SourceUnavailableError as error:
            self.fault = str(error)
            raise

    def _in_time(self, question: Callable[[KeyringBackend], T]) -> T:
        # A backend can block for ever in a dialog that nobody sees; a daemon thread can be left behind, a call can't.
        answers: list[T] = []
        faults: list[BaseException] = []
        done = Event()

        def ask() -> None:
            try:
                import keyring

                answers.append(question(keyring.get_keyring()))
            except BaseException as error:  # noqa: BLE001 - backends raise whatever their libraries raise
                faults.append(error)
            finally:
                done.set()

        Thread(target=ask, name="keyring", daemon=True).start()
        if not self._wait(done):
            msg = "the keyring gave no answer in time"
            raise SourceUnavailableError(msg)
        if faults:
            raise SourceUnavailableError(_reason(faults[0])) from None
        return answers[0]

    def _wait(self, done: Event) -> bool:
        start = monotonic()
        if _wait_until(done, start + PATIENCE) or self._prompter is None:
            return done.is_set()
        try:
            self._prompter.note("Waiting for the keyring: it may be asking for its password. Ctrl-C goes on without it.")
            return _wait_until(done, start + PATIENCE_WITH_PROMPTER)
        except KeyboardInterrupt:
            msg = "the keyring was not waited for"
            raise SourceUnavailableError(msg) from None


def _wait_until(done: Event, deadline: float) -> bool:
    # In slices, since a wait can't be interrupted by Ctrl-C on Windows.
    while (left := deadline - monotonic()) > 0:
        if done.wait(min(left, 0.1)):
            return True
    return done.is_set()


def _reason(fault: BaseException) -> str:
    try:
        from keyring.errors import InitError, KeyringLocked, NoKeyringError
    except ImportError:
        return "the keyring library can't be imported"

    if isinstance(fault, NoKeyringError):
        return "there is no keyring on this system"
    if isinstance(fault, KeyringLocked):
        return "the keyring is locked"
    if isinstance(fault, InitError):
        return "the keyring could not be started"
    # The text of an unknown exception could quote what was to be stored.
    return f"the keyring failed ({type(fault).__name__})"
