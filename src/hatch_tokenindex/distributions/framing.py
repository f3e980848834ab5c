"""Checking that a zip archive has the same members from its first byte on as in the directory at its end.

PyPI rejects an archive in which the two differ, since it unpacks to different files with different tools
(https://docs.pypi.org/archives/). The numbers of sections are those of APPNOTE.TXT.
"""

from __future__ import annotations

import re
import struct
from typing import IO, TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from zipfile import ZipInfo

_LOCAL_HEADER, _DIRECTORY_ENTRY = b"PK\3\4", b"PK\1\2"
_ZIP64_END, _ZIP64_LOCATOR, _END = b"PK\6\6", b"PK\6\7", b"PK\5\6"
_RECORDS = {
    _LOCAL_HEADER: struct.Struct("<2xHH8xLLHH"),  # 4.3.7
    _DIRECTORY_ENTRY: struct.Struct("<24xHHH12x"),  # 4.3.12
    _ZIP64_END: struct.Struct("<Q12xQQQQ"),  # 4.3.14
    _ZIP64_LOCATOR: struct.Struct("<16x"),  # 4.3.15
    _END: struct.Struct("<4xHHLLH"),  # 4.3.16
}

_ZIP64_END_SIZE = 44
_DATA_DESCRIPTOR = 0x8
_IN_EXTRA_FIELD = 0xFFFFFFFF
"""The size of a member whose real size is in its ZIP64 field (4.5.3)."""
_ZIP64_FIELD, _UNICODE_PATH_FIELD = 0x1, 0x7075
_FIELD_HEADER = 4
_MOST_FIELDS = 20
"""Real members have up to four, and each takes time."""
_CONTROLS = re.compile(r"[\0-\x1f\x7f]")
_UNUSABLE = re.compile(r"[\0-\x1f\x7f\udc80-\udcff]")
"""Control characters, and what is not UTF-8."""


class _FaultError(Exception):
    """What is wrong with the archive."""


def fault(file: IO[bytes], members: Iterable[ZipInfo]) -> str | None:
    """Return the first reason for which PyPI rejects a zip archive with these members in its directory, if any."""
    try:
        _walk(file, {member.orig_filename: member for member in members})
    except _FaultError as found:
        return str(found)
    return None


def _walk(file: IO[bytes], directory: Mapping[str, ZipInfo]) -> None:
    """Read an archive from its start to its end, as tools do that unpack a stream."""
    unlisted: set[str] = set()
    start, count, size = None, 0, 0
    zip64_end: list[int] = []
    has_locator = False
    end = file.seek(0, 2)
    file.seek(0)
    while True:
        position = file.tell()
        signature = file.read(4)
        if signature not in _RECORDS:
            _refuse("has data between its members" if position else "has data before its first member")
        values = _RECORDS[signature].unpack(_read(file, _RECORDS[signature].size))
        if signature == _LOCAL_HEADER:
            member = _local_header(file, values, directory)
            if member.orig_filename in unlisted:
                _refuse(f"has duplicate members: {member.orig_filename}")
            unlisted.add(member.orig_filename)
            if file.tell() + member.compress_size > end:
                _refuse("ends within a member")
            file.seek(member.compress_size, 1)
        elif signature == _DIRECTORY_ENTRY:
            name_size, extra_size, comment_size = values
            start = position if start is None else start
            name = _name(file, name_size)
            if comment_size:
                _refuse(f"has a member with a comment: {name}")
            if name not in unlisted:
                _refuse(f"has a central directory that lists a missing member, or one twice: {name}")
            unlisted.remove(name)
            _read(file, extra_size)
            count, size = count + 1, size + file.tell() - position
        elif signature == _ZIP64_END:
            own_size, *zip64_end = values
            if own_size != _ZIP64_END_SIZE:
                _refuse("has ZIP64 extensions")
        elif signature == _ZIP64_LOCATOR:
            has_locator = True
        else:
            if zip64_end and not has_locator:
                _refuse("has a ZIP64 record without a locator")
            *described, comment_size = values
            found = [count, count, size, position if start is None else start]
            if described[0] != described[1] or (zip64_end or described) != found:
                _refuse("has a central directory that differs from the record at its end")
            _read(file, comment_size)
            if file.read(1):
                _refuse("has data after the end of the zip archive")
            return


def _local_header(file: IO[bytes], values: tuple[int, ...], directory: Mapping[str, ZipInfo]) -> ZipInfo:
    """Return a member, after comparing what is in front of it with the directory."""
    flags, method, packed, unpacked, name_size, extra_size = values
    name = _name(file, name_size)
    sizes = _sizes(packed, unpacked, method, _read(file, extra_size), name)
    if flags & _DATA_DESCRIPTOR:
        _refuse(f"was written as a stream, with data descriptors: {name}")
    member = directory.get(name)
    if member is None or (member.compress_size, member.file_size) != sizes:
        _refuse(f"has a member that differs from its central directory: {name}")
    return member


def _sizes(packed: int, unpacked: int, method: int, extra: bytes, name: str) -> tuple[int, int]:
    """Return the packed and unpacked size in a local header, in which large ones are in an extra field."""
    seen: set[int] = set()
    for kind, content in _extra_fields(extra, name):
        if kind in seen and kind in {_ZIP64_FIELD, _UNICODE_PATH_FIELD}:
            _refuse(f"has a member with a repeated extra field: {name}")
        seen.add(kind)
        path = content[5:].decode(errors="surrogateescape")
        if kind == _UNICODE_PATH_FIELD and _UNUSABLE.search(path):
            _refuse(f"has a member with an unusable Unicode name: {name}")
        if kind != _ZIP64_FIELD:
            continue
        numbers = struct.unpack_from(f"<{len(content) // 8}Q", content)
        is_stored_size = len(numbers) == 1 and not method
        is_enough = len(numbers) > 1 or is_stored_size or not (numbers or _IN_EXTRA_FIELD in {packed, unpacked})
        if len(content) not in {0, 8, 16, 24, 28} or not is_enough:
            _refuse(f"has a member with a malformed ZIP64 field: {name}")
        if numbers:
            unpacked = numbers[0] if unpacked == _IN_EXTRA_FIELD else unpacked
            packed = numbers[0] if is_stored_size else numbers[1]
    return packed, unpacked


def _extra_fields(extra: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and content of each extra field (4.5.1)."""
    for _ in range(_MOST_FIELDS):
        if not extra:
            return
        kind, size = (int.from_bytes(extra[start : start + 2], "little") for start in (0, 2))
        if len(extra) < _FIELD_HEADER + size:
            break
        yield kind, extra[_FIELD_HEADER : _FIELD_HEADER + size]
        extra = extra[_FIELD_HEADER + size :]
    _refuse(f"has a member with malformed extra fields: {name}")


def _name(file: IO[bytes], size: int) -> str:
    """Read a name in UTF-8; one in another encoding becomes a name that no directory has."""
    name = _read(file, size).decode(errors="surrogateescape")
    if _CONTROLS.search(name):
        _refuse(f"has control characters in the name of a member: {name}")
    return name


def _read(file: IO[bytes], size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        _refuse("ends within a record")
    return content


def _refuse(problem: str) -> NoReturn:
    raise _FaultError(problem)
