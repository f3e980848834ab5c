"""Each project's own secret in the keyring and `.pypirc`, and keyrings that fail: a run goes on without them."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import keyring
import pytest
from api_tokens import account_token, project_token
from hatch_in_process import invoke_hatch
from hatch_process import command, needs_terminal, run_command, run_hatch
from keyring.backend import KeyringBackend
from keyring.credentials import Credential as Offer
from keyring.credentials import SimpleCredential
from keyring.errors import InitError, KeyringLocked, NoKeyringError, PasswordDeleteError, PasswordSetError
from maintainer import slot_of

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.cache import Cache, EntryRecord
from hatch_tokenindex.credentials.checks import check_credential
from hatch_tokenindex.credentials.credential import Credential
from hatch_tokenindex.credentials.sources import keyring as keyrings
from hatch_tokenindex.credentials.sources.keyring import Keyring
from hatch_tokenindex.credentials.store import CredentialStore
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ci_job import Job
    from hatch_process import HatchResult, HatchTerminal
    from maintainer import Maintainer

PYPI = "https://upload.pypi.org/legacy/"
SECRET = "correct-horse-battery"
PAST = 1_600_000_000


# A credential for each project of a workspace


def test_every_project_of_a_workspace_has_its_own_slot(at_pypi: Maintainer) -> None:
    slots = {
        "__token__": account_token(),
        slot_of("alpha"): project_token("alpha"),
        slot_of("beta-two"): project_token("beta-two"),
        slot_of("delta"): project_token("alpha", identifier="delta-has-that-of-alpha"),
        slot_of("gamma"): project_token("gamma", identifier="over", expires=PAST),
        slot_of("unrelated"): project_token("unrelated"),
    }
    for slot, secret in slots.items():
        at_pypi.home.remember(PYPI, slot, secret)
    at_pypi.build("alpha", "Beta.Two", "delta", "gamma", "omega")
    result = at_pypi.publish()
    assert result.returncode == 0, result.output
    assert at_pypi.received == [
        ("alpha", "__token__", "for-alpha"),
        ("Beta.Two", "__token__", "for-beta-two"),
        ("delta", "__token__", "account"),
        ("gamma", "__token__", "account"),
        ("omega", "__token__", "account"),
    ]
    assert f"keyring entry '{slot_of('delta')}' for {PYPI} is scoped to alpha" in result.words
    assert f"keyring entry '{slot_of('gamma')}' for {PYPI} expired on 2020-09-13" in result.words
    assert result.words.count("Skipped keyring: ") == 2
    assert [secret for secret in slots.values() if secret in result.output] == []
    assert at_pypi.kept == slots


@pytest.mark.parametrize("user", ["__token__", "alice"])
def test_a_given_user_name_decides_whether_the_project_has_a_slot(at_index: Maintainer, user: str) -> None:
    at_index.home.remember(at_index.url, slot_of(at_index.project.name), "the project's")
    at_index.home.remember(at_index.url, user, "the user's")
    at_index.build()
    assert at_index.publish_in_process("-u", user).returncode == 0
    expected = "the project's" if user == "__token__" else "the user's"
    assert at_index.received == [(at_index.project.name, user, expected)]


@pytest.mark.parametrize(
    ("arguments", "variables", "pypirc", "offered"),
    [
        ((), {}, "", True),
        (("-u", "__token__"), {}, "", False),
        ((), {"HATCH_INDEX_USER": "__token__"}, "", False),
        ((), {"HATCH_INDEX_USER_PRIVATE": "ci"}, "", False),
        ((), {}, "username = __token__", False),
    ],
    ids=["nothing given", "flag", "variable", "own variable", ".pypirc"],
)
def test_backends_that_only_offer_a_credential(
    at_index: Maintainer, arguments: tuple[str, ...], variables: dict[str, str], pypirc: str, *, offered: bool
) -> None:
    at_index.home.use_keyring("CredentialOnly")
    at_index.home.remember(at_index.url, "oauth2accesstoken", SECRET)
    at_index.home.pypirc.write_text(f"[index]\nrepository = {at_index.url}\n{pypirc}\n", encoding="utf-8")
    at_index.build()
    result = at_index.publish_in_process(*arguments, **variables)
    assert result.returncode == (0 if offered else 1)
    assert at_index.received == ([(at_index.project.name, "oauth2accesstoken", SECRET)] if offered else [])
    calls = [call for call in at_index.home.keyring.calls if call[0] == "get_credential"]
    assert calls == ([("get_credential", at_index.url, None)] if offered else [])


def test_an_offer_that_is_another_projects_slot_is_none(at_index: Maintainer) -> None:
    at_index.home.remember(at_index.url, slot_of("another"), SECRET)
    at_index.build()
    assert at_index.publish_in_process().returncode == 1
    assert at_index.received == []


def pypirc_section(name: str, url: str, token: str, *, user: bool = True) -> str:
    """A section as PyPI advises one for each project."""
    return f"[{name}]\nrepository = {url}\n{'username = __token__' if user else ''}\npassword = {token}\n"


def test_the_sections_of_pypirc_are_found_by_themselves(at_pypi: Maintainer) -> None:
    text = (
        "[distutils]\nindex-servers =\n    Beta_Two\n    alpha\n    pypi\n"
        + pypirc_section("Beta_Two", PYPI, project_token("beta-two"))
        + pypirc_section("alpha", PYPI.rstrip("/"), project_token("alpha"), user=False)
        + pypirc_section("gamma", "https://packages.example.org/legacy/", project_token("gamma"))
        + f"[pypi]\npassword = {account_token()}\n"
    )
    at_pypi.home.pypirc.write_bytes(b"\xef\xbb\xbf" + text.encode())
    at_pypi.build("alpha", "beta.two", "gamma")
    result = at_pypi.publish()
    assert result.returncode == 0, result.output
    assert at_pypi.received == [
        ("alpha", "__token__", "for-alpha"),
        ("beta.two", "__token__", "for-beta-two"),
        ("gamma", "__token__", "account"),
    ]
    assert at_pypi.home.keyring.calls == []


def test_the_section_of_another_project_is_not_for_this_one(at_pypi: Maintainer) -> None:
    at_pypi.home.pypirc.write_text(pypirc_section("another", PYPI, project_token("another")), encoding="utf-8")
    at_pypi.home.remember(PYPI, "__token__", account_token())
    at_pypi.build()
    result = at_pypi.publish_in_process()
    assert result.returncode == 0, result.output
    assert at_pypi.received == [(at_pypi.project.name, "__token__", "account")]


def test_a_section_by_its_url_is_the_last_choice(at_index: Maintainer) -> None:
    url = at_index.url
    at_index.home.pypirc.write_text(
        f"[work]\nrepository = {url}\nusername = w\npassword = 100%\n"
        f"[private]\nrepository = {url}\nusername = p\npassword = 50%%\n",
        encoding="utf-8",
    )
    at_index.build()
    at_index.publish_in_process()
    at_index.build(version="2.0")
    at_index.publish_in_process("-r", "work", "-o", "all-versions")
    at_index.build(version="3.0")
    at_index.home.pypirc.write_text(f"[work]\nrepository = {url}\nusername = w\npassword = 100%\n", encoding="utf-8")
    at_index.publish_in_process("-o", "all-versions")
    assert [(user, secret) for _, user, secret in at_index.received] == [("p", "50%%"), ("w", "100%"), ("w", "100%")]


# Keyrings that fail, on a terminal: the real command


def answer(terminal: HatchTerminal, secret: str = SECRET) -> None:
    """Answer the questions of a run that found nothing."""
    terminal.expect("User name for")
    terminal.expect(": ")
    terminal.send("")
    terminal.give_secret(secret)


def lines_about_the_keyring(terminal: HatchTerminal) -> list[str]:
    """The lines on the screen about the keyring."""
    return [line for line in terminal.screen.splitlines() if re.search(r"\bkeyring\b", line, re.IGNORECASE)]


BACKENDS = {
    "keyring.backends.fail.Keyring": "No keyring available",
    "no.such.Backend": "The keyring backend from PYTHON_KEYRING_BACKEND could not be loaded: No module named 'no'",
    "keyring_backends.Locked": "The keyring is locked",
    "keyring_backends.Init": "The keyring could not be started",
    "keyring_backends.Explodes": "The keyring backend keyring_backends failed (RuntimeError)",
    "keyring_backends.WriteFails": "was not saved; the next run will prompt for it again: the keyring backend keyring_backends failed (PasswordSetError)",
    "keyring_backends.CredentialOnly": "was not saved; the next run will prompt for it again: the keyring (keyring backends CredentialOnly) can't",
    "keyring_backends.Swallows": "was not saved; the next run will prompt for it again: the keyring (keyring backends Swallows) did not",
    "keyring.backends.null.Keyring": "was not saved; the next run will prompt for it again: the keyring (null Keyring) did not store the secret",
}


@needs_terminal
@pytest.mark.parametrize(("backend", "warning"), BACKENDS.items(), ids=BACKENDS)
def test_a_keyring_that_fails_is_one_warning(at_index: Maintainer, backend: str, warning: str) -> None:
    at_index.home.environment["PYTHON_KEYRING_BACKEND"] = backend
    at_index.build("alpha", "beta")
    with at_index.at_terminal(HATCH_DEBUG="1") as terminal:
        answer(terminal)
        assert terminal.finish() == 0
    assert at_index.received == [("alpha", "__token__", SECRET), ("beta", "__token__", SECRET)]
    assert len(lines_about_the_keyring(terminal)) == 1
    assert warning in terminal.words
    assert SECRET not in terminal.screen
    assert "Traceback" not in terminal.screen
    assert "Saved" not in terminal.screen
    assert at_index.files_with(SECRET) == []


@pytest.mark.parametrize("backend", list(BACKENDS)[:5])
def test_without_a_terminal_a_keyring_that_fails_is_in_the_list(at_index: Maintainer, backend: str) -> None:
    at_index.home.environment["PYTHON_KEYRING_BACKEND"] = backend
    at_index.build()
    result = at_index.publish()
    assert result.returncode == 1
    reason = BACKENDS[backend].removeprefix("The ").replace("No keyring", "no keyring")
    assert f"keyring: {slot_of(at_index.project.name)}:" in result.words
    assert reason in result.words
    assert result.words.count("Cannot prompt for a token") == 1


@pytest.fixture
def no_library(at_index: Maintainer, tmp_path: Path) -> dict[str, str]:
    """The environment of a process that can't import `keyring`."""
    folder = tmp_path / "broken"
    folder.joinpath("keyring").mkdir(parents=True)
    folder.joinpath("keyring", "__init__.py").write_text("import no_such_library\n", encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), at_index.home.environment["PYTHONPATH"]])}


