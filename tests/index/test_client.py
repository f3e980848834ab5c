"""The HTTP client: certificates, proxies, timeouts, redirects and the user agent."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme
from api_tokens import USER_ID, make_token
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from distribution_builders import make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import run_hatch
from servers import Answer, PyPIStandIn, RecordingServer
from servers.pypi import server_tls

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.index.client import connect, next_url, user_agent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maintainer import Maintainer

PASSWORD = "pr0xy-p4ss"
FAR = "http://packages.example.org/legacy/"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove this machine's proxies."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def get(repository: Repository, url: str = "") -> httpx.Response:
    """Send a GET request to the repository."""
    with connect(repository) as client:
        return client.get(url or repository.url)


# Server certificates


def test_unknown_ca_is_not_trusted(tls_index: RecordingServer) -> None:
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        get(Repository("private", tls_index.upload_url))
    assert tls_index.requests == []


def test_configured_ca_is_trusted(tls_index: RecordingServer, ca_file: Path) -> None:
    assert get(Repository("private", tls_index.upload_url, ca_cert=ca_file)).status_code == 404


def test_folder_of_cas_is_trusted(tls_index: RecordingServer, authority: trustme.CA, tmp_path: Path) -> None:
    """The files are named by the hash of the subject, as by `openssl rehash`."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    for name in subject_hashes(authority, tmp_path):
        authority.cert_pem.write_to_path(folder / f"{name}.0")
    assert get(Repository("private", tls_index.upload_url, ca_cert=folder)).status_code == 404


