"""The documented order of the places for user name and secret, judged by what the index received."""

from __future__ import annotations

import random
import re
import sys
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING

import pytest
from api_tokens import USER_ID, make_token
from distribution_builders import make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import HatchTerminal, needs_terminal, run_hatch
from maintainer import private_repository
from servers import BasicAuth

from hatch_tokenindex.credentials.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from hatch_process import HatchResult, Home, Project
    from servers import RecordingServer

TOKEN_USER = "__token__"

USER_FLAG = "--user"
USER_OWN = "HATCH_INDEX_USER_PRIVATE"
USER_VARIABLE = "HATCH_INDEX_USER"
USER_TABLE = "`user` of hatch.toml"
PYPIRC_USER = "username of .pypirc"
CACHE = "cache"
USERS = (USER_FLAG, USER_OWN, USER_VARIABLE, USER_TABLE, PYPIRC_USER, CACHE)

PYPIRC_PASSWORD = "password of .pypirc"
AUTH_FLAG = "--auth"
AUTH_OWN = "HATCH_INDEX_AUTH_PRIVATE"
AUTH_VARIABLE = "HATCH_INDEX_AUTH"
AUTH_TABLE = "`auth` of config.toml"
AUTH_COMMAND = "`auth-command` of config.toml"
KEYRING = "keyring"
SECRETS = (PYPIRC_PASSWORD, AUTH_FLAG, AUTH_OWN, AUTH_VARIABLE, AUTH_TABLE, AUTH_COMMAND, KEYRING)
CONTRADICTION = {AUTH_TABLE, AUTH_COMMAND}
"""Two keys of one table that can't be given together."""

USER_NAMES = {
    USER_FLAG: "flag-user",
    USER_OWN: "own-user",
    USER_VARIABLE: "variable-user",
    USER_TABLE: "table-user",
    PYPIRC_USER: "pypirc-user",
    CACHE: "cache-user",
}
PASSWORDS = {
    PYPIRC_PASSWORD: "100%-pypirc-secret",
    AUTH_FLAG: "flag-secret",
    AUTH_OWN: "own-secret",
    AUTH_VARIABLE: "variable-secret",
    AUTH_TABLE: "table-secret",
    AUTH_COMMAND: "command-secret",
}
VALUES = USER_NAMES | PASSWORDS
COMMAND = ("publish", "-p", "tokenindex", "-r", "private")


def kept_for(user: str) -> str:
    """The secret in the keyring of these tests for a user name."""
    return f"keyring-secret-of-{user}"


def subsets(sources: Iterable[str]) -> Iterator[frozenset[str]]:
    """Every subset but those that contradict themselves."""
    known = tuple(sources)
    for size in range(len(known) + 1):
        for chosen in combinations(known, size):
            if not set(chosen) >= CONTRADICTION:
                yield frozenset(chosen)


def documented(given: AbstractSet[str]) -> BasicAuth | None:
    """The credential that the documented order selects; `None` if there is no secret."""
    before_pypirc = [source for source in (USER_FLAG, USER_OWN, USER_VARIABLE, USER_TABLE) if source in given]
    if before_pypirc:
        user = USER_NAMES[before_pypirc[0]]
    elif given & {PYPIRC_USER, PYPIRC_PASSWORD}:
        user = USER_NAMES[PYPIRC_USER] if PYPIRC_USER in given else TOKEN_USER
        if PYPIRC_PASSWORD in given:
            return BasicAuth(user, PASSWORDS[PYPIRC_PASSWORD])
    else:
        user = USER_NAMES[CACHE] if CACHE in given else TOKEN_USER
    for source in (AUTH_FLAG, AUTH_OWN, AUTH_VARIABLE, AUTH_TABLE, AUTH_COMMAND):
        if source in given:
            return BasicAuth(user, PASSWORDS[source])
    return BasicAuth(user, kept_for(user)) if KEYRING in given else None