def test_a_library_that_can_not_be_imported_is_a_keyring_that_fails(
    at_index: Maintainer, no_library: dict[str, str]
) -> None:
    at_index.build()
    result = at_index.publish(run=run_hatch, **no_library)
    assert result.returncode == 1
    assert (
        f"keyring: {slot_of(at_index.project.name)}: unavailable: the keyring library can't be imported" in result.words
    )
    assert result.words.count("Cannot prompt for a token") == 1


@needs_terminal
def test_on_a_terminal_the_run_goes_on_without_the_library(at_index: Maintainer, no_library: dict[str, str]) -> None:
    at_index.build("alpha", "beta")
    with at_index.at_terminal(**no_library) as terminal:
        answer(terminal)
        assert terminal.finish() == 0
    assert at_index.received == [("alpha", "__token__", SECRET), ("beta", "__token__", SECRET)]
    (line,) = lines_about_the_keyring(terminal)
    assert "The keyring library can't be imported; continuing without it." in line


@pytest.mark.parametrize("backend", ["Explodes", "Hangs"])
def test_a_keyring_that_is_not_needed_is_not_touched(at_index: Maintainer, backend: str) -> None:
    at_index.home.use_keyring(backend)
    at_index.build()
    hanging = "get_password,set_password,get_credential"
    assert at_index.publish(HATCH_INDEX_AUTH=SECRET, HANGING_KEYRING=hanging).returncode == 0
    assert at_index.received == [(at_index.project.name, "__token__", SECRET)]
    assert at_index.home.keyring.calls == []


