"""`hatch-tokenindex`: login, logout and tokens; what they store is what `hatch publish` finds, and no secret is shown."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from api_tokens import PROJECT_ID, account_token, make_token, project_token
from hatch_in_process import invoke_tokenindex
from hatch_process import HatchResult, HatchTerminal, command, needs_terminal, run_command
from maintainer import slot_of

from hatch_tokenindex.credentials.cache import Cache, EntryRecord
from hatch_tokenindex.credentials.sources import keyring as keyrings
from hatch_tokenindex.credentials.sources.keyring import Keyring
from hatch_tokenindex.errors import SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_process import Home
    from maintainer import Maintainer

PYPI = "https://upload.pypi.org/legacy/"
TEST_PYPI = "https://test.pypi.org/legacy/"
SECRET = "correct-horse-battery"
IN_2100, PAST = 4_102_444_800, 1_600_000_000


def manage(maintainer: Maintainer, *arguments: str, typed: bytes = b"", **variables: str) -> HatchResult:
    """Run a command in this process, with this on a standard input that is no terminal."""
    place = maintainer.project.folder
    return invoke_tokenindex(*arguments, cwd=place, home=maintainer.home, env=variables, stdin=typed)


def check_failure(result: HatchResult, *texts: str) -> None:
    """Exit 1 and one clear text."""
    assert result.returncode == 1, result.output
    assert [text for text in texts if text not in result.words] == [], result.output
    assert "bug in hatch-tokenindex" not in result.output
    assert SECRET not in result.output


@contextmanager
def unchanged(maintainer: Maintainer) -> Iterator[None]:
    """Nothing is stored or deleted in the block."""
    before = maintainer.home.keyring.secrets, Cache(maintainer.cache_file.parent).read()
    yield
    assert (maintainer.home.keyring.secrets, Cache(maintainer.cache_file.parent).read()) == before


# The real commands, and `hatch publish` after them


@pytest.mark.usefixtures("cold")
@pytest.mark.parametrize("start", ["script", "module"])
def test_login_publish_logout(at_pypi: Maintainer, start: str) -> None:
    name = at_pypi.project.name
    token = project_token(name)
    beginning = [command("hatch-tokenindex")] if start == "script" else [sys.executable, "-m", "hatch_tokenindex"]

    def run(*arguments: str, stdin: bytes = b"") -> HatchResult:
        environment = {**at_pypi.home.environment, "HATCH_DEBUG": "1"}
        folder = at_pypi.project.folder
        return run_command(*beginning, *arguments, cwd=folder, environment=environment, stdin=stdin)

    login = run("login", stdin=f"{token}\n".encode())
    assert login.returncode == 0, login.output
    assert f"Saved the token for {name} on PyPI in the keyring" in login.words
    assert at_pypi.kept == {slot_of(name): token}

    tokens = run("tokens")
    assert tokens.returncode == 0
    assert tokens.stdout.splitlines()[1].split()[:5] == ["main", name, "project", "__token__", "unknown"]

    at_pypi.build()
    published = at_pypi.publish()
    assert published.returncode == 0, published.output
    assert [user for _, user, _ in at_pypi.received] == ["__token__"]

    logout = run("logout", "--project", name)
    assert logout.returncode == 0
    assert f"Deleted the secret for {name} on PyPI" in logout.words
    assert at_pypi.kept == {}
    assert "Nothing is saved yet." in run("tokens").words
    assert token not in login.output + tokens.output + published.output + logout.output


@needs_terminal
def test_login_asks_at_a_terminal(at_pypi: Maintainer) -> None:
    name = at_pypi.project.name
    token = project_token(name)
    arguments = ("login", "--project", name.upper())
    with HatchTerminal(
        *arguments, cwd=at_pypi.project.folder, home=at_pypi.home, executable="hatch-tokenindex"
    ) as terminal:
        terminal.expect(f"API token for {name} on PyPI")
        terminal.give_secret(token)
        assert terminal.finish() == 0
    assert token not in terminal.screen
    assert at_pypi.kept == {slot_of(name): token}


@needs_terminal
def test_ctrl_c_at_the_prompt_stores_nothing(at_pypi: Maintainer) -> None:
    with (
        unchanged(at_pypi),
        HatchTerminal(
            "login", cwd=at_pypi.project.folder, home=at_pypi.home, executable="hatch-tokenindex"
        ) as terminal,
    ):
        terminal.expect("API token for PyPI")
        terminal.expect("): ")
        terminal.interrupt_until("Aborted.")
        assert terminal.finish() == 1


@needs_terminal
@pytest.mark.parametrize(("answer", "said", "left"), [("n", "Nothing was deleted.", 2), ("y", "Deleted the secret", 0)])
def test_logout_of_everything_asks_at_a_terminal(at_pypi: Maintainer, answer: str, said: str, left: int) -> None:
    remember(at_pypi, (PYPI, "alice", SECRET), (PYPI, "bob", SECRET))
    with HatchTerminal(
        "logout", "--all", cwd=at_pypi.project.folder, home=at_pypi.home, executable="hatch-tokenindex"
    ) as terminal:
        terminal.expect("Delete 2 saved secrets?")
        terminal.send(answer)
        assert terminal.finish() == 0
    assert said in terminal.words
    assert len(at_pypi.home.keyring.secrets.get(PYPI, {})) == left


# login


LOGINS = {
    "project": ((), project_token("demo"), PYPI, [slot_of("demo")]),
    "projects": ((), project_token("demo", "sample"), PYPI, [slot_of("demo"), slot_of("sample")]),
    "account": ((), account_token(), PYPI, ["__token__"]),
    "account, for a project": (("--project", "Demo_Project"), account_token(), PYPI, [slot_of("demo-project")]),
    "one of two projects": (("--project", "demo"), project_token("demo", "sample"), PYPI, [slot_of("demo")]),
    "by id": ((), make_token(project_ids=[PROJECT_ID]), PYPI, ["__token__"]),
    "unreadable": (("-r", "work"), f"pypi-{'x' * 90}", "https://work.example.org/legacy/", ["__token__"]),
    "TestPyPI": (("-r", "test"), account_token(location="test.pypi.org"), TEST_PYPI, ["__token__"]),
    "a section's name": (("-r", "work"), "correct horse", "https://work.example.org/legacy/", ["alice"]),
    "a user name": (("-r", "work", "-u", "bob"), "correct horse", "https://work.example.org/legacy/", ["bob"]),
    "a token with another user name": (("-u", "bob"), account_token(), PYPI, ["__token__"]),
}


@pytest.mark.parametrize(("arguments", "secret", "service", "slots"), LOGINS.values(), ids=LOGINS)
def test_login_stores_where_a_run_looks(
    at_pypi: Maintainer, arguments: tuple[str, ...], secret: str, service: str, slots: list[str]
) -> None:
    at_pypi.home.pypirc.write_text(
        "[work]\nrepository = https://work.example.org/legacy/\nusername = alice\n", encoding="utf-8"
    )
    result = manage(at_pypi, "login", *arguments, typed=f"{secret}\r\nanother line\n".encode())
    assert result.returncode == 0, result.output
    assert secret not in result.output
    assert at_pypi.home.keyring.secrets == {service: dict.fromkeys(slots, secret)}
    assert [(slot.service, slot.user) for slot in Cache(at_pypi.cache_file.parent).read().entries] == [
        (service, slot) for slot in slots
    ]


@pytest.mark.parametrize("user", ["", 'user = "ci"\n'])
def test_a_configured_user_name_is_whose_secret_is_stored(at_index: Maintainer, user: str) -> None:
    at_index.project.configure(
        f'[publish.tokenindex]\nrepo = "private"\n[publish.tokenindex.repos.private]\nurl = "{at_index.url}"\n{user}'
    )
    assert manage(at_index, "login", typed=SECRET.encode()).returncode == 0
    assert at_index.kept == {"ci" if user else "__token__": SECRET}
    at_index.build()
    assert at_index.publish_in_process().returncode == 0
    assert at_index.received == [(at_index.project.name, "ci" if user else "__token__", SECRET)]


BAD_LOGINS = {
    "nothing": ((), b"", ["standard input is empty"]),
    "an empty line": ((), b"\n", ["standard input is empty"]),
    "control characters": ((), b"\x16\n", ["control characters"]),
    "no text": ((), b"\xff\xfe\x00\n", ["standard input"]),
    "another project's": (("--project", "demo"), project_token("other").encode(), ["is scoped to other", "demo"]),
    "expired": ((), project_token("demo", expires=PAST).encode(), ["expired on 2020-09-13"]),
    "another index's": (("-r", "test"), account_token().encode(), ["holds a PyPI token", "TestPyPI"]),
    "plain http": (("-r", "http://packages.example.org/"), SECRET.encode(), ["plain http"]),
    "an unknown repository": (("-r", "man"), SECRET.encode(), ["Unknown repository 'man'", "'main'"]),
    "a project's name that is none": (("--project", "my project"), SECRET.encode(), ["'my project'"]),
    "no project's name": (("--project", ""), SECRET.encode(), ["--project ''"]),
    "a user name's secret for a project": (
        ("-u", "alice", "--project", "demo"),
        SECRET.encode(),
        ["'alice'", "__token__", "--project"],
    ),
    "a token as a user name": (("-u", account_token()), SECRET.encode(), ["--user holds an API token"]),
    "a token as a project's name": (("--project", account_token()), SECRET.encode(), ["--project holds an API token"]),
    "a user name that can't be sent": (("-u", "a:b"), SECRET.encode(), ["The user name from --user contains a colon"]),
    "the secret as an argument": ((SECRET,), b"", ["Don't pass the secret as an argument"]),
    "a token as an argument": ((account_token(),), b"", ["Don't pass the secret as an argument"]),
}


@pytest.mark.parametrize(("arguments", "typed", "texts"), BAD_LOGINS.values(), ids=BAD_LOGINS)
def test_what_login_does_not_store(
    at_pypi: Maintainer, arguments: tuple[str, ...], typed: bytes, texts: list[str]
) -> None:
    with unchanged(at_pypi):
        result = manage(at_pypi, "login", *arguments, typed=typed)
    check_failure(result, *texts)
    assert "Paste" not in result.output
    assert account_token().lower() not in result.output.lower()


@pytest.mark.skipif(sys.platform == "win32", reason="starts a shell")
def test_login_where_standard_input_is_closed(at_pypi: Maintainer) -> None:
    shell = ("sh", "-c", '"$0" login <&-', command("hatch-tokenindex"))
    with unchanged(at_pypi):
        result = run_command(*shell, cwd=at_pypi.project.folder, environment=at_pypi.home.environment)
    check_failure(result, "The secret from standard input is empty.")


def test_login_where_nothing_may_be_stored(at_index: Maintainer) -> None:
    at_index.project.configure(f'[publish.tokenindex.repos.private]\nurl = "{at_index.url}"\nkeyring = false\n')
    with unchanged(at_index):
        check_failure(manage(at_index, "login", "-r", "private", typed=SECRET.encode()), "`keyring` is false")
    assert at_index.home.keyring.calls == []


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        ("keyring.backends.fail.Keyring", "no keyring available"),
        ("keyring.backends.null.Keyring", "did not store the secret"),
        ("keyring_backends.Locked", "the keyring is locked"),
        ("keyring_backends.Explodes", "the keyring backend keyring_backends failed (RuntimeError)"),
        ("keyring_backends.WriteFails", "the keyring backend keyring_backends failed (PasswordSetError)"),
    ],
)
def test_a_keyring_that_does_not_keep_it(at_pypi: Maintainer, backend: str, why: str) -> None:
    at_pypi.home.environment["PYTHON_KEYRING_BACKEND"] = backend
    check_failure(manage(at_pypi, "login", typed=account_token().encode()), "was not saved", why)
    assert Cache(at_pypi.cache_file.parent).read().entries == ()
    assert at_pypi.files_with(account_token()) == []


def test_a_secret_that_cannot_be_read_back_can_be_deleted(at_pypi: Maintainer) -> None:
    at_pypi.home.use_keyring("Rereads")
    check_failure(
        manage(at_pypi, "login", typed=account_token().encode()),
        "Saved the token for PyPI in the keyring, but it can't be read back: the keyring (keyring backends Rereads)",
        "logout -r main -u __token__",
    )
    assert at_pypi.kept == {"__token__": account_token()}
    assert "account" in manage(at_pypi, "tokens").stdout
    assert manage(at_pypi, "logout", "-r", "main", "-u", "__token__").returncode == 0
    assert at_pypi.kept == {}
    assert "Nothing is saved yet." in manage(at_pypi, "tokens").stderr


@pytest.mark.parametrize("secret", ["hunter2", f"pypi-{'x' * 90}", account_token()[:60], "pypi.org my token"])
def test_login_stores_nothing_for_pypi_that_is_no_token(at_pypi: Maintainer, secret: str) -> None:
    with unchanged(at_pypi):
        result = manage(at_pypi, "login", typed=secret.encode())
    check_failure(result, "The secret from standard input is not a valid API token, and PyPI accepts nothing else.")
    assert secret not in result.output


# logout


def remember(maintainer: Maintainer, *slots: tuple[str, str, str], expires: int | None = None) -> None:
    """Put secrets into the keyring as login does: service, slot, secret."""
    cache = Cache(maintainer.cache_file.parent)
    for service, user, secret in slots:
        maintainer.home.remember(service, user, secret)
        project = user.partition("project:")[2] or None
        slot = EntryRecord(service, user, project, "project" if project else "password", expires, 1_787_000_000)
        cache.update(lambda contents, entry=slot: contents.with_entry(entry))  # type: ignore[misc]


LOGOUTS = {
    (): [(PYPI, "__token__")],
    ("-u", "alice"): [(PYPI, "alice")],
    ("--project", "Demo"): [(PYPI, slot_of("demo"))],
    ("-r", "test"): [(TEST_PYPI, "__token__")],
    ("-r", "test", "--project", "demo"): [(TEST_PYPI, slot_of("demo"))],
    ("-r", TEST_PYPI): [(TEST_PYPI, "__token__")],
    ("-r", "test", "--all"): [(TEST_PYPI, "__token__"), (TEST_PYPI, slot_of("demo"))],
    ("--all",): [
        (PYPI, "__token__"),
        (PYPI, "alice"),
        (PYPI, slot_of("demo")),
        (TEST_PYPI, "__token__"),
        (TEST_PYPI, slot_of("demo")),
    ],
}


@pytest.mark.parametrize(("arguments", "deleted"), LOGOUTS.items(), ids=lambda value: " ".join(map(str, value))[:40])
def test_logout_deletes_what_is_named_and_nothing_else(
    at_pypi: Maintainer, arguments: tuple[str, ...], deleted: list[tuple[str, str]]
) -> None:
    everything = [place for slots in LOGOUTS.values() for place in slots]
    remember(at_pypi, *((*place, SECRET) for place in dict.fromkeys(everything)))
    result = manage(at_pypi, "logout", *arguments)
    assert result.returncode == 0, result.output
    assert result.words.count("Deleted the secret") == len(deleted)
    left = {(service, user) for service, slots in at_pypi.home.keyring.secrets.items() for user in slots}
    assert left == set(everything) - set(deleted)
    assert {(slot.service, slot.user) for slot in Cache(at_pypi.cache_file.parent).read().entries} == left
    assert SECRET not in result.output


def test_logout_forgets_the_user_name_too(at_index: Maintainer) -> None:
    cache = Cache(at_index.cache_file.parent)
    remember(at_index, (at_index.url, "alice", SECRET))
    cache.update(lambda contents: contents.with_user(at_index.url, "alice"))
    assert manage(at_index, "logout", "-r", "private").returncode == 0
    assert at_index.kept == {}
    assert cache.read().user(at_index.url) is None


@pytest.mark.parametrize("arguments", [(), ("--project", "demo"), ("-u", "alice")])
def test_logout_where_nothing_is(at_pypi: Maintainer, arguments: tuple[str, ...]) -> None:
    check_failure(manage(at_pypi, "logout", *arguments), "No such secret in the keyring")


@pytest.mark.parametrize("arguments", [("--all",), ("--all", "-r", "test")])
def test_logout_of_everything_where_nothing_is_has_nothing_to_complain_of(
    at_pypi: Maintainer, arguments: tuple[str, ...]
) -> None:
    result = manage(at_pypi, "logout", *arguments)
    assert (result.returncode, result.output) == (0, "Nothing is saved.\n")


def test_what_was_deleted_before_the_keyring_failed_is_told_and_no_longer_listed(
    at_pypi: Maintainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = Keyring.delete

    def delete_all_but_bobs(keyring: Keyring, service: str, slot: str) -> bool:
        if slot == "bob":
            msg = "the keyring is locked"
            raise SourceUnavailableError(msg)
        return delete(keyring, service, slot)

    monkeypatch.setattr(Keyring, "delete", delete_all_but_bobs)
    remember(at_pypi, *((PYPI, user, SECRET) for user in ("alice", "bob", "carol")))
    result = manage(at_pypi, "logout", "--all")
    check_failure(result, "Deleted the secret for alice on PyPI", "Could not delete everything: the keyring is locked.")
    assert result.words.count("Deleted the secret") == 1
    assert list(at_pypi.kept) == ["bob", "carol"]
    assert [slot.user for slot in Cache(at_pypi.cache_file.parent).read().entries] == ["bob", "carol"]


def test_a_secret_that_another_tool_deleted_is_no_longer_listed(at_pypi: Maintainer) -> None:
    remember(at_pypi, (PYPI, slot_of("demo"), SECRET))
    at_pypi.home.keyring_file.unlink()
    check_failure(manage(at_pypi, "logout", "--project", "demo"), "No such secret in the keyring")
    assert Cache(at_pypi.cache_file.parent).read().entries == ()


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (("--project", "demo", "--all"), ["--project, --all and --user contradict each other"]),
        (("-u", "__token__", "--all"), ["--project, --all and --user contradict each other"]),
        (("--project", "demo", "-u", "__token__"), ["--project, --all and --user contradict each other"]),
        (("--project", ""), ["--project ''"]),
        (("--project", account_token()), ["--project holds an API token"]),
        (("-u", account_token()), ["--user holds an API token"]),
        (("-u", "a:b"), ["The user name from --user contains a colon"]),
        (("-r", "nowhere"), ["Unknown repository 'nowhere'"]),
    ],
)
def test_what_logout_does_not_delete(at_pypi: Maintainer, arguments: tuple[str, ...], texts: list[str]) -> None:
    remember(at_pypi, (PYPI, "__token__", SECRET), (PYPI, slot_of("demo"), SECRET))
    with unchanged(at_pypi):
        result = manage(at_pypi, "logout", *arguments)
    check_failure(result, *texts)
    assert account_token().lower() not in result.output.lower()


def test_a_keyring_that_fails_deletes_nothing(at_pypi: Maintainer) -> None:
    remember(at_pypi, (PYPI, "__token__", SECRET))
    at_pypi.home.use_keyring("Locked")
    with unchanged(at_pypi):
        check_failure(manage(at_pypi, "logout"), "Could not delete everything: the keyring is locked.")


# tokens


def test_tokens_lists_what_the_cache_knows_and_the_slots_of_the_project_at_hand(at_index: Maintainer) -> None:
    name = at_index.project.name
    remember(at_index, (PYPI, slot_of("demo"), project_token("demo")), expires=IN_2100)
    remember(at_index, (at_index.url, "alice", SECRET), ("https://gone.example.org/legacy/", "bob", SECRET))
    at_index.home.remember(TEST_PYPI, slot_of(name), project_token(name, expires=IN_2100))
    at_index.home.remember(TEST_PYPI, slot_of("unrelated"), SECRET)
    at_index.home.remember(PYPI, "__token__", account_token())
    result = manage(at_index, "tokens")
    assert result.returncode == 0, result.output
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "REPOSITORY PROJECT KIND USER EXPIRES STORED",
        "private all password alice unknown 2026-08-17 20:53 UTC",
        "https://gone.example.org/legacy/ all password bob unknown 2026-08-17 20:53 UTC",
        f"test {name} project __token__ 2100-01-01 00:00 UTC unknown",
        "main all account __token__ unknown unknown",
        "main demo project __token__ 2100-01-01 00:00 UTC 2026-08-17 20:53 UTC",
    ]
    assert "unrelated" not in result.output

    document = json.loads(manage(at_index, "tokens", "--json").stdout)
    assert [(row["repository"], row["project"], row["kind"], row["expires"], row["stored"]) for row in document] == [
        ("private", None, "password", None, 1_787_000_000),
        ("https://gone.example.org/legacy/", None, "password", None, 1_787_000_000),
        ("test", name, "project", IN_2100, 0),
        ("main", None, "account", None, 0),
        ("main", "demo", "project", IN_2100, 1_787_000_000),
    ]
    assert [text for text in (SECRET, "pypi-A") if text in result.output or text in json.dumps(document)] == []


def test_tokens_where_nothing_is(at_pypi: Maintainer) -> None:
    result = manage(at_pypi, "tokens")
    assert (result.returncode, result.stdout) == (0, "")
    assert "Nothing is saved yet." in result.stderr
    assert json.loads(manage(at_pypi, "tokens", "--json").stdout) == []


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("backend", ["Locked", "Hangs"])
def test_tokens_without_a_keyring(
    at_pypi: Maintainer, monkeypatch: pytest.MonkeyPatch, backend: str, *, as_json: bool
) -> None:
    monkeypatch.setattr(keyrings, "REMOTE", (0.05, 0.05))
    remember(at_pypi, (PYPI, slot_of("demo"), SECRET))
    at_pypi.home.use_keyring(backend)
    result = manage(at_pypi, "tokens", *(["--json"] if as_json else []), HANGING_KEYRING="get_password")
    assert result.returncode == 0
    assert result.stderr.count("The list may be incomplete: the keyring") == 1
    listed = [row["project"] for row in json.loads(result.stdout)] if as_json else result.stdout.splitlines()[1].split()
    assert "demo" in listed


def test_tokens_outside_of_a_project(at_pypi: Maintainer, tmp_path: Path) -> None:
    remember(at_pypi, (PYPI, slot_of("demo"), SECRET))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    result = run_command(command("hatch-tokenindex"), "tokens", cwd=folder, environment=at_pypi.home.environment)
    assert result.returncode == 0
    assert "demo" in result.stdout


# Everything


@pytest.mark.parametrize("arguments", [("nothing",), ("login", "--nothing"), ("logout", "-r"), ("tokens", "extra")])
def test_a_command_line_that_is_wrong_ends_with_2(at_pypi: Maintainer, arguments: tuple[str, ...]) -> None:
    result = manage(at_pypi, *arguments)
    assert result.returncode == 2
    assert "Error:" in result.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("login", "--help"), ("--version",)])
def test_help_ends_with_0(at_pypi: Maintainer, arguments: tuple[str, ...]) -> None:
    assert manage(at_pypi, *arguments).returncode == 0


BAD_FILES = {
    "hatch.toml": "[publish.tokenindex\n",
    "pyproject.toml": "[project\n",
    "config.toml": "x = \n",
    ".pypirc": "[pypi\n",
    "an unknown key": "[publish.tokenindex]\nuzer = 'x'\n",
}


@pytest.mark.parametrize("arguments", [("login",), ("logout",), ("tokens",)], ids=" ".join)
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_can_not_be_read_is_one_line(at_pypi: Maintainer, name: str, arguments: tuple[str, ...]) -> None:
    at_pypi.home.configure_hatch("")
    path = {
        "config.toml": at_pypi.home.hatch_config,
        ".pypirc": at_pypi.home.pypirc,
        "an unknown key": at_pypi.project.folder / "hatch.toml",
    }.get(name, at_pypi.project.folder / name)
    path.write_text(BAD_FILES[name], encoding="utf-8")
    with unchanged(at_pypi):
        result = manage(at_pypi, *arguments, typed=SECRET.encode())
    check_failure(result, str(path))
    assert len(result.stderr.splitlines()) == 1


# The folders of Hatch


def choose_folder(home: Home, how: str) -> Path:
    """Choose another folder for Hatch's cache."""
    folder = home.folder / "another cache"
    home.environment["HATCH_CACHE_DIR"] = str(folder) if how == "HATCH_CACHE_DIR" else ""
    text = f'[dirs]\ncache = "{folder.as_posix()}"\n'
    if how == "[dirs] cache":
        home.configure_hatch(text)
    elif how == "HATCH_CONFIG":
        home.folder.joinpath("another.toml").write_text(text, encoding="utf-8")
        home.environment["HATCH_CONFIG"] = str(home.folder / "another.toml")
    return folder


