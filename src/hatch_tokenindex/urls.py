"""URLs: check and compare them, and find the web origin and the index that one belongs to."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

PYPI = "https://upload.pypi.org/legacy/"
TEST_PYPI = "https://test.pypi.org/legacy/"

_SITE_NAMES = {"pypi.org": "PyPI", "test.pypi.org": "TestPyPI"}
_SITES = {"pypi.org": "pypi.org", "upload.pypi.org": "pypi.org", "test.pypi.org": "test.pypi.org"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def problem_with(url: str) -> str | None:
    """Return why `url` can't be used, without quoting it; None if it can."""
    if any(character <= " " or character == "\x7f" for character in url):
        return "must not contain spaces or control characters"
    if not url.isascii():
        return "must be ASCII (write international host names as xn--..., other characters as %XX)"
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return "must be an absolute http:// or https:// URL"
    if parts.username is not None or parts.password is not None:
        return "must not contain a user name or password (use `user`, HATCH_INDEX_AUTH or the keyring)"
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or not port_is_valid:
        return "must be an absolute http:// or https:// URL"
    return None


def normalized(url: str) -> str:
    """Return `url` in a form in which two spellings of one address are equal; a trailing slash is ignored."""
    parts = urlsplit(url)
    scheme, host, port = web_origin(url)
    shown_port = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    return SplitResult(scheme, host + shown_port, parts.path.rstrip("/"), parts.query, "").geturl()


def same(url: str, other: str) -> bool:
    """Return True if two usable URLs are the same address."""
    return normalized(url) == normalized(other)


def web_origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port, the web origin (RFC 6454): a secret never goes to another one."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = parts.hostname or ""
    return scheme, f"[{host}]" if ":" in host else host, parts.port or _DEFAULT_PORTS[scheme]


def without_final_dot(url: str) -> str:
    """Return a usable URL without the dot that can end a host name.

    Both names are the same host in DNS, but not the same web origin, so this is for questions that trust less where the
    answer is yes.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts._replace(netloc=parts.netloc.lower().replace(host, host.rstrip("."), 1)).geturl()


def host_of(text: str) -> str | None:
    """Return the host of a usable URL, None for any other text."""
    return None if problem_with(text) else web_origin(text)[1]


def site(url: str) -> str | None:
    """Return `pypi.org` or `test.pypi.org` if `url` belongs to one of them, else None."""
    return _SITES.get(web_origin(url)[1])


def index_name(url: str, otherwise: str) -> str:
    """Return the name of the index that `url` belongs to: `PyPI`, `TestPyPI`, or `otherwise`."""
    return _SITE_NAMES.get(site(url) or "", otherwise)


def is_loopback(url: str) -> bool:
    """Return True if `url` is on this machine."""
    host = web_origin(url)[1].strip("[]").rstrip(".")
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_disclosing(url: str) -> bool:
    """Return True if others could read a secret sent to `url`: plain http to another machine."""
    return web_origin(url)[0] == "http" and not is_loopback(url)