@dataclass(frozen=True)
class Context:
    """A project with one built wheel, whose repository `private` is the index, and the person's home."""

    index: RecordingServer
    project: Project
    home: Home

    def publish(
        self,
        given: AbstractSet[str],
        *arguments: str,
        env: Mapping[str, str] | None = None,
        run: Callable[..., HatchResult] = invoke_hatch,
    ) -> HatchResult:
        """Publish with what is given, and with nothing else, to an index that is empty again."""
        self.arrange(given)
        flags = [part for flag in given & {USER_FLAG, AUTH_FLAG} for part in (flag, VALUES[flag])]
        variables = {name: VALUES[name] for name in given & {USER_OWN, USER_VARIABLE, AUTH_OWN, AUTH_VARIABLE}}
        environment = {**variables, **(env or {})}
        return run(*COMMAND, *flags, *arguments, cwd=self.project.folder, home=self.home, env=environment)

    def arrange(self, given: AbstractSet[str]) -> None:
        """Put all that is given, but for flags and variables, into its place, and empty the index."""
        self.index.files.clear()
        self.index.requests.clear()
        self._write_tables(given)
        self._write_pypirc(given)
        self._fill_cache(given)
        backend = "keyring_backends.FileKeyring" if KEYRING in given else "keyring.backends.null.Keyring"
        self.home.environment["PYTHON_KEYRING_BACKEND"] = backend

    def on_a_terminal(self, *arguments: str, **variables: str) -> HatchTerminal:
        """Publish where somebody can answer."""
        return HatchTerminal(*arguments, cwd=self.project.folder, home=self.home, env=variables)

    @property
    def received(self) -> list[BasicAuth | None]:
        """The credentials sent with the uploads of the last run."""
        return [request.authorization for request in self.index.uploads]

    def _write_tables(self, given: AbstractSet[str]) -> None:
        url = self.index.upload_url
        own = {"user": USER_NAMES[USER_TABLE]} if USER_TABLE in given else {}
        self.project.configure(private_repository(url=url, **own))
        secret = {"auth": PASSWORDS[AUTH_TABLE]} if AUTH_TABLE in given else {}
        command = [sys.executable, "-S", "-c", f"print({PASSWORDS[AUTH_COMMAND]!r})"]
        command_line = {"auth-command": command} if AUTH_COMMAND in given else {}
        self.home.configure_hatch(private_repository(url=url, **secret, **command_line))

    def _write_pypirc(self, given: AbstractSet[str]) -> None:
        lines = ["[distutils]", "index-servers = private", "[private]", f"repository = {self.index.upload_url}"]
        if PYPIRC_USER in given:
            lines.append(f"username = {USER_NAMES[PYPIRC_USER]}")
        if PYPIRC_PASSWORD in given:
            lines.append(f"password = {PASSWORDS[PYPIRC_PASSWORD]}")
        self.home.pypirc.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _fill_cache(self, given: AbstractSet[str]) -> None:
        cache = Cache(self.home.hatch_cache / "publish" / "tokenindex")
        if (CACHE in given) != bool(cache.read().users):
            url, user = self.index.upload_url, USER_NAMES[CACHE]
            cache.update(
                lambda contents: contents.with_user(url, user) if CACHE in given else contents.without_user(url)
            )


@pytest.fixture
def context(index: RecordingServer, project: Project, home: Home) -> Context:
    """Everything in its place, with no credential anywhere but in a keyring that is not used yet."""
    make_wheel(project.dist, project.name)
    for user in (TOKEN_USER, *USER_NAMES.values()):
        home.remember(index.upload_url, user, kept_for(user))
    return Context(index, project, home)


def mismatch(context: Context, given: AbstractSet[str], run: Callable[..., HatchResult] = invoke_hatch) -> str | None:
    """Return what differs from the documented order in a run, or `None`."""
    expected = documented(given)
    result = context.publish(given, run=run)
    ends_well = result.returncode == (1 if expected is None else 0)
    shown = [secret for secret in (*PASSWORDS.values(), "keyring-secret") if secret in result.output]
    if ends_well and not shown and context.received == ([] if expected is None else [expected]):
        return None
    return (
        f"{' + '.join(sorted(given)) or 'nothing'}: expected {expected}, the index received {context.received}, "
        f"shown: {shown}, exit {result.returncode}\n{result.output}"
    )


# Each source alone, each pair of neighbours in the order, and a sample of everything else


def alone_and_adjacent(sources: Sequence[str]) -> Iterator[frozenset[str]]:
    """Yield no source, each source alone, and each source with the next one, without contradictions."""
    rows = [(), *((source,) for source in sources), *pairwise(sources)]
    return (frozenset(row) for row in rows if not set(row) >= CONTRADICTION)


def sample(size: int) -> list[frozenset[str]]:
    """Return distinct subsets of all sources, the same in every run, with at least one user name and two secrets."""
    every = [
        frozenset(users) | secrets
        for count in range(1, len(USERS) + 1)
        for users in combinations(USERS, count)
        for secrets in subsets(SECRETS)
        if len(secrets) > 1
    ]
    return random.Random(0).sample(every, size)


