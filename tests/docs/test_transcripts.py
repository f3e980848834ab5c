"""Every transcript on a page goes as shown: its commands are run as a person would run them, and print what stands there."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest
from api_tokens import USER_ID, make_token, present
from distribution_builders import make_sdist, make_wheel
from hatch_process import HatchTerminal, Project, needs_terminal, run_command
from pages import PAGES, ROOT, Shown, lines, transcripts
from servers import Answer

from hatch_tokenindex import urls
from hatch_tokenindex.credentials.cache import Cache, Contents, EntryRecord
from hatch_tokenindex.credentials.credential import TOKEN_USER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hatch_process import Home
    from servers import PyPIStandIn, Request

NAME = "my-project"
ACCOUNT_TOKEN = make_token(user=USER_ID)
TEST_TOKEN = make_token(location="test.pypi.org", user=USER_ID)

_PROMPT = re.compile(r"(User name|API token|Password) .*:$")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")


@dataclass
class Reader:
    """A reader who follows a page at a terminal, with a keyring.

    `typed` holds the answers to its prompts, in order; `quiet` the beginnings of commands that are run although the
    page doesn't show their output.
    """

    home: Home
    folder: Path
    environment: dict[str, str]
    typed: Iterator[str] = field(default_factory=lambda: iter(()))
    quiet: tuple[str, ...] = ()

    def follow(self, block: list[Shown]) -> None:
        """Run the commands of a block, and see that they print what is shown."""
        shows_output = any(shown.output for shown in block)
        for shown in block:
            is_quiet = not shown.output and shown.command.startswith(self.quiet)
            if shows_output or is_quiet:
                printed = self._run(shown)
                assert is_quiet or as_shown(printed) == [_TIME.sub("(a time)", line) for line in shown.output]

    def _run(self, shown: Shown) -> str:
        program, *arguments = shown.command.split()
        if program == "cd":
            self.folder /= arguments[0]
            return ""
        if program == "python":
            return self._run_python(*arguments, "--target", str(self.home.folder / "installed"))
        if arguments[0] == "build":
            with self.folder.joinpath("README.md").open("a", encoding="utf-8") as readme:
                readme.write("\nEvery build has something new.\n")
        if arguments[0] in {"build", "version"}:
            # Hatch has hatchling do this, in an environment that it would first have to download.
            return self._run_python("-m", "hatchling", *arguments)
        return self._run_at_terminal(program, arguments, shown)

    def _run_python(self, *arguments: str) -> str:
        environment = {**self.home.environment, **self.environment}
        done = run_command(sys.executable, *arguments, cwd=self.folder, environment=environment)
        assert done.returncode == 0, done.output
        return done.output

    def _run_at_terminal(self, program: str, arguments: list[str], shown: Shown) -> str:
        with HatchTerminal(
            *arguments, cwd=self.folder, home=self.home, env=self.environment, executable=program
        ) as terminal:
            for prompt in filter(_PROMPT.match, shown.output):
                # The blank comes once the input is hidden.
                terminal.expect(f"{prompt} ")
                terminal.send(next(self.typed))
            terminal.finish()
        return terminal.screen


def as_shown(printed: str) -> list[str]:
    """The lines of output, with the keyring of a Linux desktop and without times."""
    return lines(_TIME.sub("(a time)", printed.replace("keyring backends FileKeyring", "SecretService Keyring")))


@pytest.fixture
def reader(pypi: PyPIStandIn, home: Home, tmp_path: Path) -> Reader:
    """A reader in an empty folder, who talks to the stand-in for PyPI."""
    home.use_keyring("FileKeyring")
    pypi.server.respond = partial(as_pypi, pypi)
    environment = {
        **pypi.environment,
        "HATCH_INDEX_CA_CERT": str(pypi.ca_file),
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]),
        # No bars: they are gone when a run is over.
        "TERM": "dumb",
        # Pages show lines whole.
        "COLUMNS": "400",
        "PIP_CERT": str(pypi.ca_file),
        "PIP_CONFIG_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }
    return Reader(home, tmp_path, environment)


def as_pypi(stand_in: PyPIStandIn, request: Request) -> Answer | None:
    """Look at tokens as PyPI does, and keep apart what was uploaded to PyPI and to TestPyPI."""
    host = request.headers["Host"].removeprefix("upload.")
    if request.is_upload:
        return _refused(request, host)
    uploaded_to = {upload.headers["Host"].removeprefix("upload.") for upload in stand_in.server.uploads}
    return Answer(404) if request.path.startswith("/simple/") and host not in uploaded_to else None


def _refused(request: Request, host: str) -> Answer | None:
    authorization = request.authorization
    assert authorization is not None
    token = present(authorization.password)
    if token.location != host:
        return Answer(
            403,
            "Invalid or non-existent authentication information."
            f" See https://{host}/help/#invalid-auth for more information.",
        )
    reason = token.refusal(request.value("name"), time.time())
    return Answer(403, reason) if reason else None


# What is there before the first command of a page


def built_project(reader: Reader) -> None:
    """A first publish of files that are built."""
    project = Project(reader.folder / NAME, NAME)
    make_wheel(project.dist, NAME)
    make_sdist(project.dist, NAME)
    reader.folder = project.folder
    reader.typed = iter(["", ACCOUNT_TOKEN])


def nothing_yet(reader: Reader) -> None:
    """The tutorial begins with nothing but Hatch, which would download the text of a licence."""
    licence = reader.home.hatch_cache / "licenses" / "MIT.txt"
    licence.parent.mkdir(parents=True)
    licence.write_text("MIT License", encoding="utf-8")
    reader.quiet = ("hatch build", "python -m pip install")
    reader.typed = iter(["", TEST_TOKEN, "", ACCOUNT_TOKEN, make_token(projects=[NAME])])


def two_tokens(reader: Reader) -> None:
    """A project with its own token and the account's in the keyring."""
    home = reader.home
    home.remember(urls.PYPI, f"pypi_token:project:{NAME}", make_token(projects=[NAME]))
    home.remember(urls.PYPI, TOKEN_USER, ACCOUNT_TOKEN)
    remember_slots(reader, (None, "account"), (NAME, "project"))
    reader.folder = Project(reader.folder / NAME, NAME).folder


