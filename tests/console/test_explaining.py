"""`-o explain`: the documented order, what each place holds, the one that a run would use, and no effect at all."""

from __future__ import annotations

import json
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from api_tokens import PROJECT_ID, USER_ID, make_token
from hatch_process import needs_terminal

from hatch_tokenindex.credentials.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maintainer import Maintainer

USERS = (
    "--user",
    "HATCH_INDEX_USER_PRIVATE",
    "HATCH_INDEX_USER",
    "repos tables",
    "~/.pypirc",
    "Hatch's cache",
    "prompt",
)
SECRETS = (
    "~/.pypirc",
    "--auth",
    "HATCH_INDEX_AUTH_PRIVATE",
    "HATCH_INDEX_AUTH",
    "repos tables",
    "auth-command",
    "keyring: pypi_token:project:demo",
    "keyring: __token__",
    "keyring: any user",
    "Trusted Publishing",
    "prompt",
)
PAST = 1_600_000_000
SECRET = "correct-horse-battery"


def explain(maintainer: Maintainer, *arguments: str, **variables: str) -> list[dict[str, Any]]:
    """The entries of the projects, from the JSON document."""
    result = maintainer.publish_in_process("-o", "explain", "-o", "json", *arguments, **variables)
    assert result.returncode == 0, result.output
    projects: list[dict[str, Any]] = json.loads(result.stdout)["projects"]
    return projects


def rows(project: dict[str, Any], question: str) -> dict[str, str]:
    """The content of each place, by its name."""
    return {row["place"]: row["holds"] for row in project["rows"] if row["question"] == question}


def used(project: dict[str, Any], question: str) -> dict[str, Any] | None:
    """The row marked as used; there is never more than one."""
    marked = [row for row in project["rows"] if row["question"] == question and row["used"]]
    assert len(marked) <= 1
    return marked[0] if marked else None


# The table


def test_the_rows_are_in_the_documented_order(at_index: Maintainer) -> None:
    at_index.build("demo")
    (project,) = explain(at_index)
    assert tuple(rows(project, "user name")) == USERS
    assert tuple(rows(project, "secret")) == SECRETS
    result = at_index.publish("-o", "explain")
    assert result.returncode == 0
    wins, repository, *table = result.stdout.splitlines()
    assert wins == "demo: publishing would stop: no credential, and no way to prompt for one."
    assert repository == f"Repository private: {at_index.url}"
    places = [re.split(" {2,}", line[2:])[0] for line in table if line]
    assert places == ["er name:", *USERS, "cret:", *SECRETS]
    assert at_index.server.requests == []


def test_what_each_place_holds_is_shown_but_no_secret(at_index: Maintainer) -> None:
    name = "demo"
    token = make_token(location="127.0.0.1", projects=[name], project_ids=[PROJECT_ID], expires=4_102_444_800)
    at_index.project.configure(f'[publish.tokenindex.repos.private]\nurl = "{at_index.url}"\nuser = "table-user"\n')
    at_index.home.pypirc.write_text(
        f"[private]\nrepository = {at_index.url}\nusername = pypirc-user\npassword = {SECRET}1\n", encoding="utf-8"
    )
    at_index.home.remember(at_index.url, "flag-user", f"{SECRET}2")
    at_index.build(name)
    result = at_index.publish(
        *("-o", "explain", "-u", "flag-user", "-a", f"{SECRET}3"),
        HATCH_INDEX_AUTH=token,
        HATCH_INDEX_AUTH_PRIVATE="",
        HATCH_INDEX_USER="variable-user",
    )
    assert result.returncode == 0
    _, users, secrets = re.split("User name:|Secret:", result.stdout)
    for place, held in {
        "> --user": "flag-user",
        "  HATCH_INDEX_USER": "variable-user",
        "  repos tables": "table-user\n    (`user` of [publish.tokenindex.repos.private] in ",
        "  ~/.pypirc": "pypirc-user ([private] of ~/.pypirc)",
    }.items():
        assert re.search(f"^{re.escape(place)} +{re.escape(held)}", users, re.MULTILINE), users
    for place, held in {
        "> --auth": "set: ***** for flag-user",
        "  HATCH_INDEX_AUTH_PRIVATE": "refused: HATCH_INDEX_AUTH_PRIVATE is set but empty.",
        "  HATCH_INDEX_AUTH": "set: *****",
    }.items():
        assert re.search(f"^{re.escape(place)} +{re.escape(held)}", secrets, re.MULTILINE), secrets
    assert [secret for secret in (SECRET, token) if secret in result.output] == []


