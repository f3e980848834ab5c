"""Bounded reading of responses: limits of size, and connections that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from hatch_tokenindex.index.responses import read_body

if TYPE_CHECKING:
    from collections.abc import Iterator


def response(*blocks: bytes, error: Exception | None = None) -> httpx.Response:
    """A response with a body of these blocks, and a connection that may fail after them."""

    def stream() -> Iterator[bytes]:
        yield from blocks
        if error is not None:
            raise error

    return httpx.Response(200, content=stream())


@pytest.mark.parametrize("partial", [False, True])
def test_a_body_within_the_limits_is_read_whole(partial: bool) -> None:
    assert read_body(response(b"ab", b"cd"), limit=4, partial=partial) == b"abcd"
    assert read_body(response(), limit=0, partial=partial) == b""


def test_a_large_body_is_an_error_or_cut() -> None:
    with pytest.raises(ValueError, match="larger than 3 bytes"):
        read_body(response(b"ab", b"cd"), limit=3)
    unread = RuntimeError("read on")
    assert read_body(response(b"ab", b"cd", error=unread), limit=3, partial=True) == b"abc"


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut"), httpx.ReadError("reset")]
)
def test_a_connection_that_fails_is_an_error_or_the_end(error: httpx.HTTPError) -> None:
    with pytest.raises(type(error)):
        read_body(response(b"ab", error=error), limit=9)
    assert read_body(response(b"ab", error=error), limit=9, partial=True) == b"ab"


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "br", "zstd", "x"])
def test_a_compressed_body_is_not_unpacked(encoding: str) -> None:
    answer = response(b"ab")
    answer.headers["Content-Encoding"] = encoding
    with pytest.raises(ValueError, match="compressed"):
        read_body(answer, limit=9)
    assert read_body(answer, limit=9, partial=True) == b""


def test_identity_is_no_compression() -> None:
    answer = response(b"ab")
    answer.headers["Content-Encoding"] = "Identity"
    assert read_body(answer, limit=9) == b"ab"
