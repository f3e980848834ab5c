"""The way of each request to its server: through the proxy for its URL, in limited time, and why one failed.

Imports `httpx`, so it is imported where a client is made.
"""

from __future__ import annotations

import re
import socket
import ssl
from threading import Lock, local
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
from socksio.exceptions import SOCKSError

from hatch_tokenindex import urls
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.index.proxies import proxy_for
from hatch_tokenindex.index.refusals import ConnectionFailure
from hatch_tokenindex.index.responses import seconds_left
from hatch_tokenindex.index.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hatch_tokenindex.index.proxies import Proxy

HEAD_LIMIT = 256 * 1024
"""Bytes of status lines and headers, those of interim responses included."""
_LONGEST_PADDING = 1_000
_PADDING = re.compile(rb":[ \t\r\n]{%d}" % _LONGEST_PADDING)
"""Blanks that start a value, for which h11 takes time that grows with the square of their number."""
_PROXY_TIMEOUT = 30
"""Seconds for a SOCKS proxy to reply, for which httpcore has no limit."""
# OpenSSL's words, and those of Windows and macOS.
_UNTIMELY = re.compile(r"expired|not yet valid|validity period", re.IGNORECASE)
_CLIENT_CERTIFICATE_ALERT = re.compile(r"alert.*(certificate|unknown ca)", re.IGNORECASE)

_opened = local()
"""The connection that the request of this thread has opened, as `stream`; None if it uses an earlier one."""


class Transport(httpx.BaseTransport):
    """Sends each request through the proxy for its URL. Any thread may use it.

    `tls` is called for the first `https` URL: to load the certificates takes 20 milliseconds.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._tls = tls
        self._lock = Lock()
        self._transports: dict[tuple[str, str, int], httpx.HTTPTransport] = {}

    def to(self, url: str) -> httpx.HTTPTransport:
        """Return the transport for the web origin of `url`.

        Raises:
            ConfigurationError: The proxy for it can't be used.
        """
        origin = urls.web_origin(url)
        with self._lock:
            if origin not in self._transports:
                self._transports[origin] = _connecting(url, self._tls)
            return self._transports[origin]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return its response once the head is there."""
        response = _opened.stream = None
        try:
            response = self.to(str(request.url)).handle_request(request)
        except ConfigurationError as error:
            raise httpx.ProxyError(str(error)) from None
        except (SOCKSError, OverflowError):
            # httpcore lets these out: it is no SOCKS proxy, or the password for it is too long.
            msg = "invalid response from the SOCKS 5 proxy"
            raise httpx.ProxyError(msg) from None
        finally:
            # httpcore drops the connection to a SOCKS proxy that refuses, without closing it.
            if response is None and _opened.stream is not None:
                _opened.stream.close()
        stream = response.extensions.get("network_stream")
        if isinstance(stream, _Stream):
            stream.is_in_head = False
        return response

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()


def connection_failure(error: httpx.TransportError, url: str) -> ConnectionFailure:
    """Return how a request to `url` failed."""
    if isinstance(error, httpx.ProxyError):
        # Its text is the proxy's status, of which 407 and 403 are permanent and 502 to 504 may pass, or what SOCKS says.
        may_pass = str(error).startswith(("5", "Proxy Server could not connect")) and "not allowed" not in str(error)
        return ConnectionFailure.PROXY_FAILED if may_pass else ConnectionFailure.PROXY
    causes = list(_causes(error))
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return ConnectionFailure.CERTIFICATE_TIME if _UNTIMELY.search(str(tls)) else ConnectionFailure.CERTIFICATE
    # With TLS 1.3, the server looks at the client's certificate when the client has already begun to send.
    if tls is not None and _CLIENT_CERTIFICATE_ALERT.search(str(tls)):
        return ConnectionFailure.CLIENT_CERTIFICATE
    if not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return ConnectionFailure.TIMEOUT if isinstance(error, httpx.TimeoutException) else ConnectionFailure.LOST
    if tls is not None and not isinstance(tls, ssl.SSLEOFError):
        return ConnectionFailure.TLS
    if proxy_for(url) is not None:
        return ConnectionFailure.PROXY_FAILED
    if any(isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN for cause in causes):
        return ConnectionFailure.NAME
    refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes)
    return ConnectionFailure.REFUSED if refused else ConnectionFailure.UNREACHABLE


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _connecting(url: str, tls: Callable[[], ssl.SSLContext]) -> httpx.HTTPTransport:
    proxy = proxy_for(url)
    through = None if proxy is None else _usable(proxy)
    # A context without certificates trusts nobody.
    context = tls() if urls.web_origin(url)[0] == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    transport = httpx.HTTPTransport(verify=context, trust_env=False, proxy=through)
    # httpx hands no backend on to httpcore, where it is a documented parameter.
    transport._pool._network_backend = _Backend()  # noqa: SLF001
    return transport


