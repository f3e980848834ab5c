"""The pages are true: links lead somewhere, settings exist, commands parse, and outputs are those that the code gives."""

from __future__ import annotations

import base64
import doctest
import json
import os
import re
import shlex
import sys
import sysconfig
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import hatch.config.constants as hatch_variables
import pytest
from api_tokens import USER_ID, make_token
from click.testing import CliRunner
from distribution_builders import make_sdist, make_wheel
from hatch.cli.publish import publish
from hatch_in_process import invoke_hatch, living_in
from hatch_process import HatchTerminal, Project

import hatch_tokenindex
from hatch_tokenindex import cli, options, urls
from hatch_tokenindex.credentials.cache import Cache, Contents, Slot
from hatch_tokenindex.credentials.judging import judge
from hatch_tokenindex.credentials.prompts import Prompts
from hatch_tokenindex.credentials.pypirc import Pypirc
from hatch_tokenindex.credentials.sources import TOKEN_USER, Credential
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.repositories import REPOSITORY_KEYS, TOP_KEYS, Repository, load, personal_table, project_table
from hatch_tokenindex.results import Outcome
from hatch_tokenindex.tokens import Secret, read

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_process import Home
    from servers import PyPIStandIn, RecordingServer


ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SOURCE = Path(hatch_tokenindex.__file__).parent
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]
NOW = 1_767_225_600
MAIN = Repository("main", urls.PYPI)

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def text_of(page: str) -> str:
    """A page below `docs`."""
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    without_comments = re.sub(
        r"^```.*?^```$", lambda block: block[0].replace("#", " "), text, flags=re.MULTILINE | re.DOTALL
    )
    start = without_comments.index(f"# {heading}\n") + len(f"# {heading}\n")
    end = without_comments.find("\n#", start)
    return text[start:] if end < 0 else text[start:end]


