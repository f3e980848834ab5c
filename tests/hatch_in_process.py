"""Hatch's real command line inside the process of the tests: for tables of hundreds of runs."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from click.testing import CliRunner
from hatch.cli import hatch
from hatch_process import HatchResult, Home
from keyring.core import init_backend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def invoke_hatch(*arguments: str | Path, cwd: Path, home: Home, env: Mapping[str, str] | None = None) -> HatchResult:
    """Run `hatch` as `run_hatch` does, but in this process, and let every exception through that it raises.

    Standard input is at its end and no terminal.
    """
    with living_in(home, cwd, env or {}):
        result = CliRunner().invoke(hatch, [str(argument) for argument in arguments], catch_exceptions=False)
    return HatchResult(result.exit_code, result.stdout, result.stderr)


@contextmanager
def living_in(home: Home, cwd: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Be, for a while, a process that was started there with the home's environment and this one."""
    before = os.getcwd()
    with mock.patch.dict(os.environ, {**home.environment, **env}, clear=True):
        os.chdir(cwd)
        init_backend()
        try:
            yield
        finally:
            os.chdir(before)
