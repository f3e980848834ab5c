"""The cache file: the user name typed last for each index, and a record of each keyring entry. It never holds a secret."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from time import sleep
from typing import TYPE_CHECKING, Any

from hatch_tokenindex import urls
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.credentials.checks import check_user_name
from hatch_tokenindex.errors import CredentialError, SourceUnavailableError
from hatch_tokenindex.text import END_OF_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

VERSION = 1
LOCK_PATIENCE = 10
"""Seconds to wait for other runs that are writing."""
_PAUSES = (0.01, 0.05, 0.1, 0.5) if sys.platform == "win32" else ()
"""Seconds between attempts to replace the file: Windows refuses that while another process reads it, for a moment."""


@dataclass(frozen=True)
class EntryRecord:
    """A record of one keyring entry, without its secret."""

    service: str
    """The upload URL."""
    user: str
    """The entry's user name."""
    project: str | None
    """The project that the secret is for, None if it is for every project of the index."""
    kind: str
    expires: int | None
    """Unix time."""
    stored: int
    """Unix time, 0 if unknown."""


@dataclass(frozen=True)
class Contents:
    """The contents of the file."""

    users: Mapping[str, str] = field(default_factory=dict)
    """User names, by normalized upload URL."""
    entries: tuple[EntryRecord, ...] = ()
    advised: tuple[str, ...] = ()
    """The projects, as `URL project`, whose maintainer was once advised to create a token for the project."""

    def user(self, url: str) -> str | None:
        """Return the user name that was typed last for this index."""
        return self.users.get(urls.normalized(url))

    def entry(self, service: str, user: str) -> EntryRecord | None:
        """Return the record of one keyring entry."""
        return next((entry for entry in self.entries if (entry.service, entry.user) == (service, user)), None)

    def with_user(self, url: str, user: str) -> Contents:
        """Return a copy with this user name."""
        return replace(self, users={**self.users, urls.normalized(url): user})

    def with_entry(self, entry: EntryRecord) -> Contents:
        """Return a copy with this record in place of an older one."""
        return replace(self, entries=(*self.without_entry(entry.service, entry.user).entries, entry))

    def without_entry(self, service: str, user: str) -> Contents:
        """Return a copy without the record of this entry."""
        kept = (entry for entry in self.entries if (entry.service, entry.user) != (service, user))
        return replace(self, entries=tuple(kept))

    def without_user(self, url: str) -> Contents:
        """Return a copy without a user name for this index."""
        return replace(self, users={known: user for known, user in self.users.items() if known != urls.normalized(url)})

    def with_advice(self, url: str, project: str) -> Contents:
        """Return a copy that notes that the maintainer of this project was advised."""
        return replace(self, advised=tuple(dict.fromkeys((*self.advised, _advice(url, project)))))

    def is_advised(self, url: str, project: str) -> bool:
        """Return True if the maintainer of this project was advised."""
        return _advice(url, project) in self.advised


class Cache:
    """The file `remembered.json` in the plugin's cache folder. Reading never fails: what can't be parsed is empty."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "remembered.json"

    def read(self) -> Contents:
        """Return the current contents."""
        try:
            return _decode(self._load())
        except OSError:
            return Contents()

    def update(self, change: Callable[[Contents], Contents]) -> None:
        """Change the contents under a lock, atomically, in a file that only its owner can read.

        Raises `SourceUnavailableError` if the folder can't be written, or a newer version wrote the file.
        """
        from filelock import FileLock, Timeout

        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock", timeout=LOCK_PATIENCE, mode=0o600):
                # A file that can't be read just now is not empty: it must not be lost.
                data = self._load()
                version = data.get("version") if isinstance(data, dict) else None
                if isinstance(version, int) and version > VERSION:
                    msg = f"{self.path} was written by a newer version"
                    raise SourceUnavailableError(msg)
                contents = change(_decode(data))
                slots = [asdict(entry) for entry in contents.entries]
                changed = {"version": VERSION, "users": contents.users, "slots": slots, "advised": contents.advised}
                self._replace(json.dumps(changed, indent=2).encode())
        except Timeout:
            msg = f"{self.path} is locked by another run"
            raise SourceUnavailableError(msg) from None
        except (OSError, NotImplementedError) as error:
            # Older versions of `filelock` raise NotImplementedError on a file system without locks.
            reason = getattr(error, "strerror", None) or type(error).__name__
            msg = f"{self.path} can't be written ({reason})"
            raise SourceUnavailableError(msg) from None

    def _load(self) -> Any:
        """Return the parsed file, None if it is missing or not JSON. Raises `OSError` if it can't be read."""
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
            for pause in _PAUSES:
                with suppress(PermissionError):
                    os.replace(name, self.path)
                    return
                sleep(pause)
            os.replace(name, self.path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise


def _advice(url: str, project: str) -> str:
    return f"{urls.normalized(url)} {project}"


def _decode(data: Any) -> Contents:
    if not isinstance(data, dict) or data.get("version") != VERSION:
        return Contents()
    users, entries, advised = data.get("users"), data.get("slots"), data.get("advised")
    return Contents(
        users={url: user for url, user in users.items() if _is_user(user)} if isinstance(users, dict) else {},
        entries=tuple(entry for item in entries if (entry := _entry(item))) if isinstance(entries, list) else (),
        advised=tuple(item for item in advised if _is_text(item)) if isinstance(advised, list) else (),
    )


def _entry(data: Any) -> EntryRecord | None:
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
    return EntryRecord(**{name: data[name] for name in checks})


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_user(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        check_user_name(WithOrigin(value, "the cache"))
    except CredentialError:
        return False
    return True


def _is_url(value: object) -> bool:
    return isinstance(value, str) and urls.problem_with(value) is None


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value < END_OF_TIME
