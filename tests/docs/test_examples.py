"""The examples work: tables and sections are valid, keyrings answer as told, and commands are ones that exist."""

from __future__ import annotations

import json
import re
import shlex
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from distribution_builders import make_wheel
from hatch.project.core import Project as HatchProject
from hatch.utils.fs import Path as HatchPath
from hatch_in_process import invoke_hatch
from hatch_process import Project, run_command
from pages import ROOT, blocks, codes, every_page, prose, section, text_of, transcripts
from uv import find_uv_bin

from hatch_tokenindex import cli, urls
from hatch_tokenindex.config import options
from hatch_tokenindex.config.folders import personal_table, project_table
from hatch_tokenindex.config.repositories import Repositories, Repository
from hatch_tokenindex.credentials.sources.pypirc import Pypirc

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hatch_process import Home

MAIN = Repository("main", urls.PYPI)


@every_page
def test_tables_in_examples_are_valid(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "toml"):
        name, data = block.split("\n", 1)[0].removeprefix("# "), tomllib.loads(block)
        assert name in {"hatch.toml", "config.toml"}
        if "env" in data:
            continue
        table = data["publish"]["tokenindex"]
        path = ROOT / "nowhere" / name
        Repositories([project_table(path.parent, table) if name == "hatch.toml" else personal_table(path, table)])


def test_hatch_installs_what_the_project_asks_for(tmp_path: Path) -> None:
    project = Project(tmp_path / "my-project", "my-project")
    [table] = blocks(text_of("install.md"), "toml")
    project.configure(table)
    assert HatchProject(HatchPath(project.folder)).config.env_requires == ["hatch-tokenindex"]


@every_page
def test_pypirc_in_examples_is_valid(page: Path, tmp_path: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "ini"):
        path = tmp_path / ".pypirc"
        path.write_text(block, encoding="utf-8")
        pypirc = Pypirc(path)
        assert [section.name for section in pypirc.sections] == ["pypi", "my_project"]
        for project, section_name in [("my-project", "my_project"), ("other", "pypi")]:
            found = pypirc.section(project, MAIN)
            assert found is not None
            assert found.name == section_name


@pytest.mark.parametrize(
    ("name", "backend", "user"),
    [
        ("google", "AnswersForAnyUser", "oauth2accesstoken"),
        ("azure", "CredentialOnly", "VssSessionToken"),
        ("aws", "AnswersForAnyUser", "aws"),
    ],
)
def test_the_backends_of_clouds_need_no_user_name(
    home: Home, tmp_path: Path, name: str, backend: str, user: str
) -> None:
    project = Project(tmp_path / "my-project", "my-project")
    [tables] = blocks(section(text_of("how-to/private-index.md"), "Google, Azure and AWS"), "toml")
    project.configure(tables)
    home.use_keyring(backend)
    home.remember(tomllib.loads(tables)["publish"]["tokenindex"]["repos"][name], user, "a token")
    command = ("publish", "-p", "tokenindex", "-o", "explain", "-o", "json", "-r", name)
    explained = json.loads(invoke_hatch(*command, cwd=project.folder, home=home).stdout)["projects"][0]
    assert explained["credential"]["user"] == user
    assert [row["place"] for row in explained["rows"] if row["used"]] == ["keyring: any user"]


# Commands


def commands(text: str) -> Iterator[str]:
    """Every command line on a page: after `$` in transcripts, in shell blocks, and in code within a sentence or table."""
    yield from (shown.command for block in transcripts(text) for shown in block)
    for block in blocks(text, "sh"):
        yield from block.splitlines()
    yield from (
        code for code in codes(prose(text)) if re.match(r"(hatch|hatch-tokenindex|pipx|uvx?|python -m pip) ", code)
    )


@every_page
def test_commands_exist(page: Path, home: Home, tmp_path: Path) -> None:
    for command in dict.fromkeys(commands(page.read_text(encoding="utf-8"))):
        words = shlex.split(command, comments=True)
        check_command([word for word in words if not re.match("[A-Z_]+=", word)], home, tmp_path)


def check_command(words: list[str], home: Home, folder: Path) -> None:
    """See that the program takes these arguments, by asking it for help about them."""
    match words:
        case ["cd", _] | ["pipx" | "docker", *_] | ["hatch", "self", *_]:
            """No program, or ones that aren't here; the last are only in Hatch's own binaries."""
        case ["uvx", "--with", "hatch-tokenindex", *command]:
            check_command(command, home, folder)
        case ["hatch", "run", script]:
            environment, _, name = script.partition(":")
            own_environments = tomllib.loads((ROOT / "hatch.toml").read_text(encoding="utf-8"))["envs"]
            assert name in own_environments[environment]["scripts"], words
        case ["hatch", *arguments]:
            result = invoke_hatch(*arguments, "--help", cwd=folder, home=home)
            assert result.returncode == 0, f"{words}: {result.output}"
            pairs = dict(pair.partition("=")[::2] for flag, pair in pairwise(arguments) if flag == "-o")
            options.read([], pairs, {}, stdin_is_terminal=True)
        case ["hatch-tokenindex", *arguments] | [_, "-m", "hatch_tokenindex", *arguments]:
            outcome = CliRunner().invoke(cli.main, [*arguments, "--help"])
            assert outcome.exit_code == 0, f"{words}: {outcome.output}"
        case ["python", *arguments]:
            assert_helps(sys.executable, *arguments, home=home, folder=folder)
        case ["uv", *arguments]:
            assert_helps(find_uv_bin(), *arguments, home=home, folder=folder)
        case _:
            pytest.fail(f"nobody knows whether this can be run: {words}")


def assert_helps(*words: str, home: Home, folder: Path) -> None:
    """Run a command with `--help` at its end, which is reached where all before it is understood."""
    done = run_command(*words, "--help", cwd=folder, environment=home.environment)
    assert done.returncode == 0, done.output


def test_hatch_says_so_where_the_plugin_is_missing(home: Home, project: Project) -> None:
    missing = "not-installed"
    said = invoke_hatch("publish", "-p", missing, cwd=project.folder, home=home).stderr.strip()
    assert said.replace(missing, "tokenindex") in codes(prose(section(text_of("install.md"), "Check the installation")))


@pytest.mark.parametrize(
    ("message", "variables"),
    [("HATCH_INDEX_AUTH is set but empty", {"HATCH_INDEX_AUTH": ""}), ("Cannot prompt for a token", {})],
)
def test_a_job_without_its_secret_says_what_the_page_quotes(
    message: str, variables: dict[str, str], home: Home, project: Project
) -> None:
    make_wheel(project.dist, project.name)
    said = invoke_hatch("publish", "-p", "tokenindex", cwd=project.folder, home=home, env={"CI": "true", **variables})
    assert message in said.words
    assert message in codes(section(text_of("how-to/ci.md"), "When it doesn't work"))
