"""TLS contexts: the system's store, read once, and handshakes that don't wait for each other."""

from __future__ import annotations

import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme
from distribution_builders import make_wheel
from hatch_in_process import invoke_hatch
from servers import RawServer
from servers.pypi import server_tls

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.index import tls
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.index.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maintainer import Maintainer

PATIENCE = 5
"""Seconds; a handshake that waits for another one takes the 30 seconds of the connection's time limit."""
JOBS = 4


@pytest.fixture(autouse=True)
def new_contexts() -> Iterator[None]:
    """Keep no context of another test: each has a store of its own."""
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


@pytest.fixture(params=["OpenSSL", "truststore"])
def system_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> str:
    """A system that trusts the tests' authority, on which OpenSSL finds the store or doesn't."""
    if sys.platform in {"win32", "darwin"}:
        pytest.skip("there the system's store is no file")
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    if request.param == "truststore":
        monkeypatch.setattr(tls, "openssl_has_store", lambda: False)
    return str(request.param)


@pytest.fixture
def single_worker(authority: trustme.CA) -> Iterator[RawServer]:
    """A server that serves one connection after the other, from the handshake to the end."""

    def answer(head: bytes) -> list[bytes]:
        status = b"200 OK" if head.startswith(b"POST") else b"404 Not Found"
        return [b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]

    with RawServer(answer, server_tls(authority)) as server:
        yield server


@pytest.mark.usefixtures("system_store")
def test_handshakes_do_not_wait_for_each_other(single_worker: RawServer) -> None:
    """The server begins with a connection whose client must not wait for those that the server gets to later."""
    began = monotonic()
    with connect(Repository("private", single_worker.url)) as client, ThreadPoolExecutor(JOBS) as pool:
        responses = list(pool.map(lambda _: client.post(single_worker.url, content=b"x"), range(5 * JOBS)))
    assert {response.status_code for response in responses} == {200}
    assert monotonic() - began < PATIENCE


@pytest.mark.usefixtures("system_store")
def test_a_release_is_published_to_a_server_with_one_worker(
    at_index: Maintainer, single_worker: RawServer, ca_file: Path
) -> None:
    for number in range(10):
        make_wheel(at_index.project.dist, at_index.project.name, tag=f"py3-none-linux_{number}")
    began = monotonic()
    options = ("-r", single_worker.url, "-o", f"jobs={JOBS}", "-o", "retries=0")
    result = at_index.publish(*options, run=invoke_hatch, HATCH_INDEX_AUTH="x", SSL_CERT_FILE=str(ca_file))
    assert result.returncode == 0, result.output
    assert monotonic() - began < PATIENCE
    assert sum(head.startswith(b"POST") for head in single_worker.heads) == 10


def test_the_store_of_the_system_is_verified(
    system_store: str, single_worker: RawServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with (
        connect(Repository("private", single_worker.url)) as client,
        pytest.raises(httpx.ConnectError, match="certificate verify failed"),
    ):
        client.get(single_worker.url)
    assert system_store


def test_the_host_name_is_verified(system_store: str, authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("packages.example.org").configure_cert(context)
    with (
        RawServer(lambda _: [], context) as server,
        connect(Repository("private", server.url)) as client,
        pytest.raises(httpx.ConnectError, match="certificate verify failed"),
    ):
        client.get(server.url)
    assert system_store


def test_a_client_certificate_is_shown_with_either_store(
    system_store: str, authority: trustme.CA, tmp_path: Path
) -> None:
    certificate = tmp_path / "client.pem"
    authority.issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(certificate)
    strict = server_tls(authority, client_authority=authority)
    with (
        RawServer(lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], strict) as server,
        connect(Repository("private", server.url, client_cert=certificate)) as client,
    ):
        assert client.get(server.url).status_code == 200
    assert system_store


@pytest.mark.usefixtures("system_store")
def test_tls_within_tls(authority: trustme.CA) -> None:
    """The way through a proxy that is reached by TLS itself: httpcore then shakes hands in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls_context().wrap_bio(back, there, server_hostname="127.0.0.1")
    server = server_tls(authority).wrap_bio(there, back, server_side=True)
    for side in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    client.write(b"hello")
    assert server.read() == b"hello"


def test_files_are_read_once(ca_file: Path) -> None:
    assert tls_context() is tls_context()
    assert tls_context(ca_file) is tls_context(ca_file)
    assert tls_context(ca_file) is not tls_context()


@pytest.mark.parametrize(
    ("file", "names", "expected"),
    [
        (None, None, False),
        (None, [], False),
        (None, ["README", "ca.pem"], False),
        (None, ["0a775a30.0"], True),
        ("ca.pem", None, True),
    ],
)
def test_where_openssl_has_a_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str | None, names: list[str] | None, expected: bool
) -> None:
    monkeypatch.setattr(tls, "_WITHOUT_OPENSSL", set())
    folder = None
    if names is not None:
        folder = str(tmp_path)
        for name in names:
            (tmp_path / name).touch()
    paths = ssl.DefaultVerifyPaths(file, folder, "SSL_CERT_FILE", "", "SSL_CERT_DIR", "")  # type: ignore[arg-type]
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    assert tls.openssl_has_store() is expected


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_on_windows_and_macos_the_store_is_not_openssls(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr("sys.platform", platform)
    assert not tls.openssl_has_store()
