"""The proxy for one URL, from the environment or the system's settings, as `urllib.request` finds it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from hatch_tokenindex import urls
from hatch_tokenindex.secrets import REDACTOR, Secret

_SOCKS = re.compile(r"socks(5h?)?://", re.IGNORECASE)
_EXCEPTION = re.compile(r"(?:(?P<scheme>\w+)://)?(?P<host>\[.+\](?:/\d+)?|[^:]+|.+:.*:.*?)(?::(?P<port>\d+))?")


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the name of the setting that it comes from."""

    setting: str
    url: str = field(repr=False)
    """As it was set, but always with a scheme. May hold a password."""


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for a usable URL, None to connect directly: always for this machine.

    The variable of the URL's scheme counts, else `ALL_PROXY`; all others, usable or not, don't matter.
    """
    scheme, host, port = urls.web_origin(url)
    if urls.is_loopback(url) or _is_exempt(scheme, host, port):
        return None
    proxies = getproxies()
    key = next((key for key in (scheme, "all") if proxies.get(key)), None)
    return None if key is None else Proxy(_setting(key, proxies[key]), _with_scheme(proxies[key]))


def learn_proxy_passwords() -> None:
    """Teach the redactor of the run the passwords of all proxies, which a proxy may echo.

    Without a password, the user name is one: some proxies want an API key alone.
    """
    for url in getproxies().values():
        try:
            parts = urlsplit(_with_scheme(url))
        except ValueError:
            continue
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if user or password:
            REDACTOR.learn(Secret(password or user))
            REDACTOR.learn(Secret(f"{user}:{password}"))


def _with_scheme(url: str) -> str:
    """Return a proxy's URL as httpx takes it: `socks://`, as GNOME writes it, is SOCKS 5, where the proxy resolves names."""
    return _SOCKS.sub("socks5://", url) if "://" in url else f"http://{url}"


def _setting(key: str, value: str) -> str:
    """Return the name of the environment variable that holds the proxy; of several, the one in lower case counts."""
    names = (name for name in sorted(os.environ, reverse=True) if name.lower() == f"{key}_proxy")
    return next((name for name in names if os.environ[name] == value), "the system's settings")


def _is_exempt(scheme: str, host: str, port: int) -> bool:
    """Return True if NO_PROXY, or the system's settings where no variable is set, exempt a host from the proxy."""
    entries = re.split(r"[\s,]+", getproxies_environment().get("no", ""))
    return any(_exempts(entry, scheme, host, port) for entry in entries) or bool(proxy_bypass(f"{host}:{port}"))


def _exempts(entry: str, scheme: str, host: str, port: int) -> bool:
    """Return True if an entry of NO_PROXY names the host: `*`, a domain, an address or a network, with or without a port."""
    parts = _EXCEPTION.fullmatch(entry.lower())
    if parts is None or parts["scheme"] not in {None, "all", scheme} or parts["port"] not in {None, str(port)}:
        return False
    name, plain = (text.translate({ord("["): None, ord("]"): None}).rstrip(".") for text in (parts["host"], host))
    try:
        return ip_address(plain) in ip_network(name, strict=False)
    except ValueError:
        domain = name.lstrip("*").lstrip(".")
        return name == "*" or (bool(domain) and f".{plain}".endswith(f".{domain}"))