# Keyrings that hang: the real command


def test_without_a_terminal_a_hanging_keyring_has_five_seconds(at_index: Maintainer) -> None:
    at_index.home.use_keyring("HangsInDialog")
    at_index.build()
    start = time.monotonic()
    result = at_index.publish(HANGING_KEYRING="get_credential")
    assert 5 <= time.monotonic() - start < 15
    assert result.returncode == 1
    assert "the keyring timed out after" in result.words
    assert [method for method, _, _ in at_index.home.keyring.calls] == [
        "get_password",
        "get_password",
        "get_credential",
    ]


@needs_terminal
@pytest.mark.parametrize("method", ["get_password", "set_password"])
def test_on_a_terminal_it_says_what_is_awaited_and_ctrl_c_goes_on(at_index: Maintainer, method: str) -> None:
    at_index.home.use_keyring("HangsInDialog")
    at_index.build("alpha", "beta")
    with at_index.at_terminal(HANGING_KEYRING=method) as terminal:
        if method == "set_password":
            answer(terminal)
        terminal.expect("Waiting for the keyring")
        terminal.expect("Press Ctrl-C to continue without it")
        terminal.interrupt()
        if method == "get_password":
            answer(terminal)
        assert terminal.finish() == 0
    assert at_index.received == [("alpha", "__token__", SECRET), ("beta", "__token__", SECRET)]
    # Ctrl-C in the moment in which Rich prints a line makes it print the line again.
    awaited, *_again, warning = lines_about_the_keyring(terminal)
    assert "Waiting" in awaited
    assert "topped waiting for the keyring" in warning
    assert [call for call in at_index.home.keyring.calls if call[0] == method] == [at_index.home.keyring.calls[-1]]


