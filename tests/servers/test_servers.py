"""The tests' own servers follow their scripts; otherwise a test of a fault would prove nothing."""

from __future__ import annotations

import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from distribution_builders import make_wheel

from servers import Answer, BasicAuth, Fault, RecordingServer
from servers.pypi import server_tls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from servers import PyPIStandIn


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


def upload(client: httpx.Client, url: str, content: bytes = b"content", *, filename: str = "demo-1.0.tar.gz") -> int:
    """Upload as a client does; the status."""
    fields = {":action": "file_upload", "name": "demo", "version": "1.0", "classifiers": ["One", "Two"]}
    files = {"content": (filename, content, "application/octet-stream")}
    return client.post(url, data=fields, files=files, auth=("__token__", "secret")).status_code


def test_a_request_is_recorded_as_it_was_sent(index: RecordingServer, client: httpx.Client) -> None:
    content = bytes(range(256)) * 1000 + b"\r\n--"
    assert upload(client, f"{index.upload_url}?a=1&a=", content) == 200

    (request,) = index.uploads
    assert request.path == "/legacy/"
    assert request.query == (("a", "1"), ("a", ""))
    assert request.authorization == BasicAuth("__token__", "secret")
    assert request.form.fields[-2:] == (("classifiers", "One"), ("classifiers", "Two"))
    assert request.value("name") == "demo"
    assert (request.file.filename, request.file.content) == ("demo-1.0.tar.gz", content)
    assert index.files["demo-1.0.tar.gz"].sha256 == request.file.sha256


def test_a_chunked_body_is_read(index: RecordingServer, client: httpx.Client) -> None:
    client.put(index.url, content=iter([b"one ", b"two"]))
    assert index.requests[0].body == b"one two"


def test_a_client_that_expects_100_gets_it(index: RecordingServer) -> None:
    with socket.create_connection(("127.0.0.1", index.port), timeout=10) as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"body")
        assert connection.recv(100).startswith(b"HTTP/1.1 405 ")
    assert index.requests[0].body == b"body"


def test_untold_it_is_an_index(index: RecordingServer, client: httpx.Client) -> None:
    index.credentials = {BasicAuth("__token__", "secret")}
    assert client.get(f"{index.simple_url}demo/").status_code == 404
    assert [upload(client, index.upload_url, content) for content in (b"one", b"one", b"two")] == [200, 200, 400]

    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    page = client.get(f"{index.simple_url}Demo/", headers=accept).json()
    assert page == index.simple_page("demo")
    (file,) = page["files"]
    assert client.get(file["url"]).content == b"one"
    assert f"{file['url']}#sha256={file['hashes']['sha256']}" in client.get(f"{index.simple_url}demo/").text

    index.credentials = set()
    assert upload(client, index.upload_url) == 403


def test_scripted_answers_come_in_order(index: RecordingServer, client: httpx.Client) -> None:
    index.script_uploads(Answer(503), None, lambda request: Answer(418, body={"project": request.value("name")}))
    index.script_others(Answer(500, "Out of paper", headers={"Retry-After": "3"}))
    assert [upload(client, index.upload_url) for _ in range(4)] == [503, 200, 418, 200]
    answer = client.get(index.simple_url)
    assert (answer.status_code, answer.reason_phrase, answer.headers["Retry-After"]) == (500, "Out of paper", "3")


@pytest.mark.parametrize(
    ("fault", "stored", "whole_body"),
    [
        (Fault.RESET_BEFORE_BODY, False, False),
        (Fault.RESET_DURING_BODY, False, False),
        (Fault.RESET_AFTER_BODY, False, True),
        (Fault.LOSE_ANSWER, True, True),
        (Fault.CUT_ANSWER, False, True),
    ],
)
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_fault_breaks_the_connection_and_the_next_request_is_served(
    authority: trustme.CA, fault: Fault, stored: bool, whole_body: bool, encrypted: bool
) -> None:
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with (
        RecordingServer(server_tls(authority) if encrypted else None) as index,
        httpx.Client(trust_env=False, verify=trust, timeout=10) as client,
    ):
        index.script_uploads(Answer(body="never seen whole", fault=fault))
        with pytest.raises(httpx.TransportError):
            upload(client, index.upload_url, bytes(1_000_000))
        assert [request.complete for request in index.uploads] == [whole_body]
        assert bool(index.files) is stored
        assert upload(client, index.upload_url, bytes(1_000_000)) == 200
        assert index.errors == []


