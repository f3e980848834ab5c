"""Secrets at the prompt: of any length, of several lines, corrected; and the terminal afterwards, however the run ended."""

from __future__ import annotations

import base64
import getpass
import os
import signal
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click
import pytest
from api_tokens import account_token
from hatch_process import HatchTerminal, needs_terminal
from rich.console import Console

from hatch_tokenindex.console import tty
from hatch_tokenindex.console.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maintainer import Maintainer

QUESTION = "input is hidden"


def login(maintainer: Maintainer, *arguments: str, **variables: str) -> HatchTerminal:
    """Log in at a terminal."""
    place, home = maintainer.project.folder, maintainer.home
    return HatchTerminal(
        "login", *arguments, cwd=place, home=home, env=variables, executable="hatch-tokenindex", timeout=20
    )


# What is typed


@needs_terminal
@pytest.mark.parametrize("length", [1023, 1024, 4094, 4095, 4096, 9000])
def test_a_secret_may_be_longer_than_a_line_of_the_terminal(at_index: Maintainer, length: int) -> None:
    secret = "".join(chr(ord("a") + number % 26) for number in range(length))
    with login(at_index, "-r", "private") as terminal:
        terminal.give_secret(secret)
        assert terminal.finish() == 0
    assert at_index.kept == {"__token__": secret}
    assert secret[:20] not in terminal.screen


TYPED = {
    "backspace": ("abx\x7fc", "abc"),
    "backspace over a letter of two bytes": ("aé\x7fbü", "abü"),
    "backspace at the beginning": ("\x7f\x7fabc", "abc"),
    "the line again": ("wrong\x15right", "right"),
    "the word again": ("wrong\x17right", "right"),
    "Ctrl-D at the end": ("abc\x04", "abc"),
}


@needs_terminal
@pytest.mark.parametrize(("keys", "secret"), TYPED.values(), ids=TYPED)
def test_what_is_typed_can_be_corrected(at_index: Maintainer, keys: str, secret: str) -> None:
    with login(at_index, "-r", "private") as terminal:
        terminal.give_secret(keys)
        assert terminal.finish() == 0
    assert at_index.kept == {"__token__": secret}


@needs_terminal
def test_a_wrapped_key_is_not_cut_after_its_first_line(at_index: Maintainer) -> None:
    wrapped = base64.encodebytes(bytes(range(256))).decode()
    assert len(wrapped.splitlines()[0]) == 76
    with login(at_index, "-r", "private") as terminal:
        terminal.give_secret(wrapped)
        terminal.expect("contains line breaks")
        terminal.give_secret("on one line")
        assert terminal.finish() == 0
    assert "Ctrl+V" not in terminal.words
    assert wrapped.splitlines()[1] not in terminal.screen
    assert at_index.kept == {"__token__": "on one line"}


@needs_terminal
def test_ctrl_v_that_did_not_paste_is_told(at_index: Maintainer) -> None:
    with login(at_index, "-r", "private") as terminal:
        terminal.give_secret("\x16")
        terminal.expect("as if Ctrl+V had not pasted")
        terminal.give_secret("pasted")
        assert terminal.finish() == 0
    assert at_index.kept == {"__token__": "pasted"}


@needs_terminal
@pytest.mark.parametrize("bad", [account_token()[:60], "hunter2-and-more", f"pypi-{'x' * 90}"])
def test_login_prompts_again_for_what_is_not_a_token(at_pypi: Maintainer, bad: str) -> None:
    with login(at_pypi) as terminal:
        terminal.give_secret(bad)
        terminal.expect("is not a valid API token, and PyPI accepts nothing else")
        terminal.give_secret(account_token())
        assert terminal.finish() == 0
    assert bad not in terminal.screen
    assert at_pypi.kept == {"__token__": account_token()}


@needs_terminal
@pytest.mark.parametrize("bad", [account_token()[:60], "hunter2-and-more"])
def test_a_run_prompts_again_for_what_is_not_a_token(at_pypi: Maintainer, bad: str) -> None:
    at_pypi.build()
    with at_pypi.at_terminal("-u", "__token__") as terminal:
        terminal.give_secret(bad)
        terminal.expect("is not a valid API token, and PyPI accepts nothing else")
        terminal.give_secret(account_token("good"))
        assert terminal.finish() == 0
    assert at_pypi.received == [(at_pypi.project.name, "__token__", "good")]


