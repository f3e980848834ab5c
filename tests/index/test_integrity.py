"""The provenance that PyPI serves is fetched within limits."""

from __future__ import annotations

import httpx
import pytest

from hatch_tokenindex.errors import AttestationError
from hatch_tokenindex.index import integrity
from hatch_tokenindex.index.integrity import fetch_provenance, provenance_url


@pytest.mark.parametrize(
    ("filename", "path"),
    [
        ("demo-1.0-py3-none-any.whl", "demo/1.0/demo-1.0-py3-none-any.whl"),
        ("My_Demo-1.0.0rc1.tar.gz", "my-demo/1.0.0rc1/My_Demo-1.0.0rc1.tar.gz"),
        ("demo-1!1.0+x-py3-none-any.whl", "demo/1%211.0%2Bx/demo-1%211.0%2Bx-py3-none-any.whl"),
    ],
)
def test_the_url_has_the_normalized_name(filename: str, path: str) -> None:
    assert provenance_url("pypi.org", filename) == f"https://pypi.org/integrity/{path}/provenance"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (httpx.ReadTimeout("x"), "timed out"),
        (httpx.ConnectError("x"), "connection failed (ConnectError)"),
    ],
)
def test_an_index_that_does_not_answer_is_told(error: Exception, why: str) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    with httpx.Client(transport=httpx.MockTransport(fail)) as client, pytest.raises(AttestationError) as caught:
        fetch_provenance(client, "pypi.org", "demo-1.0.tar.gz")
    assert str(caught.value) == f"Could not get the attestations of demo-1.0.tar.gz from pypi.org: {why}"


def test_an_answer_without_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "SIZE_LIMIT", 10)
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, stream=httpx.ByteStream(b"x" * 11)))
    with httpx.Client(transport=transport) as client, pytest.raises(AttestationError, match="response too large"):
        fetch_provenance(client, "pypi.org", "demo-1.0.tar.gz")
