"""Write the table of packages and their imports into the architecture page: `python scripts/write_architecture.py`."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src/hatch_tokenindex"
PAGE = next((ROOT / "docs").rglob("architecture.md"))
BEGIN, END = "<!-- imports: begin -->\n", "<!-- imports: end -->\n"


def package_of(module: Path) -> str:
    """Return the package below `hatch_tokenindex` that a module belongs to, or the name of a module at its top."""
    return module.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(module: Path) -> Iterator[tuple[str, bool]]:
    """Yield each package that a module imports, and True if it does so for annotations alone."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    guarded = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "hatch_tokenindex":
            _, _, path = str(node.module).partition(".")
            for name in {path.split(".")[0]} if path else {alias.name for alias in node.names}:
                yield name, id(node) in guarded


def table() -> str:
    """Return the table in Markdown."""
    at_run_time: defaultdict[str, set[str]] = defaultdict(set)
    annotated: defaultdict[str, set[str]] = defaultdict(set)
    for module in SOURCE.rglob("*.py"):
        for name, only_annotated in imports_of(module):
            if name not in {package_of(module), "__about__"}:
                (annotated if only_annotated else at_run_time)[package_of(module)].add(name)
    rows = ["| package | imports | names in annotations only |", "| --- | --- | --- |"]
    for package in sorted({*at_run_time, *annotated}):
        cells = at_run_time[package], annotated[package] - at_run_time[package]
        rows.append(
            f"| `{package}` | {' | '.join(', '.join(f'`{name}`' for name in sorted(cell)) for cell in cells)} |"
        )
    return "\n".join([*rows, ""])


def updated(page: str) -> str:
    """Return the page with a fresh table between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