@needs_terminal
def test_a_signal_ends_the_wait_and_the_run(at_index: Maintainer) -> None:
    at_index.home.use_keyring("HangsInDialog")
    at_index.build()
    with at_index.at_terminal(HANGING_KEYRING="get_password") as terminal:
        terminal.expect("Press Ctrl-C to continue without it")
        terminal.kill(signal.SIGHUP)
        assert terminal.finish() == 128 + signal.SIGHUP
    assert "Ended by SIGHUP." in terminal.words
    assert at_index.received == []


# Keyrings that print


@pytest.mark.parametrize("run", [run_hatch, invoke_hatch], ids=["a process", "in this process"])
def test_a_keyring_that_prints_does_not_break_json(
    at_index: Maintainer, run: Callable[..., HatchResult], capfd: pytest.CaptureFixture[str]
) -> None:
    at_index.home.use_keyring("Prints")
    at_index.home.remember(at_index.url, "__token__", SECRET)
    at_index.build()
    for arguments in (("-o", "explain"), ()):
        result = at_index.publish("-o", "json", *arguments, run=run)
        assert result.returncode == 0, result.output
        assert json.loads(result.stdout)["ok"]
        printed = capfd.readouterr()
        assert "a print" in result.stderr
        assert "a print" not in printed.out
        if run is run_hatch:
            assert {"a descriptor", "a program"} <= set(result.stderr.splitlines())
    assert at_index.received == [(at_index.project.name, "__token__", SECRET)]


def test_a_keyring_that_prints_does_not_break_the_list_of_tokens(at_pypi: Maintainer) -> None:
    at_pypi.home.use_keyring("Prints")
    at_pypi.home.remember(PYPI, "__token__", account_token())
    for arguments in (("--json",), ()):
        result = at_pypi.manage("tokens", *arguments)
        assert result.returncode == 0, result.output
        assert {"a print", "a descriptor", "a program"} <= set(result.stderr.splitlines())
        assert "a print" not in result.stdout
        assert "__token__" in result.stdout
    assert json.loads(at_pypi.manage("tokens", "--json").stdout)[0]["kind"] == "account"


@pytest.mark.skipif(sys.platform == "win32", reason="starts a shell")
@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/null"])
def test_what_a_keyring_prints_is_lost_where_standard_error_is(at_index: Maintainer, streams: str) -> None:
    at_index.home.use_keyring("Prints")
    at_index.home.remember(at_index.url, "__token__", SECRET)
    at_index.build()
    shell = ("sh", "-c", f'"$0" publish -p tokenindex -r private -o json {streams}', command("hatch"))
    result = run_command(*shell, cwd=at_index.project.folder, environment=at_index.home.environment)
    assert json.loads(result.stdout)["ok"]
    assert result.stderr == ""


