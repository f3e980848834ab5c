"""Uploads and readings at PyPI's own addresses, with answers given byte for byte in process."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from distribution_builders import make_wheel

from hatch_tokenindex import urls
from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.credential import Credential
from hatch_tokenindex.credentials.narrowing import Authorization
from hatch_tokenindex.distributions import read
from hatch_tokenindex.errors import UploadError
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.index.clock import Clock
from hatch_tokenindex.index.form import Form
from hatch_tokenindex.index.refusals import Upload
from hatch_tokenindex.index.simple import SimpleApi
from hatch_tokenindex.index.upload import CONFIRMATIONS, Uploader
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_httpx import HTTPXMock

    from hatch_tokenindex.distributions import Distribution

REPOSITORY = Repository("main", urls.PYPI, retries=0)


class Silence:
    """A watcher that ignores all events."""

    def begun(self, item: Any) -> None: ...
    def sent(self, item: Any, size: int) -> None: ...
    def retrying(self, item: Any, why: str, seconds: float) -> None: ...


def authorize() -> Authorization:
    """An authorization that is accepted for every attempt."""
    secret, header = Secret("a-pass-word"), Secret("Basic X190b2tlbl9fOmEtcGFzcy13b3Jk")
    return Authorization(Credential("__token__", secret, "HATCH_INDEX_AUTH"), secret, header)


def upload(folder: Path) -> str:
    """Upload a small wheel; its digest."""
    item, clock = read(make_wheel(folder)), Clock()
    with connect(REPOSITORY) as client:
        api = SimpleApi(client, REPOSITORY, clock)
        uploader = Uploader(client, REPOSITORY, api, clock, Silence(), lambda _: None)
        upload = Upload(item, authorize)
        return uploader.upload(upload)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_which_statuses_are_a_success(httpx_mock: HTTPXMock, tmp_path: Path, status: int) -> None:
    httpx_mock.add_response(method="POST", url=urls.PYPI, status_code=status)
    assert len(upload(tmp_path)) == 64
    (request,) = httpx_mock.get_requests()
    assert request.headers["Accept"].startswith("application/json")
    assert request.headers["Content-Length"] == str(len(request.content))


@pytest.mark.parametrize("status", [203, 301, 302, 303, 304, 307, 400, 403, 500])
def test_which_statuses_are_none(httpx_mock: HTTPXMock, tmp_path: Path, status: int) -> None:
    httpx_mock.add_response(
        method="POST", status_code=status, headers={"Location": "https://elsewhere.example/legacy/"}
    )
    httpx_mock.add_response(method="GET", status_code=404, is_optional=True)
    with pytest.raises(UploadError):
        upload(tmp_path)
    assert {request.url.host for request in httpx_mock.get_requests()} <= {"upload.pypi.org", "pypi.org"}


def test_pypi_is_read_without_credentials_even_if_it_asks_for_them(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url="https://pypi.org/simple/demo/", status_code=401)
    with connect(REPOSITORY) as client:
        listing = SimpleApi(client, REPOSITORY, Clock()).listing(
            "demo", lambda: Secret("Basic never-sent"), lambda _: False
        )
    assert listing.exists is None
    assert [request.headers.get("Authorization") for request in httpx_mock.get_requests()] == [None]


HASHLESS = Repository("private", "https://packages.example.org/legacy/", existing="replace", retries=2)
PAGE = '<a href="demo-1.0-py3-none-any.whl">demo</a>'


def upload_elsewhere(folder: Path, index: Repository = HASHLESS, *, creates_project: bool = False) -> str:
    """Upload a small wheel to an index that tells no hashes; its digest."""
    return upload_to(index, read(make_wheel(folder)), creates_project=creates_project)


def upload_to(index: Repository, item: Distribution, *, creates_project: bool = False) -> str:
    """Upload a file without pauses; its digest."""
    clock = Clock()
    with connect(index) as client:
        uploader = Uploader(client, index, SimpleApi(client, index, clock), clock, Silence(), lambda _: None)
        upload = Upload(item, authorize, creates_project=creates_project)
        return uploader.upload(upload)


def test_a_refusal_of_a_file_that_is_listed_is_no_success(httpx_mock: HTTPXMock, tmp_path: Path) -> None:
    httpx_mock.add_response(method="POST", status_code=503, headers={"Retry-After": "0"})
    httpx_mock.add_response(method="POST", status_code=413)
    httpx_mock.add_response(method="GET", html=PAGE, is_optional=True, is_reusable=True)
    with pytest.raises(UploadError):
        upload_elsewhere(tmp_path)


@pytest.mark.parametrize(("creates_project", "attempts"), [(True, 1), (False, 3)])
def test_a_new_project_is_not_tried_again_after_too_many_requests(
    httpx_mock: HTTPXMock, tmp_path: Path, *, creates_project: bool, attempts: int
) -> None:
    httpx_mock.add_response(method="POST", status_code=429, headers={"Retry-After": "0"}, is_reusable=True)
    httpx_mock.add_response(method="GET", status_code=404, is_optional=True, is_reusable=True)
    with pytest.raises(UploadError):
        upload_elsewhere(tmp_path, creates_project=creates_project)
    assert len([request for request in httpx_mock.get_requests() if request.method == "POST"]) == attempts


# A success that proves nothing

SIGN_IN = "<!DOCTYPE html><title>Sign in</title><form action=/login method=post><input type=password></form>"
UNCONFIRMED: list[dict[str, Any]] = [
    {"status_code": 202, "json": {"task": "/pulp/api/v3/tasks/7/"}},
    {"status_code": 202},
    {"status_code": 200, "html": SIGN_IN},
    {"status_code": 201, "text": SIGN_IN},
    {"status_code": 200, "html": "<p>Hello</p><INPUT id=x\nTYPE='password'>"},
]
unconfirmed = pytest.mark.parametrize("answer", UNCONFIRMED, ids=["task", "202", "sign-in", "undeclared", "field"])


def page_with(wheel: Path) -> str:
    """Return a page with this file and its hash."""
    return f'<a href="{wheel.name}#sha256={hashlib.sha256(wheel.read_bytes()).hexdigest()}">demo</a>'


@unconfirmed
def test_a_success_that_proves_nothing_is_confirmed(
    httpx_mock: HTTPXMock, tmp_path: Path, answer: dict[str, Any]
) -> None:
    """A task of the index may take some time."""
    wheel = make_wheel(tmp_path)
    httpx_mock.add_response(method="POST", **answer)
    for _ in range(6):
        httpx_mock.add_response(method="GET", status_code=404)
    httpx_mock.add_response(method="GET", html=page_with(wheel))
    assert len(upload_to(HASHLESS, read(wheel))) == 64


@unconfirmed
@pytest.mark.parametrize("page", ["", PAGE, PAGE.replace(".whl", ".whl#sha256=" + "0" * 64)])
def test_a_success_that_is_not_confirmed_is_none(
    httpx_mock: HTTPXMock, tmp_path: Path, answer: dict[str, Any], page: str
) -> None:
    """Files are replaced there, so one without a hash can be an older one."""
    httpx_mock.add_response(method="POST", **answer)
    httpx_mock.add_response(method="GET", html=page, is_reusable=True)
    with pytest.raises(UploadError, match=r"did not confirm demo-1\.0-py3-none-any\.whl") as caught:
        upload_elsewhere(tmp_path)
    assert "list" in str(caught.value)
    assert caught.value.possibly_uploaded
    methods = [request.method for request in httpx_mock.get_requests()]
    assert methods == ["POST", *["GET"] * 2 * CONFIRMATIONS]


def test_a_new_file_is_confirmed_without_a_hash(httpx_mock: HTTPXMock, tmp_path: Path) -> None:
    httpx_mock.add_response(method="POST", status_code=202)
    httpx_mock.add_response(method="GET", html=PAGE, is_reusable=True)
    assert upload_elsewhere(tmp_path, replace(HASHLESS, existing="skip"))


@pytest.mark.parametrize("body", ["<p>Stored.</p>", "{}", "", "stored: <form>"])
def test_other_successes_are_believed(httpx_mock: HTTPXMock, tmp_path: Path, body: str) -> None:
    content_type = "text/html" if "<p>" in body else "text/plain"
    httpx_mock.add_response(method="POST", status_code=200, text=body, headers={"Content-Type": content_type})
    assert upload_elsewhere(tmp_path)


EXISTS: dict[str, Any] = {"method": "POST", "status_code": 409, "text": "file already exists"}


def refused_connection() -> httpx.ConnectError:
    """The exception that httpx raises when the connection is refused."""
    error = httpx.ConnectError("Connection refused")
    error.__cause__ = ConnectionRefusedError()
    return error


@pytest.mark.parametrize("too_early", ["too many requests", "no connection"])
def test_what_was_there_before_it_could_arrive_is_no_success(
    httpx_mock: HTTPXMock, tmp_path: Path, too_early: str
) -> None:
    """Neither is a way to take a file: the one that is listed is somebody else's."""
    if too_early == "no connection":
        httpx_mock.add_exception(refused_connection(), method="POST")
    else:
        httpx_mock.add_response(method="POST", status_code=429, headers={"Retry-After": "0"})
    httpx_mock.add_response(**EXISTS)
    httpx_mock.add_response(method="GET", html=PAGE, is_reusable=True)
    with pytest.raises(UploadError) as caught:
        upload_elsewhere(tmp_path)
    assert "file already exists" in str(caught.value)
    assert not caught.value.possibly_uploaded


