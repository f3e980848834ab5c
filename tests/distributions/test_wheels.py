"""Wheels as archives: required members, and one clear line for each problem."""

from __future__ import annotations

import csv
import io
import os
import struct
import zipfile
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from broken_distributions import copy_members, problems_of, rewrite_zip
from distribution_builders import core_metadata, make_wheel

from hatch_tokenindex.distributions import check_for_pypi, read, wheels

if TYPE_CHECKING:
    from pathlib import Path

# Required members


@pytest.mark.parametrize("member", ["METADATA", "WHEEL", "RECORD"])
def test_a_wheel_without_a_required_member_is_refused(tmp_path: Path, member: str) -> None:
    assert problems_of(make_wheel(tmp_path, leave_out=[member])) == [f"has no demo-1.0.dist-info/{member}"]


def test_a_wheel_without_dist_info_is_refused(tmp_path: Path) -> None:
    def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        new.writestr("demo.py", old.read("demo.py"))

    assert problems_of(rewrite_zip(make_wheel(tmp_path), change)) == ["has no folder demo-1.0.dist-info"]


def test_a_wheel_with_two_dist_info_is_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, extra={"other-1.0.dist-info/METADATA": b""})
    assert problems_of(path) == [
        "has several .dist-info folders: demo-1.0.dist-info, other-1.0.dist-info",
    ]


def test_vendored_dist_info_is_fine(tmp_path: Path) -> None:
    assert read(make_wheel(tmp_path, extra={"demo/_vendor/other-1.0.dist-info/METADATA": b""})).name == "demo"


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_wheel_with_its_metadata_twice_is_refused(tmp_path: Path) -> None:
    def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        copy_members(old, new)
        new.writestr("demo-1.0.dist-info/METADATA", core_metadata("evil"))

    assert problems_of(rewrite_zip(make_wheel(tmp_path), change)) == ["has 2 copies of demo-1.0.dist-info/METADATA"]


def test_record_is_compared_with_what_is_there(tmp_path: Path) -> None:
    def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        copy_members(old, new)
        new.writestr("added.py", b"")
        new.writestr("folder/", b"")
        new.writestr("demo-1.0.dist-info/RECORD.jws", b"")

    record = b'demo.py,,\ndemo-1.0.dist-info/METADATA,,\ndemo-1.0.dist-info/WHEEL,,\n"gone,.py",,\n'
    distribution = read(rewrite_zip(make_wheel(tmp_path, record=record), change))
    assert distribution.warnings == (
        "RECORD does not list added.py, demo-1.0.dist-info/RECORD",
        "RECORD lists missing files: gone,.py",
    )


def test_an_empty_record_lists_nothing(tmp_path: Path) -> None:
    (warning,) = read(make_wheel(tmp_path, record=b"")).warnings
    assert warning.startswith("RECORD does not list ")


def test_backslashes_in_record_are_slashes(tmp_path: Path) -> None:
    """As PyPI reads them; some tools on Windows wrote them."""
    names = ("demo.py", "demo-1.0.dist-info\\METADATA", "demo-1.0.dist-info\\WHEEL", "demo-1.0.dist-info\\RECORD")
    assert read(make_wheel(tmp_path, record="".join(f"{name},,\n" for name in names).encode())).warnings == ()


def test_a_long_record_is_not_kept(tmp_path: Path) -> None:
    record = b"".join(b"%d.py,,\n" % number for number in range(20_000))
    assert read(make_wheel(tmp_path, record=record)).warnings[1] == (
        "RECORD lists missing files: 0.py, 1.py, 10.py and 9997 more"
    )


def test_the_number_of_members_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "_MEMBER_LIMIT", 3)
    (found,) = problems_of(make_wheel(tmp_path))
    assert found.startswith("is not a valid zip archive: it has more than 3 members")


def test_extra_fields_are_limited(tmp_path: Path) -> None:
    """The zip module takes minutes for members with tens of thousands of empty ones."""
    wheel = make_wheel(tmp_path)
    with zipfile.ZipFile(wheel, "a") as archive:
        for number in range(200):
            member = zipfile.ZipInfo(f"demo/{number}")
            member.extra = b"\1\1\0\0" * 16_000
            archive.writestr(member, b"")
    began = monotonic()
    (found,) = problems_of(wheel)
    assert found.endswith("or 2,000 bytes of extra fields for one")
    assert monotonic() - began < 5