# Jobs without a keyring


@pytest.mark.parametrize(
    "backend", ["keyring.backends.fail.Keyring", "keyring_backends.Locked", "keyring_backends.Init"]
)
@pytest.mark.parametrize("arguments", [(), ("-o", "dry-run")])
def test_a_job_without_a_keyring_says_nothing_of_it(job: Job, backend: str, arguments: tuple[str, ...]) -> None:
    job.at.home.environment["PYTHON_KEYRING_BACKEND"] = backend
    result = job.publish("-o", "json", *arguments)
    assert result.returncode == 0, result.output
    assert json.loads(result.stdout)["warnings"] == []
    assert "eyring" not in result.output
    assert "::warning" not in result.output


def test_a_job_with_a_secret_does_not_look_for_a_keyring(job: Job) -> None:
    job.at.home.use_keyring("Explodes")
    result = job.publish("-o", "json", HATCH_INDEX_AUTH=SECRET)
    assert result.returncode == 0, result.output
    assert json.loads(result.stdout)["warnings"] == []
    assert "eyring" not in result.output
    assert job.at.home.keyring.calls == []


def test_a_job_is_told_of_an_entry_that_cannot_be_used(job: Job) -> None:
    job.at.home.remember(job.at.url, slot_of(job.project), project_token("another", expires=PAST))
    result = job.publish()
    assert result.returncode == 0, result.output
    assert "Skipped keyring: " in result.words


# Every fault of every method


class Faulty(KeyringBackend):
    """Keeps secrets in memory, and fails in one method."""

    priority = 1

    def __init__(self, method: str = "", fault: Callable[[], None] = lambda: None) -> None:
        self.failing, self.fault = method, fault
        self.secrets: dict[tuple[str, str], str] = {}
        self.calls: list[str] = []

    @property
    def name(self) -> str:
        self._called("name")
        return "Faulty"

    def get_password(self, service: str, username: str) -> str | None:
        self._called("get_password")
        return self.secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._called("set_password")
        self.secrets[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._called("delete_password")
        del self.secrets[service, username]

    def get_credential(self, service: str, username: str | None) -> Offer | None:
        self._called("get_credential")
        return SimpleCredential("offered", self.secrets[service, username or "offered"])

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method == self.failing:
            self.fault()


def raising(error: BaseException) -> Callable[[], None]:
    """A fault that raises it."""

    def fault() -> None:
        raise error

    return fault


QUESTIONS: dict[str, tuple[str, Callable[[Keyring], Any]]] = {
    "get": ("get_password", lambda ring: ring.get("service", "user")),
    "remembered": ("get_password", lambda ring: ring.remembered("service", "slot", "user")),
    "offered": ("get_credential", lambda ring: ring.offered("service")),
    "set": ("set_password", lambda ring: ring.set("service", "user", Secret(SECRET))),
    "delete": ("delete_password", lambda ring: ring.delete("service", "user")),
    "name": ("name", lambda ring: ring.name),
}
FAULTS = {
    NoKeyringError("No recommended backend"): "no keyring available",
    KeyringLocked("Failed to unlock"): "the keyring is locked",
    InitError("Failed to open session"): "the keyring could not be started",
    PasswordSetError(f"can't store {SECRET}"): "the keyring backend test_keyring failed (PasswordSetError)",
    PasswordDeleteError("not found"): "the keyring backend test_keyring failed (PasswordDeleteError)",
    RuntimeError(f"bad luck with {SECRET}"): "the keyring backend test_keyring failed (RuntimeError)",
    NotImplementedError(): "the keyring backend test_keyring failed (NotImplementedError)",
    SystemExit(3): "the keyring backend test_keyring failed (SystemExit)",
    KeyboardInterrupt(): "the keyring backend test_keyring failed (KeyboardInterrupt)",
}


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[KeyringBackend], None]:
    """Choose the backend of this process for one test."""
    return lambda backend: monkeypatch.setattr(keyring, "get_keyring", lambda: backend)


