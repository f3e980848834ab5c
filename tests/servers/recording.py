"""A small package index that writes down every request and can be told to answer, or to fail, in any way."""

from __future__ import annotations

import hashlib
import html
import re
import socket
import ssl
import struct
import sys
import threading
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from weakref import WeakSet

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from servers.closing import Closing
from servers.messages import Answer, BasicAuth, Fault, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    Step: TypeAlias = "Answer | Callable[[Request], Answer | None] | None"

PATIENCE = 60.0
"""Seconds after which a wait that a test forgot to end gives up, and the test fails."""

_BEFORE_THE_END_OF_THE_BODY = {Fault.RESET_BEFORE_BODY, Fault.RESET_DURING_BODY, Fault.ANSWER_BEFORE_BODY}
_SIMPLE_PAGE = re.compile(r"/\+?simple/([^/]+)/?$")
_JSON_PAGE = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True)
class StoredFile:
    """A file that the index has."""

    project: str
    version: str
    filename: str
    sha256: str
    content: bytes = field(repr=False)
    upload_time: str | None = None


class RecordingServer(Closing):
    """An index on a free loopback port, served by threads of this process until `close`; usable in a `with` block.

    By default it is a well-behaved index: it accepts files under any path, serves PEP 691 pages below `simple/` or
    `+simple/` (HTML unless the client asks for JSON) and the files themselves, and responds like PyPI to a file that
    exists. Unless `credentials` is `None`, only those credentials may upload.

    `script_uploads` and `script_others` queue steps, one for each request to come. A step is an `Answer`, or a function
    of the request that gives one; `None` means the default response. `respond` is called if no step responds.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.files: dict[str, StoredFile] = {}
        self.credentials: set[BasicAuth] | None = None
        self.respond: Callable[[Request], Answer | None] = lambda _request: None
        self.peak_uploads = 0
        """The highest number of simultaneous uploads so far."""
        self.seconds_ahead = 0.0
        """Seconds by which the `Date` header is ahead of this machine's clock."""
        self.errors: list[BaseException] = []
        """Exceptions that were raised in the server: mistakes of a script or of this class."""
        self._upload_steps: deque[Step] = deque()
        self._other_steps: deque[Step] = deque()
        self._uploads: list[_Upload] = []
        self._overlaps: list[tuple[_Upload, _Upload]] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._tls = tls
        self._http = _HttpServer(self, tls)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._http.server_port

    @property
    def url(self) -> str:
        """The root URL of the server, with a trailing slash."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/"

    @property
    def upload_url(self) -> str:
        """The upload URL; by the rule for `legacy`, its simple API is `simple_url`."""
        return f"{self.url}legacy/"

    @property
    def simple_url(self) -> str:
        """The root of its simple API."""
        return f"{self.url}simple/"

    @property
    def closed(self) -> bool:
        """Return True once `close` was called."""
        return self._closing.is_set()

    @property
    def uploads(self) -> list[Request]:
        """The upload requests, in the order in which their bodies were read."""
        return [request for request in self.requests if request.is_upload]

    @property
    def overlaps(self) -> list[tuple[Request, Request]]:
        """The pairs of uploads that were in progress at the same time, from the head until an answer is about to be sent."""
        return [(one.request, other.request) for one, other in self._overlaps if one.request and other.request]

    def script_uploads(self, *steps: Step) -> None:
        """Queue a step for each of the next uploads, in the order in which they arrive."""
        self._upload_steps.extend(steps)

    def script_others(self, *steps: Step) -> None:
        """Queue a step for each of the next requests that are no uploads."""
        self._other_steps.extend(steps)

    def store(self, filename: str, content: bytes, *, upload_time: str | None = None) -> None:
        """Put a file there as if it had been uploaded long ago, or at `upload_time` (ISO 8601)."""
        parse = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
        project, version = parse(filename)[:2]
        self._keep(_stored(project, str(version), filename, content, upload_time))

    def simple_page(self, project: str) -> dict[str, Any]:
        """The project's page of the simple API as JSON (PEP 691 and 700); to be changed and answered by a script."""
        files = [file for file in self.files.values() if file.project == canonicalize_name(project)]
        return {
            "meta": {"api-version": "1.1"},
            "name": canonicalize_name(project),
            "versions": sorted({file.version for file in files}),
            "files": [self._listed(file) for file in files],
        }

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds, looking whenever a request begins or ends."""
        with self._changed:
            if not self._changed.wait_for(condition, PATIENCE):
                message = f"The server waited {PATIENCE:.0f} s in vain; it has seen: {self.requests}"
                raise TimeoutError(message)

    def wait_for_uploads_in_progress(self, count: int) -> None:
        """Wait until that many uploads are in progress at once."""
        self.wait_for(lambda: len(self._uploads) >= count)

    def close(self) -> None:
        """Stop listening, as a server that dies: connections end, waiting answers are not sent."""
        if self.closed:
            return
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._http.end_connections()
        self._thread.join(PATIENCE)

    # What a handler asks for.

    def next_step(self, *, upload: bool) -> Step:
        """Take the step for a request that begins."""
        with self._changed:
            steps = self._upload_steps if upload else self._other_steps
            return steps.popleft() if steps else None

    @contextmanager
    def upload_in_progress(self) -> Iterator[_Upload]:
        """Count an upload as in progress."""
        upload = _Upload()
        with self._changed:
            self._overlaps += [(other, upload) for other in self._uploads]
            self._uploads.append(upload)
            self.peak_uploads = max(self.peak_uploads, len(self._uploads))
            self._changed.notify_all()
        try:
            yield upload
        finally:
            self.end_upload(upload)

    def end_upload(self, upload: _Upload | None) -> None:
        """Count it so no more: before the client can know, so that what it sends next is no overlap."""
        with self._changed:
            if upload in self._uploads:
                self._uploads.remove(upload)
                self._changed.notify_all()

    def record(self, request: Request, upload: _Upload | None) -> None:
        """Write a request down."""
        with self._changed:
            self.requests.append(request)
            if upload is not None:
                upload.request = request
            self._changed.notify_all()

    def answer(self, request: Request, step: Step) -> Answer:
        """Return the response to a complete request."""
        scripted = step(request) if callable(step) else step
        scripted = scripted or self.respond(request)
        if scripted is None:
            return self.usual_answer(request)
        if scripted.fault is Fault.LOSE_ANSWER:
            self.usual_answer(request)
        return scripted

    def wait(self, event: threading.Event) -> bool:
        """Wait for a test's event; false where the server is closed meanwhile."""
        for _ in range(int(PATIENCE * 20)):
            if self.closed:
                return False
            if event.wait(0.05):
                return True
        message = "A scripted answer was never let go"
        raise TimeoutError(message)

    # The usual index.

    def usual_answer(self, request: Request) -> Answer:
        """Do what is done untold, and give its answer: for a step that changes it, or lets it wait."""
        if request.is_upload:
            return self._take(request)
        if request.method not in {"GET", "HEAD"}:
            return Answer(405, body="Method not allowed")
        if page := _SIMPLE_PAGE.search(request.path):
            return self._page(canonicalize_name(page[1]), as_json=_JSON_PAGE in request.headers.get("Accept", ""))
        if file := self.files.get(request.path.rpartition("/")[2]):
            return Answer(body=file.content, headers={"Content-Type": "application/octet-stream"})
        return Answer(404, body="Not found")

    def _take(self, request: Request) -> Answer:
        if self.credentials is not None and request.authorization not in self.credentials:
            text = "Invalid or non-existent authentication information."
            return Answer(403, text, body=text)
        if request.values(":action") != ("file_upload",) or not request.form.files:
            return Answer(400, "Upload payload does not have a file.")
        sent = request.file
        file = _stored(request.value("name"), request.value("version"), sent.filename, sent.content)
        if any(digest != file.sha256 for digest in request.values("sha256_digest")):
            return Answer(400, "The digest supplied does not match a digest calculated from the uploaded file.")
        if not self._keep(file):
            return Answer(400, f"File already exists ('{file.filename}')")
        return Answer(body="OK")

    def _keep(self, file: StoredFile) -> bool:
        """Store a file; false where other content has its name."""
        with self._changed:
            return self.files.setdefault(file.filename, file).sha256 == file.sha256

    def _page(self, project: str, *, as_json: bool) -> Answer:
        page = self.simple_page(project)
        if not page["files"]:
            return Answer(404, body="Not found")
        if as_json:
            return Answer(body=page, headers={"Content-Type": _JSON_PAGE})
        links = "".join(
            f'<a href="{html.escape(file["url"])}#sha256={file["hashes"]["sha256"]}">{html.escape(file["filename"])}</a>\n'
            for file in page["files"]
        )
        return Answer(body=f"<!DOCTYPE html>\n{links}", headers={"Content-Type": "text/html"})

    def _listed(self, file: StoredFile) -> dict[str, Any]:
        listed = {
            "filename": file.filename,
            "url": f"{self.url}files/{quote(file.filename)}",
            "hashes": {"sha256": file.sha256},
            "size": len(file.content),
            "requires-python": None,
            "yanked": False,
        }
        return listed if file.upload_time is None else {**listed, "upload-time": file.upload_time}


