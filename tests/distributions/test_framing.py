"""The structure of zip archives: what PyPI accepts and rejects, record by record (https://docs.pypi.org/archives/)."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass, replace

import pytest

from hatch_tokenindex.distributions import framing

CONTENT = b"x" * 50
BIG = 0xFFFFFFFF


@dataclass(frozen=True)
class Member:
    """One member, as the header in front of it and its entry in the directory describe it."""

    name: bytes = b"a"
    extra: bytes = b""
    flags: int = 0
    method: int = 0
    packed: int = len(CONTENT)
    unpacked: int = len(CONTENT)
    content: bytes = CONTENT
    comment: bytes = b""

    @property
    def header(self) -> bytes:
        """The header and the content (APPNOTE.TXT, 4.3.7)."""
        numbers = (45, self.flags, self.method, 0, 33, 0, self.packed, self.unpacked, len(self.name), len(self.extra))
        return struct.pack("<4s5H3L2H", b"PK\3\4", *numbers) + self.name + self.extra + self.content

    def entry(self, offset: int) -> bytes:
        """The entry in the directory (4.3.12)."""
        sizes = (len(self.name), len(self.extra), len(self.comment))
        numbers = (45, 45, self.flags, self.method, 0, 33, 0, self.packed, self.unpacked, *sizes, 0, 0, 0, offset)
        return struct.pack("<4s6H3L5H2L", b"PK\1\2", *numbers) + self.name + self.extra + self.comment


A, B = Member(), Member(b"b")


def archive(
    headers: list[Member], entries: list[Member] | None = None, *, gap: bytes = b"", zip64: bytes = b""
) -> bytes:
    """Return an archive; `zip64` are its records before the last one."""
    entries = headers if entries is None else entries
    offsets = [0]
    for member in headers:
        offsets.append(offsets[-1] + len(member.header))
    body = b"".join(member.header for member in headers) + gap
    offsets += [0] * len(entries)
    directory = b"".join(member.entry(offset) for member, offset in zip(entries, offsets, strict=False))
    return body + directory + zip64 + end(len(entries), len(directory), len(body))


def end(count: int, size: int, start: int) -> bytes:
    """Return the last record (4.3.16)."""
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, start, 0)


def zip64_end(count: int, size: int, start: int, *, own_size: int = 44, on_disk: int | None = None) -> bytes:
    """Return the last record of an archive with ZIP64 records (4.3.14)."""
    counts = (count if on_disk is None else on_disk, count)
    return struct.pack("<4sQ2H2L4Q", b"PK\6\6", own_size, 45, 45, 0, 0, *counts, size, start)


def zip64_field(*numbers: int) -> bytes:
    """Return an extra field with sizes (4.5.3)."""
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


def unicode_path(name: bytes) -> bytes:
    """Return an extra field with a name (4.6.9)."""
    return struct.pack("<2HBL", 0x7075, 5 + len(name), 1, 0) + name


DIRECTORY_SIZE = len(A.entry(0))
LOCATOR = struct.pack("<4sLQL", b"PK\6\7", 0, len(A.header) + DIRECTORY_SIZE, 1)
IN_FIELD = replace(A, extra=zip64_field(50, 50), packed=BIG, unpacked=BIG)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(archive([]), id="empty"),
        pytest.param(archive([A, B]), id="two members"),
        pytest.param(archive([B, A], [A, B]), id="in another order"),
        pytest.param(archive([A])[:-2] + b"\4\0note", id="a comment on the archive"),
        pytest.param(archive([replace(A, extra=b"\x55\x54\1\0\0" + unicode_path(b"\xc3\xa4"))]), id="extra fields"),
        pytest.param(archive([IN_FIELD], [A]), id="sizes in an extra field"),
        pytest.param(archive([replace(A, extra=zip64_field(50), unpacked=BIG)], [A]), id="one size in it"),
        pytest.param(archive([replace(A, extra=zip64_field())]), id="no size in it"),
        pytest.param(
            archive([A], zip64=zip64_end(1, DIRECTORY_SIZE, len(A.header)) + LOCATOR)[:-14] + b"\xff" * 12 + b"\0\0",
            id="ZIP64 records",
        ),
        pytest.param(archive([A], zip64=LOCATOR), id="a locator of nothing"),
    ],
)
def test_accepted_archives(content: bytes) -> None:
    """Some of them only by PyPI's own check: Python's module reads the directory alone."""
    assert framing.fault(io.BytesIO(content), members_of(content)) is None


def members_of(content: bytes) -> list[zipfile.ZipInfo]:
    """Return the members in the directory, or those that it would have if Python could read it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            return opened.infolist()
    except zipfile.BadZipFile:
        member = zipfile.ZipInfo("a")
        member.compress_size = member.file_size = len(CONTENT)
        return [member]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"#!/bin/sh\n" + archive([A]), "has data before its first member"),
        (archive([A], gap=bytes(4)), "has data between its members"),
        (archive([A]) + b"\n", "has data after the end of the zip archive"),
        (archive([A, A]), "has duplicate members: a"),
        (archive([A, A], [A]), "has duplicate members: a"),
        (archive([A], [A, A]), "has a central directory that lists a missing member, or one twice: a"),
        (archive([A], [A, B]), "has a central directory that lists a missing member, or one twice: b"),
        (archive([A, B], [A]), "has a member that differs from its central directory: b"),
        (archive([A], [B]), "has a member that differs from its central directory: a"),
        (archive([replace(A, packed=49)], [A]), "has a member that differs from its central directory: a"),
        (archive([replace(A, unpacked=49)], [A]), "has a member that differs from its central directory: a"),
        (archive([replace(A, name=b"\xe4")]), "has a member that differs from its central directory: \udce4"),
        (archive([replace(A, content=b"", packed=999)]), "ends within a member"),
        (archive([A], [])[:-1], "ends within a record"),
        (archive([replace(A, flags=8)]), "was written as a stream, with data descriptors: a"),
        (archive([replace(A, comment=b"?")]), "has a member with a comment: a"),
        (archive([replace(A, name=b"a\n")]), "has control characters in the name of a member: a\n"),
        (archive([replace(A, extra=b"\0")], [A]), "has a member with malformed extra fields: a"),
        (archive([replace(A, extra=b"\0\0\1\0")], [A]), "has a member with malformed extra fields: a"),
        (archive([replace(A, extra=bytes(84))], [A]), "has a member with malformed extra fields: a"),
        (archive([replace(A, extra=zip64_field() * 2)], [A]), "has a member with a repeated extra field: a"),
        (archive([replace(A, extra=unicode_path(b"b") * 2)], [A]), "has a member with a repeated extra field: a"),
        (archive([replace(A, extra=unicode_path(b"\n"))], [A]), "has a member with an unusable Unicode name: a"),
        (archive([replace(A, extra=unicode_path(b"\xff"))], [A]), "has a member with an unusable Unicode name: a"),
        (archive([replace(A, extra=b"\1\0\1\0\0")], [A]), "has a member with a malformed ZIP64 field: a"),
        (archive([replace(A, extra=zip64_field(50), method=8)], [A]), "has a member with a malformed ZIP64 field: a"),
        (archive([replace(A, extra=zip64_field(), packed=BIG)], [A]), "has a member with a malformed ZIP64 field: a"),
        (archive([A], zip64=zip64_end(1, DIRECTORY_SIZE, 81, own_size=45)), "has ZIP64 extensions"),
        (archive([A], zip64=zip64_end(1, DIRECTORY_SIZE, 81)), "has a ZIP64 record without a locator"),
        (
            archive([A], zip64=zip64_end(1, 1, 81) + LOCATOR),
            "has a central directory that differs from the record at its end",
        ),
        (
            archive([A], zip64=zip64_end(1, DIRECTORY_SIZE, 81, on_disk=2) + LOCATOR),
            "has a central directory that differs from the record at its end",
        ),
        (
            archive([A])[:-22] + end(1, DIRECTORY_SIZE, 80),
            "has a central directory that differs from the record at its end",
        ),
    ],
)
def test_rejected_archives(content: bytes, expected: str) -> None:
    assert framing.fault(io.BytesIO(content), members_of(content)) == expected
