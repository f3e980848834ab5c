"""The HTTP client of a run: its timeouts, headers and redirects."""

from __future__ import annotations

import platform
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from hatch_tokenindex import urls
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.index.proxies import learn_proxy_passwords
from hatch_tokenindex.index.tls import tls_context

if TYPE_CHECKING:
    import httpx

    from hatch_tokenindex.config.repositories import Repository

CONNECT_TIMEOUT = 30
"""In seconds."""
_KEEPS_METHOD_AND_BODY = {307, 308}


def connect(repository: Repository) -> httpx.Client:
    """Return a client for one repository, which uses the proxy for each URL.

    Raises:
        ConfigurationError: A certificate, the proxy for the upload URL or the host name is invalid.
    """
    import httpx

    from hatch_tokenindex.index.transport import Transport

    _check_host(repository.url)
    learn_proxy_passwords()
    certificates = (repository.ca_cert, repository.client_cert, repository.client_key)
    if any(certificates):
        # A file that can't be used is an error, whatever the URL.
        tls_context(*certificates)
    transport = Transport(partial(tls_context, *certificates))
    transport.to(repository.url)
    # Redirects are followed by `next_url` alone: no secret may follow one to another origin.
    return httpx.Client(
        transport=transport,
        timeout=httpx.Timeout(repository.timeout, connect=min(CONNECT_TIMEOUT, repository.timeout), pool=None),
        headers={"User-Agent": user_agent(), "Accept-Encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        follow_redirects=False,
        trust_env=False,
    )


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
