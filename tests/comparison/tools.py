"""Installations of the upload tools: in this environment, or each in a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from hatch_process import command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from comparison.candidates import Candidate

_PATIENCE = 60
"""Seconds that a tool has."""

_FOR_THE_KEYRING = ("keyring", "filelock")
"""The requirements of `keyring_backends`."""


@dataclass(frozen=True)
class Ending:
    """The result of a tool's run: its exit status and all its output."""

    status: int
    output: str

    @property
    def words(self) -> str:
        """The output on one line: for texts that may be wrapped."""
        return " ".join(self.output.split())


def run_command(command_line: list[str], folder: Path, environment: Mapping[str, str]) -> Ending:
    """Run a command in a folder, where standard input is not a terminal."""
    done = subprocess.run(
        command_line,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_PATIENCE,
        check=False,
    )
    return Ending(done.returncode, done.stdout.decode("utf-8", errors="replace"))


@dataclass(frozen=True)
class Tool:
    """A candidate that is installed: the path of its command, its version, and how it is run where nobody is asked."""

    candidate: Candidate
    executable: str
    version: str
    run: Callable[[list[str], Path, Mapping[str, str]], Ending] = run_command


def installed_here(candidate: Candidate) -> Tool:
    """A tool of the environment that this runs in."""
    return Tool(candidate, command(candidate.executable), version(candidate.package))


def install(candidate: Candidate, folder: Path) -> Tool:
    """Make a virtual environment with the newest version of a tool."""
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    python, quietly = scripts / "python", ("--quiet", "--disable-pip-version-check")
    subprocess.run([python, "-m", "pip", "install", *quietly, candidate.requirement, *_FOR_THE_KEYRING], check=True)
    ask = f"from importlib.metadata import version; print(version({candidate.package!r}))"
    told = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout
    return Tool(candidate, str(scripts / candidate.executable), told.strip())
