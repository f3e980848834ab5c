"""Looking into an sdist: one walk through its `.tar.gz` from start to end, in little memory whatever is in it."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, cast

from hatch_tokenindex.distributions.archives import LONGEST_NAME, METADATA_LIMIT, Archive, escapes, listed, mebibytes
from hatch_tokenindex.distributions.diagnostics import reason
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_tokenindex.distributions.diagnostics import Diagnostics

# PKG-INFO can come last, so the walk is long on purpose; these end it after seconds where an archive never would.
_UNPACKED_LIMIT = 4 * 1024 * 1024 * 1024
_MEMBER_LIMIT = 200_000

# What one member may use for its header, with all the extensions for long names and attributes.
_HEADER_LIMIT = 2 * 1024 * 1024

_BLOCK = 1024 * 1024
_LONGEST_PATH = 512
_METADATA_NAME = "PKG-INFO"

# What the tar and gzip modules raise about archives that are not what they claim to be.
_UNSOUND = (
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
    """The archive goes on for longer than it is worth to follow it."""


class _Unpacked:
    """The tar archive in a `.tar.gz`, as far as `tarfile` needs a file: forwards only, and within limits."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self._position = 0
        self._header_left = _HEADER_LIMIT
        self.last_read = b""

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> None:
        if position < self._position:
            message = "a member claims to lie before its own header"
            raise tarfile.ReadError(message)
        while self._position < position and self.take(min(_BLOCK, position - self._position)):
            pass

    def read(self, size: int) -> bytes:
        """Read for `tarfile`, which reads nothing but headers here: members are skipped by `seek`."""
        self._header_left -= size
        if self._header_left < 0:
            message = f"a header is larger than {mebibytes(_HEADER_LIMIT)}"
            raise tarfile.ReadError(message)
        self.last_read = self.take(size)
        return self.last_read

    def take(self, size: int) -> bytes:
        block = self._stream.read(size)
        self._position += len(block)
        if self._position > _UNPACKED_LIMIT:
            message = f"it unpacks to more than {mebibytes(_UNPACKED_LIMIT)}"
            raise _LimitReachedError(message)
        return block

    def begin_header(self) -> None:
        self._header_left = _HEADER_LIMIT

    def skip_to_end(self) -> None:
        """Read what follows the archive, so that the checksum at the very end is compared."""
        while self.take(_BLOCK):
            pass


@dataclass
class _Tree:
    """What a walk has seen."""

    members: int = 0
    names: set[str] = field(default_factory=set)
    tops: set[str] = field(default_factory=set)
    escaping: set[str] = field(default_factory=set)
    sparse: set[str] = field(default_factory=set)
    metadata: bytes | None = None
    metadata_members: int = 0
    metadata_fault: str | None = None
    cut_short: str | None = None
    """Why the walk ended before the archive did."""


def read_sdist(path: Path, findings: Diagnostics) -> Archive | None:
    """Return what an sdist holds, or `None` where it isn't a sound archive; what is wrong goes to `findings`.

    Raises:
        OSError: The file can't be read.
    """
    tree = _Tree()
    try:
        with path.open("rb") as file, gzip.GzipFile(fileobj=file) as stream:
            _walk(_Unpacked(stream), tree)
    except _LimitReachedError as limit:
        tree.cut_short = str(limit)
    except _UNSOUND as error:
        findings.problem(f"is not a sound .tar.gz archive: {reason(error)}")
        return None
    _check_tree(tree, findings)
    names = None if tree.cut_short else frozenset(tree.names)
    return Archive(tree.metadata, license_folder=min(tree.tops, default=""), names=names)


def _walk(unpacked: _Unpacked, tree: _Tree) -> None:
    with tarfile.open(fileobj=cast("IO[bytes]", unpacked), mode="r:", encoding="utf-8") as archive:
        for member in archive:
            _note(member, unpacked, tree)
            # The module would remember every member and every global header until the end.
            archive.members = []  # type: ignore[attr-defined]
            archive.pax_headers = {}
            unpacked.begin_header()
    # A header that makes no sense ends the archive for the module as the closing zeros do.
    if unpacked.last_read.strip(b"\0"):
        message = f"the header after member {tree.members} is damaged"
        raise tarfile.ReadError(message)
    unpacked.skip_to_end()


def _note(member: tarfile.TarInfo, unpacked: _Unpacked, tree: _Tree) -> None:
    tree.members += 1
    if tree.members > _MEMBER_LIMIT:
        message = f"it has more than {_MEMBER_LIMIT:,} members"
        raise _LimitReachedError(message)
    name = member.name[:_LONGEST_PATH]
    parts = [part for part in name.split("/") if part not in {"", "."}]
    tree.names.add("/".join(parts))
    tree.tops.update(parts[:1])
    if escapes(member.name):
        tree.escaping.add(name)
    if member.issparse():
        tree.sparse.add(name)
    if parts[1:] == [_METADATA_NAME]:
        _note_metadata(member, unpacked, tree)


def _note_metadata(member: tarfile.TarInfo, unpacked: _Unpacked, tree: _Tree) -> None:
    tree.metadata_members += 1
    if not member.isreg() or member.issparse():
        tree.metadata_fault = "is not a plain file"
    elif member.size > METADATA_LIMIT:
        tree.metadata_fault = f"is larger than {mebibytes(METADATA_LIMIT)}"
    else:
        unpacked.seek(member.offset_data)
        tree.metadata = unpacked.take(member.size)


def _check_tree(tree: _Tree, findings: Diagnostics) -> None:
    folder = escaped_line(min(tree.tops), LONGEST_NAME) if len(tree.tops) == 1 else "its folder"
    if len(tree.tops) > 1:
        findings.problem(f"has more at its top than one folder: {listed(tree.tops)}")
    if tree.escaping:
        findings.problem(f"has members outside of the folder it is unpacked into: {listed(tree.escaping)}")
    if tree.metadata_members > 1:
        findings.problem(f"has {_METADATA_NAME} {tree.metadata_members} times in {folder}")
    elif tree.metadata_fault:
        findings.problem(f"{_METADATA_NAME} in {folder} {tree.metadata_fault}")
    elif tree.cut_short and not tree.metadata_members:
        findings.problem(f"{_METADATA_NAME} was not found: {tree.cut_short}")
    elif not tree.metadata_members:
        findings.problem(f"has no {_METADATA_NAME} in {folder}" if tree.members else "is an empty archive")
    elif tree.cut_short:
        findings.warning(f"was not read to its end: {tree.cut_short}")
    if tree.sparse:
        findings.pypi_refuses(f"has sparse members: {listed(tree.sparse)}")
