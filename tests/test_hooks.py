"""Hatch's door: which publisher it names, and what it costs every run of `hatch`."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hatch.publish.plugin.interface import PublisherInterface
from hatch_process import run_hatch

from hatch_tokenindex import hooks
from hatch_tokenindex.publisher import TokenIndexPublisher

if TYPE_CHECKING:
    from hatch_process import Home, Project


def test_hatch_finds_the_publisher() -> None:
    assert hooks.hatch_register_publisher() is TokenIndexPublisher
    assert issubclass(TokenIndexPublisher, PublisherInterface)
    assert TokenIndexPublisher.PLUGIN_NAME == "tokenindex"


def loaded_by(code: str, after: str) -> set[str]:
    """The modules that `code` adds to those that are loaded after `after`."""
    script = f"import sys\n{after}\nbefore = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)"
    return set(subprocess.check_output([sys.executable, "-c", script], text=True).split())


def test_the_door_loads_nothing_that_hatch_has_not_loaded() -> None:
    new = loaded_by(
        "import hatch_tokenindex.hooks\nhatch_tokenindex.hooks.hatch_register_publisher()",
        after="import hatch.cli, hatch.plugin.manager, hatch.publish.plugin.interface, hatchling.plugin",
    )
    assert {name for name in new if name.partition(".")[0] not in sys.stdlib_module_names} == {
        "hatch_tokenindex",
        "hatch_tokenindex.hooks",
        "hatch_tokenindex.publisher",
    }


@pytest.mark.parametrize(
    ("arguments", "returncode"),
    [
        pytest.param(["-p", "another-plugin"], 1, id="another publisher"),
        pytest.param(["-p", "tokenindex", "-o", "help"], 0, id="help"),
        pytest.param(["-p", "tokenindex", "-o", "nonsense"], 1, id="a wrong option"),
        pytest.param(["-p", "tokenindex"], 1, id="nothing to publish"),
    ],
)
def test_a_run_without_an_upload_loads_no_client(
    project: Project, home: Home, arguments: list[str], returncode: int
) -> None:
    environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    result = run_hatch("publish", *arguments, cwd=project.folder, home=home, env=environment)
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time:")}
    assert result.returncode == returncode
    assert "hatch_tokenindex.publisher" in loaded
    assert not loaded & {"httpx", "keyring", "truststore", "readme_renderer", "filelock", "rich.progress"}


def test_the_door_loads_neither_httpx_nor_keyring() -> None:
    code = (
        "import sys\n"
        "import hatch_tokenindex.hooks as hooks\n"
        "print(sorted({'httpx', 'keyring'} & set(sys.modules)))\n"
        "hooks.hatch_register_publisher()\n"
        "print(sorted({'httpx', 'keyring'} & set(sys.modules)))\n"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["[]", "[]"]
