"""Reading wheels and sdists: what is found, what is sent, and one clear line for everything that is wrong with a file."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from distribution_builders import core_metadata, make_sdist, make_wheel

from hatch_tokenindex.distributions import check_for_pypi, find, read, read_all, readme, sdists, sha256
from hatch_tokenindex.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


BROKEN_RST = "Title\n=====\n\n:nonsense:`role`\n"
RST = ("Description-Content-Type", "text/x-rst")
MARKDOWN = ("Description-Content-Type", "text/markdown; charset=UTF-8; variant=GFM")

needs_symlinks = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege on Windows")


def problems(path: Path) -> list[str]:
    """The lines about a file that can't be published."""
    with pytest.raises(DistributionError) as caught:
        read(path)
    text = str(caught.value)
    heading, *lines = text.splitlines()
    assert heading == f"{path}:"
    assert lines, text
    assert all(line.startswith("  ") and line.isprintable() for line in lines), text
    return [line.removeprefix("  ") for line in lines]


def rewrite_zip(path: Path, change: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]) -> Path:
    """Write a zip archive anew: `change` gets the old and the new one."""
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        change(old, new)
    return path


def copy_members(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
    for member in old.infolist():
        new.writestr(member, old.read(member))


def write_tar(path: Path, members: Sequence[tarfile.TarInfo | tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                name, content = member
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


class TestFind:
    def test_default_folder(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path / "dist")
        sdist = make_sdist(tmp_path / "dist")
        make_wheel(tmp_path / "dist" / "older", version="0.9")
        for other in (".gitignore", "demo-1.0.zip", "demo-1.0-py3-none-any.whl.publish.attestation"):
            (tmp_path / "dist" / other).write_bytes(b"")
        assert find([], tmp_path) == [wheel, sdist]

    @pytest.mark.parametrize("make", [lambda _: None, Path.mkdir, Path.touch], ids=["missing", "empty", "file"])
    def test_nothing_in_default_folder(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        make(tmp_path / "dist")
        assert find([], tmp_path) == []

    def test_named_paths_are_relative_to_root_sorted_and_once(self, tmp_path: Path) -> None:
        second = make_wheel(tmp_path / "out", version="2.0")
        first = make_wheel(tmp_path / "out", version="1.0")
        make_wheel(tmp_path / "dist")
        artifacts = [f"out/{second.name}", "out", f"out/../out/{first.name}", str(first)]
        assert [path.resolve() for path in find(artifacts, tmp_path)] == [first, second]

    @needs_symlinks
    def test_link_counts_by_its_own_name(self, tmp_path: Path) -> None:
        stored = tmp_path / "store" / "7f3a"
        make_wheel(tmp_path / "store").rename(stored)
        (tmp_path / "dist").mkdir()
        link = tmp_path / "dist" / "demo-1.0-py3-none-any.whl"
        link.symlink_to(stored)
        assert find([], tmp_path) == [link]
        assert read(link).filename == "demo-1.0-py3-none-any.whl"

    @needs_symlinks
    def test_file_counts_before_a_link_to_it(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path / "dist")
        (tmp_path / "dist" / "a-1.0-py3-none-any.whl").symlink_to(wheel)
        assert find([], tmp_path) == [wheel]

    def test_all_problems_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "demo-1.0.zip").touch()
        (tmp_path / "dist" / "demo-1.0-py3-none-any.whl").mkdir(parents=True)
        with pytest.raises(DistributionError) as caught:
            find(["demo-1.0.zip", "missing.whl", "mis\u202e.whl", "dist"], tmp_path)
        assert str(caught.value).splitlines() == [
            f"{tmp_path / 'demo-1.0.zip'}:",
            "  is no wheel (.whl) and no sdist (.tar.gz)",
            f"{tmp_path / 'missing.whl'}:",
            "  does not exist",
            rf"{tmp_path}{os.sep}mis\u202e.whl:",
            "  does not exist",
            f"{tmp_path / 'dist' / 'demo-1.0-py3-none-any.whl'}:",
            "  is a folder, though its name is that of a distribution",
        ]

    def test_named_folder_with_the_name_of_a_wheel(self, tmp_path: Path) -> None:
        make_wheel(tmp_path / "demo-1.0-py3-none-any.whl")
        with pytest.raises(DistributionError, match="is a folder, though its name is that of a distribution"):
            find(["demo-1.0-py3-none-any.whl"], tmp_path)

    @needs_symlinks
    @pytest.mark.parametrize("named", [True, False])
    def test_broken_link(self, tmp_path: Path, named: bool) -> None:
        link = tmp_path / "dist" / "demo-1.0.tar.gz"
        link.parent.mkdir()
        link.symlink_to("nowhere")
        with pytest.raises(DistributionError, match="is a symbolic link that leads to no file"):
            find([str(link)] if named else [], tmp_path)

    def test_zero_byte_in_name(self, tmp_path: Path) -> None:
        with pytest.raises(DistributionError, match=r"a\\x00b\.whl:\n  (does not exist|can't be read: .*)"):
            find(["a\0b.whl"], tmp_path)

    def test_paths_are_shown_as_typed_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(DistributionError, match=r"\Adist.missing\.whl:\n"):
            find(["dist/missing.whl"], tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="file modes mean little on Windows")
class TestUnreadable:
    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """A folder of a user who is not root, whom modes don't stop."""
        user = os.geteuid()
        with tempfile.TemporaryDirectory() as name:
            Path(name).chmod(0o777)
            if user == 0:
                os.seteuid(65534)
            try:
                yield Path(name)
            finally:
                os.seteuid(user)

    def test_file(self, folder: Path) -> None:
        for path in (make_wheel(folder), make_sdist(folder)):
            path.chmod(0)
            assert problems(path) == ["can't be read: Permission denied"]
            with pytest.raises(DistributionError, match="can't be read: Permission denied"):
                sha256(path)

    def test_folder(self, folder: Path) -> None:
        make_wheel(folder / "dist")
        (folder / "dist").chmod(0)
        try:
            with pytest.raises(DistributionError, match=r"dist:\n  can't be read: Permission denied"):
                find([], folder)
        finally:
            (folder / "dist").chmod(0o700)


class TestRead:
    def test_wheel(self, tmp_path: Path) -> None:
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
        assert distribution.python_version == "py2.py3"
        assert distribution.warnings == ()
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

    def test_sdist(self, tmp_path: Path) -> None:
        distribution = read(make_sdist(tmp_path, "Demo.Project", "1.0", headers=[("Summary", "Demonstrates")]))
        assert distribution.filename == "demo_project-1.0.tar.gz"
        assert (distribution.filetype, distribution.python_version) == ("sdist", "source")
        assert distribution.fields == (
            ("filetype", "sdist"),
            ("pyversion", "source"),
            ("metadata_version", "2.4"),
            ("name", "Demo.Project"),
            ("version", "1.0"),
            ("summary", "Demonstrates"),
        )

    def test_version_is_normalized_and_sent_as_spelt(self, tmp_path: Path) -> None:
        distribution = read(make_wheel(tmp_path, version="1.0RC1"))
        assert distribution.version == "1.0rc1"
        assert distribution.values("version") == ("1.0RC1",)

    def test_every_field_of_the_newest_known_metadata(self, tmp_path: Path) -> None:
        """The names of PyPI's form: two plurals, all else singular."""
        headers = [
            ("Platform", "any"),
            ("Supported-Platform", "linux"),
            ("Home-page", "https://example.org"),
            ("Download-URL", "https://example.org/d"),
            ("Author", "A"),
            ("Maintainer", "M"),
            ("Maintainer-email", "m@example.org"),
            ("License", "MIT"),
            ("Requires-External", "libpng (>=1.5)"),
            ("Provides-Dist", "other"),
            ("Obsoletes-Dist", "older"),
            ("Requires", "a"),
            ("Provides", "b"),
            ("Obsoletes", "c"),
        ]
        sent = read(make_wheel(tmp_path, headers=headers, metadata_version="2.5")).fields[5:]
        assert sorted(sent) == sorted((header.lower().replace("-", "_"), value) for header, value in headers)

    def test_folded_description_of_old_metadata(self, tmp_path: Path) -> None:
        folded = "Title\n        =====\n        \n            quote\n       |\n       |end"
        old = read(make_wheel(tmp_path, headers=[("Description", folded)], metadata_version="1.1"))
        assert old.values("description") == ("Title\n=====\n\n    quote\n\nend",)
        assert check_for_pypi(old) == ()
        new = read(make_wheel(tmp_path, description="a\n        b\n", metadata_version="2.1"))
        assert new.values("description") == ("a\n        b\n",)

    @pytest.mark.parametrize("make", [make_wheel, make_sdist])
    def test_memory_does_not_grow_with_file_size(self, tmp_path: Path, make: Callable[..., Path]) -> None:
        path = make(tmp_path, extra={"demo-1.0/data.bin": bytes(32 * 1024 * 1024)})
        read(path)
        tracemalloc.start()
        try:
            read(path)
            sha256(path)
            assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
        finally:
            tracemalloc.stop()

    def test_many_small_wheels_are_quick(self, tmp_path: Path) -> None:
        headers = [("Requires-Dist", f"package-{n}>=1; python_version > '3'") for n in range(20)]
        paths = [make_wheel(tmp_path, version=f"1.{n}", headers=headers) for n in range(200)]
        started = time.perf_counter()
        assert len(read_all(paths)) == len(paths)
        assert time.perf_counter() - started < 2

    def test_sha256(self, tmp_path: Path) -> None:
        path = make_wheel(tmp_path, extra={"data.bin": os.urandom(3 * 1024 * 1024 + 1)})
        assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
        with pytest.raises(DistributionError, match="can't be read"):
            sha256(tmp_path / "missing.whl")


class TestFileName:
    @pytest.mark.parametrize("make", [make_wheel, make_sdist])
    def test_renamed_to_another_version(self, tmp_path: Path, make: Callable[..., Path]) -> None:
        path = make(tmp_path)
        renamed = path.rename(tmp_path / path.name.replace("1.0", "2.0"))
        assert "is demo 2.0 by its name, and demo 1.0 by its metadata" in problems(renamed)

    @pytest.mark.parametrize(
        ("filename", "problem"),
        [
            (
                "demo-2.0-py3-none-any.whl",
                "has the folder demo-1.0.dist-info where its file name calls for demo-2.0.dist-info: was it renamed?",
            ),
            ("other-1.0-py3-none-any.whl", "is other 1.0 by its name, and demo 1.0 by its metadata"),
            (
                "Demo-1.0-py3-none-any.whl",
                "has the folder demo-1.0.dist-info where its file name calls for Demo-1.0.dist-info: was it renamed?",
            ),
            ("demo-1.0-any.whl", "Invalid wheel filename (wrong number of parts): 'demo-1.0-any'"),
            ("demo-1.0-x-py3-none-any.whl", "Invalid build number: x in 'demo-1.0-x-py3-none-any'"),
            ("demo-one-py3-none-any.whl", "Invalid wheel filename (invalid version): 'demo-one-py3-none-any'"),
        ],
    )
    def test_wheel(self, tmp_path: Path, filename: str, problem: str) -> None:
        assert problem in problems(make_wheel(tmp_path, filename=filename))

    @pytest.mark.parametrize(
        ("filename", "problem"),
        [
            ("other-1.0.tar.gz", "is other 1.0 by its name, and demo 1.0 by its metadata"),
            ("demo-1.0-1.tar.gz", "is demo-1-0 1 by its name, and demo 1.0 by its metadata"),
            ("demo.tar.gz", "Invalid sdist filename: 'demo.tar.gz'"),
            ("demo-one.tar.gz", "Invalid sdist filename (invalid version): 'demo-one.tar.gz'"),
        ],
    )
    def test_sdist(self, tmp_path: Path, filename: str, problem: str) -> None:
        assert problem in problems(make_sdist(tmp_path, filename=filename))

    @pytest.mark.parametrize(
        "filename",
        ["Demo-1.0.tar.gz", "demo-1.0.0.tar.gz", "demo-1.0-7-py3-none-any.whl", "demo-1.0-cp39.cp310-abi3-any.whl"],
    )
    def test_what_says_the_same_is_taken(self, tmp_path: Path, filename: str) -> None:
        make = make_wheel if filename.endswith(".whl") else make_sdist
        assert read(make(tmp_path, filename=filename)).name == "demo"

    @pytest.mark.skipif(sys.platform == "win32", reason="no such names on Windows")
    def test_control_characters_are_escaped(self, tmp_path: Path) -> None:
        path = make_wheel(tmp_path).rename(tmp_path / "demo-1.0-\x1b[2J\n-any.whl")
        with pytest.raises(DistributionError) as caught:
            read(path)
        assert "\x1b" not in str(caught.value)
        assert r"demo-1.0-\x1b[2J\n-any.whl:" in str(caught.value).splitlines()[0]

    def test_other_type(self, tmp_path: Path) -> None:
        path = tmp_path / "demo-1.0.zip"
        path.write_bytes(make_wheel(tmp_path).read_bytes())
        assert problems(path) == ["is no wheel (.whl) and no sdist (.tar.gz)"]

    @pytest.mark.parametrize("filename", ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"])
    def test_not_a_file_with_content(self, tmp_path: Path, filename: str) -> None:
        path = tmp_path / filename
        assert problems(path) == ["can't be read: No such file or directory"]
        path.touch()
        assert problems(path) == ["is empty"]
        path.unlink()
        path.mkdir()
        assert problems(path) == ["is not a regular file"]

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    def test_named_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        path = tmp_path / "demo-1.0.tar.gz"
        os.mkfifo(path)
        assert problems(path) == ["is not a regular file"]


class TestSeveralFiles:
    def test_order_is_kept(self, tmp_path: Path) -> None:
        paths = [make_sdist(tmp_path), make_wheel(tmp_path), make_wheel(tmp_path, "other")]
        assert [distribution.path for distribution in read_all(paths)] == paths
        assert read_all([]) == []

    def test_all_problems_of_all_files_by_file(self, tmp_path: Path) -> None:
        good = make_wheel(tmp_path)
        bad = make_wheel(
            tmp_path, "bad", headers=[("Requires-Python", "3!"), ("Requires-Dist", "a b")], leave_out=["WHEEL"]
        )
        broken = tmp_path / "demo-1.0.tar.gz"
        broken.write_bytes(b"\x1f\x8bnonsense")
        with pytest.raises(DistributionError) as caught:
            read_all([bad, good, broken])
        assert str(caught.value).splitlines() == [
            f"{bad}:",
            "  has no bad-1.0.dist-info/WHEEL",
            "  'a b' is invalid for 'requires-dist'",
            "  '3!' is invalid for 'requires-python'",
            f"{broken}:",
            "  is not a sound .tar.gz archive: Unknown compression method",
        ]

    def test_same_file_name_in_two_folders(self, tmp_path: Path) -> None:
        one, two = make_wheel(tmp_path / "one"), make_wheel(tmp_path / "two")
        with pytest.raises(DistributionError) as caught:
            read_all([one, two])
        assert str(caught.value) == f"{two}:\n  has the same file name as {one}"

    @pytest.mark.parametrize(
        ("name", "version", "filename"),
        [("Demo", "1.0", "demo-1.0.tar.gz"), ("demo", "1.0.0", "demo-1.0.tar.gz")],
        ids=["name", "version"],
    )
    def test_siblings_spell_alike(self, tmp_path: Path, name: str, version: str, filename: str) -> None:
        wheel = make_wheel(tmp_path)
        sdist = make_sdist(tmp_path, name, version, filename=filename)
        with pytest.raises(DistributionError) as caught:
            read_all([wheel, sdist])
        assert str(caught.value) == f"{sdist}:\n  calls itself {name} {version}, and {wheel} demo 1.0"

    def test_two_versions_are_no_disagreement(self, tmp_path: Path) -> None:
        assert len(read_all([make_wheel(tmp_path), make_wheel(tmp_path, "Demo", "2.0")])) == 2


class TestMetadata:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ([("Requires-Dist", "a b")], "'a b' is invalid for 'requires-dist'"),
            ([("Requires-Python", "python3")], "'python3' is invalid for 'requires-python'"),
            ([("Summary", "one\n  two")], "'summary' must be a single line"),
            ([("License-Expression", "Gratis")], "'Gratis' is invalid for 'license-expression'"),
            ([("Provides-Extra", "-x")], "'-x' is invalid for 'provides-extra'"),
            ([("Dynamic", "Name")], "'name' is not allowed as a dynamic field"),
            (
                [("License-File", "../LICENSE")],
                "'../LICENSE' is invalid for 'license-file'",
            ),
            (
                [("Description-Content-Type", "text/plain; charset=latin-1")],
                "'description-content-type' can only specify the UTF-8 charset",
            ),
            ([("Name", "other")], "Name is there 2 times instead of once"),
            ([("Keywords", "a"), ("Keywords", "b")], "Keywords is there 2 times instead of once"),
            ([("Metadata-Version", "2.4")], "Metadata-Version is there 2 times instead of once"),
            ([("Project-URL", "A, https://a"), ("Project-URL", "A, https://b")], "Project-URL has one label twice"),
        ],
    )
    def test_invalid(self, tmp_path: Path, headers: list[tuple[str, str]], expected: str) -> None:
        for path in (make_wheel(tmp_path, headers=headers), make_sdist(tmp_path, headers=headers)):
            (found,) = problems(path)
            assert found.startswith(expected)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", ["Metadata-Version", "Name", "Version"]),
            (b"\0\1\2", ["Metadata-Version", "Name", "Version"]),
            (b"Metadata-Version: 2.1\nName: demo\n", ["Version"]),
            (b"Metadata-Version: 2.1\nName: UNKNOWN\nVersion: 1.0\n", ["Name"]),
            (b"Name: demo\nVersion: 1.0\n", ["Metadata-Version"]),
        ],
    )
    def test_missing(self, tmp_path: Path, content: bytes, expected: list[str]) -> None:
        assert problems(make_wheel(tmp_path, metadata=content)) == [
            f"the metadata has no {header}" for header in expected
        ]

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (core_metadata() + b"\xff", "the metadata is not UTF-8: byte 47 can't be decoded"),
            (core_metadata(metadata_version="2.0"), "'2.0' is not a valid metadata version"),
            (core_metadata(metadata_version="new"), "'new' is not a valid metadata version"),
            (core_metadata("de mo"), "'de mo' is invalid for 'name'"),
            (core_metadata(version="one"), "'one' is invalid for 'version'"),
            (core_metadata(version="9" * 5000), None),
            (core_metadata("\x1b[31mdemo"), r"'\x1b[31mdemo' is invalid for 'name'"),
            (
                core_metadata(
                    headers=[("Content-Type", "multipart/mixed; boundary=x")], description="--x\n\na\n--x--\n"
                ),
                None,
            ),
            (core_metadata(headers=[("Description", "one")], description="two"), None),
            (core_metadata(headers=[("Requires-Dist", "a; " + "(" * 100_000)]), None),
            (core_metadata(headers=[("Description-Content-Type", "text/plain; x*")]), None),
            (
                core_metadata(headers=[(f"X-{n}", "") for n in range(5000)]),
                "the metadata has more than 5,000 headers, or 1 MiB of them",
            ),
            (
                core_metadata(headers=[("Summary", "x" * 1024 * 1024)]),
                "the metadata has more than 5,000 headers, or 1 MiB of them",
            ),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_hostile(self, tmp_path: Path, content: bytes, expected: str | None) -> None:
        found = problems(make_wheel(tmp_path, metadata=content))
        assert len(found) == 1
        assert len(found[0]) < 500
        assert expected in {None, found[0]}

    def test_windows_line_ends(self, tmp_path: Path) -> None:
        content = core_metadata(headers=[MARKDOWN], description="text\n\n" * 6000).replace(b"\n", b"\r\n")
        distribution = read(make_wheel(tmp_path, metadata=content))
        assert distribution.values("description_content_type") == (MARKDOWN[1],)

    @pytest.mark.parametrize("make", [make_wheel, make_sdist])
    def test_size_limit(self, tmp_path: Path, make: Callable[..., Path]) -> None:
        content = core_metadata() + bytes(16 * 1024 * 1024)
        (found,) = problems(make(tmp_path, metadata=content))
        assert found.endswith("is larger than 16 MiB")

    def test_headers_of_a_later_version_are_left_out(self, tmp_path: Path) -> None:
        headers = [("License-File", "LICENSE"), ("Summary", "x"), ("Import-Name", "demo"), ("License-File", "NOTICE")]
        distribution = read(make_wheel(tmp_path, headers=headers, metadata_version="2.1"))
        assert distribution.fields[5:] == (("summary", "x"),)
        assert distribution.warnings == (
            "not sent, because metadata version 2.1 has no such field: Import-Name, License-File",
        )

    def test_unknown_headers_are_left_out(self, tmp_path: Path) -> None:
        headers = [("X-Colour", "red"), ("Summary", "x")]
        distribution = read(make_wheel(tmp_path, headers=headers))
        assert distribution.fields[5:] == (("summary", "x"),)
        assert distribution.warnings == ("not sent, because core metadata has no such field: x-colour",)

    def test_newer_metadata_is_sent_as_far_as_it_is_understood(self, tmp_path: Path) -> None:
        headers = [("Summary", "x"), ("Dynamic", "Colour"), ("Import-Name", "demo"), ("Colour", "red")]
        distribution = read(make_wheel(tmp_path, headers=headers, metadata_version="2.99"))
        assert distribution.fields[2:] == (
            ("metadata_version", "2.99"),
            ("name", "demo"),
            ("version", "1.0"),
            ("dynamic", "Colour"),
            ("summary", "x"),
            ("import_name", "demo"),
        )
        assert distribution.warnings == (
            "not sent, because core metadata has no such field: colour",
            "metadata version 2.99 is newer than this program: sent as far as it is understood",
            "'colour' is not a valid dynamic field",
        )

    def test_newer_metadata_still_needs_a_name(self, tmp_path: Path) -> None:
        assert problems(make_wheel(tmp_path, metadata=core_metadata("de mo", metadata_version="2.99"))) == [
            "'de mo' is invalid for 'name'"
        ]

    @pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"])
    def test_metadata_versions(self, tmp_path: Path, version: str) -> None:
        distribution = read(make_wheel(tmp_path, metadata_version=version))
        assert distribution.values("metadata_version") == (version,)
        assert distribution.warnings == ()


