"""Checking that a zip archive has the same members from its first byte on as in the directory at its end.

PyPI rejects an archive in which the two differ, since it unpacks to different files with different tools
(https://docs.pypi.org/archives/). The numbers of sections are those of APPNOTE.TXT.
"""

from __future__ import annotations

import re
import struct
from typing import IO, TYPE_CHECKING, NoReturn

from hatch_tokenindex.distributions.archives import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from zipfile import ZipInfo

_LOCAL_HEADER = (b"PK\3\4", struct.Struct("<2xHH8xLLHH"))  # 4.3.7
_DIRECTORY_ENTRY = (b"PK\1\2", struct.Struct("<24xHHH12x"))  # 4.3.12
_ZIP64_END = (b"PK\6\6", struct.Struct("<Q12xQQQQ"))  # 4.3.14
_ZIP64_LOCATOR = (b"PK\6\7", struct.Struct("<16x"))  # 4.3.15
_END = (b"PK\5\6", struct.Struct("<4xHHLLH"))  # 4.3.16
_RECORDS = dict((_LOCAL_HEADER, _DIRECTORY_ENTRY, _ZIP64_END, _ZIP64_LOCATOR, _END))

_ZIP64_END_SIZE = 44
_DATA_DESCRIPTOR = 0x8
_IN_EXTRA_FIELD = 0xFFFFFFFF
"""The size of a member whose real size is in its ZIP64 field (4.5.3)."""
_ZIP64_FIELD, _UNICODE_PATH_FIELD = 0x1, 0x7075
_SIZE = struct.Struct("<Q")
_FIELD_HEADER = 4
_MOST_FIELDS = 20
"""Real members have up to four, and each takes time."""
_CONTROLS = re.compile(rb"[\0-\x1f\x7f]")

_OTHER_END = "has a central directory that differs from the record at its end"


class _FaultError(Exception):
    """What is wrong with the archive."""


def fault(file: IO[bytes], members: Iterable[ZipInfo]) -> str | None:
    """Return the first reason for which PyPI rejects the structure of a zip archive, None if it accepts it.

    Args:
        file: The archive, open for reading.
        members: The members in its directory.
    """
    try:
        _walk(file, {member.orig_filename: member for member in members})
    except _FaultError as found:
        return str(found)
    return None


def _walk(file: IO[bytes], directory: Mapping[str, ZipInfo]) -> None:
    """Read an archive from its start to its end, as tools do that unpack a stream."""
    unlisted: set[str] = set()
    start, count, size = None, 0, 0
    zip64_end: tuple[int, int, int] | None = None
    has_locator = False
    end = file.seek(0, 2)
    file.seek(0)
    while True:
        position = file.tell()
        signature = file.read(4)
        if signature not in _RECORDS:
            _refuse("has data between its members" if position else "has data before its first member")
        values = _RECORDS[signature].unpack(_read(file, _RECORDS[signature].size))
        if signature == _LOCAL_HEADER[0]:
            member = _local_header(file, values, directory)
            if member.orig_filename in unlisted:
                _refuse(f"has duplicate members: {listed([member.orig_filename])}")
            unlisted.add(member.orig_filename)
            if file.tell() + member.compress_size > end:
                _refuse("ends within a member")
            file.seek(member.compress_size, 1)
        elif signature == _DIRECTORY_ENTRY[0]:
            name_size, extra_size, comment_size = values
            start = position if start is None else start
            name = _name(file, name_size)
            if comment_size:
                _refuse(f"has a member with a comment: {_shown(name)}")
            if _decoded(name) not in unlisted:
                _refuse(f"has a central directory that lists a missing member, or one twice: {_shown(name)}")
            unlisted.remove(_decoded(name))
            _read(file, extra_size)
            count, size = count + 1, size + file.tell() - position
        elif signature == _ZIP64_END[0]:
            if values[0] != _ZIP64_END_SIZE:
                _refuse("has ZIP64 extensions")
            zip64_end = _described(*values[1:])
        elif signature == _ZIP64_LOCATOR[0]:
            has_locator = True
        else:
            if zip64_end and not has_locator:
                _refuse("has a ZIP64 record without a locator")
            described = _described(*values[:4])
            if (zip64_end or described) != (count, size, position if start is None else start):
                _refuse(_OTHER_END)
            _read(file, values[4])
            if file.read(1):
                _refuse("has data after the end of the zip archive")
            return