def subject_hashes(authority: trustme.CA, folder: Path) -> list[str]:
    """Return OpenSSL's name for the file of a CA."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl command")
    path = folder / "hashed.pem"
    authority.cert_pem.write_to_path(path)
    return [subprocess.check_output([openssl, "x509", "-in", path, "-noout", "-hash"], text=True).strip()]


def test_configured_ca_replaces_the_system_trust_store(tls_index: RecordingServer, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        get(Repository("private", tls_index.upload_url, ca_cert=other))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there the system's store is no file")
def test_system_trust_store_is_used(at_index: Maintainer, tls_index: RecordingServer, ca_file: Path) -> None:
    """On Linux, OpenSSL's environment variable stands for the system's trust store."""
    at_index.build()
    at = ["-r", tls_index.upload_url, "-o", "retries=0"]
    refused = at_index.publish(*at, run=run_hatch, HATCH_INDEX_AUTH="x")
    assert refused.returncode == 1
    assert "certificate could not be verified" in refused.words
    assert "--ca-cert" in refused.words
    assert tls_index.uploads == []
    accepted = at_index.publish(*at, run=run_hatch, HATCH_INDEX_AUTH="x", SSL_CERT_FILE=str(ca_file))
    assert accepted.returncode == 0, accepted.output


def test_certificate_of_another_host_is_rejected(authority: trustme.CA, ca_file: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("packages.example.org").configure_cert(tls)
    with RecordingServer(tls) as server:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            get(Repository("private", server.upload_url, ca_cert=ca_file))
        assert server.requests == []


def test_unverifiable_certificate_is_not_retried(at_index: Maintainer, tls_index: RecordingServer) -> None:
    at_index.build()
    result = at_index.publish("-r", tls_index.upload_url, run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 1
    assert "Retrying" not in result.words


@pytest.mark.parametrize(("begins", "ends"), [(-2, -1), (1, 2)], ids=["expired", "not yet valid"])
def test_a_certificate_that_is_not_valid_now_names_the_clock(
    at_index: Maintainer, authority: trustme.CA, ca_file: Path, begins: int, ends: int
) -> None:
    now = datetime.now(timezone.utc)
    made = authority.issue_cert(
        "127.0.0.1", not_before=now + timedelta(days=begins), not_after=now + timedelta(days=ends)
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.configure_cert(tls)
    at_index.build()
    with RecordingServer(tls) as server:
        options = ("-r", server.upload_url, "--ca-cert", str(ca_file))
        result = at_index.publish(*options, run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 1
    assert "Fix: check the date and time of this machine" in result.words
    assert "Retrying" not in result.words


# Client certificates


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shows", ["none", "one of another CA"])
def test_an_index_that_wants_a_client_certificate(
    at_index: Maintainer,
    authority: trustme.CA,
    ca_file: Path,
    tmp_path: Path,
    version: ssl.TLSVersion,
    shows: str,
) -> None:
    """There is one attempt, and `--client-cert` is named. The file is larger than what goes out in one piece."""
    tls = server_tls(authority, client_authority=authority)
    tls.minimum_version = tls.maximum_version = version
    make_wheel(at_index.project.dist, at_index.project.name, extra={"large.bin": os.urandom(2**22)})
    options = ["--ca-cert", str(ca_file)]
    if shows != "none":
        other = tmp_path / "other.pem"
        trustme.CA().issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(other)
        options += ["--client-cert", str(other)]
    with RecordingServer(tls) as server:
        result = at_index.publish("-r", server.upload_url, *options, run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 1
    assert "--client-cert" in result.words
    for unexpected in ("Retrying", "ossibly uploaded"):
        assert unexpected not in result.words
    assert server.requests == []


@pytest.mark.parametrize("files", ["one file", "two files"])
def test_client_certificate_is_sent(
    authority: trustme.CA, strict_index: RecordingServer, ca_file: Path, tmp_path: Path, files: str
) -> None:
    made = authority.issue_cert("me@example.org")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    if files == "one file":
        made.private_key_and_cert_chain_pem.write_to_path(certificate)
    else:
        made.cert_chain_pems[0].write_to_path(certificate)
        made.private_key_pem.write_to_path(key)
    repository = Repository(
        "private",
        strict_index.upload_url,
        ca_cert=ca_file,
        client_cert=certificate,
        client_key=key if files == "two files" else None,
    )
    assert get(repository).status_code == 404
    shown = strict_index.requests[0].client_certificate
    assert shown is not None
    assert shown["subjectAltName"] == (("email", "me@example.org"),)


def missing(_authority: trustme.CA, path: Path) -> None:
    """Remove the file."""
    path.unlink(missing_ok=True)


def empty(_authority: trustme.CA, path: Path) -> None:
    """Make the file empty."""
    path.write_bytes(b"")


def nonsense(_authority: trustme.CA, path: Path) -> None:
    """Write something else than PEM."""
    path.write_bytes(b"\x00\xff -----BEGIN CERTIFICATE-----\nnonsense")


def folder(_authority: trustme.CA, path: Path) -> None:
    """Make a folder instead."""
    path.mkdir()


def foreign(authority: trustme.CA, path: Path) -> None:
    """Write the key of another certificate."""
    authority.issue_cert("other@example.org").private_key_pem.write_to_path(path)


def encrypted(_authority: trustme.CA, path: Path) -> None:
    """Write an encrypted key."""
    path.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )


@pytest.mark.parametrize(
    ("key", "broken"),
    [
        ("ca_cert", missing),
        ("ca_cert", empty),
        ("ca_cert", nonsense),
        ("client_cert", missing),
        ("client_cert", empty),
        ("client_cert", nonsense),
        ("client_cert", folder),
        ("client_key", missing),
        ("client_key", empty),
        ("client_key", nonsense),
        ("client_key", folder),
        ("client_key", foreign),
        ("client_key", encrypted),
    ],
)
def test_unusable_certificate_is_named(
    authority: trustme.CA, tmp_path: Path, key: str, broken: Callable[[trustme.CA, Path], None]
) -> None:
    """The error is one sentence with the key and the file; there is no prompt for a passphrase."""
    paths = {name: tmp_path / f"{name}.pem" for name in ("ca_cert", "client_cert", "client_key")}
    made = authority.issue_cert("me@example.org")
    authority.cert_pem.write_to_path(paths["ca_cert"])
    made.cert_chain_pems[0].write_to_path(paths["client_cert"])
    made.private_key_pem.write_to_path(paths["client_key"])
    paths[key].unlink()
    broken(authority, paths[key])
    with pytest.raises(ConfigurationError) as raised:
        connect(
            Repository(
                "private",
                "https://packages.example.org/",
                ca_cert=paths["ca_cert"],
                client_cert=paths["client_cert"],
                client_key=paths["client_key"],
            )
        )
    text = str(raised.value)
    assert f"`{key.replace('_', '-')}`" in text
    # A key that can be read may be wrong, or else its certificate.
    named = key if key != "client_key" or broken in {missing, folder} else "client_cert"
    assert f": {paths[named]} " in text
    assert text.endswith(".")
    assert "\n" not in text


def test_key_without_certificate_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="`client-key` is set without `client-cert`"):
        connect(Repository("private", "https://packages.example.org/", client_key=tmp_path / "client.key"))


# Proxies


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_leads_to_an_index_on_plain_http(at_index: Maintainer, variable: str) -> None:
    """The tests' index acts as the proxy: it receives requests with a whole URL as target."""
    if variable == "HTTP_PROXY" and sys.platform == "win32":
        pytest.skip("names of variables have no case there")
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    proxy = at_index.server.url.replace("http://", f"http://me:{PASSWORD}@")
    options = ("-r", FAR, "-o", "insecure-http")
    result = at_index.publish(*options, run=run_hatch, HATCH_INDEX_AUTH="x", **{variable: proxy})

    assert result.returncode == 0, result.output
    assert set(at_index.server.files) == {wheel.name}
    assert [request.target for request in at_index.server.requests] == [
        *[f"http://packages.example.org/simple/{at_index.project.name}/"] * 2,
        FAR,
    ]
    assert all(request.headers["Proxy-Authorization"].startswith("Basic ") for request in at_index.server.requests)
    assert PASSWORD not in result.output


