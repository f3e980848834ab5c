"""Backends of clouds, and those of Windows and macOS: how often they are called, what is stored, and what their errors say."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.credentials import Credential as Offer
from keyring.credentials import SimpleCredential
from keyring.errors import KeyringError, PasswordDeleteError

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.cache import Cache
from hatch_tokenindex.credentials.checks import check_credential
from hatch_tokenindex.credentials.credential import Credential
from hatch_tokenindex.credentials.sources.keyring import Keyring
from hatch_tokenindex.credentials.store import CredentialStore
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

URL = "https://packages.example.org/legacy/"
TOKEN = "ya29.short-lived"
SECRET = "correct-horse-battery"
ENTRIES = [("pypi_token:project:alpha", "__token__"), ("pypi_token:project:beta", "__token__"), ("__token__",) * 2]


class Counting(KeyringBackend):
    """Counts its calls, and stores nothing."""

    priority = 9

    def __init__(self, user: str = "oauth2accesstoken") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.user = user
        self.calls: list[str] = []

    def get_password(self, _service: str, username: str) -> str | None:
        self.calls.append(f"get_password {username}")
        return self.token()

    def get_credential(self, _service: str, username: str | None) -> Offer | None:
        self.calls.append(f"get_credential {username}")
        return SimpleCredential(self.user, self.token())

    def set_password(self, _service: str, _username: str, _password: str) -> None:
        raise NotImplementedError

    def delete_password(self, _service: str, _username: str) -> None:
        raise NotImplementedError

    def token(self) -> str:
        """The token of a service."""
        return TOKEN


class Google(Counting):
    """Google's, as it looks to us."""

    __module__ = "keyrings.gauth"


class Azure(Counting):
    """Azure's."""

    __module__ = "artifacts_keyring"


class Amazon(Counting):
    """AWS'."""

    __module__ = "keyrings.codeartifact"


