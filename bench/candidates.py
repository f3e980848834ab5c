"""The command line of each upload tool, without prompts, colours, and requests to other hosts."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bench.agreed import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CREDENTIALS = {
    "HATCH_INDEX_USER": USER,
    "HATCH_INDEX_AUTH": PASSWORD,
    "TWINE_USERNAME": USER,
    "TWINE_PASSWORD": PASSWORD,
    "UV_PUBLISH_USERNAME": USER,
    "UV_PUBLISH_PASSWORD": PASSWORD,
}
"""The variables from which each tool takes what the server wants; curl has it on its command line."""
_CURL = "curl"


@dataclass(frozen=True)
class Candidate:
    """A tool: `command` makes its command line of the upload URL and the files."""

    name: str
    command: Callable[[str, Sequence[Path]], Sequence[str | Path]]


def _script(name: str) -> Path:
    """A command of the environment that this runs in."""
    return Path(sysconfig.get_path("scripts"), name)


def _ours(url: str, files: Sequence[Path]) -> Sequence[str | Path]:
    return (_script("hatch"), "publish", "-p", "tokenindex", "-r", url, *files)


def _index(url: str, files: Sequence[Path]) -> Sequence[str | Path]:
    return (_script("hatch"), "publish", "-p", "index", "-r", url, *files)


def _twine(url: str, files: Sequence[Path]) -> Sequence[str | Path]:
    quiet = ("--non-interactive", "--disable-progress-bar")
    return (_script("twine"), "upload", *quiet, "--repository-url", url, *files)


def _uv(url: str, files: Sequence[Path]) -> Sequence[str | Path]:
    return (_script("uv"), "publish", "--trusted-publishing", "never", "--publish-url", url, *files)


def _uv_checking(url: str, files: Sequence[Path]) -> Sequence[str | Path]:
    return (*_uv(url, files), "--check-url", f"{url}simple/")


def _curl(url: str, files: Sequence[Path]) -> Sequence[str | Path]:
    (file,) = files
    fields = ("-F", ":action=file_upload", "-F", "protocol_version=1", "-F", f"content=@{file}")
    return (_CURL, "--silent", "--show-error", "--fail", "--user", f"{USER}:{PASSWORD}", *fields, url)


OURS = Candidate("hatch publish -p tokenindex", _ours)
INDEX = Candidate("hatch publish -p index", _index)
TWINE = Candidate("twine upload", _twine)
UV = Candidate("uv publish", _uv)
UV_CHECKING = Candidate("uv publish --check-url", _uv_checking)
CURL = Candidate("curl -F", _curl)
PEERS = (INDEX, TWINE, UV)


def has_curl() -> bool:
    """Return True if this machine has curl."""
    return shutil.which(_CURL) is not None


def versions() -> str:
    """The versions of all tools, for people who compare figures."""
    tools = [f"{name} {version(name)}" for name in ("hatch-tokenindex", "hatch", "twine", "uv")]
    if has_curl():
        told = subprocess.run([_CURL, "--version"], capture_output=True, text=True, check=True).stdout
        tools.append(" ".join(told.split()[:2]))
    return ", ".join(tools)
