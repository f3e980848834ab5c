"""Run the whole test suite in a virtual environment of its own: `.venv` in this repository, made at the first run.

Arguments go to pytest: `python3 scripts/run_tests.py -k precedence`. With `MEASURE_COVERAGE` set and no arguments, it
shows which lines and branches no test runs, and fails where they are more than agreed. It needs Python 3.10 or later
with `venv` and `pip`, and a way to PyPI for what it installs; the tests themselves use no network but this machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

# Where secrets are found, judged and kept, and where answers are explained, every line and branch has to be tested.
TESTED_WHOLE = "src/hatch_tokenindex/credentials/*,src/hatch_tokenindex/tokens.py,src/hatch_tokenindex/index/refusals/*"


@dataclass(frozen=True)
class Environment:
    """A virtual environment to run tests in. What can't be done ends the script with what the command printed."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    def make(self) -> None:
        """Make it where it isn't there yet, with a pip that knows dependency groups and constraints on build tools."""
        if self.python.exists() and (version := python_version(self.python)) != python_version(sys.executable):
            sys.exit(f"{self.folder} is for Python {version}. Remove it, or run this script with that Python.")
        if not self._has_pip():
            print(f"Making a virtual environment in {self.folder} (first run only)", flush=True)
            run(sys.executable, "-m", "venv", self.folder)
        self.install("pip>=25.3")

    def install(self, *arguments: str | Path) -> None:
        """Run `pip install`."""
        run(self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", *arguments)

    def run_tests(self, *arguments: str) -> int:
        """Run pytest on all cores; its exit status."""
        return self._run_module("pytest", "-n", "auto", *arguments)

    def measure_tests(self) -> int:
        """Run all tests and show what none of them runs; 0 if they pass, and that is no more than agreed."""
        self._run_module("coverage", "erase")
        if status := self._run_module("coverage", "run", "-m", "pytest", "-n", "auto"):
            return status
        self._run_module("coverage", "combine", "--quiet")
        everything = self._run_module("coverage", "report")
        return self._run_module("coverage", "report", f"--include={TESTED_WHOLE}", "--fail-under=100") or everything

    def _run_module(self, *command: str) -> int:
        return subprocess.run([self.python, "-m", *command], cwd=REPOSITORY, check=False).returncode

    def _has_pip(self) -> bool:
        """Whether it is complete: a run that was stopped while it made the environment leaves half of it."""
        command: list[str | Path] = [self.python, "-m", "pip", "--version"]
        return self.python.exists() and subprocess.run(command, check=False, capture_output=True).returncode == 0


def main() -> int:
    """Prepare the environment and run the tests; their exit status."""
    environment = Environment(REPOSITORY / ".venv")
    environment.make()
    print("Installing this project and what its tests need", flush=True)
    environment.install("--group", "test", "--editable", ".")
    if os.environ.get("MEASURE_COVERAGE") and not sys.argv[1:]:
        return environment.measure_tests()
    return environment.run_tests(*sys.argv[1:])


def python_version(python: str | Path) -> str:
    """The feature version of an interpreter, like `3.12`."""
    return run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()


def run(*command: str | Path) -> str:
    """Run a command to its end; what it printed. A failure ends the script with that."""
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    printed = done.stdout.decode("utf-8", errors="replace")
    if done.returncode != 0:
        sys.exit(printed)
    return printed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