def test_a_proxy_tunnels_to_an_index_on_https(at_pypi: Maintainer, pypi: PyPIStandIn) -> None:
    """The proxy sees the host, but neither the credential nor the file."""
    wheel = make_wheel(at_pypi.project.dist, at_pypi.project.name)
    proxy = pypi.proxy.url.replace("http://", f"http://me:{PASSWORD}@")
    result = at_pypi.publish(HTTPS_PROXY=proxy, HATCH_INDEX_AUTH=make_token(user=USER_ID))
    assert result.returncode == 0, result.output
    assert set(pypi.server.files) == {wheel.name}
    assert {tunnel.target for tunnel in pypi.proxy.tunnels} == {"pypi.org:443", "upload.pypi.org:443"}
    for tunnel in pypi.proxy.tunnels:
        assert tunnel.headers["Proxy-Authorization"].startswith("Basic ")
        assert "Authorization" not in tunnel.headers
    assert PASSWORD not in result.output


@pytest.mark.parametrize(
    "environment",
    [
        {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"},
        {"http_proxy": "http://127.0.0.1:9"},
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_leads_to_this_machine(
    index: RecordingServer, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], host: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert get(Repository("private", index.upload_url.replace("127.0.0.1", host))).status_code == 404


@pytest.mark.parametrize(
    ("no_proxy", "proxied"), [("", True), ("other.example.org", True), ("packages.example.org", False), ("*", False)]
)
def test_no_proxy_makes_exceptions(
    index: RecordingServer, monkeypatch: pytest.MonkeyPatch, no_proxy: str, proxied: bool
) -> None:
    monkeypatch.setenv("HTTP_PROXY", index.url)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    look_up = socket.getaddrinfo

    def look_up_nearby(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "packages.example.org":
            raise socket.gaierror(socket.EAI_NONAME, "This name is for the proxy to look up")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_nearby)
    if proxied:
        assert get(Repository("private", FAR)).status_code == 404
        assert index.requests[0].target == FAR
    else:
        with pytest.raises(httpx.ConnectError, match="for the proxy to look up"):
            get(Repository("private", FAR))


@pytest.mark.parametrize(
    "proxy",
    [
        f"socks4://me:{PASSWORD}@127.0.0.1:9",
        f"ftp://me:{PASSWORD}@127.0.0.1:9",
        f"http://me:{PASSWORD}@[::1",
        f"http://me:{PASSWORD}@127.0.0.1:port",
        f"://me:{PASSWORD}@127.0.0.1:9",
        f"http://me:{PASSWORD}@a..b:9",
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_unusable_proxy_is_reported_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str, variable: str
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigurationError) as raised:
        connect(Repository("main", "https://upload.pypi.org/legacy/"))
    assert f" {variable}." in str(raised.value)
    assert PASSWORD not in str(raised.value)
    assert PASSWORD not in repr(raised.value.__context__ if not raised.value.__suppress_context__ else "")


@pytest.mark.parametrize("host", ["127.0.0.1:9", "127.0.0.1:99999999", "exa mple.invalid"])
def test_unreachable_proxy_is_reported(at_index: Maintainer, host: str) -> None:
    at_index.build()
    at = ["-r", "https://packages.example.org/", "-o", "retries=0"]
    proxy = f"http://me:{PASSWORD}@{host}"
    result = at_index.publish(*at, run=invoke_hatch, HATCH_INDEX_AUTH="x", HTTPS_PROXY=proxy)
    assert result.returncode == 1
    for expected in ("Could not upload ", "HTTPS_PROXY"):
        assert expected in result.words
    for unexpected in (PASSWORD, "bug in hatch-tokenindex", "Possibly uploaded"):
        assert unexpected not in result.output


# Other sources of credentials


def test_no_netrc_is_read(index: RecordingServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {PASSWORD}\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    get(Repository("private", index.upload_url))
    assert "Authorization" not in index.requests[0].headers


# Host names and redirects


@pytest.mark.parametrize(
    "url",
    [
        "https://a..b/legacy/",
        f"https://{'a' * 64}.example.org/",
        "https://xn--/",
        "https://m\u00fcnchen..example.org/",
        "https://a\u200db.example.org/",
    ],
)
def test_invalid_host_name_is_a_one_line_error(at_index: Maintainer, url: str) -> None:
    with pytest.raises(ConfigurationError, match="Invalid host name in "):
        connect(Repository("private", url))
    at_index.build()
    result = at_index.publish("-r", url, run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 1
    assert len(result.output.splitlines()) == 1
    assert "bug" not in result.output


@pytest.mark.parametrize(
    "host", ["localhost", "packages.example.org", "b\u00fccher.example.org", "a_b", "[::1]", "10.0.0.1"]
)
def test_valid_host_name_is_accepted(host: str) -> None:
    connect(Repository("private", f"https://{host}:8443/legacy/")).close()


BASE = "https://packages.example.org/legacy"


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/legacy/", f"{BASE}/"),
        ("legacy/", f"{BASE}/"),
        ("?x=1", f"{BASE}?x=1"),
        (f"{BASE}/", f"{BASE}/"),
        ("https://packages.example.org:443/other", "https://packages.example.org:443/other"),
        ("https://PACKAGES.example.org/other", "https://PACKAGES.example.org/other"),
        ("//packages.example.org/other", "https://packages.example.org/other"),
        ("", None),
        ("http://packages.example.org/legacy/", None),
        ("https://packages.example.org:8443/legacy/", None),
        ("https://example.org/legacy/", None),
        ("https://packages.example.org.evil.example/", None),
        ("//evil.example/", None),
        ("https://packages.example.org@evil.example/", None),
        ("https://me:secret@packages.example.org/legacy/", None),
        ("/a b", None),
        ("http://[", None),
        ("https://packages.example.org:port/", None),
        ("javascript:alert(1)", None),
    ],
)
def test_next_url_of_a_redirect(status: int, location: str, expected: str | None) -> None:
    assert next_url(BASE, location, status) == expected


@pytest.mark.parametrize("status", [200, 201, 300, 301, 302, 303, 304, 400, 503])
def test_no_other_status_is_followed(status: int) -> None:
    assert next_url(BASE, "/legacy/", status) is None


def test_client_itself_follows_no_redirect(index: RecordingServer) -> None:
    index.script_others(Answer(307, headers={"Location": "/other/"}))
    assert get(Repository("private", index.upload_url)).status_code == 307
    assert len(index.requests) == 1


# User agent and timeouts


@pytest.mark.parametrize("value", ["s=1", "s=\u00fc\u2028"])
def test_no_cookie_is_kept(index: RecordingServer, value: str) -> None:
    """A cookie would be sent to other hosts of its domain, and a non-ASCII one can't be sent at all."""
    cookie = value.encode().decode("latin-1")
    index.script_others(*[Answer(200, headers={"Set-Cookie": cookie})] * 2)
    with connect(Repository("private", index.upload_url)) as client:
        client.get(index.upload_url)
        client.get(index.upload_url)
    assert "cookie" not in index.requests[-1].headers


def test_the_user_agent_names_products_with_their_versions(index: RecordingServer) -> None:
    """A list of products with versions (RFC 9110, 10.1.5); pypiserver treats twine differently."""
    get(Repository("private", index.upload_url))
    sent = index.requests[0].headers["User-Agent"]
    assert sent == user_agent()
    assert re.fullmatch(r"hatch-tokenindex/[\w.+]+ Hatch/[\w.+]+ httpx/[\w.+]+ \w+/[\w.+]+", sent)
    assert "twine" not in sent.lower()


@pytest.mark.parametrize(("timeout", "connecting"), [(300.0, 30), (900.0, 30), (5.0, 5)])
def test_timeouts_are_those_of_the_repository(timeout: float, connecting: float) -> None:
    with connect(Repository("private", FAR, timeout=timeout)) as client:
        assert client.timeout == httpx.Timeout(timeout, connect=connecting, pool=None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("which", ["client_cert", "client_key", "ca_cert"])
def test_a_pipe_as_certificate_is_not_waited_for(tmp_path: Path, which: str) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    (certificate := tmp_path / "client.pem").touch()
    paths: dict[str, Any] = {"client_cert": certificate, "client_key": None, which: pipe}
    with pytest.raises(ConfigurationError, match="is not a regular file"):
        connect(Repository("private", "https://packages.example.org/", **paths))
