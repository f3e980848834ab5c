"""Hatch's door: names the publisher, and imports nothing heavy, since Hatch loads every plugin that is installed."""

from __future__ import annotations

from hatchling.plugin import hookimpl

from hatch_tokenindex.publisher import TokenIndexPublisher


@hookimpl
def hatch_register_publisher() -> type[TokenIndexPublisher]:
    """The publisher that `-p tokenindex` names."""
    return TokenIndexPublisher
