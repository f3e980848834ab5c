"""The one `httpx` client of a run: trust, client certificate, proxies, time limits, and who may follow where."""

from __future__ import annotations

import platform
import ssl
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from hatch_tokenindex import urls
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    import httpx

    from hatch_tokenindex.config.repositories import Repository

CONNECT_TIMEOUT = 30
"""Seconds to wait for a connection."""
_KEEPS_METHOD_AND_BODY = {307, 308}


def connect(repository: Repository) -> httpx.Client:
    """A client for one repository; proxies come from the environment, but never lead to this machine itself.

    Raises `ConfigurationError` for certificates, proxies and host names that can't be used.
    """
    import httpx

    _check_host(repository.url)
    tls = _tls(repository)
    try:
        # Redirects are ours to judge: no secret may follow one to another origin.
        return httpx.Client(
            verify=tls,
            timeout=httpx.Timeout(repository.timeout, connect=min(CONNECT_TIMEOUT, repository.timeout), pool=None),
            headers={"User-Agent": user_agent()},
            follow_redirects=False,
            trust_env=not urls.is_loopback(repository.url),
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        # Their texts could quote the proxy's password.
        msg = (
            "The proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names can't be used: give it as "
            "http://USER:PASSWORD@HOST:PORT, with special characters percent-encoded."
        )
        raise ConfigurationError(msg) from None


def proxy_credentials() -> tuple[tuple[str, Secret], ...]:
    """User name and password of each proxy in the environment: what a proxy may echo, and nobody should read."""
    found = []
    for url in getproxies().values():
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
        except ValueError:
            continue
        if parts.password:
            found.append((unquote(parts.username or ""), Secret(unquote(parts.password))))
    return tuple(found)


def goes_through_proxy(url: str) -> bool:
    """Whether the environment leads what is sent to `url` through a proxy."""
    scheme, host, _ = urls.web_origin(url)
    return not urls.is_loopback(url) and not {scheme, "all"}.isdisjoint(getproxies()) and not proxy_bypass(host)


@cache
def user_agent() -> str:
    """Who we are, as RFC 9110, 10.1.5 writes it."""
    hatch, own, httpx = (version(name) for name in ("hatch", "hatch-tokenindex", "httpx"))
    python = f"{platform.python_implementation()}/{platform.python_version()}"
    return f"hatch-tokenindex/{own} Hatch/{hatch} httpx/{httpx} {python}"


def next_url(url: str, location: str, status: int) -> str | None:
    """Where to repeat a request that was answered with a redirect; `None` where it must not go (RFC 9110, 15.4).

    Only 307 and 308 keep the method and the body, and only the same origin may get the credential.
    """
    if status not in _KEEPS_METHOD_AND_BODY or not location:
        return None
    try:
        target = urljoin(url, location)
    except ValueError:
        return None
    return None if urls.problem_with(target) or urls.web_origin(target) != urls.web_origin(url) else target


def _check_host(url: str) -> None:
    """Refuse a host that can't be looked up: `httpx` and `socket` would say so with exceptions of their own."""
    import httpx

    try:
        parsed = httpx.URL(url)
        _ = parsed.host, parsed.raw_host.decode().encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        msg = f"The host of {url} can't exist: between its dots there are 1 to 63 letters, digits and hyphens."
        raise ConfigurationError(msg) from None


def _tls(repository: Repository) -> ssl.SSLContext:
    if repository.ca_cert is None:
        import truststore

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        folder = repository.ca_cert.is_dir()
        try:
            context = ssl.create_default_context(
                cafile=None if folder else repository.ca_cert, capath=repository.ca_cert if folder else None
            )
        except (OSError, ssl.SSLError) as error:
            msg = f"`ca-cert` can't be used: {repository.ca_cert} {_reason(error)}."
            raise ConfigurationError(msg) from None
    if repository.client_cert is not None:
        try:
            # An encrypted key would make OpenSSL ask on the terminal, also where nobody sits.
            context.load_cert_chain(repository.client_cert, repository.client_key, password=lambda: b"")
        except (OSError, ssl.SSLError) as error:
            msg = f"`client-cert` and `client-key` can't be used: {repository.client_cert} {_reason(error)}."
            raise ConfigurationError(msg) from None
    elif repository.client_key is not None:
        msg = "`client-key` is given without `client-cert`: give the certificate too."
        raise ConfigurationError(msg)
    return context


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "is not what it should be (PEM files, a key that fits and isn't encrypted)"
    return f"can't be read ({error.strerror})"
