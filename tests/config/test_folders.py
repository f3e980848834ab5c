"""Hatch's folders and the current project, as `hatch-tokenindex` finds them, compared with those that Hatch passes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hatch_in_process import invoke_hatch, living_in

from hatch_tokenindex.config.folders import HatchFolders, find_folders, pypirc_path
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.publisher import TokenIndexPublisher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hatch_process import Home, Project

TABLE = (
    '[publish.tokenindex]\nrepo = "private"\n[publish.tokenindex.repos]\nprivate = "https://packages.example.org/"\n'
)


def as_hatch_hands_over(home: Home, folder: Path, environment: Mapping[str, str]) -> HatchFolders:
    """The folders that the plugin gets in a real run of `hatch publish`."""
    given: list[HatchFolders] = []

    def publish(publisher: TokenIndexPublisher, *_: object) -> None:
        given.append(
            HatchFolders(
                tables=tuple(publisher._tables()),  # noqa: SLF001 - what a run is made of
                cache_folder=Path(publisher.cache_dir),
                project=publisher._project_name(),  # noqa: SLF001
            )
        )

    with mock.patch.object(TokenIndexPublisher, "publish", publish):
        result = invoke_hatch("publish", "-p", "tokenindex", cwd=folder, home=home, env=environment)
    assert result.returncode == 0, result.output
    (found,) = given
    return found


def as_found(home: Home, folder: Path, environment: Mapping[str, str]) -> HatchFolders:
    """The folders that `hatch-tokenindex` finds."""
    with living_in(home, folder, environment):
        return find_folders({**home.environment, **environment}, folder)


def nothing(_: Home, __: Project) -> dict[str, str]:
    """Hatch as it is after its installation."""
    return {}


def a_variable(value: str) -> Callable[[Home, Project], dict[str, str]]:
    """`HATCH_CACHE_DIR` with this value."""

    def prepare(_: Home, __: Project) -> dict[str, str]:
        return {"HATCH_CACHE_DIR": value, "A_FOLDER": "somewhere"}

    return prepare


def hatchs_own(text: str) -> Callable[[Home, Project], dict[str, str]]:
    """Hatch's own `config.toml` with this text."""

    def prepare(home: Home, _: Project) -> dict[str, str]:
        home.configure_hatch(text)
        return {"A_FOLDER": "somewhere"}

    return prepare


def another_config(text: str) -> Callable[[Home, Project], dict[str, str]]:
    """A configuration file that `HATCH_CONFIG` names, with this text; Hatch's own has another folder and table."""

    def prepare(home: Home, _: Project) -> dict[str, str]:
        home.configure_hatch('[dirs]\ncache = "/nowhere"\n[publish.tokenindex]\nrepo = "test"\n')
        path = home.folder / "other" / "hatch.toml"
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        return {"HATCH_CONFIG": str(path)}

    return prepare


def both(_: Home, project: Project) -> dict[str, str]:
    """A table in each of the project's files."""
    project.configure(TABLE)
    in_pyproject(_, project)
    return {}


def in_pyproject(_: Home, project: Project) -> dict[str, str]:
    """A table in `pyproject.toml`, and a `hatch.toml` about something else."""
    path = project.folder / "pyproject.toml"
    path.write_text(
        path.read_text(encoding="utf-8") + '[tool.hatch.publish.tokenindex]\nrepo = "test"\n', encoding="utf-8"
    )
    if not project.folder.joinpath("hatch.toml").exists():
        project.configure("[envs.test]\nskip-install = true\n")
    return {}


def in_hatch_toml(_: Home, project: Project) -> dict[str, str]:
    """A table in `hatch.toml`."""
    project.configure(TABLE)
    return {}


def hides_it(home: Home, project: Project) -> dict[str, str]:
    """Another publisher's table in `hatch.toml` hides all of `pyproject.toml`."""
    project.configure("[publish.index]\ndisable = true\n")
    return in_pyproject(home, project)


