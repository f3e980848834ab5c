"""The house is as its page says: which rooms there are, what each builds on, and that only one of them prints."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest
from pages import DOCS

import hatch_tokenindex

SOURCE = Path(hatch_tokenindex.__file__).parent
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or not path.stem.startswith("__"))
PAGE = (DOCS / "contributing" / "architecture.md").read_text(encoding="utf-8")

every_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())


def room_of(module: Path) -> str:
    return module.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(module: Path) -> set[str]:
    """The rooms that a module imports to run; what it imports for annotations alone isn't among them."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body.clear()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "hatch_tokenindex":
            _, _, path = str(node.module).partition(".")
            names |= {path.split(".")[0]} if path else {alias.name for alias in node.names}
    return names - {"__about__"}


def test_each_room_builds_on_those_that_the_page_names() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
    built_on: dict[str, set[str]] = defaultdict(set)
    for module in MODULES:
        built_on[room_of(module)] |= imported(module) - {room_of(module)}
    assert {room: set(re.findall(r"`(\w+)`", names)) for room, names in rows} == {
        room: names for room, names in built_on.items() if names and room != "hooks"
    }
    assert built_on["hooks"] == {"publisher"}


def test_the_page_shows_every_room() -> None:
    picture = PAGE.split("```")[1]
    shown = set(re.findall(r"(\w+)(?:\.py\b|/)", picture))
    assert shown == {room_of(module) for module in MODULES}


@every_module
def test_a_first_line_says_what_lives_there(module: Path) -> None:
    first_line = str(ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))).partition("\n")[0]
    assert len(first_line) > 20


@every_module
def test_only_the_console_prints(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    printing = re.findall(r"(?:\bprint|\.print|\becho|sys\.std(?:out|err)\.write)\(", text)
    assert not printing or room_of(module) == "console"
