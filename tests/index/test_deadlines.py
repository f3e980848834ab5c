"""Each exchange ends in time, whatever a server sends, and however slowly: the connection is closed then."""

from __future__ import annotations

import itertools
from time import monotonic
from typing import TYPE_CHECKING

import httpx
import pytest
from distribution_builders import make_wheel
from servers import RawServer, SocksProxy
from servers.pypi import ConnectProxy, server_tls
from test_upload import Silence, authorize

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.distributions import read
from hatch_tokenindex.errors import AttestationError, SourceUnavailableError, UploadError
from hatch_tokenindex.index import integrity, minting, simple, transport
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.index.clock import Clock
from hatch_tokenindex.index.minting import TokenMinter
from hatch_tokenindex.index.refusals import ConnectionFailure, Upload
from hatch_tokenindex.index.responses import time_limit
from hatch_tokenindex.index.simple import SimpleApi
from hatch_tokenindex.index.upload import Uploader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import trustme

LIMIT = 0.3
PATIENCE = 5
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def interim_responses(server: RawServer) -> Iterator[bytes]:
    """Answer `103 Early Hints` without end, in pauses that are shorter than the limit."""
    while True:
        yield b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        server.pause(LIMIT / 10)


def trickling_head(server: RawServer) -> Iterator[bytes]:
    """Send a header byte by byte."""
    yield HEAD + b"X-Slow: "
    while True:
        yield b"x"
        server.pause(LIMIT / 10)


def chunk_extensions(server: RawServer) -> Iterator[bytes]:
    """Send chunks of one byte with extensions."""
    yield CHUNKED
    while True:
        yield b"1;" + b"x" * 1000 + b"\r\n{\r\n"
        server.pause(LIMIT / 10)


def trickling_body(server: RawServer) -> Iterator[bytes]:
    """Send a body byte by byte."""
    yield HEAD + b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    while True:
        yield b" "
        server.pause(LIMIT / 10)


def silence(server: RawServer) -> Iterator[bytes]:
    """Send nothing."""
    yield b""
    server.pause(2 * PATIENCE)


endless = pytest.mark.parametrize(
    "answer", [interim_responses, trickling_head, chunk_extensions, trickling_body, silence]
)
secured = pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])


@pytest.fixture(autouse=True)
def time_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the limits of the other requests; that of an upload is the repository's."""
    for module in (simple, minting, integrity):
        monkeypatch.setattr(module, "TIME_LIMIT", LIMIT)


@pytest.fixture
def serve(authority: trustme.CA) -> Iterator[Callable[..., RawServer]]:
    """Start a server with such an answer."""
    servers: list[RawServer] = []

    def start(answer: Callable[[RawServer], Iterable[bytes]], *, secure: bool = False) -> RawServer:
        server = RawServer(lambda _: answer(server), server_tls(authority, "localhost.example.org") if secure else None)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


def upload_to(repository: Repository, folder: Path) -> str:
    item, clock = read(make_wheel(folder)), Clock()
    with connect(repository) as client:
        api = SimpleApi(client, repository, clock)
        return Uploader(client, repository, api, clock, Silence(), lambda _: None).upload(Upload(item, authorize))


@secured
@pytest.mark.parametrize("answer", [interim_responses, trickling_head, silence])
def test_an_upload_waits_so_long_for_the_head_of_the_answer(
    serve: Callable[..., RawServer],
    answer: Callable[[RawServer], Iterable[bytes]],
    secure: bool,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    server = serve(answer, secure=secure)
    repository = Repository("private", server.url, ca_cert=ca_file, timeout=LIMIT, retries=0)
    began = monotonic()
    with pytest.raises(UploadError) as raised:
        upload_to(repository, tmp_path)
    assert monotonic() - began < PATIENCE
    assert raised.value.refusal is not None
    assert raised.value.refusal.said[0] == f"{ConnectionFailure.TIMEOUT.value.title}."
    assert raised.value.possibly_uploaded
    if answer is not silence:
        assert server.left.wait(PATIENCE)


@pytest.mark.parametrize("answer", [chunk_extensions, trickling_body])
def test_an_upload_is_done_with_the_head_of_a_success(
    serve: Callable[..., RawServer], answer: Callable[[RawServer], Iterable[bytes]], tmp_path: Path
) -> None:
    server = serve(answer)
    began = monotonic()
    assert upload_to(Repository("private", server.url, timeout=LIMIT, retries=0), tmp_path)
    assert monotonic() - began < PATIENCE
    assert server.left.wait(PATIENCE)


def test_an_upload_may_take_longer_than_its_answer(serve: Callable[..., RawServer]) -> None:
    """The limit begins with the last byte sent."""
    server = serve(lambda _: [HEAD + b"Content-Length: 2\r\n\r\nOK"])

    def body() -> Iterator[bytes]:
        for _ in range(4):
            server.pause(LIMIT / 2)
            yield b"x"

    with connect(Repository("private", server.url, timeout=LIMIT)) as client:
        response = client.post(server.url, content=body(), headers={"Content-Length": "4"})
    assert response.text == "OK"


@secured
@endless
def test_a_page_has_one_limit(
    serve: Callable[..., RawServer], answer: Callable[[RawServer], Iterable[bytes]], secure: bool, ca_file: Path
) -> None:
    server = serve(answer, secure=secure)
    repository = Repository("private", server.url, ca_cert=ca_file)
    began = monotonic()
    with connect(repository) as client:
        listing = SimpleApi(client, repository, Clock()).listing("demo", lambda: None, lambda _: True)
    assert listing.problem == "timed out"
    assert monotonic() - began < PATIENCE


@endless
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_page_has_one_limit_through_a_proxy(
    serve: Callable[..., RawServer],
    answer: Callable[[RawServer], Iterable[bytes]],
    scheme: str,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    routes = {"localhost.example.org:443": int(serve(answer, secure=True).url[:-1].rpartition(":")[2])}
    proxy = ConnectProxy(routes) if scheme == "http" else SocksProxy(routes)
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{proxy.url.rpartition('/')[2]}")
    began = monotonic()
    repository = Repository("private", "https://localhost.example.org/", ca_cert=ca_file)
    try:
        with connect(repository) as client:
            listing = SimpleApi(client, repository, Clock()).listing("demo", lambda: None, lambda _: True)
    finally:
        proxy.close()
    assert listing.problem == "timed out"
    assert monotonic() - began < PATIENCE


PADDED = b"X-Padded:" + b" " * 50_000 + b"\0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + PADDED,
        HEAD + b"X-Padded:\r\n" + b" \r\n" * 30_000 + b"\0\r\n\r\n",
        CHUNKED + b"0\r\n" + PADDED,
        b"HTTP/1.1 103 Early Hints\r\n" + PADDED,
    ],
    ids=["header", "folded", "trailer", "interim"],
)
def test_padded_headers_take_no_time(serve: Callable[..., RawServer], answer: bytes) -> None:
    """They would be parsed in time that grows with the square of their length, with Ctrl-C not heard."""
    server = serve(lambda _: [answer[start : start + 700] for start in range(0, len(answer), 700)])
    began = monotonic()
    with connect(Repository("private", server.url)) as client, pytest.raises(httpx.RemoteProtocolError, match="blanks"):
        client.get(server.url)
    assert monotonic() - began < PATIENCE


