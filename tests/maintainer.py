"""A maintainer who publishes from this machine: a project, a home folder with a keyring, and the target index."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from api_tokens import present
from distribution_builders import make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import HatchResult, HatchTerminal, command, run_command, run_hatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from hatch_process import Home, Project
    from servers import RecordingServer, Request

T = TypeVar("T")


def slot_of(project: str) -> str:
    """The keyring's user name for a project's token, as flit writes it; the project's name is normalized."""
    return f"pypi_token:project:{project}"


def private_repository(**keys: object) -> str:
    """A `hatch.toml` or `config.toml` whose repository `private` has these keys."""
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
    return "\n".join(["[publish.tokenindex.repos.private]", *lines, ""])


@dataclass(frozen=True)
class Maintainer:
    """`url` is the index's upload URL, and so the keyring's service; `options` and `environment` lead `hatch publish` there."""

    project: Project
    home: Home
    server: RecordingServer
    url: str
    options: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def build(self, *names: str, version: str = "1.0") -> None:
        """Put a wheel into `dist/` for each of these projects, or for the current one."""
        for name in names or (self.project.name,):
            make_wheel(self.project.dist, name, version)

    def publish(self, *arguments: str, run: Callable[..., HatchResult] = run_hatch, **variables: str) -> HatchResult:
        """Publish on a standard input that is no terminal."""
        return self._published(run, arguments, variables)

    def publish_in_process(self, *arguments: str, **variables: str) -> HatchResult:
        """The same in the process of the tests, for tables."""
        return self._published(invoke_hatch, arguments, variables)

    def at_terminal(self, *arguments: str, **variables: str) -> HatchTerminal:
        """Publish on a terminal."""
        return self._published(HatchTerminal, arguments, variables)

    def manage(self, *arguments: str, typed: str = "", **variables: str) -> HatchResult:
        """Run `hatch-tokenindex` with this on standard input."""
        return run_command(
            command("hatch-tokenindex"),
            *arguments,
            cwd=self.project.folder,
            environment={**self.home.environment, **variables},
            stdin=typed.encode(),
        )

    @property
    def received(self) -> list[tuple[str, str, str]]:
        """The uploads received, in order: project, user name, and secret (for a token, its identifier)."""
        return [(request.value("name"), *_credential(request)) for request in self.server.uploads]

    @property
    def kept(self) -> dict[str, str]:
        """The keyring entries for the index: user name to secret."""
        return self.home.keyring.secrets.get(self.url, {})

    @property
    def cache_file(self) -> Path:
        """The file in Hatch's cache."""
        return self.home.hatch_cache / "publish" / "tokenindex" / "remembered.json"

    def _published(self, run: Callable[..., T], arguments: Iterable[str], variables: Mapping[str, str]) -> T:
        command_line = ("publish", "-p", "tokenindex", *self.options, *arguments)
        return run(*command_line, cwd=self.project.folder, home=self.home, env={**self.environment, **variables})

    def files_with(self, secret: str) -> list[Path]:
        """The files of the home folder that hold a secret, in any of them."""
        files = [path for path in self.home.folder.rglob("*") if path.is_file()]
        return [path for path in files if secret.encode() in path.read_bytes()]


def _credential(request: Request) -> tuple[str, str]:
    sent = request.authorization
    if sent is None:
        return "", ""
    is_token = sent.user == "__token__" and sent.password.startswith("pypi-A")
    return sent.user, present(sent.password).identifier if is_token else sent.password
