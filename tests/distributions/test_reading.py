"""Reading distributions: fields, names that disagree with the content, and all problems of all files at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from broken_distributions import problems_of
from distribution_builders import MARKDOWN, make_sdist, make_wheel

from hatch_tokenindex.distributions import project_of, read, read_all, sha256
from hatch_tokenindex.distributions.files import parse_filename
from hatch_tokenindex.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from maintainer import Maintainer


# Content


def test_what_is_read_of_a_wheel(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        "Demo.Project",
        "1.0rc1",
        tag="py3.py2-none-any",
        metadata_version="2.5",
        headers=[
            ("Summary", "Demonstrates"),
            ("Keywords", "one, two words,three"),
            ("Home-page", "UNKNOWN"),
            ("Author", ""),
            ("Author-email", "A <a@example.org>"),
            ("License-Expression", "MIT"),
            ("License-File", "LICENSE"),
            ("License-File", "NOTICE"),
            ("Classifier", "Programming Language :: Python"),
            ("Classifier", "Typing :: Typed"),
            ("Project-URL", "Source, https://example.org/source"),
            ("Project-URL", "Docs,https://example.org/docs"),
            ("Requires-Python", ">=3.10"),
            ("Requires-Dist", "httpx>=0.27; extra == 'http'"),
            ("Provides-Extra", "http"),
            ("Dynamic", "Requires-Dist"),
            ("Import-Name", "demo"),
            ("Import-Name", "_demo; private"),
            ("Import-Namespace", "spam"),
            MARKDOWN,
        ],
        description="# Demo\n\nümläut\n",
    )
    distribution = read(path)
    assert distribution.path == path
    assert distribution.filename == "demo_project-1.0rc1-py3.py2-none-any.whl"
    assert distribution.size == path.stat().st_size
    assert distribution.filetype == "bdist_wheel"
    assert distribution.project == "Demo.Project"
    assert distribution.name == "demo-project"
    assert distribution.version == "1.0rc1"
    assert all(warning.endswith(" (PyPI rejects this)") for warning in distribution.warnings)
    assert distribution.fields == (
        ("filetype", "bdist_wheel"),
        ("pyversion", "py2.py3"),
        ("metadata_version", "2.5"),
        ("name", "Demo.Project"),
        ("version", "1.0rc1"),
        ("dynamic", "Requires-Dist"),
        ("summary", "Demonstrates"),
        ("description", "# Demo\n\nümläut\n"),
        ("description_content_type", MARKDOWN[1]),
        ("keywords", "one,two words,three"),
        ("author_email", "A <a@example.org>"),
        ("license_expression", "MIT"),
        ("license_file", "LICENSE"),
        ("license_file", "NOTICE"),
        ("classifiers", "Programming Language :: Python"),
        ("classifiers", "Typing :: Typed"),
        ("project_urls", "Source, https://example.org/source"),
        ("project_urls", "Docs, https://example.org/docs"),
        ("requires_python", ">=3.10"),
        ("requires_dist", "httpx>=0.27; extra == 'http'"),
        ("provides_extra", "http"),
        ("import_name", "demo"),
        ("import_name", "_demo; private"),
        ("import_namespace", "spam"),
    )
    assert distribution.values("license_file") == ("LICENSE", "NOTICE")
    assert distribution.values("comment") == ()


def test_what_is_read_of_an_sdist(tmp_path: Path) -> None:
    distribution = read(make_sdist(tmp_path, "Demo.Project", "1.0", headers=[("Summary", "Demonstrates")]))
    assert distribution.filename == "demo_project-1.0.tar.gz"
    assert distribution.filetype == "sdist"
    assert distribution.fields == (
        ("filetype", "sdist"),
        ("pyversion", "source"),
        ("metadata_version", "2.4"),
        ("name", "Demo.Project"),
        ("version", "1.0"),
        ("summary", "Demonstrates"),
    )


def test_a_version_is_normalized_and_sent_as_spelt(tmp_path: Path) -> None:
    distribution = read(make_wheel(tmp_path, version="1.0RC1"))
    assert distribution.version == "1.0rc1"
    assert distribution.values("version") == ("1.0RC1",)


@pytest.mark.parametrize("make", [make_wheel, make_sdist])
def test_memory_does_not_grow_with_file_size(tmp_path: Path, make: Callable[..., Path]) -> None:
    path = make(tmp_path, extra={"demo-1.0/data.bin": bytes(32 * 1024 * 1024)})
    read(path)
    tracemalloc.start()
    try:
        read(path)
        sha256(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_many_small_wheels_are_quick(tmp_path: Path) -> None:
    headers = [("Requires-Dist", f"package-{n}>=1; python_version > '3'") for n in range(20)]
    paths = [make_wheel(tmp_path, version=f"1.{n}", headers=headers) for n in range(200)]
    started = time.process_time()
    assert len(read_all(paths)) == len(paths)
    assert time.process_time() - started < 2


def test_pip_installs_what_the_builders_make(tmp_path: Path) -> None:
    pytest.importorskip("pip")
    files = [make_wheel(tmp_path, "Demo.Wheel"), make_sdist(tmp_path, "Demo.Sdist", description="text")]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--target", str(tmp_path / "site")]
    subprocess.run([*command, *map(str, files)], check=True, stdin=subprocess.DEVNULL)
    assert {"demo_wheel.py", "demo_sdist.py"} <= {path.name for path in (tmp_path / "site").iterdir()}


# File names


@pytest.mark.parametrize("make", [make_wheel, make_sdist])
def test_a_file_that_was_renamed_to_another_version_is_refused(tmp_path: Path, make: Callable[..., Path]) -> None:
    path = make(tmp_path)
    renamed = path.rename(tmp_path / path.name.replace("1.0", "2.0"))
    assert "is named demo 2.0, but its metadata says demo 1.0" in problems_of(renamed)


@pytest.mark.parametrize(
    ("filename", "problem"),
    [
        (
            "demo-2.0-py3-none-any.whl",
            "has the folder demo-1.0.dist-info, but its name requires demo-2.0.dist-info: was the file renamed?",
        ),
        ("other-1.0-py3-none-any.whl", "is named other 1.0, but its metadata says demo 1.0"),
        (
            "Demo-1.0-py3-none-any.whl",
            "has the folder demo-1.0.dist-info, but its name requires Demo-1.0.dist-info: was the file renamed?",
        ),
        ("demo-1.0-any.whl", "Invalid wheel filename (wrong number of parts): 'demo-1.0-any'"),
        ("demo-1.0-x-py3-none-any.whl", "Invalid build number: x in 'demo-1.0-x-py3-none-any'"),
        ("demo-one-py3-none-any.whl", "Invalid wheel filename (invalid version): 'demo-one-py3-none-any'"),
        ("demo-1.0-py3-none-\u00e4ny.whl", "has non-ASCII characters in its name"),
    ],
)
def test_a_wheel_with_a_wrong_name_is_refused(tmp_path: Path, filename: str, problem: str) -> None:
    assert problem in problems_of(make_wheel(tmp_path, filename=filename))


@pytest.mark.parametrize(
    ("filename", "problem"),
    [
        ("other-1.0.tar.gz", "is named other 1.0, but its metadata says demo 1.0"),
        ("demo-1.0-1.tar.gz", "is named demo-1-0 1, but its metadata says demo 1.0"),
        ("demo.tar.gz", "Invalid sdist filename: 'demo.tar.gz'"),
        ("demo-one.tar.gz", "Invalid sdist filename (invalid version): 'demo-one.tar.gz'"),
    ],
)
def test_an_sdist_with_a_wrong_name_is_refused(tmp_path: Path, filename: str, problem: str) -> None:
    assert problem in problems_of(make_sdist(tmp_path, filename=filename))


@pytest.mark.parametrize(
    "filename",
    ["Demo-1.0.tar.gz", "demo-1.0.0.tar.gz", "demo-1.0-7-py3-none-any.whl", "demo-1.0-cp39.cp310-abi3-any.whl"],
)
def test_equivalent_name_is_accepted(tmp_path: Path, filename: str) -> None:
    make = make_wheel if filename.endswith(".whl") else make_sdist
    assert read(make(tmp_path, filename=filename)).name == "demo"


@pytest.mark.skipif(sys.platform == "win32", reason="no such names on Windows")
def test_control_characters_in_a_name_are_escaped(tmp_path: Path) -> None:
    path = make_wheel(tmp_path).rename(tmp_path / "demo-1.0-\x1b[2J\n-any.whl")
    with pytest.raises(DistributionError) as caught:
        read(path)
    assert "\x1b" not in str(caught.value)
    assert r"demo-1.0-\x1b[2J\n-any.whl can't" in str(caught.value).splitlines()[0]


def test_a_file_of_another_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0.zip"
    path.write_bytes(make_wheel(tmp_path).read_bytes())
    assert problems_of(path) == ["is neither a wheel (.whl) nor an sdist (.tar.gz)"]


@pytest.mark.parametrize("filename", ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"])
def test_missing_empty_or_irregular_file_is_an_error(tmp_path: Path, filename: str) -> None:
    path = tmp_path / filename
    assert problems_of(path) == ["can't be read: No such file or directory"]
    path.touch()
    assert problems_of(path) == ["is empty"]
    path.unlink()
    path.mkdir()
    assert problems_of(path) == ["is not a regular file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    os.mkfifo(path)
    assert problems_of(path) == ["is not a regular file"]


# Several files


def test_files_are_read_in_the_order_that_was_given(tmp_path: Path) -> None:
    paths = [make_sdist(tmp_path), make_wheel(tmp_path), make_wheel(tmp_path, "other")]
    assert [distribution.path for distribution in read_all(paths)] == paths
    assert read_all([]) == []


def test_all_problems_of_all_files_are_reported_by_file(tmp_path: Path) -> None:
    good = make_wheel(tmp_path)
    bad = make_wheel(
        tmp_path, "bad", headers=[("Requires-Python", "3!"), ("Requires-Dist", "a b")], leave_out=["WHEEL"]
    )
    broken = tmp_path / "demo-1.0.tar.gz"
    broken.write_bytes(b"\x1f\x8bnonsense")
    with pytest.raises(DistributionError) as caught:
        read_all([bad, good, broken])
    assert str(caught.value).splitlines() == [
        "2 files can't be published:",
        f"{bad}:",
        "  has no bad-1.0.dist-info/WHEEL",
        "  has invalid metadata: 'a b' is invalid for 'requires-dist'",
        "  has invalid metadata: '3!' is invalid for 'requires-python'",
        f"{broken}:",
        "  is not a valid .tar.gz archive: Unknown compression method",
    ]


def test_pypi_problems_are_reported_with_all_others(at_pypi: Maintainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(at_pypi.project.folder)
    dist = at_pypi.project.dist
    at_pypi.build("alpha", version="1.0+local")
    make_wheel(dist, "beta", headers=[("Requires-Python", "3!"), ("Classifier", "Private :: x")])
    (dist / "gamma-1.0-py3-none-any.whl").write_bytes(b"no archive")
    make_wheel(dist, "good")
    files = [dist / f"{name}-py3-none-any.whl" for name in ("alpha-1.0+local", "beta-1.0", "gamma-1.0")]
    with pytest.raises(DistributionError) as caught:
        read_all(files, for_pypi=True)
    assert str(caught.value).splitlines() == [
        "3 files can't be published:",
        f"{Path('dist', files[0].name)}:",
        "  has the local version 1.0+local: remove the part from the plus sign on",
        f"{Path('dist', files[1].name)}:",
        "  has invalid metadata: '3!' is invalid for 'requires-python'",
        "  has the classifier Private :: x, which blocks uploads",
        f"{Path('dist', files[2].name)}:",
        "  is not a valid zip archive: File is not a zip file",
    ]
    result = at_pypi.publish_in_process("-o", "dry-run", HATCH_INDEX_AUTH="x")
    assert (result.returncode, result.stderr) == (1, f"{caught.value}\n")
    assert at_pypi.server.requests == []


def test_one_file_name_in_two_folders_is_refused(tmp_path: Path) -> None:
    one, two = make_wheel(tmp_path / "one"), make_wheel(tmp_path / "two")
    with pytest.raises(DistributionError) as caught:
        read_all([one, two])
    assert str(caught.value) == f"{two} can't be published:\n  has the same file name as {one}"


@pytest.mark.parametrize(
    ("name", "version", "filename"),
    [("Demo", "1.0", "demo-1.0.tar.gz"), ("demo", "1.0.0", "demo-1.0.tar.gz")],
    ids=["name", "version"],
)
def test_files_of_a_release_must_agree(tmp_path: Path, name: str, version: str, filename: str) -> None:
    wheel = make_wheel(tmp_path)
    sdist = make_sdist(tmp_path, name, version, filename=filename)
    with pytest.raises(DistributionError) as caught:
        read_all([wheel, sdist])
    assert (
        str(caught.value)
        == f"{sdist} can't be published:\n  spells its name and version {name} {version}, but {wheel} spells them demo 1.0"
    )


def test_two_versions_may_differ(tmp_path: Path) -> None:
    assert len(read_all([make_wheel(tmp_path), make_wheel(tmp_path, "Demo", "2.0")])) == 2


@pytest.mark.parametrize("name", [f"demo-1.0-{'.'.join(['a'] * 120)}-none-any.whl", f"demo-{'1' * 245}.tar.gz"])
def test_a_long_name_is_not_parsed(tmp_path: Path, name: str) -> None:
    """Parsing takes time that grows with the cube of a wheel name's length."""
    assert len(name) > 255
    assert project_of(tmp_path / name) is None
    with pytest.raises(ValueError, match=r"\Ahas a name longer than 255 characters\Z"):
        parse_filename(name)