def two_projects(reader: Reader) -> None:
    """A token for each of two projects."""
    remember_slots(reader, ("alpha", "project"), ("beta", "project"))


def remember_slots(reader: Reader, *kinds: tuple[str | None, str]) -> None:
    """Write cache records of secrets for PyPI, with project and kind of each."""
    slots = [
        EntryRecord(
            urls.PYPI, f"pypi_token:project:{project}" if project else TOKEN_USER, project, kind, None, 1_795_304_460
        )
        for project, kind in kinds
    ]
    contents = Contents(entries=tuple(slots)).with_user(urls.PYPI, TOKEN_USER)
    Cache(reader.home.hatch_cache / "publish" / "tokenindex").update(lambda _: contents)


SCENES: dict[str, Callable[[Reader], None]] = {
    "docs/credentials.md": two_tokens,
    "docs/how-to/workspace.md": two_projects,
    "docs/index.md": built_project,
    "docs/tutorial.md": nothing_yet,
}


OTHER_TESTS = {"README.md"}
"""Pages whose outputs other tests check: `test_before_and_after`."""


def pages_with_output() -> list[str]:
    """The pages on which a command prints something."""
    return [
        page.relative_to(ROOT).as_posix()
        for page in PAGES
        if any(shown.output for block in transcripts(page.read_text(encoding="utf-8")) for shown in block)
    ]


@needs_terminal
@pytest.mark.parametrize("page", sorted({*pages_with_output()} - OTHER_TESTS))
def test_the_commands_of_a_page_print_what_it_shows(page: str, reader: Reader) -> None:
    assert page in SCENES, "no test knows what is there before the first command of this page"
    SCENES[page](reader)
    for block in transcripts((ROOT / page).read_text(encoding="utf-8")):
        reader.follow(block)
    assert list(reader.typed) == []
