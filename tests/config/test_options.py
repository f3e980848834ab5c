"""Command-line options: every flag, variable and `-o` key takes effect, and a bad value is a one-line error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from api_tokens import make_token
from distribution_builders import make_sdist
from hatch_in_process import invoke_hatch, publish
from hatch_process import HatchTerminal, needs_terminal, run_hatch
from servers import BasicAuth, RecordingServer

from hatch_tokenindex.config import options
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import Layer, Repositories, Repository
from hatch_tokenindex.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    import trustme
    from hatch_process import HatchResult, Home, Project

SECRET = "s3cret-that-must-not-be-shown"
TOKEN = make_token(user="7d9c2f04-93de-4f77-9b1e-6a1a3b1f0c55")


def read(hatch_options: dict[str, Any] | None = None, environment: dict[str, str] | None = None) -> options.Options:
    """Read options as where no Click command runs: called from Python."""
    return options.read([], hatch_options or {}, environment or {}, stdin_is_terminal=True)


def check_one_line(result: HatchResult, *expected: str) -> None:
    """Refused in one line that names these, exit 1, no secret."""
    assert result.returncode == 1, result.output
    for text in expected:
        assert text in result.output
    assert len(result.output.splitlines()) == 1, result.output
    assert "bug in hatch-tokenindex" not in result.output
    assert SECRET not in result.output
    assert TOKEN not in result.output


# Flags and variables, which Hatch drops


@dataclass(frozen=True)
class Way:
    """A way of giving a value for each flag of `hatch publish`: by arguments, or by variables."""

    name: str

    def arguments(self, given: dict[str, str]) -> list[str]:
        """The command line."""
        if self.name == "-o":
            return [part for key, value in given.items() for part in ("-o", f"{key}={value}")]
        flags = {key: f"--{key}" for key in given}
        if self.name == "short flags":
            flags |= {"repo": "-r", "user": "-u", "auth": "-a"}
        if self.name.endswith("flags"):
            return [part for key, value in given.items() for part in (flags[key], value)]
        return []

    def environment(self, given: dict[str, str]) -> dict[str, str]:
        """The variables."""
        if self.name == "HATCH_PUBLISHER_OPTIONS":
            return {"HATCH_PUBLISHER_OPTIONS": " ".join(f"{key}={value}" for key, value in given.items())}
        if self.name == "HATCH_INDEX_*":
            return {f"HATCH_INDEX_{key.upper().replace('-', '_')}": value for key, value in given.items()}
        return {}


WAYS = [Way("flags"), Way("short flags"), Way("-o"), Way("HATCH_INDEX_*"), Way("HATCH_PUBLISHER_OPTIONS")]


@pytest.fixture
def everything(authority: trustme.CA, strict_index: RecordingServer, tmp_path: Path) -> dict[str, str]:
    """A value for each flag of `hatch publish`, all of which that index wants."""
    certificate = authority.issue_cert("client@example.org")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "client.key")
    return {
        "repo": strict_index.upload_url,
        "user": "somebody",
        "auth": SECRET,
        "ca-cert": str(tmp_path / "ca.pem"),
        "client-cert": str(tmp_path / "client.pem"),
        "client-key": str(tmp_path / "client.key"),
    }


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_every_flag_arrives(
    strict_index: RecordingServer, everything: dict[str, str], built: Project, home: Home, way: Way
) -> None:
    result = publish(built, home, *way.arguments(everything), **way.environment(everything))
    assert result.returncode == 0, result.output
    (upload,) = strict_index.uploads
    assert upload.authorization == BasicAuth("somebody", SECRET)
    assert upload.client_certificate is not None


@pytest.mark.parametrize("missing", ["ca-cert", "client-cert"])
def test_that_index_takes_nothing_less(
    strict_index: RecordingServer, everything: dict[str, str], built: Project, home: Home, missing: str
) -> None:
    given = {key: value for key, value in everything.items() if key not in {missing, missing.replace("cert", "key")}}
    result = publish(built, home, *Way("flags").arguments(given), "-o", "retries=0")
    assert result.returncode == 1
    assert strict_index.uploads == []


def test_variables_arrive_where_no_click_command_runs(everything: dict[str, str]) -> None:
    asked = read(environment=Way("HATCH_INDEX_*").environment(everything))
    repository = Repositories([]).choose(asked.repository, dict, asked.overrides)
    assert repository.url == everything["repo"]
    assert asked.environment_user is not None
    assert asked.environment_user.value == everything["user"]
    assert asked.environment_auth is not None
    assert asked.environment_auth.value.reveal() == everything["auth"]
    assert (repository.ca_cert, repository.client_cert, repository.client_key) == tuple(
        Path(everything[key]) for key in ("ca-cert", "client-cert", "client-key")
    )


def test_a_flag_wins_over_its_variable(index: RecordingServer, built: Project, home: Home) -> None:
    wrong = {"repo": "nowhere", "user": "wrong", "auth": "wrong", "ca-cert": "wrong.pem"}
    right = {"repo": index.upload_url, "user": "somebody", "auth": SECRET}
    environment = Way("HATCH_INDEX_*").environment({**wrong, "ca-cert": ""})
    result = publish(built, home, *Way("flags").arguments(right), **environment)
    assert result.returncode == 0, result.output
    assert index.uploads[0].authorization == BasicAuth("somebody", SECRET)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("key", ["ca-cert", "client-cert"])
def test_relative_paths_start_where_one_stands(
    index: RecordingServer, built: Project, home: Home, way: Way, key: str
) -> None:
    given = {"repo": index.upload_url, "auth": SECRET, key: "no-such.pem"}
    result = publish(built, home, *way.arguments(given), **way.environment(given))
    check_one_line(result, f"`{key}`", str(built.folder.joinpath("no-such.pem")))
    assert index.requests == []


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("private", "PRIVATE"),
        ("my-index.2", "MY_INDEX_2"),
        ("MyIndex", "MYINDEX"),
        ("a b", "A_B"),
        ("b\u00fcro", "B_RO"),
    ],
)
def test_a_repository_has_variables_of_its_own(
    index: RecordingServer, built: Project, home: Home, name: str, own: str
) -> None:
    home.configure_hatch(f'[publish.tokenindex.repos]\n"{name}" = "{index.upload_url}"\n')
    environment = {f"HATCH_INDEX_USER_{own}": "somebody", f"HATCH_INDEX_AUTH_{own}": SECRET, "HATCH_INDEX_AUTH": "x"}
    result = publish(built, home, "-r", name, **environment)
    assert result.returncode == 0, result.output
    assert index.uploads[0].authorization == BasicAuth("somebody", SECRET)


# -o


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("exlpain", "explain"),
        ("explian=true=1", "explain"),
        ("dryrun", "dry-run"),
        ("dry_run", "dry-run"),
        ("all_versions", "all-versions"),
        ("job=3", "jobs"),
        ("ca_cert=x.pem", "ca-cert"),
        ("JSON", "json"),
        ("time-out=3", "timeout"),
        (f"password={SECRET}", None),
        ("=", None),
        ("", None),
    ],
)
def test_an_unknown_option_names_what_is_known(
    index: RecordingServer, built: Project, home: Home, given: str, meant: str | None
) -> None:
    result = publish(built, home, "-r", index.upload_url, "-a", SECRET, "-o", given)
    expected = "known are all-versions, " if meant is None else f"did you mean `{meant}`?"
    check_one_line(result, f"`{given.partition('=')[0]}`", expected)
    assert index.requests == []


ALL_KEYS = {
    "simple-url": ("https://example.org/simple/", "https://example.org/simple/"),
    "trusted-publishing": ("never", "never"),
    "attestations": ("never", "never"),
    "attestations-directory": ("out", Path.cwd() / "out"),
    "sigstore-trust-config": ("trust.json", Path.cwd() / "trust.json"),
    "narrow-token": ("never", "never"),
    "keyring": ("false", False),
    "existing": ("replace", "replace"),
    "insecure-http": ("true", True),
    "jobs": ("8", 8),
    "retries": ("0", 0),
    "timeout": ("0.5e2", 50.0),
    "ca-cert": ("ca.pem", Path.cwd() / "ca.pem"),
    "client-cert": ("client.pem", Path.cwd() / "client.pem"),
    "client-key": ("client.key", Path.cwd() / "client.key"),
    "url": ("https://example.org/legacy/", "https://example.org/legacy/"),
}


@pytest.mark.parametrize("key", ALL_KEYS)
def test_every_key_of_a_repository_can_be_given_for_one_run(built: Project, home: Home, key: str) -> None:
    text, value = ALL_KEYS[key]
    asked = read({key: text})
    repository = Repositories([]).choose(asked.repository, dict, asked.overrides)
    assert getattr(repository, key.replace("-", "_")) == value
    assert value != getattr(Repository("main", "https://upload.pypi.org/legacy/"), key.replace("-", "_"))
    result = publish(built, home, "-o", "explain", "-o", f"{key}={text}")
    assert result.returncode == 0, result.output


def test_repo_user_and_auth_can_be_given_for_one_run(index: RecordingServer, built: Project, home: Home) -> None:
    built.configure(f'[publish.tokenindex.repos]\nprivate = "{index.upload_url}"\n')
    publish(built, home, "-o", "repo=private", "-o", "user=somebody", "-o", f"auth={SECRET}")
    assert index.uploads[0].authorization == BasicAuth("somebody", SECRET)


@pytest.mark.parametrize("key", ["auth-command", "disable"])
def test_keys_that_are_not_for_one_run_are_refused(
    index: RecordingServer, built: Project, home: Home, key: str
) -> None:
    result = publish(built, home, "-r", index.upload_url, "-a", SECRET, "-o", f"{key}=false")
    check_one_line(result, f"`{key}`", "-o", "config.toml")
    assert index.requests == []


@pytest.mark.parametrize("key", ["auth-command", "disable"])
def test_nor_from_a_variable(index: RecordingServer, built: Project, home: Home, key: str) -> None:
    """`::` in front of a line is GitHub's sign of a command, and nobody's of a variable."""
    result = publish(built, home, "-r", index.upload_url, "-a", SECRET, HATCH_PUBLISHER_OPTIONS=f"{key}=false")
    check_one_line(result, f"`{key}` can't be set with HATCH_PUBLISHER_OPTIONS; set it in Hatch's config.toml.")
    assert "::" not in result.output
    assert index.requests == []


@pytest.mark.parametrize("given", ["no_prompt=", "no_prompt=true", "initialize_auth=1", "yes=true", "publisher=x"])
def test_flags_without_a_value_are_no_options(index: RecordingServer, built: Project, home: Home, given: str) -> None:
    check_one_line(publish(built, home, "-r", index.upload_url, "-o", given), f"`{given.partition('=')[0]}`")
    assert index.requests == []


@needs_terminal
def test_an_option_cannot_switch_prompts_on_again(index: RecordingServer, built: Project, home: Home) -> None:
    command = ("publish", "-p", "tokenindex", "-n", "-r", index.upload_url, "-o", "no_prompt=")
    with HatchTerminal(*command, cwd=built.folder, home=home) as terminal:
        assert terminal.finish() == 1
    assert "no_prompt" in terminal.words
    assert index.requests == []


@pytest.mark.parametrize("text", ["", "true", "True", "TRUE"])
def test_what_switches_an_option_on(text: str) -> None:
    for key in ("explain", "dry-run", "json", "help", "all-versions"):
        assert getattr(read({key: text}), key.replace("-", "_")) is True


@pytest.mark.parametrize("text", ["false", "False"])
def test_what_switches_an_option_off(text: str) -> None:
    for key in ("explain", "dry-run", "json", "help", "all-versions"):
        assert getattr(read({key: text}), key.replace("-", "_")) is False


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        *((f"{key}=yes", "true or false") for key in ("explain", "dry-run", "json", "help", "all-versions", "keyring")),
        ("insecure-http=1", "true or false"),
        ("jobs=0", "from 1 to 8"),
        ("jobs=9", "from 1 to 8"),
        ("jobs=-1", "from 1 to 8"),
        ("jobs=2.5", "from 1 to 8"),
        ("jobs=4.0", "from 1 to 8"),
        ("jobs=four", "from 1 to 8"),
        ("jobs", "from 1 to 8"),
        ("jobs=true", "from 1 to 8"),
        ("retries=-1", "from 0 to"),
        ("retries=1.5", "from 0 to"),
        ("retries=nan", "from 0 to"),
        ("timeout=0", "from 1 to"),
        ("timeout=nan", "from 1 to"),
        ("timeout=inf", "from 1 to"),
        ("timeout=" + "9" * 5000, "from 1 to"),
        ("timeout=soon", "from 1 to"),
        ("wait=0", "from 1 to"),
        ("wait=-5", "from 1 to"),
        ("wait=true", "from 1 to"),
        ("existing=ignore", "'skip', 'fail' or 'replace'"),
        ("existing", "'skip', 'fail' or 'replace'"),
        ("trusted-publishing=yes", "'automatic', 'always' or 'never'"),
        ("narrow-token=always", "'automatic' or 'never'"),
        ("simple-url=simple", "http"),
        ("simple-url=https://somebody:s3cret-that-must-not-be-shown@example.org/", "user name or password"),
        ("url=example.org", "http"),
        ("url=https://somebody:s3cret-that-must-not-be-shown@example.org/", "user name or password"),
        ("ca-cert", "non-empty"),
        ("user", "non-empty"),
        ("user=", "non-empty"),
    ],
    ids=lambda text: text[:30],
)
def test_a_wrong_value_is_one_line(built: Project, home: Home, given: str, expected: str) -> None:
    key = given.partition("=")[0]
    check_one_line(publish(built, home, "-a", SECRET, "-o", given), f"`{key}` from -o {key}", expected)
    result = publish(built, home, HATCH_PUBLISHER_OPTIONS=given)
    check_one_line(result, f"`{key}` from HATCH_PUBLISHER_OPTIONS: {key}", expected)


def test_how_long_the_index_is_waited_for() -> None:
    assert read().wait is None
    assert read({"wait": ""}).wait == 900
    assert read({"wait": "1.5"}).wait == 1.5
    assert read({"wait": "86400"}).wait == 86400


@pytest.mark.parametrize(
    "texts", [("dry-run", "dry-run=false"), ("jobs=1", "jobs=2"), (f"auth={SECRET}", "auth=other"), ("wait", "wait=1")]
)
def test_one_option_with_two_values_is_refused(built: Project, home: Home, texts: tuple[str, str]) -> None:
    result = publish(built, home, *(part for text in texts for part in ("-o", text)))
    check_one_line(result, f"`{texts[0].partition('=')[0]}`", "different values")


@pytest.mark.parametrize(
    ("arguments", "environment", "names"),
    [
        pytest.param(["-r", "main", "-o", "repo=test"], {}, ["--repo", "-o repo"], id="repo"),
        pytest.param(["-r", "main", "-o", "url=https://example.org/"], {}, ["--repo", "-o url"], id="url"),
        pytest.param(
            ["--ca-cert", "one.pem", "-o", "ca-cert=two.pem"], {}, ["--ca-cert", "-o ca-cert"], id="certificate"
        ),
        pytest.param(
            [],
            {"HATCH_INDEX_REPO": "main", "HATCH_PUBLISHER_OPTIONS": "url=https://example.org/"},
            ["HATCH_INDEX_REPO", "HATCH_PUBLISHER_OPTIONS: url"],
            id="variables",
        ),
    ],
)
def test_a_flag_and_an_option_that_differ_are_refused(
    built: Project, home: Home, arguments: list[str], environment: dict[str, str], names: list[str]
) -> None:
    check_one_line(publish(built, home, "-a", SECRET, *arguments, **environment), *names)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["-o", "url={url}"], {"HATCH_INDEX_REPO": "nowhere"}),
        (["-o", "repo={url}"], {"HATCH_INDEX_REPO": "nowhere"}),
        (["-r", "{url}"], {"HATCH_PUBLISHER_OPTIONS": "url=https://example.org/"}),
        (["-r", "{url}", "-o", "url={url}"], {}),
    ],
    ids=repr,
)
def test_the_command_line_wins_over_the_environment(
    index: RecordingServer, built: Project, home: Home, arguments: list[str], environment: dict[str, str]
) -> None:
    given = [argument.format(url=index.upload_url) for argument in arguments]
    result = publish(built, home, "-a", SECRET, *given, **environment)
    assert result.returncode == 0, result.output
    assert len(index.uploads) == 1


# A token in the wrong place is never shown


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        pytest.param(["-o", TOKEN], {}, id="-o TOKEN"),
        pytest.param(["-o", f"{TOKEN}="], {}, id="-o TOKEN="),
        pytest.param(["-o", f"auth:{TOKEN}"], {}, id="-o auth:TOKEN"),
        pytest.param(["-o", f"auth {TOKEN}"], {}, id="-o auth TOKEN"),
        pytest.param(["-o", f"repo={TOKEN}"], {}, id="-o repo=TOKEN"),
        pytest.param(["-o", f"user={TOKEN}"], {}, id="-o user=TOKEN"),
        pytest.param(["-r", TOKEN], {}, id="-r TOKEN"),
        pytest.param(["-u", TOKEN], {}, id="-u TOKEN"),
        pytest.param(["-u", TOKEN, "-o", "explain"], {}, id="-u TOKEN, explained"),
        pytest.param([TOKEN], {}, id="as a path"),
        pytest.param([], {"HATCH_INDEX_REPO": TOKEN}, id="HATCH_INDEX_REPO"),
        pytest.param([], {"HATCH_INDEX_USER": TOKEN}, id="HATCH_INDEX_USER"),
        pytest.param([], {"HATCH_INDEX_USER_MAIN": TOKEN}, id="HATCH_INDEX_USER_MAIN"),
        pytest.param([], {"HATCH_PUBLISHER_OPTIONS": TOKEN}, id="HATCH_PUBLISHER_OPTIONS"),
    ],
)
def test_a_token_in_the_wrong_place_is_not_shown(
    built: Project, home: Home, arguments: list[str], environment: dict[str, str]
) -> None:
    check_one_line(publish(built, home, *arguments, HATCH_DEBUG="1", **environment), "API token")


@pytest.mark.parametrize("url", [f"somebody:{SECRET}@example.org/legacy/", f"https:/somebody:{SECRET}@example.org/"])
def test_a_password_in_what_is_not_quite_a_url_is_not_shown(built: Project, home: Home, url: str) -> None:
    check_one_line(publish(built, home, "-r", url), "main", "test")


@pytest.mark.parametrize("around", ["{}", " {}", '"{}"', "{}\n", "HATCH_INDEX_AUTH={}"])
def test_a_token_in_the_wrong_place_is_not_shown_whatever_is_around_it(around: str, tmp_path: Path) -> None:
    wrong = around.format(TOKEN)
    configured = Repositories([])
    with pytest.raises(ConfigurationError) as as_repository:
        configured.choose(WithOrigin(wrong, "-r"), dict, Layer("this run", tmp_path, {}))
    with pytest.raises(ConfigurationError) as as_path:
        options.read([wrong], {}, {}, stdin_is_terminal=False)
    assert TOKEN not in f"{as_repository.value} {as_path.value}"


# Exit codes and help


def test_click_refuses_what_it_does_not_know(built: Project, home: Home) -> None:
    assert publish(built, home, "--no-such-flag").returncode == 2
    assert publish(built, home, "-r").returncode == 2


def test_the_exit_status_is_0_when_done_and_1_for_all_else(index: RecordingServer, built: Project, home: Home) -> None:
    here = ("-r", index.upload_url, "-a", SECRET)
    assert publish(built, home, *here).returncode == 0
    assert publish(built, home, *here).returncode == 0, "everything exists already"
    assert publish(built, home, *here, "-o", "existing=fail").returncode == 1
    assert publish(built, home, *here, "-o", "nonsense").returncode == 1


def test_help_names_every_option_whatever_is_configured(project: Project, home: Home) -> None:
    project.configure("[publish.tokenindex]\nrepos = 3\ndisable = true\n")
    result = invoke_hatch("-qqq", "publish", "-p", "tokenindex", "-o", "help", cwd=project.folder, home=home)
    assert result.returncode == 0
    assert result.stderr == ""
    for text in ("explain", "dry-run", "wait", "json", "help", "all-versions", "__token__", "Trusted Publishing"):
        assert text in result.stdout
    assert "two-factor authentication" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 120


# disable


@pytest.mark.parametrize("arguments", [[], ["-n"], ["--initialize-auth"]], ids=repr)
@pytest.mark.parametrize("file", ["hatch.toml", "config.toml"])
def test_a_disabled_publisher_publishes_nothing(
    index: RecordingServer, built: Project, home: Home, arguments: list[str], file: str
) -> None:
    disabled = "[publish.tokenindex]\ndisable = true\n"
    if file == "hatch.toml":
        built.configure(disabled)
    else:
        home.configure_hatch(disabled)
    result = publish(built, home, "-r", index.upload_url, "-a", SECRET, *arguments)
    check_one_line(result, "disabled", file, "--yes")
    assert index.requests == []


@pytest.mark.parametrize("flag", ["--yes", "-y"])
def test_a_disabled_publisher_publishes_once_it_is_confirmed(
    index: RecordingServer, built: Project, home: Home, flag: str
) -> None:
    built.configure("[publish.tokenindex]\ndisable = true\n")
    assert publish(built, home, "-r", index.upload_url, "-a", SECRET, flag).returncode == 0
    assert len(index.uploads) == 1


def test_a_project_decides_before_the_person(index: RecordingServer, built: Project, home: Home) -> None:
    home.configure_hatch("[publish.tokenindex]\ndisable = true\n")
    built.configure("[publish.tokenindex]\ndisable = false\n")
    assert publish(built, home, "-r", index.upload_url, "-a", SECRET).returncode == 0


@pytest.mark.parametrize("option", ["explain", "help"])
def test_what_changes_nothing_needs_no_confirmation(
    index: RecordingServer, built: Project, home: Home, option: str
) -> None:
    built.configure("[publish.tokenindex]\ndisable = true\n")
    result = publish(built, home, "-r", index.upload_url, "-a", SECRET, "-o", option)
    assert result.returncode == 0, result.output
    assert "disabled" not in result.output
    assert index.uploads == []


def test_a_rehearsal_fails_where_the_run_would(index: RecordingServer, built: Project, home: Home) -> None:
    built.configure("[publish.tokenindex]\ndisable = true\n")
    arguments = ("-r", index.upload_url, "-a", SECRET, "-o", "dry-run")
    result = publish(built, home, *arguments)
    assert (result.returncode, index.uploads) == (1, [])
    assert "Publisher is disabled" in result.output
    assert publish(built, home, *arguments, "--yes").returncode == 0


@needs_terminal
@pytest.mark.parametrize(("answer", "uploads"), [("y", 1), ("n", 0), ("", 0)])
def test_the_question_is_ours(index: RecordingServer, built: Project, home: Home, answer: str, uploads: int) -> None:
    built.configure("[publish.tokenindex]\ndisable = true\n")
    command = ("publish", "-p", "tokenindex", "-r", index.upload_url, "-a", SECRET)
    with HatchTerminal(*command, cwd=built.folder, home=home) as terminal:
        terminal.expect("[y/N]")
        terminal.send(answer)
        assert terminal.finish() == 1 - uploads
    assert terminal.words.count("[y/N]") == 1
    assert len(index.uploads) == uploads


@pytest.mark.parametrize(
    ("run", "value"),
    [*((invoke_hatch, value) for value in ("'no'", "0", "[]", "{ main = true }")), (run_hatch, "'no'")],
)
@pytest.mark.parametrize("file", ["hatch.toml", "config.toml"])
def test_a_wrong_disable_is_one_line(
    index: RecordingServer, built: Project, home: Home, run: Callable[..., HatchResult], value: str, file: str
) -> None:
    wrong = f"[publish.tokenindex]\ndisable = {value}\n"
    if file == "hatch.toml":
        built.configure(wrong)
    else:
        home.configure_hatch(wrong)
    command = ("publish", "-p", "tokenindex", "-r", index.upload_url, "-a", SECRET)
    environment = {"HATCH_DEBUG": "1", "HATCH_INDEX_AUTH": SECRET}
    result = run(*command, cwd=built.folder, home=home, env=environment)
    check_one_line(result, "`disable`", "[publish.tokenindex]", file, "true or false")
    assert index.requests == []


# Called from Python, and other people's Click commands


def test_values_from_python_need_not_be_text() -> None:
    asked = read({"explain": True, "json": False, "jobs": 2, "wait": 3, "no_prompt": True, "initialize_auth": True})
    assert (asked.explain, asked.json, asked.wait, asked.initialize_auth) == (True, False, 3, True)
    assert asked.overrides.values == {"jobs": 2}
    assert not asked.can_prompt


@pytest.mark.parametrize(
    ("environment", "can_prompt"),
    [
        ({}, True),
        ({"HATCH_INTERACTIVE": "0"}, False),
        ({"HATCH_INTERACTIVE": "1"}, True),
        ({"CI": "true"}, False),
        ({"CI": "false"}, True),
        ({"CI": "1", "HATCH_INTERACTIVE": "1"}, True),
        ({"GITHUB_ACTIONS": "true"}, False),
    ],
    ids=repr,
)
def test_who_can_be_asked_where_no_click_command_runs(environment: dict[str, str], can_prompt: bool) -> None:
    assert read(environment=environment).can_prompt is can_prompt


def test_a_wrong_variable_is_refused_where_no_click_command_runs() -> None:
    with pytest.raises(ConfigurationError, match="HATCH_INTERACTIVE"):
        read(environment={"HATCH_INTERACTIVE": "perhaps"})


def test_json_holds_no_secret_of_the_options(index: RecordingServer, built: Project, home: Home) -> None:
    make_sdist(built.dist, built.name)
    result = publish(built, home, "-r", index.upload_url, "-u", "somebody", "-a", SECRET, "-o", "json")
    document = json.loads(result.stdout)
    assert document["ok"] is True
    assert document["projects"][0]["credential"] == {"user": "somebody", "source": "--auth"}
    assert SECRET not in result.output
    assert SECRET not in repr(read({"auth": SECRET}, {"HATCH_INDEX_AUTH": SECRET}))