@pytest.mark.parametrize("answer", [interim_responses, trickling_head, silence])
def test_a_proxy_has_no_more_time(
    serve: Callable[..., RawServer],
    answer: Callable[[RawServer], Iterable[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", serve(answer).url)
    repository = Repository("private", "https://packages.example.org/")
    began = monotonic()
    with connect(repository) as client:
        listing = SimpleApi(client, repository, Clock()).listing("demo", lambda: None, lambda _: True)
    assert listing.problem == "timed out"
    assert monotonic() - began < PATIENCE


def test_redirects_count_towards_the_limit(serve: Callable[..., RawServer]) -> None:
    def redirect(server: RawServer) -> Iterator[bytes]:
        server.pause(LIMIT * 0.7)
        yield b"HTTP/1.1 302 Found\r\nLocation: ?\r\nContent-Length: 0\r\n\r\n"

    repository = Repository("private", serve(redirect).url)
    with connect(repository) as client:
        listing = SimpleApi(client, repository, Clock()).listing("demo", lambda: None, lambda _: True)
    assert listing.problem == "timed out"


@endless
def test_minting_has_one_limit(serve: Callable[..., RawServer], answer: Callable[[RawServer], Iterable[bytes]]) -> None:
    began = monotonic()
    with pytest.raises(SourceUnavailableError, match="could not be reached"):
        TokenMinter(Repository("private", serve(answer).url), Clock()).audience()
    assert monotonic() - began < PATIENCE


@endless
def test_provenance_has_one_limit(
    serve: Callable[..., RawServer], answer: Callable[[RawServer], Iterable[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(answer)
    monkeypatch.setattr(integrity, "provenance_url", lambda *_: server.url)
    began = monotonic()
    with connect(Repository("private", server.url)) as client, pytest.raises(AttestationError, match="timed out"):
        integrity.fetch_provenance(client, "pypi.org", "demo-1.0.tar.gz")
    assert monotonic() - began < PATIENCE


@pytest.mark.parametrize(
    "head",
    [
        itertools.repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100),
        itertools.chain([HEAD], itertools.repeat(b"X-More: and more\r\n" * 100)),
    ],
    ids=["interim responses", "headers"],
)
def test_the_head_of_an_answer_has_a_limit(serve: Callable[..., RawServer], head: Iterable[bytes]) -> None:
    """Time alone would let a fast server keep this machine busy."""
    server = serve(lambda _: head)
    with (
        connect(Repository("private", server.url)) as client,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        client.get(server.url)
    assert server.left.wait(PATIENCE)


def test_no_step_begins_after_the_limit(serve: Callable[..., RawServer]) -> None:
    server = serve(lambda _: [HEAD + b"Content-Length: 0\r\n\r\n"])
    with connect(Repository("private", server.url)) as client, time_limit(0), pytest.raises(httpx.ConnectTimeout):
        client.get(server.url)


def test_a_body_larger_than_the_limit_of_a_head_is_read(serve: Callable[..., RawServer]) -> None:
    size = 2 * transport.HEAD_LIMIT
    server = serve(lambda _: [HEAD + b"Content-Length: %d\r\n\r\n" % size, b"x" * size])
    with connect(Repository("private", server.url)) as client:
        for _ in range(2):
            assert len(client.get(server.url).content) == size
