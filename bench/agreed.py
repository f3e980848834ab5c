"""What the server and the process that measures agree on; it imports next to nothing, to keep that process small."""

from __future__ import annotations

from dataclasses import dataclass

USER, PASSWORD = "bench", "loopback"
"""The only credentials that may upload."""
UPLOAD_PATH = "/bench/index/"
"""Where uploads go. Two segments, as on a devpi, since that is where Hatch's `index` publisher looks for `+simple`."""


@dataclass(frozen=True)
class Request:
    """What a client asked for. `size` is the body's length in bytes, `filename` that of the file in an upload."""

    method: str
    path: str
    size: int = 0
    filename: str = ""
