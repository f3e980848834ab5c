"""The HTTP client of a run: TLS certificates, proxies, timeouts and redirects."""

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
from hatch_tokenindex.index.responses import IDENTITY
from hatch_tokenindex.secrets import RUN, Secret

if TYPE_CHECKING:
    import httpx

    from hatch_tokenindex.config.repositories import Repository

CONNECT_TIMEOUT = 30
"""In seconds."""
_KEEPS_METHOD_AND_BODY = {307, 308}


def connect(repository: Repository) -> httpx.Client:
    """Return a client for one repository, with the environment's proxies except for a loopback address.

    Raises:
        ConfigurationError: A certificate, the proxy or the host name is invalid.
    """
    import httpx

    _check_host(repository.url)
    learn_proxy_passwords()
    tls = _tls(repository)
    try:
        # Redirects are followed by `next_url` alone: no secret may follow one to another origin.
        return httpx.Client(
            verify=tls,
            timeout=httpx.Timeout(repository.timeout, connect=min(CONNECT_TIMEOUT, repository.timeout), pool=None),
            headers={"User-Agent": user_agent(), **IDENTITY},
            follow_redirects=False,
            trust_env=not urls.is_loopback(repository.url),
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        # The text of these exceptions could quote the proxy's password.
        msg = (
            "Can't use the proxy set in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY.\n"
            "Fix: set it to http://USER:PASSWORD@HOST:PORT, with special characters percent-encoded."
        )
        raise ConfigurationError(msg) from None


def learn_proxy_passwords() -> None:
    """Teach the redactor of the run the passwords of the proxies in the environment, which a proxy may echo."""
    for url in getproxies().values():
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
        except ValueError:
            continue
        if parts.password:
            RUN.learn(Secret(unquote(parts.password)), unquote(parts.username or ""))


def goes_through_proxy(url: str) -> bool:
    """Return True if the environment configures a proxy for `url`."""
    scheme, host, _ = urls.web_origin(url)
    return not urls.is_loopback(url) and not {scheme, "all"}.isdisjoint(getproxies()) and not proxy_bypass(host)


@cache
def user_agent() -> str:
    """Return the value of `User-Agent` (RFC 9110, 10.1.5)."""
    hatch, own, httpx = (version(name) for name in ("hatch", "hatch-tokenindex", "httpx"))
    python = f"{platform.python_implementation()}/{platform.python_version()}"
    return f"hatch-tokenindex/{own} Hatch/{hatch} httpx/{httpx} {python}"


def next_url(url: str, location: str, status: int) -> str | None:
    """Return the URL at which to repeat an upload after a redirect (RFC 9110, 15.4); `None` if it must not be followed.

    Only 307 and 308 keep the method and the body, and only the same origin may receive the credential.
    """
    if status not in _KEEPS_METHOD_AND_BODY or not location:
        return None
    try:
        target = urljoin(url, location)
    except ValueError:
        return None
    return None if urls.problem_with(target) or urls.web_origin(target) != urls.web_origin(url) else target


def _check_host(url: str) -> None:
    """Reject an invalid host name, for which `httpx` and `socket` would raise exceptions of their own."""
    import httpx

    try:
        parsed = httpx.URL(url)
        _ = parsed.host, parsed.raw_host.decode().encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        msg = f"Invalid host name in {url}: between dots, it must have 1 to 63 letters, digits or hyphens."
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
            msg = f"Can't use `ca-cert`: {repository.ca_cert} {_reason(error, 'is not a PEM file of certificates')}."
            raise ConfigurationError(msg) from None
    if repository.client_cert is not None:
        for path in filter(None, (repository.client_cert, repository.client_key)):
            if path.exists() and not path.is_file():
                # Reading a pipe or a device could wait forever.
                msg = f"Can't use `client-cert` and `client-key`: {path} is not a regular file."
                raise ConfigurationError(msg)
        try:
            # Without the callback, OpenSSL would prompt for the passphrase of an encrypted key.
            context.load_cert_chain(repository.client_cert, repository.client_key, password=lambda: b"")
        except (OSError, ssl.SSLError) as error:
            fault = _reason(error, "is not a PEM certificate with a matching, unencrypted key")
            msg = f"Can't use `client-cert` and `client-key`: {repository.client_cert} {fault}."
            raise ConfigurationError(msg) from None
    elif repository.client_key is not None:
        msg = "`client-key` is set without `client-cert`.\nFix: set `client-cert` to the certificate of this key."
        raise ConfigurationError(msg)
    return context


def _reason(error: OSError, invalid: str) -> str:
    return invalid if isinstance(error, ssl.SSLError) else f"can't be read ({error.strerror})"
