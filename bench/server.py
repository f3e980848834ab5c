"""A package index on loopback that is as far away and as slow as it is told: it measures clients, and keeps no file.

A process of its own, `python -m bench.server`: it prints its port; for each line on its standard input it prints the requests
since the line before, as a JSON list of `Request`; and it ends when its standard input does.

How distance is modelled, with `--round-trip R` seconds: a new connection is served R after it was accepted (TCP's handshake),
an answer leaves R after the request's last byte was read (half of R for each way), and so does `100 Continue` after the
request's head. TLS and TCP's slow start are left out; both would cost every connection more.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from urllib.parse import unquote

from bench.agreed import PASSWORD, UPLOAD_PATH, USER, Request

_AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
_SIMPLE_PATH = re.compile(re.escape(UPLOAD_PATH) + r"\+?simple/(?P<project>[^/]+)/")
_JSON_PAGE = "application/vnd.pypi.simple.v1+json"
_FILENAME = re.compile(rb'name="?content"?; *filename="([^"]+)"', re.IGNORECASE)
_BLOCK = 256 * 1024
_BURST = 0.01
"""Seconds that a line's clock may lag behind: a reader that woke up late makes up for it."""


class Line:
    """A line that lets through `rate` bytes a second, of all connections together; 0 is a line without a limit."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_at = 0.0
        self._lock = threading.Lock()

    def carry(self, size: int) -> None:
        """Wait as long as so many bytes take, behind those that came before."""
        if not self._rate:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - _BURST) + size / self._rate
            wait = self._free_at - now
        if wait > 0:
            time.sleep(wait)


class Index(ThreadingHTTPServer):
    """The server. `round_trip` and `upload_time` (what an upload takes here) are seconds, `rate` is bytes a second."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, round_trip: float, upload_time: float, rate: float, holds: Path | None) -> None:
        self.round_trip = round_trip
        self.upload_time = upload_time
        self.line = Line(rate)
        self.digests = {} if holds is None else {path.name: _sha256(path) for path in holds.iterdir()}
        self._requests: list[Request] = []
        super().__init__(("127.0.0.1", 0), _Connection)

    def server_bind(self) -> None:
        """Bind without `HTTPServer`'s look-up of the host's name, which can take seconds."""
        TCPServer.server_bind(self)

    def record(self, request: Request) -> None:
        """Write a request down."""
        self._requests.append(request)

    def take_requests(self) -> list[Request]:
        """The requests since the last call."""
        requests, self._requests = self._requests, []
        return requests


class _Connection(BaseHTTPRequestHandler):
    """Serves one client, in a thread of its own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Index

    def setup(self) -> None:
        super().setup()
        time.sleep(self.server.round_trip)

    def handle(self) -> None:
        # A client that ends with answers unread resets its connection. One that ends too early is missed in the requests.
        with suppress(ConnectionError):
            super().handle()

    def handle_expect_100(self) -> bool:
        time.sleep(self.server.round_trip)
        return super().handle_expect_100()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the standard library
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a page of the simple API, as JSON (PEP 691) or HTML (PEP 503)."""
        self.server.record(Request("GET", self.path))
        time.sleep(self.server.round_trip)
        page = _SIMPLE_PATH.fullmatch(unquote(self.path))
        if page is None:
            self._answer(404, "No such page")
        elif _JSON_PAGE in self.headers.get("Accept", ""):
            self._answer(200, self._json_page(page["project"]), _JSON_PAGE)
        else:
            self._answer(200, self._html_page(page["project"]), "text/html")

    def do_POST(self) -> None:
        """Read an upload through the line, forget it, and take it if its credentials are right."""
        size = int(self.headers["Content-Length"])
        beginning = self._discard(size)
        filename = _FILENAME.search(beginning)
        self.server.record(Request("POST", self.path, size, filename[1].decode() if filename else ""))
        time.sleep(self.server.round_trip + self.server.upload_time)
        if self.path != UPLOAD_PATH:
            self._answer(404, "No such place")
        elif self.headers.get("Authorization") != _AUTHORIZATION:
            self._answer(403, "Invalid or non-existent authentication information.")
        else:
            self._answer(200, "OK")

    def _discard(self, size: int) -> bytes:
        """Read so many bytes, and return the first block of them."""
        beginning, buffer = b"", memoryview(bytearray(_BLOCK))
        while size:
            read = self.rfile.readinto1(buffer[: min(size, _BLOCK)])
            if not read:
                message = "The client closed the connection in the middle of a body"
                raise ConnectionAbortedError(message)
            if len(beginning) < _BLOCK:
                beginning += buffer[:read]
            self.server.line.carry(read)
            size -= read
        return beginning

    def _answer(self, status: int, text: str, content_type: str = "text/plain") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _digests(self, project: str) -> dict[str, str]:
        """The files of a project, and their sha256."""
        stem = project.replace("-", "_") + "-"
        return {name: digest for name, digest in self.server.digests.items() if name.startswith(stem)}

    def _json_page(self, project: str) -> str:
        files = [
            {"filename": name, "url": f"/files/{name}", "hashes": {"sha256": digest}}
            for name, digest in self._digests(project).items()
        ]
        return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": files})

    def _html_page(self, project: str) -> str:
        links = (
            f'<a href="/files/{name}#sha256={digest}">{name}</a><br>' for name, digest in self._digests(project).items()
        )
        return "\n".join(["<!DOCTYPE html>", *links])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m bench.server", description=__doc__)
    parser.add_argument("--round-trip", type=float, default=0.0, help="seconds")
    parser.add_argument("--upload-time", type=float, default=0.0, help="seconds that an upload takes on the server")
    parser.add_argument("--rate", type=float, default=0.0, help="bytes a second; 0: no limit")
    parser.add_argument("--holds", type=Path, help="a folder with the files that the index has")
    given = parser.parse_args()
    with Index(given.round_trip, given.upload_time, given.rate, given.holds) as index:
        threading.Thread(target=index.serve_forever, daemon=True).start()
        print(index.server_address[1], flush=True)  # noqa: T201 - the process that started this reads it
        for _ in sys.stdin:
            print(json.dumps([asdict(request) for request in index.take_requests()]), flush=True)  # noqa: T201 - likewise


if __name__ == "__main__":
    main()
