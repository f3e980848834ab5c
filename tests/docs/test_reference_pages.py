"""The reference is complete: every key, option, flag, variable, command and place that the code knows, and no others."""

from __future__ import annotations

import json
import re
import runpy
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hatch.config.constants as hatch_variables
import pytest
from api_tokens import account_token
from click.testing import CliRunner
from distribution_builders import make_wheel
from hatch.cli.publish import publish
from hatch_in_process import invoke_hatch, living_in
from hatch_process import Project
from pages import ROOT, codes, every_page, rows, section, tables, text_of

import hatch_tokenindex
from hatch_tokenindex import cli
from hatch_tokenindex.config.keys import KEYS, OPTION_KEYS, REPOSITORY_KEYS, TOP_KEYS
from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.console.document import Outcome
from hatch_tokenindex.console.help import text as help_text
from hatch_tokenindex.credentials import narrowing
from hatch_tokenindex.credentials.credential import TOKEN_USER
from hatch_tokenindex.credentials.sources import command as commands
from hatch_tokenindex.credentials.sources import keyring as keyrings
from hatch_tokenindex.credentials.sources import trusted_publishing
from hatch_tokenindex.index import simple, upload
from hatch_tokenindex.index.kinds import KINDS, OTHER, kind_of, simple_urls

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from hatch_process import Home
    from servers import RecordingServer

