"""The publisher as other programs call it: with the environment, with options, from their own Click commands."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest
from distribution_builders import make_wheel
from hatch.cli.application import Application
from hatch.project.core import Project as HatchProject
from hatch.utils.fs import Path as HatchPath
from hatch_in_process import invoke_hatch, living_in, publish
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from servers import BasicAuth

from hatch_tokenindex.publisher import TokenIndexPublisher

if TYPE_CHECKING:
    from hatch_process import Home, Project
    from servers import RecordingServer


SECRET = "s3cret-that-must-not-be-shown"


class Stopped(Exception):  # noqa: N818 - what an application does to stop is no error here
    """Hatch's abort."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(code)
        self.code = code


def stop(code: int) -> None:
    """End as Hatch ends."""
    raise Stopped(code)


def publisher(project: Project, home: Home) -> TokenIndexPublisher:
    """The publisher as another program would make it, with Hatch's own application; the home's environment must hold."""
    app: Any = Application(stop, verbosity=0, enable_color=False, interactive=False)  # type: ignore[no-untyped-call]
    app.config_file.path = HatchPath(home.hatch_config)
    app.config_file.restore()
    app.project = HatchProject(HatchPath(project.folder))
    app.project.set_app(app)
    cache = HatchPath(home.hatch_cache) / "publish" / "tokenindex"
    own = app.project.config.publish.get("tokenindex", {})
    return TokenIndexPublisher(app, app.project.location, cache, own, {})  # type: ignore[no-untyped-call]


@pytest.fixture
def variables(index: RecordingServer) -> dict[str, str]:
    """All that a run needs, in the environment."""
    return {"HATCH_INDEX_REPO": index.upload_url, "HATCH_INDEX_USER": "somebody", "HATCH_INDEX_AUTH": SECRET}


def test_it_can_be_called_from_python(
    index: RecordingServer, built: Project, home: Home, variables: dict[str, str]
) -> None:
    with living_in(home, built.folder, variables):
        publisher(built, home).publish([], {})
    assert [upload.authorization for upload in index.uploads] == [BasicAuth("somebody", SECRET)]


def test_it_can_be_called_from_python_with_options(
    index: RecordingServer, built: Project, home: Home, variables: dict[str, str]
) -> None:
    given = {"user": "other", "no_prompt": True, "initialize_auth": False, "existing": "replace"}
    (wheel,) = built.dist.iterdir()
    with living_in(home, built.folder, {**variables, "HATCH_INDEX_USER": ""}):
        publisher(built, home).publish([str(wheel)], given)
        with pytest.raises(Stopped) as stopped:
            publisher(built, home).publish([f"{wheel}.missing"], given)
    assert stopped.value.code == 1
    assert [upload.authorization for upload in index.uploads] == [BasicAuth("other", SECRET)]


def test_it_can_be_called_from_another_click_command(
    index: RecordingServer, built: Project, home: Home, variables: dict[str, str]
) -> None:
    @click.command()
    @click.option("--auth")
    @click.option("--repo")
    @click.option("--yes", is_flag=True)
    def release(auth: str, repo: str, *, yes: bool) -> None:
        assert (auth, repo, yes) == ("another secret", "another repo", True)
        publisher(built, home).publish([], {})

    with living_in(home, built.folder, variables):
        release.main(["--auth", "another secret", "--repo", "another repo", "--yes"], standalone_mode=False)
    assert [upload.authorization for upload in index.uploads] == [BasicAuth("somebody", SECRET)]


