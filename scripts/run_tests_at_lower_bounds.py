"""Run the test suite with everything this project depends on at its lower bound, in `.venv-lowest`, made at the first run.

The bounds are those of `pyproject.toml`. One that can't be installed, because something else that is needed wants more, is
wrong, and ends the script with pip's words. Arguments go to pytest, as with `run_tests.py`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from run_tests import REPOSITORY, Environment, run


def main() -> int:
    """Prepare the environment and run pytest; its exit status."""
    environment = Environment(REPOSITORY / ".venv-lowest")
    environment.make()
    # The project with nothing but what reads its metadata, to learn the bounds; then all the rest within them.
    environment.install("packaging")
    environment.install("--no-deps", "--editable", ".")
    bounds = run(environment.python, "scripts/lower_bounds.py")
    print("Installing", *bounds.split(), "and what the tests need", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "lower-bounds.txt")
        constraints.write_text(bounds, encoding="utf-8")
        within: list[str | Path] = ["--constraint", constraints, "--build-constraint", constraints]
        environment.install("--group", "test", "--editable", ".", *within)
    return environment.run_tests(*sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
