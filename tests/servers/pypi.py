"""A stand-in for pypi.org: a TLS server with PyPI's names, and the proxy that leads a real `hatch` process to it."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.client import parse_headers
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

from servers.closing import Closing
from servers.recording import RecordingServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message
    from pathlib import Path

    import trustme

HOSTS = ("upload.pypi.org", "pypi.org", "test.pypi.org", "files.pythonhosted.org")


class PyPIStandIn(Closing):
    """PyPI and TestPyPI for a client that is given `environment` (its proxy) and `ca_file` (its `--ca-cert`).

    `server` plays all the hosts; the `Host` header of a request names one. `proxy` records each CONNECT request and
    blocks every other host.
    """

    def __init__(self, authority: trustme.CA, folder: Path, *, hosts: tuple[str, ...] = HOSTS) -> None:
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        self.server = RecordingServer(server_tls(authority, *hosts))
        self.proxy = ConnectProxy({f"{host}:443": self.server.port for host in hosts})

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that route a process through the proxy."""
        return {"HTTPS_PROXY": self.proxy.url, "HTTP_PROXY": self.proxy.url}

    def close(self) -> None:
        """Stop both."""
        self.proxy.close()
        self.server.close()


def server_tls(authority: trustme.CA, *hosts: str, client_authority: trustme.CA | None = None) -> ssl.SSLContext:
    """TLS for a server with these names and 127.0.0.1; clients need a certificate where their authority is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", *hosts).configure_cert(context)
    if client_authority is not None:
        client_authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@dataclass(frozen=True)
class Tunnel:
    """One CONNECT request: its `host:port` and headers."""

    target: str
    headers: Message


class ConnectProxy:
    """An HTTP proxy on loopback that opens tunnels to the given names (`host:port` to a local port), and no others.

    `proxy_authorization`, once it is not `None`, is the header value that it asks for with `refusal`.
    """

    def __init__(self, routes: Mapping[str, int]) -> None:
        self.routes = routes
        self.tunnels: list[Tunnel] = []
        self.proxy_authorization: str | None = None
        self.refusal = "407 Proxy Authentication Required"
        self._server = _TunnelServer(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The URL for `HTTPS_PROXY`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _TunnelServer(ThreadingTCPServer):
    """The listening socket of a `ConnectProxy`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: ConnectProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _TunnelHandler)


class _TunnelHandler(StreamRequestHandler):
    """Serves one CONNECT request and the bytes after it, both ways."""

    server: _TunnelServer

    def handle(self) -> None:
        proxy = self.server.proxy
        method, _, rest = self.rfile.readline().decode("latin-1").partition(" ")
        tunnel = Tunnel(rest.partition(" ")[0], parse_headers(self.rfile))
        proxy.tunnels.append(tunnel)
        if proxy.proxy_authorization not in {None, tunnel.headers["Proxy-Authorization"]}:
            self._refuse(f'{proxy.refusal}\r\nProxy-Authenticate: Basic realm="proxy"')
        elif method != "CONNECT" or tunnel.target not in proxy.routes:
            self._refuse("403 Forbidden")
        else:
            with socket.create_connection(("127.0.0.1", proxy.routes[tunnel.target])) as far_end:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pump, args=(far_end, self.connection), daemon=True)
                back.start()
                pump(self.connection, far_end)
                back.join()

    def _refuse(self, status: str) -> None:
        self.wfile.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy bytes until the source ends, then pass the end on."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
