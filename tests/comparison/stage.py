"""The surroundings of a tool under test: a home folder, projects and two local indexes, fresh for each situation."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
from distribution_builders import escaped, make_wheel
from hatch_process import Home
from servers import RecordingServer

from comparison.tools import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comparison.tools import Tool

USER = "__token__"
SECRET = "a-secret"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TRACEBACK = re.compile(r"(?<=Traceback \(most recent call last\):\n)(?:[ +|].*\n)+")
_NOWHERE = "http://127.0.0.1:9"
"""A proxy that isn't there: what a tool would send to another machine ends at it."""
_PATIENCE = 60
_PYPROJECT = """\
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
version = "{version}"
description = "A project to be published"
requires-python = ">=3.10"
"""


class Stage:
    """The surroundings of one tool. It uploads to `index`, unless `url` is changed; `other` is another host."""

    def __init__(self, tool: Tool, folder: Path, index: RecordingServer, other: RecordingServer) -> None:
        self.tool = tool
        self.index = index
        self.other = other
        self.url = index.upload_url
        self._folder = folder
        folder.joinpath("home").mkdir()
        self.home = Home(folder / "home")
        self.home.environment |= {
            "ALL_PROXY": _NOWHERE,
            "HTTP_PROXY": _NOWHERE,
            "HTTPS_PROXY": _NOWHERE,
            "NO_PROXY": "127.0.0.1,localhost",
            "NO_COLOR": "1",
            "PATH": os.pathsep.join([str(Path(tool.executable).parent), os.environ.get("PATH", os.defpath)]),
            # flit builds what it uploads: the same each time.
            "SOURCE_DATE_EPOCH": "1767225600",
            "TERM": "dumb",
        }
        self.build("demo", "1.0")

    @property
    def url_of_other(self) -> str:
        """The upload URL of the other host, by a name that differs from the index's."""
        return self.other.upload_url.replace("127.0.0.1", "localhost")

    def build(self, name: str, version: str) -> None:
        """Make a project that any of the tools publishes, with a wheel of this version alone in its `dist`."""
        project = self._folder / name
        project.mkdir(exist_ok=True)
        project.joinpath("pyproject.toml").write_text(_PYPROJECT.format(name=name, version=version), encoding="utf-8")
        project.joinpath(f"{escaped(name)}.py").write_text('"""A project to be published."""\n', encoding="utf-8")
        for old in project.joinpath("dist").glob("*"):
            old.unlink()
        make_wheel(project / "dist", name, version)

    def publish(
        self, *, secret: str = SECRET, name: str = "demo", more: tuple[str, ...] = (), **variables: str
    ) -> Ending:
        """Let the tool publish a project where standard input is not a terminal; `more` are arguments. An empty secret is none."""
        environment = {**self._environment(), **self._credential(secret), **variables}
        ending = self.tool.run(self._command(more), self._folder / name, environment)
        return Ending(ending.status, self._plain(ending.output))

    def publish_at_terminal(self, secret: str, name: str) -> Ending:
        """Let the tool publish on a terminal, and answer each of its questions once."""
        executable, *arguments = self._command()
        terminal: Any = pexpect.spawn(
            executable,
            arguments,
            cwd=str(self._folder / name),
            env={**self._environment(), "TERM": "xterm"},
            timeout=_PATIENCE,
            encoding="utf-8",
            dimensions=(40, 200),
        )
        terminal.delaybeforesend = None
        questions, shown = list(self.tool.candidate.questions), ""
        while (asked := terminal.expect_exact([*(text for text, _ in questions), pexpect.EOF])) < len(questions):
            shown += terminal.before + terminal.after
            terminal.sendline(questions.pop(asked)[1].format(secret=secret))
        terminal.wait()
        return Ending(terminal.exitstatus, self._plain(shown + terminal.before))

    @property
    def secrets(self) -> list[str | None]:
        """The secret that came with each upload to the index, in order."""
        sent = (upload.authorization for upload in self.index.uploads)
        return [None if authorization is None else authorization.password for authorization in sent]

    def _command(self, more: tuple[str, ...] = ()) -> list[str]:
        arguments = (*self.tool.candidate.arguments, *more)
        return [
            self.tool.executable,
            *(argument.format(url=self.url, simple=self.index.simple_url) for argument in arguments),
        ]

    def _environment(self) -> dict[str, str]:
        settings = {name: value.format(url=self.url) for name, value in self.tool.candidate.settings.items()}
        return {**self.home.environment, **settings}

    def _credential(self, secret: str) -> dict[str, str]:
        candidate = self.tool.candidate
        return {candidate.user: USER} | ({candidate.secret: secret} if secret else {})

    def _plain(self, output: str) -> str:
        """Output without what is of no interest: colours, ports, temporary folders, the middle of a traceback."""
        text = _ESCAPES.sub("", output).replace("\r\n", "\n").replace("\r", "\n")
        text = text.replace(f"127.0.0.1:{self.index.port}", "127.0.0.1:8080")
        for folder in (self._folder.resolve(), self._folder):
            text = text.replace(str(folder / "home"), "~").replace(str(folder), "")
        text = _TRACEBACK.sub("  ...\n", text)
        return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


@contextmanager
def stage(tool: Tool) -> Iterator[Stage]:
    """A stage during the block."""
    with ExitStack() as things:
        folder = things.enter_context(tempfile.TemporaryDirectory(prefix="comparison-"))
        index, other = (things.enter_context(RecordingServer()) for _ in range(2))
        yield Stage(tool, Path(folder), index, other)
