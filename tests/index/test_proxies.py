"""The proxy for one URL: which variable counts, what NO_PROXY exempts, and the ways through HTTP and SOCKS proxies."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest
from distribution_builders import make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import run_hatch
from servers import RawServer, RecordingServer, SocksProxy
from servers.oidc import TrustingIndex
from servers.pypi import ConnectProxy, server_tls

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.errors import ConfigurationError, SourceUnavailableError
from hatch_tokenindex.index import proxies
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.index.clock import Clock
from hatch_tokenindex.index.minting import TokenMinter
from hatch_tokenindex.index.proxies import proxy_for
from hatch_tokenindex.index.simple import SimpleApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme
    from maintainer import Maintainer

PASSWORD = "pr0xy-p4ss"
HOST = "packages.example.org"
URL = f"https://{HOST}/legacy/"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove this machine's proxies."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


# Which variable counts


@pytest.mark.parametrize(
    ("url", "variables", "expected"),
    [
        (URL, {}, None),
        (URL, {"HTTPS_PROXY": "http://one:1"}, ("HTTPS_PROXY", "http://one:1")),
        (URL, {"https_proxy": "http://one:1", "HTTPS_PROXY": "http://two:2"}, ("https_proxy", "http://one:1")),
        (URL, {"HTTPS_PROXY": "one:1"}, ("HTTPS_PROXY", "http://one:1")),
        (URL, {"HTTPS_PROXY": "", "ALL_PROXY": "http://one:1"}, ("ALL_PROXY", "http://one:1")),
        (URL, {"HTTPS_PROXY": "http://one:1", "ALL_PROXY": "socks://nowhere:9"}, ("HTTPS_PROXY", "http://one:1")),
        (URL, {"HTTP_PROXY": "http://one:1"}, None),
        (f"http://{HOST}/", {"HTTP_PROXY": "http://one:1", "HTTPS_PROXY": "x"}, ("HTTP_PROXY", "http://one:1")),
        (URL, {"all_proxy": "socks://one:1/"}, ("all_proxy", "socks5://one:1/")),
        (URL, {"all_proxy": "socks5h://one:1"}, ("all_proxy", "socks5://one:1")),
        (URL, {"all_proxy": "SOCKS5://one:1"}, ("all_proxy", "socks5://one:1")),
        ("https://localhost/", {"HTTPS_PROXY": "http://one:1"}, None),
        ("https://127.8.9.1:8443/", {"HTTPS_PROXY": "http://one:1"}, None),
        ("https://[::1]/", {"ALL_PROXY": "http://one:1"}, None),
    ],
)
def test_the_variable_that_counts(
    monkeypatch: pytest.MonkeyPatch, url: str, variables: dict[str, str], expected: tuple[str, str] | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(url)
    assert (found and (found.setting, found.url)) == expected


def test_a_proxy_of_the_system_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows and macOS, `getproxies` reads the system's settings where no variable is set."""
    monkeypatch.setattr(proxies, "getproxies", lambda: {"https": "http://one:1"})
    assert proxy_for(URL) == proxies.Proxy("the system's settings", "http://one:1")


def test_a_proxy_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@one:1")
    assert PASSWORD not in repr(proxy_for(URL))


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_exempt"),
    [
        (URL, "*", True),
        (URL, " * ", True),
        (URL, "localhost,*", True),
        (URL, HOST, True),
        (URL, HOST.upper(), True),
        (URL, "example.org", True),
        (URL, ".example.org", True),
        (URL, "*.example.org", True),
        (URL, f".{HOST}", True),
        (URL, f"{HOST}.", True),
        (f"https://{HOST}./", HOST, True),
        (URL, "localhost example.org", True),
        (URL, f"{HOST}:443", True),
        (URL, f"{HOST}:8443", False),
        (f"https://{HOST}:8443/", f"{HOST}:8443", True),
        (URL, f"https://{HOST}", True),
        (URL, f"http://{HOST}", False),
        (URL, f"all://{HOST}", True),
        (URL, "", False),
        (URL, ",", False),
        (URL, ".", False),
        (URL, "ample.org", False),
        (URL, "packages.example", False),
        (URL, "localhost,fd00:1234::/64", False),
        ("https://10.1.2.3/", "10.0.0.0/8", True),
        ("https://10.1.2.3/", "10.1.0.0/8", True),
        ("https://11.1.2.3/", "10.0.0.0/8", False),
        ("https://10.1.2.3/", "10.1.2.3", True),
        ("https://10.1.2.3:8443/", "10.1.2.3:8443", True),
        ("https://10.1.2.3/", "10.1.2.3:8443", False),
        ("https://10.1.2.3/", "::/0", False),
        ("https://10.1.2.3/", "10.0.0.0/99", False),
        ("https://[fd00:1234::7]/", "fd00:1234::/64", True),
        ("https://[fd00:1234::7]/", "[fd00:1234::]/64", True),
        ("https://[fd00:1234::7]/", "[fd00:1234::7]", True),
        ("https://[fd00:1234::7]/", "fd00:1234:0::7", True),
        ("https://[fd00:1234::7]:8443/", "[fd00:1234::7]:8443", True),
        ("https://[fd00:1234::7]/", "[fd00:1234::7]:8443", False),
        ("https://[fd00:1235::7]/", "fd00:1234::/64", False),
        ("https://[fd00:1234::7]/", "[::1]", False),
    ],
)
def test_no_proxy_exempts(monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str, is_exempt: bool) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://one:1")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy_for(url) is None) == is_exempt


