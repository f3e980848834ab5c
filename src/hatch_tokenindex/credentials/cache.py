"""What Hatch's cache remembers: the user name typed last for an index, and which keyring slots exist. Never a secret."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hatch_tokenindex import urls
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.credentials.checks import usable_user_name
from hatch_tokenindex.errors import CredentialError, SourceUnavailableError
from hatch_tokenindex.text import END_OF_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

VERSION = 1
LOCK_PATIENCE = 10
"""Seconds to wait for other runs that write at the same time."""


@dataclass(frozen=True)
class Slot:
    """One secret in the keyring: `service` and `user` find it there; times are in unix seconds.

    `project` is the project that it is for, `None` if it is for every project of the index.
    """

    service: str
    user: str
    project: str | None
    kind: str
    expires: int | None
    stored: int


@dataclass(frozen=True)
class Contents:
    """What the file holds. `users` maps an index (its normalized URL) to a user name; `advised` lists the projects
    (as `URL project`) whose maintainer was told once to make a token for that project.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    slots: tuple[Slot, ...] = ()
    advised: tuple[str, ...] = ()

    def user(self, url: str) -> str | None:
        """The user name that was typed last for this index."""
        return self.users.get(urls.normalized(url))

    def slot(self, service: str, user: str) -> Slot | None:
        """What is known of one keyring slot."""
        return next((slot for slot in self.slots if (slot.service, slot.user) == (service, user)), None)

    def with_user(self, url: str, user: str) -> Contents:
        """The same, with this user name."""
        return replace(self, users={**self.users, urls.normalized(url): user})

    def with_slot(self, slot: Slot) -> Contents:
        """The same, with this slot in place of an older record of it."""
        return replace(self, slots=(*self.without_slot(slot.service, slot.user).slots, slot))

    def without_slot(self, service: str, user: str) -> Contents:
        """The same, without this slot."""
        return replace(self, slots=tuple(slot for slot in self.slots if (slot.service, slot.user) != (service, user)))

    def without_user(self, url: str) -> Contents:
        """The same, without a user name for this index."""
        return replace(self, users={known: user for known, user in self.users.items() if known != urls.normalized(url)})

    def with_advice(self, url: str, project: str) -> Contents:
        """The same, with the note that the maintainer of this project has been told."""
        return replace(self, advised=tuple(dict.fromkeys((*self.advised, _advice(url, project)))))

    def is_advised(self, url: str, project: str) -> bool:
        """Whether the maintainer of this project has been told."""
        return _advice(url, project) in self.advised


class Cache:
    """The file `remembered.json` in the plugin's folder. Reading never fails: what can't be understood is empty."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "remembered.json"

    def read(self) -> Contents:
        """What is remembered now."""
        try:
            return _decode(self._load())
        except OSError:
            return Contents()

    def update(self, change: Callable[[Contents], Contents]) -> None:
        """Change what is remembered: under a lock, atomically, readable by its owner only.

        Raises `SourceUnavailableError` where the folder can't be written, or where a newer version wrote the file.
        """
        from filelock import FileLock, Timeout

        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock", timeout=LOCK_PATIENCE, mode=0o600):
                # What can't be read just now must not be taken for empty, and be lost.
                data = self._load()
                if _is_newer(data):
                    msg = f"{self.path} was written by a newer version"
                    raise SourceUnavailableError(msg)
                self._replace(json.dumps(_encode(change(_decode(data))), indent=2).encode())
        except Timeout:
            msg = f"{self.path} is locked by another run"
            raise SourceUnavailableError(msg) from None
        except (OSError, NotImplementedError) as error:
            # The second is what older versions of `filelock` say on a file system without locks.
            reason = getattr(error, "strerror", None) or type(error).__name__
            msg = f"{self.path} can't be written ({reason})"
            raise SourceUnavailableError(msg) from None

    def _load(self) -> Any:
        """What the file holds; `None` where there is none, or no JSON. Raises `OSError` where it can't be read."""
        try:
            return json.loads(self.path.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
            return None

    def _replace(self, content: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f"{self.path.name}.")
        try:
            with open(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise


def _advice(url: str, project: str) -> str:
    return f"{urls.normalized(url)} {project}"


def _encode(contents: Contents) -> dict[str, Any]:
    return {"version": VERSION, **asdict(contents)}


def _is_newer(data: Any) -> bool:
    version = data.get("version") if isinstance(data, dict) else None
    return isinstance(version, int) and version > VERSION


def _decode(data: Any) -> Contents:
    if not isinstance(data, dict) or data.get("version") != VERSION:
        return Contents()
    users, slots, advised = data.get("users"), data.get("slots"), data.get("advised")
    return Contents(
        users={url: user for url, user in users.items() if _is_user(user)} if isinstance(users, dict) else {},
        slots=tuple(slot for item in slots if (slot := _slot(item))) if isinstance(slots, list) else (),
        advised=tuple(item for item in advised if _is_text(item)) if isinstance(advised, list) else (),
    )


def _slot(data: Any) -> Slot | None:
    checks: dict[str, Callable[[object], bool]] = {
        "service": _is_url,
        "user": _is_text,
        "project": lambda value: value is None or _is_text(value),
        "kind": _is_text,
        "expires": lambda value: value is None or _is_time(value),
        "stored": _is_time,
    }
    if not isinstance(data, dict) or not all(name in data and check(data[name]) for name, check in checks.items()):
        return None
    return Slot(**{name: data[name] for name in checks})


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_user(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        usable_user_name(WithOrigin(value, "the cache"))
    except CredentialError:
        return False
    return True


def _is_url(value: object) -> bool:
    return isinstance(value, str) and urls.problem_with(value) is None


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value < END_OF_TIME
