"""Hooks of the documentation site (`mkdocs.yml`): the repository's own pages join it, and nothing comes from other hosts."""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
ROOT_PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "report-security.md",
}
"""Pages that stand in the repository's root, where GitHub looks for them, and their places on the site."""

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|[#/])([^)\s#]+)")
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//"
    r"|<link\b(?![^>]*\brel=\"?canonical)[^>]*\bhref=\"?(?:https?:)?//"
)


def on_config(config: MkDocsConfig, **_: Any) -> MkDocsConfig:
    """Add the repository's address, which is in pyproject.toml."""
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))
    config.repo_url = project["tool"]["hatch"]["metadata"]["hooks"]["custom"]["address"]
    config.repo_name = project["project"]["name"]
    return config


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Add the pages of the root."""
    from mkdocs.structure.files import File

    for name, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links between `docs/` and the root, as they are right in a checkout, into those of the site."""
    return site_links(markdown, page.file.src_uri)


def site_links(markdown: str, page: str) -> str:
    """The text of a page, by its place on the site, with each relative link turned from the repository to the site."""
    in_root = {place: name for name, place in ROOT_PAGES.items()}
    folder = posixpath.dirname(in_root.get(page, f"docs/{page}"))

    def turned(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[0]))
        place = ROOT_PAGES.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(place, posixpath.dirname(page) or ".")

    return _LINK.sub(turned, markdown)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Refuse a page for which a browser would fetch something from another host."""
    from mkdocs.exceptions import PluginError

    if fetched := _FETCHED.search(output):
        message = f"{page.file.src_uri} loads something from another host: {fetched[0]}"
        raise PluginError(message)
    return output
