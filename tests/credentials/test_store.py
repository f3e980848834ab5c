"""Saving a typed secret once it has worked, under the scope of its token, and replacing it once it is rejected."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sysconfig
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from api_tokens import PROJECT_ID, account_token, make_token, project_token
from filelock import FileLock
from hatch_process import needs_terminal
from maintainer import slot_of
from servers import Answer, BasicAuth

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.cache import Cache, EntryRecord
from hatch_tokenindex.credentials.checks import check_credential
from hatch_tokenindex.credentials.credential import Credential
from hatch_tokenindex.credentials.sources.keyring import Keyring
from hatch_tokenindex.credentials.store import CredentialStore, entries_for
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hatch_process import HatchTerminal
    from maintainer import Maintainer

pytestmark = needs_terminal

PYPI = "https://upload.pypi.org/legacy/"
INVALID = (
    "Invalid or non-existent authentication information. See https://pypi.org/help/#invalid-auth for more information."
)


def refuse(reason: str = INVALID, status: int = 403) -> Answer:
    """A PyPI response with this message."""
    return Answer(status, reason, body={"message": reason, "code": f"{status} {reason}", "title": "Forbidden"})


def give_token(terminal: HatchTerminal, token: str) -> None:
    """Answer both questions of a first run: Enter, and a token."""
    terminal.expect("User name for")
    terminal.expect(":")
    terminal.send("")
    terminal.give_secret(token)


def undo_commands(words: str) -> list[list[str]]:
    """The commands that a run printed to undo what it stored; none is broken into lines."""
    (commands,) = re.findall(r"To\s+remove\s+it:\s+((?:`[^`]+`(?:\s+and\s+)?)+)", words)
    found = re.findall("`([^`]+)`", commands)
    assert "\n" not in "".join(found)
    return [shlex.split(command) for command in found]


def undo(maintainer: Maintainer, screen: str) -> None:
    """Run what was printed as it was printed."""
    for command in undo_commands(screen):
        subprocess.run(
            command, cwd=maintainer.project.folder, env=maintainer.home.environment, check=True, capture_output=True
        )


# The token says where it belongs


@dataclass(frozen=True)
class Scope:
    """A token, the keyring slots that it belongs to, and what the cache says of its kind."""

    token: Callable[[str], str]
    slots: Callable[[str], list[str]]
    kind: str
    projects: Callable[[str], list[str | None]] = lambda _: [None]


SCOPES = {
    "one project": Scope(project_token, lambda name: [slot_of(name)], "project", lambda name: [name]),
    "several projects": Scope(
        lambda name: project_token("another", name),
        lambda name: [slot_of("another"), slot_of(name)],
        "project",
        lambda name: ["another", name],
    ),
    "the account": Scope(lambda _: account_token(), lambda _: ["__token__"], "account"),
    "a project by its id alone": Scope(
        lambda _: make_token(project_ids=[PROJECT_ID], identifier="by-id"),
        lambda name: [slot_of(name)],
        "project id",
        lambda name: [name],
    ),
}


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_token_goes_where_it_says_that_it_belongs(at_pypi: Maintainer, scope: Scope) -> None:
    name = at_pypi.project.name
    token = scope.token(name)
    # Another default than the repository of this run: the printed command must not depend on it.
    at_pypi.project.configure('[publish.tokenindex]\nrepo = "test"\n')
    at_pypi.build()
    before = int(time.time())
    with at_pypi.at_terminal("-r", "main") as terminal:
        give_token(terminal, token)
        assert terminal.finish() == 0, terminal.screen
    assert at_pypi.kept == dict.fromkeys(scope.slots(name), token)
    assert token not in terminal.screen

    contents = Cache(at_pypi.cache_file.parent).read()
    assert contents.user(PYPI) == "__token__"
    assert [slot.stored for slot in contents.entries if not before <= slot.stored <= time.time()] == []
    assert [(slot.service, slot.user, slot.project, slot.kind, slot.expires) for slot in contents.entries] == [
        (PYPI, slot, project, scope.kind, None)
        for slot, project in zip(scope.slots(name), scope.projects(name), strict=True)
    ]
    assert at_pypi.files_with(token) == [at_pypi.home.keyring_file]

    at_pypi.build(version="2.0")
    second = at_pypi.publish_in_process("-r", "main", "dist", "-o", "all-versions")
    assert second.returncode == 0, second.output
    first_sent, second_sent = at_pypi.received
    assert second_sent == first_sent

    undo(at_pypi, terminal.screen)
    assert at_pypi.kept == {}
    assert Cache(at_pypi.cache_file.parent).read().entries == ()


def test_every_slot_of_one_secret_is_told_once(at_pypi: Maintainer) -> None:
    at_pypi.build("alpha", "beta", "gamma")
    with at_pypi.at_terminal() as terminal:
        give_token(terminal, account_token())
        assert terminal.finish() == 0
    assert terminal.words.count("Saved the") == 1
    assert [call for call in at_pypi.home.keyring.calls if call[0] == "set_password"] == [
        ("set_password", PYPI, "__token__")
    ]


@pytest.mark.parametrize(
    ("table_user", "arguments", "typed_user", "user"),
    [
        (None, (), "alice", "alice"),
        ("alice", (), None, "alice"),
        ("ci", ("-u", "alice"), None, "alice"),
    ],
    ids=["typed", "of a table", "of a flag, and another one in a table"],
)
def test_a_password_goes_to_its_user_name(
    at_index: Maintainer, table_user: str | None, arguments: tuple[str, ...], typed_user: str | None, user: str
) -> None:
    if table_user is not None:
        at_index.project.configure(
            f'[publish.tokenindex.repos.private]\nurl = "{at_index.url}"\nuser = "{table_user}"\n'
        )
    at_index.build()
    with at_index.at_terminal(*arguments) as terminal:
        if typed_user is not None:
            terminal.expect("User name for")
            terminal.expect(": ")
            terminal.send(typed_user)
        terminal.give_secret("correct horse")
        assert terminal.finish() == 0, terminal.screen
    assert at_index.kept == {user: "correct horse"}

    at_index.build(version="2.0")
    assert at_index.publish_in_process(*arguments, "-o", "all-versions").returncode == 0
    assert at_index.received == [(at_index.project.name, user, "correct horse")] * 2

    undo(at_index, terminal.screen)
    assert at_index.kept == {}


def test_the_printed_command_is_the_script_where_the_shell_finds_it(at_pypi: Maintainer) -> None:
    at_pypi.build()
    scripts = sysconfig.get_path("scripts")
    with at_pypi.at_terminal(PATH=f"{scripts}:{at_pypi.home.environment['PATH']}") as terminal:
        give_token(terminal, account_token())
        assert terminal.finish() == 0
    assert undo_commands(terminal.screen) == [["hatch-tokenindex", "logout", "-r", "main", "-u", "__token__"]]

    at_pypi.build(version="2.0")
    with at_pypi.at_terminal(
        "-o", "keyring=true", "-u", "alice", "-o", "all-versions", PATH="/usr/bin:/bin"
    ) as terminal:
        terminal.give_secret(account_token("another"))
        assert terminal.finish() == 0
    ((python, *rest),) = undo_commands(terminal.screen)
    assert python != "hatch-tokenindex"
    assert rest == ["-m", "hatch_tokenindex", "logout", "-r", "main", "-u", "__token__"]


# Only what worked, and only what was typed


def test_nothing_is_stored_before_the_index_accepted_it(at_pypi: Maintainer) -> None:
    let_go = threading.Event()
    at_pypi.server.script_uploads(Answer(after=let_go))
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        give_token(terminal, account_token())
        at_pypi.server.wait_for(lambda: len(at_pypi.server.uploads) == 1)
        assert at_pypi.kept == {}
        assert not at_pypi.cache_file.exists()
        let_go.set()
        assert terminal.finish() == 0
    assert at_pypi.kept == {"__token__": account_token()}


def test_what_is_refused_three_times_is_stored_nowhere(at_pypi: Maintainer) -> None:
    at_pypi.server.respond = lambda request: refuse() if request.is_upload else None
    at_pypi.build()
    tokens = [account_token(f"bad-{number}") for number in range(3)]
    with at_pypi.at_terminal() as terminal:
        give_token(terminal, tokens[0])
        for token in tokens[1:]:
            terminal.give_secret(token)
        assert terminal.finish() == 1
    assert [secret for _, _, secret in at_pypi.received] == ["bad-0", "bad-1", "bad-2"]
    assert terminal.words.count("input is hidden") == 3
    assert at_pypi.kept == {}
    assert not at_pypi.cache_file.exists()
    assert [at_pypi.files_with(token) for token in tokens] == [[], [], []]


def test_only_what_worked_of_three_is_stored(at_pypi: Maintainer) -> None:
    at_pypi.server.script_uploads(refuse(), refuse())
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        give_token(terminal, account_token("bad-0"))
        terminal.give_secret(account_token("bad-1"))
        terminal.give_secret(account_token("good"))
        assert terminal.finish() == 0
    assert at_pypi.kept == {"__token__": account_token("good")}


@pytest.mark.parametrize("where", ["configuration", "-o"])
def test_without_a_keyring_by_choice_the_user_name_alone_is_stored(at_pypi: Maintainer, where: str) -> None:
    if where == "configuration":
        at_pypi.project.configure("[publish.tokenindex]\nkeyring = false\n")
    at_pypi.build("alpha", "beta")
    with at_pypi.at_terminal(*(("-o", "keyring=false") if where == "-o" else ())) as terminal:
        give_token(terminal, account_token())
        assert terminal.finish() == 0
    assert at_pypi.received == [("alpha", "__token__", "account"), ("beta", "__token__", "account")]
    assert "Stored" not in terminal.words
    assert at_pypi.home.keyring.calls == []
    cached = Cache(at_pypi.cache_file.parent).read()
    assert (dict(cached.users), cached.entries) == ({at_pypi.url.rstrip("/"): "__token__"}, ())
    assert at_pypi.files_with(account_token()) == []


@pytest.mark.parametrize("given", [("-u", "alice"), ()])
def test_a_user_name_is_cached_only_if_it_was_typed(at_index: Maintainer, given: tuple[str, ...]) -> None:
    at_index.build()
    with at_index.at_terminal(*given) as terminal:
        if not given:
            terminal.expect("User name")
            terminal.expect(": ")
            terminal.send("alice")
        terminal.give_secret("correct horse")
        assert terminal.finish() == 0
    assert at_index.kept == {"alice": "correct horse"}
    assert Cache(at_index.cache_file.parent).read().user(at_index.url) == (None if given else "alice")


def test_what_was_given_otherwise_is_not_stored(at_index: Maintainer) -> None:
    at_index.build()
    with at_index.at_terminal("-u", "alice", HATCH_INDEX_AUTH="correct horse") as terminal:
        assert terminal.finish() == 0
    assert at_index.received == [(at_index.project.name, "alice", "correct horse")]
    assert at_index.kept == {}
    assert not at_index.cache_file.exists()


# --initialize-auth


def test_initialize_auth_without_files(at_pypi: Maintainer) -> None:
    name = at_pypi.project.name
    with at_pypi.at_terminal("--initialize-auth") as terminal:
        terminal.expect("User name for PyPI")
        terminal.expect(": ")
        terminal.send("")
        terminal.expect(f"API token for {name} on PyPI")
        terminal.expect(": ")
        terminal.send(project_token(name))
        assert terminal.finish() == 0
    assert at_pypi.kept == {slot_of(name): project_token(name)}
    assert "Saved the" in terminal.words
    assert at_pypi.server.requests == []

    again = at_pypi.publish_in_process("--initialize-auth")
    assert again.returncode == 0
    assert f"keyring entry '{slot_of(name)}'" in again.words


@pytest.mark.parametrize("initialize", [True, False])
def test_initialize_auth_with_files_that_exist(at_pypi: Maintainer, *, initialize: bool) -> None:
    at_pypi.build()
    (wheel,) = at_pypi.project.dist.iterdir()
    at_pypi.server.store(wheel.name, wheel.read_bytes())
    with at_pypi.at_terminal(*(["--initialize-auth"] if initialize else [])) as terminal:
        if initialize:
            give_token(terminal, account_token())
        assert terminal.finish() == 0
    assert at_pypi.received == []
    assert "already exists" in terminal.words
    assert at_pypi.kept == ({"__token__": account_token()} if initialize else {})


def test_initialize_auth_where_nothing_may_be_stored_asks_nothing(at_pypi: Maintainer) -> None:
    with at_pypi.at_terminal("--initialize-auth", "-o", "keyring=false") as terminal:
        assert terminal.finish() == 1
    assert "`keyring` is false" in terminal.words
    assert "input is hidden" not in terminal.words


class FailsAtTheSecond(Keyring):
    """A keyring that keeps one secret and then breaks."""

    def __init__(self) -> None:
        super().__init__(None)
        self.entries: list[str] = []

    @property
    def name(self) -> str:
        return "half"

    def set(self, service: str, slot: str, secret: Secret) -> str:  # noqa: ARG002 - as the keyring has it
        if self.entries:
            msg = "the keyring is locked"
            raise SourceUnavailableError(msg)
        self.entries.append(slot)
        return ""


def test_what_was_stored_in_part_is_listed(tmp_path: Path) -> None:
    repository = Repository("main", "https://upload.pypi.org/legacy/")
    found = Credential("__token__", Secret(make_token(projects=["a", "b"])), "the prompt", typed=True)
    checked, keyring, cache = check_credential(found, "a", repository, 1e9), FailsAtTheSecond(), Cache(tmp_path)
    kept = CredentialStore(repository, cache, keyring).save(checked, entries_for(checked, "a"), 1e9)
    assert "a on PyPI" in kept.notes[0]
    assert "locked" in kept.warnings[0]
    assert [slot.user for slot in cache.read().entries] == keyring.entries == ["pypi_token:project:a"]


# A remembered credential that is refused


def remember(maintainer: Maintainer, slot: str, token: str) -> None:
    """Put a token where an earlier run has put it, in August 2026."""
    maintainer.home.remember(maintainer.url, slot, token)
    project = slot.partition("project:")[2] or None
    kept = EntryRecord(maintainer.url, slot, project, "account", None, 1_787_000_000)
    Cache(maintainer.cache_file.parent).update(lambda contents: contents.with_entry(kept))


STORED = "stored on 2026-08-17"


def test_a_refused_one_is_named_and_replaced(at_pypi: Maintainer) -> None:
    name = at_pypi.project.name
    old, new = project_token(name, identifier="old"), project_token(name, identifier="new")
    remember(at_pypi, slot_of(name), old)
    at_pypi.server.script_uploads(refuse(), refuse())
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        terminal.give_secret(project_token(name, identifier="mistyped"))
        assert f"keyring entry '{slot_of(name)}' for {PYPI}, {STORED}" in terminal.words
        assert at_pypi.kept == {slot_of(name): old}
        terminal.give_secret(new)
        assert terminal.finish() == 0
    assert [secret for _, _, secret in at_pypi.received] == ["old", "mistyped", "new"]
    assert "User name" not in terminal.words
    assert at_pypi.kept == {slot_of(name): new}
    (slot,) = Cache(at_pypi.cache_file.parent).read().entries
    assert slot.stored > 1_787_000_000


def test_one_that_takes_its_place_elsewhere_removes_it(at_pypi: Maintainer) -> None:
    name = at_pypi.project.name
    remember(at_pypi, slot_of(name), project_token(name, identifier="old"))
    at_pypi.server.script_uploads(refuse())
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        terminal.give_secret(account_token())
        assert terminal.finish() == 0
    assert at_pypi.kept == {"__token__": account_token()}
    assert [slot.user for slot in Cache(at_pypi.cache_file.parent).read().entries] == ["__token__"]


def test_what_was_pasted_along_with_another_one_is_told(at_pypi: Maintainer) -> None:
    name = at_pypi.project.name
    remember(at_pypi, slot_of(name), project_token(name, identifier="old"))
    at_pypi.server.script_uploads(refuse())
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        terminal.give_secret(f'"{project_token(name)}"')
        assert terminal.finish() == 0
    assert "quotes" in terminal.words
    assert at_pypi.kept == {slot_of(name): project_token(name)}


@pytest.mark.parametrize("known", [True, False], ids=["stored by us", "stored by another tool"])
def test_without_a_terminal_it_ends_in_one_message(at_pypi: Maintainer, *, known: bool) -> None:
    token = account_token("old")
    at_pypi.home.remember(PYPI, "__token__", token)
    if known:
        remember(at_pypi, "__token__", token)
    at_pypi.server.script_uploads(refuse())
    at_pypi.build()
    result = at_pypi.publish()
    assert result.returncode == 1
    assert f"keyring entry '__token__' for {PYPI}" in result.words
    assert (STORED in result.words) == known
    assert "https://pypi.org/manage/account/token/" in result.words
    assert result.words.count("Fix: ") == 1
    assert "input is hidden" not in result.words
    assert at_pypi.kept == {"__token__": token}


def test_three_others_are_asked_for_and_no_more(at_pypi: Maintainer) -> None:
    remember(at_pypi, "__token__", account_token("old"))
    at_pypi.server.respond = lambda request: refuse() if request.is_upload else None
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        for number in range(3):
            terminal.give_secret(account_token(f"bad-{number}"))
        assert terminal.finish() == 1
    assert [secret for _, _, secret in at_pypi.received] == ["old", "bad-0", "bad-1", "bad-2"]
    assert at_pypi.kept == {"__token__": account_token("old")}


NOT_ABOUT_THE_CREDENTIAL = {
    "another's project": refuse(
        "The user 'x' isn't allowed to upload to project 'y'. See https://pypi.org/help/#project-name"
    ),
    "the account's e-mail": refuse(
        "User 'x', associated with the API token used, does not have a verified primary email"
    ),
    "the file": refuse("File already exists ('x', with blake2_256 hash 'y').", 400),
    "the release": refuse("Uploading new files to releases older than 14 days is not allowed.", 400),
    "the rate limit": Answer(429, "Too many new projects created", body="Too many new projects created"),
    "the site": refuse("Read-only mode: Uploads are temporarily disabled."),
    "a failing server": Answer(503, body="<html>Backend is unhealthy</html>"),
}


@pytest.mark.parametrize(
    ("answer", "typed"),
    [
        *(pytest.param(answer, False, id=f"{name}-remembered") for name, answer in NOT_ABOUT_THE_CREDENTIAL.items()),
        pytest.param(NOT_ABOUT_THE_CREDENTIAL["another's project"], True, id="another's project-typed"),
    ],
)
def test_other_refusals_ask_nothing_and_change_nothing(at_pypi: Maintainer, answer: Answer, *, typed: bool) -> None:
    if not typed:
        remember(at_pypi, "__token__", account_token())
    at_pypi.server.respond = lambda request: answer if request.is_upload else None
    at_pypi.build()
    before = at_pypi.kept
    with at_pypi.at_terminal("-o", "retries=0") as terminal:
        if typed:
            give_token(terminal, account_token())
        assert terminal.finish() == 1
    assert terminal.words.count("input is hidden") == int(typed)
    assert len(at_pypi.received) == 1
    assert at_pypi.kept == before


@pytest.mark.parametrize("status", [401, 403])
def test_a_remembered_one_is_asked_for_again_if_the_words_of_an_index_are_not_known(
    at_index: Maintainer, status: int
) -> None:
    at_index.home.remember(at_index.url, "alice", "old horse")
    at_index.server.script_uploads(Answer(status, body="The moon is full", headers={"Content-Type": "text/plain"}))
    at_index.build()
    with at_index.at_terminal("-u", "alice") as terminal:
        terminal.give_secret("correct horse")
        assert terminal.finish() == 0
    assert "either the password is wrong, or the user lacks permission" in terminal.words
    assert "Fix: enter another one here, or ask the administrator" in terminal.words
    assert [secret for _, _, secret in at_index.received] == ["old horse", "correct horse"]
    assert at_index.kept == {"alice": "correct horse"}


# Several projects


def test_a_refused_one_is_not_tried_again_for_the_next_project(at_pypi: Maintainer) -> None:
    at_pypi.home.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    at_pypi.server.script_uploads(refuse())
    at_pypi.build("alpha", "beta")
    with at_pypi.at_terminal() as terminal:
        give_token(terminal, account_token("bad"))
        terminal.give_secret(account_token("good"))
        assert terminal.finish() == 0
    assert at_pypi.received == [
        ("alpha", "__token__", "bad"),
        ("alpha", "__token__", "good"),
        ("beta", "__token__", "good"),
    ]


def test_one_new_secret_takes_the_place_of_two_refused_ones(at_pypi: Maintainer) -> None:
    for name in ("alpha", "beta"):
        remember(at_pypi, slot_of(name), project_token(name, identifier=f"old-{name}"))
    at_pypi.server.script_uploads(refuse(), None, refuse())
    at_pypi.build("alpha", "beta")
    with at_pypi.at_terminal() as terminal:
        terminal.give_secret(account_token("new"))
        assert terminal.finish() == 0
    assert [secret for _, _, secret in at_pypi.received] == ["old-alpha", "new", "old-beta", "new"]
    assert terminal.words.count("input is hidden") == 1
    assert at_pypi.kept == {"__token__": account_token("new")}


@pytest.mark.parametrize("remembered", [False, True], ids=["typed", "remembered"])
def test_a_project_that_was_accepted_is_not_asked_for_again(at_pypi: Maintainer, *, remembered: bool) -> None:
    """Though the next one is refused with the same token, which only tells the ids of its projects."""
    by_id = make_token(project_ids=[PROJECT_ID], identifier="by-id")
    if remembered:
        remember(at_pypi, "__token__", by_id)
    else:
        at_pypi.home.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    reason = "Invalid API Token: project-scoped token is not valid for project: 'beta'"
    at_pypi.server.script_uploads(None, refuse(reason))
    at_pypi.build("alpha", "beta")
    with at_pypi.at_terminal("-o", "json") as terminal:
        if not remembered:
            give_token(terminal, by_id)
        terminal.expect("API token for beta")
        terminal.give_secret(project_token("beta"))
        assert terminal.finish() == 0, terminal.screen
    assert [(project, secret) for project, _, secret in at_pypi.received] == [
        ("alpha", "by-id"),
        ("beta", "by-id"),
        ("beta", "for-beta"),
    ]
    assert terminal.words.count("input is hidden") == (1 if remembered else 2)
    document = json.loads(terminal.screen[terminal.screen.index("\n{\n") :])
    sources = {entry["name"]: entry["credential"]["source"] for entry in document["projects"]}
    of_alpha = f"keyring entry '__token__' for {PYPI}" if remembered else "the prompt"
    assert sources == {"alpha": of_alpha, "beta": "the prompt"}
    assert at_pypi.kept == ({"__token__": by_id, slot_of("beta"): project_token("beta")} if remembered else {})


def test_two_projects_keep_their_tokens_apart(at_pypi: Maintainer) -> None:
    """The question that this plugin was born from: does it remember both, or does it confuse the two?"""
    tokens = {name: project_token(name, identifier=name) for name in ("alpha", "beta")}
    for name, token in tokens.items():
        at_pypi.build(name)
        with at_pypi.at_terminal(f"dist/{name}-1.0-py3-none-any.whl") as terminal:
            if name == "alpha":
                give_token(terminal, token)
            else:
                terminal.give_secret(token)
            assert terminal.finish() == 0
    assert at_pypi.kept == {slot_of(name): token for name, token in tokens.items()}

    at_pypi.build("alpha", "beta", version="2.0")
    result = at_pypi.publish("-o", "all-versions")
    assert result.returncode == 0, result.output
    assert at_pypi.received == [(name, "__token__", name) for name in ("alpha", "beta")] * 2


# The user name alone


def test_a_user_name_is_remembered_where_the_secret_can_not_be(at_index: Maintainer) -> None:
    at_index.home.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    at_index.build()
    with at_index.at_terminal() as terminal:
        terminal.expect("User name for")
        terminal.expect(": ")
        terminal.send("alice")
        terminal.give_secret("correct horse")
        assert terminal.finish() == 0
    assert json.loads(at_index.cache_file.read_text(encoding="utf-8"))["slots"] == []

    at_index.build(version="2.0")
    with at_index.at_terminal("-o", "all-versions") as terminal:
        terminal.expect("Password or token of 'alice'")
        terminal.give_secret("correct horse")
        assert terminal.finish() == 0
    assert "User name for" not in terminal.words
    assert at_index.received == [(at_index.project.name, "alice", "correct horse")] * 2


def test_nothing_is_kept_for_a_project_without_uploads_before_the_others_are_there(at_index: Maintainer) -> None:
    """The index took the secret of neither before."""
    at_index.build("aaa", "zzz")
    wheel = at_index.project.dist / "aaa-1.0-py3-none-any.whl"
    at_index.server.store(wheel.name, wheel.read_bytes())
    good = project_token("zzz", location="127.0.0.1")
    at_index.server.credentials = {BasicAuth("__token__", good)}
    with at_index.at_terminal("--initialize-auth") as terminal:
        terminal.expect("User name")
        terminal.expect(": ")
        terminal.send("")
        terminal.give_secret("mistyped-secret")
        terminal.give_secret(good)
        terminal.finish()
    assert "mistyped-secret" not in at_index.kept.values()
    assert at_index.kept[slot_of("zzz")] == good


def test_ctrl_c_waits_for_no_locked_cache(at_pypi: Maintainer) -> None:
    """Advice would be noted in the cache; nobody waits for that after Ctrl-C."""
    at_pypi.build("aaa", "zzz")
    at_pypi.home.remember(at_pypi.url, "__token__", account_token())
    at_pypi.server.store("aaa-0.1-py3-none-any.whl", b"an older release")
    never = threading.Event()
    at_pypi.server.script_uploads(None, Answer(after=never))
    at_pypi.cache_file.parent.mkdir(parents=True)
    with FileLock(f"{at_pypi.cache_file}.lock"), at_pypi.at_terminal() as terminal:
        terminal.expect("success")
        at_pypi.server.wait_for(lambda: len(at_pypi.server.uploads) == 2)
        began = time.monotonic()
        terminal.interrupt()
        assert terminal.finish() == 1
        assert time.monotonic() - began < 8
    never.set()


def test_without_a_keyring_it_is_said_that_nothing_is_stored(at_index: Maintainer) -> None:
    at_index.home.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    at_index.build()
    with at_index.at_terminal("-u", "alice") as terminal:
        terminal.give_secret("correct horse")
        assert terminal.finish() == 0
    assert terminal.words.count("No keyring available") == 1
    assert terminal.words.count("The password was not saved; the next run will prompt for it again.") == 1
