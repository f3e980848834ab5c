"""Behaviour common to all indexes: one suite that pypiserver, devpi and the tests' own index have to pass."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin

import httpx
import pytest
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import run_command, run_hatch
from servers import BasicAuth, RecordingServer

from hatch_tokenindex.index import form

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hatch_process import HatchResult, Home, Project
    from servers import DevpiServer, PypiServer


for_real_and_rehearsed = pytest.mark.parametrize("arguments", [[], ["-o", "dry-run"]], ids=["for real", "dry-run"])


@dataclass(frozen=True)
class Index:
    """An index as its users see it, and what is there."""

    upload_url: str
    simple_url: str
    user: str
    password: str

    def files(self, project: str) -> dict[str, str]:
        """The files of a project, each downloaded: name to sha256 in hex."""
        with httpx.Client(trust_env=False, headers={"Accept": "text/html"}) as client:
            page = client.get(f"{self.simple_url}{project}/")
            hrefs = re.findall(r'href="([^"#]+)', page.text) if page.status_code == httpx.codes.OK else []
            return {
                unquote(href.rpartition("/")[2]): hashlib.sha256(
                    client.get(urljoin(str(page.url), href)).content
                ).hexdigest()
                for href in hrefs
                if href.endswith((".whl", ".tar.gz"))
            }


@pytest.fixture(params=["pypiserver", "devpi", "index"])
def server(request: pytest.FixtureRequest) -> PypiServer | DevpiServer | RecordingServer:
    """Each of them in turn."""
    server: PypiServer | DevpiServer | RecordingServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def an_index(server: PypiServer | DevpiServer | RecordingServer) -> Index:
    """The same, with a user who may upload."""
    if isinstance(server, RecordingServer):
        server.credentials = {BasicAuth("maintainer", "correct horse: 100 % battery")}
        return Index(server.upload_url, server.simple_url, "maintainer", "correct horse: 100 % battery")
    return Index(server.upload_url, server.simple_url, server.user, server.password)


@pytest.fixture
def publish(an_index: Index, project: Project, home: Home) -> Callable[..., HatchResult]:
    """Publish as a user who may upload, in this process or with the installed command."""
    project.configure(f'[publish.tokenindex.repos.private]\nurl = "{an_index.upload_url}"\nuser = "{an_index.user}"\n')

    def publish(
        *arguments: str | Path, run: Callable[..., HatchResult] = invoke_hatch, password: str = an_index.password
    ) -> HatchResult:
        result = run(
            *("publish", "-p", "tokenindex", "-r", "private", *arguments),
            cwd=project.folder,
            home=home,
            env={"HATCH_INDEX_AUTH_PRIVATE": password},
        )
        assert not password or password not in result.output
        assert "bug in hatch-tokenindex" not in result.output
        return result

    return publish


def hashes(*files: Path) -> dict[str, str]:
    """The SHA-256 digests of files by name, as an index should have them."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def check_told(result: HatchResult, status: int, *told: tuple[Path, str]) -> None:
    """The run ended so, and a line says what became of each of these files."""
    assert result.returncode == status, result.output
    for path, outcome in told:
        assert f"dist{os.sep}{path.name} ... {outcome}" in result.output.splitlines(), result.output


@pytest.fixture
def wheel(project: Project) -> Path:
    """A wheel of the project."""
    return make_wheel(project.dist, project.name)


@pytest.fixture
def sdist(project: Project) -> Path:
    """The sdist of the project."""
    return make_sdist(project.dist, project.name)


@pytest.mark.parametrize("run", [invoke_hatch, run_hatch], ids=["in process", "installed"])
def test_a_wheel_and_an_sdist_arrive(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path, sdist: Path, run: object
) -> None:
    check_told(publish(run=run), 0, (wheel, "success"), (sdist, "success"))
    assert an_index.files(project.name) == hashes(wheel, sdist)


def test_many_files_of_a_release_arrive(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, sdist: Path
) -> None:
    tags = [f"cp3{minor}-cp3{minor}-{platform}" for minor in (11, 12, 13) for platform in ("win32", "any")]
    files = [*(make_wheel(project.dist, project.name, tag=tag) for tag in tags), sdist]
    check_told(publish("-o", "jobs=8"), 0, *((path, "success") for path in files))
    assert an_index.files(project.name) == hashes(*files)


