"""Finding distributions: named paths, the default folder, unusable paths, and digests."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from broken_distributions import problems_of
from distribution_builders import make_sdist, make_wheel

from hatch_tokenindex.distributions import find, read, sha256
from hatch_tokenindex.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

needs_symlinks = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege on Windows")
needs_file_modes = pytest.mark.skipif(sys.platform == "win32", reason="file modes mean little on Windows")


# Finding them


def test_the_default_folder_is_dist_without_its_subfolders(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "dist")
    sdist = make_sdist(tmp_path / "dist")
    make_wheel(tmp_path / "dist" / "older", version="0.9")
    for other in (".gitignore", "demo-1.0.zip", "demo-1.0-py3-none-any.whl.publish.attestation"):
        (tmp_path / "dist" / other).write_bytes(b"")
    assert find([], tmp_path) == [wheel, sdist]


@pytest.mark.parametrize("make", [lambda _: None, Path.mkdir, Path.touch], ids=["missing", "empty", "file"])
def test_a_default_folder_with_nothing_in_it_gives_nothing(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "dist")
    assert find([], tmp_path) == []


def test_named_paths_are_relative_to_root_sorted_and_once(tmp_path: Path) -> None:
    second = make_wheel(tmp_path / "out", version="2.0")
    first = make_wheel(tmp_path / "out", version="1.0")
    make_wheel(tmp_path / "dist")
    artifacts = [f"out/{second.name}", "out", f"out/../out/{first.name}", str(first)]
    assert [path.resolve() for path in find(artifacts, tmp_path)] == [first, second]


def test_other_default_folders(tmp_path: Path) -> None:
    wheel, sdist = make_wheel(tmp_path / "build" / "wheels"), make_sdist(tmp_path / "out")
    make_wheel(tmp_path / "dist")
    assert find([], tmp_path, ["build/wheels", "missing", "out"]) == [wheel, sdist]


def test_a_path_can_be_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path into a subfolder or another project, as completed by the shell."""
    root, below = tmp_path / "project", tmp_path / "project" / "dist"
    wheel, other = make_wheel(below), make_wheel(below / "dist", version="2.0")
    monkeypatch.chdir(below)
    assert find([wheel.name], root) == [wheel]
    assert [path.resolve() for path in find(["../dist/*.whl"], root)] == [wheel]
    assert find([f"dist/{other.name}"], root) == [other]
    # As Hatch documents it, the project's folder comes first.
    assert find(["dist"], root) == [wheel]


def test_a_pattern_is_expanded(tmp_path: Path) -> None:
    """Windows shells and CI services that run a program without a shell don't do that."""
    files = [
        make_wheel(tmp_path / "dist [x]"),
        make_sdist(tmp_path / "dist [x]"),
        make_wheel(tmp_path / "dist [x]", "b"),
    ]
    for path in files:
        path.with_name(f"{path.name}.asc").touch()
    assert find(["dist*/*"], tmp_path) == sorted(files)
    assert find(["dist [[]x]/*.whl", "dist [[]x[]]/demo-?.0.tar.gz"], tmp_path) == sorted(files)
    assert find([str(tmp_path / "*" / "b*")], tmp_path) == files[2:]
    with pytest.raises(DistributionError, match=r"demo-\*\.whl can't be published:\n  matches no file"):
        find(["demo-*.whl"], tmp_path)


def test_a_name_is_not_taken_for_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    path = make_wheel(tmp_path / "dist", filename="demo-1.0-py3-none-[a].whl")
    make_wheel(tmp_path / "dist", filename="demo-1.0-py3-none-a.whl")
    assert find([f"dist/{path.name}"], tmp_path) == [path]


@needs_symlinks
def test_a_link_is_found_by_its_own_name(tmp_path: Path) -> None:
    stored = tmp_path / "store" / "7f3a"
    make_wheel(tmp_path / "store").rename(stored)
    (tmp_path / "dist").mkdir()
    link = tmp_path / "dist" / "demo-1.0-py3-none-any.whl"
    link.symlink_to(stored)
    assert find([], tmp_path) == [link]
    assert read(link).filename == "demo-1.0-py3-none-any.whl"


