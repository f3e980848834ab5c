"""Constants of the server and the measuring process; it imports next to nothing, to keep that process small."""

from __future__ import annotations

from dataclasses import dataclass

USER, PASSWORD = "bench", "loopback"
"""The only credentials that may upload."""
UPLOAD_PATH = "/bench/index/"
"""The path for uploads. Two segments, as on a devpi, since that is where Hatch's `index` publisher looks for `+simple`."""


@dataclass(frozen=True)
class Request:
    """A request of a client. `size` is the body's length in bytes, `filename` that of the file in an upload."""

    method: str
    path: str
    size: int = 0
    filename: str = ""