@pytest.mark.parametrize(
    "variables",
    [
        {"NO_PROXY": "localhost,fd00:1234::/64"},
        {"NO_PROXY": "[::1]:x,http://,::,%"},
        {"HTTP_PROXY": "ftp://x"},
        {"HTTPS_PROXY": "http://one:1", "ALL_PROXY": "socks4://127.0.0.1:9", "HTTP_PROXY": "://"},
        {"HTTPS_PROXY": "http://[::1", "NO_PROXY": HOST},
    ],
)
def test_an_unusable_variable_that_does_not_count_is_harmless(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    connect(Repository("private", URL)).close()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize("proxy", ["socks4://one:1", "ftp://one:1", "http://[::1"])
def test_an_unusable_proxy_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigurationError, match=f"Can't use the proxy set in {variable}.\nFix: "):
        connect(Repository("private", URL))


def test_an_unusable_proxy_for_the_simple_api_stops_no_upload(
    index: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://one:1")
    repository = Repository("private", index.upload_url, simple_url=f"https://{HOST}/simple/")
    with connect(repository) as client:
        listing = SimpleApi(client, repository, Clock()).listing("demo", lambda: None, lambda _: True)
    assert listing.problem == "the proxy refused the connection"


# Through a SOCKS proxy


@pytest.fixture
def far_index(authority: trustme.CA) -> Iterator[RecordingServer]:
    """An index with a name that only the proxies of a test can resolve."""
    with RecordingServer(server_tls(authority, HOST)) as server:
        yield server
    assert server.errors == []


@pytest.fixture
def socks(far_index: RecordingServer) -> Iterator[SocksProxy]:
    """A SOCKS proxy that leads to it."""
    with SocksProxy({f"{HOST}:443": far_index.port}) as proxy:
        yield proxy


@pytest.mark.parametrize("scheme", ["socks", "socks5", "socks5h"])
def test_a_socks_proxy_leads_to_the_index(
    at_index: Maintainer, far_index: RecordingServer, socks: SocksProxy, ca_file: Path, scheme: str
) -> None:
    """The simple API and the upload alike; the proxy resolves the name."""
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    socks.password = ("me", PASSWORD)
    proxy = f"{scheme}://me:{PASSWORD}@{socks.address}"
    options = ("-r", URL, "--ca-cert", str(ca_file))
    result = at_index.publish(*options, run=run_hatch, HATCH_INDEX_AUTH="x", ALL_PROXY=proxy)
    assert result.returncode == 0, result.output
    assert set(far_index.files) == {wheel.name}
    assert [request.path for request in far_index.requests] == [
        *[f"/simple/{at_index.project.name}/"] * 2,
        "/legacy/",
    ]
    assert set(socks.targets) == {f"{HOST}:443"}
    assert PASSWORD not in result.output


def test_minting_goes_through_a_socks_proxy(
    far_index: RecordingServer, socks: SocksProxy, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far_index.respond = TrustingIndex(far_index).respond
    monkeypatch.setenv("ALL_PROXY", f"socks://{socks.address}")
    assert TokenMinter(Repository("private", URL, ca_cert=ca_file), Clock()).audience()
    assert socks.targets == [f"{HOST}:443"]


@pytest.mark.parametrize("user", [f"me:{PASSWORD}", f"{PASSWORD}:", PASSWORD], ids=["password", "empty", "none"])
def test_what_a_proxy_wants_is_masked_where_the_proxy_says_it(at_index: Maintainer, user: str) -> None:
    """Some proxies want an API key as the user name, and no password."""
    at_index.build()
    sent = base64.b64encode(user.encode() if ":" in user else f"{user}:".encode())
    with RawServer(lambda _: [b"HTTP/1.1 407 Denied %b %b\r\n\r\n" % (sent, user.encode())]) as proxy:
        address = proxy.url.replace("://", f"://{user}@")
        result = at_index.publish("-r", URL, "-o", "retries=0", run=run_hatch, HATCH_INDEX_AUTH="x", all_proxy=address)
    assert "407 Denied *****" in result.words
    assert PASSWORD not in result.output
    assert sent.decode() not in result.output


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("wrong password", "The proxy refused the connection."),
        ("no password", "The proxy refused the connection."),
        ("unknown host", "The connection through the proxy failed."),
        ("no SOCKS", "The proxy refused the connection."),
        ("password too long", "The proxy refused the connection."),
        ("half a reply", "The proxy refused the connection."),
        ("nobody there", "The connection through the proxy failed."),
        ("silence", "The connection through the proxy failed."),
    ],
)
def test_a_socks_proxy_that_fails(
    at_index: Maintainer, socks: SocksProxy, ca_file: Path, monkeypatch: pytest.MonkeyPatch, fault: str, said: str
) -> None:
    monkeypatch.setattr("hatch_tokenindex.index.transport._PROXY_TIMEOUT", 0.3)
    at_index.build()
    if "password" in fault:
        socks.password = ("me", "right")
    socks.replies = {"no SOCKS": b"HTTP/1.1 400 Bad Request\r\n\r\n", "half a reply": b"\5", "silence": b""}.get(fault)
    user = {"wrong password": f"me:{PASSWORD}@", "password too long": f"me:{'x' * 256}@"}.get(fault, "")
    proxy = f"socks5://{user}{'127.0.0.1:9' if fault == 'nobody there' else socks.address}"
    url = "https://unknown.example.org/" if fault == "unknown host" else URL
    options = ("-r", url, "--ca-cert", str(ca_file), "-o", "retries=0")
    result = at_index.publish(*options, run=invoke_hatch, HATCH_INDEX_AUTH="x", all_proxy=proxy)
    assert result.returncode == 1
    for expected in (said, "check the proxy in all_proxy"):
        assert expected in result.words
    for unexpected in (PASSWORD, "bug in hatch-tokenindex", "ossibly uploaded", "HTTPS_PROXY"):
        assert unexpected not in result.words


