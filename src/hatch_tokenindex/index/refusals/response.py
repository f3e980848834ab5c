"""Response: the response to one request, read up to a limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True)
class Response:
    """A response that was read up to a limit."""

    status: int
    reason: str = field(repr=False)
    """The reason phrase, empty on HTTP/2."""
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    url: str

    @property
    def content_type(self) -> str:
        """The media type in lower case and without parameters; empty if the response has none."""
        content_type: str = self.headers.get("content-type", "")
        return content_type.partition(";")[0].strip().lower()