def test_an_answer_can_come_before_the_body(index: RecordingServer) -> None:
    index.script_others(Answer(413, fault=Fault.ANSWER_BEFORE_BODY))
    with socket.create_connection(("127.0.0.1", index.port), timeout=10) as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 413 ")


def test_an_answer_can_wait_for_the_test(index: RecordingServer, client: httpx.Client) -> None:
    let_go = threading.Event()
    index.script_uploads(Answer(200, after=let_go), Answer(201, after=let_go))
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(upload, client, index.upload_url) for _ in range(2)]
        index.wait_for_uploads_in_progress(2)
        assert not any(answer.done() for answer in answers)
        let_go.set()
        assert {answer.result() for answer in answers} == {200, 201}
    assert index.peak_uploads == 2


def test_a_server_that_dies_ends_its_connections(index: RecordingServer, client: httpx.Client) -> None:
    assert upload(client, index.upload_url) == 200
    index.close()
    with pytest.raises(httpx.TransportError):
        upload(client, index.upload_url)


def test_a_mistake_in_a_script_is_kept(client: httpx.Client) -> None:
    with RecordingServer() as server:
        server.respond = lambda request: Answer(body=request.value("nothing of that name"))
        with pytest.raises(httpx.TransportError):
            client.get(server.url)
        assert [type(error) for error in server.errors] == [ValueError]


def test_pypi_is_reached_through_the_proxy_alone(pypi: PyPIStandIn) -> None:
    trust = ssl.create_default_context(cafile=str(pypi.ca_file))
    with httpx.Client(proxy=pypi.environment["HTTPS_PROXY"], verify=trust, trust_env=False, timeout=10) as client:
        assert upload(client, "https://upload.pypi.org/legacy/") == 200
        assert client.get("https://pypi.org/simple/demo/").status_code == 200
        with pytest.raises(httpx.ProxyError, match="403"):
            client.get("https://example.org/")
        pypi.proxy.proxy_authorization = "Basic xyz"
        with pytest.raises(httpx.ProxyError, match="407"):
            client.get("https://test.pypi.org/")
    assert [request.headers["Host"] for request in pypi.server.requests] == ["upload.pypi.org", "pypi.org"]
    targets = ["upload.pypi.org:443", "pypi.org:443", "example.org:443", "test.pypi.org:443"]
    assert [tunnel.target for tunnel in pypi.proxy.tunnels] == targets


def test_a_client_certificate_is_seen(authority: trustme.CA, tmp_path: Path) -> None:
    pem = tmp_path / "client.pem"
    authority.issue_cert("client@example.org").private_key_and_cert_chain_pem.write_to_path(pem)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    trust.load_cert_chain(pem)
    with (
        RecordingServer(server_tls(authority, client_authority=authority)) as server,
        httpx.Client(verify=trust, trust_env=False, timeout=10) as client,
    ):
        client.get(server.url)
        certificate = server.requests[0].client_certificate
        assert certificate is not None
        assert certificate["subjectAltName"] == (("email", "client@example.org"),)


def test_stored_files_are_listed(index: RecordingServer, tmp_path: Path, client: httpx.Client) -> None:
    wheel = make_wheel(tmp_path, "Demo.Project", "1.0")
    index.store(wheel.name, wheel.read_bytes(), upload_time="2026-01-01T00:00:00Z")
    (file,) = client.get(
        f"{index.simple_url}demo-project/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    ).json()["files"]
    assert (file["filename"], file["upload-time"]) == (wheel.name, "2026-01-01T00:00:00Z")
