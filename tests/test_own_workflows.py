"""The workflows that test and release this project: in order, with least rights, and running what there is."""

from __future__ import annotations

import re
import shlex
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from hatch_tokenindex.config import options

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
if not FILES:
    pytest.skip("an sdist has no workflows", allow_module_level=True)
WORKFLOWS: dict[str, Any] = {path.stem: YAML(typ="safe").load(path.read_text(encoding="utf-8")) for path in FILES}
TEST, RELEASE = (WORKFLOWS[name]["jobs"] for name in ("test", "release"))
METADATA: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def steps(jobs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of all these jobs."""
    for job in jobs.values():
        yield from job.get("steps", [])


def actions(job: dict[str, Any]) -> list[str]:
    """The actions that a job uses."""
    return [step["uses"] for step in job.get("steps", []) if "uses" in step]


def commands(job: dict[str, Any]) -> str:
    """All that a job runs."""
    return "\n".join(step["run"] for step in job.get("steps", []) if "run" in step)


def pythons(job: dict[str, Any]) -> list[str]:
    """The Pythons that a job is run with."""
    if "strategy" in job and "python" in (matrix := job["strategy"]["matrix"]):
        return list(matrix["python"])
    return [step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", "")]


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_what_is_run_is_there(workflow: dict[str, Any]) -> None:
    lines = [step["run"] for step in steps(workflow["jobs"]) if "run" in step]
    scripts = re.findall(r"(?:python|bash) ((?:scripts|\.ci)/\S+)", "\n".join(lines))
    assert scripts
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_no_checkout_leaves_a_token_behind_and_every_action_has_a_version(workflow: dict[str, Any]) -> None:
    used = [step for step in steps(workflow["jobs"]) if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]) for step in used)
    assert all(step["with"] == {"persist-credentials": False} for step in used if "checkout" in step["uses"])


# Testing


def test_every_python_that_the_metadata_names_is_tested() -> None:
    classified = re.findall(r"Python :: (3\.\d+)$", "\n".join(METADATA["classifiers"]), re.MULTILINE)
    assert pythons(TEST["test"]) == classified
    assert METADATA["requires-python"] == f">={classified[0]}"


def test_the_lower_bounds_are_tested_with_the_oldest_python() -> None:
    assert commands(TEST["lower-bounds"]) == "python scripts/run_tests_at_lower_bounds.py"
    assert pythons(TEST["lower-bounds"]) == [METADATA["requires-python"].removeprefix(">=")]


def test_each_hatch_in_between_is_newer_than_the_oldest() -> None:
    (oldest,) = (text.removeprefix("hatch>=") for text in METADATA["dependencies"] if text.startswith("hatch>="))
    between = TEST["hatch"]["strategy"]["matrix"]["hatch"]
    assert between
    assert all(version(name) > version(oldest) for name in between)


def version(text: str) -> tuple[int, ...]:
    """A version, to compare with."""
    return tuple(map(int, text.split(".")))


def test_testing_can_read_the_source_and_no_more() -> None:
    assert WORKFLOWS["test"]["permissions"] == {"contents": "read"}
    assert [name for name, job in TEST.items() if "permissions" in job] == []


# Releasing


def test_a_pushed_tag_is_what_releases() -> None:
    assert WORKFLOWS["release"]["on"] == {"push": {"tags": ["v*"]}}


def test_a_release_goes_one_step_after_the_other_and_passes_the_tests() -> None:
    order = ["notes", "test", "build", "publish", "github-release"]
    assert list(RELEASE) == order
    assert [(RELEASE[name]["needs"], name) for name in order[1:]] == list(pairwise(order))
    assert RELEASE["test"]["uses"] == "./.github/workflows/test.yml"
    assert "workflow_call" in WORKFLOWS["test"]["on"]


def test_each_step_of_a_release_has_the_rights_that_it_needs_and_no_others() -> None:
    assert WORKFLOWS["release"]["permissions"] == {}
    assert {name: job["permissions"] for name, job in RELEASE.items()} == {
        "notes": {"contents": "read"},
        "test": {"contents": "read"},
        "build": {"contents": "read"},
        "publish": {"id-token": "write"},
        "github-release": {"contents": "write"},
    }


@pytest.mark.parametrize("name", ["publish", "github-release"])
def test_what_has_rights_to_write_gets_files_and_no_source(name: str) -> None:
    job = RELEASE[name]
    assert not any("checkout" in action for action in actions(job))
    assert "build" not in commands(job)


def test_what_is_handed_on_was_handed_in() -> None:
    kept = [step["with"]["name"] for step in steps(RELEASE) if "upload-artifact" in step.get("uses", "")]
    taken = {step["with"]["name"] for step in steps(RELEASE) if "download-artifact" in step.get("uses", "")}
    assert kept == ["release-notes", "dist"]
    assert taken == set(kept)


def test_tag_version_and_changelog_are_checked_first_and_the_files_once_they_are_built() -> None:
    assert commands(RELEASE["notes"]) == 'python scripts/release_notes.py "$GITHUB_REF_NAME" > release-notes.md'
    assert commands(RELEASE["build"]).endswith("hatch build\npython scripts/check_built.py dist")


def test_this_project_publishes_with_itself_and_waits_for_its_files() -> None:
    job = RELEASE["publish"]
    _, *published = commands(job).split("python -m pip install hatch dist/*.whl\n")
    *_, line = published[0].splitlines()
    assert line == "hatch publish -p tokenindex -o trusted-publishing=always -o wait"
    words = shlex.split(line)
    pairs = dict(pair.partition("=")[::2] for flag, pair in pairwise(words) if flag == "-o")
    asked = options.read([], pairs, {}, stdin_is_terminal=False)
    assert asked.wait is not None
    assert job["timeout-minutes"] * 60 > asked.wait
    assert job["environment"]["name"] == "pypi"


def test_the_release_on_github_has_the_notes_and_the_files() -> None:
    words = shlex.split(commands(RELEASE["github-release"]))
    assert words[:5] == ["gh", "release", "create", "$GITHUB_REF_NAME", "dist/*"]
    assert words[words.index("--notes-file") + 1] == "release-notes.md"
