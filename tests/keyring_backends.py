"""Keyrings for the tests: one that keeps secrets in a JSON file, and those that fail as real ones do.

A process uses one by `PYTHON_KEYRING_BACKEND=keyring_backends.FileKeyring` with this folder on its `PYTHONPATH`.
`FILE_KEYRING` names the file. It holds `{"secrets": {service: {user: secret}}, "calls": [[method, service, user]]}`:
tests fill the first part and read both. Every backend here logs its calls there before it does anything else.
"""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import threading
from ast import literal_eval
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from keyring.backend import KeyringBackend
from keyring.credentials import Credential, SimpleCredential
from keyring.errors import InitError, KeyringLocked, PasswordDeleteError, PasswordSetError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class KeyringFile:
    """The file behind the keyrings, as tests see it."""

    path: Path
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: list[tuple[str, str, str | None]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> KeyringFile:
        """Read the file; a missing file is empty."""
        with FileLock(f"{path}.lock"):
            return cls._load(path)

    @classmethod
    @contextmanager
    def changing(cls, path: Path) -> Iterator[KeyringFile]:
        """Open the file and write it back at the end of the block; one process at a time."""
        with FileLock(f"{path}.lock"):
            file = cls._load(path)
            yield file
            new = path.with_name(f"{path.name}.new")
            new.write_text(json.dumps({"secrets": file.secrets, "calls": file.calls}), encoding="utf-8")
            new.replace(path)

    @classmethod
    def _load(cls, path: Path) -> KeyringFile:
        if not path.exists():
            return cls(path)
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(path, content["secrets"], [(method, service, user) for method, service, user in content["calls"]])

    def put(self, service: str, user: str, secret: str) -> None:
        """Fill a slot; within `changing`."""
        self.secrets.setdefault(service, {})[user] = secret


class _Logged(KeyringBackend):
    """A backend that logs each call, and then does what its subclass makes of it."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        self._log("get_password", service, username)
        return self.get(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._log("set_password", service, username)
        self.set(service, username, password)

    def delete_password(self, service: str, username: str) -> None:
        self._log("delete_password", service, username)
        self.delete(service, username)

    def get_credential(self, service: str, username: str | None) -> Credential | None:
        self._log("get_credential", service, username)
        return self.find(service, username)

    def get(self, service: str, username: str) -> str | None:
        """The secret of a slot."""
        return KeyringFile.read(_path()).secrets.get(service, {}).get(username)

    def set(self, service: str, username: str, password: str) -> None:
        """Fill a slot."""
        with KeyringFile.changing(_path()) as file:
            file.put(service, username, password)

    def delete(self, service: str, username: str) -> None:
        """Empty a slot."""
        with KeyringFile.changing(_path()) as file:
            if file.secrets.get(service, {}).pop(username, None) is None:
                raise PasswordDeleteError(username)

    def find(self, service: str, username: str | None) -> Credential | None:
        """Any credential of a service, or that of a user."""
        for user, secret in KeyringFile.read(_path()).secrets.get(service, {}).items():
            if username in {None, user}:
                return SimpleCredential(user, secret)
        return None

    def _log(self, method: str, service: str, username: str | None) -> None:
        with KeyringFile.changing(_path()) as file:
            file.calls.append((method, service, username))


class FileKeyring(_Logged):
    """A keyring that works."""


class Swallows(_Logged):
    """Takes every secret and keeps none, like keyring's own null backend."""

    def set(self, service: str, username: str, password: str) -> None:
        """Forget it."""


class CredentialOnly(_Logged):
    """Answers `get_credential` without a user name and nothing else, like the backends of Azure and Google."""

    def get(self, service: str, username: str) -> str | None:  # noqa: ARG002
        """Know nothing."""
        return None

    def set(self, service: str, username: str, password: str) -> None:
        """Refuse."""
        raise NotImplementedError

    def find(self, service: str, username: str | None) -> Credential | None:
        """Answer for the service alone."""
        return super().find(service, username) if username is None else None


class AnswersForAnyUser(CredentialOnly):
    """A keyring with one token for any user, like those of Google and AWS; `get_credential` tells whose it is."""

    def get(self, service: str, username: str) -> str | None:  # noqa: ARG002
        """The same for everybody."""
        credential = self.find(service, None)
        return None if credential is None else credential.password

    def find(self, service: str, username: str | None) -> Credential | None:  # noqa: ARG002
        """The same for everybody."""
        return super().find(service, None)


class WriteFails(_Logged):
    """A keyring that can be read and not written."""

    def set(self, service: str, username: str, password: str) -> None:  # noqa: ARG002
        """Refuse, in keyring's own way."""
        message = "Can't store password on keychain: (-25244, 'Unknown Error')"
        raise PasswordSetError(message)


class _Fails(_Logged):
    """A keyring that raises `failure` on every call."""

    failure: Exception

    def get(self, service: str, username: str) -> str | None:  # noqa: ARG002
        """Fail."""
        raise self.failure

    def set(self, service: str, username: str, password: str) -> None:  # noqa: ARG002
        """Fail."""
        raise self.failure

    def delete(self, service: str, username: str) -> None:  # noqa: ARG002
        """Fail."""
        raise self.failure

    def find(self, service: str, username: str | None) -> Credential | None:  # noqa: ARG002
        """Fail."""
        raise self.failure


class Locked(_Fails):
    """A keyring that its owner doesn't unlock."""

    failure = KeyringLocked("Failed to unlock the collection!")


class Init(_Fails):
    """A keyring that can't be reached."""

    failure = InitError("Failed to open session: no D-Bus")


class Explodes(_Fails):
    """A keyring with a bug that raises an exception from outside `keyring`, quoting its arguments."""

    failure = RuntimeError("a backend broke")

    def set(self, service: str, username: str, password: str) -> None:
        """Fail, and tell the secret."""
        message = f"can't save {password!r} for {username} of {service}"
        raise RuntimeError(message)


class Hangs(_Logged):
    """A keyring that never answers the methods named in `HANGING_KEYRING` (comma-separated), as one behind a dialog."""

    def get(self, service: str, username: str) -> str | None:
        """Hang, or answer."""
        _hang_on("get_password")
        return super().get(service, username)

    def set(self, service: str, username: str, password: str) -> None:
        """Hang, or store."""
        _hang_on("set_password")
        super().set(service, username, password)

    def find(self, service: str, username: str | None) -> Credential | None:
        """Hang, or answer."""
        _hang_on("get_credential")
        return super().find(service, username)


class HangsInDialog(Hangs):
    """The same as one of keyring's own, which would ask in a window and never on the terminal."""

    __module__ = "keyring.backends.SecretService"


class AsksAtTerminal(_Logged):
    """Asks for its own password on the terminal before it answers, as the encrypted one of `keyrings.alt` does."""

    unlocked = False

    def get(self, service: str, username: str) -> str | None:
        """Ask once, and answer."""
        if not self.unlocked:
            getpass.getpass("Password of the keyring: ")
            self.unlocked = True
        return super().get(service, username)


class Prints(FileKeyring):
    """Prints to standard output, itself, by its descriptor and by a program, before it answers."""

    def get(self, service: str, username: str) -> str | None:
        """Print, and answer."""
        print("a print", flush=True)  # noqa: T201
        os.write(1, b"a descriptor\n")
        subprocess.run([sys.executable, "-S", "-c", "print('a program')"], check=True)
        return super().get(service, username)


class Odd(_Logged):
    """Returns what `ODD_KEYRING` spells: a user name and a password."""

    def get(self, service: str, username: str) -> str | None:  # noqa: ARG002
        """Return something."""
        password: str | None = literal_eval(os.environ["ODD_KEYRING"])[1]
        return password

    def find(self, service: str, username: str | None) -> Credential | None:  # noqa: ARG002
        """Return something."""
        return SimpleCredential(*literal_eval(os.environ["ODD_KEYRING"]))


class Rereads(FileKeyring):
    """Stores every secret, and returns nothing that can be used of what it stored."""

    def get(self, service: str, username: str) -> str | None:
        """Return something else."""
        return "something else" if super().get(service, username) else None


def _hang_on(method: str) -> None:
    if method in os.environ["HANGING_KEYRING"].split(","):
        threading.Event().wait()


def _path() -> Path:
    return Path(os.environ["FILE_KEYRING"])
