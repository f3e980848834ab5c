"""The system's keyring as a source, guarded: whatever a backend does, the run gets an answer in time or continues."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential, Prompter, project_entry_user
from hatch_tokenindex.credentials.finding import NoValue, Source, Status
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.secrets import MASK, REDACTOR, Secret
from hatch_tokenindex.text import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keyring.backend import KeyringBackend

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.cache import Cache

T = TypeVar("T")

NOTICE = 5
"""Seconds after which a user sees what the run waits for."""
LONGEST_REASON = 300
"""Characters that are shown of a backend's error."""
LOCAL = (5, 20)
"""Seconds that a call of keyring's own backends may take: where nobody can answer a dialog, and at a terminal."""
REMOTE = (15, 120)
"""The same for all others: a cloud needs seconds for a token, and its user minutes to sign in."""

_OWN_BACKENDS = "keyring.backends."
# The backends of Azure, Google and AWS get a token from a service, whatever the user name, and store nothing.
_CLOUDS = ("artifacts_keyring", "keyrings.gauth", "keyrings.codeartifact")
_OPAQUE = re.compile(r"[\w+=-]{40,}")
# Windows' error for a secret that is too long for its Credential Manager.
_BAD_DATA = 1783


class Keyring:
    """Reads and writes entries, each with a service (the upload URL) and a user name.

    Every method raises `SourceUnavailableError` if the keyring is absent, locked, broken or silent. A backend that failed
    isn't used again in this run, and no question is asked twice. Used by the main thread alone.
    """

    def __init__(self, prompter: Prompter | None) -> None:
        """`prompter` shows what the run waits for; None where nobody can answer a dialog."""
        self._loading = _Guard("the keyring", prompter, REMOTE, may_read=False, quotes_no_secret=False)
        self._loaded: list[_Backend] = []
        self._secrets: dict[tuple[str, str], Secret | None] = {}

    @property
    def fault(self) -> str | None:
        """The reason why nothing can be saved any more in this run."""
        faults = (backend.guard.fault for backend in self._loaded if not backend.is_cloud)
        return self._loading.fault or next(filter(None, faults), None)

    @property
    def name(self) -> str:
        """The name of the backend that entries are saved in."""
        return self._stores_first[0].name

    def get(self, service: str, user: str) -> Secret | None:
        """Return the secret of one entry, None if there is none."""
        if (service, user) not in self._secrets:
            found = (backend.secret(service, user) for backend in self._stores_first)
            self._secrets[service, user] = next(filter(None, found), None)
        return self._secrets[service, user]

    def remembered(self, service: str, entry_user: str, user: str) -> Credential | None:
        """Return the secret of one entry as a credential of `user`."""
        secret = self.get(service, entry_user)
        if secret is None:
            return None
        return Credential(user, secret, f"keyring entry {entry_user!r} for {service}", entry_user)

    def offered(self, service: str) -> Credential | None:
        """Return what a backend offers for a service without a user name, as Google's, Azure's and AWS's do."""
        offers = filter(None, (backend.offer(service) for backend in self._backends))
        user, secret = next(offers, ("", Secret("")))
        if not secret or user.startswith("pypi_token:"):
            return None
        if not user.isprintable() or ":" in user:
            msg = "the keyring offers a user name that can't be sent"
            raise SourceUnavailableError(msg)
        return Credential(user, secret, f"keyring entry {user!r} for {service}", user)

    def set(self, service: str, user: str, secret: Secret) -> str:
        """Save a secret, and return the reason why it can't be read back, if it can't: it may be stored all the same."""
        self._secrets.pop((service, user), None)
        store = next((backend for backend in self._stores_first if backend.stored(service, user, secret)), None)
        if store is None:
            msg = f"the keyring ({self.name}) can't store it"
            raise SourceUnavailableError(msg)
        try:
            kept = store.guard.call(lambda: store.backend.get_password(service, user))
        except SourceUnavailableError as error:
            return str(error)
        if not kept:
            msg = f"the keyring ({store.name}) did not store the secret"
            raise SourceUnavailableError(msg)
        return "" if kept == secret.reveal() else f"the keyring ({store.name}) returns another secret"

    def delete(self, service: str, user: str) -> bool:
        """Delete an entry, even if it can't be read; return True if there was one."""
        self._secrets.pop((service, user), None)
        deleted = [backend.deleted(service, user) for backend in self._backends if not backend.is_cloud]
        return any(deleted)

    @property
    def _backends(self) -> list[_Backend]:
        """The backends that keyring chains, in its order, or the only one."""
        if not self._loaded:
            self._loaded = [_Backend(backend, self._loading.prompter) for backend in self._loading.call(_load)]
        return self._loaded

    @property
    def _stores_first(self) -> list[_Backend]:
        """The backends, with those that store no entries at the end."""
        return sorted(self._backends, key=lambda backend: backend.is_cloud)


