"""Fixtures: indexes on loopback, an empty home folder, a project to publish from."""

from __future__ import annotations

import itertools
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trustme
import warm_process
from ci_job import Job
from distribution_builders import make_wheel
from hatch_process import Home, Project
from maintainer import Maintainer
from servers import Answer, DevpiServer, PypiServer, PyPIStandIn, RecordingServer
from servers.oidc import GitHub, TrustingIndex
from servers.pypi import server_tls
from servers.sigstore import Sigstore

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.secrets import REDACTOR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONGEST_ID = 60
_numbers = itertools.count(1)


def pytest_configure() -> None:
    """Let child processes receive Ctrl-C: a suite started in the background ignores it, and they inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run three workers for every two cores: a third of the time, tests wait for processes that they started."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a row by what is in it where pytest would number it; not by what differs from process to process."""
    if isinstance(val, (str, bytes)) and len(val) <= _LONGEST_ID:
        return None
    if not isinstance(val, (str, bytes, dict, list, tuple, BaseException, Answer, Repository)):
        return None
    text = ascii(val)
    return None if " at 0x" in text or "frozenset(" in text else text[:_LONGEST_ID]


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> None:
    """Let each test begin as a process does: with no secret known."""
    REDACTOR.forget()


@pytest.fixture(scope="session")
def pypiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PypiServer]:
    """A real pypiserver with a password; shared by all tests of a process, so each uses project names of its own."""
    server = PypiServer(tmp_path_factory.mktemp("pypiserver"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def devpi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevpiServer]:
    """A real devpi-server; shared by all tests of a process, so each uses project names of its own."""
    server = DevpiServer(tmp_path_factory.mktemp("devpi"))
    yield server
    server.stop()


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each `hatch` of this test anew, as a person does, with all its imports."""
    monkeypatch.setattr(warm_process, "is_possible", lambda *_: False)


@pytest.fixture
def index() -> Iterator[RecordingServer]:
    """An index of this test alone, that records and can be scripted."""
    with RecordingServer() as server:
        yield server
    assert server.errors == []


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that no system trusts."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """The certificate of that authority."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def tls_index(authority: trustme.CA) -> Iterator[RecordingServer]:
    """An index with a certificate of that authority."""
    with RecordingServer(server_tls(authority)) as server:
        yield server


@pytest.fixture
def strict_index(authority: trustme.CA) -> Iterator[RecordingServer]:
    """An index with a certificate of that authority, which wants to see one of the client's too."""
    with RecordingServer(server_tls(authority, client_authority=authority)) as server:
        yield server


@pytest.fixture
def pypi(authority: trustme.CA, tmp_path: Path) -> Iterator[PyPIStandIn]:
    """PyPI and TestPyPI as far as a process can tell that uses `pypi.environment` and trusts `pypi.ca_file`."""
    with PyPIStandIn(authority, tmp_path) as stand_in:
        yield stand_in
    assert stand_in.server.errors == []


@pytest.fixture
def github() -> Iterator[GitHub]:
    """GitHub, as a job sees it that may ask for identity tokens."""
    with GitHub() as stand_in:
        yield stand_in
    assert stand_in.server.errors == []


@pytest.fixture
def sigstore() -> Iterator[Sigstore]:
    """A Sigstore of this test alone, that can be scripted."""
    with Sigstore() as stand_in:
        yield stand_in
    assert stand_in.fulcio.errors == []
    assert stand_in.rekor.errors == []


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A file with the name of a wheel, for tests that read nothing of what is in it."""
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    path.write_bytes(b"a wheel")
    return path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return Home(folder)


@pytest.fixture
def project(tmp_path: Path, project_name: str) -> Project:
    """A minimal project in a folder of its own, without configuration, with nothing built."""
    return Project(tmp_path / "project", project_name)


@pytest.fixture
def built(project: Project) -> Project:
    """The project with a wheel."""
    make_wheel(project.dist, project.name)
    return project


@pytest.fixture
def warned(index: RecordingServer, built: Project) -> Project:
    """A project that causes a warning in every run."""
    built.configure(
        f"[publish.tokenindex]\nrepo = 'x'\n[publish.tokenindex.repos.x]\nurl = '{index.upload_url}'\nauth = 'x'\n"
    )
    return built


@pytest.fixture
def project_name() -> str:
    """A name that no other test of this run uses."""
    return f"demo-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def at_pypi(project: Project, home: Home, pypi: PyPIStandIn) -> Maintainer:
    """A maintainer who publishes to PyPI, with a working, empty keyring."""
    home.use_keyring("FileKeyring")
    options = ("--ca-cert", str(pypi.ca_file))
    return Maintainer(project, home, pypi.server, "https://upload.pypi.org/legacy/", options, pypi.environment)


@pytest.fixture
def at_index(project: Project, home: Home, index: RecordingServer) -> Maintainer:
    """A maintainer who publishes to their own index, with a working, empty keyring."""
    home.use_keyring("FileKeyring")
    project.configure(f'[publish.tokenindex.repos.private]\nurl = "{index.upload_url}"\n')
    return Maintainer(project, home, index, index.upload_url, ("-r", "private"))


@pytest.fixture
def job(at_index: Maintainer, github: GitHub) -> Job:
    """A job with something to publish to an index of its own, which trusts it."""
    index = TrustingIndex(at_index.server)
    index.trust(at_index.project.name)
    at_index.build()
    return Job(at_index, github, index)


@pytest.fixture
def pypi_job(at_pypi: Maintainer, github: GitHub) -> Job:
    """A job with something to publish to PyPI, which trusts it."""
    index = TrustingIndex(at_pypi.server, "pypi", "upload.pypi.org")
    index.trust(at_pypi.project.name)
    at_pypi.build()
    # The extra is installed where tests run: without this, each would ask Sigstore's public instance.
    return Job(replace(at_pypi, options=(*at_pypi.options, "-o", "attestations=never")), github, index)


@pytest.fixture
def attesting_job(pypi_job: Job, sigstore: Sigstore, tmp_path: Path) -> Job:
    """The same job, which trusts the Sigstore of this test and attests what it publishes."""
    path = sigstore.write_trust_config(tmp_path / "trust.json")
    options = (*pypi_job.at.options[:-1], f"sigstore-trust-config={path}")
    environment = {**pypi_job.at.environment, "NO_PROXY": "127.0.0.1"}
    return replace(pypi_job, at=replace(pypi_job.at, options=options, environment=environment))
