"""Lines and prompts: everything that the user reads goes through here, masked and without control characters."""

from __future__ import annotations

import re
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TextIO

import click

from hatch_tokenindex.console import github, streams, tty
from hatch_tokenindex.errors import TokenIndexError
from hatch_tokenindex.secrets import REDACTOR, Secret
from hatch_tokenindex.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

    from rich.console import Console
    from rich.style import Style

SHORTEST_MASKED = 9
"""Characters of the shortest secret that is masked in texts of our own: a shorter one would garble ordinary words."""
_NARROWEST = 20
_KEPT_SPACE = "\0"


@dataclass(frozen=True)
class Styles:
    """The styles of the kinds of lines, from Hatch's configuration."""

    info: Style | str = "bold"
    success: Style | str = "bold cyan"
    warning: Style | str = "bold yellow"
    error: Style | str = "bold red"


@dataclass
class Terminal:
    """Writes lines to standard error, and results to standard output. Any thread may use it.

    On a terminal, lines are wrapped at words; elsewhere they stay whole. In GitHub Actions, nothing but the text of
    `command` can be taken for a workflow command.
    """

    console: Console
    verbosity: int = 0
    """Hatch's: each `-q` subtracts one, each `-v` adds one."""
    styles: Styles = field(default_factory=Styles)
    root: Path = field(default_factory=Path.cwd)
    """The folder that paths are shown relative to."""
    warnings: list[str] = field(default_factory=list)
    """All warnings so far."""
    in_github_actions: bool = False
    _writing: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)
    _output: TextIO | None = field(default=None, init=False, repr=False, compare=False)
    _held_until: list[Event] = field(default_factory=list, init=False, repr=False, compare=False)

    def info(self, text: str = "") -> None:
        """Write what happens."""
        self._write(0, text, self.styles.info)

    def detail(self, text: str) -> None:
        """Write what only `-v` asks for."""
        self._write(1, text, self.styles.info)

    def success(self, text: str, what: str = "") -> None:
        """Write a success; `what` comes before it on the same line."""
        self._write(0, text, self.styles.success, what)

    def warning(self, text: str) -> None:
        """Write a warning, each text once."""
        if text not in self.warnings:
            self.warnings.append(text)
            self._write(-1, text, self.styles.warning)

    def error(self, text: str) -> None:
        """Write an error: its first line is the headline, and `Fix: ` begins the line that helps."""
        self._write(-2, text, self.styles.error)

    def path(self, path: Path) -> str:
        """Return a path as it is shown: relative to the project if it lies below."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    def note(self, text: str) -> None:
        """Write something worth knowing while it happens."""
        self.warning(text)

    def output(self, text: str) -> None:
        """Write a result to standard output, whatever the verbosity. Raises `TokenIndexError` if that fails."""
        try:
            # Not with the console: it keeps what it can't print, and prints it later on standard error.
            with self._printing(to_stderr=False):
                stream = self._output or self.console.file
                encoding = getattr(stream, "encoding", None) or "utf-8"
                click.echo(self._safe(text).encode(encoding, "backslashreplace").decode(encoding), file=stream)
        except OSError as error:
            streams.silence(self._output or sys.stdout)
            msg = f"Can't write to standard output: {error.strerror}."
            raise TokenIndexError(msg) from None

    @contextmanager
    def reserving_output(self) -> Iterator[None]:
        """Keep standard output for `output` alone: keyring backends print, and so do the programs that they run."""
        with streams.reserved_output() as output:
            self._output = output
            try:
                yield
            finally:
                self._output = None

    def command(self, text: str) -> None:
        """Write a workflow command of GitHub Actions."""
        with self._writing, _surviving():
            click.echo(text, err=True)

    def mask(self, secret: Secret) -> None:
        """Make the runner of GitHub Actions mask a secret in everything that the job prints from now on."""
        if self.in_github_actions:
            self.command(github.masking(secret))

    def ask(self, question: str) -> str:
        """Prompt on standard error; the answer is shown while it is typed."""
        self._wait_for_terminal()
        answer: str = click.prompt(self.safe(question), default="", show_default=False, err=True)
        return answer

    def ask_secret(self, question: str) -> Secret:
        """Prompt on the terminal; the answer is hidden."""
        self._wait_for_terminal()
        return Secret(tty.read_secret(f"{self.safe(question)}: "))

    def confirm(self, question: str) -> bool:
        """Prompt for yes or no on standard error; Enter means no."""
        self._wait_for_terminal()
        return click.confirm(self.safe(question), err=True)

    def hold_prompts(self, until: Event) -> None:
        """Prompt for nothing before `until` is set: something else may be reading from the terminal."""
        self._held_until.append(until)

    def _wait_for_terminal(self) -> None:
        if all(each.is_set() for each in self._held_until):
            return
        self.note(
            "The keyring may still be reading from this terminal: end its prompt with Enter, or press Ctrl-C to end the "
            "run. To run without it, add `-o keyring=false`."
        )
        for each in self._held_until:
            # In slices, since a wait can't be interrupted by Ctrl-C on Windows.
            while not each.wait(0.1):
                pass

    def _write(self, verbosity: int, text: str, style: Style | str, what: str = "") -> None:
        """Write a text, unless the user wants less: its first line in the style, the one with `Fix: ` in bold."""
        if self.verbosity < verbosity:
            return
        from rich.text import Text

        first, *others = self._safe(text).split("\n")
        with self._printing(to_stderr=True), _surviving():
            width = self.console.width if self.console.file.isatty() else None
            lines = [Text.assemble((self._safe(what), self.styles.info), (_wrapped(first, width), style))]
            lines += [Text(_wrapped(line, width), "bold" if line.startswith("Fix: ") else "") for line in others]
            self.console.print(*lines, sep="\n", soft_wrap=True)

    @contextmanager
    def _printing(self, *, to_stderr: bool) -> Iterator[None]:
        """Let one thread at a time use the console, which has one stream for all."""
        with self._writing:
            before, self.console.stderr = self.console.stderr, to_stderr
            try:
                yield
            finally:
                self.console.stderr = before

    def safe(self, text: str) -> str:
        """Return a text without secrets and control characters, as it may leave this process."""
        return escaped(REDACTOR.redact(text, SHORTEST_MASKED))

    def _safe(self, text: str) -> str:
        return github.neutralized(self.safe(text)) if self.in_github_actions else self.safe(text)


def _wrapped(line: str, width: int | None) -> str:
    """Wrap a line at words, with the indentation of its first words; URLs and commands in backticks stay whole."""
    if width is None or len(line) < width:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    wide = max(width - 1, _NARROWEST)
    whole = re.sub("`[^`]*`", lambda command: command[0].replace(" ", _KEPT_SPACE), line)
    return textwrap.fill(
        whole, wide, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    ).replace(_KEPT_SPACE, " ")


@contextmanager
def _surviving() -> Iterator[None]:
    """Let a run go on when standard error is full or closed, and keep Python from failing on it at the end."""
    try:
        yield
    except (OSError, ValueError):
        streams.silence(sys.stderr)