class _Backend:
    """One backend of keyring."""

    def __init__(self, backend: KeyringBackend, prompter: Prompter | None) -> None:
        module = type(backend).__module__
        is_own = module.startswith(_OWN_BACKENDS)
        self.backend = backend
        self.is_cloud = module in _CLOUDS
        self.guard = _Guard(
            "the keyring" if is_own else f"the keyring backend {module}",
            prompter,
            LOCAL if is_own else REMOTE,
            # Keyring's own backends prompt in a window; any other may prompt on the terminal.
            may_read=not is_own,
            quotes_no_secret=is_own or self.is_cloud,
        )
        self._offers: dict[str, tuple[str, Secret] | None] = {}
        self._ignores_users: set[str] = set()

    @property
    def name(self) -> str:
        """The name of the backend."""
        return self.guard.call(lambda: str(self.backend.name))

    def secret(self, service: str, user: str) -> Secret | None:
        """Return the secret of one entry, None if there is none."""
        if self.is_cloud or service in self._ignores_users:
            owner, offered = self.offer(service) or ("", None)
            return offered if owner == user else None
        password = _text(self.guard.call(lambda: self.backend.get_password(service, user)), "secret")
        if not password:
            return None
        # A backend may return its token for every user name, and only this says whose it is.
        pair = self._pair(service, user)
        if pair[0] == user or pair == (None, None):
            return Secret(password)
        self._offers[service] = _offer(*pair)
        self._ignores_users.add(service)
        return None

    def offer(self, service: str) -> tuple[str, Secret] | None:
        """Return the user name and secret that it offers for a service, None if it offers none."""
        if service not in self._offers:
            self._offers[service] = _offer(*self._pair(service, None))
        return self._offers[service]

    def _pair(self, service: str, user: str | None) -> tuple[object, object]:
        """Return user name and secret of the backend's credential, both None if it has none."""

        def pair() -> tuple[object, object]:
            # In the thread of the call: the properties of a backend's credential may do anything.
            credential = self.backend.get_credential(service, user)
            return (None, None) if credential is None else (credential.username, credential.password)

        return self.guard.call(pair)

    def stored(self, service: str, user: str, secret: Secret) -> bool:
        """Save a secret; return False if it stores nothing."""

        def store() -> bool:
            try:
                self.backend.set_password(service, user, secret.reveal())
            except NotImplementedError:
                return False
            return True

        return self.guard.call(store)

    def deleted(self, service: str, user: str) -> bool:
        """Delete an entry; return False if there was none."""

        def delete() -> bool:
            try:
                self.backend.delete_password(service, user)
            except Exception:
                # Backends differ in what they raise for an entry that isn't there.
                if self.backend.get_password(service, user) is None:
                    return False
                raise
            return True

        return self.guard.call(delete)


@dataclass
class _Guard:
    """Gets each answer in time: after the first call that failed or took too long, none is made."""

    what: str
    """The backend, as messages name it."""
    prompter: Prompter | None
    patience: tuple[float, float]
    may_read: bool
    """The backend may be reading from the terminal as long as it doesn't answer."""
    quotes_no_secret: bool
    """The texts of its errors may be shown."""
    fault: str | None = None

    def call(self, question: Callable[[], T]) -> T:
        """Return the answer to a question.

        Raises `SourceUnavailableError` if it failed, the time is up, or the user didn't want to wait.
        """
        if self.fault is not None:
            raise SourceUnavailableError(self.fault)
        # A backend can block for ever in a dialog that nobody sees: a daemon thread can be left behind, a call can't.
        answers: list[T] = []
        faults: list[BaseException] = []
        done = Event()

        def work() -> None:
            try:
                answers.append(question())
            except BaseException as error:  # noqa: BLE001 - backends raise whatever their libraries raise
                faults.append(error)
            finally:
                done.set()

        Thread(target=work, name="keyring", daemon=True).start()
        self.fault = self._wait(done) or next((self._reason(fault) for fault in faults), None)
        if self.fault is not None:
            if self.prompter is not None and self.may_read and not done.is_set():
                self.prompter.hold_prompts(done)
            raise SourceUnavailableError(self.fault)
        return answers[0]

    def _wait(self, done: Event) -> str:
        """Wait for the answer, and return the reason why it didn't come; empty if it did."""
        start = monotonic()
        unattended, at_terminal = self.patience
        limit = unattended if self.prompter is None else at_terminal
        if self.prompter is not None and not _wait_until(done, start + NOTICE):
            try:
                self.prompter.note(
                    "Waiting for the keyring. Is it asking for its password? Press Ctrl-C to continue without it."
                )
                _wait_until(done, start + limit)
            except KeyboardInterrupt as interrupt:
                # SIGTERM comes as a subclass, and ends the run.
                if type(interrupt) is not KeyboardInterrupt:
                    raise
                return "stopped waiting for the keyring"
        return "" if _wait_until(done, start + limit) else f"the keyring timed out after {limit} s"

    def _reason(self, fault: BaseException) -> str:
        if isinstance(fault, SourceUnavailableError):
            return str(fault)
        from keyring.errors import InitError, KeyringLocked, NoKeyringError

        if isinstance(fault, NoKeyringError):
            return "no keyring available"
        if isinstance(fault, KeyringLocked):
            return "the keyring is locked"
        if isinstance(fault, InitError):
            return "the keyring could not be started"
        if isinstance(fault, ImportError) and fault.name:
            return f"{self.what} needs the module {fault.name!r}, which is not installed"
        if isinstance(fault, FileNotFoundError) and fault.filename:
            return f"{self.what} needs {str(fault.filename)!r}, which was not found"
        if getattr(fault, "winerror", None) == _BAD_DATA:
            return "the secret is too long for Windows Credential Manager, which keeps at most 1,280 characters"
        # The text of an unknown exception could quote a secret that was read.
        if self.quotes_no_secret and (text := _shown(fault)):
            return f"{self.what} failed: {text}"
        return f"{self.what} failed ({type(fault).__name__})"


