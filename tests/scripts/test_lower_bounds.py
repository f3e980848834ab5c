"""`scripts/lower_bounds.py`: the lowest versions that this project's metadata admits."""

from __future__ import annotations

import runpy
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "lower_bounds.py"
lower_bounds: Callable[[Iterable[str]], Iterator[str]] = runpy.run_path(str(SCRIPT))["lower_bounds"]


@pytest.mark.parametrize(
    ("requirement", "pins"),
    [
        ("httpx>=0.27", ["httpx==0.27"]),
        ("readme-renderer[md]<46,>=44.0", ["readme-renderer==44.0"]),
        ("tomli>=2.0; python_version >= '3.10'", ["tomli==2.0"]),
        ("tomli>=2.0; python_version < '3.10'", []),
        ("sigstore>=4.5; extra == 'attestations'", ["sigstore==4.5"]),
        ("sigstore>=4.5; extra == 'docs'", []),
    ],
)
def test_a_requirement_is_pinned_to_its_bound(requirement: str, pins: list[str]) -> None:
    assert list(lower_bounds([requirement])) == pins


@pytest.mark.parametrize("requirement", ["httpx", "httpx>0.27", "httpx==0.27.*", "httpx<1"])
def test_a_requirement_without_a_bound_is_an_error(requirement: str) -> None:
    with pytest.raises(ValueError, match=r"^httpx.* should have one lower bound, like httpx>=1.0$"):
        list(lower_bounds([requirement]))


def test_every_dependency_of_this_project_has_one() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True)
    applying = [text for text in requires("hatch-tokenindex") or [] if "python_version" not in text]
    assert applying
    assert len(done.stdout.split()) == len(applying) + (sys.version_info < (3, 11))
