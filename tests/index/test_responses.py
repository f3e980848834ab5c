"""Bounded reading of responses: limits of size and time, and connections that fail."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import httpx
import pytest

from hatch_tokenindex.index.responses import read_body

if TYPE_CHECKING:
    from collections.abc import Iterator

NEVER = float("inf")


def response(*blocks: bytes, error: Exception | None = None) -> httpx.Response:
    """A response with a body of these blocks, and a connection that may fail after them."""

    def stream() -> Iterator[bytes]:
        yield from blocks
        if error is not None:
            raise error

    return httpx.Response(200, content=stream())


@pytest.mark.parametrize("partial", [False, True])
def test_a_body_within_the_limits_is_read_whole(partial: bool) -> None:
    assert read_body(response(b"ab", b"cd"), limit=4, deadline=NEVER, partial=partial) == b"abcd"
    assert read_body(response(), limit=0, deadline=NEVER, partial=partial) == b""


def test_a_large_body_is_an_error_or_cut() -> None:
    with pytest.raises(ValueError, match="larger than 3 bytes"):
        read_body(response(b"ab", b"cd"), limit=3, deadline=NEVER)
    unread = RuntimeError("read on")
    assert read_body(response(b"ab", b"cd", error=unread), limit=3, deadline=NEVER, partial=True) == b"abc"


def test_a_slow_body_is_an_error_or_cut() -> None:
    with pytest.raises(TimeoutError, match="timed out"):
        read_body(response(b"ab", b"cd"), limit=9, deadline=monotonic() - 1)
    assert read_body(response(b"ab", b"cd"), limit=9, deadline=monotonic() - 1, partial=True) == b"ab"


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut"), httpx.ReadError("reset")]
)
def test_a_connection_that_fails_is_an_error_or_the_end(error: httpx.HTTPError) -> None:
    with pytest.raises(type(error)):
        read_body(response(b"ab", error=error), limit=9, deadline=NEVER)
    assert read_body(response(b"ab", error=error), limit=9, deadline=NEVER, partial=True) == b"ab"