@pytest.mark.parametrize("secret", [None, AUTH_VARIABLE, PYPIRC_PASSWORD, KEYRING])
def test_each_user_name_alone_and_adjacent_pairs(context: Context, secret: str | None) -> None:
    rows = [given | ({secret} if secret else set()) for given in alone_and_adjacent(USERS)]
    assert len(rows) == 12
    mismatches = [found for given in rows if (found := mismatch(context, given))]
    assert not mismatches, "\n".join(mismatches)


@pytest.mark.parametrize("user", [None, USER_FLAG, PYPIRC_USER, CACHE])
def test_each_secret_alone_and_adjacent_pairs(context: Context, user: str | None) -> None:
    rows = [given | ({user} if user else set()) for given in alone_and_adjacent(SECRETS)]
    # AUTH_TABLE and AUTH_COMMAND contradict each other, so AUTH_COMMAND is tried after AUTH_VARIABLE.
    rows.append(frozenset({AUTH_VARIABLE, AUTH_COMMAND, *({user} if user else ())}))
    rows.append(frozenset({AUTH_TABLE, KEYRING, *({user} if user else ())}))
    assert len(rows) == 15
    mismatches = [found for given in rows if (found := mismatch(context, given))]
    assert not mismatches, "\n".join(mismatches)


@pytest.mark.parametrize("part", range(4))
def test_a_sample_of_subsets(context: Context, part: int) -> None:
    rows = sample(80)[part::4]
    assert len(set(rows)) == 20
    mismatches = [found for given in rows if (found := mismatch(context, given))]
    assert not mismatches, "\n".join(mismatches)


@pytest.mark.parametrize(
    "given",
    [
        {AUTH_VARIABLE},
        {AUTH_OWN, AUTH_VARIABLE},
        {USER_OWN, USER_VARIABLE, USER_TABLE, AUTH_TABLE, KEYRING},
        {USER_VARIABLE, USER_TABLE, AUTH_COMMAND, KEYRING},
        {PYPIRC_USER, PYPIRC_PASSWORD, AUTH_FLAG, AUTH_VARIABLE, KEYRING},
        {CACHE, KEYRING},
        {USER_FLAG},
    ],
    ids=lambda given: " + ".join(sorted(given)),
)
def test_the_installed_command_agrees(context: Context, given: set[str]) -> None:
    assert mismatch(context, given, run_hatch) is None


# The keyring's own order: the project's slot, the user name's, whatever it offers


@pytest.mark.parametrize("user", [None, TOKEN_USER, *USERS])
def test_every_subset_of_the_slots(index: RecordingServer, project: Project, home: Home, user: str | None) -> None:
    make_wheel(project.dist, project.name)
    context = Context(index, project, home)
    name = USER_NAMES.get(user or "", TOKEN_USER)
    slots = {"project": f"pypi_token:project:{project.name}", "user": name, "other": "somebody-else"}
    arguments = ("--user", TOKEN_USER) if user == TOKEN_USER else ()
    mismatches = []
    for chosen in subsets(slots):
        home.keyring_file.unlink(missing_ok=True)
        for slot in chosen:
            home.remember(index.upload_url, slots[slot], f"secret-of-{slot}")
        expected = []
        if "project" in chosen and user in {None, TOKEN_USER, CACHE}:
            expected = [BasicAuth(TOKEN_USER, "secret-of-project")]
        elif "user" in chosen:
            expected = [BasicAuth(name, "secret-of-user")]
        elif "other" in chosen and user in {None, CACHE}:
            expected = [BasicAuth("somebody-else", "secret-of-other")]
        result = context.publish({KEYRING, *({user} if user in USERS else ())}, *arguments)
        if context.received != expected:
            mismatches.append(f"{sorted(chosen)}: expected {expected}, received {context.received}\n{result.output}")
    assert not mismatches, "\n".join(mismatches)


# A secret that is set but empty


