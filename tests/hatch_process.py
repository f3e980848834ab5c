"""The installed `hatch` command, run as a person would run it: in a home folder of its own, piped or on a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
import warm_process
from keyring_backends import KeyringFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

needs_terminal = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no pseudo-terminals that pexpect can use"
)
"""For tests with a `HatchTerminal`."""

# What a process needs to run at all; everything else that this machine's environment holds stays outside.
_INHERITED = ("PATH", "PATHEXT", "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "TEMP", "TMP", "TMPDIR")
# How coverage.py tells a process to measure itself, and where its figures go: set in a measured run alone.
_MEASURING = ("COVERAGE_PROCESS_CONFIG",)
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


class Home:
    """An empty home folder, and the environment that makes a process live in it.

    `environment` can be changed by a test. Keyrings are those of `keyring_backends`, which any process finds; the one
    that is chosen here holds nothing and keeps nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pypirc = folder / ".pypirc"
        self.hatch_config = folder / ".config" / "hatch" / "config.toml"
        self.hatch_cache = folder / ".cache" / "hatch"
        self.keyring_file = folder / "keyring.json"
        self.environment = {
            **{name: os.environ[name] for name in (*_INHERITED, *_MEASURING) if name in os.environ},
            "HOME": str(folder),
            "USERPROFILE": str(folder),
            "XDG_CONFIG_HOME": str(folder / ".config"),
            "XDG_CACHE_HOME": str(folder / ".cache"),
            "XDG_DATA_HOME": str(folder / ".local" / "share"),
            "XDG_STATE_HOME": str(folder / ".local" / "state"),
            "APPDATA": str(folder / "AppData" / "Roaming"),
            "LOCALAPPDATA": str(folder / "AppData" / "Local"),
            "COLUMNS": "200",
            **warm_process.INTERPRETER,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "FILE_KEYRING": str(self.keyring_file),
        }
        # Hatch fills one that is missing, with what it asks `git` for, and waits for the disk.
        self.configure_hatch("")
        if not sys.platform.startswith("linux"):
            self._name_hatch_folders()

    def configure_hatch(self, text: str) -> None:
        """Write Hatch's own `config.toml`."""
        self.hatch_config.parent.mkdir(parents=True, exist_ok=True)
        self.hatch_config.write_text(text, encoding="utf-8")

    def use_keyring(self, backend: str) -> None:
        """Choose a class of `keyring_backends`."""
        self.environment["PYTHON_KEYRING_BACKEND"] = f"keyring_backends.{backend}"

    def remember(self, service: str, user: str, secret: str) -> None:
        """Put a secret into the file of those keyrings."""
        with KeyringFile.changing(self.keyring_file) as file:
            file.put(service, user, secret)

    @property
    def keyring(self) -> KeyringFile:
        """The current content of the keyring file, and the calls made to it."""
        return KeyringFile.read(self.keyring_file)

    def _name_hatch_folders(self) -> None:
        """Name Hatch's folders where the XDG variables don't decide (Windows asks the system, not the environment)."""
        self.environment["HATCH_CONFIG"] = str(self.hatch_config)
        self.environment["HATCH_CACHE_DIR"] = str(self.hatch_cache)
        self.environment["HATCH_DATA_DIR"] = str(self.folder / ".local" / "share" / "hatch")


@dataclass(frozen=True)
class HatchResult:
    """The result of a command. `output` is standard output followed by standard error."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """All that was printed."""
        return self.stdout + self.stderr

    @property
    def words(self) -> str:
        """All that was printed, on one line: for texts that may be wrapped."""
        return " ".join(self.output.split())


def command(name: str) -> str:
    """The path of a console script that is installed beside this Python."""
    suffix = ".exe" if sys.platform == "win32" else ""
    return str(Path(sysconfig.get_path("scripts"), name + suffix))


def run_command(
    *arguments: str | Path,
    cwd: Path,
    environment: Mapping[str, str],
    stdin: bytes | None = None,
    timeout: float = 60,
) -> HatchResult:
    """Run a command to its end with this environment and no other. Without `stdin`, standard input is at its end.

    It is started warm, if that makes no difference.
    """
    words = [str(argument) for argument in arguments]
    stdin = stdin or b""
    if warm_process.is_possible(words[0], environment, stdin):
        done = warm_process.run(words, cwd=cwd, environment=environment, stdin=stdin, timeout=timeout)
    else:
        done = subprocess.run(
            words, cwd=cwd, env=environment, input=stdin, capture_output=True, timeout=timeout, check=False
        )
    return HatchResult(done.returncode, _text(done.stdout), _text(done.stderr))


def run_hatch(
    *arguments: str | Path,
    cwd: Path,
    home: Home,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float = 60,
) -> HatchResult:
    """Run `hatch` with these arguments; `env` is added to the home's environment."""
    environment = {**home.environment, **(env or {})}
    return run_command(command("hatch"), *arguments, cwd=cwd, environment=environment, stdin=stdin, timeout=timeout)


