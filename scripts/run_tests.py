"""Run `hatch test` where Hatch is not installed: it is installed into `.hatch` in this repository, at the first run.

Arguments go to `hatch test`: `python3 scripts/run_tests.py -k precedence`. Needs Python 3.10 or later with `venv` and
`pip`, and a connection to PyPI for what it installs. The tests themselves use no network but this machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / ".hatch"
PYTHON = FOLDER / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
FEATURE_VERSION = "{}.{}".format(*sys.version_info)


def main() -> int:
    """Install Hatch if needed, run the tests, and return their exit status."""
    if sys.version_info < (3, 10):  # noqa: UP036 - whoever tries this may have an older one
        print("This needs Python 3.10 or later; this is Python {}.{}.".format(*sys.version_info), file=sys.stderr)
        return 1
    if not has_hatch():
        print(f"Installing Hatch into {FOLDER} (first run only)", flush=True)
        venv.create(FOLDER / "venv", clear=True, with_pip=True)
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--no-input", "hatch>=1.16"], check=True)
    # Hatch's own files go there too, so that nothing outside this repository is changed.
    config = FOLDER / "config.toml"
    config.touch()
    folders = {
        "HATCH_CONFIG": str(config),
        "HATCH_DATA_DIR": str(FOLDER / "data"),
        "HATCH_CACHE_DIR": str(FOLDER / "cache"),
    }
    command: list[str | Path] = [PYTHON, "-m", "hatch", "test", "--python", FEATURE_VERSION, *sys.argv[1:]]
    return subprocess.run(command, cwd=REPOSITORY, env=os.environ | folders, check=False).returncode


def has_hatch() -> bool:
    """Return True if the environment is complete, and of the Python that runs this script."""
    check = f"import sys, hatch; sys.exit('%d.%d' % sys.version_info[:2] != '{FEATURE_VERSION}')"
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", check], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        print(
            "Could not install Hatch: this needs a connection to PyPI, and Python's modules `venv` and `ensurepip` (on Debian "
            "and Ubuntu, the package `python3-venv`).",
            file=sys.stderr,
        )
        sys.exit(error.returncode)
    except KeyboardInterrupt:
        sys.exit(130)