def tables(text: str) -> list[list[list[str]]]:
    """The cells of each table, without its heading."""
    found = re.findall(r"(?:^\|.*\n)+", f"{text}\n", re.MULTILINE)
    return [[[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()[2:]] for table in found]


def rows(text: str) -> list[list[str]]:
    """The first table."""
    return tables(text)[0]


def codes(text: str) -> list[str]:
    """What is set in code."""
    return re.findall(r"`([^`]+)`", text)


def anchors(page: Path) -> set[str]:
    """What `#...` can name on a page: its headings, as MkDocs and GitHub spell them."""
    headings = re.findall(r"^#+ (.*)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


# Links


@every_page
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        assert target.is_file(), link
        assert target.is_relative_to(DOCS) or page.parent == ROOT, f"{link} leaves the documentation"
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_first() -> None:
    linked = {(DOCS / path).resolve() for path in re.findall(r"\]\(([^)#:]+\.md)\)", text_of("index.md"))}
    assert linked >= set(DOCS.rglob("*.md")) - {DOCS / "index.md"}


# What can be set


def test_every_key_is_described_with_its_default() -> None:
    described = {codes(row[0])[0]: row for row in rows(section(text_of("configuration.md"), "Keys"))}
    assert described.keys() == REPOSITORY_KEYS.keys() | TOP_KEYS.keys()
    defaults = {field.name.replace("_", "-"): field.default for field in fields(Repository)}
    for key, (_, meaning, default, with_o) in described.items():
        assert with_o == ("yes" if key in options.OPTION_KEYS else "no"), key
        if key in defaults and defaults[key] not in {None, "", ()} and key != "url":
            assert default == f"`{defaults[key]}`".lower(), key
        assert ("`config.toml` alone" in meaning) == (key in REPOSITORY_KEYS and REPOSITORY_KEYS[key].only_personal)
        assert ("top of a file only" in meaning) == (key not in REPOSITORY_KEYS)
        assert ("repository's table only" in meaning) == (key not in TOP_KEYS)


def test_every_option_for_one_run_is_described() -> None:
    described = [codes(row[0])[0] for row in rows(section(text_of("configuration.md"), "Options for one run"))]
    assert set(described) == options.RUN_KEYS.keys()
    assert len(described) == len(set(described))


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
    described = {name for row in rows(section(text, "Variables")) for name in codes(row[0])}
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


def test_the_changelog_says_why_each_dependency_came_in() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[<>=; ]", requirement)[0] for requirement in project["dependencies"]]
    assert [name for name in names if f"\n- `{name}`: " not in changelog] == []


# Examples of files


@every_page
def test_tables_in_examples_are_valid(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "toml"):
        name, data = block.split("\n", 1)[0].removeprefix("# "), tomllib.loads(block)
        table = data["publish"]["tokenindex"]
        assert name in {"hatch.toml", "config.toml"}
        path = ROOT / "nowhere" / name
        load([project_table(path.parent, table) if name == "hatch.toml" else personal_table(path, table)])


@every_page
def test_pypirc_in_examples_is_valid(page: Path, tmp_path: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "ini"):
        path = tmp_path / ".pypirc"
        path.write_text(block, encoding="utf-8")
        pypirc = Pypirc(path)
        assert [section.name for section in pypirc.sections] == ["pypi", "my_project"]
        for project, section_name in [("my-project", "my_project"), ("other", "pypi")]:
            found = pypirc.section(project, MAIN)
            assert found is not None
            assert found.name == section_name


@pytest.mark.parametrize(
    ("name", "backend", "user"),
    [
        ("google", "AnswersForAnyUser", "oauth2accesstoken"),
        ("azure", "CredentialOnly", "VssSessionToken"),
        ("aws", "AnswersForAnyUser", "aws"),
    ],
)
def test_the_backends_of_clouds_need_no_user_name(
    home: Home, tmp_path: Path, name: str, backend: str, user: str
) -> None:
    project = Project(tmp_path / "my-project", "my-project")
    [tables] = blocks(section(text_of("how-to/private-index.md"), "Google, Azure and AWS: a keyring backend"), "toml")
    project.configure(tables)
    home.use_keyring(backend)
    home.remember(tomllib.loads(tables)["publish"]["tokenindex"]["repos"][name], user, "a token")
    explained = explain(project, home, "-r", name)["projects"][0]
    assert explained["credential"]["user"] == user
    assert [row["place"] for row in explained["rows"] if row["used"]] == ["keyring: any user"]


# The order of places, and the document that tells it


@pytest.fixture
def explanation(home: Home, tmp_path: Path) -> dict[str, Any]:
    """What `-o explain -o json` prints for a project on PyPI."""
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


class Silent:
    """Nobody: keeps what is said, and answers nothing."""

    def __init__(self, answer: str = "") -> None:
        self.answer = answer
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)

    def ask(self, question: str) -> str:  # noqa: ARG002
        """The same answer to everything."""
        return self.answer

    def ask_secret(self, question: str) -> Secret:
        """The same answer to everything."""
        return Secret(self.ask(question))


# Commands


def commands(text: str) -> Iterator[str]:
    """Every command line on a page: after `$` in transcripts, in shell blocks, and in code within a sentence."""
    for block in blocks(text, "console"):
        yield from re.findall(r"^\$ (.*)$", block, re.MULTILINE)
    for block in blocks(text, "sh"):
        yield from block.splitlines()
    for block in blocks(text, "yaml"):
        yield from re.findall(r"^ *(?:- run: )?(hatch .*)$", block, re.MULTILINE)
    yield from (code for code in codes(prose(text)) if re.match(r"hatch(-tokenindex)? ", code))


@every_page
def test_commands_parse(page: Path, home: Home, tmp_path: Path) -> None:
    for command in commands(page.read_text(encoding="utf-8")):
        words = [word for word in shlex.split(command) if not re.match("[A-Z_]+=", word)]
        program = words.pop(0)
        if program == "hatch" and words[0] == "run":
            environment, _, script = words[1].partition(":")
            own_environments = tomllib.loads((ROOT / "hatch.toml").read_text(encoding="utf-8"))["envs"]
            assert script in own_environments[environment]["scripts"], command
        elif program == "hatch":
            result = invoke_hatch(*words, "--help", cwd=tmp_path, home=home)
            assert result.returncode == 0, f"{command}: {result.output}"
            pairs = dict(pair.partition("=")[::2] for flag, pair in pairwise(words) if flag == "-o")
            options.read([], pairs, {}, stdin_is_terminal=True)
        elif program == "hatch-tokenindex":
            outcome = CliRunner().invoke(cli.main, [*words, "--help"])
            assert outcome.exit_code == 0, f"{command}: {outcome.output}"
        else:
            assert program in {"pipx", "docker"}, command


# Outputs


@posix
def test_the_explanation_is_what_is_printed(home: Home, tmp_path: Path) -> None:
    project = Project(tmp_path / "my-project", "my-project")
    home.use_keyring("FileKeyring")
    home.remember(urls.PYPI, "pypi_token:project:my-project", make_token(projects=["my-project"]))
    home.remember(urls.PYPI, TOKEN_USER, make_token(user=USER_ID))
    Cache(home.hatch_cache / "publish" / "tokenindex").update(lambda _: Contents().with_user(urls.PYPI, TOKEN_USER))
    arguments = ("publish", "-p", "tokenindex", "-o", "explain")
    with HatchTerminal(*arguments, cwd=project.folder, home=home) as terminal:
        assert terminal.finish() == 0, terminal.screen
    [shown] = blocks(section(text_of("credentials.md"), "Ask"), "console")
    assert lines(shown) == [f"$ hatch {' '.join(arguments)}", *lines(terminal.screen)]


@pytest.mark.parametrize(
    ("page", "heading", "slots"),
    [
        ("credentials.md", "Look, add, undo", [(None, "account", 1795304460), ("my-project", "project", 1795304460)]),
        (
            "how-to/two-projects.md",
            "Two projects on one index",
            [(name, "project", 1795304580) for name in ("alpha", "beta")],
        ),
    ],
)
def test_the_list_of_tokens_is_what_is_printed(
    home: Home, tmp_path: Path, page: str, heading: str, slots: list[tuple[str | None, str, int]]
) -> None:
    known = [
        Slot(urls.PYPI, f"pypi_token:project:{name}" if name else TOKEN_USER, name, kind, None, stored)
        for name, kind, stored in slots
    ]
    Cache(home.hatch_cache / "publish" / "tokenindex").update(lambda _: Contents(slots=tuple(known)))
    with living_in(home, tmp_path, {}):
        printed = CliRunner().invoke(cli.main, ["tokens"]).stdout
    assert f"$ hatch-tokenindex tokens\n{printed}" in blocks(section(text_of(page), heading), "console")


@posix
def test_the_first_publish_goes_as_shown(pypi: PyPIStandIn, home: Home, tmp_path: Path) -> None:
    project = Project(tmp_path / "my-project", "my-project")
    make_wheel(project.dist, project.name)
    make_sdist(project.dist, project.name)
    home.use_keyring("FileKeyring")
    environment = {
        **pypi.environment,
        "HATCH_INDEX_CA_CERT": str(pypi.ca_file),
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]),
        # No bars: they are gone when a run is over.
        "TERM": "dumb",
    }
    with HatchTerminal("publish", "-p", "tokenindex", cwd=project.folder, home=home, env=environment) as terminal:
        terminal.expect("User name")
        terminal.send("")
        terminal.expect("input is hidden")
        terminal.send(make_token(user=USER_ID))
        assert terminal.finish() == 0, terminal.screen
    seen = lines(terminal.screen.replace("keyring backends FileKeyring", "SecretService Keyring"))
    for page, heading in [
        ("index.md", "The shortest way to a first publish"),
        ("how-to/first-release.md", "Publish"),
    ]:
        shown = blocks(section(text_of(page), heading), "console")[-1]
        assert lines(shown.split("$ hatch publish -p tokenindex\n")[1]) == seen


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


