"""Sdists as archives: required members, and one clear line for each problem."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from broken_distributions import problems_of, write_tar
from distribution_builders import core_metadata, make_sdist

from hatch_tokenindex.distributions import check_for_pypi, read, sdists

if TYPE_CHECKING:
    from pathlib import Path

PKG_INFO = ("demo-1.0/PKG-INFO", core_metadata())


def written(tmp_path: Path, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
    """Write an sdist with these members."""
    return write_tar(tmp_path / "demo-1.0.tar.gz", members)


# Reading


@pytest.mark.parametrize("last", [True, False])
def test_metadata_is_found_first_or_last(tmp_path: Path, last: bool) -> None:
    others = [(f"demo-1.0/{n}.txt", os.urandom(n)) for n in (1, 511, 512, 513, 3_000_000)]
    members = [*others, PKG_INFO] if last else [PKG_INFO, *others]
    assert read(written(tmp_path, *members)).project == "demo"


def test_a_leading_dot_in_names_is_a_problem_for_pypi_alone(tmp_path: Path) -> None:
    folder = tarfile.TarInfo("./demo-1.0/")
    folder.type = tarfile.DIRTYPE
    distribution = read(written(tmp_path, folder, ("./demo-1.0/PKG-INFO", core_metadata())))
    assert distribution.project == "demo"
    assert check_for_pypi(distribution) == ("has members whose paths start with `./` instead of the top-level folder",)


def test_long_and_foreign_names_are_fine(tmp_path: Path) -> None:
    assert read(written(tmp_path, PKG_INFO, (f"demo-1.0/{'ü' * 400}.txt", b"x"))).project == "demo"


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_format_of_tar_is_read(tmp_path: Path, format_: int) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    with tarfile.open(path, "w:gz", format=format_, pax_headers={"comment": "global"}) as archive:
        for name, content in [("demo-1.0/" + "long/" * 25 + "x", b"x" * 1000), PKG_INFO]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    assert read(path).project == "demo"


def test_many_members_take_little_memory(tmp_path: Path) -> None:
    path = written(tmp_path, *[(f"demo-1.0/{n}", b"") for n in range(6000)], PKG_INFO)
    tracemalloc.start()
    try:
        assert read(path).project == "demo"
        assert tracemalloc.get_traced_memory()[1] < 3 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("limit", ["_UNPACKED_LIMIT", "_MEMBER_LIMIT"])
@pytest.mark.parametrize("found", [True, False])
def test_reading_an_sdist_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, found: bool) -> None:
    why = {
        "_UNPACKED_LIMIT": "the archive unpacks to more than 1 MiB",
        "_MEMBER_LIMIT": "the archive has more than 5 members",
    }[limit]
    monkeypatch.setattr(sdists, limit, {"_UNPACKED_LIMIT": 1024 * 1024, "_MEMBER_LIMIT": 5}[limit])
    fill = [(f"demo-1.0/{n}", bytes(500_000)) for n in range(10)]
    metadata = ("demo-1.0/PKG-INFO", core_metadata(headers=[("License-File", "LICENSE")]))
    path = written(tmp_path, *([metadata, *fill] if found else [*fill, metadata]))
    if found:
        distribution = read(path)
        assert distribution.warnings == (f"only checked in part: {why}",)
        assert check_for_pypi(distribution) == ()
    else:
        assert problems_of(path) == [f"has no PKG-INFO in the part that was read: {why}"]


def test_metadata_across_the_limit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdists, "_UNPACKED_LIMIT", 2048)
    path = written(tmp_path, ("demo-1.0/PKG-INFO", core_metadata() + b"x" * 4096))
    assert problems_of(path) == ["has no PKG-INFO in the part that was read: the archive unpacks to more than 0 MiB"]


# Required members


def test_an_sdist_without_metadata_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, ("demo-1.0/setup.py", b""), ("demo-1.0/demo.egg-info/PKG-INFO", core_metadata()))
    assert problems_of(path) == ["has no PKG-INFO in demo-1.0"]


def test_an_empty_sdist_is_refused(tmp_path: Path) -> None:
    assert problems_of(written(tmp_path)) == ["is an empty archive"]


def test_sdist_with_several_top_level_entries_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, PKG_INFO, ("._demo-1.0", b""), ("other/x", b""))
    assert problems_of(path) == ["has several top-level entries: ._demo-1.0, demo-1.0, other"]


def test_an_sdist_with_its_metadata_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, PKG_INFO, ("demo-1.0//PKG-INFO", core_metadata("evil")))
    assert "has 2 copies of PKG-INFO in demo-1.0" in problems_of(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_metadata_must_be_a_regular_file(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("demo-1.0/PKG-INFO")
    member.type = kind
    member.linkname = "/etc/passwd"
    assert problems_of(written(tmp_path, member)) == ["PKG-INFO in demo-1.0 is not a regular file"]


@pytest.mark.parametrize(
    ("kind", "linkname"),
    [
        (tarfile.SYMTYPE, "demo.egg-info/PKG-INFO"),
        (tarfile.SYMTYPE, "../demo-1.0/./demo.egg-info/PKG-INFO"),
        (tarfile.LNKTYPE, "demo-1.0/demo.egg-info/PKG-INFO"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_metadata_can_be_a_link_to_another_member(tmp_path: Path, kind: bytes, linkname: str, is_first: bool) -> None:
    link = tarfile.TarInfo("demo-1.0/PKG-INFO")
    link.type, link.linkname = kind, linkname
    target = ("demo-1.0/demo.egg-info/PKG-INFO", core_metadata())
    distribution = read(written(tmp_path, link, target) if is_first else written(tmp_path, target, link))
    assert distribution.project == "demo"
    assert check_for_pypi(distribution) == ()


@pytest.mark.parametrize("linkname", ["PKG-INFO", "missing", "../../etc/passwd", "/demo-1.0/x", "x", ""])
def test_metadata_that_links_to_no_regular_file_is_refused(tmp_path: Path, linkname: str) -> None:
    link, folder = tarfile.TarInfo("demo-1.0/PKG-INFO"), tarfile.TarInfo("demo-1.0/x")
    link.type, link.linkname = tarfile.SYMTYPE, linkname
    folder.type = tarfile.DIRTYPE
    assert problems_of(written(tmp_path, link, folder)) == ["PKG-INFO in demo-1.0 is not a regular file"]


@pytest.mark.parametrize("more", [b"signature", b"\0" * 600 + b"x", b"PK\5\6"])
def test_data_after_the_archive_is_ignored(tmp_path: Path, more: bytes) -> None:
    """As pip, PyPI and gzip ignore it."""
    path = written(tmp_path, PKG_INFO)
    path.write_bytes(path.read_bytes() + more)
    distribution = read(path)
    assert distribution.warnings == ("has data after its end, which is ignored when it is unpacked",)
    assert check_for_pypi(distribution) == ()


# Invalid archives


@pytest.mark.parametrize("name", ["/etc/passwd", "demo-1.0/../../up.py", "demo-1.0\\..\\..\\up.py"])
def test_members_that_lead_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    (found, *_) = problems_of(written(tmp_path, PKG_INFO, (name, b"")))[::-1]
    assert found.startswith("has members outside the target folder: ")


@pytest.mark.parametrize("content", [b"no archive", b"PK\3\4", b"\x1f\x8b", b"\x1f\x8b\x08\0", b"BZh9", b"\0" * 100])
def test_invalid_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(content)
    (found,) = problems_of(path)
    assert found.startswith("is not a valid .tar.gz archive: ")


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 511, b"x" * 512, b"x" * 20_000])
def test_invalid_tar_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(content))
    (found,) = problems_of(path)
    assert found.startswith("is not a valid .tar.gz archive: ")


def test_an_sdist_may_be_cut_off_anywhere(tmp_path: Path) -> None:
    path = make_sdist(tmp_path)
    content = path.read_bytes()
    for length in range(1, len(content), 13):
        path.write_bytes(content[:length])
        (found,) = problems_of(path)
        assert found.startswith("is not a valid .tar.gz archive: ")


def test_a_tar_that_ends_within_a_member_is_refused(tmp_path: Path) -> None:
    path = make_sdist(tmp_path)
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[: content.index(b"Metadata-Version") + 10]))
    (found,) = problems_of(path)
    assert found.startswith("is not a valid .tar.gz archive: ")


def test_a_damaged_header_after_the_metadata_is_refused(tmp_path: Path) -> None:
    """The tar module takes it for the end of the archive."""
    path = written(tmp_path, PKG_INFO, ("demo-1.0/next.py", b""))
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[content.index(b"demo-1.0/next.py")] ^= 0x01
    path.write_bytes(gzip.compress(bytes(content)))
    assert problems_of(path) == ["is not a valid .tar.gz archive: the header after member 1 is damaged"]


def test_a_damaged_checksum_at_the_end_is_refused(tmp_path: Path) -> None:
    path = make_sdist(tmp_path)
    content = bytearray(path.read_bytes())
    content[-6] ^= 0xFF
    path.write_bytes(content)
    (found,) = problems_of(path)
    assert found.startswith("is not a valid .tar.gz archive: CRC check failed")


def test_a_member_of_negative_size_is_refused(tmp_path: Path) -> None:
    """Such a header once made the tar module loop forever."""
    member = tarfile.TarInfo("demo-1.0/x")
    member.size = -1024
    header = member.tobuf(tarfile.GNU_FORMAT)
    path = written(tmp_path, PKG_INFO)
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:1024] + header + content[1024:]))
    (found,) = problems_of(path)
    assert found.startswith("is not a valid .tar.gz archive: ")


@pytest.mark.parametrize("kind", ["pax", "gnu", "chain"])
def test_a_giant_header_is_refused(tmp_path: Path, kind: str) -> None:
    """The tar module reads extensions for long names and attributes whole and recursively."""
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
    content = gzip.decompress(written(tmp_path, PKG_INFO).read_bytes())
    path.write_bytes(gzip.compress(content[:1024] + header + content[1024:]))
    (found,) = problems_of(path)
    assert found.startswith("is not a valid .tar.gz archive: ")
    if kind != "chain":
        assert found.endswith("a header is larger than 256 KiB")


# Problems that only PyPI rejects


def test_pypi_refuses_sparse_members(tmp_path: Path) -> None:
    member = tarfile.TarInfo("demo-1.0/sparse")
    member.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": "0,0",
        "GNU.sparse.size": "9",
    }
    path = write_tar(tmp_path / "demo-1.0.tar.gz", [("demo-1.0/PKG-INFO", core_metadata()), member])
    assert check_for_pypi(read(path)) == ("has sparse members: demo-1.0/sparse",)


def test_a_negative_size_is_an_error(tmp_path: Path) -> None:
    """Reading a negative number of bytes would read all of them, into memory."""
    path = written(tmp_path, PKG_INFO)
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[124:136] = b"\xff" * 12
    content[148:156] = b" " * 8
    content[148:156] = f"{sum(content[:512]):06o}\0 ".encode()
    path.write_bytes(gzip.compress(bytes(content)))
    (found,) = problems_of(path)
    assert found.startswith("is not a valid .tar.gz archive: ")


def test_a_long_number_in_a_header_is_an_error(tmp_path: Path) -> None:
    """The tar module takes time that grows with the square of its digits."""
    link = tarfile.TarInfo("x")
    link.type, link.size = tarfile.XHDTYPE, 100_000
    content = gzip.decompress(written(tmp_path, PKG_INFO).read_bytes())
    header = link.tobuf(tarfile.GNU_FORMAT) + b"0" * 100_352
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(content[:1024] + header + content[1024:]))
    assert problems_of(path) == ["is not a valid .tar.gz archive: a header has a number of more than 200 digits"]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("_HEADERS_LIMIT", "the headers of its members are larger than 0 MiB"),
        ("_NAMES_LIMIT", "the names of its members take more than 0 MiB"),
    ],
)
def test_long_names_are_read_within_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, expected: str
) -> None:
    monkeypatch.setattr(sdists, limit, 10_000)
    others = [(f"demo-1.0/{number:03}{'x' * 600}", b"") for number in range(40)]
    assert read(written(tmp_path, PKG_INFO, *others)).warnings == (f"only checked in part: {expected}",)


def test_names_that_leave_the_folder_are_kept_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdists, "_NAMES_LIMIT", 100_000)
    escaping = [(f"{'/' * 10_000}{number:03}", b"") for number in range(40)]
    path = written(tmp_path, *escaping, PKG_INFO)
    assert "has no PKG-INFO in the part that was read: the names of its members take more than 0 MiB" in problems_of(
        path
    )
