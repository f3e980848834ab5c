"""Looking into a wheel: its `.dist-info` folder, its list of members, and what makes it unsound as an archive."""

from __future__ import annotations

import configparser
import csv
import io
import re
import struct
import zipfile
import zlib
from collections import Counter
from typing import TYPE_CHECKING

from hatch_tokenindex.distributions.archives import METADATA_LIMIT, Archive, escapes, listed, mebibytes
from hatch_tokenindex.distributions.diagnostics import reason

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from hatch_tokenindex.distributions.diagnostics import Diagnostics

# The archive's directory is held in memory; it, and RECORD, may take this much: some 200,000 members.
_DIRECTORY_LIMIT = 32 * 1024 * 1024

_ENCRYPTED = 0x1
_DATA_DESCRIPTOR = 0x8
_COMMON_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# PyPI takes an archive for a bomb that unpacks to more than this, and to more than 50 times its own size.
_BOMB_SIZE = 64 * 1024 * 1024
_BOMB_RATIO = 50

_SCRIPT_NAME = re.compile(r"[\w.-]+")

# What the zip module raises about archives that are not what they claim to be.
_UNSOUND = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class _CappedFile(io.FileIO):
    """A file that hands out no larger block than an archive's directory may be, whatever a forged one asks for."""

    def read(self, size: int | None = -1, /) -> bytes:
        position = self.tell()
        wanted = self.seek(0, io.SEEK_END) - position if size is None or size < 0 else size
        self.seek(position)
        if wanted > _DIRECTORY_LIMIT:
            message = f"its directory is larger than {mebibytes(_DIRECTORY_LIMIT)}"
            raise zipfile.BadZipFile(message)
        return super().read(wanted)


def read_wheel(path: Path, stem: str, findings: Diagnostics) -> Archive | None:
    """Return what a wheel holds, or `None` where it can't be opened; what is wrong goes to `findings`.

    `stem` is the `NAME-VERSION` that the file's name begins with: its `.dist-info` folder has to be spelt the same
    (binary distribution format, "The .dist-info directory").

    Raises:
        OSError: The file can't be read.
    """
    with _CappedFile(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return _look_into(archive, stem, findings)
        except _UNSOUND as error:
            findings.problem(f"is not a sound zip archive: {reason(error)}")
            return None


def _look_into(archive: zipfile.ZipFile, stem: str, findings: Diagnostics) -> Archive | None:
    members = archive.infolist()
    names = Counter(member.filename for member in members)
    _check_members(members, names, findings)
    _check_for_pypi(members, names, findings)
    folder = _dist_info(names, f"{stem}.dist-info", findings)
    if folder is None:
        return None
    metadata = _required(archive, f"{folder}/METADATA", METADATA_LIMIT, findings)
    _required(archive, f"{folder}/WHEEL", METADATA_LIMIT, findings)
    record = _required(archive, f"{folder}/RECORD", _DIRECTORY_LIMIT, findings)
    if record is not None:
        _compare_record(record, names, folder, findings)
    _check_entry_points(archive, f"{folder}/entry_points.txt", findings)
    return Archive(metadata, f"{folder}/licenses", frozenset(names))


def _check_members(members: list[zipfile.ZipInfo], names: Collection[str], findings: Diagnostics) -> None:
    if escaping := [name for name in names if escapes(name)]:
        findings.problem(f"has members outside of the folder it is unpacked into: {listed(escaping)}")
    if cut := [member.orig_filename for member in members if "\0" in member.orig_filename]:
        findings.problem(f"has members with a zero byte in their name: {listed(cut)}")
    if encrypted := [member.filename for member in members if member.flag_bits & _ENCRYPTED]:
        findings.problem(f"has encrypted members: {listed(encrypted)}")


def _check_for_pypi(members: list[zipfile.ZipInfo], names: Counter[str], findings: Diagnostics) -> None:
    """What PyPI's own reading of zip archives refuses, and others accept (docs.pypi.org/archives)."""
    if repeated := [name for name, count in names.items() if count > 1]:
        findings.pypi_refuses(f"has several members of one name: {listed(repeated)}")
    if streamed := [member.filename for member in members if member.flag_bits & _DATA_DESCRIPTOR]:
        findings.pypi_refuses(f"was written as a stream, with data descriptors: {listed(streamed)}")
    if commented := [member.filename for member in members if member.comment]:
        findings.pypi_refuses(f"has comments in its directory: {listed(commented)}")
    if unusual := [member.filename for member in members if member.compress_type not in _COMMON_COMPRESSION]:
        findings.pypi_refuses(f"has members that are not simply stored or deflated: {listed(unusual)}")
    if members and min(member.header_offset for member in members) > 0:
        findings.pypi_refuses("has data before its first member")
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > _BOMB_SIZE and unpacked > _BOMB_RATIO * packed:
        findings.pypi_refuses(f"unpacks to more than {_BOMB_RATIO} times its size")


def _dist_info(names: Collection[str], expected: str, findings: Diagnostics) -> str | None:
    """The folder with the metadata; where the one that the file's name calls for is missing, the one that is there."""
    found = {name.partition("/")[0] for name in names if name.partition("/")[0].endswith(".dist-info")}
    if not found:
        findings.problem(f"has no folder {expected}")
        return None
    if len(found) > 1:
        findings.problem(f"has several .dist-info folders: {listed(found)}")
    elif expected not in found:
        findings.problem(f"has the folder {listed(found)} where its file name calls for {expected}: was it renamed?")
    return expected if expected in found else min(found)


def _required(archive: zipfile.ZipFile, name: str, limit: int, findings: Diagnostics) -> bytes | None:
    """The content of a member that every wheel has once; `None`, and a problem, where it can't be had."""
    members = [member for member in archive.infolist() if member.filename == name]
    if len(members) != 1:
        findings.problem(f"has {name} {len(members)} times" if members else f"has no {name}")
        return None
    return _content(archive, members[0], limit, findings)


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int, findings: Diagnostics) -> bytes | None:
    if member.flag_bits & _ENCRYPTED:
        return None
    if member.compress_type not in _COMMON_COMPRESSION:
        findings.problem(f"{member.filename} can't be read: it is neither stored nor deflated")
        return None
    if member.file_size > limit:
        findings.problem(f"{member.filename} is larger than {mebibytes(limit)}")
        return None
    try:
        with archive.open(member) as file:
            return file.read(limit)
    except _UNSOUND as error:
        findings.problem(f"{member.filename} can't be read: {reason(error)}")
        return None


