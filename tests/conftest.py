"""Fixtures: indexes on loopback, an empty home folder, a project to publish from."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest
import trustme
from hatch_process import Home, Project
from maintainer import Maintainer
from servers import DevpiServer, PypiServer, PyPIStandIn, RecordingServer
from servers.oidc import GitHub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_numbers = itertools.count(1)


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
def project_name() -> str:
    """A name that no other test of this run uses."""
    return f"demo-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def at_pypi(project: Project, home: Home, pypi: PyPIStandIn) -> Maintainer:
    """Somebody who publishes to PyPI, with a keyring that works and is empty."""
    home.use_keyring("FileKeyring")
    options = ("--ca-cert", str(pypi.ca_file))
    return Maintainer(project, home, pypi.server, "https://upload.pypi.org/legacy/", options, pypi.environment)


@pytest.fixture
def at_index(project: Project, home: Home, index: RecordingServer) -> Maintainer:
    """Somebody who publishes to an index of their own, with a keyring that works and is empty."""
    home.use_keyring("FileKeyring")
    project.configure(f'[publish.tokenindex.repos.private]\nurl = "{index.upload_url}"\n')
    return Maintainer(project, home, index, index.upload_url, ("-r", "private"))
