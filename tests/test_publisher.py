"""The publisher as other programs call it: with the environment, with options, from their own Click commands."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest
from hatch.cli.application import Application
from hatch.project.core import Project as HatchProject
from hatch.utils.fs import Path as HatchPath
from hatch_in_process import living_in
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
