"""Hatch's search for plugins, which reads every distribution that is installed, in each run."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import Any
from unittest import mock

from pluggy import PluginManager


def search_once() -> Any:
    """Make a patch with which Hatch searches those distributions alone that have plugins for it, found here and now."""
    search = PluginManager.load_setuptools_entrypoints
    found = _distributions_with_plugins()

    def load(manager: PluginManager, group: str, name: str | None = None) -> int:
        with mock.patch.object(metadata, "distributions", return_value=found):
            return search(manager, group, name)

    return mock.patch.object(PluginManager, "load_setuptools_entrypoints", load)


@cache
def _distributions_with_plugins() -> list[metadata.Distribution]:
    return [found for found in metadata.distributions() if any(point.group == "hatch" for point in found.entry_points)]
