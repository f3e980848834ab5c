"""Backends that return something else than text: the keyring is unavailable then, and nothing breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.credentials import SimpleCredential

from hatch_tokenindex.credentials.sources.keyring import Keyring
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_job import Job

URL = "https://packages.example.org/legacy/"
ODD: list[Any] = [1, b"hunter2", ("alice", "hunter2"), ["hunter2"], object(), 1.5, True]


class Returning(KeyringBackend):
    """Answers everything with the same values."""

    priority = 1

    def __init__(self, username: Any, password: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.username, self.password = username, password

    def get_password(self, _service: str, _username: str) -> Any:
        return self.password

    def set_password(self, _service: str, _username: str, _password: str) -> None:
        raise AssertionError

    def get_credential(self, _service: str, _username: str | None) -> Any:
        return SimpleCredential(self.username, self.password)


ASKED: list[Callable[[Keyring], object]] = [
    lambda keyring: keyring.get(URL, "alice"),
    lambda keyring: keyring.remembered(URL, "alice", "alice"),
    lambda keyring: keyring.offered(URL),
]


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("ask", ASKED, ids=["get", "remembered", "offered"])
def test_a_secret_that_is_not_text(
    value: Any, ask: Callable[[Keyring], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: Returning("alice", value))
    with pytest.raises(
        SourceUnavailableError, match=f"returned a secret of type {type(value).__name__} instead of text"
    ):
        ask(Keyring(None))


def test_an_entry_that_is_not_text_leaves_the_others_in_use_and_can_be_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries: dict[str, Any] = {"alice": b"hunter2", "bob": "correct-horse"}

    class Mixed(Returning):
        def get_password(self, _service: str, username: str) -> Any:
            return entries.get(username)

        def set_password(self, _service: str, username: str, password: str) -> None:
            entries[username] = password

        def get_credential(self, _service: str, username: str | None) -> Any:
            return SimpleCredential(username, entries[username]) if username else None

    monkeypatch.setattr(keyring, "get_keyring", lambda: Mixed(None, None))
    ring = Keyring(None)
    with pytest.raises(SourceUnavailableError, match="of type bytes"):
        ring.get(URL, "alice")
    assert ring.fault is None
    assert ring.get(URL, "bob") == Secret("correct-horse")
    assert ring.set(URL, "alice", Secret("battery-staple")) == ""
    assert ring.get(URL, "alice") == Secret("battery-staple")


def test_a_secret_of_another_user_is_not_used_if_the_backend_names_that_user_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Named(Returning):
        def get_credential(self, _service: str, _username: str | None) -> Any:
            return SimpleCredential("bob", "")

    monkeypatch.setattr(keyring, "get_keyring", lambda: Named(None, "hunter2"))
    ring = Keyring(None)
    assert ring.get(URL, "alice") is None
    assert ring.offered(URL) is None


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_a_user_name_that_is_not_text(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: Returning(value, "hunter2"))
    with pytest.raises(SourceUnavailableError, match="returned a user name of type"):
        Keyring(None).offered(URL)


@pytest.mark.parametrize("user", ["a\x1b[2Jb", "a\nb", "a:b", "\u202eecila", "\ud800"])
def test_a_user_name_that_cannot_be_sent(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: Returning(user, "hunter2"))
    with pytest.raises(SourceUnavailableError, match="offers a user name that can't be sent"):
        Keyring(None).offered(URL)


SPELT = [
    "('alice', 1)",
    "('alice', b'hunter2')",
    "('alice', ('hunter2',))",
    "(1, 'hunter2')",
    "('a\\x1b[2Jb\\n', 'hunter2')",
]


@pytest.mark.parametrize("answer", SPELT)
def test_each_is_one_line_and_the_run_goes_on(job: Job, answer: str) -> None:
    job.at.home.use_keyring("Odd")
    without = job.at.publish_in_process(ODD_KEYRING=answer)
    assert without.returncode == 1
    lines = [line for line in without.output.splitlines() if "keyring: any user" in line]
    assert len(lines) == 1
    assert ": unavailable: the keyring " in lines[0]
    assert "hunter2" not in without.output
    assert "bug in hatch-tokenindex" not in without.output
    assert job.publish(ODD_KEYRING=answer).returncode == 0