@pytest.mark.parametrize(("fault", "reason"), FAULTS.items(), ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(("method", "ask"), QUESTIONS.values(), ids=QUESTIONS)
def test_every_fault_of_every_method_is_the_same_exception(
    use: Callable[[KeyringBackend], None],
    method: str,
    ask: Callable[[Keyring], Any],
    fault: BaseException,
    reason: str,
) -> None:
    if (method, type(fault)) == ("set_password", NotImplementedError):
        reason = "the keyring (Faulty) can't store it"
    backend = Faulty(method, raising(fault))
    backend.secrets["service", "user"] = "old"
    use(backend)
    ring = Keyring(None)
    for _ in range(2):
        with pytest.raises(SourceUnavailableError) as caught:
            ask(ring)
        assert str(caught.value) == reason
        assert SECRET not in repr(caught.value)
        if "can't store" in reason:
            return
    assert ring.fault == reason
    assert backend.calls.count(method) == 1


class Listener:
    """A user who receives messages."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.held: list[threading.Event] = []

    def hold_prompts(self, until: threading.Event) -> None:
        """Wait with questions."""
        self.held.append(until)

    def note(self, text: str) -> None:
        """Hear it."""
        self.notes.append(text)

    def ask(self, question: str) -> str:
        """Nobody asks."""
        raise AssertionError(question)

    def ask_secret(self, question: str) -> Secret:
        """Nobody asks."""
        raise AssertionError(question)


@pytest.mark.parametrize("anybody", [False, True], ids=["nobody", "a person"])
@pytest.mark.parametrize(("method", "ask"), QUESTIONS.values(), ids=QUESTIONS)
def test_every_method_may_hang(
    use: Callable[[KeyringBackend], None],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    ask: Callable[[Keyring], Any],
    *,
    anybody: bool,
) -> None:
    monkeypatch.setattr(keyrings, "NOTICE", 0.02)
    monkeypatch.setattr(keyrings, "REMOTE", (0.02, 0.04))
    let_go = threading.Event()
    backend = Faulty(method, lambda: assert_true(let_go.wait(60)))
    backend.secrets["service", "user"] = "old"
    use(backend)
    prompter = Listener()
    ring = Keyring(prompter if anybody else None)
    for _ in range(2):
        with pytest.raises(SourceUnavailableError, match="timed out after"):
            ask(ring)
    assert backend.calls.count(method) == 1
    awaited = "Waiting for the keyring. Is it asking for its password? Press Ctrl-C to continue without it."
    assert prompter.notes == ([awaited] if anybody else [])
    # It may be reading from the terminal until it lets go.
    assert [each.is_set() for each in prompter.held] == ([False] if anybody else [])
    let_go.set()
    assert all(each.wait(60) for each in prompter.held)


def assert_true(value: object) -> None:
    """For a lambda."""
    assert value


def test_the_limits_are_those_that_are_documented() -> None:
    assert keyrings.NOTICE == 5
    assert (keyrings.LOCAL, keyrings.REMOTE) == ((5, 20), (15, 120))


# A refused secret that can't be deleted


def test_a_refused_secret_that_stays_is_told(use: Callable[[KeyringBackend], None], tmp_path: Path) -> None:
    backend = Faulty("delete_password", raising(PasswordDeleteError("no")))
    backend.secrets[PYPI, slot_of("demo")] = "old"
    use(backend)
    repository = Repository("main", PYPI)
    cache = Cache(tmp_path)
    old = EntryRecord(PYPI, slot_of("demo"), "demo", "project", None, 1_787_000_000)
    cache.update(lambda contents: contents.with_entry(old))
    store = CredentialStore(repository, cache, Keyring(None))
    typed = check_credential(
        Credential("__token__", Secret(account_token()), "the prompt", typed=True), "demo", repository, 0
    )
    refused = Credential("__token__", Secret("old"), "keyring", slot_of("demo"))

    kept = store.save(typed, ("__token__",), 1_800_000_000, refused)

    assert backend.secrets[PYPI, "__token__"] == account_token()
    assert len(kept.notes) == 1
    assert kept.warnings == (
        "The rejected secret is still in the keyring: the keyring backend test_keyring failed (PasswordDeleteError).",
    )
    assert cache.read().entry(PYPI, slot_of("demo")) == old
    assert [slot.user for slot in cache.read().entries] == [slot_of("demo"), "__token__"]