@pytest.mark.parametrize("record", [b"\xff", b'"' + b"x" * (csv.field_size_limit() + 1)])
def test_invalid_record_is_an_error(tmp_path: Path, record: bytes) -> None:
    (found,) = problems_of(make_wheel(tmp_path, record=record))
    assert found.startswith("demo-1.0.dist-info/RECORD can't be read: ")


# Invalid archives


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up.py", "demo/../../up.py", "demo/..", "\\\\server\\x", "demo\\..\\..\\x", "C:\\x", "c:x"],
)
def test_members_that_lead_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    (found,) = problems_of(make_wheel(tmp_path, extra={name: b""}))
    assert found.startswith("has members outside the target folder: ")


@pytest.mark.parametrize("name", ["demo/..data.py", "demo/a..b", "demo/...", "..demo.py"])
def test_dots_in_names_are_fine(tmp_path: Path, name: str) -> None:
    assert read(make_wheel(tmp_path, extra={name: b""})).warnings == ()


def test_long_lists_of_members_are_shortened(tmp_path: Path) -> None:
    (found,) = problems_of(make_wheel(tmp_path, extra={f"/{n}\x1b{'x' * 200}": b"" for n in range(10)}))
    assert found.count("...") == 3
    assert found.endswith(" and 7 more")


def test_null_byte_in_the_name_of_a_member_is_an_error(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, extra={"demo/evil.py_.txt": b""})
    path.write_bytes(path.read_bytes().replace(b"evil.py_.txt", b"evil.py\0.txt"))
    assert r"has members with a null byte in their name: demo/evil.py\x00.txt" in problems_of(path)


@pytest.mark.parametrize(
    "content", [b"no archive at all", b"PK\x03\x04", b"\x1f\x8b\x08", b"\0" * 1000, b"PK\x05\x06" + bytes(18)]
)
def test_invalid_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    path.write_bytes(content)
    (found,) = problems_of(path)
    assert found in {"is not a valid zip archive: File is not a zip file", "has no folder demo-1.0.dist-info"}


def test_a_wheel_may_be_cut_off_anywhere(tmp_path: Path) -> None:
    path = make_wheel(tmp_path)
    content = path.read_bytes()
    for length in range(1, len(content), 7):
        path.write_bytes(content[:length])
        assert problems_of(path) == ["is not a valid zip archive: File is not a zip file"]


def test_damaged_metadata_is_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, metadata=core_metadata(description=os.urandom(500).hex()))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("demo-1.0.dist-info/METADATA").header_offset
    content[offset + 200] ^= 0xFF
    path.write_bytes(content)
    (found,) = problems_of(path)
    assert found.startswith("demo-1.0.dist-info/METADATA can't be read: ")


def test_other_members_are_not_decompressed(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, extra={"data.bin": os.urandom(1000)})
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)
    assert read(path).name == "demo"


@pytest.mark.parametrize("claimed", [100, 50_000_000])
def test_false_size_is_an_error(tmp_path: Path, claimed: int) -> None:
    """A large member that claims to be small, and a small one that claims to be large."""
    metadata = core_metadata(description="x" * (20_000_000 if claimed == 100 else 10))
    path = make_wheel(tmp_path, metadata=metadata)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("demo-1.0.dist-info/METADATA")
    content = path.read_bytes()
    true, false = struct.pack("<II", member.CRC, member.compress_size), struct.pack("<I", member.file_size)
    assert content.count(true + false) == 2
    path.write_bytes(content.replace(true + false, true + struct.pack("<I", claimed)))
    (found,) = problems_of(path)
    assert found in {
        "demo-1.0.dist-info/METADATA can't be read: Bad CRC-32 for file 'demo-1.0.dist-info/METADATA'",
        "demo-1.0.dist-info/METADATA is larger than 4 MiB",
    }


def test_a_directory_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    size = 40 * 1024 * 1024
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, 0, 0))
    assert problems_of(path) == ["is not a valid zip archive: its directory is larger than 16 MiB"]


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path)
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        position = content.find(signature)
        while position >= 0:
            content[position + flags] |= 1
            position = content.find(signature, position + 1)
    path.write_bytes(content)
    assert problems_of(path) == [
        "has encrypted members: demo-1.0.dist-info/METADATA, demo-1.0.dist-info/RECORD, "
        "demo-1.0.dist-info/WHEEL and 1 more"
    ]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 93, 99])
