"""Publish this project with its own plugin to a package index on this machine: once with the right password, once with a wrong
one, and then ask which credential is used.

It needs Python 3.10 or later with `venv` and `pip`, and a connection to PyPI for the packages that it installs. Apart from
pip's cache, everything is in one temporary folder, which is deleted at the end. Your keyring, `.pypirc` and Hatch configuration
are neither read nor written.
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
"""Time limit for the start of the server, in seconds."""

MISSING = {
    "ensurepip": "Python's module `venv` is incomplete. On Debian and Ubuntu, install the package `python3-venv`.",
    "No matching distribution found": "pip can't download packages: connect to the internet, or set PIP_INDEX_URL to an index.",
    "No space left on device": "The disk is full: this needs about 200 MB in the temporary folder.",
}
"""Advice for words in the output of a command that failed."""

_LOCAL_TABLE = re.compile(
    r'^\[publish\.tokenindex\.repos\.local\]\nurl = "http://127\.0\.0\.1:(?P<port>\d+)/"\nuser = "(?P<user>[^"]+)"$',
    re.MULTILINE,
)


class StepFailedError(Exception):
    """A step failed. The text is shown to the user."""


@dataclass(frozen=True)
class Venv:
    """A virtual environment in `folder`."""

    folder: Path

    @property
    def scripts(self) -> Path:
        """The folder of its commands."""
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin")

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.scripts / ("python.exe" if sys.platform == "win32" else "python")

    @classmethod
    def create(cls, folder: Path) -> Venv:
        """Create one with pip."""
        run([sys.executable, "-m", "venv", folder], os.environ)
        return cls(folder)

    def pip_install(self, *arguments: str | Path, environment: Mapping[str, str] = os.environ) -> None:
        """Install packages. The output of pip is shown only if it fails."""
        options = ["--quiet", "--disable-pip-version-check", "--no-input"]
        run([self.python, "-m", "pip", "install", *options, *arguments], environment)


@dataclass(frozen=True)
class Index:
    """The index in this repository's `hatch.toml`: its port, the user who may upload, and a new password."""

    port: int
    user: str
    password: str

    @property
    def url(self) -> str:
        """The upload URL."""
        return f"http://127.0.0.1:{self.port}/"


def main() -> int:
    """Run all steps. Return 0 if everything worked, 1 if not, 130 after Ctrl-C."""
    if sys.version_info < (3, 10):  # noqa: UP036 - whoever tries this may have an older one
        print("This needs Python 3.10 or later; this is Python {}.{}.".format(*sys.version_info), file=sys.stderr)
        return 1
    for name in ("SIGTERM", "SIGHUP"):
        # Without a handler, the folder and the server would stay behind. Windows has no SIGHUP.
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="try-tokenindex-", ignore_cleanup_errors=True) as folder:
            say(f"Working in {folder}, which is deleted at the end.")
            version = publish_and_install(Path(folder).resolve())
    except StepFailedError as error:
        print(f"\n{error}\n\nFailed. The temporary folder is deleted.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The temporary folder is deleted.", file=sys.stderr)
        return 130
    say(
        f"\nDone in {time.monotonic() - started:.0f} s. hatch-tokenindex {version} was published to a local pypiserver and "
        f"installed from there;\na wrong password was explained. Everything is deleted again."
    )
    return 0


def publish_and_install(folder: Path) -> str:
    """Build, publish, install and import. Return the version that was installed."""
    project = folder / "project"
    copy_project(project)
    index = choose_index(project / "hatch.toml")

    say("\n1. Installing Hatch, this plugin and pypiserver into a virtual environment (the longest step)")
    tools = Venv.create(folder / "tools")
    tools.pip_install("pypiserver[passlib]", project)
    environment = empty_home(folder)

    def publish(*options: str, password: str, status: int = 0) -> None:
        shown = "the password" if password == index.password else "a wrong password"
        say(f"   $ hatch publish -p tokenindex {' '.join(options)}        (HATCH_INDEX_AUTH_LOCAL: {shown})")
        with_password = {**environment, "HATCH_INDEX_AUTH_LOCAL": password}
        printed = hatch(
            tools, "publish", "-p", "tokenindex", *options, cwd=project, environment=with_password, status=status
        )
        say("".join(f"     {line}\n" if line.strip() else "\n" for line in printed.strip().splitlines()))

    def build() -> None:
        say("   $ hatch build")
        hatch(tools, "build", "--clean", cwd=project, environment=own_hatch_folders(folder))

    say(f"2. Starting a pypiserver at {index.url}; uploads need the user `{index.user}` and a password")
    with pypiserver(tools, index, folder):
        say("3. The first release")
        build()
        publish("-r", "local", password=index.password)
        say(f"   $ pip install --index-url {index.url}simple/ hatch-tokenindex")
        version = install_back(folder, index)
        say(f"     installed {version}\n")

        say("4. The next release, with a wrong password")
        hatch(tools, "version", "patch", cwd=project, environment=own_hatch_folders(folder))
        build()
        publish("-r", "local", password=secrets.token_urlsafe(), status=1)

        say("5. Which credential does it use, and why?")
        publish("-r", "local", "-o", "explain", password=index.password)
    return version


