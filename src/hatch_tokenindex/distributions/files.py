"""The files that a run is about: finding them on disk, and hashing them."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, parse_sdist_filename, parse_wheel_filename

from hatch_tokenindex.distributions.diagnostics import grouped, reason
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

WHEEL_SUFFIX = ".whl"
SDIST_SUFFIX = ".tar.gz"
ATTESTATION_SUFFIX = ".attestation"

_DEFAULT_FOLDER = "dist"
_BLOCK = 1024 * 1024


def find(artifacts: Sequence[str], root: Path) -> list[Path]:
    """Return the wheels and sdists that `artifacts` name, each file once, sorted.

    A path is relative to `root`. A folder gives its `.whl` and `.tar.gz` files, without those of its subfolders; a
    symbolic link to a file counts by the link's own name. With no artifacts, the folder `dist` is looked into, which
    may be missing.

    Raises:
        DistributionError: A named path does not exist or is neither a wheel nor an sdist, or a folder or something in
            it that has such a name can't be used; all of these at once.
    """
    problems: dict[Path, list[str]] = {}
    files: list[Path] = []
    for path in [root / artifact for artifact in artifacts] or [root / _DEFAULT_FOLDER]:
        try:
            for candidate in _candidates(path, named=bool(artifacts)):
                if fault := _fault(candidate):
                    problems[candidate] = [fault]
                else:
                    files.append(candidate)
        except (OSError, ValueError) as error:
            problems[path] = [f"can't be read: {escaped_line(reason(error))}"]
    if problems:
        raise grouped(problems)
    return _each_once(files)


def project_of(path: Path) -> NormalizedName | None:
    """Return the project that a file belongs to by its name, normalized (PEP 503); `None` for the name of no distribution."""
    parse = parse_wheel_filename if path.name.endswith(WHEEL_SUFFIX) else parse_sdist_filename
    try:
        return parse(path.name)[0]
    except ValueError:
        return None


def sha256(path: Path) -> str:
    """Return the SHA-256 digest of a file in hexadecimal.

    Raises:
        DistributionError: The file can't be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise grouped({path: [f"can't be read: {escaped_line(reason(error))}"]}) from error
    return digest.hexdigest()


def _candidates(path: Path, *, named: bool) -> Iterator[Path]:
    """What a path stands for: what in a folder has the name of a distribution, or itself."""
    if path.is_dir() and not _is_distribution(path):
        yield from sorted(entry for entry in path.iterdir() if _is_distribution(entry))
    elif named and not (path.name.endswith(ATTESTATION_SUFFIX) and path.is_file()):
        # An attestation that `dist/*` names goes with its distribution.
        yield path


def _is_distribution(path: Path) -> bool:
    return path.name.endswith((WHEEL_SUFFIX, SDIST_SUFFIX))


def _fault(path: Path) -> str | None:
    """Why a path can't be taken for a distribution, before anything of it is read."""
    if path.is_file():
        return None if _is_distribution(path) else f"is no wheel ({WHEEL_SUFFIX}) and no sdist ({SDIST_SUFFIX})"
    if path.is_dir():
        return "is a folder, though its name is that of a distribution"
    if path.is_symlink():
        return "is a symbolic link that leads to no file"
    return "is not a regular file" if path.exists() else "does not exist"


def _each_once(files: Iterable[Path]) -> list[Path]:
    """Drop paths that lead to a file already there; a file's own name counts before that of a link to it."""
    by_target: dict[str, Path] = {}
    for path in sorted(files, key=lambda path: (path.is_symlink(), path)):
        by_target.setdefault(os.path.normcase(os.path.realpath(path)), path)
    return sorted(by_target.values())
