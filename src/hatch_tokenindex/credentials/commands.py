"""`auth-command`: a secret from a password manager."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.sources import TOKEN_USER, Credential
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.tokens import Redactor, Secret

if TYPE_CHECKING:
    from hatch_tokenindex.given import Given

TIME_LIMIT = 60
"""Seconds that the program may take."""


def credential(command: Given[tuple[str, ...]], user: str | None) -> Credential:
    """Run the program and take the first line of its output. Raises `CredentialError` with the program's own words."""
    return Credential(user or TOKEN_USER, _first_line(command), command.origin)


@lru_cache
def _first_line(command: Given[tuple[str, ...]]) -> Secret:
    # One run asks once, however many projects it publishes: a password manager may want to be unlocked each time.
    program = command.value[0]
    status, output, errors = _run(command)
    first_line = Secret(output.partition("\n")[0].rstrip("\r"))
    errors = Redactor(((TOKEN_USER, first_line),)).redact(errors).strip()
    said = f" It said: {errors[:1000]}" if errors else ""
    if status != 0:
        msg = f"{command.origin}: {program!r} ended with status {status}.{said}"
        raise CredentialError(msg)
    if not first_line:
        msg = f"{command.origin}: {program!r} printed no secret on the first line of its output.{said}"
        raise CredentialError(msg)
    return first_line


def _run(command: Given[tuple[str, ...]]) -> tuple[int, str, str]:
    program = command.value[0]
    try:
        process = subprocess.Popen(
            command.value, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
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
