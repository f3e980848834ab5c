"""Metadata that depends on the address of the repository: the URLs, and the README with links that work on PyPI too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = re.compile(r"(?P<before>!?\[[^\]]*\]\()(?![a-z]+:|#)(?P<target>[^)\s]+)(?=\))")


class AddressHook(MetadataHookInterface):
    """Set `readme` and `urls`. The address is the one key of `[tool.hatch.metadata.hooks.custom]`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add both fields to the `[project]` table."""
        address = self.config["address"]
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": with_absolute_links(text, address, f"v{metadata['version']}"),
        }
        metadata["urls"] = {
            "Documentation": f"{address}/blob/HEAD/docs/index.md",
            "Changelog": f"{address}/blob/HEAD/CHANGELOG.md",
            "Issues": f"{address}/issues",
            "Source": address,
        }


def with_absolute_links(text: str, address: str, revision: str) -> str:
    """Return Markdown with its links to files of the repository made absolute, at one revision (a tag)."""

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link["before"].startswith("!") else "blob"
        return f"{link['before']}{address}/{kind}/{revision}/{link['target']}"

    return _RELATIVE.sub(absolute, text)