class Memory(KeyringBackend):
    """Stores in memory."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.secrets: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.secrets[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.secrets.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


class Unreadable(Memory):
    """Stores what it then fails to read."""

    def get_password(self, service: str, username: str) -> str | None:
        if (service, username) not in self.secrets:
            return None
        message = f"can't decrypt {self.secrets[service, username]}"
        raise OSError(message)


class Other(Memory):
    """Stores, and returns something else."""

    def get_password(self, service: str, username: str) -> str | None:
        return "something else" if (service, username) in self.secrets else None


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Keyring]:
    """Return a keyring of these backends, chained if there are several."""

    def use(*backends: KeyringBackend) -> Keyring:
        class Chain(ChainerBackend):
            pass

        Chain.backends = list(backends)  # type: ignore[assignment]
        chain = Chain()  # type: ignore[no-untyped-call]
        monkeypatch.setattr(keyring, "get_keyring", lambda: backends[0] if len(backends) == 1 else chain)
        return Keyring(None)

    return use


# Calls


@pytest.mark.parametrize("backend", [Google(), Azure("VssSessionToken"), Amazon("aws")], ids=lambda each: each.user)
def test_a_cloud_is_asked_once_a_run(use: Callable[..., Keyring], backend: Counting) -> None:
    ring = use(backend)
    for entry_user, user in ENTRIES:
        assert ring.remembered(URL, entry_user, user) is None
    for _ in range(3):
        offered = ring.offered(URL)
        assert offered is not None
        assert (offered.user, offered.secret, offered.keyring_user) == (backend.user, Secret(TOKEN), backend.user)
    assert ring.get(URL, backend.user) == Secret(TOKEN)
    assert backend.calls == ["get_credential None"]


def test_an_unknown_backend_that_ignores_user_names_is_asked_twice_a_run(use: Callable[..., Keyring]) -> None:
    backend = Counting()
    ring = use(backend)
    for entry_user, user in ENTRIES:
        assert ring.remembered(URL, entry_user, user) is None
    offered = ring.offered(URL)
    assert offered is not None
    assert offered.user == "oauth2accesstoken"
    assert ring.get(URL, "oauth2accesstoken") == Secret(TOKEN)
    assert backend.calls == [f"{method} {ENTRIES[0][0]}" for method in ("get_password", "get_credential")]


def test_an_entry_of_a_store_comes_before_the_token_of_a_cloud(use: Callable[..., Keyring]) -> None:
    store, cloud = Memory(), Google()
    store.secrets[URL, "pypi_token:project:alpha"] = SECRET
    ring = use(cloud, store)
    assert ring.get(URL, "pypi_token:project:alpha") == Secret(SECRET)
    assert cloud.calls == []
    assert ring.get(URL, "pypi_token:project:beta") is None
    assert ring.set(URL, "__token__", Secret("new")) == ""
    assert ring.get(URL, "__token__") == Secret("new")
    assert ring.name.endswith("Memory")
    assert ring.delete(URL, "__token__")
    assert not ring.delete(URL, "__token__")
    assert ring.get(URL, "__token__") is None
    assert cloud.calls == ["get_credential None"]


def test_a_fresh_token_of_a_cloud_comes_before_any_entry_of_a_store(use: Callable[..., Keyring]) -> None:
    store = Memory()
    store.get_credential = lambda *_: SimpleCredential("alice", SECRET)  # type: ignore[method-assign]
    offered = use(Google(), store).offered(URL)
    assert offered is not None
    assert offered.user == "oauth2accesstoken"


def test_a_chain_of_no_backends_is_no_keyring(use: Callable[..., Keyring]) -> None:
    ring = use()
    for action in (lambda: ring.get(URL, "alice"), lambda: ring.set(URL, "alice", Secret(SECRET)), lambda: ring.name):
        with pytest.raises(SourceUnavailableError, match=r"^no keyring available$"):
            action()


def test_a_cloud_that_fails_leaves_the_store_in_use(use: Callable[..., Keyring]) -> None:
    cloud = Google()
    cloud.token = fail(RuntimeError("gcloud is not installed"))  # type: ignore[method-assign]
    ring = use(cloud, Memory())
    with pytest.raises(SourceUnavailableError, match=r"keyrings\.gauth failed: gcloud is not installed"):
        ring.offered(URL)
    assert ring.fault is None
    assert ring.set(URL, "__token__", Secret(SECRET)) == ""


def test_a_cloud_stores_and_deletes_nothing(use: Callable[..., Keyring]) -> None:
    ring = use(Google())
    with pytest.raises(SourceUnavailableError, match=r"the keyring \(.*Google\) can't store it"):
        ring.set(URL, "__token__", Secret(SECRET))
    assert not ring.delete(URL, "__token__")


# Stored, but not to be read back


@pytest.mark.parametrize(
    ("backend", "why"),
    [(Unreadable(), "the keyring backend test_keyring_backends failed (OSError)"), (Other(), "returns another secret")],
    ids=["fails", "returns something else"],
)
def test_what_cannot_be_read_back_is_told_listed_and_deleted(
    use: Callable[..., Keyring], tmp_path: Path, backend: Memory, why: str
) -> None:
    repository, cache = Repository("private", URL), Cache(tmp_path)
    store = CredentialStore(repository, cache, use(backend))
    typed = Credential("__token__", Secret(SECRET), "the prompt", typed=True)
    entries = ("__token__", "pypi_token:project:alpha")
    kept = store.save(check_credential(typed, None, repository, 0), entries, 0)
    assert kept.notes == ()
    assert kept.warnings[0].startswith("Saved the token for ")
    assert "in the keyring, but it can't be read back: the keyring" in kept.warnings[0]
    assert why in kept.warnings[0]
    assert "To remove it: `" in kept.warnings[0]
    assert "logout -r private -u __token__`" in kept.warnings[0]
    assert not any(SECRET in warning for warning in kept.warnings)
    assert {(URL, entry.user) for entry in cache.read().entries} == set(backend.secrets)
    # The entry that was replaced is the new one, so it stays.
    replaced = Credential("__token__", Secret("old"), "keyring", "__token__")
    store.save(check_credential(typed, None, repository, 0), entries[:1], 0, replaced)
    assert (URL, "__token__") in backend.secrets
    assert use(backend).delete(URL, "__token__")
    assert (URL, "__token__") not in backend.secrets


# What an error says


def fail(error: BaseException) -> Callable[[], str]:
    """Return a function that raises it."""

    def fail() -> str:
        raise error

    return fail


LONG = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9eyJhdWQi"
SHOWN = {
    "gcloud": (
        Google,
        FileNotFoundError(2, "No such file or directory", "gcloud"),
        "the keyring backend keyrings.gauth needs 'gcloud', which",
    ),
    "google": (
        Google,
        Exception("Failed to find credentials, Please run: `gcloud auth`"),
        "failed: Failed to find cred",
    ),
    "azure": (
        Azure,
        RuntimeError("Failed to get credentials:\n\x1b[31mexit code 1."),
        "Failed to get credentials: exit code 1",
    ),
    "aws": (
        Amazon,
        KeyringError("Unable to locate credentials"),
        "the keyring backend keyrings.codeartifact failed: Unable to locate credentials",
    ),
    "no text": (Google, ValueError(), "the keyring backend keyrings.gauth failed (ValueError)"),
    "a known secret": (Azure, ValueError(f"bad {SECRET}"), "artifacts_keyring failed: bad *****"),
    "an opaque word": (Google, ValueError(f"bad {LONG}"), "keyrings.gauth failed: bad *****"),
    "long": (Google, ValueError("no " * 200), "no no ..."),
    "a module": (
        Counting,
        ModuleNotFoundError("No module", name="Crypto"),
        "needs the module 'Crypto', which is not ins",
    ),
    "a program": (
        Counting,
        FileNotFoundError(2, "No such file", b"op"),
        "test_keyring_backends needs \"b'op'\", which was not found",
    ),
    "unknown": (Counting, RuntimeError("hunter2"), "test_keyring_backends failed (RuntimeError)"),
}


@pytest.mark.parametrize(("kind", "error", "said"), SHOWN.values(), ids=SHOWN)
def test_the_reason_is_shown_where_no_secret_can_be_in_it(
    use: Callable[..., Keyring], kind: type[Counting], error: BaseException, said: str
) -> None:
    backend, _known = kind(), Secret(SECRET)
    backend.token = fail(error)  # type: ignore[method-assign]
    ring = use(backend)
    for _ in range(2):
        with pytest.raises(SourceUnavailableError) as caught:
            ring.get(URL, "__token__")
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not {"hunter2", SECRET, LONG} & set(str(caught.value).split())
    assert len(backend.calls) == 1


@pytest.mark.parametrize("chosen", [True, False], ids=["by the variable", "by the file"])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModuleNotFoundError("No module named 'keyrings'", name="keyrings"), "loaded: No module named 'keyrings'"),
        (RuntimeError("pycryptodome/x required"), "loaded: pycryptodome/x required"),
        (ValueError("aws_secret_access_key"), "the keyring failed (ValueError)"),
    ],
)
def test_a_backend_that_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str, *, chosen: bool
) -> None:
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    if chosen:
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.EncryptedKeyring")
    monkeypatch.setattr(keyring, "get_keyring", fail(error))
    ring = Keyring(None)
    for _ in range(2):
        with pytest.raises(SourceUnavailableError) as caught:
            ring.offered(URL)
        assert said in str(caught.value)
    assert ring.fault == str(caught.value)
    if "loaded" in said:
        assert ("PYTHON_KEYRING_BACKEND" if chosen else "keyringrc.cfg") in str(caught.value)


# keyring's own backends for Windows and macOS, over a system in memory


class WindowsError_(OSError):  # noqa: N801, N818
    """`pywintypes.error`."""

    def __init__(self, winerror: int, funcname: str) -> None:
        super().__init__(winerror, funcname, "what Windows says")
        self.winerror, self.funcname = winerror, funcname


class CredentialManager(ModuleType):
    """`win32cred`: at most 2,560 bytes a secret, and 32,767 characters a target."""

    CRED_TYPE_GENERIC, CRED_PERSIST_ENTERPRISE = 1, 3

    def __init__(self) -> None:
        super().__init__("win32cred")
        self.kept: dict[str, dict[str, Any]] = {}

    def CredRead(self, Type: int, TargetName: str) -> dict[str, Any]:  # noqa: ARG002, N802, N803
        if TargetName not in self.kept:
            raise WindowsError_(1168, "CredRead")
        return self.kept[TargetName]

    def CredWrite(self, credential: dict[str, Any], _flags: int) -> None:  # noqa: N802
        blob = credential["CredentialBlob"].encode("utf-16-le")
        if len(blob) > 2560 or len(credential["TargetName"]) > 32767:
            raise WindowsError_(1783, "CredWrite")
        self.kept[credential["TargetName"]] = {**credential, "CredentialBlob": blob}

    def CredDelete(self, Type: int, TargetName: str) -> None:  # noqa: ARG002, N802, N803
        del self.kept[TargetName]


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch, use: Callable[..., Keyring]) -> Iterator[Keyring]:
    """A keyring of Windows."""
    pywintypes = ModuleType("pywintypes")
    pywintypes.error = WindowsError_  # type: ignore[attr-defined]
    manager = CredentialManager()
    pywin32 = ModuleType("win32ctypes.pywin32")
    pywin32.pywintypes, pywin32.win32cred = pywintypes, manager  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "win32ctypes", ModuleType("win32ctypes"))
        patch.setitem(sys.modules, "win32ctypes.pywin32", pywin32)
        module = importlib.reload(importlib.import_module("keyring.backends.Windows"))
        yield use(module.WinVaultKeyring())
    importlib.reload(module)


@pytest.fixture
def macos(monkeypatch: pytest.MonkeyPatch, use: Callable[..., Keyring]) -> Keyring:
    """A keyring of macOS."""
    module = importlib.import_module("keyring.backends.macOS")
    kept: dict[tuple[str, str], str] = {}

    class Error(Exception):
        pass

    def find(_keychain: object, service: str, user: str) -> str:
        if (service, user) not in kept:
            raise api.NotFound(-25300, "Item not found")
        return kept[service, user]

    def put(_keychain: object, service: str, user: str, password: str) -> None:
        if len(password) > 100_000:
            raise Error(-25244, "Unknown Error")
        kept[service, user] = password

    def delete(_keychain: object, service: str, user: str) -> None:
        if kept.pop((service, user), None) is None:
            raise api.NotFound(-25300, "Item not found")

    api = SimpleNamespace(
        Error=Error,
        NotFound=type("NotFound", (Error,), {}),
        KeychainDenied=type("KeychainDenied", (Error,), {}),
        find_generic_password=find,
        set_generic_password=put,
        delete_generic_password=delete,
    )
    monkeypatch.setattr(module, "api", api, raising=False)
    return use(module.Keyring())


@pytest.fixture(params=["windows", "macos"])
def system(request: pytest.FixtureRequest) -> Keyring:
    """A keyring of either."""
    found: Keyring = request.getfixturevalue(request.param)
    return found


def test_several_entries_of_one_url(system: Keyring) -> None:
    names = ["__token__", "pypi_token:project:alpha", f"pypi_token:project:{'long-' * 60}name"]
    for name in names:
        assert system.get(URL, name) is None
        assert system.set(URL, name, Secret(f"secret of {name}")) == ""
    assert [system.get(URL, name) for name in names] == [Secret(f"secret of {name}") for name in names]
    assert system.delete(URL, names[0])
    assert not system.delete(URL, names[0])
    assert system.get(URL, names[0]) is None
    assert system.get(URL, names[1]) is not None


def test_the_longest_secret_of_windows(windows: Keyring) -> None:
    assert windows.set(URL, "__token__", Secret("x" * 1280)) == ""
    with pytest.raises(
        SourceUnavailableError, match="too long for Windows Credential Manager, which keeps at most 1,280"
    ):
        windows.set(URL, "__token__", Secret("x" * 1281))


def test_an_error_of_macos_is_shown(macos: Keyring) -> None:
    with pytest.raises(SourceUnavailableError, match=r"failed: Can't store password on keychain: .*-25244"):
        macos.set(URL, "__token__", Secret("x" * 100_001))
