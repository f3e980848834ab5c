"""Publish this project with its own plugin to a package index on this machine, and install it back from there.

It needs Python 3.10 or later with `venv` and `pip`, and a way to PyPI for what it installs. Apart from pip's cache, all that
it makes is in one temporary folder, which it removes again: no keyring, `.pypirc` or Hatch configuration of yours is read or
written.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

REPOSITORY = Path(__file__).resolve().parent.parent
PATIENCE = 30.0
"""Seconds that the server may take to start."""

_LOCAL_TABLE = re.compile(
    r'^\[publish\.tokenindex\.repos\.local\]\nurl = "http://127\.0\.0\.1:(?P<port>\d+)/"\nuser = "(?P<user>[^"]+)"$',
    re.MULTILINE,
)


class StepFailedError(Exception):
    """A step failed. The text is all that a person needs to see of it."""


@dataclass(frozen=True)
class Venv:
    """A virtual environment in `folder`."""

    folder: Path

    @property
    def scripts(self) -> Path:
        """Where its commands are."""
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin")

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.scripts / ("python.exe" if sys.platform == "win32" else "python")

    @classmethod
    def create(cls, folder: Path) -> Venv:
        """Make one with pip."""
        run([sys.executable, "-m", "venv", folder], os.environ)
        return cls(folder)

    def pip_install(self, *arguments: str | Path, environment: Mapping[str, str] = os.environ) -> None:
        """Install packages; what pip prints is shown only if it fails."""
        options = ["--quiet", "--disable-pip-version-check", "--no-input"]
        run([self.python, "-m", "pip", "install", *options, *arguments], environment)


@dataclass(frozen=True)
class Index:
    """The index of this repository's `hatch.toml`: its port, the user who may upload, and a password for this once."""

    port: int
    user: str
    password: str

    @property
    def url(self) -> str:
        """Where it takes uploads."""
        return f"http://127.0.0.1:{self.port}/"