def test_a_file_whose_digest_comes_last_in_the_form_arrives(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a large file does."""
    monkeypatch.setattr(form, "HASHED_FIRST", 1_000_000)
    wheel = make_wheel(project.dist, project.name, extra={"data": os.urandom(2_000_000)})
    check_told(publish(), 0, (wheel, "success"))
    assert an_index.files(project.name) == hashes(wheel)


def test_a_second_run_has_nothing_to_do(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path, sdist: Path
) -> None:
    publish()
    again = publish()
    check_told(again, 0, (wheel, "already exists"), (sdist, "already exists"))
    assert "success" not in again.output
    assert an_index.files(project.name) == hashes(wheel, sdist)


def test_a_second_run_completes_the_first(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path, sdist: Path
) -> None:
    check_told(publish(wheel), 0, (wheel, "success"))
    assert an_index.files(project.name) == hashes(wheel)
    check_told(publish(), 0, (wheel, "already exists"), (sdist, "success"))
    assert an_index.files(project.name) == hashes(wheel, sdist)


@for_real_and_rehearsed
def test_other_content_is_refused_before_anything_is_sent(
    an_index: Index,
    publish: Callable[..., HatchResult],
    project: Project,
    wheel: Path,
    sdist: Path,
    arguments: list[str],
) -> None:
    publish(sdist)
    before = hashes(sdist)
    make_sdist(project.dist, project.name, description="Another one.\n")
    result = publish(*arguments)
    check_told(result, 1)
    assert f"{sdist.name} already exists on the index with other content" in result.words
    assert wheel.name not in result.words
    assert an_index.files(project.name) == before


@for_real_and_rehearsed
def test_with_fail_every_existing_file_is_an_error(
    an_index: Index,
    publish: Callable[..., HatchResult],
    project: Project,
    wheel: Path,
    sdist: Path,
    arguments: list[str],
) -> None:
    publish(wheel)
    result = publish("-o", "existing=fail", *arguments)
    check_told(result, 1)
    assert f"{wheel.name} already exists on the index" in result.words
    assert an_index.files(project.name) == hashes(wheel)
    assert sdist.exists()


def test_with_replace_the_same_content_is_no_error(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path, sdist: Path
) -> None:
    publish()
    check_told(publish("-o", "existing=replace"), 0, (wheel, "success"), (sdist, "success"))
    assert an_index.files(project.name) == hashes(wheel, sdist)


def test_with_replace_it_is_the_index_that_refuses(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path
) -> None:
    """None of the three overwrites what it has."""
    publish()
    before = hashes(wheel)
    make_wheel(project.dist, project.name, extra={"more.py": b""})
    result = publish("-o", "existing=replace")
    check_told(result, 1, (wheel, "failed"))
    assert "raise the version" in result.words
    assert an_index.files(project.name) == before


def test_several_projects_arrive(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path, sdist: Path
) -> None:
    second = f"{project.name}-two"
    others = [make_wheel(project.dist, second), make_sdist(project.dist, second)]
    check_told(publish(), 0, *((path, "success") for path in (wheel, sdist, *others)))
    assert an_index.files(project.name) == hashes(wheel, sdist)
    assert an_index.files(second) == hashes(*others)


def test_several_versions_arrive(an_index: Index, publish: Callable[..., HatchResult], project: Project) -> None:
    files = [make_wheel(project.dist, project.name, version) for version in ("1.0rc1", "1.0", "1.1.post1")]
    check_told(publish(), 1)
    assert an_index.files(project.name) == {}
    check_told(publish("-o", "all-versions"), 0, *((path, "success") for path in files))
    assert an_index.files(project.name) == hashes(*files)


def test_a_name_that_is_written_in_its_own_way(
    an_index: Index, publish: Callable[..., HatchResult], project: Project
) -> None:
    name = project.name.replace("-", ".").upper()
    wheel = make_wheel(project.dist, name)
    check_told(publish(), 0, (wheel, "success"))
    assert an_index.files(project.name) == hashes(wheel)
    check_told(publish(), 0, (wheel, "already exists"))


def test_a_wrong_password_uploads_nothing(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path, sdist: Path
) -> None:
    result = publish(password="not the password")
    check_told(result, 1, (wheel, "failed"))
    assert "HATCH_INDEX_AUTH_PRIVATE" in result.words
    assert sdist.name not in result.words.partition("Not uploaded:")[0]
    assert an_index.files(project.name) == {}


def test_pip_downloads_what_was_published(
    an_index: Index,
    publish: Callable[..., HatchResult],
    project: Project,
    home: Home,
    wheel: Path,
    sdist: Path,
    tmp_path: Path,
) -> None:
    publish()
    target = tmp_path / "downloaded"
    options = ["--isolated", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--dest", str(target)]
    pip = run_command(
        *(sys.executable, "-m", "pip", "download", *options, "--index-url", an_index.simple_url, project.name),
        cwd=tmp_path,
        environment={**home.environment, "PIP_CONFIG_FILE": os.devnull},
    )
    assert pip.returncode == 0, pip.output
    assert hashes(*target.iterdir()) == hashes(wheel)
    assert sdist.name in an_index.files(project.name)


def test_a_rehearsal_sends_nothing_and_tells_the_plan(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path, sdist: Path
) -> None:
    publish(wheel)
    result = publish("-o", "dry-run")
    check_told(result, 0, (wheel, "already exists"), (sdist, f"would be uploaded to {an_index.upload_url}"))
    assert an_index.files(project.name) == hashes(wheel)
    check_told(publish(), 0, (sdist, "success"))


def test_a_rehearsal_without_a_credential_fails_as_the_run_would(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path
) -> None:
    project.configure(f'[publish.tokenindex.repos.private]\nurl = "{an_index.upload_url}"\n')
    rehearsed, run = publish("-o", "dry-run", password=""), publish(password="")
    assert (rehearsed.returncode, run.returncode) == (1, 1)
    assert "HATCH_INDEX_AUTH_PRIVATE" in rehearsed.words
    assert an_index.files(project.name) == {}
    assert wheel.exists()


def test_waiting_ends_once_every_file_is_listed(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path, sdist: Path
) -> None:
    result = publish("-o", "wait=60")
    check_told(result, 0, (wheel, "success"), (sdist, "success"))
    assert "The index lists every file." in result.words
    assert an_index.files(project.name) == hashes(wheel, sdist)


def test_the_document_tells_what_arrived(
    an_index: Index, publish: Callable[..., HatchResult], project: Project, wheel: Path, sdist: Path
) -> None:
    publish(wheel)
    result = publish("-o", "json")
    assert result.returncode == 0, result.output
    document = json.loads(result.stdout)
    assert document["ok"] is True
    assert document["error"] is None
    assert document["repository"] == {"name": "private", "url": an_index.upload_url}
    (entry,) = document["projects"]
    assert (entry["name"], entry["version"]) == (project.name, "1.0")
    assert entry["credential"] == {"user": an_index.user, "source": "HATCH_INDEX_AUTH_PRIVATE"}
    assert [(file["filename"], file["outcome"]) for file in entry["files"]] == [
        (wheel.name, "exists"),
        (sdist.name, "uploaded"),
    ]
    assert {file["filename"]: file["sha256"] for file in entry["files"]} == an_index.files(project.name)
    # Where a person finds the release: a page that is there.
    assert httpx.get(entry["url"], trust_env=False, follow_redirects=True).status_code == httpx.codes.OK


@pytest.mark.parametrize("described", ["alike", "otherwise"])
def test_files_that_a_devpi_inherits_are_not_its_own(
    devpi: DevpiServer, project: Project, home: Home, described: str
) -> None:
    """An index with `bases` lists their files too, but a file of that name can still be uploaded."""
    urls = {"stable": devpi.upload_url, project.name: devpi.add_index(project.name, bases=("stable",))}
    tables = (
        f'[publish.tokenindex.repos.{name}]\nurl = "{url}"\nuser = "{devpi.user}"\n' for name, url in urls.items()
    )
    project.configure("\n".join(tables))

    def publish(repository: str) -> HatchResult:
        password = {"HATCH_INDEX_AUTH": devpi.password}
        return invoke_hatch(
            "publish", "-p", "tokenindex", "-r", repository, cwd=project.folder, home=home, env=password
        )

    wheel = make_wheel(project.dist, project.name)
    check_told(publish("stable"), 0, (wheel, "success"))
    if described == "otherwise":
        make_wheel(project.dist, project.name, extra={"more.py": b""})
    check_told(publish(project.name), 0, (wheel, "success"))
    assert Index(urls[project.name], f"{urls[project.name]}+simple/", "", "").files(project.name) == hashes(wheel)
    check_told(publish(project.name), 0, (wheel, "already exists"))