def test_unusual_compression_of_metadata_is_refused(tmp_path: Path, method: int) -> None:
    path = make_wheel(tmp_path)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("demo-1.0.dist-info/METADATA")
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, member.header_offset + 8, method)
    directory = content.rindex(b"demo-1.0.dist-info/METADATA") - 46
    struct.pack_into("<H", content, directory + 10, method)
    path.write_bytes(content)
    assert problems_of(path) == [
        "demo-1.0.dist-info/METADATA can't be read: neither stored nor deflated",
    ]


# Problems that only PyPI rejects


def test_pypi_refuses_unusual_archives(tmp_path: Path) -> None:
    def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        copy_members(old, new)
        new.writestr("bomb", bytes(65 * 1024 * 1024))
        new.writestr("odd", b"x", zipfile.ZIP_BZIP2)

    record = "demo.py bomb odd demo-1.0.dist-info/METADATA demo-1.0.dist-info/WHEEL demo-1.0.dist-info/RECORD"
    path = rewrite_zip(make_wheel(tmp_path, record=record.replace(" ", "\n").encode()), change)
    path.write_bytes(b"#!/usr/bin/env python\n" + path.read_bytes())
    distribution = read(path)
    rejected = tuple(f"{problem} (PyPI rejects this)" for problem in distribution.pypi_problems)
    assert distribution.warnings == rejected
    assert check_for_pypi(distribution) == (
        "has data before its first member",
        "has members that are neither stored nor deflated: odd",
        "unpacks to more than 50 times its size",
    )


def test_pypi_refuses_archives_that_were_written_as_a_stream(tmp_path: Path) -> None:
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
        (b"[console_scripts]\nde mo = demo:main\n", "has scripts with invalid names: de mo"),
        (b"[console_scripts]\na = b:c\nA = d:e\n[other]\na = b:c\n", None),
        (
            b"[console_scripts]\na = b:c\na = d:e\n",
            "can't be read: While reading from 'entry_points.txt' [line  3]: option 'a' in section",
        ),
        (
            b"[other]\na = b:c\na = d:e\n",
            "can't be read: While reading from 'entry_points.txt' [line  3]: option 'a' in section",
        ),
        (
            b"[console_scripts]\na = b:c\n[console_scripts]\n",
            "can't be read: While reading from 'entry_points.txt' [line  3]: section",
        ),
        (b"[gui_scripts]\nA/B = demo:main\n", "has scripts with invalid names: A/B"),
        (b"demo = demo:main\n", "can't be read: File contains no section headers."),
        (b"\xff", "can't be read: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_pypi_refuses_unusable_entry_points(tmp_path: Path, content: bytes, expected: str | None) -> None:
    path = make_wheel(tmp_path, extra={"demo-1.0.dist-info/entry_points.txt": content})
    found = check_for_pypi(read(path))
    assert len(found) == (1 if expected else 0)
    assert not expected or found[0].startswith(f"demo-1.0.dist-info/entry_points.txt {expected}")


def test_entry_points_that_cannot_be_unpacked_are_refused(tmp_path: Path) -> None:
    def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        copy_members(old, new)
        new.writestr("demo-1.0.dist-info/entry_points.txt", b"x", zipfile.ZIP_BZIP2)

    assert problems_of(rewrite_zip(make_wheel(tmp_path), change)) == [
        "demo-1.0.dist-info/entry_points.txt can't be read: neither stored nor deflated"
    ]


@pytest.mark.parametrize("content", [b"[console_scripts]\na" + b" " * 60_000 + b"b\n", b"# comment\n" * 30_000])
def test_long_entry_points_are_not_checked(tmp_path: Path, content: bytes) -> None:
    """Parsing takes time that grows with the square of a line's length."""
    path = make_wheel(tmp_path, extra={"demo-1.0.dist-info/entry_points.txt": content})
    (warning,) = read(path).warnings
    assert warning == (
        "demo-1.0.dist-info/entry_points.txt not checked: it is too long, or has a line of more than 1,000 bytes"
    )


def test_pypi_refuses_a_zip_that_tools_read_differently(tmp_path: Path) -> None:
    path = make_wheel(tmp_path)
    path.write_bytes(path.read_bytes() + b"more")
    assert check_for_pypi(read(path)) == ("has data after the end of the zip archive",)


def test_a_comment_of_the_archive_is_fine(tmp_path: Path) -> None:
    path = make_wheel(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"built at night"
    assert check_for_pypi(read(path)) == ()


def test_names_in_every_encoding_are_fine(tmp_path: Path) -> None:
    assert check_for_pypi(read(make_wheel(tmp_path, extra={"demo/ä-\N{SNOWMAN}.txt": b"x"}))) == ()
