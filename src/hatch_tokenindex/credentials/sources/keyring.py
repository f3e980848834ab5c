"""The system's keyring as a source, guarded: whatever a backend does, the run gets an answer in time or continues."""

from __future__ import annotations

from dataclasses import replace
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential, Prompter, project_entry_user
from hatch_tokenindex.credentials.finding import Source, Status, fixed, reading
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keyring.backend import KeyringBackend

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.cache import Cache
    from hatch_tokenindex.credentials.checks import CheckedCredential

T = TypeVar("T")

PATIENCE = 5
"""Seconds that a keyring has where nobody can answer a dialog, and after which a user sees what the run waits for."""
PATIENCE_AT_TERMINAL = 20
"""Seconds that it has in all at a terminal, where somebody may be answering a dialog."""


class Keyring:
    """Reads and writes entries, each with a service (the upload URL) and a user name.

    Every method raises `SourceUnavailableError` if the keyring is absent, locked, broken or silent. After the first such
    fault it isn't used again in this run. Used by the main thread alone.
    """

    def __init__(self, prompter: Prompter | None) -> None:
        """`prompter` shows what the run waits for; None where nobody can answer a dialog."""
        self._prompter = prompter
        self.fault: str | None = None
        """The reason why it isn't used any more in this run."""

    def get(self, service: str, user: str) -> Secret | None:
        """Return the secret of one entry, None if there is none."""

        def read(backend: KeyringBackend) -> str | None:
            password = backend.get_password(service, user)
            # Google's and AWS's backends return their token for every user name, and only this says whose it is.
            credential = backend.get_credential(service, user) if password else None
            return password if credential is None or credential.username == user else None

        password = _text(self._guarded(read), "secret")
        return Secret(password) if password else None

    def remembered(self, service: str, entry_user: str, user: str) -> Credential | None:
        """Return the secret of one entry as a credential of `user`."""
        secret = self.get(service, entry_user)
        if secret is None:
            return None
        return Credential(user, secret, f"keyring entry {entry_user!r} for {service}", entry_user)

    def offered(self, service: str) -> Credential | None:
        """Return what the backend offers for a service without a user name, as Google's, Azure's and AWS's do."""

        def read(backend: KeyringBackend) -> tuple[str | None, str | None]:
            offer = backend.get_credential(service, None)
            return (None, None) if offer is None else (offer.username, offer.password)

        username, password = self._guarded(read)
        user, secret = _text(username, "user name") or TOKEN_USER, _text(password, "secret")
        if not secret or user.startswith("pypi_token:"):
            return None
        if not user.isprintable() or ":" in user:
            msg = "the keyring offers a user name that can't be sent"
            raise SourceUnavailableError(msg)
        return Credential(user, Secret(secret), f"keyring entry {user!r} for {service}", user)

    def set(self, service: str, user: str, secret: Secret) -> None:
        """Save a secret, and make sure that it can be read back."""

        def store(backend: KeyringBackend) -> str | None:
            backend.set_password(service, user, secret.reveal())
            return backend.get_password(service, user)

        if self._guarded(store) != secret.reveal():
            msg = f"the keyring ({self.name}) did not keep it"
            raise SourceUnavailableError(msg)

    def delete(self, service: str, user: str) -> bool:
        """Delete an entry; return True if there was one."""

        def remove(backend: KeyringBackend) -> bool:
            if backend.get_password(service, user) is None:
                return False
            backend.delete_password(service, user)
            return True

        return self._guarded(remove)

    @property
    def name(self) -> str:
        """The name of the backend."""
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
        # A backend can block for ever in a dialog that nobody sees: a daemon thread can be left behind, a call can't.
        answers: list[T] = []
        faults: list[BaseException] = []
        done = Event()

        def work() -> None:
            try:
                import keyring

                answers.append(question(keyring.get_keyring()))
            except BaseException as error:  # noqa: BLE001 - backends raise whatever their libraries raise
                faults.append(error)
            finally:
                done.set()

        Thread(target=work, name="keyring", daemon=True).start()
        if not self._wait(done):
            limit = PATIENCE if self._prompter is None else PATIENCE_AT_TERMINAL
            msg = f"the keyring timed out after {limit} s"
            raise SourceUnavailableError(msg)
        if faults:
            raise SourceUnavailableError(_reason(faults[0])) from None
        return answers[0]

    def _wait(self, done: Event) -> bool:
        start = monotonic()
        if _wait_until(done, start + PATIENCE) or self._prompter is None:
            return done.is_set()
        try:
            self._prompter.note(
                "Waiting for the keyring. Is it asking for its password? Press Ctrl-C to continue without it."
            )
            return _wait_until(done, start + PATIENCE_AT_TERMINAL)
        except KeyboardInterrupt:
            msg = "stopped waiting for the keyring"
            raise SourceUnavailableError(msg) from None


def secret_sources(
    keyring: Keyring,
    cache: Cache,
    repository: Repository,
    project: str,
    user: str,
    *,
    user_given: bool,
    check: Callable[[Credential], CheckedCredential],
) -> Iterator[Source[CheckedCredential]]:
    """Return the sources of a secret, in order: the project's entry, the user's, and the one that the backend offers.

    `user_given` is True if a flag, a variable or a file gave the user name.
    """
    if not repository.keyring:
        yield fixed("keyring", Status.IGNORED, "disabled by `keyring`")
        return
    service, project_user = repository.url, project_entry_user(project)

    def dated(found: Credential | None) -> Credential | None:
        record = cache.read().entry(service, found.keyring_user) if found and found.keyring_user else None
        return replace(found, stored_at=record.stored) if found and record else found

    def entry(entry_user: str, as_user: str) -> Source[CheckedCredential]:
        place = f"keyring: {entry_user}"
        return reading(place, lambda: dated(keyring.remembered(service, entry_user, as_user)), check)

    if user == TOKEN_USER or not user_given:
        yield entry(project_user, TOKEN_USER)
    yield entry(user, user)
    if not user_given:
        yield reading("keyring: any user", lambda: dated(keyring.offered(service)), check)


def _text(value: object, what: str) -> str | None:
    """Return what a backend answered, if it is text: backends return what their libraries return."""
    if value is None or isinstance(value, str):
        return value
    msg = f"the keyring returned a {what} that is {type(value).__name__} and not text"
    raise SourceUnavailableError(msg)


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
        return "no keyring available"
    if isinstance(fault, KeyringLocked):
        return "the keyring is locked"
    if isinstance(fault, InitError):
        return "the keyring could not be started"
    # The text of an unknown exception could quote what was to be stored.
    return f"the keyring failed ({type(fault).__name__})"