class TestReadme:
    @pytest.mark.parametrize(
        ("content_type", "text"),
        [
            (RST[1], "Title\n=====\n\n* one\n"),
            ("text/x-rst; charset=UTF-8", "text"),
            (MARKDOWN[1], "# Title\n\n```python\nx = 1\n```\n"),
            ("text/markdown; variant=CommonMark", "[[ * <b>"),
            ("text/plain", BROKEN_RST),
        ],
    )
    def test_renders(self, tmp_path: Path, content_type: str, text: str) -> None:
        headers = [("Description-Content-Type", content_type)]
        distribution = read(make_wheel(tmp_path, headers=headers, description=text))
        assert distribution.warnings == ()
        assert check_for_pypi(distribution) == ()

    def test_does_not_render(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        assert problems(make_wheel(tmp_path, headers=[RST], description=BROKEN_RST)) == [
            'the README does not render as reStructuredText: line 4: Unknown interpreted text role "nonsense".'
        ]
        assert problems(make_wheel(tmp_path, headers=[RST], description=".. only a comment\n")) == [
            "the README does not render as reStructuredText: No content rendered from RST source."
        ]
        assert capfd.readouterr() == ("", "")

    def test_without_type_only_pypi_takes_it_for_rst(self, tmp_path: Path) -> None:
        assert check_for_pypi(read(make_wheel(tmp_path, description=BROKEN_RST))) == (
            'the README does not render as reStructuredText: line 4: Unknown interpreted text role "nonsense". '
            "(and has no Description-Content-Type that says otherwise)",
        )

    def test_files_of_a_release_render_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from readme_renderer import rst

        rendered: list[str] = []

        def render(raw: str, **_: object) -> str:
            rendered.append(raw)
            return "html"

        monkeypatch.setattr(rst, "render", render)
        paths = [make_wheel(tmp_path, tag=f"cp3{n}-none-any", headers=[RST], description="Once!") for n in range(25)]
        assert len(read_all(paths)) == len(paths)
        assert rendered == ["Once!"]

    @pytest.mark.parametrize("error", [RuntimeError("gone\nwrong"), RecursionError(), MemoryError()])
    def test_failure_of_the_renderer_is_a_warning(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: Exception
    ) -> None:
        from readme_renderer import rst

        def fail(raw: str, **_: object) -> None:
            sys.stderr.write(raw)
            raise error

        monkeypatch.setattr(rst, "render", fail)
        (warning,) = read(make_wheel(tmp_path, headers=[RST], description=f"unlucky {error!r}")).warnings
        assert warning.startswith("the README could not be rendered here: ")
        assert "\n" not in warning
        assert capfd.readouterr() == ("", "")

    def test_deep_nesting_is_a_warning(self, tmp_path: Path) -> None:
        nested = "".join(" " * depth + "a\n\n" for depth in range(600))
        (warning,) = read(make_wheel(tmp_path, headers=[RST], description=nested)).warnings
        assert warning.startswith("the README could not be rendered here: maximum recursion depth exceeded")

    def test_huge_readme_is_not_rendered(self, tmp_path: Path) -> None:
        distribution = read(make_wheel(tmp_path, headers=[RST], description="x" * 1_000_001))
        assert distribution.warnings == ("the README is longer than 1,000,000 characters: not rendered here",)

    def test_no_markdown_renderer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from readme_renderer import markdown

        monkeypatch.setattr(markdown, "variants", {})
        distribution = read(make_wheel(tmp_path, headers=[MARKDOWN], description="no renderer"))
        assert distribution.warnings == ("the README could not be rendered here: no Markdown renderer is installed",)

    @pytest.mark.parametrize("own", [None, "mine.conf"])
    def test_docutils_configuration_is_not_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None
    ) -> None:
        for name in ("docutils.conf", "mine.conf"):
            (tmp_path / name).write_text("[general]\nhalt_level: 5\n", encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("DOCUTILSCONFIG", raising=False)
        if own:
            monkeypatch.setenv("DOCUTILSCONFIG", own)
        readme.render.cache_clear()
        assert readme.render(BROKEN_RST, RST[1]).problem
        assert os.environ.get("DOCUTILSCONFIG") == own

    def test_renderers_are_loaded_only_to_render(self, tmp_path: Path) -> None:
        program = (
            "import pathlib, sys\n"
            "from hatch_tokenindex import distributions\n"
            "distributions.check_for_pypi(distributions.read(pathlib.Path(sys.argv[1])))\n"
            "sys.exit('docutils' in sys.modules or 'pygments' in sys.modules)\n"
        )
        wheel = make_wheel(tmp_path, headers=[("Description-Content-Type", "text/plain")], description="text")
        subprocess.run([sys.executable, "-c", program, str(wheel)], check=True)


class TestWheelArchive:
    @pytest.mark.parametrize("member", ["METADATA", "WHEEL", "RECORD"])
    def test_required_members(self, tmp_path: Path, member: str) -> None:
        assert problems(make_wheel(tmp_path, leave_out=[member])) == [f"has no demo-1.0.dist-info/{member}"]

    def test_no_dist_info(self, tmp_path: Path) -> None:
        def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
            new.writestr("demo.py", old.read("demo.py"))

        assert problems(rewrite_zip(make_wheel(tmp_path), change)) == ["has no folder demo-1.0.dist-info"]

    def test_two_dist_info(self, tmp_path: Path) -> None:
        path = make_wheel(tmp_path, extra={"other-1.0.dist-info/METADATA": b""})
        assert problems(path) == [
            "has several .dist-info folders: demo-1.0.dist-info, other-1.0.dist-info",
        ]

    def test_vendored_dist_info_is_fine(self, tmp_path: Path) -> None:
        assert read(make_wheel(tmp_path, extra={"demo/_vendor/other-1.0.dist-info/METADATA": b""})).name == "demo"

    @pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
    def test_metadata_twice(self, tmp_path: Path) -> None:
        def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
            copy_members(old, new)
            new.writestr("demo-1.0.dist-info/METADATA", core_metadata("evil"))

        assert problems(rewrite_zip(make_wheel(tmp_path), change)) == ["has demo-1.0.dist-info/METADATA 2 times"]

    @pytest.mark.parametrize(
        "name",
        ["/etc/passwd", "../up.py", "demo/../../up.py", "demo/..", "\\\\server\\x", "demo\\..\\..\\x", "C:\\x", "c:x"],
    )
    def test_members_outside(self, tmp_path: Path, name: str) -> None:
        (found,) = problems(make_wheel(tmp_path, extra={name: b""}))
        assert found.startswith("has members outside of the folder it is unpacked into: ")

    @pytest.mark.parametrize("name", ["demo/..data.py", "demo/a..b", "demo/...", "..demo.py"])
    def test_dots_in_names_are_fine(self, tmp_path: Path, name: str) -> None:
        assert read(make_wheel(tmp_path, extra={name: b""})).warnings == ()

    def test_many_members_are_shown_shortly(self, tmp_path: Path) -> None:
        (found,) = problems(make_wheel(tmp_path, extra={f"/{n}\x1b{'x' * 200}": b"" for n in range(10)}))
        assert found.count("...") == 3
        assert found.endswith(" and 7 more")

    @pytest.mark.parametrize(
        "content", [b"no archive at all", b"PK\x03\x04", b"\x1f\x8b\x08", b"\0" * 1000, b"PK\x05\x06" + bytes(18)]
    )
    def test_not_a_zip_archive(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "demo-1.0-py3-none-any.whl"
        path.write_bytes(content)
        (found,) = problems(path)
        assert found in {"is not a sound zip archive: File is not a zip file", "has no folder demo-1.0.dist-info"}

    def test_truncated(self, tmp_path: Path) -> None:
        path = make_wheel(tmp_path)
        content = path.read_bytes()
        for length in range(1, len(content), 7):
            path.write_bytes(content[:length])
            assert problems(path) == ["is not a sound zip archive: File is not a zip file"]

    def test_damaged_member(self, tmp_path: Path) -> None:
        path = make_wheel(tmp_path, metadata=core_metadata(description=os.urandom(500).hex()))
        content = bytearray(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            offset = archive.getinfo("demo-1.0.dist-info/METADATA").header_offset
        content[offset + 200] ^= 0xFF
        path.write_bytes(content)
        (found,) = problems(path)
        assert found.startswith("demo-1.0.dist-info/METADATA can't be read: ")

    def test_other_members_are_not_decompressed(self, tmp_path: Path) -> None:
        path = make_wheel(tmp_path, extra={"data.bin": os.urandom(1000)})
        content = bytearray(path.read_bytes())
        content[200] ^= 0xFF
        path.write_bytes(content)
        assert read(path).name == "demo"

    @pytest.mark.parametrize("claimed", [100, 50_000_000])
    def test_size_that_is_not_true(self, tmp_path: Path, claimed: int) -> None:
        """A bomb that claims to be small, and a small member that claims to be large."""
        metadata = core_metadata(description="x" * (20_000_000 if claimed == 100 else 10))
        path = make_wheel(tmp_path, metadata=metadata)
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo("demo-1.0.dist-info/METADATA")
        content = path.read_bytes()
        true, false = struct.pack("<II", member.CRC, member.compress_size), struct.pack("<I", member.file_size)
        assert content.count(true + false) == 2
        path.write_bytes(content.replace(true + false, true + struct.pack("<I", claimed)))
        (found,) = problems(path)
        assert found in {
            "demo-1.0.dist-info/METADATA can't be read: Bad CRC-32 for file 'demo-1.0.dist-info/METADATA'",
            "demo-1.0.dist-info/METADATA is larger than 16 MiB",
        }

    def test_directory_that_claims_to_be_huge(self, tmp_path: Path) -> None:
        path = tmp_path / "demo-1.0-py3-none-any.whl"
        size = 40 * 1024 * 1024
        with path.open("wb") as file:
            file.truncate(size)
            file.seek(size)
            file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, 0, 0))
        assert problems(path) == ["is not a sound zip archive: its directory is larger than 32 MiB"]

    def test_encrypted_members(self, tmp_path: Path) -> None:
        path = make_wheel(tmp_path)
        content = bytearray(path.read_bytes())
        for signature, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
            position = content.find(signature)
            while position >= 0:
                content[position + flags] |= 1
                position = content.find(signature, position + 1)
        path.write_bytes(content)
        assert problems(path) == [
            "has encrypted members: demo-1.0.dist-info/METADATA, demo-1.0.dist-info/RECORD, "
            "demo-1.0.dist-info/WHEEL and 1 more"
        ]

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 93, 99])
    def test_unusual_compression_of_metadata(self, tmp_path: Path, method: int) -> None:
        path = make_wheel(tmp_path)
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo("demo-1.0.dist-info/METADATA")
        content = bytearray(path.read_bytes())
        struct.pack_into("<H", content, member.header_offset + 8, method)
        directory = content.rindex(b"demo-1.0.dist-info/METADATA") - 46
        struct.pack_into("<H", content, directory + 10, method)
        path.write_bytes(content)
        assert problems(path) == [
            "demo-1.0.dist-info/METADATA can't be read: it is neither stored nor deflated",
        ]

    def test_zero_byte_in_member_name(self, tmp_path: Path) -> None:
        path = make_wheel(tmp_path, extra={"demo/evil.py_.txt": b""})
        path.write_bytes(path.read_bytes().replace(b"evil.py_.txt", b"evil.py\0.txt"))
        assert r"has members with a zero byte in their name: demo/evil.py\x00.txt" in problems(path)

    def test_record_is_compared(self, tmp_path: Path) -> None:
        def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
            copy_members(old, new)
            new.writestr("added.py", b"")
            new.writestr("folder/", b"")
            new.writestr("demo-1.0.dist-info/RECORD.jws", b"")

        record = b'demo.py,,\ndemo-1.0.dist-info/METADATA,,\ndemo-1.0.dist-info/WHEEL,,\n"gone,.py",,\n'
        distribution = read(rewrite_zip(make_wheel(tmp_path, record=record), change))
        assert distribution.warnings == (
            "RECORD does not list added.py, demo-1.0.dist-info/RECORD",
            "RECORD lists what is not there: gone,.py",
        )

    @pytest.mark.parametrize("record", [b"\xff", b'"' + b"x" * (csv.field_size_limit() + 1)])
    def test_record_that_is_no_list(self, tmp_path: Path, record: bytes) -> None:
        (found,) = problems(make_wheel(tmp_path, record=record))
        assert found.startswith("demo-1.0.dist-info/RECORD can't be read: ")