@pytest.mark.parametrize("before", [None, PYPIRC_PASSWORD])
@pytest.mark.parametrize("after", [None, AUTH_TABLE, KEYRING])
def test_every_combination_of_empty_secrets(context: Context, before: str | None, after: str | None) -> None:
    names = (AUTH_FLAG, AUTH_OWN, AUTH_VARIABLE)
    around = {source for source in (before, after) if source}
    mismatches = []
    for states in product(["absent", "empty", "set"], repeat=len(names)):
        state = dict(zip(names, states, strict=True))
        given = {name for name in names if state[name] == "set"} | around
        empty = [name for name in names if state[name] == "empty"]
        arguments = ("--auth", "") if AUTH_FLAG in empty else ()
        result = context.publish(given, *arguments, env=dict.fromkeys(set(empty) - {AUTH_FLAG}, ""))
        first = next((name for name in names if state[name] != "absent"), None)
        refused = before is None and first in empty
        expected = None if refused else documented(given)
        complaints = re.findall(r"(\S+) is set but empty", result.output)
        if context.received != ([] if expected is None else [expected]) or complaints != ([first] if refused else []):
            mismatches.append(f"{state}: expected {expected}, received {context.received}\n{result.output}")
    assert not mismatches, "\n".join(mismatches)


# What loses to ~/.pypirc


@pytest.mark.parametrize("user", [None, PYPIRC_USER])
@pytest.mark.parametrize("loser", [AUTH_FLAG, AUTH_OWN, AUTH_VARIABLE])
def test_a_secret_that_loses_to_pypirc_is_told_how_to_win(context: Context, loser: str, user: str | None) -> None:
    given = {PYPIRC_PASSWORD, loser, *({user} if user else ())}
    result = context.publish(given)
    assert context.received == [documented(given)]
    assert f"Ignoring {loser}: " in result.words
    assert "[private] of ~/.pypirc" in result.words
    (name,) = re.findall(r"`-u (\S+)`", result.words)

    result = context.publish(given, "-u", name)
    assert context.received == [BasicAuth(USER_NAMES.get(user or "", TOKEN_USER), PASSWORDS[loser])]
    assert "Ignoring" not in result.words


def test_of_two_that_lose_to_pypirc_one_warning_names_the_next_winner(context: Context) -> None:
    given = {PYPIRC_USER, PYPIRC_PASSWORD, AUTH_OWN, AUTH_VARIABLE}
    result = context.publish(given)
    assert context.received == [documented(given)]
    assert f"Ignoring {AUTH_OWN} and {AUTH_VARIABLE}: " in result.words
    assert result.words.count("Ignoring") == 1
    assert result.words.count("Add `-u") == 1
    (name, winner) = re.findall(r"Add `-u (\S+)` to use (\S+)\.", result.words)[0]
    assert winner == AUTH_OWN

    assert context.publish(given, "-u", name).returncode == 0
    assert context.received == [BasicAuth(name, PASSWORDS[winner])]


@pytest.mark.parametrize("source", [AUTH_FLAG, AUTH_OWN, AUTH_VARIABLE])
@pytest.mark.parametrize(
    ("password", "refused"),
    [
        (make_token(location="127.0.0.1", expires=1_600_000_000), "expired on 2020-09-13 12:26 UTC."),
        (make_token(location="127.0.0.1", projects=["another"]), "is scoped to another and can't upload "),
        (make_token(user=USER_ID), "holds a PyPI token"),
    ],
    ids=["expired", "another project's", "another index's"],
)
def test_a_token_of_pypirc_that_is_refused_here_names_the_secret_that_it_beats(
    context: Context, source: str, password: str, refused: str
) -> None:
    context.arrange(set())
    context.home.pypirc.write_text(
        f"[private]\nrepository = {context.index.upload_url}\npassword = {password}\n", encoding="utf-8"
    )
    other = make_token(location="127.0.0.1", user=USER_ID)
    flags, variables = (["--auth", other], {}) if source == AUTH_FLAG else ([], {source: other})
    result = invoke_hatch(*COMMAND, *flags, cwd=context.project.folder, home=context.home, env=variables)
    assert (result.returncode, context.received) == (1, [])
    assert refused in result.words
    assert f"Add `-u __token__` to use {source}." in result.words
    explained = invoke_hatch(
        *COMMAND, *flags, "-o", "explain", cwd=context.project.folder, home=context.home, env=variables
    )
    assert f"Ignoring {source}: the user name comes from [private] of ~/.pypirc" in explained.words

    result = invoke_hatch(
        *COMMAND, *flags, "-u", "__token__", cwd=context.project.folder, home=context.home, env=variables
    )
    assert result.returncode == 0, result.output
    assert context.received == [BasicAuth(TOKEN_USER, other)]


