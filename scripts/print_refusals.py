"""Prints every refusal that the tests play back, as a person at a terminal would see it: to be read in a row."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from hatch_tokenindex.index.refusals import NO_ANSWER_ROWS, render, unreachable

TESTS = Path(__file__).parent.parent / "tests/index/refusals/test_table.py"


def main() -> None:
    """Only the refusals whose keys are given as arguments, if there are any."""
    wanted = set(sys.argv[1:])
    tests = runpy.run_path(str(TESTS))
    for case in tests["CASES"]:
        show(case.key, render(case.refused, case.sent), wanted)
    for kind, row in NO_ANSWER_ROWS.items():
        show(row.key, render(unreachable(kind, "", tests["PYPI"], tests["REDACT"]), tests["PYPI"]), wanted)


def show(key: str, text: str, wanted: set[str]) -> None:
    if not wanted or key in wanted:
        print(f"--- {key}\n{text}\n")


if __name__ == "__main__":
    main()
