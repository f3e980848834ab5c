"""`auth-command`, a program of a password manager, as a source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from errno import EACCES, ENOENT
from pathlib import Path
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.credential import Credential
from hatch_tokenindex.credentials.finding import Mode, NoValue, Source, Status
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.secrets import MASK, REDACTOR, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_tokenindex.config.origin import WithOrigin

PLACE = "auth-command"
TIME_LIMIT = 60
"""Seconds that the program may run."""
PATIENCE = 5
"""Seconds after which the user sees what the run is waiting for."""
_LONGEST_ERROR_OUTPUT = 1000
_TOKEN_LIKE = re.compile(r"pypi-[\w-]{16,}")


def secret_source(
    command: WithOrigin[tuple[str, ...]] | None, user: str, run: Callable[[], Secret]
) -> Source[Credential]:
    """Return the source of the secret, for this user name; `run` returns what the configured program prints."""

    def read(mode: Mode) -> Credential | NoValue | None:
        if command is None:
            return None
        if mode is Mode.EXPLAIN:
            return NoValue(Status.WOULD_ACT, f"would run {command.value[0]!r}")
        return Credential(user, run(), command.origin)

    return Source(PLACE, read)


def first_line(command: WithOrigin[tuple[str, ...]], notify: Callable[[str], None] | None) -> Secret:
    """Run the program and return the first line of its output.

    Args:
        command: The program and its arguments.
        notify: Shows the user what the run is waiting for; None if no user is there.

    Raises:
        CredentialError: The program failed, printed nothing, or took longer than `TIME_LIMIT`; with its error output.
    """
    status, output, errors = _run(command, notify)
    secret = first_line_of(output)
    problem = f"failed with exit status {status}" if status else "printed nothing on the first line of its output"
    if status or not secret:
        msg = f"{command.origin}: {command.value[0]!r} {problem}.{_error_output(output, errors)}"
        raise CredentialError(msg)
    return secret


def first_line_of(output: bytes) -> Secret:
    """Return the first line of a program's output. Bytes that aren't UTF-8 become surrogates, which are refused later."""
    return Secret(output.partition(b"\n")[0].decode("utf-8-sig", "surrogateescape").rstrip("\r"))


def _error_output(output: bytes | None, errors: bytes | None) -> str:
    """Return what a program wrote to standard error, without the secret that it printed or was about to print."""
    # From now on, the redactor knows the secret.
    first_line_of(output or b"")
    text = REDACTOR.redact((errors or b"").decode("utf-8", "surrogateescape"))
    shown = _TOKEN_LIKE.sub(MASK, text).encode("utf-8", "surrogateescape").decode(errors="replace").strip()
    return f"\nIts error output:\n  {shown[:_LONGEST_ERROR_OUTPUT]}" if shown else ""


def _run(command: WithOrigin[tuple[str, ...]], notify: Callable[[str], None] | None) -> tuple[int, bytes, bytes]:
    program, *arguments = command.value
    try:
        process = subprocess.Popen(
            (_executable(program), *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the command line is not valid"
        msg = f"{command.origin}: can't run {program!r}: {reason}."
        raise CredentialError(msg) from None
    try:
        output, errors = process.communicate(timeout=min(PATIENCE, TIME_LIMIT))
    except subprocess.TimeoutExpired:
        if notify is not None:
            notify(f"Waiting for {program!r}. Does your password manager ask to be unlocked?")
        try:
            output, errors = process.communicate(timeout=max(0, TIME_LIMIT - PATIENCE))
        except subprocess.TimeoutExpired as expired:
            # Not read to the end again: a grandchild could hold the pipes open for ever.
            process.kill()
            process.wait()
            _close_pipes(process)
            error_output = _error_output(expired.output, expired.stderr)
            msg = f"{command.origin}: {program!r} timed out after {TIME_LIMIT} s.{error_output}"
            raise CredentialError(msg) from None
    return process.returncode, output, errors


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    # On Windows, the threads that still read the pipes close them themselves.
    for pipe in () if sys.platform == "win32" else filter(None, (process.stdout, process.stderr)):
        pipe.close()


def _executable(program: str) -> str:
    """Return the path of a program. Windows would look into the current folder first, which a clone fills."""
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT))
    if os.path.basename(program) == program and Path(path).absolute().parent == Path.cwd():
        raise PermissionError(EACCES, "programs in the current folder are not run")
    return path
