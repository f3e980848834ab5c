"""Messages between a client and a test server: recorded requests, responses to send, and ways to fail."""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import json
from dataclasses import dataclass, field
from email.parser import BytesParser
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Mapping
    from email.message import Message


class Fault(enum.Enum):
    """A way for a connection to fail while a request is served. A reset is a TCP RST, a cut is an orderly close."""

    RESET_BEFORE_BODY = enum.auto()
    """Reset as soon as the head of the request is there."""
    RESET_DURING_BODY = enum.auto()
    """Reset after half of the announced body."""
    RESET_AFTER_BODY = enum.auto()
    """Reset after the whole body; nothing is stored."""
    LOSE_ANSWER = enum.auto()
    """Do everything as usual, a file is stored, but reset instead of answering."""
    CUT_ANSWER = enum.auto()
    """Announce the whole length of the answer's body, send half of it, and close."""
    ANSWER_BEFORE_BODY = enum.auto()
    """Answer to the head alone and close without reading the body, as some proxies refuse."""


@dataclass(frozen=True)
class Answer:
    """A server's response. `body` may be text (sent as UTF-8), bytes, or anything else that JSON can hold.

    `after` is waited for before the answer is sent: a slow server without a clock. `blocks` are sent one by one in place
    of a body whose length is announced; there may be no end to them. With a `fault` that sends no answer, or
    with `LOSE_ANSWER`, which keeps the default one to itself, status and body don't matter.
    """

    status: int = 200
    reason: str | None = None
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None
    after: threading.Event | None = None
    blocks: Iterable[bytes] | None = None

    @property
    def content(self) -> bytes:
        """The body as it goes over the wire."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    @property
    def content_type(self) -> str:
        """The media type of a body if the response sets none."""
        return "text/plain; charset=utf-8" if isinstance(self.body, (str, bytes)) else "application/json"


@dataclass(frozen=True)
class BasicAuth:
    """The user name and the secret of an `Authorization: Basic` header."""

    user: str
    password: str


@dataclass(frozen=True)
class FormFile:
    """The file part of a form; `name` is that of its field."""

    name: str
    filename: str
    content_type: str | None
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The hex digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Form:
    """A parsed `multipart/form-data` body: the ordinary fields in the order sent, and the files."""

    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[FormFile, ...] = ()


@dataclass(frozen=True)
class Request:
    """One request as it arrived. `complete` is false where a fault ended it before its whole body was read."""

    method: str
    target: str
    headers: Message
    body: bytes = field(repr=False)
    complete: bool = True
    client_certificate: Mapping[str, Any] | None = None

    @property
    def path(self) -> str:
        """The path without query, percent-decoded; of an absolute target (a proxy's request) too."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query's pairs in order."""
        return tuple(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def authorization(self) -> BasicAuth | None:
        """The decoded Basic authorization; `None` without one, or with one of another scheme."""
        scheme, _, value = str(self.headers.get("Authorization", "")).partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return BasicAuth(user, password)

    @cached_property
    def form(self) -> Form:
        """The body's form; empty for a request that has none."""
        boundary = self.headers.get_boundary()
        if self.headers.get_content_type() != "multipart/form-data" or boundary is None or not self.complete:
            return Form()
        fields: list[tuple[str, str]] = []
        files: list[FormFile] = []
        for head, content in _parts(self.body, boundary.encode()):
            name = str(head.get_param("name", "", "content-disposition"))
            filename = head.get_filename()
            if filename is None:
                fields.append((name, content.decode()))
            else:
                files.append(FormFile(name, filename, head["Content-Type"], content))
        return Form(tuple(fields), tuple(files))

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a form field, in the order sent."""
        return tuple(value for field_name, value in self.form.fields if field_name == name)

    def value(self, name: str) -> str:
        """The one value of a form field; a `ValueError` where there are none or several."""
        (value,) = self.values(name)
        return value

    @property
    def file(self) -> FormFile:
        """The one uploaded file; a `ValueError` where there are none or several."""
        (file,) = self.form.files
        return file

    @property
    def is_upload(self) -> bool:
        """Return True for a request of the legacy upload API, complete or not."""
        return self.method == "POST" and self.headers.get_content_type() == "multipart/form-data"


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[Message, bytes]]:
    """The headers and the content of each part of a multipart body (RFC 2046, section 5.1)."""
    _preamble, *parts, _epilogue = (b"\r\n" + body).split(b"\r\n--" + boundary)
    for part in parts:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        yield BytesParser().parsebytes(head, headersonly=True), content
