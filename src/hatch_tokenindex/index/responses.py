"""Bounded reading of responses: no index can send more, or more slowly, than a caller allows."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


def read_body(response: httpx.Response, *, limit: int, deadline: float, partial: bool = False) -> bytes:
    """Return the decoded body of a streamed response.

    Args:
        response: The response of `httpx.Client.stream`, not yet read.
        limit: The maximum size in bytes.
        deadline: The time at which to stop, in seconds of `time.monotonic`.
        partial: Return what was received before a limit was reached or the connection failed, instead of raising.

    Raises:
        ValueError: The body is larger than `limit`.
        TimeoutError: The deadline passed.
        httpx.HTTPError: The connection failed, or the body's encoding is invalid.
    """
    import httpx

    body = bytearray()
    try:
        for block in response.iter_bytes():
            body += block
            if len(body) > limit or monotonic() > deadline:
                break
    except httpx.HTTPError:
        if not partial:
            raise
    if not partial:
        if len(body) > limit:
            msg = f"larger than {limit:,} bytes"
            raise ValueError(msg)
        check_deadline(deadline)
    return bytes(body[:limit])


def check_deadline(deadline: float) -> None:
    """Raise `TimeoutError` if `deadline` (in seconds of `time.monotonic`) has passed."""
    if monotonic() > deadline:
        msg = "timed out"
        raise TimeoutError(msg)
