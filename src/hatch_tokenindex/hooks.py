"""Hatch's entry point: names the publisher. It imports nothing heavy, since Hatch loads every installed plugin."""

from __future__ import annotations

from hatchling.plugin import hookimpl

from hatch_tokenindex.publisher import TokenIndexPublisher


@hookimpl
def hatch_register_publisher() -> type[TokenIndexPublisher]:
    """Return the publisher that `-p tokenindex` names."""
    return TokenIndexPublisher