@dataclass(eq=False)
class _Upload:
    """An upload in progress; the request is known once it is read."""

    request: Request | None = None


class _HttpServer(ThreadingHTTPServer):
    """The listening socket of a `RecordingServer`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, index: RecordingServer, tls: ssl.SSLContext | None) -> None:
        self.index = index
        self._tls = tls
        self._connections: WeakSet[socket.socket] = WeakSet()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without `HTTPServer`'s look-up of the host's name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_port = self.server_address[1]

    def end_connections(self) -> None:
        """Close what is open, like a process that dies."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the TLS handshake happens in the connection's own thread, at its first read."""
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._connections.add(connection)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep mistakes for the test to see; a client that goes away, or that trusts nobody, is none."""
        error = sys.exc_info()[1]
        if error is not None and not self.index.closed and not isinstance(error, (ConnectionError, ssl.SSLError)):
            self.index.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    """Serves one connection."""

    protocol_version = "HTTP/1.1"
    server: _HttpServer
    timeout = PATIENCE
    # Head and body of an answer are two writes: a client that keeps its connection would wait 40 ms for the second.
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing on the terminal."""

    def _serve(self) -> None:
        if self.headers.get_content_type() == "multipart/form-data":
            with self.server.index.upload_in_progress() as upload:
                self._serve_step(self.server.index.next_step(upload=True), upload)
        else:
            self._serve_step(self.server.index.next_step(upload=False), None)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _serve_step(self, step: Step, upload: _Upload | None) -> None:
        index = self.server.index
        if isinstance(step, Answer) and step.fault in _BEFORE_THE_END_OF_THE_BODY:
            self._serve_early(step, upload)
            return
        request = self._request(self._read_body(), complete=True)
        answer = index.answer(request, step)
        index.record(request, upload)
        let_go = answer.after is None or index.wait(answer.after)
        index.end_upload(upload)
        if not let_go or answer.fault in {Fault.RESET_AFTER_BODY, Fault.LOSE_ANSWER}:
            self._reset()
        else:
            self._send(answer)

    def _serve_early(self, step: Answer, upload: _Upload | None) -> None:
        body = self._read(self._length() // 2) if step.fault is Fault.RESET_DURING_BODY else b""
        self.server.index.record(self._request(body, complete=False), upload)
        self.server.index.end_upload(upload)
        if step.fault is Fault.ANSWER_BEFORE_BODY:
            self._send(step)
            self.close_connection = True
        else:
            self._reset()

    def _request(self, body: bytes, *, complete: bool) -> Request:
        certificate = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        return Request(self.command, self.path, self.headers, body, complete, certificate or None)

    def _length(self) -> int:
        return int(self.headers.get("Content-Length", "0"))

    def _read(self, length: int) -> bytes:
        content = self.rfile.read(length)
        if len(content) < length:
            message = "The client closed the connection in the middle of a body"
            raise ConnectionAbortedError(message)
        return content

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._read(self._length())
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self._read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            """Trailers are of no interest."""
        return b"".join(chunks)

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status, answer.reason)
        headers: Mapping[str, str] = {
            "Date": formatdate(time() + self.server.index.seconds_ahead, usegmt=True),
            "Content-Type": answer.content_type,
            **({"Content-Length": str(len(answer.content))} if answer.blocks is None else {"Connection": "close"}),
            **answer.headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if answer.blocks is not None:
            self._send_blocks(answer.blocks)
        elif answer.fault is Fault.CUT_ANSWER:
            self.wfile.write(answer.content[: len(answer.content) // 2])
            self.close_connection = True
        else:
            self.wfile.write(answer.content)

    def _send_blocks(self, blocks: Iterable[bytes]) -> None:
        """Send until there are no more, the client leaves, or the server is closed."""
        self.close_connection = True
        for block in blocks:
            if self.server.index.closed:
                return
            self.wfile.write(block)

    def _reset(self) -> None:
        """End the connection with a TCP RST: what has not been read or sent yet is gone."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())


def _stored(project: str, version: str, filename: str, content: bytes, upload_time: str | None = None) -> StoredFile:
    return StoredFile(
        canonicalize_name(project), version, filename, hashlib.sha256(content).hexdigest(), content, upload_time
    )