def test_a_refused_entry_is_not_taken_for_pypirc_where_the_url_ends_like_it(context: Context) -> None:
    url = "https://packages.example.org/~/.pypirc"
    context.home.pypirc.unlink(missing_ok=True)
    context.home.use_keyring("FileKeyring")
    context.home.remember(url, TOKEN_USER, "two\nlines")
    explained = invoke_hatch(
        *("publish", "-p", "tokenindex", "-r", url, "-o", "explain"),
        cwd=context.project.folder,
        home=context.home,
        env={AUTH_VARIABLE: PASSWORDS[AUTH_VARIABLE]},
    )
    assert "contains line breaks" in explained.words
    assert "Ignoring" not in explained.words


def test_a_token_of_pypirc_that_is_refused_here_is_all_that_is_told_where_nothing_loses(context: Context) -> None:
    context.arrange(set())
    expired = make_token(location="127.0.0.1", expires=1_600_000_000)
    context.home.pypirc.write_text(
        f"[private]\nrepository = {context.index.upload_url}\npassword = {expired}\n", encoding="utf-8"
    )
    result = invoke_hatch(*COMMAND, cwd=context.project.folder, home=context.home, env={})
    assert "expired on" in result.words
    assert "Or add" not in result.words


def test_nothing_is_said_where_nothing_loses(context: Context) -> None:
    assert "not used" not in context.publish({PYPIRC_USER, PYPIRC_PASSWORD, AUTH_TABLE, KEYRING}).output
    assert "not used" not in context.publish({PYPIRC_USER, AUTH_FLAG, AUTH_VARIABLE}).output


# `-o` ranks with the flags, HATCH_PUBLISHER_OPTIONS with the variables


@dataclass(frozen=True)
class Ranks:
    """The values given for one key and the one that wins; none if two of equal rank, listed in `names`, differ."""

    flag: str | None = None
    option: str | None = None
    own: str | None = None
    variable: str | None = None
    options_variable: str | None = None
    winner: str | None = None
    names: tuple[str, ...] = ()


RANKS = [
    Ranks(option="x", own="y", variable="z", winner="x"),
    Ranks(flag="x", option="x", variable="y", winner="x"),
    Ranks(flag="x", option="y", names=("--{key}", "-o {key}")),
    Ranks(flag="x", option="y", own="x", names=("--{key}", "-o {key}")),
    Ranks(options_variable="x", winner="x"),
    Ranks(flag="x", options_variable="y", winner="x"),
    Ranks(own="x", options_variable="y", winner="x"),
    Ranks(variable="x", options_variable="x", winner="x"),
    Ranks(variable="x", options_variable="y", names=("HATCH_INDEX_{KEY}", "HATCH_PUBLISHER_OPTIONS")),
]


@pytest.mark.parametrize("row", RANKS, ids=repr)
@pytest.mark.parametrize("key", ["user", "auth"])
def test_options_rank_with_what_gave_them(context: Context, key: str, row: Ranks) -> None:
    values = {name: f"{key}-{name}" for name in "xyz"}
    arguments = [*([f"--{key}", values[row.flag]] if row.flag else [])]
    arguments += ["-o", f"{key}={values[row.option]}"] if row.option else []
    variables = {
        name: values[value]
        for name, value in {
            f"HATCH_INDEX_{key.upper()}_PRIVATE": row.own,
            f"HATCH_INDEX_{key.upper()}": row.variable,
        }.items()
        if value
    }
    if row.options_variable:
        variables["HATCH_PUBLISHER_OPTIONS"] = f"existing=replace {key}={values[row.options_variable]}"
    result = context.publish({AUTH_TABLE, USER_TABLE, KEYRING}, *arguments, env=variables)
    if row.winner is None:
        assert context.received == []
        assert result.returncode == 1
        for name in row.names:
            assert name.format(key=key, KEY=key.upper()) in result.words
        assert key == "user" or not any(value in result.output for value in values.values())
        assert len(result.output.splitlines()) == 1
    else:
        expected = documented({AUTH_TABLE, USER_TABLE})
        assert expected is not None
        user, password = expected.user, expected.password
        won = values[row.winner]
        assert context.received == [BasicAuth(won, password) if key == "user" else BasicAuth(user, won)], result.output


# Who can be asked


NOBODY = [
    pytest.param(["-n"], {}, "--no-prompt", id="-n"),
    pytest.param([], {"HATCH_INTERACTIVE": "0"}, "HATCH_INTERACTIVE", id="HATCH_INTERACTIVE"),
    pytest.param([], {"CI": "true"}, "CI", id="CI=true"),
    pytest.param([], {"CI": "1"}, "CI", id="CI=1"),
    pytest.param([], {"GITHUB_ACTIONS": "true"}, "CI", id="GITHUB_ACTIONS"),
]


