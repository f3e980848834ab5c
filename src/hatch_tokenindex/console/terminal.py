"""Plain lines and prompts: everything that a person reads goes through here, without control characters."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import click

from hatch_tokenindex.console import github
from hatch_tokenindex.errors import TokenIndexError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.style import Style


@dataclass(frozen=True)
class Styles:
    """How the kinds of lines look; Hatch's configuration decides."""

    info: Style | str = "bold"
    success: Style | str = "bold cyan"
    warning: Style | str = "bold yellow"
    error: Style | str = "bold red"


@dataclass
class Terminal:
    """Writes lines to standard error, and what was asked for to standard output.

    `verbosity` is Hatch's: each `-q` subtracts one, each `-v` adds one. Paths are shown relative to `root`. `warnings`
    holds what was warned of. In GitHub Actions nothing that is written can be taken for a command to the runner, but for
    what `command` writes.
    """

    console: Console
    verbosity: int = 0
    styles: Styles = field(default_factory=Styles)
    root: Path = field(default_factory=Path.cwd)
    warnings: list[str] = field(default_factory=list)
    in_github_actions: bool = False
    _writing: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def info(self, text: str = "") -> None:
        """What happens."""
        if self.verbosity >= 0:
            self._write(text, self.styles.info)

    def detail(self, text: str) -> None:
        """What only `-v` asks for."""
        if self.verbosity > 0:
            self._write(text, self.styles.info)

    def success(self, text: str, what: str = "") -> None:
        """What went well; `what` is said before it on the same line."""
        if self.verbosity >= 0:
            self._write(text, self.styles.success, what)

    def warning(self, text: str) -> None:
        """What should be known; each text once."""
        if text not in self.warnings:
            self.warnings.append(text)
            if self.verbosity >= -1:
                self._write(text, self.styles.warning)

    def error(self, text: str) -> None:
        """What went wrong."""
        if self.verbosity >= -2:  # noqa: PLR2004 - as Hatch: -qqq silences everything
            self._write(text, self.styles.error)

    def path(self, path: Path) -> str:
        """A path as it is shown: relative to the project where it lies below."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    def note(self, text: str) -> None:
        """Something worth knowing; the credentials' way to speak to the person."""
        self.warning(text)

    def output(self, text: str) -> None:
        """What was asked for, on standard output, whatever the verbosity. Raises `TokenIndexError` where it is full."""
        try:
            # Not by the console: what it can't print it keeps, and prints later on standard error.
            with self._printing(to_stderr=False):
                stream = self.console.file
                encoding = getattr(stream, "encoding", None) or "utf-8"
                click.echo(self._safe(text).encode(encoding, "backslashreplace").decode(encoding), file=stream)
        except OSError as error:
            msg = f"Standard output can't be written: {error.strerror}."
            raise TokenIndexError(msg) from None

    def command(self, text: str) -> None:
        """A workflow command of GitHub Actions."""
        with self._writing:
            click.echo(text, err=True)

    def mask(self, secret: Secret) -> None:
        """Make the runner of GitHub Actions hide a secret in everything that the job prints from now on."""
        if self.in_github_actions:
            self.command(github.masking(secret))

    def ask(self, question: str) -> str:
        """Ask on standard error; the answer is seen while it is typed."""
        answer: str = click.prompt(escaped(question), default="", show_default=False, err=True)
        return answer

    def ask_secret(self, question: str) -> Secret:
        """Ask on the terminal; the answer is not seen."""
        return Secret(click.prompt(escaped(question), default="", show_default=False, hide_input=True, err=True))

    def confirm(self, question: str) -> bool:
        """Ask for yes or no on standard error; Enter means no."""
        return click.confirm(escaped(question), err=True)

    def _write(self, text: str, style: Style | str, what: str = "") -> None:
        from rich.text import Text

        line = Text.assemble((self._safe(what), self.styles.info), (self._safe(text), style))
        with self._printing(to_stderr=True):
            self.console.print(line, soft_wrap=True)

    @contextmanager
    def _printing(self, *, to_stderr: bool) -> Iterator[None]:
        """One thread at a time, since others tell of their retries, and the console has one stream for all."""
        with self._writing:
            before, self.console.stderr = self.console.stderr, to_stderr
            try:
                yield
            finally:
                self.console.stderr = before

    def _safe(self, text: str) -> str:
        shown = escaped(text)
        return github.neutralized(shown) if self.in_github_actions else shown
