"""A SOCKS 5 proxy on loopback (RFC 1928) that resolves made-up names, with a password if a test wants one (RFC 1929)."""

from __future__ import annotations

import socket
import threading
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

from servers.closing import Closing
from servers.pypi import pump

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_PASSWORD, _PASSWORD, _NONE = 0, 2, 255
_DOMAIN = 3


class SocksProxy(Closing):
    """Connects to the given names (`host:port` to a local port), and to no others.

    `password` is the only pair of user name and password that may pass, once it is not `None`. `replies` replaces what it
    says, byte for byte.
    """

    def __init__(self, routes: Mapping[str, int]) -> None:
        self.routes = routes
        self.targets: list[str] = []
        self.password: tuple[str, str] | None = None
        self.replies: bytes | None = None
        self._server = _SocksServer(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The URL for `ALL_PROXY`."""
        return f"socks5://{self.address}"

    @property
    def address(self) -> str:
        """The host and port of the proxy."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _SocksServer(ThreadingTCPServer):
    """The listening socket of a `SocksProxy`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: SocksProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _SocksHandler)


class _SocksHandler(StreamRequestHandler):
    """Serves one connection."""

    server: _SocksServer

    def handle(self) -> None:
        proxy = self.server.proxy
        if proxy.replies is not None:
            self.wfile.write(proxy.replies)
            while self.connection.recv(1000):
                """Read until the client leaves."""
            return
        _, count = self.rfile.read(2)
        method = _NO_PASSWORD if proxy.password is None else _PASSWORD
        is_offered = method in self.rfile.read(count)
        self.wfile.write(bytes([5, method if is_offered else _NONE]))
        if not is_offered or (method == _PASSWORD and not self._is_let_in()):
            return
        _, _, _, kind = self.rfile.read(4)
        host = self._text() if kind == _DOMAIN else socket.inet_ntop(socket.AF_INET, self.rfile.read(4))
        target = f"{host}:{int.from_bytes(self.rfile.read(2), 'big')}"
        proxy.targets.append(target)
        port = proxy.routes.get(target)
        self.wfile.write(bytes([5, 0 if port else 4, 0, 1, 0, 0, 0, 0, 0, 0]))
        if port:
            with socket.create_connection(("127.0.0.1", port)) as far_end:
                back = threading.Thread(target=pump, args=(far_end, self.connection), daemon=True)
                back.start()
                pump(self.connection, far_end)
                back.join()

    def _is_let_in(self) -> bool:
        self.rfile.read(1)
        is_right = (self._text(), self._text()) == self.server.proxy.password
        self.wfile.write(bytes([1, not is_right]))
        return is_right

    def _text(self) -> str:
        return self.rfile.read(self.rfile.read(1)[0]).decode()