def test_what_the_token_says_is_told(at_pypi: Maintainer) -> None:
    token = make_token(projects=["demo", "other"], project_ids=[PROJECT_ID], expires=4_102_444_800)
    at_pypi.build("demo")
    result = at_pypi.publish_in_process("-o", "explain", HATCH_INDEX_AUTH=token)
    assert "Token: issued by pypi.org; scope: project (demo, other); expiry: 2100-01-01 00:00 UTC." in result.words
    assert "The token is restricted to demo for 15 minutes" in result.words
    assert token not in result.output
    whole = at_pypi.publish_in_process("-o", "explain", "-o", "narrow-token=never", HATCH_INDEX_AUTH=token)
    assert "The token is sent unchanged." in whole.words


def test_without_files_it_is_about_the_project_at_hand(at_index: Maintainer) -> None:
    (project,) = explain(at_index)
    assert project["name"] == at_index.project.name


def test_every_project_among_the_files_has_a_table(at_index: Maintainer) -> None:
    at_index.build("alpha", "Beta.Two", "alpha", version="1.0")
    at_index.build("alpha", version="2.0")
    assert [project["name"] for project in explain(at_index)] == ["alpha", "beta-two"]
    text = at_index.publish_in_process("-o", "explain").stdout
    assert [line.split()[0] for line in text.splitlines() if ": publishing " in line] == ["alpha:", "beta-two:"]


def test_a_file_that_can_not_be_published_is_explained_by_its_name(at_index: Maintainer) -> None:
    at_index.build("alpha")
    (at_index.project.dist / "beta_Two-1.0-py3-none-any.whl").write_bytes(b"no archive")
    (at_index.project.dist / "nameless.whl").write_bytes(b"")
    assert [project["name"] for project in explain(at_index)] == ["alpha", "beta-two"]
    result = at_index.publish_in_process("-o", "explain")
    assert result.returncode == 0
    assert f"{Path('dist', 'nameless.whl')} does not have the name of a wheel or sdist." in result.stderr


def test_the_document_is_alone_on_standard_output(at_index: Maintainer) -> None:
    at_index.project.configure(f'[publish.tokenindex.repos.private]\nurl = "{at_index.url}"\nauth = "{SECRET}"\n')
    at_index.build("demo")
    result = at_index.publish("-o", "explain", "-o", "json")
    document = json.loads(result.stdout)
    assert document["ok"] is True
    assert document["repository"] == {"name": "private", "url": at_index.url}
    (project,) = document["projects"]
    assert project.keys() == {"name", "version", "url", "credential", "rows", "token", "attestations"}
    assert project["credential"]["user"] == "__token__"
    assert "hatch.toml" in project["credential"]["source"]
    (warning,) = document["warnings"]
    assert "gets committed" in warning
    assert warning in result.stderr
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("setting", "place"), [("keyring=false", "keyring"), ("trusted-publishing=never", "Trusted Publishing")]
)
def test_what_is_switched_off_says_so(at_index: Maintainer, setting: str, place: str) -> None:
    at_index.build("demo")
    (project,) = explain(at_index, "-o", setting)
    others = {name for name in SECRETS if not name.startswith(place)}
    assert set(rows(project, "secret")) == {*others, place}
    assert rows(project, "secret")[place] == f"ignored: disabled by `{setting.partition('=')[0]}`"
    assert place != "keyring" or at_index.home.keyring.calls == []


def test_a_password_of_pypirc_that_loses_to_a_user_name_says_so(at_index: Maintainer) -> None:
    at_index.build("demo")
    at_index.home.pypirc.write_text(
        f"[private]\nrepository = {at_index.url}\nusername = bob\npassword = {SECRET}\n", encoding="utf-8"
    )
    (project,) = explain(at_index, "-u", "alice")
    held = rows(project, "secret")["~/.pypirc"]
    assert held == "ignored: its password is ignored, because the user name comes from --user"
    result = at_index.publish("-u", "alice")
    assert f"~/.pypirc: {held}" in result.words
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        ("keyring.backends.fail.Keyring", "no keyring available"),
        ("keyring_backends.Locked", "the keyring is locked"),
        ("keyring_backends.Init", "the keyring could not be started"),
        ("keyring_backends.Explodes", "the keyring backend keyring_backends failed (RuntimeError)"),
    ],
)
def test_a_keyring_that_fails_is_unavailable(at_index: Maintainer, backend: str, why: str) -> None:
    at_index.home.environment["PYTHON_KEYRING_BACKEND"] = backend
    at_index.build("demo")
    (project,) = explain(at_index)
    holds = rows(project, "secret")
    assert [holds[place] for place in SECRETS if place.startswith("keyring")] == [f"unavailable: {why}"] * 3