def _wait_until(done: Event, deadline: float) -> bool:
    # In slices, since a wait can't be interrupted by Ctrl-C on Windows.
    while (left := deadline - monotonic()) > 0:
        if done.wait(min(left, 0.1)):
            return True
    return done.is_set()


def secret_sources(
    keyring: Keyring,
    cache: Cache,
    repository: Repository,
    project: str,
    user: str,
    *,
    user_given: bool,
) -> Iterator[Source[Credential]]:
    """Return the sources of a secret, in order: the project's entry, the user's, and the one that the backend offers.

    `user_given` is True if a flag, a variable or a file gave the user name.
    """
    if not repository.keyring:
        yield Source("keyring", lambda _mode: NoValue(Status.IGNORED, "disabled by `keyring`"))
        return
    service, project_user = repository.url, project_entry_user(project)

    def dated(found: Credential | None) -> Credential | None:
        record = cache.read().entry(service, found.keyring_user) if found and found.keyring_user else None
        return replace(found, stored_at=record.stored) if found and record else found

    def entry(entry_user: str, as_user: str) -> Source[Credential]:
        return Source(f"keyring: {entry_user}", lambda _mode: dated(keyring.remembered(service, entry_user, as_user)))

    if user == TOKEN_USER or not user_given:
        yield entry(project_user, TOKEN_USER)
    yield entry(user, user)
    if not user_given:
        yield Source("keyring: any user", lambda _mode: dated(keyring.offered(service)))


def _load() -> list[KeyringBackend]:
    try:
        import keyring
        from keyring.backends.chainer import ChainerBackend
    except Exception:  # noqa: BLE001 - a broken library raises anything
        msg = "the keyring library can't be imported"
        raise SourceUnavailableError(msg) from None
    try:
        backend = keyring.get_keyring()
        backends = list(backend.backends) if isinstance(backend, ChainerBackend) else [backend]
    except (ImportError, AttributeError, RuntimeError) as error:
        chosen = "PYTHON_KEYRING_BACKEND" if "PYTHON_KEYRING_BACKEND" in os.environ else "keyringrc.cfg"
        msg = f"the keyring backend from {chosen} could not be loaded: {_shown(error)}"
        raise SourceUnavailableError(msg) from None
    if not backends:
        msg = "no keyring available"
        raise SourceUnavailableError(msg)
    return backends


def _offer(username: object, password: object) -> tuple[str, Secret] | None:
    user, secret = _text(username, "user name"), _text(password, "secret")
    return (user or TOKEN_USER, Secret(secret)) if secret else None


def _text(value: object, what: str) -> str | None:
    """Return what a backend answered, if it is text: backends return what their libraries return."""
    if value is None or isinstance(value, str):
        return value
    msg = f"the keyring returned a {what} of type {type(value).__name__} instead of text"
    raise SourceUnavailableError(msg)


def _shown(fault: BaseException) -> str:
    return shortened(_OPAQUE.sub(MASK, one_line(REDACTOR.redact(str(fault)))).rstrip("."), LONGEST_REASON)