@needs_terminal
@pytest.mark.parametrize(("arguments", "variables", "reason"), NOBODY)
def test_no_prompt_on_a_terminal(
    context: Context, arguments: list[str], variables: dict[str, str], reason: str
) -> None:
    context.arrange(set())
    with context.on_a_terminal(*COMMAND, *arguments, **variables) as terminal:
        assert terminal.finish() == 1
    assert "Cannot prompt for a token" in terminal.words
    assert reason in terminal.words
    assert "User name for" not in terminal.words
    assert context.received == []


def test_without_a_prompt_every_place_is_listed_in_order(context: Context) -> None:
    result = context.publish({USER_TABLE})
    places = ["~/.pypirc", "--auth", AUTH_OWN, AUTH_VARIABLE, "repos tables", "auth-command", "keyring"]
    positions = [result.words.index(f"{place}") for place in places]
    assert result.returncode == 1
    assert positions == sorted(positions)
    assert "standard input is not a terminal" in result.words
    assert "HATCH_INDEX_AUTH_PRIVATE: ${{ secrets." in result.words


def test_a_repository_that_is_given_by_its_url_has_no_variable_of_its_own_but_the_one_that_is_set(
    context: Context,
) -> None:
    context.arrange(set())
    context.project.configure("")
    context.home.configure_hatch("")
    context.home.pypirc.unlink()

    def publish(*arguments: str, **variables: str) -> HatchResult:
        command = ("publish", "-p", "tokenindex", "-r", context.index.upload_url, *arguments)
        return invoke_hatch(*command, cwd=context.project.folder, home=context.home, env=variables)

    for result in (publish(), publish("-o", "explain")):
        assert "HTTP___" not in result.output
    assert "set the environment variable HATCH_INDEX_AUTH to an API token" in publish().words
    assert "  HATCH_INDEX_AUTH: ${{ secrets.HATCH_INDEX_AUTH }}" in publish().output

    own = re.sub("[^A-Z0-9]", "_", context.index.upload_url.upper())
    result = publish(**{f"HATCH_INDEX_USER_{own}": "jane", f"HATCH_INDEX_AUTH_{own}": "still-works"})
    assert result.returncode == 0, result.output
    assert context.received == [BasicAuth("jane", "still-works")]


@pytest.mark.parametrize("variables", [{}, {"CI": "true", "GITHUB_ACTIONS": "true"}], ids=["piped", "CI"])
def test_a_secret_alone_needs_no_user_name(context: Context, variables: dict[str, str]) -> None:
    context.publish({AUTH_VARIABLE}, env=variables)
    assert context.received == [BasicAuth(TOKEN_USER, PASSWORDS[AUTH_VARIABLE])]


@needs_terminal
@pytest.mark.parametrize(
    ("global_options", "variables", "user", "typed_user"),
    [
        pytest.param([], {}, None, "", id="Enter takes __token__"),
        pytest.param([], {}, None, "typed-user", id="a user name is typed"),
        pytest.param([], {}, USER_TABLE, None, id="a user name is known"),
        pytest.param(["--interactive"], {"CI": "true"}, None, "", id="--interactive wins over CI"),
        pytest.param([], {"CI": "1", "HATCH_INTERACTIVE": "1"}, None, "", id="HATCH_INTERACTIVE wins over CI"),
    ],
)
def test_a_prompt_on_a_terminal(
    context: Context, global_options: list[str], variables: dict[str, str], user: str | None, typed_user: str | None
) -> None:
    context.arrange({user} if user else set())
    with context.on_a_terminal(*global_options, *COMMAND, **variables) as terminal:
        if typed_user is not None:
            terminal.expect("User name for")
            terminal.expect(":")
            terminal.send(typed_user)
        terminal.give_secret("typed-secret")
        assert terminal.finish() == 0, terminal.screen
    name = typed_user or USER_NAMES.get(user or "", TOKEN_USER)
    assert context.received == [BasicAuth(name, "typed-secret")]
    assert "typed-secret" not in terminal.screen
    assert ("User name for" in terminal.words) == (typed_user is not None)


@needs_terminal
def test_a_secret_alone_asks_for_no_user_name_on_a_terminal(context: Context) -> None:
    context.arrange(set())
    with context.on_a_terminal(*COMMAND, HATCH_INDEX_AUTH="variable-secret") as terminal:
        assert terminal.finish() == 0, terminal.screen
    assert context.received == [BasicAuth(TOKEN_USER, "variable-secret")]