@pytest.mark.parametrize("status", [408, 460, 499, 504, *range(520, 528), 530, 598, 599])
def test_a_status_that_a_proxy_invents_says_nothing(httpx_mock: HTTPXMock, tmp_path: Path, status: int) -> None:
    """The file may or may not be stored, so the index is checked and the file sent again."""
    wheel = make_wheel(tmp_path)
    httpx_mock.add_response(method="POST", status_code=status, headers={"Retry-After": "0"}, is_reusable=True)
    httpx_mock.add_response(method="GET", html=page_with(wheel))
    assert len(upload_to(HASHLESS, read(wheel))) == 64
    assert len([request for request in httpx_mock.get_requests() if request.method == "POST"]) == 3


@pytest.mark.parametrize("hidden", [408, 499, 500, 502, 503, 504, 524, 598, "a lost answer", "a late answer"])
def test_what_may_have_arrived_and_is_there_now_is_a_success(
    httpx_mock: HTTPXMock, tmp_path: Path, hidden: int | str
) -> None:
    if isinstance(hidden, int):
        httpx_mock.add_response(method="POST", status_code=hidden, headers={"Retry-After": "0"})
    else:
        lost = httpx.ReadError("") if hidden == "a lost answer" else httpx.ReadTimeout("")
        httpx_mock.add_exception(lost, method="POST")
    httpx_mock.add_response(**EXISTS)
    httpx_mock.add_response(method="GET", html=PAGE, is_reusable=True)
    assert len(upload_elsewhere(tmp_path)) == 64


def test_an_index_that_nobody_reached_is_not_asked_what_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a file of gigabytes is not hashed for that."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    asked: list[str] = []
    monkeypatch.setattr(SimpleApi, "listing", lambda *_: asked.append("the index"))
    monkeypatch.setattr(Form, "digest", property(lambda _: asked.append("the file")))
    with pytest.raises(UploadError, match="The connection was refused") as caught:
        upload_elsewhere(tmp_path, replace(HASHLESS, url=f"http://127.0.0.1:{port}/"))
    assert not caught.value.possibly_uploaded
    assert asked == []


def test_a_file_that_was_cut_off_can_not_have_arrived(tmp_path: Path) -> None:
    """The form is shorter than its Content-Length."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def cut_off() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100_000)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        with ThreadPoolExecutor(1) as pool:
            cutting = pool.submit(cut_off)
            wheel = make_wheel(tmp_path, extra={"demo/data": os.urandom(40_000_000)})
            port = server.getsockname()[1]
            with pytest.raises(UploadError) as caught:
                upload_to(replace(HASHLESS, url=f"http://127.0.0.1:{port}/", retries=0), read(wheel))
            cutting.result()
    assert "The connection was closed before the index answered." in str(caught.value)
    assert not caught.value.possibly_uploaded