def main() -> int:
    """Run all steps; 0 if everything worked, 1 if not, 130 after Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="try-tokenindex-", ignore_cleanup_errors=True) as folder:
            say(f"Everything happens in {folder}, which is removed at the end.")
            version = publish_and_install(Path(folder).resolve())
    except StepFailedError as error:
        print(f"\n{error}\n\nThis did not work; the temporary folder is removed again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the temporary folder is removed again.", file=sys.stderr)
        return 130
    say(
        f"\nDone in {time.monotonic() - started:.0f} s: hatch-tokenindex {version} was built, published with "
        "`hatch publish -p tokenindex`\nto a pypiserver that wanted a password, and installed back from there with pip. "
        "Nothing of it is left."
    )
    return 0


def publish_and_install(folder: Path) -> str:
    """Build, publish, install back, import; the version that came back."""
    project = folder / "project"
    copy_project(project)
    index = choose_index(project / "hatch.toml")

    say("1. Installing Hatch, this plugin and pypiserver into a virtual environment (the longest step)")
    tools = Venv.create(folder / "tools")
    tools.pip_install("pypiserver[passlib]", project)

    say(f"2. Starting a pypiserver at {index.url} that takes uploads from `{index.user}` with a password")
    with pypiserver(tools, index, folder):
        say("3. hatch build")
        hatch(tools, "build", cwd=project, environment=own_hatch_folders(folder))
        built = sorted(path.name for path in (project / "dist").iterdir())

        say("4. hatch publish -p tokenindex -r local        (HATCH_INDEX_AUTH_LOCAL holds the password)")
        published = hatch(
            *(tools, "publish", "-p", "tokenindex", "-r", "local"),
            cwd=project,
            environment={**empty_home(folder), "HATCH_INDEX_AUTH_LOCAL": index.password},
        )
        say("".join(f"     {line}\n" for line in published.splitlines() if line.strip()).rstrip())

        say(f"5. pip install --no-deps --index-url {index.url}simple/ hatch-tokenindex")
        version = install_back(folder, index)
    if not any(version in name for name in built):
        message = f"Version {version} came back, but {', '.join(built)} were built."
        raise StepFailedError(message)
    return version


def copy_project(target: Path) -> None:
    """Copy what the project is built from: no hidden files but `.gitignore`, no environments, caches or old builds."""

    def left_out(parent: str, names: list[str]) -> set[str]:
        made = {"__pycache__", "dist", "site"}
        return {
            name
            for name in names
            if name in made
            or (name.startswith(".") and name != ".gitignore")
            or Path(parent, name, "pyvenv.cfg").exists()
        }

    shutil.copytree(REPOSITORY, target, ignore=left_out)


def choose_index(hatch_toml: Path) -> Index:
    """The index that `hatch.toml` names; where its port is busy, another one, written into this copy of the file."""
    text = hatch_toml.read_text(encoding="utf-8")
    table = _LOCAL_TABLE.search(text)
    if table is None:
        message = "hatch.toml has no table [publish.tokenindex.repos.local] with a url on 127.0.0.1 and a user."
        raise StepFailedError(message)
    port = int(table["port"])
    if not is_free(port):
        busy, port = port, any_free_port()
        say(f"Port {busy} is in use; in the copy of the project, hatch.toml names port {port}.")
        changed = text[: table.start("port")] + str(port) + text[table.end("port") :]
        hatch_toml.write_text(changed, encoding="utf-8")
    return Index(port, table["user"], secrets.token_urlsafe())


@contextmanager
def pypiserver(tools: Venv, index: Index, folder: Path) -> Iterator[None]:
    """A pypiserver that runs during the block."""
    packages = folder / "packages"
    packages.mkdir()
    digest = hashlib.sha1(index.password.encode(), usedforsecurity=False).digest()
    passwords = folder / "htpasswd"
    passwords.write_text(f"{index.user}:{{SHA}}{base64.b64encode(digest).decode()}\n", encoding="ascii")
    command: list[str | Path] = [tools.python, "-m", "pypiserver", "run", "--disable-fallback"]
    command += ["--interface", "127.0.0.1", "--port", str(index.port)]
    command += ["--authenticate", "update", "--passwords", passwords, packages]
    log = folder / "pypiserver.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        if not listens(server, index.port):
            message = f"pypiserver did not start:\n{log.read_text(encoding='utf-8', errors='replace')}"
            raise StepFailedError(message)
        yield
    finally:
        server.terminate()
        server.wait()


def listens(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server takes connections; false where its process ended, or time is up."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.05)
            return False
    return False


def install_back(folder: Path, index: Index) -> str:
    """Install the project from the index, and from nowhere else, and import it; the version that it says it has."""
    consumer = Venv.create(folder / "consumer")
    nothing_else = {**without_proxies(os.environ), "PIP_CONFIG_FILE": os.devnull}
    consumer.pip_install(
        *("--isolated", "--no-deps", "--no-cache-dir", "--only-binary=:all:"),
        *("--index-url", f"{index.url}simple/", "hatch-tokenindex"),
        environment=nothing_else,
    )
    code = "import hatch_tokenindex.__about__ as about; print(about.__version__)"
    return run([consumer.python, "-I", "-c", code], os.environ).strip()


def hatch(tools: Venv, *arguments: str, cwd: Path, environment: Mapping[str, str]) -> str:
    """Run Hatch from the environment; what it prints."""
    path = os.pathsep.join([str(tools.scripts), environment.get("PATH", os.defpath)])
    return run([tools.python, "-m", "hatch", *arguments], {**environment, "PATH": path}, cwd=cwd)


def own_hatch_folders(folder: Path) -> dict[str, str]:
    """Your environment, so that pip finds its configuration and cache, but with Hatch's own folders in `folder`."""
    config = folder / "hatch" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.touch()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HATCH_")}
    return {
        **without_proxies(inherited),
        "HATCH_CONFIG": str(config),
        "HATCH_DATA_DIR": str(folder / "hatch" / "data"),
        "HATCH_CACHE_DIR": str(folder / "hatch" / "cache"),
        "VIRTUALENV_OVERRIDE_APP_DATA": str(folder / "hatch" / "virtualenv"),
        "NO_COLOR": "1",
        "PYTHONUTF8": "1",
    }


def empty_home(folder: Path) -> dict[str, str]:
    """The environment of somebody with nothing in the home folder, and no keyring."""
    home = folder / "home"
    home.mkdir()
    return {
        **own_hatch_folders(folder),
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


def without_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with this machine itself reached directly where the rest goes through a proxy."""
    direct = ",".join(filter(None, [environment.get("NO_PROXY", environment.get("no_proxy")), "127.0.0.1"]))
    return {**environment, "NO_PROXY": direct, "no_proxy": direct}


def run(command: Sequence[str | Path], environment: Mapping[str, str], *, cwd: Path | None = None) -> str:
    """Run a command to its end and return what it printed; a failure is raised with all of it."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    printed = done.stdout.decode("utf-8", errors="replace")
    if done.returncode != 0:
        shown = " ".join(str(word) for word in command)
        message = f"{printed.strip()}\n\nThis command ended with status {done.returncode}:\n  {shown}"
        raise StepFailedError(message)
    return printed


def is_free(port: int) -> bool:
    """Whether nothing listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def any_free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
