"""`auth-command`: a secret from a password manager."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from errno import EACCES, ENOENT
from pathlib import Path
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.credential import TOKEN_USER
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.secrets import MASK, Redactor, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_tokenindex.config.origin import WithOrigin

TIME_LIMIT = 60
"""Seconds that the program may take."""
_TOKEN_LIKE = re.compile(r"pypi-[\w-]{16,}")
PATIENCE = 5
"""Seconds that it has before a person is told what is awaited."""


def first_line(command: WithOrigin[tuple[str, ...]], tell: Callable[[str], None] | None) -> Secret:
    """Run the program and take the first line of its output. Raises `CredentialError` with the program's own words.

    `tell` shows a person what is awaited: the program may want to be unlocked. It is `None` where nobody is there.
    """
    program = command.value[0]
    status, output, errors = _run(command, tell)
    secret, said = secret_of(output), _said(output, errors)
    if status != 0:
        msg = f"{command.origin}: {program!r} ended with status {status}.{said}"
        raise CredentialError(msg)
    if not secret:
        msg = f"{command.origin}: {program!r} printed no secret on the first line of its output.{said}"
        raise CredentialError(msg)
    return secret


def secret_of(output: bytes) -> Secret:
    """The secret on the first line of what a program wrote. What isn't UTF-8 stays recognisable, and is refused later."""
    return Secret(output.partition(b"\n")[0].decode("utf-8-sig", "surrogateescape").rstrip("\r"))


def _said(output: bytes | None, errors: bytes | None) -> str:
    """What a program wrote to standard error, without the secret that it gave, or was about to give."""
    text = Redactor(((TOKEN_USER, secret_of(output or b"")),)).redact(
        (errors or b"").decode("utf-8", "surrogateescape")
    )
    shown = _TOKEN_LIKE.sub(MASK, text).encode("utf-8", "surrogateescape").decode(errors="replace").strip()
    return f" It said: {shown[:1000]}" if shown else ""


def _run(command: WithOrigin[tuple[str, ...]], tell: Callable[[str], None] | None) -> tuple[int, bytes, bytes]:
    program, *arguments = command.value
    try:
        process = subprocess.Popen(
            (_found(program), *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the command line is not valid"
        msg = f"{command.origin}: {program!r} can't be run: {reason}."
        raise CredentialError(msg) from None
    try:
        output, errors = process.communicate(timeout=min(PATIENCE, TIME_LIMIT))
    except subprocess.TimeoutExpired:
        if tell is not None:
            tell(f"Waiting for {program!r}: it may want to be unlocked.")
        try:
            output, errors = process.communicate(timeout=max(0, TIME_LIMIT - PATIENCE))
        except subprocess.TimeoutExpired as expired:
            # Not read to the end again: a grandchild could hold the pipes open for ever.
            process.kill()
            process.wait()
            _close_pipes(process)
            said = _said(expired.output, expired.stderr)
            msg = f"{command.origin}: {program!r} gave no answer within {TIME_LIMIT} seconds.{said}"
            raise CredentialError(msg) from None
    return process.returncode, output, errors


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    # On Windows, threads that still read them have them, and close them themselves.
    for pipe in () if sys.platform == "win32" else filter(None, (process.stdout, process.stderr)):
        pipe.close()


def _found(program: str) -> str:
    """Where a program lies that is given by name. Windows would look into the current folder first, which a clone fills."""
    found = shutil.which(program)
    if found is None:
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT))
    if os.path.basename(program) == program and Path(found).absolute().parent == Path.cwd():
        raise PermissionError(EACCES, "a program of the current folder is not run")
    return found