class HatchTerminal:
    """`hatch` on a pseudo-terminal, for what is asked there. Use in a `with` block, in tests marked `needs_terminal`."""

    def __init__(
        self,
        *arguments: str | Path,
        cwd: Path,
        home: Home,
        env: Mapping[str, str] | None = None,
        timeout: float = 30,
        executable: str = "hatch",
    ) -> None:
        environment = {**home.environment, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40", **(env or {})}
        program = command(executable)
        self._process: Any = _spawn(program, environment)(
            program,
            [str(argument) for argument in arguments],
            cwd=str(cwd),
            env=environment,
            timeout=timeout,
            encoding="utf-8",
            dimensions=(40, 100),
        )
        # pexpect waits before it types and after it closes, for programs that need it; this one does not.
        self._process.delaybeforesend = None
        self._process.ptyproc.delayafterclose = 0
        self._shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close(force=True)

    @property
    def raw(self) -> str:
        """All that was shown so far, as it came."""
        return self._shown

    @property
    def screen(self) -> str:
        """All that was shown so far, without colours and cursor movements."""
        return _ESCAPES.sub("", self._shown).replace("\r", "")

    @property
    def words(self) -> str:
        """All that was shown so far, on one line: for texts that may be wrapped."""
        return " ".join(self.screen.split())

    def give_secret(self, secret: str) -> None:
        """Answer the hidden question once it has been asked whole: what is typed before would be shown."""
        self.expect("input is hidden")
        self.expect("): ")
        self.send(secret)

    def expect(self, text: str) -> None:
        """Wait until this text is shown. Where it never is, pexpect's exception tells what was."""
        self._process.expect_exact(text)
        self._shown += self._process.before + self._process.after

    def send(self, line: str) -> None:
        """Type a line and Enter."""
        self._process.sendline(line)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.sendintr()

    def interrupt_until(self, text: str) -> None:
        """Press Ctrl-C at a prompt until this is shown: one that comes just before Python begins to read is lost."""
        for _ in range(20):
            self._process.sendintr()
            if self._process.expect_exact([text, pexpect.TIMEOUT], timeout=1) == 0:
                self._shown += self._process.before + self._process.after
                return
        self.expect(text)

    def end_of_input(self) -> None:
        """Press Ctrl-D."""
        self._process.sendeof()

    def kill(self, number: int) -> None:
        """Send a signal."""
        self._process.kill(number)

    def wait_for_hidden_input(self) -> None:
        """Wait until the terminal doesn't show what is typed."""
        assert self._process.waitnoecho()

    def shows_input(self) -> bool:
        """Return True if the terminal echoes input, even after its process has ended."""
        shows: bool = self._process.getecho()
        return shows

    def reads_lines(self) -> bool:
        """Return True if the terminal hands over what is typed line by line."""
        import termios

        return bool(termios.tcgetattr(self._process.child_fd)[3] & termios.ICANON)

    def finish(self) -> int:
        """Wait for the end; the exit status, or minus the signal that ended it."""
        self._process.expect(pexpect.EOF)
        self._shown += self._process.before
        self._process.wait()
        signal: int | None = self._process.signalstatus
        status: int = self._process.exitstatus if signal is None else -signal
        return status


class Project:
    """A minimal project that Hatch builds with hatchling, its `hatch.toml`, and its `dist` folder."""

    def __init__(self, folder: Path, name: str, version: str = "1.0") -> None:
        self.folder = folder
        self.name = name
        self.version = version
        self.dist = folder / "dist"
        package = folder / name.replace("-", "_")
        package.mkdir(parents=True)
        package.joinpath("__init__.py").write_text(f'__version__ = "{version}"\n', encoding="utf-8")
        folder.joinpath("pyproject.toml").write_text(
            f'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
            f'[project]\nname = "{name}"\nversion = "{version}"\n',
            encoding="utf-8",
        )

    def configure(self, text: str) -> None:
        """Write its `hatch.toml`."""
        self.folder.joinpath("hatch.toml").write_text(text, encoding="utf-8")


def _spawn(program: str, environment: Mapping[str, str]) -> Any:
    """The class of pexpect's that starts this program."""
    if not warm_process.is_possible(program, environment):
        return pexpect.spawn
    from warm_terminal import WarmSpawn

    return WarmSpawn


def _text(printed: bytes) -> str:
    """Decode output as text, with Windows line endings as newlines."""
    return printed.decode("utf-8", errors="backslashreplace").replace("\r\n", "\n")