# The terminal afterwards


@needs_terminal
@pytest.mark.parametrize("end", ["Ctrl-C", "SIGHUP"])
@pytest.mark.parametrize("who", ["we", "the keyring"])
def test_the_terminal_shows_again_what_is_typed(at_index: Maintainer, who: str, end: str) -> None:
    at_index.build()
    if who == "the keyring":
        at_index.home.use_keyring("AsksAtTerminal")
    with at_index.at_terminal("-u", "__token__") as terminal:
        assert terminal.shows_input()
        terminal.expect("Password of the keyring: " if who == "the keyring" else "input is hidden")
        terminal.wait_for_hidden_input()
        if end == "Ctrl-C":
            terminal.interrupt_until("Aborted.")
        else:
            terminal.kill(getattr(signal, end))
        assert terminal.finish() != 0
        assert terminal.shows_input()
        assert terminal.reads_lines()
    assert at_index.received == []


@needs_terminal
def test_it_does_not_prompt_while_the_keyring_may_read(at_index: Maintainer) -> None:
    at_index.home.use_keyring("AsksAtTerminal")
    at_index.home.remember(at_index.url, "__token__", "of the keyring")
    at_index.build()
    with at_index.at_terminal() as terminal:
        terminal.expect("Password of the keyring: ")
        terminal.expect("Press Ctrl-C to continue without it")
        terminal.interrupt()
        terminal.expect("The keyring may still be reading from this terminal")
        terminal.expect("keyring=false")
        terminal.send("open sesame")
        terminal.expect("User name for")
        terminal.expect(": ")
        terminal.send("")
        terminal.give_secret("for the index")
        assert terminal.finish() == 0
        assert terminal.shows_input()
    assert at_index.received == [(at_index.project.name, "__token__", "for the index")]
    assert "open sesame" not in terminal.screen


def test_every_prompt_waits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal, reading = Terminal(Console()), threading.Event()
    done = threading.Event()
    done.set()
    terminal.hold_prompts(done)
    terminal.hold_prompts(reading)
    asked: list[bool] = []

    def answer(*_: object, **__: object) -> str:
        asked.append(reading.is_set())
        return ""

    monkeypatch.setattr(click, "prompt", answer)
    monkeypatch.setattr(click, "confirm", answer)
    monkeypatch.setattr(tty, "read_secret", answer)
    for ask in (terminal.ask, terminal.ask_secret, terminal.confirm):
        reading.clear()
        ending = threading.Timer(0.15, reading.set)
        ending.start()
        ask("What?")
        ending.join()
        ask("What?")
    assert asked == [True] * 6
    assert capsys.readouterr().err.count("The keyring may still be reading") == 1


def test_without_a_terminal_there_is_nothing_to_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError

    monkeypatch.setattr(os, "open", fail)
    with tty.restoring_terminal():
        pass


# Windows, where termios doesn't exist


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The keys that are typed at the console of a Windows in which this process seems to run."""
    typed: list[str] = []
    shown: list[str] = []
    console = SimpleNamespace(getwch=lambda: typed.pop(0), putwch=shown.append, kbhit=lambda: bool(typed))
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "msvcrt", console)
    monkeypatch.setattr(getpass, "msvcrt", console, raising=False)
    monkeypatch.setattr(sys, "stdin", sys.__stdin__)
    monkeypatch.setattr(tty, "getpass", getattr(getpass, "win_getpass"))  # noqa: B009 - there in every Python, but not for mypy
    yield typed
    assert "".join(shown).startswith("Token: ")


@pytest.mark.parametrize(
    ("typed", "secret"),
    [
        ("abc\r", "abc"),
        ("abx\bc\r", "abc"),
        ("abc\r\n", "abc"),
        ("abc\rdef\r", "abc\ndef"),
        ("abc\r\ndef\r\n", "abc\n\ndef"),
        (f"{'x' * 9000}\r", "x" * 9000),
        ("\x16\r", "\x16"),
    ],
)
def test_the_console_of_windows(keys: list[str], typed: str, secret: str) -> None:
    keys += typed
    with tty.restoring_terminal():
        assert tty.read_secret("Token: ") == secret


def test_ctrl_c_at_the_console_of_windows(keys: list[str]) -> None:
    keys += "ab\x03"
    with pytest.raises(KeyboardInterrupt):
        tty.read_secret("Token: ")
