"""Reading an sdist's `.tar.gz` in one pass from start to end, in constant memory."""

from __future__ import annotations

import gzip
import posixpath
import re
import sys
import tarfile
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NoReturn, cast

from hatch_tokenindex.distributions.archives import METADATA_LIMIT, Archive, escapes
from hatch_tokenindex.distributions.problems import Diagnostics, listed, mebibytes, reason

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

# PKG-INFO can come last, so the whole archive is read; these limits stop a hostile one after seconds.
_UNPACKED_LIMIT = 3 * 1024 * 1024 * 1024
_MEMBER_LIMIT = 200_000

# The maximum size of a member's header in bytes, with its extensions for long names and attributes.
_HEADER_LIMIT = 256 * 1024
_HEADERS_LIMIT = 32 * 1024 * 1024
"""The same for the extensions of all members together."""
_LONGEST_NUMBER = 200
"""Digits in such an extension; the tar module takes time that grows with the square of their number."""
_NAMES_LIMIT = 64 * 1024 * 1024
"""The memory in bytes for the members' names."""

_BLOCK = 1024 * 1024
_METADATA_NAME = "PKG-INFO"
_DIGITS = re.compile(rb"[0-9]+")

# Exceptions of the tar and gzip modules for invalid archives.
_INVALID = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    OverflowError,
    RecursionError,
    LookupError,
    ValueError,
)


class _LimitReachedError(Exception):
    """The archive is too large to be read to its end."""


class _Unpacked:
    """The tar archive in a `.tar.gz` as a file for `tarfile`, read forwards only and within limits."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self._position = 0
        self._headers_left = _HEADERS_LIMIT
        self.header_left = _HEADER_LIMIT
        self.last_read = b""

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> None:
        if position < self._position:
            _refuse("a member overlaps its own header")
        while self._position < position and self.take(min(_BLOCK, position - self._position)):
            pass

    def read(self, size: int) -> bytes:
        """Read a header for `tarfile`, which skips the members themselves with `seek`."""
        self.header_left -= size
        if self.header_left < 0:
            _refuse(f"a header is larger than {_HEADER_LIMIT // 1024} KiB")
        self.last_read = self.take(size)
        if size > tarfile.BLOCKSIZE:
            self._headers_left -= size
            if self._headers_left < 0:
                _stop(f"the headers of its members are larger than {mebibytes(_HEADERS_LIMIT)}")
            if max(map(len, _DIGITS.findall(self.last_read)), default=0) > _LONGEST_NUMBER:
                _refuse(f"a header has a number of more than {_LONGEST_NUMBER} digits")
        return self.last_read

    def take(self, size: int) -> bytes:
        if size < 0:
            _refuse("a member has a negative size")
        block = self._stream.read(size)
        self._position += len(block)
        if self._position > _UNPACKED_LIMIT:
            _stop(f"the archive unpacks to more than {mebibytes(_UNPACKED_LIMIT)}")
        return block


@dataclass
class _Tree:
    """The results of reading the members."""

    wanted: str | None = None
    """The path of the metadata; `None` stands for PKG-INFO in any top-level folder."""
    members: int = 0
    names_size: int = 0
    """The memory that the names take, in bytes."""
    names: set[str] = field(default_factory=set)
    has_dot: bool = False
    """A member's path starts with a dot."""
    escaping: set[str] = field(default_factory=set)
    sparse: set[str] = field(default_factory=set)
    has_more: bool = False
    """Something that unpackers ignore follows the archive."""
    metadata: bytes | None = None
    metadata_members: int = 0
    metadata_link: str | None = None
    """The path of the member that the metadata is a link to."""
    metadata_fault: str | None = None
    cut_short: str | None = None
    """The reason why reading stopped before the end of the archive."""


def read_sdist(path: Path, diagnostics: Diagnostics) -> Archive | None:
    """Return an sdist's contents, or `None` if it has no readable metadata; problems are added to `diagnostics`.

    Raises `OSError`.
    """
    try:
        tree = _tree(path)
        if tree.metadata_link:
            tree.metadata = _tree(path, tree.metadata_link).metadata
    except _INVALID as error:
        diagnostics.problems.append(f"is not a valid .tar.gz archive: {reason(error)}")
        return None
    tops = {name.partition("/")[0] for name in tree.names} - {""}
    _check_tree(tree, tops, diagnostics)
    if tree.metadata is None:
        return None
    return Archive(tree.metadata, min(tops, default=""), None if tree.cut_short else frozenset(tree.names))


def _tree(path: Path, wanted: str | None = None) -> _Tree:
    """Read the archive from start to end."""
    tree = _Tree(wanted)
    with path.open("rb") as file, gzip.GzipFile(fileobj=file) as stream:
        try:
            _read_members(_Unpacked(stream), tree)
        except _LimitReachedError as limit:
            tree.cut_short = str(limit)
    return tree


