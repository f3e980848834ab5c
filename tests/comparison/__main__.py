"""`python -m comparison`: install the tools, let each go through the situations, and write down what they did."""

from __future__ import annotations

import tempfile
from pathlib import Path

from comparison.candidates import OF_HATCH, OTHERS
from comparison.page import write
from comparison.tools import install, installed_here


def main() -> None:
    """Do all that."""
    with tempfile.TemporaryDirectory(prefix="comparison-tools-") as folder:
        others = [install(candidate, Path(folder, candidate.package)) for candidate in OTHERS]
        write([*map(installed_here, OF_HATCH), *others])


main()
