"""Connections that failed: the reason, from what `httpx`, `ssl` and `socket` raise."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING

from hatch_tokenindex.index.proxies import proxy_for
from hatch_tokenindex.index.refusals import ConnectionFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

# OpenSSL's words, and those of Windows and macOS.
_UNTIMELY = re.compile(r"expired|not yet valid|validity period", re.IGNORECASE)
_CLIENT_CERTIFICATE_ALERT = re.compile(r"alert.*(certificate|unknown ca)", re.IGNORECASE)


def connection_failure(error: httpx.TransportError, url: str) -> ConnectionFailure:
    """Return how a request to `url` failed."""
    import httpx

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
