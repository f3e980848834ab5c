"""The real command lines inside the process of the tests: for tables of hundreds of runs."""

from __future__ import annotations

import os
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any
from unittest import mock

from click.testing import CliRunner
from hatch.cli import hatch
from hatch_plugins import search_once
from hatch_process import HatchResult, Home
from keyring.core import init_backend

from hatch_tokenindex.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hatch_process import Project


def cli_runner() -> CliRunner:
    """A runner that keeps standard output and standard error apart, which Click before 8.2 has to be told."""
    options: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
    return CliRunner(**options)


def invoke_hatch(*arguments: str | Path, cwd: Path, home: Home, env: Mapping[str, str] | None = None) -> HatchResult:
    """Run `hatch` as `run_hatch` does, but in this process, and let every exception through that it raises.

    Standard input is at its end and no terminal.
    """
    with living_in(home, cwd, env or {}):
        result = cli_runner().invoke(hatch, [str(argument) for argument in arguments], catch_exceptions=False)
    return HatchResult(result.exit_code, result.stdout, result.stderr)


def invoke_tokenindex(
    *arguments: str, cwd: Path, home: Home, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> HatchResult:
    """Run `hatch-tokenindex` likewise, with this on a standard input that is no terminal."""
    with living_in(home, cwd, env or {}):
        result = cli_runner().invoke(main, arguments, input=stdin, catch_exceptions=False)
    return HatchResult(result.exit_code, result.stdout, result.stderr)


def publish(project: Project, home: Home, *arguments: str | Path, flag: str = "", **environment: str) -> HatchResult:
    """Publish with this plugin what is in `dist`; `flag` is one of Hatch's own, as `-q`."""
    flags = [flag] if flag else []
    return invoke_hatch(
        *flags, "publish", "-p", "tokenindex", *arguments, cwd=project.folder, home=home, env=environment
    )


@contextmanager
def living_in(home: Home, cwd: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Be, for a while, a process that was started there with the home's environment and this one."""
    with being_process(cwd, {**home.environment, **env}):
        yield


@contextmanager
def being_process(cwd: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Be, for a while, a process that was started there with this environment and no other."""
    before = os.getcwd()
    with mock.patch.dict(os.environ, environment, clear=True), search_once():
        os.chdir(cwd)
        init_backend()
        try:
            yield
        finally:
            os.chdir(before)
