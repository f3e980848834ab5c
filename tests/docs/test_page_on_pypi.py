"""The project's page on PyPI: the README as the build changes it, and the links beside it."""

from __future__ import annotations

import re
import runpy
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from pages import ROOT

from hatch_tokenindex.distributions import readme

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pathlib import Path

HOOK: dict[str, Any] = runpy.run_path(str(ROOT / "hatch_build.py"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ADDRESS: str = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]["address"]


@pytest.fixture(scope="module")
def core() -> Any:
    """Return the metadata that a build writes."""
    return ProjectMetadata(str(ROOT), PluginManager()).core


def test_every_link_of_the_page_is_absolute_and_leads_to_a_file(core: Any) -> None:
    version = re.escape(core.version)
    links = re.findall(r"\]\(([^)\s]+)\)", core.readme)
    assert links
    for link in links:
        assert re.match(r"https://", link), link
        if link.startswith(ADDRESS):
            path = re.fullmatch(rf"{re.escape(ADDRESS)}/(?:blob|raw)/v{version}/([^#]+)(?:#.*)?", link)
            assert path, link
            assert (ROOT / path[1]).is_file(), link


def test_the_page_renders(core: Any) -> None:
    assert readme.render(core.readme, core.readme_content_type) == readme.Rendering()


def test_the_links_beside_the_page_come_from_one_address(core: Any) -> None:
    assert set(core.urls) == {"Documentation", "Changelog", "Issues", "Source"}
    for url in core.urls.values():
        assert url.startswith(ADDRESS)
        if "/blob/HEAD/" in url:
            assert (ROOT / url.partition("/blob/HEAD/")[2]).is_file()


@pytest.mark.parametrize(
    ("text", "absolute"),
    [
        ("[a](docs/a.md#b)", "[a](https://host/x/blob/v1/docs/a.md#b)"),
        ("![a picture](docs/a.svg)", "![a picture](https://host/x/raw/v1/docs/a.svg)"),
        ("[two\nlines](LICENSE)", "[two\nlines](https://host/x/blob/v1/LICENSE)"),
        (
            "[a](https://elsewhere/a) [b](#b) [c](mailto:a@b.org)",
            "[a](https://elsewhere/a) [b](#b) [c](mailto:a@b.org)",
        ),
    ],
)
def test_relative_links_become_absolute(text: str, absolute: str) -> None:
    assert HOOK["with_absolute_links"](text, "https://host/x", "v1") == absolute


def test_the_address_is_named_once() -> None:
    hooked = {ROOT / "pyproject.toml"}
    pages = {
        path for pattern in ("*.md", "*.toml", "*.yml", "docs/**/*.md", "scripts/*.py") for path in ROOT.glob(pattern)
    }
    assert {path for path in pages if ADDRESS in path.read_text(encoding="utf-8")} == hooked


def test_the_workflows_on_the_pages_use_the_actions_of_our_own() -> None:
    """So that what Dependabot updates in the workflows is updated on the pages too."""
    workflows = ROOT / ".github" / "workflows"
    if not workflows.exists():
        pytest.skip("an sdist has no workflows")
    own = {use for path in workflows.glob("*.yml") for use in uses_in(path)}
    taught = {use for path in ROOT.glob("docs/**/*.md") for use in uses_in(path)}
    assert taught
    assert taught <= own
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in taught | own)


def uses_in(path: Path) -> list[str]:
    """Return the actions of other repositories that a file uses, with the comment that names their version."""
    return re.findall(r"uses: ([^.\s].*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
