"""Links lead somewhere: in a checkout, on GitHub, and on the site, where pages of the root have another place."""

from __future__ import annotations

import re
import runpy
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from pages import DOCS, PAGES, ROOT, every_page, prose, text_of

if TYPE_CHECKING:
    from pathlib import Path

SITE: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "site_hooks.py"))


def anchors(page: Path) -> set[str]:
    """The valid `#...` anchors of a page: its headings, as MkDocs and GitHub spell them."""
    headings = re.findall(r"^#+ (.*)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@every_page
def test_relative_links_lead_somewhere(page: Path) -> None:
    on_the_site = {ROOT / name for name in SITE["ROOT_PAGES"]}
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link
        if page in on_the_site or page.is_relative_to(DOCS):
            assert target.is_relative_to(DOCS) or target in on_the_site, f"{link} leaves the documentation"


def test_every_page_can_be_reached_from_the_first() -> None:
    linked = {(DOCS / path).resolve() for path in re.findall(r"\]\(([^)#:]+\.md)\)", text_of("index.md"))}
    assert linked >= set(DOCS.rglob("*.md")) - {DOCS / "index.md"}


def test_every_page_is_in_the_menu_of_the_site() -> None:
    menu = set(re.findall(r"^ +- .*: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    of_docs = {page.relative_to(DOCS).as_posix() for page in PAGES if page.is_relative_to(DOCS)}
    assert menu == of_docs | set(SITE["ROOT_PAGES"].values())


@pytest.mark.parametrize(
    ("page", "link", "on_the_site"),
    [
        ("index.md", "how-to/ci.md#token", "how-to/ci.md#token"),
        ("how-to/ci.md", "../install.md", "../install.md"),
        ("install.md", "../CHANGELOG.md", "changelog.md"),
        ("how-to/ci.md", "../../SECURITY.md#scope", "../report-security.md#scope"),
        ("contributing.md", "docs/how-to/ci.md", "how-to/ci.md"),
        ("contributing.md", "docs/contributing/architecture.md", "contributing/architecture.md"),
        ("contributing/architecture.md", "../../CONTRIBUTING.md", "../contributing.md"),
        ("contributing.md", "CHANGELOG.md#unreleased", "changelog.md#unreleased"),
        ("index.md", "#pages", "#pages"),
        ("index.md", "https://pypi.org/legacy/", "https://pypi.org/legacy/"),
    ],
)
def test_links_are_turned_for_the_site(page: str, link: str, on_the_site: str) -> None:
    assert SITE["site_links"](f"see [a page]({link}).", page) == f"see [a page]({on_the_site})."
