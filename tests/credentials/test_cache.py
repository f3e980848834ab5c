"""The file in Hatch's cache: its content, permissions, concurrent runs, and damaged or unexpected data."""

from __future__ import annotations

import errno
import itertools
import json
import os
import stat
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from api_tokens import project_token
from filelock import FileLock
from hatch_process import needs_terminal
from servers import Answer

from hatch_tokenindex.credentials import cache as cache_module
from hatch_tokenindex.credentials.cache import Cache, Contents, EntryRecord
from hatch_tokenindex.errors import SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maintainer import Maintainer

URL = "https://packages.example.org/legacy/"
SECRET = "correct-horse-battery"
PROJECTS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")
SLOT = EntryRecord(URL, "pypi_token:project:demo", "demo", "project", 4_102_444_800, 1_787_000_000)
CONTENTS = (
    Contents()
    .with_user(URL, "alice")
    .with_user("https://other.example.org/", "böb")
    .with_entry(SLOT)
    .with_advice(URL, "demo")
)


# Several runs at once


@needs_terminal
def test_eight_publishers_at_once_are_all_remembered(at_pypi: Maintainer) -> None:
    let_go = threading.Event()
    at_pypi.server.script_uploads(*[Answer(after=let_go)] * len(PROJECTS))
    at_pypi.build(*PROJECTS)
    with ExitStack() as stack:
        terminals = {
            name: stack.enter_context(at_pypi.at_terminal(f"dist/{name}-1.0-py3-none-any.whl")) for name in PROJECTS
        }
        for terminal in terminals.values():
            terminal.expect("User name for PyPI")
            terminal.expect(": ")
            terminal.send("")
        for name, terminal in terminals.items():
            terminal.expect(f"API token for {name}")
            terminal.expect("): ")
            terminal.send(project_token(name))
        at_pypi.server.wait_for_uploads_in_progress(len(PROJECTS))
        let_go.set()
        assert [terminal.finish() for terminal in terminals.values()] == [0] * len(PROJECTS)

    contents = Cache(at_pypi.cache_file.parent).read()
    assert sorted(slot.project or "" for slot in contents.entries) == sorted(PROJECTS)
    assert contents.user(at_pypi.url) == "__token__"
    assert at_pypi.kept == {f"pypi_token:project:{name}": project_token(name) for name in PROJECTS}
    assert sorted(path.name for path in at_pypi.cache_file.parent.iterdir()) in (
        ["remembered.json"],
        ["remembered.json", "remembered.json.lock"],
    )
    assert not any(project_token(name).encode() in at_pypi.cache_file.read_bytes() for name in PROJECTS)


