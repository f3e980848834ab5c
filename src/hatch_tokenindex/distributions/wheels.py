"""Reading a wheel: its `.dist-info` folder, and checks of its members and of the archive itself."""

from __future__ import annotations

import configparser
import csv
import io
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from hatch_tokenindex.distributions import framing
from hatch_tokenindex.distributions.archives import METADATA_LIMIT, Archive, escapes
from hatch_tokenindex.distributions.problems import listed, mebibytes, reason

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from hatch_tokenindex.distributions.problems import Diagnostics

# The maximum size in bytes of the archive's directory, which is held in memory, and of RECORD; and of their entries.
_DIRECTORY_LIMIT = 16 * 1024 * 1024
_MEMBER_LIMIT = 100_000
_DIRECTORY_ENTRY = b"PK\1\2"
_ENTRY_SIZES = struct.Struct("<28x3H12x")
_LONGEST_EXTRA = 2_000
"""The maximum size in bytes of a member's extra fields, for which `zipfile` takes time that grows with its square."""

_ENCRYPTED = 0x1
_COMMON_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_MOST_ABSENT = 10_000
"""Files that RECORD lists and that don't exist, before the rest isn't counted."""

# PyPI rejects an archive that unpacks to more than this many bytes and to more than 50 times its own size.
_BOMB_SIZE = 64 * 1024 * 1024
_BOMB_RATIO = 50

# `configparser` takes time that grows with the square of a line's length.
_ENTRY_POINTS_LIMIT = 256 * 1024
_LONGEST_LINE = 1_000

_SCRIPT_NAME = re.compile(r"[\w.-]+")

# Exceptions of the zip module for invalid archives.
_INVALID = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OverflowError, RuntimeError, ValueError)


class _CappedFile(io.FileIO):
    """A file that limits the size of one read, and of a directory's entries in it: each takes much memory or time."""

    def read(self, size: int | None = -1, /) -> bytes:
        position = self.tell()
        wanted = self.seek(0, io.SEEK_END) - position if size is None or size < 0 else size
        self.seek(position)
        if wanted > _DIRECTORY_LIMIT:
            message = f"its directory is larger than {mebibytes(_DIRECTORY_LIMIT)}"
            raise zipfile.BadZipFile(message)
        content = super().read(wanted)
        position = count = 0
        while content.startswith(_DIRECTORY_ENTRY, position) and position + _ENTRY_SIZES.size <= wanted:
            sizes = _ENTRY_SIZES.unpack_from(content, position)
            position, count = position + _ENTRY_SIZES.size + sum(sizes), count + 1
            if count > _MEMBER_LIMIT or sizes[1] > _LONGEST_EXTRA:
                message = (
                    f"it has more than {_MEMBER_LIMIT:,} members, or {_LONGEST_EXTRA:,} bytes of extra fields for one"
                )
                raise zipfile.BadZipFile(message)
        return content


