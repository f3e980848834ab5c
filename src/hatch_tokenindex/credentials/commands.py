"""`auth-command`: a secret from a password manager."""

from __future__ import annotations

import os
import shutil
import subprocess
from errno import EACCES, ENOENT
from pathlib import Path
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.sources import TOKEN_USER
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.tokens import Redactor, Secret

if TYPE_CHECKING:
    from hatch_tokenindex.given import Given

TIME_LIMIT = 60
"""Seconds that the program may take."""


def first_line(command: Given[tuple[str, ...]]) -> Secret:
    """Run the program and take the first line of its output. Raises `CredentialError` with the program's own words."""
    program = command.value[0]
    status, output, errors = _run(command)
    secret = Secret(output.partition("\n")[0].rstrip("\r"))
    errors = Redactor(((TOKEN_USER, secret),)).redact(errors).strip()
    said = f" It said: {errors[:1000]}" if errors else ""
    if status != 0:
        msg = f"{command.origin}: {program!r} ended with status {status}.{said}"
        raise CredentialError(msg)
    if not secret:
        msg = f"{command.origin}: {program!r} printed no secret on the first line of its output.{said}"
        raise CredentialError(msg)
    return secret


def _run(command: Given[tuple[str, ...]]) -> tuple[int, str, str]:
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
        output, errors = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        # Not read to the end again: a grandchild could hold the pipes open for ever.
        process.kill()
        process.wait()
        msg = f"{command.origin}: {program!r} gave no answer within {TIME_LIMIT} seconds."
        raise CredentialError(msg) from None
    return process.returncode, output.decode(errors="replace"), errors.decode(errors="replace")


def _found(program: str) -> str:
    """Where a program lies that is given by name. Windows would look into the current folder first, which a clone fills."""
    found = shutil.which(program)
    if found is None:
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT))
    if os.path.basename(program) == program and Path(found).absolute().parent == Path.cwd():
        raise PermissionError(EACCES, "a program of the current folder is not run")
    return found