SOURCE = Path(hatch_tokenindex.__file__).parent
LOCAL_PATIENCE = list(keyrings.LOCAL)
REMOTE_PATIENCE = list(keyrings.REMOTE)
READ_OF_ANSWERS = [upload.ANSWER_LIMIT // 2**20, simple.SIZE_LIMIT // 2**20, simple.TIME_LIMIT]


# What can be set


def test_the_tables_of_options_and_keys_are_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_configuration.py"))
    page = text_of("configuration.md")
    assert script["updated"](page) == page, "run scripts/write_configuration.py"


def test_every_key_is_described_with_its_default() -> None:
    text = text_of("configuration.md")
    described = {codes(row[0])[0]: row for row in rows(section(text, "Keys"))}
    for_one_run = {codes(row[0])[0].split("=")[0].rstrip("[") for row in rows(section(text, "Options for one run"))}
    assert described.keys() | for_one_run == KEYS.keys()
    assert len(described) + len(for_one_run) == len(KEYS)
    defaults = {field.name.replace("_", "-"): field.default for field in fields(Repository)}
    for name, (_, _, default, where) in described.items():
        assert ("-o" in where) == (name in OPTION_KEYS)
        assert ("top" in where) == (name in TOP_KEYS)
        assert ("repository" in where) == (name in REPOSITORY_KEYS)
        if name in defaults and defaults[name] not in {None, "", ()} and name != "url":
            assert default == f"`{defaults[name]}`".lower(), name


def test_the_help_has_every_option_and_fits_80_columns() -> None:
    lines = help_text().splitlines()
    listed = {line.split()[0].split("=")[0].rstrip("[") for line in lines if re.match(r"  [a-z]", line)}
    assert OPTION_KEYS.keys() <= listed
    assert [line for line in lines if len(line) > 80] == []


def test_every_flag_of_hatch_is_described() -> None:
    described = {
        tuple(codes(flag)): codes(variable) for flag, variable, _ in rows(section(text_of("configuration.md"), "Flags"))
    }
    known = {}
    for parameter in publish.params:
        if parameter.param_type_name == "option":
            envvar = parameter.envvar
            known[tuple(sorted(parameter.opts, key=len))] = [envvar] if isinstance(envvar, str) else []
    assert described == known


def test_every_variable_is_described() -> None:
    text = text_of("configuration.md")
    described = {name for row in rows(section(text, "Environment variables")) for name in codes(row[0])}
    described |= {name for row in rows(section(text, "Flags")) for name in codes(row[1])}
    read_here = set()
    for path in SOURCE.rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        read_here |= set(re.findall(r"\"((?:HATCH_[A-Z_]+|GITHUB_[A-Z_]+|CI))\"", code))
    own = {"HATCH_INDEX_USER_", "HATCH_INDEX_AUTH_"}
    assert described >= read_here - own | {f"{name}<REPO>" for name in own}


@every_page
def test_no_variable_is_made_up(page: Path) -> None:
    known = {
        value
        for group in vars(hatch_variables).values()
        if isinstance(group, type)
        for value in vars(group).values()
        if isinstance(value, str)
    } | {"HATCH_DEBUG"}
    for name in re.findall(r"\bHATCH_\w+", page.read_text(encoding="utf-8")):
        is_beginning = name.endswith("_") and any(variable.startswith(name) for variable in known)
        assert name in known or is_beginning or re.match("HATCH_INDEX_(USER|AUTH)_", name), name


def test_every_command_and_option_of_the_console_script_is_described() -> None:
    text = section(text_of("configuration.md"), "The command `hatch-tokenindex`")
    described_commands, described = tables(text)
    assert [codes(row[0])[0].split()[1] for row in described_commands] == sorted(cli.main.commands)
    known = {"--version": {"hatch-tokenindex"}, "-h, --help": {"all"}}
    for name, command in cli.main.commands.items():
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                continue
            known.setdefault(", ".join(sorted(parameter.opts, key=len)), set()).add(name)
    assert {", ".join(codes(row[0])): {word.strip("` ") for word in row[1].split(",")} for row in described} == known


def test_the_limits_of_numbers_are_those_of_the_code() -> None:
    limits = {
        codes(row[0])[0]: [int(number) for number in found.groups()]
        for row in rows(section(text_of("configuration.md"), "Keys"))
        if (found := re.search(r"(\d+) to (\d+)", row[1]))
    }
    assert limits.keys() == {"jobs", "retries", "timeout"}
    for name, (least, most) in limits.items():
        read = REPOSITORY_KEYS[name].type.read
        assert (read(least), read(most)) == (least, most)
        for beyond in (least - 1, most + 1):
            with pytest.raises(ValueError, match=r"must be|must not"):
                read(beyond)


def test_the_changelog_says_why_each_dependency_came_in() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[<>=; ]", requirement)[0] for requirement in project["dependencies"]]
    assert [name for name in names if f"\n- `{name}`: " not in changelog] == []


@pytest.mark.parametrize(
    ("page", "sentence", "numbers"),
    [
        ("configuration.md", "{} seconds and no standard input", [commands.TIME_LIMIT]),
        ("credentials.md", "Each call of the system's keyring may take {} seconds, at a terminal {}", LOCAL_PATIENCE),
        ("credentials.md", "each call of another backend {} seconds, at a terminal {}", REMOTE_PATIENCE),
        ("how-to/private-index.md", "The backend has {} seconds to answer, {} at a terminal", REMOTE_PATIENCE),
        (
            "security.md",
            "At most {} MiB of an answer is read, {} MiB and {} seconds of a project's page",
            READ_OF_ANSWERS,
        ),
        ("security.md", "to the next {} minutes (for a large file", [narrowing.LIFETIME // 60]),
        ("security.md", "plus the time it takes at {} kB/s", [narrowing.SLOWEST_UPLOAD // 1000]),
        ("security.md", "up to {} minutes between two attempts", [upload.LONGEST_WAIT // 60]),
        (
            "trusted-publishing.md",
            "mints an API token that lives for {} minutes",
            [trusted_publishing.USUAL_LIFE // 60],
        ),
    ],
)
def test_the_numbers_on_the_pages_are_those_of_the_code(page: str, sentence: str, numbers: list[int]) -> None:
    assert sentence.format(*numbers) in " ".join(text_of(page).split())


def test_the_upload_urls_are_of_the_kinds_that_they_are_listed_for() -> None:
    listed = rows(section(text_of("how-to/private-index.md"), "Publish to a private index"))
    kinds = {index: kind_of(codes(url)[0]).name for index, url in listed if codes(url)}
    assert kinds.pop("pypiserver") == OTHER.name
    assert [index for index, name in kinds.items() if index != name] == []


def test_where_the_simple_api_is_is_as_told() -> None:
    told = rows(section(text_of("how-to/private-index.md"), "Simple API"))
    for _, example, addresses in told:
        [url] = codes(example)
        assert list(simple_urls(Repository("private", url))) == codes(addresses)
    run_in_thread = {kind.name for kind in KINDS if kind.simple != OTHER.simple}
    assert {kind_of(codes(example)[0]).name for _, example, _ in told} == {OTHER.name, *run_in_thread}


# Exit codes, files


@pytest.mark.parametrize(
    ("status", "command", "piped"),
    [
        (0, "hatch publish -p tokenindex -o explain", ""),
        (0, "hatch publish -p tokenindex -o help", ""),
        (1, "hatch publish -p tokenindex -o jobs=9", ""),
        (1, "hatch publish -p tokenindex", ""),
        (2, "hatch publish -p tokenindex --nonsense", ""),
        (0, "hatch-tokenindex tokens", ""),
        (0, "hatch-tokenindex logout --all", ""),
        (0, "hatch-tokenindex login", account_token()),
        (1, "hatch-tokenindex login", "a password"),
        (1, "hatch-tokenindex login", ""),
        (1, "hatch-tokenindex login -r nowhere", "a secret"),
        (1, "hatch-tokenindex logout", ""),
        (2, "hatch-tokenindex nonsense", ""),
        (2, "hatch-tokenindex tokens --nonsense", ""),
    ],
)
def test_the_exit_codes_are_as_told(status: int, command: str, piped: str, home: Home, project: Project) -> None:
    home.use_keyring("FileKeyring")
    make_wheel(project.dist, project.name)
    program, *arguments = command.split()
    if program == "hatch":
        returned = invoke_hatch(*arguments, cwd=project.folder, home=home).returncode
    else:
        with living_in(home, project.folder, {}):
            returned = CliRunner().invoke(cli.main, arguments, input=piped).exit_code
    assert returned == status
    assert str(status) in {row[0] for row in rows(section(text_of("configuration.md"), "Exit codes"))}


def test_nothing_is_written_but_what_the_page_lists(home: Home, project: Project) -> None:
    home.use_keyring("FileKeyring")
    before = files_of(home)
    with living_in(home, project.folder, {}):
        CliRunner().invoke(cli.main, ["login"], input=account_token())
    written = files_of(home) - before
    [documented] = [row[0] for row in rows(section(text_of("configuration.md"), "Files")) if "yes: what" in row[2]]
    remembered = home.hatch_cache / codes(documented)[0]
    assert written <= {remembered, remembered.with_name(f"{remembered.name}{codes(documented)[1]}")}
    assert remembered in written


def files_of(home: Home) -> set[Path]:
    """The files of a home folder, apart from those of the tests' keyring."""
    return {
        path for path in home.folder.rglob("*") if path.is_file() and not path.name.startswith(home.keyring_file.name)
    }


# The order of places, and the document that tells it


@pytest.fixture
def explanation(home: Home, tmp_path: Path) -> dict[str, Any]:
    """The output of `-o explain -o json` for a project on PyPI."""
    return explain(Project(tmp_path / "my-project", "my-project"), home)


def explain(project: Project, home: Home, *arguments: str) -> dict[str, Any]:
    return as_json(project, home, "-o", "explain", *arguments)


def as_json(project: Project, home: Home, *arguments: str) -> dict[str, Any]:
    command = ("publish", "-p", "tokenindex", "-o", "json", *arguments)
    document: dict[str, Any] = json.loads(invoke_hatch(*command, cwd=project.folder, home=home).stdout)
    return document


@pytest.mark.parametrize(("heading", "question"), [("The user name", "user name"), ("The secret", "secret")])
def test_the_order_of_places_is_that_of_the_code(explanation: dict[str, Any], heading: str, question: str) -> None:
    documented = rows(section(text_of("credentials.md"), heading))
    names = {"<REPO>": "MAIN", "<project>": "my-project", "<user name>": TOKEN_USER}
    places = [re.sub("<.*?>", lambda match: names[match[0]], codes(row[1])[0]) for row in documented]
    assert places == [row["place"] for row in explanation["projects"][0]["rows"] if row["question"] == question]
    assert [row[0] for row in documented] == [str(number) for number in range(1, len(documented) + 1)]


def test_the_help_tells_the_same_order() -> None:
    told = help_text().partition("for the user name and for\nthe secret:\n")[2].partition("\n\n")[0]
    places = [re.sub(r"^(a|the) | \(.*\)", "", place.strip()) for place in re.split(r"[,\n]+\s+", told)]
    users, secrets = (rows(section(text_of("credentials.md"), heading)) for heading in ("The user name", "The secret"))
    documented = [codes(row[1])[0] for row in (*users, *secrets)]
    slots = [place for place in documented if place.startswith("keyring: ")]
    assert places == ["keyring" if place == slots[0] else place for place in documented if place not in slots[1:]]


def test_the_json_document_is_described(index: RecordingServer, home: Home, tmp_path: Path) -> None:
    project = Project(tmp_path / "my-project", "my-project")
    make_wheel(project.dist, project.name)
    uploaded = as_json(project, home, "-r", index.upload_url, "-a", "a secret")
    failed = as_json(project, home, "-r", "nowhere")
    explained = explain(project, home)

    text = section(text_of("configuration.md"), "The JSON document")
    described = {codes(row[0])[0]: codes(row[1]) for row in rows(text)}
    for document in (uploaded, failed, explained):
        assert list(described) == list(document)
    assert described["repository"] == list(uploaded["repository"])
    assert described["error"] == list(failed["error"])
    [entry], [explained_entry] = uploaded["projects"], explained["projects"]
    assert set(described["projects"]) == entry.keys() | entry["credential"].keys()
    words = set(codes(text))
    assert words >= entry["files"][0].keys() | {outcome.value for outcome in Outcome}
    assert words >= explained_entry.keys() | explained_entry["rows"][0].keys()
