"""`scripts/release_notes.py`: the changelog's entry for a tag, and what must agree before there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = """\
# Changelog

What changes.

## [Unreleased]

## [1.2.0] - 2026-11-22

### Added

- A thing that people asked for,
  très urgent.

## [1.1.0] - 2026-10-01

### Fixed

- A thing of old.
"""
WHAT_IS_OLD = CHANGELOG[CHANGELOG.index("## [1.1.0]") :]


def run(
    folder: Path, changelog: str, arguments: Sequence[str], version: str = "1.2.0"
) -> subprocess.CompletedProcess[str]:
    """Run the script in a repository with this changelog and version, with no more than Python."""
    script = folder / "scripts" / "release_notes.py"
    about = folder / "src" / "hatch_tokenindex" / "__about__.py"
    for path in (script, about):
        path.parent.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "release_notes.py", script)
    about.write_text(f'__version__ = "{version}"\n', encoding="utf-8")
    folder.joinpath("CHANGELOG.md").write_text(changelog, encoding="utf-8")
    command: list[str | Path] = [sys.executable, "-S", script, *arguments]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)


def test_the_entry_of_the_tag_and_no_other_is_printed_unwrapped(tmp_path: Path) -> None:
    done = run(tmp_path, CHANGELOG, ["v1.2.0"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "### Added\n\n- A thing that people asked for, très urgent.\n"


@pytest.mark.parametrize(
    "changelog",
    [
        pytest.param(CHANGELOG.replace("## [Unreleased]\n\n", ""), id="no heading of unreleased entries"),
        pytest.param(CHANGELOG.replace(WHAT_IS_OLD, ""), id="first release"),
    ],
)
def test_what_a_changelog_need_not_have(tmp_path: Path, changelog: str) -> None:
    assert run(tmp_path, changelog, ["v1.2.0"]).stdout == "### Added\n\n- A thing that people asked for, très urgent.\n"


WRONG_HEADING = 'The newest heading of a release in CHANGELOG.md is {}; it must be "## [1.2.0] - YYYY-MM-DD".'


@pytest.mark.parametrize(
    ("changelog", "tag", "said"),
    [
        pytest.param(
            CHANGELOG,
            "v1.3.0",
            "The tag is v1.3.0, but __about__.py has the version 1.2.0, so the tag must be v1.2.0.",
            id="tag of another version",
        ),
        pytest.param(
            CHANGELOG,
            "1.2.0",
            "The tag is 1.2.0, but __about__.py has the version 1.2.0, so the tag must be v1.2.0.",
            id="tag without the v",
        ),
        pytest.param(
            CHANGELOG.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- Forgotten.\n"),
            "v1.2.0",
            "CHANGELOG.md has entries under [Unreleased]. Move them below the heading of 1.2.0:\n\n"
            "### Fixed\n\n- Forgotten.",
            id="unreleased entries",
        ),
        pytest.param(
            CHANGELOG.replace("## [1.2.0] - 2026-11-22", "## [1.2.0]"),
            "v1.2.0",
            WRONG_HEADING.format('"## [1.2.0]"'),
            id="no date",
        ),
        pytest.param(
            CHANGELOG.replace("2026-11-22", "2026-22-11"),
            "v1.2.0",
            WRONG_HEADING.format('"## [1.2.0] - 2026-22-11"'),
            id="no such date",
        ),
        pytest.param(
            "# Changelog\n\n" + WHAT_IS_OLD,
            "v1.2.0",
            WRONG_HEADING.format('"## [1.1.0] - 2026-10-01"'),
            id="no entry",
        ),
        pytest.param("# Changelog\n", "v1.2.0", WRONG_HEADING.format("none"), id="empty changelog"),
        pytest.param(
            "# Changelog\n\n## [1.2.0] - 2026-11-22\n\n" + WHAT_IS_OLD,
            "v1.2.0",
            'CHANGELOG.md says nothing below "## [1.2.0] - 2026-11-22".',
            id="empty entry",
        ),
    ],
)
def test_what_is_not_ready_is_told_and_nothing_else_printed(
    tmp_path: Path, changelog: str, tag: str, said: str
) -> None:
    done = run(tmp_path, changelog, [tag])
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said + "\n")


def test_the_changelog_of_this_project_has_headings_that_the_script_reads() -> None:
    first, *releases = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first == "[Unreleased]"
    assert all(re.fullmatch(r"\[[\d.]+\w*\] - \d{4}-\d\d-\d\d", heading) for heading in releases)