def read_wheel(path: Path, stem: str, diagnostics: Diagnostics) -> Archive | None:
    """Return a wheel's contents, or `None` if it has no readable metadata; problems are added to `diagnostics`.

    The `.dist-info` folder must be spelled like `stem`, the `NAME-VERSION` that the file's name starts with (binary
    distribution format). Raises `OSError`.
    """
    with _CappedFile(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check_for_pypi(path, archive.infolist(), diagnostics)
                return _read_archive(archive, stem, diagnostics)
        except _INVALID as error:
            diagnostics.problems.append(f"is not a valid zip archive: {reason(error)}")
            return None


def _read_archive(archive: zipfile.ZipFile, stem: str, diagnostics: Diagnostics) -> Archive | None:
    members = archive.infolist()
    names = frozenset(member.filename for member in members)
    if escaping := [name for name in names if escapes(name)]:
        diagnostics.problems.append(f"has members outside the target folder: {listed(escaping)}")
    if cut := [member.orig_filename for member in members if "\0" in member.orig_filename]:
        diagnostics.problems.append(f"has members with a null byte in their name: {listed(cut)}")
    if encrypted := [member.filename for member in members if member.flag_bits & _ENCRYPTED]:
        diagnostics.problems.append(f"has encrypted members: {listed(encrypted)}")
    folder = _dist_info(names, f"{stem}.dist-info", diagnostics)
    if folder is None:
        return None
    contents: dict[str, bytes | None] = {}
    for name, limit in (("METADATA", METADATA_LIMIT), ("WHEEL", METADATA_LIMIT), ("RECORD", _DIRECTORY_LIMIT)):
        path = f"{folder}/{name}"
        found = [member for member in members if member.filename == path]
        if len(found) == 1:
            contents[name] = _content(archive, found[0], limit, diagnostics)
        else:
            diagnostics.problems.append(f"has {len(found)} copies of {path}" if found else f"has no {path}")
    record = contents.get("RECORD")
    if record is not None:
        _compare_record(record, names, folder, diagnostics)
    _check_entry_points(archive, f"{folder}/entry_points.txt", diagnostics)
    metadata = contents.get("METADATA")
    return None if metadata is None else Archive(metadata, f"{folder}/licenses", names)


def _check_for_pypi(path: Path, members: Collection[zipfile.ZipInfo], diagnostics: Diagnostics) -> None:
    """Check for what only PyPI rejects in zip archives (https://docs.pypi.org/archives/)."""
    with path.open("rb") as file:
        if fault := framing.fault(file, members):
            diagnostics.pypi_problems.append(fault)
    if unusual := [member.filename for member in members if member.compress_type not in _COMMON_COMPRESSION]:
        diagnostics.pypi_problems.append(f"has members that are neither stored nor deflated: {listed(unusual)}")
    unpacked = sum(member.file_size for member in members)
    if unpacked > max(_BOMB_SIZE, _BOMB_RATIO * path.stat().st_size):
        diagnostics.pypi_problems.append(f"unpacks to more than {_BOMB_RATIO} times its size")


def _dist_info(names: Collection[str], expected: str, diagnostics: Diagnostics) -> str | None:
    """Return the `.dist-info` folder: the expected one, or else another one, so that more problems are found."""
    found = {name.partition("/")[0] for name in names if name.partition("/")[0].endswith(".dist-info")}
    if not found:
        diagnostics.problems.append(f"has no folder {expected}")
        return None
    if len(found) > 1:
        diagnostics.problems.append(f"has several .dist-info folders: {listed(found)}")
    elif expected not in found:
        diagnostics.problems.append(
            f"has the folder {listed(found)}, but its name requires {expected}: was the file renamed?"
        )
    return expected if expected in found else min(found)


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int, diagnostics: Diagnostics) -> bytes | None:
    if member.flag_bits & _ENCRYPTED:
        return None
    if member.compress_type not in _COMMON_COMPRESSION:
        diagnostics.problems.append(f"{member.filename} can't be read: neither stored nor deflated")
        return None
    if member.file_size > limit:
        diagnostics.problems.append(f"{member.filename} is larger than {mebibytes(limit)}")
        return None
    try:
        with archive.open(member) as file:
            return file.read(limit)
    except _INVALID as error:
        diagnostics.problems.append(f"{member.filename} can't be read: {reason(error)}")
        return None


def _compare_record(record: bytes, names: Collection[str], folder: str, diagnostics: Diagnostics) -> None:
    """Compare RECORD with the members: PyPI has announced that it will reject differences."""
    signatures = {f"{folder}/RECORD.jws", f"{folder}/RECORD.p7s"}
    unlisted = {name for name in names if not name.endswith("/")} - signatures
    files, absent = frozenset(unlisted), set[str]()
    try:
        for row in csv.reader(io.TextIOWrapper(io.BytesIO(record), "utf-8", newline="")):
            name = row[0].replace("\\", "/") if row else ""
            unlisted.discard(name)
            if name and name not in files and name not in signatures and len(absent) < _MOST_ABSENT:
                absent.add(name)
    except (UnicodeDecodeError, csv.Error) as error:
        diagnostics.problems.append(f"{folder}/RECORD can't be read: {reason(error)}")
        return
    if unlisted:
        diagnostics.warnings.append(f"RECORD does not list {listed(unlisted)}")
    if absent:
        diagnostics.warnings.append(f"RECORD lists missing files: {listed(absent)}")


def _check_entry_points(archive: zipfile.ZipFile, name: str, diagnostics: Diagnostics) -> None:
    """Check `entry_points.txt` and the names of scripts, as only PyPI does."""
    if name not in archive.namelist():
        return
    content = _content(archive, archive.getinfo(name), METADATA_LIMIT, diagnostics)
    if content is None:
        return
    if len(content) > _ENTRY_POINTS_LIMIT or max(map(len, content.splitlines()), default=0) > _LONGEST_LINE:
        diagnostics.warnings.append(
            f"{name} not checked: it is too long, or has a line of more than {_LONGEST_LINE:,} bytes"
        )
        return
    parser = configparser.RawConfigParser(delimiters=("=",))
    # The names of entry points differ in case.
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(content.decode(), "entry_points.txt")
    except (UnicodeDecodeError, configparser.Error) as error:
        diagnostics.pypi_problems.append(f"{name} can't be read: {reason(error)}")
        return
    scripts = (script for kind in ("console_scripts", "gui_scripts") if kind in parser for script in parser[kind])
    if invalid := [script for script in scripts if not _SCRIPT_NAME.fullmatch(script)]:
        diagnostics.pypi_problems.append(f"{name} has scripts with invalid names: {listed(invalid)}")