def _usable(proxy: Proxy) -> httpx.Proxy:
    # A proxy that is itself reached by TLS is no index: neither `ca-cert` nor the client certificate is meant for it.
    is_secure = proxy.url.lower().startswith("https:")
    try:
        usable = httpx.Proxy(proxy.url, ssl_context=tls_context() if is_secure else None)
        # As `socket` does, which raises UnicodeError for a name that can't exist.
        usable.url.raw_host.decode().encode("idna")
    except (ValueError, httpx.InvalidURL):
        # The text of these exceptions could quote the proxy's password.
        msg = (
            f"Can't use the proxy set in {proxy.setting}.\n"
            "Fix: set it to http://USER:PASSWORD@HOST:PORT or socks5://USER:PASSWORD@HOST:PORT, with special characters"
            " percent-encoded."
        )
        raise ConfigurationError(msg) from None
    return usable


class _Backend(httpcore.SyncBackend):
    """Opens connections that end in time."""

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *more: Any, **options: Any
    ) -> httpcore.NetworkStream:
        left = _within(timeout, httpcore.ConnectTimeout)
        _opened.stream = stream = _Stream(super().connect_tcp(host, port, left, *more, **options))
        return stream


class _Stream(httpcore.NetworkStream):
    """A connection on which a whole answer has the time limit that httpx gives each read.

    A limit for each read has no end: a server can send a byte now and then, or one interim response after the other. Here
    it begins with the last byte sent. That of `time_limit`, if there is one, counts for whatever is done.
    """

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._sent_at = monotonic()
        self._head_size = 0
        self._end = b""
        self.is_in_head = True

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        timeout = (_PROXY_TIMEOUT if timeout is None else timeout) + self._sent_at - monotonic()
        data = self._stream.read(max_bytes, _within(timeout, httpcore.ReadTimeout))
        self._head_size += len(data)
        if self.is_in_head and self._head_size > HEAD_LIMIT:
            msg = f"The response headers are larger than {HEAD_LIMIT:,} bytes."
            raise httpcore.RemoteProtocolError(msg)
        # Not only in the head: headers can also follow a body.
        if _PADDING.search(end := self._end + data):
            msg = f"The answer has a value that starts with {_LONGEST_PADDING:,} blanks."
            raise httpcore.RemoteProtocolError(msg)
        self._end = end[-_LONGEST_PADDING:]
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            self._stream.write(buffer, _within(timeout, httpcore.WriteTimeout))
        finally:
            # Also if the server has closed its side: it may have answered early.
            self._sent_at, self._head_size, self.is_in_head = monotonic(), 0, True

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _within(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _within(timeout: float | None, late: type[Exception]) -> float:
    """Return the seconds that one step may take; raise `late` if none are left."""
    left = min(_PROXY_TIMEOUT if timeout is None else timeout, seconds_left())
    if left <= 0:
        msg = "timed out"
        raise late(msg)
    return left