@pytest.mark.parametrize("how", ["HATCH_CACHE_DIR", "[dirs] cache", "HATCH_CONFIG"])
def test_the_folders_are_those_of_hatch(at_index: Maintainer, how: str) -> None:
    """Login remembers a user name there, and only a publisher with the same folder knows it."""
    folder = choose_folder(at_index.home, how)
    login = at_index.manage("login", "-r", "private", "-u", "alice", typed=SECRET)
    assert login.returncode == 0, login.output
    assert (folder / "publish" / "tokenindex" / "remembered.json").is_file()
    assert not at_index.cache_file.exists()

    at_index.build()
    published = at_index.publish()
    assert published.returncode == 0, published.output
    assert at_index.received == [(at_index.project.name, "alice", SECRET)]


def test_a_printed_command_works_in_a_subfolder(at_index: Maintainer) -> None:
    assert at_index.manage("login", "-r", "private", typed=SECRET).returncode == 0
    subfolder = at_index.project.folder / "src"
    subfolder.mkdir()
    script = [
        str(Path(sysconfig.get_path("scripts"), "hatch-tokenindex")),
        "logout",
        "-r",
        "private",
        "-u",
        "__token__",
    ]
    subprocess.run(script, cwd=subfolder, env=at_index.home.environment, check=True, capture_output=True)
    assert at_index.kept == {}


def test_a_project_s_own_secret_leaves_the_remembered_user_name_alone(at_index: Maintainer) -> None:
    cache = Cache(at_index.cache_file.parent)
    cache.update(lambda contents: contents.with_user(at_index.url, "alice"))
    result = manage(at_index, "login", "-r", "private", "--project", "demo", typed=b"s3cret")
    assert result.returncode == 0, result.output
    assert at_index.kept == {slot_of("demo"): "s3cret"}
    assert cache.read().user(at_index.url) == "alice"