def copy_project(target: Path) -> None:
    """Copy the project without hidden files (except `.gitignore`), environments, caches and old builds."""

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
    """Return the index in `hatch.toml`. If its port is in use, write another one into this copy of the file."""
    text = hatch_toml.read_text(encoding="utf-8")
    table = _LOCAL_TABLE.search(text)
    if table is None:
        message = "hatch.toml has no table [publish.tokenindex.repos.local] with a url on 127.0.0.1 and a user."
        raise StepFailedError(message)
    port = int(table["port"])
    if not is_free(port):
        busy, port = port, any_free_port()
        say(f"Port {busy} is in use; using port {port} in the copy of hatch.toml.")
        changed = text[: table.start("port")] + str(port) + text[table.end("port") :]
        hatch_toml.write_text(changed, encoding="utf-8")
    return Index(port, table["user"], secrets.token_urlsafe())


@contextmanager
def pypiserver(tools: Venv, index: Index, folder: Path) -> Iterator[None]:
    """Run a pypiserver during the block."""
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
    """Wait until the server accepts connections. Return False if it ended, or on timeout."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.05)
            return False
    return False


def install_back(folder: Path, index: Index) -> str:
    """Install the project from the index alone, import it, and return its version."""
    consumer = Venv.create(folder / "consumer")
    nothing_else = {**without_proxies(os.environ), "PIP_CONFIG_FILE": os.devnull}
    consumer.pip_install(
        *("--isolated", "--no-deps", "--no-cache-dir", "--only-binary=:all:"),
        *("--index-url", f"{index.url}simple/", "hatch-tokenindex"),
        environment=nothing_else,
    )
    code = "import hatch_tokenindex.__about__ as about; print(about.__version__)"
    return run([consumer.python, "-I", "-c", code], os.environ).strip()


def hatch(tools: Venv, *arguments: str, cwd: Path, environment: Mapping[str, str], status: int = 0) -> str:
    """Run Hatch from the virtual environment and return what it printed; `status` is the expected exit status."""
    path = os.pathsep.join([str(tools.scripts), environment.get("PATH", os.defpath)])
    return run([tools.python, "-m", "hatch", *arguments], {**environment, "PATH": path}, cwd=cwd, status=status)


def own_hatch_folders(folder: Path) -> dict[str, str]:
    """Return your environment, with pip's configuration and cache, but with Hatch's folders in `folder`."""
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
    """Return the environment of a user with an empty home folder and no keyring."""
    home = folder / "home"
    home.mkdir()
    return {
        **own_hatch_folders(folder),
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


def without_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment, without a proxy for this machine itself."""
    direct = ",".join(filter(None, [environment.get("NO_PROXY", environment.get("no_proxy")), "127.0.0.1"]))
    return {**environment, "NO_PROXY": direct, "no_proxy": direct}


def run(
    command: Sequence[str | Path], environment: Mapping[str, str], *, cwd: Path | None = None, status: int = 0
) -> str:
    """Run a command and return what it printed.

    Raises:
        StepFailedError: It ended with another exit status than `status`.
    """
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
    if done.returncode != status:
        shown = " ".join(str(word) for word in command)
        missing = next((f"{advice}\n\n" for text, advice in MISSING.items() if text in printed), "")
        message = f"{printed.strip()}\n\n{missing}This command ended with status {done.returncode}:\n  {shown}"
        raise StepFailedError(message)
    return printed


def is_free(port: int) -> bool:
    """Return True if nothing listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def any_free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