@pytest.mark.parametrize("stdin", [None, io.StringIO()], ids=["none", "text"])
def test_it_can_be_called_without_a_standard_input(
    index: RecordingServer,
    built: Project,
    home: Home,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    stdin: io.StringIO | None,
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with living_in(home, built.folder, variables):
        publisher(built, home).publish([], {})
    assert len(index.uploads) == 1


def test_disable_is_never_hatchs_to_read(built: Project, home: Home) -> None:
    built.configure("[publish.tokenindex]\ndisable = 'maybe'\n")
    with living_in(home, built.folder, {}):
        assert publisher(built, home).disable is False


@pytest.mark.parametrize(("folder", "is_read"), [("/home/person", True), ("~", False)])
def test_a_config_file_without_a_home_folder_is_not_read(
    built: Project, home: Home, folder: str, *, is_read: bool
) -> None:
    """Hatch takes `~` for a folder where one stands, which is the clone."""
    table = {"repos": {"private": "https://packages.example.org/"}}
    with living_in(home, built.folder, {}):
        app = publisher(built, home).app
        app.config_file.path = HatchPath(f"{folder}/.config/hatch/config.toml")
        own = TokenIndexPublisher(app, app.project.location, home.hatch_cache, {}, table)  # type: ignore[no-untyped-call]
        _, personal = own._tables()  # noqa: SLF001 - what a run is made of
    assert personal.data == (table if is_read else {})


# Where it looks for files


@pytest.mark.parametrize(
    ("table", "folders"),
    [
        ("", ["dist"]),
        ("[build]\ndirectory = 'out/'\n", ["out"]),
        ("[build]\ndirectory = 'out'\n[build.targets.wheel]\ndirectory = './out/wheels'\n", ["out", "out/wheels"]),
        ("[build.targets.sdist]\nonly-include = []\n[build.targets.custom]\ndirectory = 'more'\n", ["dist", "more"]),
    ],
)
def test_files_are_looked_for_where_they_are_built(
    index: RecordingServer, project: Project, home: Home, variables: dict[str, str], table: str, folders: list[str]
) -> None:
    project.configure(table)
    result = publish(project, home, **variables)
    assert result.returncode == 1
    assert f"no wheel (.whl) or sdist (.tar.gz) in {' or '.join(folders)}." in " ".join(result.stderr.split())
    assert "Fix: run `hatch build` first." in result.stderr
    for number, folder in enumerate(folders):
        make_wheel(project.folder / folder, project.name, tag=f"py{number}-none-any")
    assert publish(project, home, **variables).returncode == 0
    assert len(index.uploads) == len(folders)


def test_they_are_where_hatch_builds_them(built: Project, home: Home) -> None:
    """In a table of `pyproject.toml` too, and as Hatch's own reader of the table sees it."""
    table = "\n[tool.hatch.build]\ndirectory = 'out'\n[tool.hatch.build.targets.wheel]\ndirectory = 'wheels'\n"
    path = built.folder / "pyproject.toml"
    path.write_text(path.read_text() + table)
    with living_in(home, built.folder, {}):
        made = publisher(built, home)
        assert made._build_folders() == ["out", "wheels"]  # noqa: SLF001 - what a run is made of
        builders = (
            builder(str(built.folder), metadata=made.app.project.metadata) for builder in (SdistBuilder, WheelBuilder)
        )
        assert [os.path.relpath(builder.config.directory) for builder in builders] == ["out", "wheels"]


@pytest.mark.parametrize(
    "table", ["build = 1", "[build]\ndirectory = 1", "[build]\ntargets = 1", "[build.targets]\nwheel = 1"]
)
def test_an_invalid_table_is_one_line(built: Project, home: Home, variables: dict[str, str], table: str) -> None:
    built.configure(f"{table}\n")
    result = publish(built, home, **variables)
    assert result.returncode == 1
    assert "Invalid `build` table of Hatch: `directory` must be a path" in " ".join(result.stderr.split())


@pytest.mark.parametrize("directory", ["../*", "{}", "..", "sub/../../other/dist"])
def test_a_build_directory_outside_the_project_is_not_searched(
    built: Project, home: Home, variables: dict[str, str], index: RecordingServer, directory: str
) -> None:
    """The table comes with a clone, the files are those of other projects."""
    other = make_wheel(built.folder.parent / "other" / "dist", "other").parent
    directory = directory.format(other)
    built.configure(f"[build]\ndirectory = '{directory}'\n")
    result = publish(built, home, **variables)
    assert result.returncode == 1
    assert "is outside the project. Its files are published only if you name it." in " ".join(result.stderr.split())
    assert not index.uploads
    assert publish(built, home, str(other), **variables).returncode == 0


def test_a_build_directory_is_no_pattern(
    project: Project, home: Home, variables: dict[str, str], index: RecordingServer
) -> None:
    make_wheel(project.folder / "vendored", "other")
    project.configure("[build]\ndirectory = '*'\n")
    assert publish(project, home, **variables).returncode == 1
    assert not index.uploads


def test_a_named_folder_without_files_is_named(project: Project, home: Home, variables: dict[str, str]) -> None:
    (project.folder / "empty").mkdir()
    result = publish(project, home, "empty", **variables)
    assert "no wheel (.whl) or sdist (.tar.gz) in empty." in " ".join(result.stderr.split())


def test_a_path_can_be_given_from_a_subfolder(
    index: RecordingServer, built: Project, home: Home, variables: dict[str, str]
) -> None:
    (wheel,) = built.dist.iterdir()
    for name in (wheel.name, f"dist/{wheel.name}"):
        result = invoke_hatch("publish", "-p", "tokenindex", name, cwd=built.dist, home=home, env=variables)
        assert result.returncode == 0, result
        assert f"{wheel.relative_to(built.folder)} ..." in result.stderr
    assert len(index.uploads) == 1