# Where a run would stop, it says so there


STOPS = {
    "user name": ("user name", "~/.pypirc", "Can't read", {}, "[private\n"),
    "empty variable": ("secret", "HATCH_INDEX_AUTH", "is set but empty", {"HATCH_INDEX_AUTH": ""}, ""),
    "another project's token": (
        "secret",
        "HATCH_INDEX_AUTH",
        "is scoped to other",
        {"HATCH_INDEX_AUTH": make_token(location="127.0.0.1", projects=["other"])},
        "",
    ),
}


@pytest.mark.parametrize(("question", "place", "why", "variables", "pypirc"), STOPS.values(), ids=STOPS)
def test_where_the_run_would_stop_is_said(
    at_index: Maintainer, question: str, place: str, why: str, variables: dict[str, str], pypirc: str
) -> None:
    at_index.home.pypirc.write_text(pypirc, encoding="utf-8")
    at_index.home.remember(at_index.url, "__token__", SECRET)
    at_index.build("demo")
    result = at_index.publish_in_process("-o", "explain", **variables)
    assert result.returncode == 0
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("! ")]
    users, secrets = re.split("User name:|Secret:", result.stdout)[1:]
    assert line in {"user name": users, "secret": secrets}[question]
    assert place in line
    assert why in line
    assert f"publishing would stop at the {question} from {place}" in result.words
    assert "\n> " not in secrets

    (project,) = explain(at_index, **variables)
    assert used(project, "secret") is None
    assert project["credential"] is None
    assert at_index.publish_in_process(**variables).returncode == 1
    assert at_index.received == []


def test_a_secret_beside_trusted_publishing_alone_stops_the_run(at_index: Maintainer) -> None:
    at_index.build("demo")
    variables = {
        "HATCH_INDEX_AUTH": SECRET,
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{at_index.server.url}identity?api=1",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET,
    }
    (project,) = explain(at_index, "-o", "trusted-publishing=always", **variables)
    assert used(project, "secret") is None
    assert "HATCH_INDEX_AUTH gives a secret" in rows(project, "secret")["Trusted Publishing"]
    for rehearsal in ((), ("-o", "dry-run")):
        result = at_index.publish_in_process("-o", "trusted-publishing=always", *rehearsal, **variables)
        assert result.returncode == 1
        assert "HATCH_INDEX_AUTH gives a secret" in result.words
    assert at_index.received == []


def test_where_nothing_is_found_it_says_so(at_index: Maintainer) -> None:
    at_index.build("demo")
    result = at_index.publish_in_process("-o", "explain")
    assert result.returncode == 0
    assert "publishing would stop: no credential, and no way to prompt for one." in result.words
    assert "> " not in result.output.partition("\n")[2]


# It can't disagree with a run


USER_STATES = {
    "flag": ("flag-user", "__token__"),
    "own variable": ("own-user",),
    "variable": ("variable-user",),
    "table": ("table-user",),
    "cache": ("cached-user", "__token__"),
}
SECRET_STATES = {
    "pypirc": ("a user", "a password", "both", "both, and the project's own", "the project's own"),
    "flag": ("set", "empty"),
    "own variable": ("set", "empty", "another project's token"),
    "variable": ("set", "empty", "expired token"),
    "table": ("auth", "auth-command"),
}
KEYRING_STATES = {
    "project slot": (None, "set", "another project's token", "expired token"),
    "user slot": (None, "set", "expired token"),
    "other slot": (None, "set", "the slot of another project"),
    "keyring": (None, None, None, None, "locked", "none", "off"),
}
TOKENS = {
    "another project's token": make_token(location="127.0.0.1", projects=["another"]),
    "expired token": make_token(location="127.0.0.1", user=USER_ID, expires=PAST),
}
PROJECTS = ("demo", "sample")
COMMANDS_SECRET = "secret of the command"