PLACES: dict[str, Callable[[Home, Project], dict[str, str]]] = {
    "nothing": nothing,
    "HATCH_CACHE_DIR": a_variable("/elsewhere/cache"),
    "HATCH_CACHE_DIR with a tilde": a_variable("~/cache"),
    "HATCH_CACHE_DIR with a variable": a_variable("/$A_FOLDER/${A_FOLDER}/cache"),
    "HATCH_CACHE_DIR, relative": a_variable("cache"),
    "HATCH_CACHE_DIR, empty": a_variable(""),
    "dirs.cache": hatchs_own('[dirs]\ncache = "/elsewhere/cache"\n'),
    "dirs.cache with a tilde and a variable": hatchs_own('[dirs]\ncache = "~/$A_FOLDER/cache"\n'),
    "HATCH_CONFIG": another_config(TABLE),
    "HATCH_CONFIG with dirs.cache": another_config(f'[dirs]\ncache = "/elsewhere/cache"\n{TABLE}'),
    "hatch.toml": in_hatch_toml,
    "pyproject.toml": in_pyproject,
    "both": both,
    "hatch.toml hides pyproject.toml": hides_it,
}


@pytest.mark.parametrize("subfolder", [".", "src/deep"])
@pytest.mark.parametrize("prepare", PLACES.values(), ids=PLACES)
def test_the_folders_are_those_that_hatch_hands_over(
    home: Home, project: Project, prepare: Callable[[Home, Project], dict[str, str]], subfolder: str
) -> None:
    home.configure_hatch("")
    environment = prepare(home, project)
    folder = project.folder / subfolder
    folder.mkdir(parents=True, exist_ok=True)

    by_hatch = as_hatch_hands_over(home, folder, environment)
    found = as_found(home, folder, environment)

    assert found.cache_folder == by_hatch.cache_folder
    assert found.tables == by_hatch.tables
    assert found.project == by_hatch.project == project.name


def test_variable_and_file_together(home: Home, project: Project) -> None:
    home.configure_hatch('[dirs]\ncache = "/from/the/file"\n')
    environment = {"HATCH_CACHE_DIR": "/from/the/variable"}
    by_hatch = as_hatch_hands_over(home, project.folder, environment)
    assert as_found(home, project.folder, environment).cache_folder == by_hatch.cache_folder
    assert by_hatch.cache_folder.as_posix().endswith("/from/the/variable/publish/tokenindex")


def test_outside_of_a_project(home: Home, tmp_path: Path) -> None:
    home.configure_hatch(TABLE)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    found = as_found(home, folder, {})
    assert found.project is None
    assert [dict(table.data) for table in found.tables] == [
        {},
        {"repo": "private", "repos": {"private": "https://packages.example.org/"}},
    ]


def test_a_project_without_a_static_name(home: Home, project: Project) -> None:
    project.folder.joinpath("pyproject.toml").write_text("[build-system]\nrequires = []\n", encoding="utf-8")
    assert as_found(home, project.folder, {}).project is None