def test_threads_that_change_it_at_once_lose_nothing(tmp_path: Path) -> None:
    names = [f"project-{number}" for number in range(24)]

    def remember(name: str) -> None:
        Cache(tmp_path).update(lambda contents: contents.with_advice(URL, name))

    threads = [threading.Thread(target=remember, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    contents = Cache(tmp_path).read()
    assert [name for name in names if not contents.is_advised(URL, name)] == []


def test_a_lock_that_is_held_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "LOCK_PATIENCE", 0.02)
    with (
        FileLock(tmp_path / "remembered.json.lock"),
        pytest.raises(SourceUnavailableError, match="locked by another run"),
    ):
        Cache(tmp_path).update(lambda contents: contents.with_user(URL, "alice"))
    assert Cache(tmp_path).read() == Contents()


def test_a_change_that_fails_leaves_what_was(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.update(lambda _: CONTENTS)

    def fail(_: Contents) -> Contents:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.update(fail)
    cache.update(lambda contents: contents)
    assert cache.read() == CONTENTS


def test_what_can_not_be_read_just_now_is_not_taken_for_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, while another program looks into it."""
    cache = Cache(tmp_path)
    cache.update(lambda _: CONTENTS)

    def refuse(_: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patch:
        patch.setattr(type(cache.path), "read_bytes", refuse)
        assert cache.read() == Contents()
        with pytest.raises(SourceUnavailableError, match=os.strerror(errno.EACCES)):
            cache.update(lambda contents: contents.with_user(URL, "bob"))
    assert cache.read() == CONTENTS


def test_a_full_disk_leaves_what_was_and_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cache = Cache(tmp_path)
    cache.update(lambda _contents: CONTENTS)
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceUnavailableError, match=f"can't be written .{os.strerror(errno.ENOSPC)}"):
        cache.update(lambda contents: contents.with_user(URL, "bob"))
    assert cache.read() == CONTENTS
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def have_none(_: FileLock, *_arguments: object, **_more: object) -> None:
        msg = "FileSystem does not appear to support flock"
        raise NotImplementedError(msg)

    monkeypatch.setattr(FileLock, "acquire", have_none)
    with pytest.raises(SourceUnavailableError, match=r"remembered\.json can't be written \(NotImplementedError\)"):
        Cache(tmp_path).update(lambda contents: contents.with_user(URL, "alice"))
    assert Cache(tmp_path).read() == Contents()


# Who may read it


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes; the user's folders are their own there")
def test_it_is_its_owners_alone(at_pypi: Maintainer) -> None:
    mask = os.umask(0)
    try:
        result = at_pypi.manage("login", typed=project_token("demo"))
    finally:
        os.umask(mask)
    assert result.returncode == 0, result.output
    assert stat.S_IMODE(at_pypi.cache_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(at_pypi.cache_file.parent.stat().st_mode) == 0o700
    for path in at_pypi.cache_file.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert at_pypi.files_with(project_token("demo")) == [at_pypi.home.keyring_file]


# What it keeps


def test_it_reads_what_it_wrote(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "publish" / "tokenindex")
    assert cache.read() == Contents()
    cache.update(lambda _: CONTENTS)
    assert Cache(tmp_path / "publish" / "tokenindex").read() == CONTENTS
    assert CONTENTS.entry(URL, SLOT.user) == SLOT


def test_an_index_is_one_however_it_is_spelled() -> None:
    contents = Contents().with_user(URL, "alice").with_advice(URL, "demo")
    for spelling in (URL, URL.rstrip("/"), "HTTPS://Packages.Example.org:443/legacy/"):
        assert contents.user(spelling) == "alice"
        assert contents.is_advised(spelling, "demo")
        assert contents.without_user(spelling).users == {}
    assert contents.user("https://packages.example.org/") is None
    assert contents.with_user(URL.rstrip("/"), "bob").users == {URL.rstrip("/"): "bob"}


def test_a_slot_is_kept_once() -> None:
    newer = EntryRecord(URL, SLOT.user, "demo", "account", None, 1_800_000_000)
    other = EntryRecord(URL, "__token__", None, "account", None, 1_800_000_000)
    contents = Contents().with_entry(SLOT).with_entry(other).with_entry(newer)
    assert contents.entries == (other, newer)
    assert contents.without_entry(URL, SLOT.user).entries == (other,)
    assert contents.without_entry("https://other.example.org/", SLOT.user).entries == (other, newer)


def test_advice_is_kept_once() -> None:
    assert Contents().with_advice(URL, "demo").with_advice(URL, "demo").advised == (f"{URL.rstrip('/')} demo",)


# Whatever may stand in it


def written(tmp_path: Path) -> bytes:
    """The file as it is."""
    cache = Cache(tmp_path / "whole")
    cache.update(lambda _: CONTENTS)
    return cache.path.read_bytes()


def test_it_may_be_cut_off_at_any_byte(tmp_path: Path) -> None:
    whole = written(tmp_path)
    cache = Cache(tmp_path)
    for size in range(len(whole)):
        cache.path.write_bytes(whole[:size])
        assert cache.read() == Contents(), size
        if size % 16 == 0:
            cache.update(lambda contents: contents.with_user(URL, "bob"))
            assert cache.read() == Contents().with_user(URL, "bob")


def test_one_byte_may_be_any_other(tmp_path: Path) -> None:
    whole = written(tmp_path)
    cache = Cache(tmp_path)
    for position, byte in zip(range(len(whole)), itertools.cycle([0, 0x22, 0x39, 0x5C, 0x7B, 0xFF]), strict=False):
        cache.path.write_bytes(whole[:position] + bytes([byte]) + whole[position + 1 :])
        contents = cache.read()
        assert isinstance(contents.user(URL), (str, type(None)))
        assert len(contents.entries) <= 1


def slot_with(**changes: object) -> str:
    """A file with a single entry that has other values."""
    slot = {"service": URL, "user": "__token__", "project": None, "kind": "account", "expires": None, "stored": 1}
    return json.dumps({"version": 1, "users": {}, "slots": [{**slot, **changes}], "advised": []})


STRANGE = {
    "empty": b"",
    "binary": bytes(range(256)) * 4,
    "cut off": b'{"version": 1, "users": {"https://',
    "a number": b"7",
    "a list": b"[1, 2]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "no version": b'{"users": {"x": "y"}}',
    "another version": b'{"version": "1", "users": {}}',
    "no number": b'{"version": NaN, "users": {}}',
    "an older version": b'{"version": 0, "users": {"https://packages.example.org/legacy": "alice"}}',
    "lists for tables": b'{"version": 1, "users": [], "slots": {}, "advised": 3}',
    "wrong users": b'{"version": 1, "users": {"https://packages.example.org/legacy": 3}, "slots": []}',
    "a user name that no index takes": b'{"version": 1, "users": {"https://packages.example.org/legacy": "\\ud800"}}',
    "a user name with a colon": b'{"version": 1, "users": {"https://packages.example.org/legacy": "a:b"}}',
    "a token for a user name": json.dumps({"version": 1, "users": {URL.rstrip("/"): project_token("demo")}}).encode(),
    "slots that are none": b'{"version": 1, "slots": [1, null, [], {}, {"user": "x"}], "users": {}}',
    "a slot of nowhere": slot_with(service="nowhere").encode(),
    "a slot of an impossible place": slot_with(service="http://[::1").encode(),
    "a slot with a number for a name": slot_with(project=3).encode(),
    "a slot with a terminal escape": slot_with(project="\x1b[2J").encode(),
    "a slot after the end of time": slot_with(stored=10**30).encode(),
    "a slot before all time": slot_with(stored=-(10**18)).encode(),
    "a slot that never expires": slot_with(expires=1e400).encode(),
    "UTF-16": json.dumps({"version": 2}).encode("utf-16-le")[:-1],
}


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_strange_content_is_no_content(tmp_path: Path, content: bytes) -> None:
    cache = Cache(tmp_path)
    cache.path.write_bytes(content)
    assert cache.read() == Contents()
    cache.update(lambda contents: contents.with_entry(SLOT))
    assert cache.read() == Contents(entries=(SLOT,))


def a_file(content: bytes) -> Callable[[Path], None]:
    """A cache file with this content."""

    def make(path: Path) -> None:
        path.parent.mkdir(parents=True)
        path.write_bytes(content)

    return make


def a_folder(path: Path) -> None:
    """A folder where the cache file should be."""
    path.mkdir(parents=True)


def a_file_for_its_folder(path: Path) -> None:
    """A file where the cache's folder should be."""
    path.parent.parent.mkdir(parents=True)
    path.parent.write_bytes(b"")


OBSTACLES = {
    **{name: a_file(content) for name, content in STRANGE.items()},
    "a folder": a_folder,
    "no folder": a_file_for_its_folder,
    "a newer version": a_file(b'{"version": 2, "users": {"x": ["y"]}}'),
}


@pytest.mark.parametrize("make", OBSTACLES.values(), ids=OBSTACLES)
def test_no_cache_file_stops_a_run(at_index: Maintainer, make: Callable[[Path], None]) -> None:
    make(at_index.cache_file)
    at_index.home.remember(at_index.url, "__token__", SECRET)
    at_index.build()
    result = at_index.publish_in_process()
    assert result.returncode == 0, result.output
    assert at_index.received == [(at_index.project.name, "__token__", SECRET)]


@pytest.mark.parametrize("user", ["al:ice", project_token("demo")])
def test_a_cached_user_name_that_can_not_be_sent_is_none(at_index: Maintainer, user: str) -> None:
    content = {"version": 1, "users": {at_index.url.rstrip("/"): user}, "slots": [], "advised": []}
    a_file(json.dumps(content).encode())(at_index.cache_file)
    at_index.home.remember(at_index.url, "__token__", SECRET)
    at_index.build()
    result = at_index.publish_in_process()
    assert result.returncode == 0, result.output
    assert at_index.received == [(at_index.project.name, "__token__", SECRET)]
    assert user not in result.output


@needs_terminal
@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("cut off", None),
        ("a folder", "can't be written"),
        ("no folder", "can't be written"),
        ("a newer version", "was written by a newer version"),
    ],
)
def test_no_cache_file_stops_a_run_that_remembers(at_index: Maintainer, name: str, warning: str | None) -> None:
    OBSTACLES[name](at_index.cache_file)
    at_index.build()
    with at_index.at_terminal() as terminal:
        terminal.expect("User name for")
        terminal.expect(": ")
        terminal.send("")
        terminal.give_secret(SECRET)
        assert terminal.finish() == 0
    assert at_index.kept == {"__token__": SECRET}
    assert "Saved the" in terminal.words
    warnings = [line for line in terminal.screen.splitlines() if "cache could not list" in line]
    assert len(warnings) == int(warning is not None)
    assert warning is None or warning in terminal.words
    assert "Traceback" not in terminal.screen


def test_the_file_of_a_newer_version_is_left_alone(at_index: Maintainer) -> None:
    content = b'{"version": 2, "users": {"x": ["y"]}}'
    a_file(content)(at_index.cache_file)
    assert at_index.manage("login", "-r", "private", typed=SECRET).returncode == 0
    assert at_index.cache_file.read_bytes() == content
    assert at_index.kept == {"__token__": SECRET}
    tokens = at_index.manage("tokens")
    assert tokens.returncode == 0
    assert tokens.stdout.splitlines()[1].split()[:2] == ["private", "all"]
