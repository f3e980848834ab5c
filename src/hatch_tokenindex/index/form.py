"""The body of an upload: `multipart/form-data` (RFC 7578) of known length, read from disk block by block."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from hatch_tokenindex.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hatch_tokenindex.distributions import Distribution

BLOCK = 256 * 1024
"""Bytes that are read, hashed and sent at a time."""
HASHED_FIRST = 32 * 2**20
"""Bytes up to which a file is hashed before it is sent; the digest of a larger one follows it in the form."""
_DIGEST_SIZE = 2 * hashlib.sha256().digest_size
_FILENAME_ESCAPES = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"}


class Form:
    """The form of one file, with the same bytes each time that it is read.

    A large file is hashed while it is sent, so that hashing costs no time: its digest is the form's last field. PyPI takes
    the fields in any order, since it reads the whole form first.
    """

    def __init__(self, item: Distribution, more_fields: Iterable[tuple[str, str]] = ()) -> None:
        self._item = item
        self._boundary = secrets.token_hex(16)
        self._digest: str | None = None
        file = self._head("content", f'; filename="{item.filename.translate(_FILENAME_ESCAPES)}"')
        self._file_head = file + b"Content-Type: application/octet-stream\r\n\r\n"
        fields = [(":action", "file_upload"), ("protocol_version", "1"), *item.fields, *more_fields]
        self._fields = b"".join(self._field(name, value) for name, value in fields)
        self._end = f"--{self._boundary}--\r\n".encode()
        digest = len(self._field("sha256_digest", "0" * _DIGEST_SIZE))
        self.size = len(self._fields) + digest + len(self._file_head) + item.size + len(b"\r\n") + len(self._end)

    @property
    def content_type(self) -> str:
        """What `Content-Type` says of the body; `size` is its length in bytes."""
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def digest(self) -> str:
        """The sha256 of the file in hex; reads the file, unless it was sent or hashed before.

        Raises `DistributionError` if the file can't be read, or isn't the one that was checked.
        """
        if self._digest is None:
            for _ in self._blocks():
                """Hashing is all that is wanted."""
        return str(self._digest)

    def blocks(self, progress: Callable[[int], None]) -> Iterator[bytes]:
        """The body. `progress` is told how many bytes of the file have been handed out. Raises as `digest` does."""
        yield self._fields
        hashed_first = self._item.size <= HASHED_FIRST
        if hashed_first:
            yield self._field("sha256_digest", self.digest)
        yield self._file_head
        handed_out = 0
        for block in self._blocks():
            yield block
            handed_out += len(block)
            progress(handed_out)
        yield b"\r\n"
        if not hashed_first:
            yield self._field("sha256_digest", self.digest)
        yield self._end

    def _blocks(self) -> Iterator[bytes]:
        sha256, size = hashlib.sha256(), 0
        try:
            with self._item.path.open("rb", buffering=0) as file:
                # What is longer than announced would only break the connection.
                while size <= self._item.size and (block := file.read(BLOCK)):
                    sha256.update(block)
                    size += len(block)
                    if size <= self._item.size:
                        yield block
        except OSError as error:
            msg = f"{self._item.path} can't be read any more: {error.strerror}."
            raise DistributionError(msg) from None
        if size != self._item.size or self._digest not in {None, sha256.hexdigest()}:
            msg = f"{self._item.path} changed while it was being sent. Build again, and publish when that has ended."
            raise DistributionError(msg)
        self._digest = sha256.hexdigest()

    def _field(self, name: str, value: str) -> bytes:
        return self._head(name) + b"\r\n" + value.encode() + b"\r\n"

    def _head(self, name: str, more: str = "") -> bytes:
        return f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n'.encode()