def _local_header(file: IO[bytes], values: tuple[int, ...], directory: Mapping[str, ZipInfo]) -> ZipInfo:
    """Return a member, after comparing what is in front of it with the directory."""
    flags, method, packed, unpacked, name_size, extra_size = values
    name = _name(file, name_size)
    sizes = _sizes(packed, unpacked, method, _read(file, extra_size), name)
    if flags & _DATA_DESCRIPTOR:
        _refuse(f"was written as a stream, with data descriptors: {_shown(name)}")
    member = directory.get(_decoded(name))
    if member is None or (member.compress_size, member.file_size) != sizes:
        _refuse(f"has a member that differs from its central directory: {_shown(name)}")
    return member


def _described(on_disk: int, count: int, size: int, start: int) -> tuple[int, int, int]:
    """Return the number of entries, the size and the start of the directory, as a record at the end says."""
    if on_disk != count:
        _refuse(_OTHER_END)
    return count, size, start


def _sizes(packed: int, unpacked: int, method: int, extra: bytes, name: bytes) -> tuple[int, int]:
    """Return the packed and unpacked size in a local header, in which large ones are in an extra field."""
    seen: set[int] = set()
    for kind, content in _extra_fields(extra, name):
        if kind in seen and kind in {_ZIP64_FIELD, _UNICODE_PATH_FIELD}:
            _refuse(f"has a member with a repeated extra field: {_shown(name)}")
        seen.add(kind)
        path = content[5:]
        if kind == _UNICODE_PATH_FIELD and (_CONTROLS.search(path) or path.decode(errors="ignore").encode() != path):
            _refuse(f"has a member with an unusable Unicode name: {_shown(name)}")
        if kind != _ZIP64_FIELD:
            continue
        numbers = [number for (number,) in _SIZE.iter_unpack(content[: len(content) // 8 * 8])]
        is_stored_size = len(numbers) == 1 and not method
        if len(content) not in {0, 8, 16, 24, 28} or (len(numbers) == 1 and not is_stored_size):
            _refuse(f"has a member with a malformed ZIP64 field: {_shown(name)}")
        if not numbers and _IN_EXTRA_FIELD in {packed, unpacked}:
            _refuse(f"has a member with a malformed ZIP64 field: {_shown(name)}")
        if numbers:
            unpacked = numbers[0] if unpacked == _IN_EXTRA_FIELD else unpacked
            packed = numbers[0] if is_stored_size else numbers[1]
    return packed, unpacked


def _extra_fields(extra: bytes, name: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and content of each extra field (4.5.1)."""
    for _ in range(_MOST_FIELDS):
        if not extra:
            return
        kind, size = (int.from_bytes(extra[start : start + 2], "little") for start in (0, 2))
        if len(extra) < _FIELD_HEADER + size:
            break
        yield kind, extra[_FIELD_HEADER : _FIELD_HEADER + size]
        extra = extra[_FIELD_HEADER + size :]
    _refuse(f"has a member with malformed extra fields: {_shown(name)}")


def _name(file: IO[bytes], size: int) -> bytes:
    name = _read(file, size)
    if _CONTROLS.search(name):
        _refuse(f"has control characters in the name of a member: {_shown(name)}")
    return name


def _read(file: IO[bytes], size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        _refuse("ends within a record")
    return content


def _decoded(name: bytes) -> str:
    """Decode UTF-8; a name in another encoding becomes one that no directory has."""
    return name.decode("utf-8", "surrogateescape")


def _refuse(problem: str) -> NoReturn:
    raise _FaultError(problem)


def _shown(name: bytes) -> str:
    return listed([name.decode("utf-8", "replace")])
