"""Prints the changelog's entry for a tag that is about to be released, like `v1.2.0`, and checks that all agrees on it.

The tag, the version in `__about__.py` and the newest heading of `CHANGELOG.md` name one version, the heading has a date,
and nothing is left under "Unreleased". It needs nothing but Python.
"""

from __future__ import annotations

import argparse
import re
import runpy
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = ROOT / "CHANGELOG.md"
ABOUT = ROOT / "src" / "hatch_tokenindex" / "__about__.py"

_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
_WRAPPED = re.compile(r"\n +(?![-*\s])")
_RELEASE = re.compile(r"\[(?P<version>[^\]]+)\] - (?P<date>\d{4}-\d{2}-\d{2})")


class NotReadyError(Exception):
    """The release is not ready; the text says what to correct."""


def main() -> None:
    """Print the entry; what isn't ready ends the script with its text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag", help="the tag to release, like v1.2.0")
    tag: str = parser.parse_args().tag
    version = runpy.run_path(str(ABOUT))["__version__"]
    try:
        print(release_notes(tag, version, CHANGELOG.read_text(encoding="utf-8")))
    except NotReadyError as error:
        sys.exit(str(error))


def release_notes(tag: str, version: str, changelog: str) -> str:
    """The text below the newest heading of the changelog, if tag and heading name this version, and all is ready.

    Each item of a list is on one line: GitHub shows line breaks where there are some.
    """
    if tag != f"v{version}":
        msg = f"The tag is {tag}, but __about__.py has the version {version}, so the tag must be v{version}."
        raise NotReadyError(msg)
    entries = _entries(changelog)
    if unreleased := entries.pop("[Unreleased]", None):
        msg = f"CHANGELOG.md has entries under [Unreleased]. Move them below the heading of {version}:\n\n{unreleased}"
        raise NotReadyError(msg)
    heading = next(iter(entries), None)
    if heading is None or not _is_release(heading, version):
        newest = "none" if heading is None else f'"## {heading}"'
        msg = f'The newest heading of a release in CHANGELOG.md is {newest}; it must be "## [{version}] - YYYY-MM-DD".'
        raise NotReadyError(msg)
    if not entries[heading]:
        msg = f'CHANGELOG.md says nothing below "## {heading}".'
        raise NotReadyError(msg)
    return _WRAPPED.sub(" ", entries[heading])


def _entries(changelog: str) -> dict[str, str]:
    """The text below each second-level heading, in order."""
    _, *parts = _HEADING.split(changelog)
    return {heading.strip(): text.strip() for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def _is_release(heading: str, version: str) -> bool:
    match = _RELEASE.fullmatch(heading)
    return match is not None and match["version"] == version and _is_date(match["date"])


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    main()
