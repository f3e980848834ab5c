"""The pages of the documentation as text: their blocks, sections and tables, and the commands that they show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
]

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


@dataclass(frozen=True)
class Shown:
    """A command in a transcript, without its `$`, and the lines that the page shows below it."""

    command: str
    output: tuple[str, ...]


def text_of(page: str) -> str:
    """A page, by its path below `docs`."""
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def transcripts(text: str) -> list[list[Shown]]:
    """The commands of each `console` block."""
    return [_commands_of(block) for block in blocks(text, "console")]


def _commands_of(block: str) -> list[Shown]:
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [Shown(command, tuple(lines(output))) for command, _, output in (part.partition("\n") for part in parts)]


def lines(text: str) -> list[str]:
    """The lines of a text, without surrounding empty lines or trailing blanks."""
    return [line.rstrip() for line in text.strip().splitlines()]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def section(text: str, heading: str) -> str:
    """The text below a heading, up to the next one."""
    without_comments = re.sub(
        r"^```.*?^```$", lambda block: block[0].replace("#", " "), text, flags=re.MULTILINE | re.DOTALL
    )
    start = without_comments.index(f"# {heading}\n") + len(f"# {heading}\n")
    end = without_comments.find("\n#", start)
    return text[start:] if end < 0 else text[start:end]


def tables(text: str) -> list[list[list[str]]]:
    """The cells of each table, without its heading."""
    found = re.findall(r"(?:^\|.*\n)+", f"{text}\n", re.MULTILINE)
    return [[[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()[2:]] for table in found]


def rows(text: str) -> list[list[str]]:
    """The first table."""
    return tables(text)[0]


def codes(text: str) -> list[str]:
    """The inline code spans of a text."""
    return re.findall(r"`([^`]+)`", text)
