"""The publisher as Hatch sees it: what it costs, what leaves it, and what is said on which stream."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import httpx
import pytest
from distribution_builders import make_sdist, make_wheel
from hatch.cli.application import Application
from hatch.project.core import Project as HatchProject
from hatch.publish.plugin.interface import PublisherInterface
from hatch.utils.fs import Path as HatchPath
from hatch_in_process import invoke_hatch, living_in
from hatch_process import command, run_command, run_hatch
from servers import Answer, BasicAuth

from hatch_tokenindex import distributions, hooks, options, repositories
from hatch_tokenindex.credentials.cache import Cache
from hatch_tokenindex.credentials.chain import Chain
from hatch_tokenindex.credentials.pypirc import Pypirc
from hatch_tokenindex.index.simple import SimpleApi
from hatch_tokenindex.index.upload import Uploader
from hatch_tokenindex.publisher import TokenIndexPublisher
from hatch_tokenindex.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_process import HatchResult, Home, Project
    from servers import RecordingServer

SECRET = "s3cret-that-must-not-be-shown"


@pytest.fixture
def built(project: Project) -> Project:
    """The project with a wheel."""
    make_wheel(project.dist, project.name)
    return project


def publish(project: Project, home: Home, *arguments: str, quiet: str = "", **environment: str) -> HatchResult:
    """Publish what is in `dist`, in this process; `quiet` is a global flag of Hatch."""
    words = (*([quiet] if quiet else []), "publish", "-p", "tokenindex", *arguments)
    return invoke_hatch(*words, cwd=project.folder, home=home, env=environment)


# The door


def test_hatch_finds_it() -> None:
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


# Nothing but Hatch's own abort leaves it


def secret_bearing(kind: type[BaseException]) -> BaseException:
    """An exception whose text and whose frame hold the secret."""
    if issubclass(kind, UnicodeDecodeError):
        return kind("utf-8", SECRET.encode(), 0, 1, SECRET)
    return kind(SECRET)


PLACES = [
    (options, "read"),
    (repositories, "load"),
    (repositories.Repositories, "choose"),
    (distributions, "find"),
    (Pypirc, "user"),
    (Cache, "read"),
    (Chain, "resolve"),
    (SimpleApi, "listing"),
    (Uploader, "upload"),
    (Run, "publish"),
]
KINDS = [
    RuntimeError,
    KeyError,
    ValueError,
    UnicodeDecodeError,
    OSError,
    MemoryError,
    RecursionError,
    NotImplementedError,
    AssertionError,
    click.ClickException,
    httpx.HTTPError,
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("owner", "name"), PLACES)
def test_a_bug_is_one_line(
    index: RecordingServer,
    built: Project,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    kind: type[BaseException],
) -> None:
    def explode(*_: object, **__: object) -> None:
        token = SECRET
        raise secret_bearing(kind) from RuntimeError(token)

    monkeypatch.setattr(owner, name, explode)
    result = publish(built, home, "-r", index.upload_url, "-a", SECRET)
    assert result.returncode == 1
    (line,) = result.output.splitlines()
    assert line.startswith(f"This is a bug in hatch-tokenindex, please report it: {kind.__name__} in ")

    result = publish(built, home, "-r", index.upload_url, "-a", SECRET, HATCH_DEBUG="1")
    assert result.returncode == 1
    assert "in explode" in result.stderr
    assert 'File "' in result.stderr
    assert SECRET not in result.output
    assert index.uploads == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, EOFError, click.exceptions.Abort])
@pytest.mark.parametrize(("owner", "name"), PLACES)
def test_an_interruption_is_one_line(
    index: RecordingServer,
    built: Project,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    kind: type[BaseException],
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise kind

    monkeypatch.setattr(owner, name, interrupt)
    result = publish(built, home, "-r", index.upload_url, "-a", SECRET, HATCH_DEBUG="1")
    assert (result.returncode, result.output) == (1, "Aborted.\n")


def test_the_installed_command_shows_no_variables(built: Project, home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    folder.joinpath("sitecustomize.py").write_text(
        "import hatch_tokenindex.run as run\n\n\ndef explode(self, files):\n    raise RuntimeError(self.asked)\n\n\n"
        "run.Run.publish = explode\n",
        encoding="utf-8",
    )
    environment = {"PYTHONPATH": str(folder), "HATCH_DEBUG": "1", "HATCH_INDEX_AUTH": SECRET}
    result = run_hatch("publish", "-p", "tokenindex", "-a", SECRET, cwd=built.folder, home=home, env=environment)
    assert result.returncode == 1
    assert "RuntimeError in explode" in result.stderr
    assert "locals" not in result.output
    assert SECRET not in result.output


needs_dev_full = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /dev/full")


@needs_dev_full
@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_nothing_is_shown_where_standard_error_is_gone(built: Project, home: Home, streams: str) -> None:
    words = f'"$0" publish -p tokenindex -r nowhere -a "$1" {streams}'
    environment = {**home.environment, "HATCH_DEBUG": "1"}
    shell = ("sh", "-c", words, command("hatch"), SECRET)
    result = run_command(*shell, cwd=built.folder, environment=environment)
    assert result.returncode != 0
    assert result.output == ""


@needs_dev_full
def test_a_full_standard_output_is_one_line(built: Project, home: Home) -> None:
    shell = ("sh", "-c", '"$0" publish -p tokenindex -a "$1" -o json >/dev/full', command("hatch"), SECRET)
    result = run_command(*shell, cwd=built.folder, environment=home.environment)
    assert result.returncode != 0
    assert "Standard output can't be written" in result.stderr
    assert "bug in hatch-tokenindex" not in result.stderr
    assert SECRET not in result.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_a_stream_cannot_encode_is_escaped(built: Project, home: Home, encoding: str) -> None:
    words = ("publish", "-p", "tokenindex", "-u", "\u2603", "-a", SECRET, "-o", "explain")
    environment = {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    result = run_hatch(*words, cwd=built.folder, home=home, env=environment)
    assert result.returncode == 0, result.output
    assert "\\u2603 (--user)" in result.stdout


# Called from Python


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


def test_called_from_python(index: RecordingServer, built: Project, home: Home, variables: dict[str, str]) -> None:
    with living_in(home, built.folder, variables):
        publisher(built, home).publish([], {})
    assert [upload.authorization for upload in index.uploads] == [BasicAuth("somebody", SECRET)]


def test_called_from_python_with_options(
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


def test_called_from_another_click_command(
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
def test_a_standard_input_that_is_none(
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


# What is said, and where


@pytest.fixture
def warned(index: RecordingServer, built: Project) -> Project:
    """A project whose every run has something to warn of."""
    built.configure(
        f"[publish.tokenindex]\nrepo = 'x'\n[publish.tokenindex.repos.x]\nurl = '{index.upload_url}'\nauth = 'x'\n"
    )
    return built


WARNING, SUCCESS, ERROR = "gets committed", " ... success", "on the index already"


@pytest.mark.parametrize(
    ("quiet", "said"),
    [("", [WARNING, SUCCESS]), ("-q", [WARNING]), ("-qq", []), ("-qqq", []), ("-v", [WARNING, SUCCESS])],
)
def test_verbosity_of_a_success(warned: Project, home: Home, quiet: str, said: list[str]) -> None:
    result = publish(warned, home, quiet=quiet)
    assert result.returncode == 0
    assert result.stdout == ""
    assert [text for text in (WARNING, SUCCESS) if text in result.stderr] == said
    if not said:
        assert result.stderr == ""
    assert ("sha256" in result.stderr) is ("with the secret from" in result.stderr) is (quiet == "-v")


@pytest.mark.parametrize(
    ("quiet", "said"), [("", [WARNING, ERROR]), ("-q", [WARNING, ERROR]), ("-qq", [ERROR]), ("-qqq", [])]
)
def test_verbosity_of_a_failure(warned: Project, home: Home, quiet: str, said: list[str]) -> None:
    assert publish(warned, home).returncode == 0
    result = publish(warned, home, "-o", "existing=fail", quiet=quiet)
    assert result.returncode == 1
    assert result.stdout == ""
    assert [text for text in (WARNING, ERROR) if text in result.stderr] == said
    if not said:
        assert result.stderr == ""


def check_document(result: HatchResult) -> dict[str, Any]:
    """Standard output is one JSON document of the documented shape."""
    document: dict[str, Any] = json.loads(result.stdout)
    assert list(document) == ["ok", "repository", "projects", "warnings", "error"]
    assert document["ok"] is (result.returncode == 0)
    assert (document["error"] is None) is document["ok"]
    if document["error"] is not None:
        assert list(document["error"]) == ["summary", "index_said", "next_step"]
    for project in document["projects"]:
        assert list(project) == ["name", "version", "url", "credential", "files"]
        for file in project["files"]:
            assert list(file) == ["filename", "size", "sha256", "outcome", "error"]
    assert SECRET not in result.output
    return document


@pytest.mark.parametrize("quiet", ["", "-qqq", "-vv"])
def test_json_alone_is_on_standard_output(index: RecordingServer, warned: Project, home: Home, quiet: str) -> None:
    sdist = make_sdist(warned.dist, warned.name)
    result = publish(warned, home, "-a", SECRET, "-o", "json", quiet=quiet)
    document = check_document(result)
    assert document["repository"] == {"name": "x", "url": index.upload_url}
    assert [WARNING in warning for warning in document["warnings"]] == [True]
    (entry,) = document["projects"]
    assert (entry["name"], entry["version"]) == (warned.name, "1.0")
    assert entry["credential"] == {"user": "__token__", "source": "--auth"}
    files = {file["filename"]: file for file in entry["files"]}
    assert [file["outcome"] for file in files.values()] == ["uploaded", "uploaded"]
    assert files[sdist.name]["size"] == sdist.stat().st_size
    assert {upload.file.filename: upload.file.sha256 for upload in index.uploads} == {
        name: file["sha256"] for name, file in files.items()
    }
    assert (SUCCESS in result.stderr) is (quiet != "-qqq")

    (entry,) = check_document(publish(warned, home, "-o", "json", quiet=quiet))["projects"]
    assert [file["outcome"] for file in entry["files"]] == ["exists", "exists"]


def test_json_of_a_rehearsal(index: RecordingServer, warned: Project, home: Home) -> None:
    (entry,) = check_document(publish(warned, home, "-o", "json", "-o", "dry-run"))["projects"]
    assert [file["outcome"] for file in entry["files"]] == ["would upload"]
    assert index.uploads == []


def test_json_of_a_refusal(index: RecordingServer, warned: Project, home: Home) -> None:
    make_sdist(warned.dist, warned.name)
    text = "This filename was previously used by a file that has since been deleted. Use a different version."
    index.script_uploads(None, Answer(400, text, body=text))
    result = publish(warned, home, "-a", SECRET, "-o", "json")
    document = check_document(result)
    assert text in document["error"]["index_said"]
    assert document["error"]["next_step"]
    assert text in result.stderr
    (entry,) = document["projects"]
    assert [file["outcome"] for file in entry["files"]] == ["uploaded", "failed"]
    assert [bool(file["error"]) for file in entry["files"]] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "table", "expected"),
    [
        pytest.param(["-r", "nowhere"], "", "'nowhere'", id="unknown repository"),
        pytest.param([], "jobs = 9", "`jobs`", id="wrong table"),
        pytest.param(["dist/no-such-1.0.tar.gz"], "", "no-such-1.0.tar.gz", id="no such file"),
        pytest.param(["-r", "http://127.0.0.1:9/"], "", "secret", id="no credential"),
    ],
)
def test_json_of_a_run_that_ends_early(
    built: Project, home: Home, arguments: list[str], table: str, expected: str
) -> None:
    built.configure(f"[publish.tokenindex]\n{table}\n")
    document = check_document(publish(built, home, "-o", "json", *arguments))
    assert expected in document["error"]["summary"]
    assert document["error"]["index_said"] is None


def test_explain_as_json(warned: Project, home: Home) -> None:
    result = publish(warned, home, "-a", SECRET, "-o", "json", "-o", "explain")
    document = json.loads(result.stdout)
    assert list(document) == ["ok", "repository", "projects", "warnings", "error"]
    (entry,) = document["projects"]
    assert entry["name"] == warned.name
    used = [(row["question"], row["place"]) for row in entry["rows"] if row["used"]]
    assert used == [("secret", "--auth")]
    assert SECRET not in result.output


def test_an_explanation_that_fails_is_json_too(built: Project, home: Home) -> None:
    document = check_document(publish(built, home, "-o", "json", "-o", "explain", "-r", "nowhere"))
    assert "'nowhere'" in document["error"]["summary"]


def test_json_of_a_bug_quotes_nothing(
    index: RecordingServer, built: Project, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(Uploader, "upload", explode)
    document = check_document(publish(built, home, "-r", index.upload_url, "-a", SECRET, "-o", "json"))
    assert document["error"]["summary"]


@pytest.mark.parametrize("color", ["--color", "--no-color"])
def test_json_has_no_colours(warned: Project, home: Home, color: str) -> None:
    check_document(publish(warned, home, "-a", SECRET, "-o", "json", quiet=color))
