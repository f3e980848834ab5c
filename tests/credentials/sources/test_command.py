"""`auth-command`: which program is run, and that what it prints first is the secret."""

from __future__ import annotations

import errno
import gc
import os
import sys
from typing import TYPE_CHECKING

import pytest
from api_tokens import account_token
from maintainer import private_repository

from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.credentials.sources import command as commands
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from maintainer import Maintainer

TOKEN = account_token()


@pytest.mark.skipif(sys.platform == "win32", reason="makes a shell script")
def test_a_clone_does_not_bring_the_program_of_auth_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "password-manager"
    program.write_text("#!/bin/sh\necho stolen\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".")
    with pytest.raises(CredentialError, match="are not run"):
        commands.first_line(WithOrigin((program.name,), "`auth-command`"), None)
    assert commands.first_line(WithOrigin((str(program),), "`auth-command`"), None).reveal() == "stolen"


def refused(*command: str) -> str:
    """The error message for a command that printed no secret."""
    with pytest.raises(CredentialError) as caught:
        commands.first_line(WithOrigin(command, "`auth-command`"), None)
    return str(caught.value)


def test_a_program_that_is_not_there() -> None:
    assert refused("no-such-program") == f"`auth-command`: can't run 'no-such-program': {os.strerror(errno.ENOENT)}."


def test_a_command_line_that_no_program_can_be_given() -> None:
    assert (
        refused(sys.executable, "\0") == f"`auth-command`: can't run {sys.executable!r}: the command line is not valid."
    )


@pytest.mark.parametrize(("errors", "said"), [("", ""), ("Locked.\n", "\nIts error output:\n  Locked.")])
def test_a_program_that_prints_nothing(errors: str, said: str) -> None:
    code = f"import sys; print(); print('the second line'); sys.stderr.write({errors!r})"
    printed_nothing = "printed nothing on the first line of its output"
    assert refused(sys.executable, "-S", "-c", code) == f"`auth-command`: {sys.executable!r} {printed_nothing}.{said}"


def test_a_program_that_waits_for_somebody_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "TIME_LIMIT", 0.5)
    code = (
        "import sys, threading; print('s3cret', file=sys.stderr); print('s3cret', flush=True); threading.Event().wait()"
    )
    told = refused(sys.executable, "-S", "-c", code)
    assert told.startswith(f"`auth-command`: {sys.executable!r} timed out after 0.5 s.")
    assert "s3cret" not in told


@pytest.mark.skipif(sys.platform == "win32", reason="starts a shell; there, what it said so far can't be had")
def test_what_a_program_said_before_it_was_ended_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "TIME_LIMIT", 2)
    told = refused("sh", "-c", "echo s3cret; echo 'Touch the key, s3cret.' >&2; exec sleep 60")
    assert told == "`auth-command`: 'sh' timed out after 2 s.\nIts error output:\n  Touch the key, *****."
    # A pipe that was left open would be complained of now.
    gc.collect()


# What it prints


def test_a_byte_order_mark_is_no_part_of_the_secret() -> None:
    code = r"import sys; sys.stdout.buffer.write(b'\xef\xbb\xbfs3cret\r\n')"
    assert (
        commands.first_line(WithOrigin((sys.executable, "-S", "-c", code), "`auth-command`"), None).reveal() == "s3cret"
    )


def test_what_is_not_utf_8_is_refused_and_not_altered(at_index: Maintainer) -> None:
    code = r"import sys; sys.stdout.buffer.write(b's3cr\xe8t\n')"
    command = [sys.executable, "-S", "-c", code]
    at_index.home.configure_hatch(private_repository(url=at_index.url, **{"auth-command": command}))
    at_index.build()
    result = at_index.publish_in_process()
    assert result.returncode == 1
    assert "`auth-command` of [publish.tokenindex.repos.private]" in result.words
    assert "is not UTF-8 text" in result.words
    assert "s3cr" not in result.output
    assert at_index.received == []


def test_a_person_is_told_what_is_awaited_but_nothing_that_the_program_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "PATIENCE", 0.5)
    code = "import sys, time; print('touch the key', file=sys.stderr, flush=True); time.sleep(1.5); print('s3cret')"
    notes: list[str] = []
    given: WithOrigin[tuple[str, ...]] = WithOrigin((sys.executable, "-S", "-c", code), "`auth-command`")
    assert commands.first_line(given, notes.append) == Secret("s3cret")
    assert notes == [f"Waiting for {sys.executable!r}. Does your password manager ask to be unlocked?"]


@pytest.mark.parametrize("secret", [b"p\xe9ssword-secret", b"s3cret-pass-word"])
def test_a_secret_that_a_failing_program_repeats_is_masked(secret: bytes) -> None:
    code = f"import sys; o, e = sys.stdout.buffer, sys.stderr.buffer; o.write({secret!r}); e.write(b'bad: ' + {secret!r}); sys.exit(1)"
    assert refused(sys.executable, "-S", "-c", code).endswith("Its error output:\n  bad: *****")


def test_a_token_that_a_program_repeats_before_it_gives_it_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "TIME_LIMIT", 1)
    code = f"import sys, time; print('trying', {TOKEN!r}, file=sys.stderr, flush=True); time.sleep(20)"
    assert TOKEN not in refused(sys.executable, "-S", "-c", code)