def _read_members(unpacked: _Unpacked, tree: _Tree) -> None:
    with tarfile.open(fileobj=cast("IO[bytes]", unpacked), mode="r:", encoding="utf-8") as archive:
        for member in archive:
            _read_member(member, unpacked, tree)
            # The module would keep every member and every global header in memory.
            archive.members = []  # type: ignore[attr-defined]
            archive.pax_headers = {}
            unpacked.header_left = _HEADER_LIMIT
    # The module takes an invalid header for the end of the archive, which is a block of zeros.
    if unpacked.last_read.strip(b"\0"):
        _refuse(f"the header after member {tree.members} is damaged")
    try:
        # The rest is read so that the checksum is verified.
        while unpacked.take(_BLOCK):
            pass
    except gzip.BadGzipFile as error:
        if not str(error).startswith("Not a gzipped file"):
            raise
        tree.has_more = True


def _read_member(member: tarfile.TarInfo, unpacked: _Unpacked, tree: _Tree) -> None:
    tree.members += 1
    if tree.members > _MEMBER_LIMIT:
        _stop(f"the archive has more than {_MEMBER_LIMIT:,} members")
    path = "/".join(part for part in member.name.split("/") if part not in {"", "."})
    is_escaping = escapes(member.name)
    tree.names_size += sys.getsizeof(path) + (sys.getsizeof(member.name) if is_escaping else 0)
    if tree.names_size > _NAMES_LIMIT:
        _stop(f"the names of its members take more than {mebibytes(_NAMES_LIMIT)}")
    tree.names.add(path)
    tree.has_dot = tree.has_dot or member.name.startswith(".")
    if is_escaping:
        tree.escaping.add(member.name)
    if member.issparse():
        tree.sparse.add(path)
    if path == tree.wanted if tree.wanted else path.partition("/")[2] == _METADATA_NAME:
        _read_metadata(member, unpacked, tree)


def _read_metadata(member: tarfile.TarInfo, unpacked: _Unpacked, tree: _Tree) -> None:
    tree.metadata_members += 1
    if not member.isreg() or member.issparse():
        tree.metadata_fault = "is not a regular file"
        tree.metadata_link = _link_of(member)
    elif member.size > METADATA_LIMIT:
        tree.metadata_fault = f"is larger than {mebibytes(METADATA_LIMIT)}"
    else:
        unpacked.seek(member.offset_data)
        tree.metadata = unpacked.take(member.size)


def _link_of(member: tarfile.TarInfo) -> str | None:
    """Return the path of the member that one links to, `None` if it is no link, or one to something outside."""
    if not (member.issym() or member.islnk()) or member.linkname.startswith("/"):
        return None
    folder = posixpath.dirname(member.name) if member.issym() else ""
    target = posixpath.normpath(posixpath.join(folder, member.linkname))
    return None if escapes(target) else target


def _check_tree(tree: _Tree, tops: Collection[str], diagnostics: Diagnostics) -> None:
    folder = listed(tops) if len(tops) == 1 else "its top-level folder"
    if len(tops) > 1:
        diagnostics.problems.append(f"has several top-level entries: {listed(tops)}")
    if tree.escaping:
        diagnostics.problems.append(f"has members outside the target folder: {listed(tree.escaping)}")
    if tree.metadata_members > 1:
        diagnostics.problems.append(f"has {tree.metadata_members} copies of {_METADATA_NAME} in {folder}")
    elif tree.metadata_fault and tree.metadata is None:
        diagnostics.problems.append(f"{_METADATA_NAME} in {folder} {tree.metadata_fault}")
    elif tree.cut_short and tree.metadata is None:
        diagnostics.problems.append(f"has no {_METADATA_NAME} in the part that was read: {tree.cut_short}")
    elif not tree.metadata_members:
        diagnostics.problems.append(f"has no {_METADATA_NAME} in {folder}" if tree.members else "is an empty archive")
    elif tree.cut_short:
        diagnostics.warnings.append(f"only checked in part: {tree.cut_short}")
    if tree.has_more:
        diagnostics.warnings.append("has data after its end, which is ignored when it is unpacked")
    if tree.has_dot and len(tops) == 1:
        diagnostics.pypi_problems.append("has members whose paths start with `./` instead of the top-level folder")
    if tree.sparse:
        diagnostics.pypi_problems.append(f"has sparse members: {listed(tree.sparse)}")


def _refuse(problem: str) -> NoReturn:
    raise tarfile.ReadError(problem)


def _stop(why: str) -> NoReturn:
    raise _LimitReachedError(why)
