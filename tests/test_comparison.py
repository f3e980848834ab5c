"""The page that compares upload tools says what this publisher does now, in the shape in which it is written."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from comparison import page
from comparison.candidates import OF_HATCH, OTHERS, OURS
from comparison.tools import Ending, installed_here
from hatch.cli import hatch
from hatch_in_process import being_process, cli_runner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the page tells what happens on Linux and macOS")

TEXT = page.PAGE.read_text(encoding="utf-8")
NAMES = [candidate.name for candidate in (*OF_HATCH, *OTHERS)]


@pytest.mark.parametrize("part", page.PARTS, ids=lambda part: part.name)
def test_this_publisher_does_what_the_page_says(part: page.Table) -> None:
    tool = replace(installed_here(OURS), run=in_process)
    assert part.of(tool) in page.measured(TEXT, part.name)


def in_process(command_line: list[str], folder: Path, environment: Mapping[str, str]) -> Ending:
    """Run a command line of Hatch in the process of the tests."""
    with being_process(folder, environment):
        result = cli_runner().invoke(hatch, command_line[1:], catch_exceptions=False)
    return Ending(result.exit_code, result.output)


@pytest.mark.parametrize("table", page.PARTS, ids=lambda table: table.name)
def test_each_table_has_a_row_for_each_tool(table: page.Table) -> None:
    heading, line, *rows = page.measured(TEXT, table.name).splitlines()
    assert f"{heading}\n{line}" == table.heading
    assert [row[1:-1].split("|")[0].strip() for row in rows] == NAMES
    assert {row.count("|") for row in rows} == {heading.count("|")}


def test_the_versions_of_all_tools_are_told() -> None:
    told = page.measured(TEXT, "versions")
    packages = ", ".join(rf"{candidate.package} [0-9][\w.]*" for candidate in (*OF_HATCH, *OTHERS))
    assert re.fullmatch(rf"Tried on \d{{4}}-\d\d-\d\d with {packages}; \w+, Python [\d.]+\.", told), told


def test_every_measured_part_of_the_page_is_written() -> None:
    names = {"versions", *(part.name for part in page.PARTS)}
    assert set(re.findall("<!-- measured: (.*) -->", TEXT)) == names


def test_a_part_is_replaced_and_nothing_else() -> None:
    text = (
        "# T\n\n<!-- measured: a -->\n\n1\n\n<!-- end -->\n\n<!-- measured: b -->\n\n2\n\n3\n\n<!-- end -->\n\nEnd.\n"
    )
    written = page.put(page.put(text, "a", "new\nlines"), "b", "more")
    assert [page.measured(written, name) for name in ("a", "b")] == ["new\nlines", "more"]
    assert page.put(page.put(written, "a", "1"), "b", "2\n\n3") == text
    with pytest.raises(ValueError, match="No part 'c' on the page"):
        page.put(text, "c", "")
