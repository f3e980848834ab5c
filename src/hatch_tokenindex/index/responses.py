"""Bounded reading of responses: no index can send more, or more slowly, than a caller allows."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

_DEADLINE = ContextVar("_DEADLINE", default=inf)


@contextmanager
def time_limit(seconds: float) -> Iterator[float]:
    """Limit the time of all requests in the block together, from connecting to the end of the last body.

    A connection that is in use at the end of it is closed. Yields that time, in seconds of `time.monotonic`.
    """
    deadline = monotonic() + seconds
    token = _DEADLINE.set(deadline)
    try:
        yield deadline
    finally:
        _DEADLINE.reset(token)


def seconds_left() -> float:
    """Return the seconds that are left of the time limit that counts here, infinitely many without one."""
    return _DEADLINE.get() - monotonic()


def read_body(response: httpx.Response, *, limit: int, partial: bool = False) -> bytes:
    """Return the body of a streamed response, which has to come uncompressed, as was asked for.

    A compressed one could unpack to gigabytes, within the HTTP client, before any limit here counts a byte.

    Args:
        limit: The maximum size in bytes.
        partial: Return what was received before a limit was reached or the connection failed, instead of raising.

    Raises:
        ValueError: The body is larger than `limit`, or compressed.
        httpx.HTTPError: The connection failed, or did not end in time.
    """
    import httpx

    body = bytearray()
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        if partial:
            return b""
        msg = "unexpected compressed response"
        raise ValueError(msg)
    try:
        for block in response.iter_raw():
            body += block
            if len(body) > limit:
                break
    except httpx.HTTPError:
        if not partial:
            raise
    if len(body) > limit and not partial:
        msg = f"larger than {limit:,} bytes"
        raise ValueError(msg)
    del body[limit:]
    return bytes(body)
