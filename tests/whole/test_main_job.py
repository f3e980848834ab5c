"""The main job, end to end: a real `hatch publish -p tokenindex` to real indexes, and all that can be wrong before it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import publish
from hatch_process import HatchResult, HatchTerminal, needs_terminal, run_command, run_hatch
from maintainer import private_repository
from servers import BasicAuth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hatch_process import Home, Project
    from servers import DevpiServer, PypiServer, RecordingServer

SECRET = "s3cret-that-must-not-be-shown"
WHEEL = "demo-1.0-py3-none-any.whl"


@pytest.fixture(params=["pypiserver", "devpi"])
def real_index(request: pytest.FixtureRequest) -> PypiServer | DevpiServer:
    """Each of the real indexes in turn."""
    server: PypiServer | DevpiServer = request.getfixturevalue(request.param)
    return server


def publish_for_real(project: Project, home: Home, *arguments: str, **environment: str) -> HatchResult:
    """Publish with the installed command, on a standard input that is no terminal."""
    return run_hatch("publish", "-p", "tokenindex", *arguments, cwd=project.folder, home=home, env=environment)


def pip_install(target: Path, home: Home, simple_url: str, *arguments: str) -> HatchResult:
    """Install from one index and from nowhere else."""
    options = ["--isolated", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--target", str(target)]
    return run_command(
        *(sys.executable, "-m", "pip", "install", *options, "--index-url", simple_url, *arguments),
        cwd=home.folder,
        environment={**home.environment, "PIP_CONFIG_FILE": os.devnull},
    )


# Publishing


@pytest.mark.usefixtures("cold")
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_what_is_published_can_be_installed(
    real_index: PypiServer | DevpiServer, project: Project, home: Home, tmp_path: Path, kind: str
) -> None:
    wheel = make_wheel(project.dist, project.name)
    sdist = make_sdist(project.dist, project.name)
    project.configure(private_repository(url=real_index.upload_url, user=real_index.user))

    result = publish_for_real(project, home, "-r", "private", HATCH_INDEX_AUTH_PRIVATE=real_index.password)

    assert result.returncode == 0, result.output
    assert f"{wheel.relative_to(project.folder)} ... success" in result.words
    assert f"{sdist.relative_to(project.folder)} ... success" in result.words
    assert real_index.password not in result.output
    target = tmp_path / "installed"
    choice = "--only-binary" if kind == "wheel" else "--no-binary"
    installed = pip_install(target, home, real_index.simple_url, choice, ":all:", project.name)
    assert installed.returncode == 0, installed.output
    module = project.name.replace("-", "_")
    code = f"import {module}; print({module}.__version__, {module}.__file__)"
    version, file = subprocess.check_output([sys.executable, "-c", code], cwd=target, text=True).split()
    assert version == project.version
    assert file.startswith(str(target))


def test_a_wrong_password_uploads_nothing(
    real_index: PypiServer | DevpiServer, project: Project, home: Home, tmp_path: Path
) -> None:
    make_wheel(project.dist, project.name)
    result = publish_for_real(
        project, home, "-r", real_index.upload_url, "-u", real_index.user, "-a", "not the password"
    )

    check_refusal(result, ["--auth"])
    assert "not the password" not in result.output
    assert pip_install(tmp_path / "installed", home, real_index.simple_url, project.name).returncode == 1


@pytest.mark.parametrize("environment", [{}, {"CI": "true", "GITHUB_ACTIONS": "true"}], ids=["at home", "in CI"])
def test_a_token_in_the_environment_needs_no_user_and_no_question(
    index: RecordingServer, project: Project, home: Home, environment: dict[str, str]
) -> None:
    make_wheel(project.dist, project.name)
    project.configure(private_repository(url=index.upload_url))
    result = publish_for_real(project, home, "-r", "private", HATCH_INDEX_AUTH=SECRET, **environment)

    assert result.returncode == 0, result.output
    assert [request.authorization for request in index.uploads] == [BasicAuth("__token__", SECRET)]
    assert SECRET not in result.output


@pytest.mark.usefixtures("cold")
@needs_terminal
def test_a_terminal_is_asked_and_the_secret_is_hidden(index: RecordingServer, project: Project, home: Home) -> None:
    make_wheel(project.dist, project.name)
    home.use_keyring("FileKeyring")
    with HatchTerminal(
        "publish", "-p", "tokenindex", "-r", index.upload_url, cwd=project.folder, home=home
    ) as terminal:
        terminal.expect("User name")
        terminal.send("")
        terminal.give_secret(SECRET)
        assert terminal.finish() == 0, terminal.screen
    assert [request.authorization for request in index.uploads] == [BasicAuth("__token__", SECRET)]
    assert SECRET not in terminal.screen
    assert home.keyring.secrets == {index.upload_url: {"__token__": SECRET}}


def test_the_fields_are_those_that_an_index_reads(index: RecordingServer, project: Project, home: Home) -> None:
    headers = [
        ("Summary", "Grüße"),
        ("Classifier", "Programming Language :: Python :: 3"),
        ("Classifier", "Typing :: Typed"),
        ("Project-URL", "Source, https://example.org/source"),
        ("Requires-Dist", "packaging>=24"),
        ("Requires-Python", ">=3.10"),
        ("Keywords", "one,two"),
        ("Description-Content-Type", "text/markdown"),
    ]
    wheel = make_wheel(project.dist, project.name, tag="py2.py3-none-any", headers=headers, description="# Title\n")
    sdist = make_sdist(project.dist, project.name, headers=headers, description="# Title\n")
    result = publish_for_real(project, home, "-r", index.upload_url, "-a", SECRET)

    assert result.returncode == 0, result.output
    sent = {request.file.filename: request for request in index.uploads}
    assert list(sent) == [wheel.name, sdist.name]
    for path, filetype, pyversion in [(wheel, "bdist_wheel", "py2.py3"), (sdist, "sdist", "source")]:
        request = sent[path.name]
        assert request.file.content == path.read_bytes()
        assert request.value("sha256_digest") == request.file.sha256
        assert (request.value("filetype"), request.value("pyversion")) == (filetype, pyversion)
        assert (request.value("name"), request.value("version")) == (project.name, project.version)
        assert request.value("summary") == "Grüße"
        assert request.values("classifiers") == ("Programming Language :: Python :: 3", "Typing :: Typed")
        assert request.values("project_urls") == ("Source, https://example.org/source",)
        assert request.values("requires_dist") == ("packaging>=24",)
        assert request.value("requires_python") == ">=3.10"
        assert request.value("keywords") == "one,two"
        assert request.value("description").strip() == "# Title"
        assert request.value("description_content_type") == "text/markdown"


# What can be wrong before anything is sent


def no_dist(project: Project) -> None:
    """Nothing was built."""


def no_distributions(project: Project) -> None:
    """`dist` holds something else."""
    project.dist.mkdir()
    project.dist.joinpath("notes.txt").write_text("notes", encoding="utf-8")


def wheel_of(content: bytes) -> Callable[[Project], None]:
    """A `dist` with a wheel of this content."""

    def build(project: Project) -> None:
        make_wheel(project.dist, "demo").write_bytes(content)

    return build


def truncated(make: Callable[..., Path]) -> Callable[[Project], None]:
    """A `dist` with a file that was cut off."""

    def build(project: Project) -> None:
        path = make(project.dist, "demo")
        path.write_bytes(path.read_bytes()[:-200])

    return build


def wheel_without_metadata(project: Project) -> None:
    """A wheel without METADATA."""
    make_wheel(project.dist, "demo", leave_out=["METADATA"])


def wheel_that_is_a_folder(project: Project) -> None:
    """A folder with the name of a wheel."""
    project.dist.joinpath(WHEEL).mkdir(parents=True)


def wheel_that_may_not_be_read(project: Project) -> None:
    """A wheel without read permission."""
    if sys.platform == "win32" or os.geteuid() == 0:
        pytest.skip("this user may read every file")
    make_wheel(project.dist, "demo").chmod(0)


@pytest.mark.parametrize("debug", [{}, {"HATCH_DEBUG": "1"}], ids=["plain", "HATCH_DEBUG"])
@pytest.mark.parametrize(
    ("prepare", "arguments", "expected"),
    [
        pytest.param(no_dist, [], ["dist"], id="nothing built"),
        pytest.param(no_distributions, [], ["dist"], id="nothing to publish"),
        pytest.param(no_dist, ["dist/missing-1.0.tar.gz"], ["missing-1.0.tar.gz"], id="no such file"),
        pytest.param(wheel_of(b""), [], [WHEEL], id="empty"),
        pytest.param(wheel_of(b"this is no zip archive"), [], [WHEEL], id="not an archive"),
        pytest.param(truncated(make_wheel), [], [WHEEL], id="truncated wheel"),
        pytest.param(truncated(make_sdist), [], ["demo-1.0.tar.gz"], id="truncated sdist"),
        pytest.param(wheel_without_metadata, [], [WHEEL, "METADATA"], id="no METADATA"),
        pytest.param(wheel_that_is_a_folder, [], [WHEEL], id="a folder"),
        pytest.param(wheel_that_may_not_be_read, [], [WHEEL], id="unreadable"),
    ],
)
def test_files_that_cannot_be_published(
    index: RecordingServer,
    project: Project,
    home: Home,
    prepare: Callable[[Project], None],
    arguments: list[str],
    expected: list[str],
    debug: dict[str, str],
) -> None:
    prepare(project)
    result = publish(project, home, "-r", index.upload_url, *arguments, HATCH_INDEX_AUTH=SECRET, **debug)
    check_refusal(result, expected)
    assert index.requests == []


@pytest.mark.parametrize("debug", [{}, {"HATCH_DEBUG": "1"}], ids=["plain", "HATCH_DEBUG"])
@pytest.mark.parametrize(
    ("table", "expected"),
    [
        pytest.param("[publish.tokenindex]\nrepos = 3", ["repos"], id="repos is no table"),
        pytest.param("[publish.tokenindex]\nrepo = 3", ["repo"], id="repo is no string"),
        pytest.param("[publish.tokenindex]\njobs = 9", ["jobs"], id="jobs out of range"),
        pytest.param("[publish.tokenindex]\ndisable = 'no'", ["disable"], id="disable is no boolean"),
        pytest.param("[publish.tokenindex.repos]\nprivate = 3", ["repos", "private"], id="repository is no table"),
        pytest.param(
            "[publish.tokenindex.repos.main]\nurl = 'https://example.org/'", ["repos.main", "url"], id="main's URL"
        ),
        pytest.param("[publish.tokenindex.repos.private]\nuser = 'x'", ["repos.private", "url"], id="no url"),
        pytest.param(private_repository(url="packages.example.org"), ["repos.private", "url"], id="no absolute URL"),
        pytest.param(private_repository(url="ftp://example.org/"), ["repos.private", "url"], id="another scheme"),
        pytest.param(
            private_repository(url=f"https://ci:{SECRET}@example.org/"), ["repos.private", "url"], id="secret in URL"
        ),
        pytest.param(
            private_repository(url="https://example.org/", usre="x"),
            ["repos.private", "usre", "user"],
            id="unknown key",
        ),
        pytest.param(
            f"{private_repository(url='https://example.org/')}user = ['x']", ["repos.private", "user"], id="wrong type"
        ),
        pytest.param(
            f"{private_repository(url='https://example.org/')}auth-command = ['pass', 'pypi']",
            ["repos.private", "auth-command"],
            id="command in a project's file",
        ),
    ],
)
def test_tables_that_are_wrong(
    project: Project, home: Home, table: str, expected: list[str], debug: dict[str, str]
) -> None:
    make_wheel(project.dist, project.name)
    project.configure(table)
    result = publish(project, home, "-r", "private", HATCH_INDEX_AUTH=SECRET, **debug)
    check_refusal(result, ["hatch.toml", "publish.tokenindex", *expected])
    assert len(result.output.strip().splitlines()) == 1, result.output


@pytest.mark.parametrize("debug", [{}, {"HATCH_DEBUG": "1"}], ids=["plain", "HATCH_DEBUG"])
def test_an_unknown_repository(index: RecordingServer, project: Project, home: Home, debug: dict[str, str]) -> None:
    make_wheel(project.dist, project.name)
    project.configure(private_repository(url=index.upload_url))
    result = publish(project, home, "-r", "privat", HATCH_INDEX_AUTH=SECRET, **debug)
    check_refusal(result, ["privat", "private", "main", "test"])
    assert index.requests == []


@pytest.mark.parametrize("debug", [{}, {"HATCH_DEBUG": "1"}], ids=["plain", "HATCH_DEBUG"])
@pytest.mark.parametrize(
    "content",
    [
        f"[pypi\nusername = someone\npassword = {SECRET}\n".encode(),
        f"password = {SECRET}\n".encode(),
        f"[pypi]\n{SECRET}\n".encode(),
        f"[pypi]\npassword = {SECRET}\n[pypi]\npassword = {SECRET}2\n".encode(),
        f"[pypi]\npassword = {SECRET}".encode() + b"\xff\xfe\n",
    ],
    ids=["open section", "no section", "no option", "section twice", "not UTF-8"],
)
def test_a_malformed_pypirc_is_never_quoted(
    index: RecordingServer, project: Project, home: Home, content: bytes, debug: dict[str, str]
) -> None:
    make_wheel(project.dist, project.name)
    project.configure(private_repository(url=index.upload_url))
    home.pypirc.write_bytes(content)
    result = publish(project, home, "-r", "private", **debug)
    check_refusal(result, [".pypirc"])
    assert "someone" not in result.output
    assert index.uploads == []


@pytest.mark.parametrize("debug", [{}, {"HATCH_DEBUG": "1"}], ids=["plain", "HATCH_DEBUG"])
@pytest.mark.parametrize(
    "environment", [{}, {"CI": "1"}, {"HATCH_INTERACTIVE": "0"}], ids=["piped", "CI", "HATCH_INTERACTIVE"]
)
def test_no_secret_and_nobody_to_ask(
    index: RecordingServer, project: Project, home: Home, environment: dict[str, str], debug: dict[str, str]
) -> None:
    make_wheel(project.dist, project.name)
    project.configure(private_repository(url=index.upload_url))
    result = publish(project, home, "-r", "private", **environment, **debug)
    check_refusal(result, ["HATCH_INDEX_AUTH_PRIVATE", ".pypirc", "keyring"])
    assert index.uploads == []


@pytest.mark.parametrize(
    ("content", "arguments", "expected"),
    [
        pytest.param("[publish.tokenindex]\njobs = 9\n", [], ["hatch.toml", "jobs"], id="a wrong table"),
        pytest.param("", ["-r", "privat"], ["privat", "main", "test"], id="an unknown repository"),
        pytest.param("", ["dist/missing-1.0.tar.gz"], ["missing-1.0.tar.gz"], id="no such file"),
        pytest.param("", [], ["HATCH_INDEX_AUTH", ".pypirc", "keyring"], id="no secret and nobody to ask"),
    ],
)
def test_the_installed_command_refuses_it_too(
    index: RecordingServer, project: Project, home: Home, content: str, arguments: list[str], expected: list[str]
) -> None:
    make_wheel(project.dist, project.name)
    project.configure(content)
    repository = [] if "-r" in arguments else ["-r", index.upload_url]
    result = publish_for_real(project, home, *repository, *arguments, HATCH_DEBUG="1")
    check_refusal(result, expected)
    assert index.uploads == []


def check_refusal(result: HatchResult, expected: list[str]) -> None:
    """One clear message that names what it is about, exit 1, no traceback, no secret."""
    assert result.returncode == 1, result.output
    for text in expected:
        assert text in result.output
    assert "Traceback" not in result.output
    assert "bug in hatch-tokenindex" not in result.output
    assert "success" not in result.output
    assert SECRET not in result.output