def test_a_socks_proxy_that_says_nothing_is_not_awaited_forever(
    index: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SocksProxy({}) as silent:
        silent.replies = b""
        monkeypatch.setenv("ALL_PROXY", f"socks://{silent.address}")
        with pytest.raises(SourceUnavailableError, match="ReadTimeout"):
            TokenMinter(Repository("private", URL, timeout=0.2), Clock()).audience()
    assert index.requests == []


# Through an HTTP proxy


def test_no_proxy_counts_for_each_url(at_index: Maintainer, far_index: RecordingServer, ca_file: Path) -> None:
    """The upload goes through the proxy, while the simple API at another host does not."""
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    proxy = ConnectProxy({f"{HOST}:443": far_index.port})
    try:
        options = ("-r", URL, "--ca-cert", str(ca_file), "-o", "simple-url=http://elsewhere.invalid/simple/")
        variables = {"HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url, "NO_PROXY": "elsewhere.invalid"}
        result = at_index.publish(*options, run=invoke_hatch, HATCH_INDEX_AUTH="x", **variables)
        assert result.returncode == 0, result.output
        assert set(far_index.files) == {wheel.name}
        assert [tunnel.target for tunnel in proxy.tunnels] == [f"{HOST}:443"]
    finally:
        proxy.close()


def test_a_proxy_reached_by_tls_is_verified_with_the_systems_store(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The `ca-cert` of an index says nothing about the proxy."""
    with RecordingServer(server_tls(authority)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(SourceUnavailableError, match="ConnectError"):
            TokenMinter(Repository("private", URL, ca_cert=ca_file), Clock()).audience()
    assert proxy.requests == []