# Tokens


def test_the_anatomy_is_that_of_the_token() -> None:
    text = section(text_of("tokens.md"), "Anatomy")
    [token] = blocks(text, "text")
    assert token.strip() == make_token(location="example.org", projects=["my-project"])
    payload = token.strip().removeprefix("pypi-")
    dissected = rows(text)
    assert bytes.fromhex(" ".join(codes(row[0])[0] for row in dissected)) == base64.urlsafe_b64decode(
        payload + "=" * (-len(payload) % 4)
    )
    said = read(Secret(token.strip()))
    for value, row in [(said.location, 1), (said.identifier, 2), ('[1,["my-project"]]', 4)]:
        assert value in codes(dissected[row][1])
        assert f"{len(value)} bytes" in dissected[row][1]


def test_the_session_runs_as_shown() -> None:
    [session] = blocks(text_of("tokens.md"), "pycon")
    test = doctest.DocTestParser().get_doctest(session, {}, "tokens.md", None, None)
    assert doctest.DocTestRunner().run(test).failed == 0


def test_what_is_said_before_an_upload_is_what_the_page_says() -> None:
    text = section(text_of("tokens.md"), "Said before anything is uploaded")
    [shown] = blocks(text, "text")
    said = list(said_before_an_upload())
    assert shown.splitlines() == [line for line, _ in said]
    assert ["note" in row[2] for row in rows(text)] == [goes_on for _, goes_on in said]


def said_before_an_upload() -> Iterator[tuple[str, bool]]:
    """Each row's sentence, and whether the run goes on."""
    token = make_token(projects=["my-project"])
    private = Repository("private", "https://packages.example.org/legacy/")
    plain = Repository("plain", "http://packages.example.org/legacy/")
    yield said_of(f'HATCH_INDEX_AUTH="{token}"\n')
    yield said_of("a password\n", repository=private, user="alice")
    yield said_of(" ", typed=True)
    yield said_of("\x16")
    yield said_of("caf\udce9")
    yield said_of(token[:-4])
    yield said_of(token, user="alice")
    person = Silent(token)
    Prompts(person, MAIN).user_name()
    yield person.notes[0], True
    yield said_of(make_token(location="test.pypi.org", projects=["my-project"]))
    yield said_of(make_token(location="tokens.example.org", projects=["my-project"]), repository=private)
    yield said_of(make_token(projects=["another-project"]))
    yield said_of(make_token(projects=["my-project"], expires=NOW - 86_400))
    yield said_of(make_token(projects=["my-project"], not_before=NOW + 86_400))
    yield said_of(token, repository=plain)
    yield said_of("a password", repository=plain, user="alice")


def said_of(
    secret: str, *, repository: Repository = MAIN, user: str = TOKEN_USER, typed: bool = False
) -> tuple[str, bool]:
    origin = "the prompt" if typed else "HATCH_INDEX_AUTH"
    try:
        judged = judge(Credential(user, Secret(secret), origin, typed=typed), "my-project", repository, NOW)
    except CredentialError as error:
        return str(error), False
    [note] = judged.notes
    return note, True
