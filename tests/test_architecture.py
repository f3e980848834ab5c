"""The source is as its page says: the packages, what each imports, and that only one of them prints."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from pages import ROOT

import hatch_tokenindex

sys.path.insert(0, str(ROOT / "scripts"))

from write_architecture import PAGE, imports_of, package_of, updated

SOURCE = Path(hatch_tokenindex.__file__).parent
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or not path.stem.startswith("__"))
LAYERS = (
    {"hooks"},
    {"publisher", "cli"},
    {"publishing"},
    {"attesting", "console", "credentials", "index"},
    {"config", "distributions"},
    {"tokens"},
    {"secrets"},
    {"errors", "text", "urls", "backoff"},
)

every_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())


def layer_of(package: str) -> int:
    return next(number for number, packages in enumerate(LAYERS) if package in packages)


def test_the_page_has_the_imports() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert updated(page) == page, "run scripts/write_architecture.py"


def test_the_page_shows_every_package() -> None:
    picture = PAGE.read_text(encoding="utf-8").split("```")[1]
    shown = set(re.findall(r"^([a-z]\w+)(?:\.py|/)|, (\w+)\.py", picture, re.MULTILINE))
    assert {name for pair in shown for name in pair if name} == {package_of(module) for module in MODULES}


@every_module
def test_imports_point_down(module: Path) -> None:
    """At run time, no package imports one beside it or above it; in annotations, none above it.

    But for one: an upload error carries the refusal that caused it.
    """
    own = package_of(module)
    for name, only_annotated in imports_of(module):
        if name not in {own, "__about__"}:
            is_beside = only_annotated and layer_of(name) == layer_of(own)
            is_carried = only_annotated and (own, name) == ("errors", "index")
            assert layer_of(name) > layer_of(own) or is_beside or is_carried, name


@every_module
def test_a_module_has_a_docstring(module: Path) -> None:
    first_line = str(ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))).partition("\n")[0]
    assert len(first_line) > 20


@every_module
def test_only_the_console_prints(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    printing = re.findall(r"(?:\bprint|\.print|\becho|sys\.std(?:out|err)\.write)\(", text)
    assert not printing or package_of(module) == "console"


def test_the_page_names_modules_and_names_that_exist() -> None:
    page = PAGE.read_text(encoding="utf-8")
    modules = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", page))
    assert len(modules) > 15
    assert [name for name in sorted(modules) if not (SOURCE / name).is_file()] == []
    source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    names = {part for name in re.findall(r"`([A-Z][\w.]+)`", page) for part in name.split(".")} - {"HATCH_INDEX_AUTH"}
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", source)] == []