def _compare_record(record: bytes, names: Collection[str], folder: str, findings: Diagnostics) -> None:
    """Compare the list that installers trust with what is there; PyPI has announced that it will refuse differences."""
    try:
        recorded = {row[0] for row in csv.reader(io.StringIO(record.decode(), newline="")) if row}
    except (UnicodeDecodeError, csv.Error) as error:
        findings.problem(f"{folder}/RECORD can't be read: {reason(error)}")
        return
    signatures = {f"{folder}/RECORD.jws", f"{folder}/RECORD.p7s"}
    files = {name for name in names if not name.endswith("/")} - signatures
    if unlisted := files - recorded:
        findings.warning(f"RECORD does not list {listed(unlisted)}")
    if absent := recorded - files - signatures:
        findings.warning(f"RECORD lists what is not there: {listed(absent)}")


def _check_entry_points(archive: zipfile.ZipFile, name: str, findings: Diagnostics) -> None:
    """What PyPI alone checks: that `entry_points.txt` parses, and that scripts have usable names."""
    if name not in archive.namelist():
        return
    content = _content(archive, archive.getinfo(name), METADATA_LIMIT, findings)
    if content is None:
        return
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    try:
        parser.read_string(content.decode())
    except (UnicodeDecodeError, configparser.Error) as error:
        findings.pypi_refuses(f"{name} can't be read: {reason(error)}")
        return
    scripts = [
        script
        for section in ("console_scripts", "gui_scripts")
        if parser.has_section(section)
        for script in parser.options(section)
    ]
    if unusable := [script for script in scripts if not _SCRIPT_NAME.fullmatch(script)]:
        findings.pypi_refuses(f"{name} has scripts with unusable names: {listed(unusable)}")