def test_a_config_file_that_is_not_there(home: Home, project: Project, tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    with pytest.raises(ConfigurationError, match=r"HATCH_CONFIG names .*missing\.toml"):
        as_found(home, project.folder, {"HATCH_CONFIG": str(missing)})
    result = invoke_hatch(
        "publish", "-p", "tokenindex", cwd=project.folder, home=home, env={"HATCH_CONFIG": str(missing)}
    )
    assert result.returncode == 1
    assert "does not exist" in result.words


@pytest.mark.parametrize(
    "content", [b"x = \n", b"\xff\xfe", b"x = " + b"[" * 1500], ids=["no TOML", "no UTF-8", "too deep"]
)
@pytest.mark.parametrize("name", ["pyproject.toml", "hatch.toml", "config.toml"])
def test_a_file_that_can_not_be_read(home: Home, project: Project, name: str, content: bytes) -> None:
    home.configure_hatch("")
    path = home.hatch_config if name == "config.toml" else project.folder / name
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        as_found(home, project.folder, {})
    assert str(caught.value) == f"{path} is not valid TOML."


def test_a_folder_in_place_of_a_file(home: Home, project: Project) -> None:
    (project.folder / "hatch.toml").mkdir()
    with (
        living_in(home, project.folder, {}),
        pytest.raises(ConfigurationError, match=r"Can't read .*hatch\.toml: "),
    ):
        find_folders(home.environment, project.folder)


@pytest.mark.parametrize("text", ["project = 1\n", "project = []\n", "[project]\nname = 1\n", "[project]\nname = ''\n"])
def test_a_name_that_is_none(home: Home, project: Project, text: str) -> None:
    project.folder.joinpath("pyproject.toml").write_text(text, encoding="utf-8")
    assert not as_found(home, project.folder, {}).project
    result = invoke_hatch("publish", "-p", "tokenindex", "-o", "explain", cwd=project.folder, home=home)
    assert result.returncode == 0, result.output
    assert f"keyring: pypi_token:project:{project.folder.name}" in result.words


@pytest.mark.parametrize("text", ["[dirs]\ncache = 1\n", "dirs = 1\n", "publish = 1\n", "[publish]\ntokenindex = 1\n"])
def test_a_config_file_that_hatch_refuses(home: Home, project: Project, text: str) -> None:
    """Hatch itself ends with an error, so `hatch-tokenindex` need not."""
    home.configure_hatch("")
    default = as_found(home, project.folder, {})
    home.configure_hatch(text)
    assert as_found(home, project.folder, {}) == default


@pytest.mark.parametrize(
    "key", ["tool = 1", "tool.hatch = 1", "tool.hatch.publish = 1", "tool.hatch.publish.tokenindex = 1"]
)
def test_a_project_that_hatch_refuses(home: Home, project: Project, key: str) -> None:
    default = as_found(home, project.folder, {})
    path = project.folder / "pyproject.toml"
    path.write_text(f"{key}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    assert as_found(home, project.folder, {}) == default


# Without a home folder: `~` would be a folder of the clone


@pytest.fixture
def without_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """HOME isn't set, and the system knows no such user."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)


@pytest.mark.usefixtures("without_home")
def test_no_pypirc_is_read_without_a_home_folder(home: Home, project: Project) -> None:
    in_clone = project.folder / "~"
    in_clone.mkdir()
    in_clone.joinpath(".pypirc").write_text("[pypi]\nusername = x\npassword = planted\n", encoding="utf-8")
    with living_in(home, project.folder, {}):
        assert pypirc_path() is None
    result = invoke_hatch("publish", "-p", "tokenindex", "-o", "explain", cwd=project.folder, home=home)
    assert result.returncode == 0, result.output
    assert re.search(r"~/\.pypirc +not set", result.output)


@pytest.mark.usefixtures("without_home")
@pytest.mark.parametrize("folder", ["~/.config", "~"])
def test_no_config_file_is_read_without_a_home_folder(
    home: Home, project: Project, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project.folder / folder / "hatch" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f'[dirs]\ncache = "/planted"\n{TABLE}', encoding="utf-8")
    monkeypatch.setattr("hatch_tokenindex.config.folders.user_config_dir", lambda *_, **__: f"{folder}/hatch")
    found = as_found(home, project.folder, {})
    assert found.tables[1].data == {}
    assert found.cache_folder == home.hatch_cache / "publish" / "tokenindex"


def test_a_hatch_toml_that_is_not_a_file_is_ignored_as_hatch_does(home: Home, project: Project) -> None:
    in_pyproject(home, project)
    project.folder.joinpath("hatch.toml").unlink()
    project.folder.joinpath("hatch.toml").mkdir()

    table, _ = as_hatch_hands_over(home, project.folder, {}).tables

    assert table.path == project.folder / "pyproject.toml"
    assert table.data == {"repo": "test"}
