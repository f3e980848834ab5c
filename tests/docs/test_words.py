"""Tests of the words: messages, docstrings and pages use those of pip, twine and PyPI, and none that a reader must learn."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest
from pages import ROOT, every_page

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = sorted((ROOT / "src").rglob("*.py"))

UNUSUAL = re.compile(
    r"""
    \bpassed\ over\b | \bnothing\ that\ isn't\b
    | \b(is|are)\ (told|asked\ for|looked\ at)\b | \bnot\ told\b | \bcan't\ be\ told\b
    | \b(nobody|a\ person)\ (can|would)\ be\ asked\b | \bplaces?\ (was|were)\ looked\ at\b
    | \b(no\ answer\ came|gave\ no\ answer|broke\ off|is\ not\ taken|was\ not\ waited\ for)\b
    | \b(knows\ no\ such|is\ no\ (valid|wheel|sdist)|speaks\ no|minted\ no|no\ secret\ is\ argument)\b
    | \b(belongs\ into|is\ honoured|answers\ for|what\ is\ sent\ is)\b
    | \b(parcel|desk|wallet|judged|narrowed\ token\ is\ taken|e-mail)\b
    | \b(rooms|house)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def texts(path: Path) -> list[str]:
    """Return the text constants of a module, docstrings included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def unusual(text: str) -> list[str]:
    """Return the unusual words in a text, each with what stands around it."""
    line = " ".join(text.split())
    return [line[max(0, found.start() - 30) : found.end() + 30] for found in UNUSUAL.finditer(line)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT / "src").as_posix())
def test_a_module_says_it_in_usual_words(path: Path) -> None:
    assert [words for text in texts(path) for words in unusual(text)] == []


@every_page
def test_a_page_says_it_in_usual_words(page: Path) -> None:
    assert unusual(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("text", ["Files that arrived are passed over.", "made by pypi.org; expires: not told"])
def test_an_unusual_word_is_found(text: str) -> None:
    assert len(unusual(text)) == 1
