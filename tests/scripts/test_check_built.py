"""`scripts/check_built.py`: what is about to be released is this version, and complete."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from hatch_tokenindex.__about__ import __version__

ROOT = Path(__file__).resolve().parents[2]
TOP = f"hatch_tokenindex-{__version__}"
WHEEL, SDIST = f"{TOP}-py3-none-any.whl", f"{TOP}.tar.gz"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of this project, not to be changed."""
    folder = tmp_path_factory.mktemp("built")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    return folder


@pytest.fixture
def dist(built: Path, tmp_path: Path) -> Path:
    """The same, to be changed by a test."""
    return shutil.copytree(built, tmp_path / "dist")


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script on a folder, with no more than Python."""
    script = ROOT / "scripts" / "check_built.py"
    return subprocess.run([sys.executable, "-S", script, folder], capture_output=True, text=True, check=False)


def test_what_this_project_builds_is_complete(built: Path) -> None:
    done = check(built)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"The wheel and the sdist of {__version__} in {built} are complete\n"


@pytest.mark.parametrize(
    "missing",
    [
        "hatch_tokenindex/py.typed",
        "hatch_tokenindex/index/upload.py",
        f"{TOP}.dist-info/entry_points.txt",
        f"{TOP}.dist-info/licenses/LICENSE",
    ],
)
def test_a_wheel_that_lacks_a_file_is_told(dist: Path, missing: str) -> None:
    whole = (dist / WHEEL).rename(dist.parent / "whole.whl")
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(dist / WHEEL, "w") as target:
        for name in source.namelist():
            if name != missing:
                target.writestr(name, source.read(name))
    done = check(dist)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{WHEEL} lacks {missing}.\n")


@pytest.mark.parametrize(
    "missing", ["PKG-INFO", "pyproject.toml", "CHANGELOG.md", "tests/conftest.py", "docs/index.md"]
)
def test_an_sdist_that_lacks_a_file_is_told(dist: Path, missing: str) -> None:
    whole = (dist / SDIST).rename(dist.parent / "whole.tar.gz")
    with tarfile.open(whole) as source, tarfile.open(dist / SDIST, "w:gz") as target:
        for member in source.getmembers():
            if member.name != f"{TOP}/{missing}":
                target.addfile(member, source.extractfile(member))
    done = check(dist)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{SDIST} lacks {TOP}/{missing}.\n")


def test_files_of_another_version_are_told(dist: Path) -> None:
    (dist / WHEEL).rename(dist / "hatch_tokenindex-0.0-py3-none-any.whl")
    done = check(dist)
    found = f"hatch_tokenindex-0.0-py3-none-any.whl, {SDIST}"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{dist} should hold {WHEEL} and {SDIST}, but holds {found}.\n"


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    assert check(tmp_path).stderr == f"{tmp_path} should hold {WHEEL} and {SDIST}, but holds nothing.\n"
