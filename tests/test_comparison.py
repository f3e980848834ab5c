"""The page that compares upload tools says what Hatch's two publishers do now, in the shape in which it is written."""

from __future__ import annotations

import re
import sys

import pytest
from comparison import page
from comparison.candidates import OF_HATCH, OTHERS, Candidate
from comparison.tools import installed_here

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the page tells what happens on Linux and macOS")

TEXT = page.PAGE.read_text(encoding="utf-8")
NAMES = [candidate.name for candidate in (*OF_HATCH, *OTHERS)]


@pytest.mark.parametrize("candidate", OF_HATCH, ids=str)
@pytest.mark.parametrize("part", page.PARTS, ids=lambda part: part.name)
def test_the_publishers_of_hatch_do_what_the_page_says(part: page.Table, candidate: Candidate) -> None:
    assert part.of(installed_here(candidate)) in page.measured(TEXT, part.name)


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
