"""Finding distributions on disk, and hashing them."""

from __future__ import annotations

import glob
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, parse_sdist_filename, parse_wheel_filename

from hatch_tokenindex.distributions.problems import error_from, reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packaging.tags import Tag
    from packaging.version import Version

WHEEL_SUFFIX = ".whl"
SDIST_SUFFIX = ".tar.gz"
ATTESTATION_SUFFIX = ".attestation"
_SIGNATURE_SUFFIXES = (".asc", ".sig", ".sha256", ".sha512", ".sigstore", ".sigstore.json", ".provenance")
_BESIDE = (
    *(f"{kind}{suffix}" for kind in (WHEEL_SUFFIX, SDIST_SUFFIX) for suffix in _SIGNATURE_SUFFIXES),
    ATTESTATION_SUFFIX,
)
"""Endings of files that tools write beside distributions."""
LONGEST_FILENAME = 255
"""Characters, as in file systems. Parsing takes time that grows with the cube of the length, for tags of wheels."""
NOT_A_DISTRIBUTION = f"is neither a wheel ({WHEEL_SUFFIX}) nor an sdist ({SDIST_SUFFIX})"

_BLOCK = 1024 * 1024


def find(artifacts: Sequence[str], root: Path, default_folders: Sequence[str] = ("dist",)) -> list[Path]:
    """Return the wheels and sdists that `artifacts` name, each file once, sorted.

    Args:
        artifacts: Paths relative to `root`, or else to the current folder. A folder stands for its `.whl` and `.tar.gz`
            files, without subfolders; a pattern like `dist/*`, which shells on Windows don't expand, for what it matches;
            a symbolic link to a file is known by the link's own name.
        root: The project's folder.
        default_folders: The folders, relative to `root`, that are used if `artifacts` is empty, as far as they exist;
            never patterns.

    Raises:
        DistributionError: Paths are missing, unreadable, or neither wheels nor sdists; the text lists all of them.
    """
    problems: dict[Path, list[str]] = {}
    files: list[Path] = []
    # A project's file chooses the default folders, so they are no patterns, which could lead anywhere.
    named = [path for name in artifacts for path in _named(name, root)]
    for path in named or [root / folder for folder in default_folders]:
        try:
            for candidate in _candidates(path, named=bool(artifacts)):
                if fault := _fault(candidate):
                    problems[candidate] = [fault]
                else:
                    files.append(candidate)
        except (OSError, ValueError) as error:
            problems[path] = [f"can't be read: {reason(error)}"]
    if problems:
        raise error_from(problems)
    return _each_once(files)


def parse_filename(filename: str) -> tuple[NormalizedName, Version, frozenset[Tag]]:
    """Return the name, version and tags in a distribution's file name; an sdist has no tags. Raises `ValueError`."""
    if not filename.isascii():
        msg = "has non-ASCII characters in its name"
        raise ValueError(msg)
    if len(filename) > LONGEST_FILENAME:
        msg = f"has a name longer than {LONGEST_FILENAME} characters"
        raise ValueError(msg)
    if filename.endswith(WHEEL_SUFFIX):
        name, version, _, tags = parse_wheel_filename(filename)
        return name, version, tags
    return *parse_sdist_filename(filename), frozenset()


def project_of(path: Path) -> NormalizedName | None:
    """Return the normalized project name (PEP 503) in the file's name; `None` if it isn't a distribution's name."""
    try:
        return parse_filename(path.name)[0]
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
        raise error_from({path: [f"can't be read: {reason(error)}"]}) from error
    return digest.hexdigest()


def _named(name: str, root: Path) -> list[Path]:
    """Return the paths that a name stands for; one of nothing stands for a path in the project's folder."""
    folders = [str(root), os.getcwd()]
    for folder in folders:
        if os.path.lexists(path := os.path.join(folder, name)):
            return [Path(path)]
    for folder in folders:
        if paths := glob.glob(os.path.join(glob.escape(folder), name)):
            return [Path(path) for path in sorted(paths)]
    return [root / name]


def _candidates(path: Path, *, named: bool) -> Iterator[Path]:
    """Return the files in a folder that have a distribution's name, or the path itself."""
    if path.is_dir() and not _is_distribution(path):
        yield from sorted(entry for entry in path.iterdir() if _is_distribution(entry))
    elif named and not (path.name.endswith(_BESIDE) and path.is_file()):
        # `dist/*` also names signatures and digests, and attestations, which are found beside their distributions.
        yield path


def _is_distribution(path: Path) -> bool:
    return path.name.endswith((WHEEL_SUFFIX, SDIST_SUFFIX))


def _fault(path: Path) -> str | None:
    """Return the reason why a path can't be a distribution, without reading it."""
    if path.is_file():
        return None if _is_distribution(path) else NOT_A_DISTRIBUTION
    if path.is_dir():
        return "is a folder, not a distribution"
    if path.is_symlink():
        return "is a broken symbolic link"
    if path.exists():
        return "is not a regular file"
    return "matches no file" if glob.has_magic(path.name) else "does not exist"


def _each_once(files: Iterable[Path]) -> list[Path]:
    """Drop paths that lead to the same file; a file is preferred to a symbolic link to it."""
    by_target: dict[str, Path] = {}
    for path in sorted(files, key=lambda path: (path.is_symlink(), path)):
        by_target.setdefault(os.path.normcase(os.path.realpath(path)), path)
    return sorted(by_target.values())