@dataclass(frozen=True)
class Situation:
    """User names and secrets given in one run, keyed as in the tables above."""

    users: dict[str, str | None]
    secrets: dict[str, str | None]

    @classmethod
    def each_alone(cls) -> Iterator[Situation]:
        """Every single state, and nothing else."""
        nothing = dict.fromkeys([*SECRET_STATES, *KEYRING_STATES])
        for name, states in (SECRET_STATES | KEYRING_STATES).items():
            for state in states:
                yield cls(dict.fromkeys(USER_STATES), {**nothing, name: state})

    @classmethod
    def any(cls, chance: random.Random) -> Situation:
        """One of them all: those where little is given before the keyring are as likely as those where much is."""
        density = chance.random() ** 2

        def pick(table: dict[str, tuple[str, ...]]) -> dict[str, str | None]:
            return {
                name: chance.choice(states) if chance.random() < density else None for name, states in table.items()
            }

        slots = {name: chance.choice(states) for name, states in KEYRING_STATES.items()}
        return cls(pick(USER_STATES), {**pick(SECRET_STATES), **slots})

    def text(self, place: str) -> str | None:
        """The secret that a flag, a variable or a keyring slot holds."""
        state = self.secrets[place]
        return {None: None, "empty": ""}.get(state, TOKENS.get(state or "", f"secret of the {place}"))

    def arrange(self, maintainer: Maintainer) -> tuple[list[str], dict[str, str]]:
        """Put everything into its place; answers the arguments and the variables of the command."""
        home, url = maintainer.home, maintainer.url
        maintainer.server.files.clear()
        maintainer.server.requests.clear()
        home.configure_hatch("\n".join(self._table(url)))
        home.pypirc.write_text("\n".join(self._sections(url)), encoding="utf-8")
        maintainer.cache_file.unlink(missing_ok=True)
        if (cached := self.users["cache"]) is not None:
            Cache(maintainer.cache_file.parent).update(lambda contents: contents.with_user(url, cached))
        self._fill_keyring(maintainer)
        arguments = [f"--user={self.users['flag']}"] if self.users["flag"] else []
        arguments += [] if self.text("flag") is None else [f"--auth={self.text('flag')}"]
        arguments += ["-o", "keyring=false"] if self.secrets["keyring"] == "off" else []
        variables = {
            "HATCH_INDEX_USER_PRIVATE": self.users["own variable"],
            "HATCH_INDEX_USER": self.users["variable"],
            "HATCH_INDEX_AUTH_PRIVATE": self.text("own variable"),
            "HATCH_INDEX_AUTH": self.text("variable"),
        }
        return arguments, {name: value for name, value in variables.items() if value is not None}

    def _table(self, url: str) -> list[str]:
        command = [sys.executable, "-S", "-c", f"print({COMMANDS_SECRET!r})"]
        keys = {
            "url": url,
            **({"user": self.users["table"]} if self.users["table"] else {}),
            **({"auth": "secret of the table"} if self.secrets["table"] == "auth" else {}),
            **({"auth-command": command} if self.secrets["table"] == "auth-command" else {}),
        }
        return ["[publish.tokenindex.repos.private]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]

    def _sections(self, url: str) -> list[str]:
        state = self.secrets["pypirc"] or ""
        user = ["username = pypirc-user"] if state.startswith(("a user", "both")) else []
        password = ["password = secret of [private]"] if state.startswith(("a password", "both")) else []
        lines = ["[private]", f"repository = {url}", *user, *password]
        if state.endswith("own"):
            lines += ["[demo]", f"repository = {url}", "password = secret of [demo]"]
        return lines

    def _fill_keyring(self, maintainer: Maintainer) -> None:
        maintainer.home.environment["PYTHON_KEYRING_BACKEND"] = {
            "locked": "keyring_backends.Locked",
            "none": "keyring.backends.fail.Keyring",
        }.get(self.secrets["keyring"] or "", "keyring_backends.FileKeyring")
        maintainer.home.keyring_file.unlink(missing_ok=True)
        slots = {}
        if self.secrets["other slot"] == "set":
            slots["another-user"] = "secret of the other slot"
        elif self.secrets["other slot"] is not None:
            slots["pypi_token:project:unrelated"] = "never used"
        if (text := self.text("project slot")) is not None:
            slots["pypi_token:project:demo"] = text
        if (text := self.text("user slot")) is not None:
            slots |= dict.fromkeys(("__token__", "flag-user", "table-user", "cached-user"), text)
        for slot, secret in slots.items():
            maintainer.home.remember(maintainer.url, slot, secret)

    def secret_of(self, source: str, url: str) -> str | None:
        """The secret in the place that an explanation names; every place has a different one."""
        origins = {
            "--auth": "flag",
            "HATCH_INDEX_AUTH_PRIVATE": "own variable",
            "HATCH_INDEX_AUTH": "variable",
            f"keyring entry 'pypi_token:project:demo' for {url}": "project slot",
            f"keyring entry 'another-user' for {url}": "other slot",
        }
        if source in origins:
            return self.text(origins[source])
        if source.startswith("keyring"):
            return self.text("user slot")
        if source.endswith(" of ~/.pypirc"):
            return f"secret of {source.removesuffix(' of ~/.pypirc')}"
        return "secret of the table" if source.startswith("`auth` of") else None


def expectation(entry: dict[str, Any], situation: Situation, url: str) -> tuple[str, str, str | None] | None:
    """The credential that the index should receive according to an explanation; `None` if the run should fail."""
    secret, user = used(entry, "secret"), used(entry, "user name")
    if secret is None:
        return None
    if secret["place"] == "auth-command":
        assert secret["holds"].startswith("would run ")
        name = user["holds"].partition(" (")[0] if user else "__token__"
        return entry["name"], name, COMMANDS_SECRET
    credential = entry["credential"]
    if not secret["place"].startswith("keyring"):
        assert credential["user"] == (user["holds"].partition(" (")[0] if user else "__token__")
    return entry["name"], credential["user"], situation.secret_of(credential["source"], url)


def test_what_is_marked_is_what_a_run_sends(at_index: Maintainer) -> None:
    at_index.project.configure("")
    at_index.build(*PROJECTS)
    chance = random.Random(20261121)
    seen = set()
    for situation in (*Situation.each_alone(), *(Situation.any(chance) for _ in range(30))):
        arguments, variables = situation.arrange(at_index)
        entries = explain(at_index, *arguments, **variables)
        assert at_index.received == []
        expected = [expectation(entry, situation, at_index.url) for entry in entries]
        seen |= {row["place"] for entry in entries if (row := used(entry, "secret")) is not None}
        seen |= {row["place"] for entry in entries if (row := used(entry, "user name")) is not None}

        result = at_index.publish_in_process(*arguments, **variables)

        fails = None in expected
        assert result.returncode == int(fails), (situation, result.output)
        # A user name beside an empty password is the secret, so it is masked.
        received = [(name, user if secret else "*****", secret) for name, user, secret in at_index.received]
        assert received == ([] if fails else expected), (situation, entries)
    usable = {*USERS, *SECRETS} - {"prompt", "Trusted Publishing"}
    assert usable <= seen


# It has no effect


def state_of(folder: Path, *, without: set[Path]) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder: content, and when it was changed."""
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path not in without
    }


@pytest.mark.parametrize("place", ["piped", pytest.param("terminal", marks=needs_terminal)])
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_it_asks_runs_sends_and_writes_nothing(at_index: Maintainer, place: str, *, as_json: bool) -> None:
    marker = at_index.home.folder / "the command was run"
    command = [sys.executable, "-c", f"open({str(marker)!r}, 'w')"]
    at_index.home.configure_hatch(
        f'[publish.tokenindex.repos.private]\nurl = "{at_index.url}"\nauth-command = {json.dumps(command)}\n'
    )
    at_index.home.remember(at_index.url, "somebody", SECRET)
    at_index.build()
    at_index.home.environment["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{at_index.server.url}identity?api=1"
    at_index.home.environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = SECRET
    keyring_files = {at_index.home.keyring_file, at_index.home.folder / "keyring.json.lock"}
    before = state_of(at_index.home.folder.parent, without=keyring_files)
    arguments = ("-o", "explain", "--initialize-auth", *(("-o", "json") if as_json else ()))

    if place == "piped":
        result = at_index.publish(*arguments)
        assert result.returncode == 0
        shown = result.output
    else:
        with at_index.at_terminal(*arguments) as terminal:
            assert terminal.finish() == 0
        shown = terminal.screen

    assert "would run " in shown
    assert not marker.exists()
    assert state_of(at_index.home.folder.parent, without=keyring_files) == before
    assert at_index.kept == {"somebody": SECRET}
    assert {method for method, _, _ in at_index.home.keyring.calls} <= {"get_password", "get_credential"}
    assert at_index.server.requests == []
    assert SECRET not in shown


@needs_terminal
def test_on_a_terminal_it_says_that_it_would_ask(at_index: Maintainer) -> None:
    at_index.build()
    with at_index.at_terminal("-o", "explain") as terminal:
        assert terminal.finish() == 0
    asking = [line for line in terminal.screen.splitlines() if "would prompt" in line]
    assert [line.split() for line in asking[1:]] == [[">", "prompt", "would", "prompt"]] * 2