class TestSdistArchive:
    PKG_INFO = ("demo-1.0/PKG-INFO", core_metadata())

    def write(self, tmp_path: Path, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
        return write_tar(tmp_path / "demo-1.0.tar.gz", members)

    @pytest.mark.parametrize("last", [True, False])
    def test_metadata_first_or_last(self, tmp_path: Path, last: bool) -> None:
        others = [(f"demo-1.0/{n}.txt", os.urandom(n)) for n in (1, 511, 512, 513, 3_000_000)]
        members = [*others, self.PKG_INFO] if last else [self.PKG_INFO, *others]
        assert read(self.write(tmp_path, *members)).project == "demo"

    def test_leading_dot(self, tmp_path: Path) -> None:
        folder = tarfile.TarInfo("./demo-1.0/")
        folder.type = tarfile.DIRTYPE
        assert read(self.write(tmp_path, folder, ("./demo-1.0/PKG-INFO", core_metadata()))).project == "demo"

    def test_long_and_foreign_names(self, tmp_path: Path) -> None:
        assert read(self.write(tmp_path, self.PKG_INFO, (f"demo-1.0/{'ü' * 400}.txt", b"x"))).project == "demo"

    @pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    def test_formats(self, tmp_path: Path, format_: int) -> None:
        path = tmp_path / "demo-1.0.tar.gz"
        with tarfile.open(path, "w:gz", format=format_, pax_headers={"comment": "global"}) as archive:
            for name, content in [("demo-1.0/" + "long/" * 25 + "x", b"x" * 1000), self.PKG_INFO]:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        assert read(path).project == "demo"

    def test_many_members(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, *[(f"demo-1.0/{n}", b"") for n in range(6000)], self.PKG_INFO)
        tracemalloc.start()
        try:
            assert read(path).project == "demo"
            assert tracemalloc.get_traced_memory()[1] < 3 * 1024 * 1024
        finally:
            tracemalloc.stop()

    def test_no_metadata(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, ("demo-1.0/setup.py", b""), ("demo-1.0/demo.egg-info/PKG-INFO", core_metadata()))
        assert problems(path) == ["has no PKG-INFO in demo-1.0"]

    def test_empty_archive(self, tmp_path: Path) -> None:
        assert problems(self.write(tmp_path)) == ["is an empty archive"]

    def test_several_at_the_top(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, self.PKG_INFO, ("._demo-1.0", b""), ("other/x", b""))
        assert problems(path) == ["has more at its top than one folder: ._demo-1.0, demo-1.0, other"]

    def test_metadata_twice(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, self.PKG_INFO, ("demo-1.0//PKG-INFO", core_metadata("evil")))
        assert "has PKG-INFO 2 times in demo-1.0" in problems(path)

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
    def test_metadata_that_is_no_file(self, tmp_path: Path, kind: bytes) -> None:
        member = tarfile.TarInfo("demo-1.0/PKG-INFO")
        member.type = kind
        member.linkname = "/etc/passwd"
        assert problems(self.write(tmp_path, member)) == ["PKG-INFO in demo-1.0 is not a plain file"]

    @pytest.mark.parametrize("name", ["/etc/passwd", "demo-1.0/../../up.py", "demo-1.0\\..\\..\\up.py"])
    def test_members_outside(self, tmp_path: Path, name: str) -> None:
        (found, *_) = problems(self.write(tmp_path, self.PKG_INFO, (name, b"")))[::-1]
        assert found.startswith("has members outside of the folder it is unpacked into: ")

    @pytest.mark.parametrize(
        "content", [b"no archive", b"PK\3\4", b"\x1f\x8b", b"\x1f\x8b\x08\0", b"BZh9", b"\0" * 100]
    )
    def test_not_gzip(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "demo-1.0.tar.gz"
        path.write_bytes(content)
        (found,) = problems(path)
        assert found.startswith("is not a sound .tar.gz archive: ")

    @pytest.mark.parametrize("content", [b"", b"x", b"x" * 511, b"x" * 512, b"x" * 20_000])
    def test_not_tar(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "demo-1.0.tar.gz"
        path.write_bytes(gzip.compress(content))
        (found,) = problems(path)
        assert found.startswith("is not a sound .tar.gz archive: ")

    def test_truncated(self, tmp_path: Path) -> None:
        path = make_sdist(tmp_path)
        content = path.read_bytes()
        for length in range(1, len(content), 13):
            path.write_bytes(content[:length])
            (found,) = problems(path)
            assert found.startswith("is not a sound .tar.gz archive: ")

    def test_tar_cut_within_a_member(self, tmp_path: Path) -> None:
        path = make_sdist(tmp_path)
        content = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(content[: content.index(b"Metadata-Version") + 10]))
        (found,) = problems(path)
        assert found.startswith("is not a sound .tar.gz archive: ")

    def test_damaged_header_after_the_metadata(self, tmp_path: Path) -> None:
        """For the tar module, it is the end of the archive."""
        path = self.write(tmp_path, self.PKG_INFO, ("demo-1.0/next.py", b""))
        content = bytearray(gzip.decompress(path.read_bytes()))
        content[content.index(b"demo-1.0/next.py")] ^= 0x01
        path.write_bytes(gzip.compress(bytes(content)))
        assert problems(path) == ["is not a sound .tar.gz archive: the header after member 1 is damaged"]

    def test_damaged_checksum_at_the_end(self, tmp_path: Path) -> None:
        path = make_sdist(tmp_path)
        content = bytearray(path.read_bytes())
        content[-6] ^= 0xFF
        path.write_bytes(content)
        (found,) = problems(path)
        assert found.startswith("is not a sound .tar.gz archive: CRC check failed")

    def test_negative_size(self, tmp_path: Path) -> None:
        """Such a header once sent the tar module round and round."""
        member = tarfile.TarInfo("demo-1.0/x")
        member.size = -1024
        header = member.tobuf(tarfile.GNU_FORMAT)
        path = self.write(tmp_path, self.PKG_INFO)
        content = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(content[:1024] + header + content[1024:]))
        (found,) = problems(path)
        assert found.startswith("is not a sound .tar.gz archive: ")

    @pytest.mark.parametrize("kind", ["pax", "gnu", "chain"])
    def test_giant_header(self, tmp_path: Path, kind: str) -> None:
        """Long names and attributes lie in extensions, which the tar module reads as a whole and recursively."""
        path = tmp_path / "demo-1.0.tar.gz"
        size = 3 * 1024 * 1024
        if kind == "chain":
            link = tarfile.TarInfo("x")
            link.type, link.size = tarfile.GNUTYPE_LONGNAME, 1
            header = (link.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")) * 3000
        else:
            link = tarfile.TarInfo("x")
            link.type, link.size = (tarfile.XHDTYPE if kind == "pax" else tarfile.GNUTYPE_LONGNAME), size
            header = link.tobuf(tarfile.GNU_FORMAT) + b"0" * size
        content = gzip.decompress(self.write(tmp_path, self.PKG_INFO).read_bytes())
        path.write_bytes(gzip.compress(content[:1024] + header + content[1024:]))
        (found,) = problems(path)
        assert found.startswith("is not a sound .tar.gz archive: ")
        if kind != "chain":
            assert found.endswith("a header is larger than 2 MiB")

    @pytest.mark.parametrize("limit", ["_UNPACKED_LIMIT", "_MEMBER_LIMIT"])
    @pytest.mark.parametrize("found", [True, False])
    def test_walk_is_bounded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, found: bool) -> None:
        why = {"_UNPACKED_LIMIT": "it unpacks to more than 1 MiB", "_MEMBER_LIMIT": "it has more than 5 members"}[limit]
        monkeypatch.setattr(sdists, limit, {"_UNPACKED_LIMIT": 1024 * 1024, "_MEMBER_LIMIT": 5}[limit])
        fill = [(f"demo-1.0/{n}", bytes(500_000)) for n in range(10)]
        metadata = ("demo-1.0/PKG-INFO", core_metadata(headers=[("License-File", "LICENSE")]))
        path = self.write(tmp_path, *([metadata, *fill] if found else [*fill, metadata]))
        if found:
            distribution = read(path)
            assert distribution.warnings == (f"was not read to its end: {why}",)
            assert check_for_pypi(distribution) == ()
        else:
            assert problems(path) == [f"PKG-INFO was not found: {why}"]


class TestForPyPI:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ([("Summary", "x" * 512)], None),
            ([("Summary", "x" * 513)], "has a summary of 513 characters: 512 are allowed"),
            ([("Requires-Dist", "a[b]>=1; extra == 'c'")], None),
            (
                [("Requires-Dist", "a @ https://example.org/a.whl")],
                "depends on a URL, which is not allowed: a @ https://example.org/a.whl",
            ),
            ([("Provides-Dist", "a @ file:///a")], "depends on a URL, which is not allowed: a @ file:///a"),
            ([("Obsoletes-Dist", "a (x)")], "has an invalid Obsoletes-Dist: a (x)"),
            ([("Home-page", "http://example.org")], None),
            ([("Home-page", "example.org")], "has a Home-page that is no http(s) URL: example.org"),
            ([("Download-URL", "http://[")], "has a Download-URL that is no http(s) URL: http://["),
            (
                [("Project-URL", "Mail, mailto:a@example.org")],
                "has a Project-URL that is no http(s) URL: Mail, mailto:a@example.org",
            ),
            (
                [("Project-URL", f"{'x' * 33}, https://example.org")],
                f"has a Project-URL whose label is not 1 to 32 characters long: {'x' * 33}, https://example.org",
            ),
            ([("Author-email", "A <a@example.org>, B <b@example.org>")], None),
            ([("Author-email", "me at example.org")], "has no e-mail address in Author-email: me at example.org"),
            (
                [("Classifier", "Private :: Do Not Upload")],
                "has the classifier Private :: Do Not Upload, which is there to keep it from being published",
            ),
            ([("License", "MIT")], None),
            (
                [("License", "MIT"), ("License-Expression", "MIT")],
                "has License beside License-Expression: only the latter is allowed",
            ),
            (
                [("License-File", "LICENSE")],
                "has no file where License-File says: demo-1.0.dist-info/licenses/LICENSE",
            ),
        ],
    )
    def test_metadata(self, tmp_path: Path, headers: list[tuple[str, str]], expected: str | None) -> None:
        assert check_for_pypi(read(make_wheel(tmp_path, headers=headers))) == ((expected,) if expected else ())

    def test_license_files(self, tmp_path: Path) -> None:
        headers = [("License-File", "legal/LICENSE")]
        wheel = make_wheel(tmp_path, headers=headers, extra={"demo-1.0.dist-info/licenses/legal/LICENSE": b""})
        sdist = make_sdist(tmp_path, headers=headers, extra={"demo-1.0/legal/LICENSE": b""})
        assert [check_for_pypi(distribution) for distribution in read_all([wheel, sdist])] == [(), ()]
        assert check_for_pypi(read(make_sdist(tmp_path, headers=headers))) == (
            "has no file where License-File says: demo-1.0/legal/LICENSE",
        )

    @pytest.mark.parametrize(
        ("filename", "expected"),
        [
            ("demo-1.0.tar.gz", None),
            ("Demo-1.0.tar.gz", "has to be named demo-1.0.tar.gz (PEP 625)"),
            ("demo-1.0.0.tar.gz", "has to be named demo-1.0.tar.gz (PEP 625)"),
        ],
    )
    def test_sdist_name(self, tmp_path: Path, filename: str, expected: str | None) -> None:
        assert check_for_pypi(read(make_sdist(tmp_path, filename=filename))) == ((expected,) if expected else ())

    def test_wheel_name(self, tmp_path: Path) -> None:
        def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
            for name in old.namelist():
                new.writestr(name.replace("demo-1.0", "Demo-1.0"), old.read(name).replace(b"demo-1.0", b"Demo-1.0"))

        path = rewrite_zip(make_wheel(tmp_path, filename="Demo-1.0-py3-none-any.whl"), change)
        assert check_for_pypi(read(path)) == ("has to have a name that begins with demo (binary distribution format)",)

    @pytest.mark.parametrize("make", [make_wheel, make_sdist])
    def test_local_version(self, tmp_path: Path, make: Callable[..., Path]) -> None:
        assert check_for_pypi(read(make(tmp_path, version="1.0+local.1"))) == (
            "has the local version 1.0+local.1: leave out the part from the plus sign on",
        )

    @pytest.mark.parametrize(
        ("platform", "taken"),
        [
            ("any", True),
            ("manylinux_2_28_x86_64", True),
            ("manylinux_2_17_x86_64.manylinux2014_x86_64", True),
            ("musllinux_1_2_aarch64", True),
            ("linux_armv7l", True),
            ("linux_x86_64", False),
            ("manylinux2014_x86_64.linux_x86_64", False),
            ("macosx_10_9_x86_64", True),
            ("macosx_11_0_arm64", True),
            ("macosx_14_5_arm64", False),
            ("win_amd64", True),
            ("ios_13_0_arm64_iphoneos", True),
            ("freebsd_14_amd64", False),
        ],
    )
    def test_platforms(self, tmp_path: Path, platform: str, taken: bool) -> None:
        found = check_for_pypi(read(make_wheel(tmp_path, tag=f"cp312-cp312-{platform}")))
        assert len(found) == (0 if taken else 1)
        assert taken or found[0].startswith("is for a platform that is not taken: ")
        assert ("manylinux or musllinux" in "".join(found)) == ("linux_x86_64" in platform and not taken)

    def test_archive(self, tmp_path: Path) -> None:
        def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
            copy_members(old, new)
            with pytest.warns(UserWarning, match="Duplicate name"):
                new.writestr("demo.py", b"")
            new.writestr("bomb", bytes(65 * 1024 * 1024))
            new.writestr("odd", b"x", zipfile.ZIP_BZIP2)
            member = zipfile.ZipInfo("commented")
            member.comment = b"?"
            new.writestr(member, b"")

        record = (
            "demo.py bomb odd commented demo-1.0.dist-info/METADATA demo-1.0.dist-info/WHEEL demo-1.0.dist-info/RECORD"
        )
        path = rewrite_zip(make_wheel(tmp_path, record=record.replace(" ", "\n").encode()), change)
        path.write_bytes(b"#!/usr/bin/env python\n" + path.read_bytes())
        distribution = read(path)
        assert distribution.warnings == ()
        assert check_for_pypi(distribution) == (
            "has several members of one name: demo.py",
            "has comments in its directory: commented",
            "has members that are not simply stored or deflated: odd",
            "has data before its first member",
            "unpacks to more than 50 times its size",
        )

    def test_streamed_archive(self, tmp_path: Path) -> None:
        class Pipe(io.BytesIO):
            def tell(self) -> int:
                raise io.UnsupportedOperation

        wheel = make_wheel(tmp_path)
        stream = Pipe()
        with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(stream, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
        wheel.write_bytes(stream.getvalue())
        (found,) = check_for_pypi(read(wheel))
        assert found.startswith("was written as a stream, with data descriptors: ")

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"[console_scripts]\ndemo-2.x = demo:main\n[other]\na b: c = d\n", None),
            (b"[console_scripts]\nde mo = demo:main\n", "has scripts with unusable names: de mo"),
            (b"[console_scripts]\na = b:c\na = d:e\n", None),
            (b"[gui_scripts]\nA/B = demo:main\n", "has scripts with unusable names: a/b"),
            (b"demo = demo:main\n", "can't be read: File contains no section headers."),
            (b"\xff", "can't be read: 'utf-8' codec can't decode byte 0xff"),
        ],
    )
    def test_entry_points(self, tmp_path: Path, content: bytes, expected: str | None) -> None:
        path = make_wheel(tmp_path, extra={"demo-1.0.dist-info/entry_points.txt": content})
        found = check_for_pypi(read(path))
        assert len(found) == (1 if expected else 0)
        assert not expected or found[0].startswith(f"demo-1.0.dist-info/entry_points.txt {expected}")

    def test_sparse_members(self, tmp_path: Path) -> None:
        member = tarfile.TarInfo("demo-1.0/sparse")
        member.pax_headers = {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.map": "0,0",
            "GNU.sparse.size": "9",
        }
        path = write_tar(tmp_path / "demo-1.0.tar.gz", [("demo-1.0/PKG-INFO", core_metadata()), member])
        assert check_for_pypi(read(path)) == ("has sparse members: demo-1.0/sparse",)

    def test_hostile_values_are_escaped(self, tmp_path: Path) -> None:
        (found,) = check_for_pypi(read(make_wheel(tmp_path, headers=[("Home-page", "\x1b[2J\u202e" + "x" * 9999)])))
        assert found.isprintable()
        assert len(found) < 500

    def test_too_large_for_any_limit(self, tmp_path: Path) -> None:
        path = make_sdist(tmp_path)
        distribution = read(path)
        too_large = type(distribution)(**{**vars(distribution), "size": 1024**3 + 1})
        assert check_for_pypi(too_large) == ("is larger than 1,024 MiB",)


def test_pip_installs_what_the_builders_make(tmp_path: Path) -> None:
    pytest.importorskip("pip")
    files = [make_wheel(tmp_path, "Demo.Wheel"), make_sdist(tmp_path, "Demo.Sdist", description="text")]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--target", str(tmp_path / "site")]
    subprocess.run([*command, *map(str, files)], check=True, stdin=subprocess.DEVNULL)
    assert {"demo_wheel.py", "demo_sdist.py"} <= {path.name for path in (tmp_path / "site").iterdir()}
