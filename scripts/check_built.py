"""Checks a folder of built files: this version's wheel and sdist and nothing else, with all that belongs into them.

It needs nothing but Python: `python3 scripts/check_built.py dist`.
"""

from __future__ import annotations

import argparse
import runpy
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "hatch_tokenindex"
IN_SDIST = ("src", "tests", "docs", "scripts", "bench")
"""The folders that an sdist has whole: what is needed to work on a release, but for the settings of our own CI."""


def main() -> None:
    """Check the folder that is named; what is wrong ends the script with its text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the wheel and the sdist are, like dist")
    folder: Path = parser.parse_args().folder
    version = runpy.run_path(str(PACKAGE / "__about__.py"))["__version__"]
    if problems := check(folder, version):
        sys.exit("\n".join(problems))
    print(f"The wheel and the sdist of {version} in {folder} are complete")


def check(folder: Path, version: str) -> list[str]:
    """What is wrong with the files in a folder that should hold this version."""
    wheel, sdist = f"hatch_tokenindex-{version}-py3-none-any.whl", f"hatch_tokenindex-{version}.tar.gz"
    found = {path.name for path in folder.iterdir()}
    if found != {wheel, sdist}:
        return [f"{folder} should hold {wheel} and {sdist}, but holds {', '.join(sorted(found)) or 'nothing'}."]
    with zipfile.ZipFile(folder / wheel) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(folder / sdist) as archive:
        in_sdist = set(archive.getnames())
    return [
        *_missing(wheel, _expected_in_wheel(f"hatch_tokenindex-{version}.dist-info"), in_wheel),
        *_missing(sdist, _expected_in_sdist(f"hatch_tokenindex-{version}"), in_sdist),
    ]


def _missing(name: str, expected: set[str], found: set[str]) -> list[str]:
    return [f"{name} lacks {path}." for path in sorted(expected - found)]


def _expected_in_wheel(metadata: str) -> set[str]:
    modules = {path.relative_to(PACKAGE.parent).as_posix() for path in _files(PACKAGE)}
    return modules | {f"{metadata}/{name}" for name in ("METADATA", "RECORD", "entry_points.txt", "licenses/LICENSE")}


def _expected_in_sdist(top: str) -> set[str]:
    files = [path for folder in IN_SDIST for path in _files(ROOT / folder)]
    files += [path for pattern in ("*.md", "*.toml", "LICENSE") for path in ROOT.glob(pattern)]
    return {f"{top}/PKG-INFO", *(f"{top}/{path.relative_to(ROOT).as_posix()}" for path in files)}


def _files(folder: Path) -> list[Path]:
    """All files below a folder, but for what Python and other tools leave there."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
    ]


if __name__ == "__main__":
    main()
