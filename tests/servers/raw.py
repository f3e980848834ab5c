"""A server that sends raw bytes, as slowly and as long as a test wants: for answers that no HTTP server would give."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from servers.closing import Closing

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable


class RawServer(Closing):
    """Reads the head and the announced body of each request, and sends what `answer` yields until the client leaves.

    Connections are accepted and served one after the other, handshake included, as by a server with a single worker.
    `left` is set once a client has closed its connection before the answer ended.
    """

    def __init__(self, answer: Callable[[bytes], Iterable[bytes]], tls: ssl.SSLContext | None = None) -> None:
        self.left = threading.Event()
        self.heads: list[bytes] = []
        self._answer = answer
        self._tls = tls
        self._closing = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.02)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The root URL of the server."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._listening.getsockname()[1]}/"

    def pause(self, seconds: float) -> None:
        """Wait within an answer, but no longer than the server lives."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listening.accept()
            except TimeoutError:
                continue
            connection.settimeout(10)
            with suppress(OSError):
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                while head := self._read(connection):
                    self.heads.append(head)
                    self._send(connection, head)
            connection.close()

    def _read(self, connection: socket.socket) -> bytes:
        received = b""
        while b"\r\n\r\n" not in received:
            block = connection.recv(65536)
            if not block:
                return b""
            received += block
        head, _, body = received.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:")), 0)
        size = len(body)
        while size < length:
            size += len(connection.recv(65536))
        return head

    def _send(self, connection: socket.socket, head: bytes) -> None:
        try:
            for block in self._answer(head):
                if self._closing.is_set():
                    return
                connection.sendall(block)
        except OSError:
            self.left.set()
            raise