@needs_symlinks
def test_a_file_counts_before_a_link_to_it(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "dist")
    (tmp_path / "dist" / "a-1.0-py3-none-any.whl").symlink_to(wheel)
    assert find([], tmp_path) == [wheel]


def test_all_problems_of_all_paths_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "demo-1.0.zip").touch()
    (tmp_path / "dist" / "demo-1.0-py3-none-any.whl").mkdir(parents=True)
    with pytest.raises(DistributionError) as caught:
        find(["demo-1.0.zip", "missing.whl", "mis\u202e.whl", "dist"], tmp_path)
    assert str(caught.value).splitlines() == [
        "4 files can't be published:",
        f"{tmp_path / 'demo-1.0.zip'}:",
        "  is neither a wheel (.whl) nor an sdist (.tar.gz)",
        f"{tmp_path / 'missing.whl'}:",
        "  does not exist",
        rf"{tmp_path}{os.sep}mis\u202e.whl:",
        "  does not exist",
        f"{tmp_path / 'dist' / 'demo-1.0-py3-none-any.whl'}:",
        "  is a folder, not a distribution",
    ]


def test_a_named_folder_with_the_name_of_a_wheel_is_refused(tmp_path: Path) -> None:
    make_wheel(tmp_path / "demo-1.0-py3-none-any.whl")
    with pytest.raises(DistributionError, match="is a folder, not a distribution"):
        find(["demo-1.0-py3-none-any.whl"], tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_a_named_pipe_is_refused(tmp_path: Path) -> None:
    """Opening it would wait for whoever writes to it."""
    os.mkfifo(tmp_path / "demo-1.0-py3-none-any.whl")
    with pytest.raises(DistributionError, match="is not a regular file"):
        find(["demo-1.0-py3-none-any.whl"], tmp_path)


@needs_symlinks
@pytest.mark.parametrize("named", [True, False])
def test_broken_link_is_an_error(tmp_path: Path, named: bool) -> None:
    link = tmp_path / "dist" / "demo-1.0.tar.gz"
    link.parent.mkdir()
    link.symlink_to("nowhere")
    with pytest.raises(DistributionError, match="is a broken symbolic link"):
        find([str(link)] if named else [], tmp_path)


def test_null_byte_in_a_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        DistributionError, match=r"a\\x00b\.whl can't be published:\n  (does not exist|can't be read: .*)"
    ):
        find(["a\0b.whl"], tmp_path)


def test_paths_are_shown_as_typed_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DistributionError, match=r"\Adist.missing\.whl can't be published:\n"):
        find(["dist/missing.whl"], tmp_path)


# Permissions


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder owned by a non-root user, to whom file modes apply."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        if user == 0:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(user)


@needs_file_modes
def test_unreadable_file_is_reported(folder: Path) -> None:
    for path in (make_wheel(folder), make_sdist(folder)):
        path.chmod(0)
        assert problems_of(path) == ["can't be read: Permission denied"]
        with pytest.raises(DistributionError, match="can't be read: Permission denied"):
            sha256(path)


@needs_file_modes
def test_unreadable_folder_is_reported(folder: Path) -> None:
    make_wheel(folder / "dist")
    (folder / "dist").chmod(0)
    try:
        with pytest.raises(DistributionError, match=r"dist can't be published:\n  can't be read: Permission denied"):
            find([], folder)
    finally:
        (folder / "dist").chmod(0o700)


# Their digests


def test_the_digest_is_that_of_the_whole_file(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, extra={"data.bin": os.urandom(3 * 1024 * 1024 + 1)})
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(DistributionError, match="can't be read"):
        sha256(tmp_path / "missing.whl")


@pytest.mark.parametrize(
    "suffix", [".asc", ".sig", ".sha256", ".sha512", ".sigstore", ".sigstore.json", ".publish.attestation"]
)
def test_signatures_and_digests_beside_distributions_are_skipped(tmp_path: Path, suffix: str) -> None:
    """A shell expands `dist/*` to them too."""
    files = [make_wheel(tmp_path / "dist"), make_sdist(tmp_path / "dist")]
    for path in files:
        path.with_name(path.name + suffix).write_bytes(b"")
    assert find([str(path) for path in (tmp_path / "dist").iterdir()], tmp_path) == sorted(files)
