"""The workflows test every Python that the metadata names; `zizmor` checks the rest (`hatch run lint:workflows`)."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "test.yml"
if not WORKFLOW.exists():
    pytest.skip("an sdist has no workflows", allow_module_level=True)
JOBS: dict[str, Any] = YAML(typ="safe").load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
METADATA: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = re.findall(r"Python :: (3\.\d+)$", "\n".join(METADATA["classifiers"]), re.MULTILINE)


def test_every_python_is_tested() -> None:
    (matrix,) = tomllib.loads((ROOT / "hatch.toml").read_text(encoding="utf-8"))["envs"]["hatch-test"]["matrix"]
    assert METADATA["requires-python"] == f">={PYTHONS[0]}"
    assert JOBS["test"]["strategy"]["matrix"]["python"] == matrix["python"] == PYTHONS


def test_the_lower_bounds_are_tested_with_the_oldest_python() -> None:
    (setup,) = (step for step in JOBS["lower-bounds"]["steps"] if "setup-python" in step.get("uses", ""))
    assert setup["with"]["python-version"] == PYTHONS[0]


def test_each_hatch_in_between_is_newer_than_the_oldest() -> None:
    (oldest,) = (text.removeprefix("hatch>=") for text in METADATA["dependencies"] if text.startswith("hatch>="))
    between = JOBS["hatch"]["strategy"]["matrix"]["hatch"]
    assert between
    assert all(version(name) > version(oldest) for name in between)


def test_the_release_installs_every_dependency_by_hash() -> None:
    """The release installs the plugin itself without dependencies."""
    locked = (ROOT / ".github" / "requirements-release.txt").read_text(encoding="utf-8")
    versions = dict(re.findall(r"^([\w.-]+)==(\S+) \\\n    --hash=sha256:", locked, re.MULTILINE))
    for text in (*METADATA["dependencies"], *METADATA["optional-dependencies"]["attestations"]):
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"python_version": "3.13"}):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), text


def version(text: str) -> tuple[int, ...]:
    """Return a version that can be compared."""
    return tuple(map(int, text.split(".")))
