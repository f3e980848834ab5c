"""The body of an upload: `multipart/form-data` (RFC 7578) of known length, streamed from disk."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from hatch_tokenindex.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hatch_tokenindex.distributions import Distribution

BLOCK = 256 * 1024
"""Bytes to read, hash and send at a time."""
HASHED_FIRST = 32 * 2**20
"""The size in bytes up to which a file is hashed first; the digest of a larger file follows it in the form."""
_DIGEST_SIZE = 2 * hashlib.sha256().digest_size
_FILENAME_ESCAPES = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"}


class Form:
    """The form of one file, made of identical bytes for each attempt.

    A large file is hashed while it is sent, so that hashing takes no extra time: its digest is the form's last field. PyPI
    reads the whole form first, and so accepts fields in any order.
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
        """The body's `Content-Type`; `size` is its length in bytes."""
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def digest(self) -> str:
        """The file's sha256 in hexadecimal; reads the file unless it was hashed before.

        Raises:
            DistributionError: The file can't be read, or changed since it was checked.
        """
        if self._digest is None:
            for _ in self._blocks():
                pass
        return str(self._digest)

    def blocks(self, progress: Callable[[int], None]) -> Iterator[bytes]:
        """Yield the body.

        Args:
            progress: Called with the number of the file's bytes that were yielded so far.

        Raises:
            DistributionError: The file can't be read, or changed since it was checked.
        """
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
                # Sending more than the announced length would break the connection.
                while size <= self._item.size and (block := file.read(BLOCK)):
                    sha256.update(block)
                    size += len(block)
                    if size <= self._item.size:
                        yield block
        except OSError as error:
            msg = f"{self._item.path} can no longer be read: {error.strerror}."
            raise DistributionError(msg) from None
        if size != self._item.size or self._digest not in {None, sha256.hexdigest()}:
            msg = f"{self._item.path} changed during the upload.\nFix: build it again, and publish after the build."
            raise DistributionError(msg)
        self._digest = sha256.hexdigest()

    def _field(self, name: str, value: str) -> bytes:
        return self._head(name) + b"\r\n" + value.encode() + b"\r\n"

    def _head(self, name: str, more: str = "") -> bytes:
        return f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n'.encode()
