"""Uploads and readings at PyPI's own addresses, with answers given byte for byte in process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from distribution_builders import make_wheel

from hatch_tokenindex import urls
from hatch_tokenindex.authorization import Authorization
from hatch_tokenindex.distributions import read
from hatch_tokenindex.errors import UploadError
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.index.clock import Clock
from hatch_tokenindex.index.simple import SimpleApi
from hatch_tokenindex.index.upload import Parcel, Uploader
from hatch_tokenindex.repositories import Repository
from hatch_tokenindex.tokens import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_httpx import HTTPXMock

REPOSITORY = Repository("main", urls.PYPI, retries=0)


class Silence:
    """A watcher that keeps what it is told to itself."""

    def begun(self, item: Any) -> None: ...
    def sent(self, item: Any, size: int) -> None: ...
    def retrying(self, item: Any, why: str, seconds: float) -> None: ...


def authorize() -> Authorization:
    """What lets every attempt in."""
    secret, header = Secret("a-pass-word"), Secret("Basic X190b2tlbl9fOmEtcGFzcy13b3Jk")
    return Authorization("__token__", "HATCH_INDEX_AUTH", header, (("__token__", secret), ("", header)))


def upload(folder: Path) -> str:
    """Upload a small wheel; its digest."""
    item, clock = read(make_wheel(folder)), Clock()
    with connect(REPOSITORY) as client:
        api = SimpleApi(client, REPOSITORY, clock)
        uploader = Uploader(client, REPOSITORY, api, clock, Silence(), lambda _: None)
        parcel = Parcel(item, authorize, asked_now=False, status=None)
        return uploader.upload(parcel)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_what_is_a_success(httpx_mock: HTTPXMock, tmp_path: Path, status: int) -> None:
    httpx_mock.add_response(method="POST", url=urls.PYPI, status_code=status)
    assert len(upload(tmp_path)) == 64
    (request,) = httpx_mock.get_requests()
    assert request.headers["Accept"].startswith("application/json")
    assert request.headers["Content-Length"] == str(len(request.content))


@pytest.mark.parametrize("status", [203, 301, 302, 303, 304, 307, 400, 403, 500])
def test_what_is_none(httpx_mock: HTTPXMock, tmp_path: Path, status: int) -> None:
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
        listing = SimpleApi(client, REPOSITORY, Clock()).listing("demo", lambda: Secret("Basic never-sent"))
    assert listing.exists is None
    assert [request.headers.get("Authorization") for request in httpx_mock.get_requests()] == [None]


HASHLESS = Repository("private", "https://packages.example.org/legacy/", existing="replace", retries=2)
PAGE = '<a href="demo-1.0-py3-none-any.whl">demo</a>'


def upload_elsewhere(folder: Path, *, creates_project: bool = False) -> str:
    """Upload a small wheel to an index that tells no hashes; its digest."""
    item, clock = read(make_wheel(folder)), Clock()
    with connect(HASHLESS) as client:
        uploader = Uploader(client, HASHLESS, SimpleApi(client, HASHLESS, clock), clock, Silence(), lambda _: None)
        parcel = Parcel(item, authorize, asked_now=False, status=None, creates_project=creates_project)
        return uploader.upload(parcel)


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
