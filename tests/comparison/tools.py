"""Where the upload tools are installed: in this environment, or each in a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from hatch_process import command

if TYPE_CHECKING:
    from pathlib import Path

    from comparison.candidates import Candidate

_FOR_THE_KEYRING = ("keyring", "filelock")
"""What `keyring_backends` needs."""


@dataclass(frozen=True)
class Tool:
    """A candidate that is installed: the path of its command, and its version."""

    candidate: Candidate
    executable: str
    version: str


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
