"""Check that installing the plugin needs no compiler: every dependency has a wheel for every platform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
PYTHONS = ("3.10", "3.14")
PLATFORMS = (
    "x86_64-manylinux_2_17",
    "aarch64-manylinux_2_17",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "aarch64-pc-windows-msvc",
)
EXTRAS = {"readme", "attestations"}
WITHOUT_EXTRAS = {"aarch64-pc-windows-msvc"}
"""Platforms for which a dependency of an extra has no wheel; docs/install.md names them."""


def failure(python: str, platform: str) -> str:
    """Return why the plugin can't be installed from wheels alone on a platform; empty if it can."""
    command = ["uv", "pip", "compile", "--quiet", "--no-config", "--only-binary", ":all:"]
    command += ["--python-version", python, "--python-platform", platform, str(PYPROJECT)]
    extras = () if platform in WITHOUT_EXTRAS else sorted(EXTRAS)
    command += [f"--extra={extra}" for extra in extras]
    return (
        ""
        if (done := subprocess.run(command, capture_output=True, text=True, check=False)).returncode == 0
        else done.stderr
    )


def main() -> int:
    """Check all platforms, and return 1 if one needs a compiler."""
    failed = 0
    for python in PYTHONS:
        for platform in PLATFORMS:
            why = failure(python, platform)
            print(f"{python} {platform}: {'needs a compiler' if why else 'wheels only'}")
            if why:
                print(why, file=sys.stderr)
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
