"""Run the whole test suite in a virtual environment of its own: `.venv` in this repository, made at the first run.

Arguments go to pytest: `python3 scripts/run_tests.py -k precedence`. It needs Python 3.10 or later with `venv` and `pip`,
and a way to PyPI for what it installs; the tests themselves use no network but this machine.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

REPOSITORY = Path(__file__).resolve().parent.parent
VENV = REPOSITORY / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def main() -> int:
    """Prepare the environment and run pytest; its exit status, or 1 where the environment can't be prepared."""
    if PYTHON.exists() and (version := python_version(PYTHON)) != python_version(sys.executable):
        print(f"{VENV} is for Python {version}. Remove it, or run this script with that Python.", file=sys.stderr)
        return 1
    if not has_pip(PYTHON):
        print(f"Making a virtual environment in {VENV} (first run only)", flush=True)
        run([sys.executable, "-m", "venv", VENV])
    print("Installing this project and what its tests need", flush=True)
    pip_install("pip>=25.1")  # the first that knows dependency groups
    pip_install("--group", "test", "--editable", ".")
    command: list[str | Path] = [PYTHON, "-m", "pytest", "-n", "auto", *sys.argv[1:]]
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode


def python_version(python: str | Path) -> str:
    """The feature version of an interpreter, like `3.12`."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def has_pip(python: Path) -> bool:
    """Whether the interpreter is there, with pip: a run that was stopped while it made the environment leaves half of it."""
    command: list[str | Path] = [python, "-m", "pip", "--version"]
    return python.exists() and subprocess.run(command, check=False, capture_output=True).returncode == 0


def pip_install(*arguments: str) -> None:
    """Install into the environment; what pip prints is shown only if it fails."""
    options = ["--quiet", "--disable-pip-version-check", "--no-input"]
    run([PYTHON, "-m", "pip", "install", *options, *arguments])


def run(command: Sequence[str | Path]) -> None:
    """Run a command to its end; a failure ends the script with what the command printed."""
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        print(done.stdout.decode("utf-8", errors="replace"), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
