"""The standard streams: keep one for results alone, and survive one that is broken."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reserved_output() -> Iterator[TextIO | None]:
    """Yield standard output, and lead to standard error what else is printed there, also by other programs."""
    output = sys.stdout
    descriptor = _descriptor(output)
    if descriptor is None:
        with redirect_stdout(sys.stderr):
            yield output
        return
    output.flush()
    kept = os.dup(descriptor)
    with open(kept, "w", encoding=output.encoding, errors=output.errors) as stream, redirect_stdout(sys.stderr):
        _lead(descriptor, _descriptor(sys.stderr))
        try:
            yield stream
        finally:
            os.dup2(kept, descriptor)


def silence(stream: TextIO | None) -> None:
    """Lead a broken stream nowhere: Python would fail to flush it at its end, with a message and status 120."""
    descriptor = _descriptor(stream)
    if descriptor is not None:
        with suppress(OSError):
            _lead(descriptor, None)


def _lead(descriptor: int, to: int | None) -> None:
    """Lead a descriptor to where another leads, or nowhere."""
    if to is not None:
        os.dup2(to, descriptor)
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def _descriptor(stream: TextIO | None) -> int | None:
    """Return the descriptor of a stream, None if it has none: it was closed, or replaced within this process."""
    try:
        return cast("TextIO", stream).fileno()
    except (OSError, ValueError, AttributeError):
        return None
