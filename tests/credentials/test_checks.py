"""Checks of a credential before an upload: the problem found, where the credential came from, and the fix."""

from __future__ import annotations

import sys
from itertools import product
from typing import TYPE_CHECKING

import pymacaroons
import pytest
from api_tokens import IDENTIFIER, PROJECT_ID, ROOT_KEY, USER_ID, make_token
from hatch_in_process import publish
from hatch_process import HatchTerminal, needs_terminal, run_hatch
from maintainer import private_repository
from servers import BasicAuth

from hatch_tokenindex import urls
from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.checks import CheckedCredential, check_credential, may_be_for
from hatch_tokenindex.credentials.credential import Credential
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_process import HatchResult, Home, Project
    from servers import PyPIStandIn, RecordingServer

NOW = 1_800_000_000
PAST, PAST_DATE = 1_600_000_000, "2020-09-13 12:26 UTC"
FUTURE, FUTURE_DATE = 4_102_444_800, "2100-01-01 00:00 UTC"

ACCOUNT = make_token(user=USER_ID)
EXPIRED = make_token(user=USER_ID, expires=PAST)
HERE = make_token(location="127.0.0.1", user=USER_ID)
FAR = "http://packages.example.org/legacy/"


def check_refusal(result: HatchResult, secret: str, expected: list[str]) -> None:
    """Exit 1, the sentence, no secret, and no word of what else went wrong."""
    assert result.returncode == 1, result.output
    for text in expected:
        assert text in result.words
    assert secret.strip() not in result.output or not secret.strip()
    assert "Traceback" not in result.output
    assert "bug in hatch-tokenindex" not in result.output


# What is refused


@pytest.mark.parametrize(
    ("repository", "secret", "expected"),
    [
        pytest.param(
            "main",
            make_token(location="test.pypi.org", user=USER_ID),
            ["holds a TestPyPI token", "publishing to PyPI", "https://pypi.org/manage/account/token/"],
            id="TestPyPI's token at PyPI",
        ),
        pytest.param(
            "test",
            ACCOUNT,
            ["holds a PyPI token", "publishing to TestPyPI", "https://test.pypi.org/manage/account/token/"],
            id="PyPI's token at TestPyPI",
        ),
        pytest.param(
            "main",
            make_token(location="packages.example.org", user=USER_ID),
            ["holds a token of packages.example.org", "publishing to PyPI", "https://pypi.org/manage/account/token/"],
            id="another index's token at PyPI",
        ),
        pytest.param(
            "main",
            make_token(projects=["other-project"], project_ids=[PROJECT_ID]),
            ["scoped to other-project", "can't upload {project}", "one for the entire account"],
            id="another project's token",
        ),
        pytest.param(
            "main",
            make_token(projects=["one", "two"]),
            ["scoped to one, two", "can't upload {project}", "create a token for {project}"],
            id="other projects' token",
        ),
        pytest.param("main", EXPIRED, [f"expired on {PAST_DATE}", "create a new one"], id="expired"),
        pytest.param(
            "main",
            make_token(user=USER_ID, not_before=FUTURE),
            [f"not valid before {FUTURE_DATE}", "wait", "clock"],
            id="not yet valid",
        ),
        pytest.param("main", "\x16", ["control characters", "Ctrl+V", "set it again"], id="Ctrl+V"),
        pytest.param(
            "main", f"{ACCOUNT[:60]}\n{ACCOUNT[60:]}", ["contains line breaks", "as one line"], id="line break inside"
        ),
        pytest.param("main", "", ["is set but empty", "missing secret", "check"], id="empty"),
        pytest.param("main", " \t ", ["is empty", "set it again"], id="white space"),
    ],
)
def test_refused_by_pypi_before_anything_is_uploaded(
    pypi: PyPIStandIn, home: Home, built: Project, repository: str, secret: str, expected: list[str]
) -> None:
    environment = {**pypi.environment, "HATCH_INDEX_AUTH": secret}
    arguments = ["-r", repository, "--ca-cert", str(pypi.ca_file)]
    result = publish(built, home, *arguments, **environment)

    check_refusal(result, secret, ["HATCH_INDEX_AUTH", *(text.format(project=built.name) for text in expected)])
    assert pypi.server.uploads == []
    assert all("Authorization" not in request.headers for request in pypi.server.requests)


NAMES = {
    "pypi.org": "PyPI token",
    "test.pypi.org": "TestPyPI token",
    "upload.pypi.org": "PyPI token",
    "PyPI.org": "PyPI token",
}
"""The tokens of these hosts, in words."""


@pytest.mark.parametrize("location", NAMES)
def test_a_token_of_pypi_is_not_disclosed_to_another_index(
    index: RecordingServer, home: Home, built: Project, location: str
) -> None:
    token = make_token(location=location, projects=[built.name])
    result = publish(built, home, "-r", index.upload_url, HATCH_INDEX_AUTH=token)

    check_refusal(
        result,
        token,
        [f"HATCH_INDEX_AUTH holds a {NAMES[location]}", "publishing to 127.0.0.1", "Not sent", "Fix: use"],
    )
    assert index.uploads == []


@pytest.mark.parametrize(
    ("secret", "arguments", "expected"),
    [
        pytest.param("passw0rd", [], ["over plain http", "https://", "`-o insecure-http`"], id="password"),
        pytest.param(
            "passw0rd", ["-o", "insecure-http=false"], ["over plain http", "https://"], id="insecure-http=false"
        ),
        pytest.param(ACCOUNT, [], ["over plain http", "https://"], id="PyPI's token"),
        pytest.param(ACCOUNT, ["-o", "insecure-http"], ["over plain http"], id="PyPI's token, insecure-http"),
    ],
)
def test_nothing_travels_over_plain_http(
    index: RecordingServer,
    home: Home,
    built: Project,
    secret: str,
    arguments: list[str],
    expected: list[str],
) -> None:
    environment = {"HTTP_PROXY": index.url, "HATCH_INDEX_AUTH": secret}
    result = publish(built, home, "-r", FAR, *arguments, **environment)

    check_refusal(result, secret, ["from HATCH_INDEX_AUTH", FAR, *expected])
    assert index.uploads == []
    assert all("Authorization" not in request.headers for request in index.requests)


def test_the_installed_command_refuses_too(pypi: PyPIStandIn, home: Home, built: Project) -> None:
    command = ("publish", "-p", "tokenindex", "--ca-cert", str(pypi.ca_file))
    environment = {**pypi.environment, "HATCH_INDEX_AUTH": EXPIRED}
    result = run_hatch(*command, cwd=built.folder, home=home, env=environment)

    check_refusal(result, EXPIRED, ["HATCH_INDEX_AUTH", f"expired on {PAST_DATE}"])
    assert pypi.server.uploads == []


def test_insecure_http_lets_a_secret_go(index: RecordingServer, home: Home, built: Project) -> None:
    environment = {"HTTP_PROXY": index.url, "HATCH_INDEX_AUTH": "passw0rd"}
    result = publish(built, home, "-r", FAR, "-o", "insecure-http", **environment)

    assert result.returncode == 0, result.output
    assert [request.authorization for request in index.uploads] == [BasicAuth("__token__", "passw0rd")]


def test_a_proxy_never_sees_what_goes_to_this_machine(index: RecordingServer, home: Home, built: Project) -> None:
    result = publish(built, home, "-r", index.upload_url, HTTP_PROXY=FAR, HATCH_INDEX_AUTH="passw0rd")

    assert result.returncode == 0, result.output
    assert len(index.uploads) == 1


def test_a_secret_that_is_no_text_is_refused() -> None:
    """Python decodes non-UTF-8 bytes in the environment to surrogates."""
    with pytest.raises(
        CredentialError, match=r"The secret from HATCH_INDEX_AUTH is not UTF-8 text.\nFix: set it again"
    ):
        look("caf\udce9")


# Where it came from


def in_flag(_project: Project, _home: Home, _url: str) -> list[str]:
    return ["--auth", EXPIRED]


def in_option(_project: Project, _home: Home, _url: str) -> list[str]:
    return ["-o", f"auth={EXPIRED}"]


def in_variable(_project: Project, home: Home, _url: str) -> list[str]:
    home.environment["HATCH_INDEX_AUTH"] = EXPIRED
    return []


def in_own_variable(_project: Project, home: Home, _url: str) -> list[str]:
    home.environment["HATCH_INDEX_AUTH_PRIVATE"] = EXPIRED
    return []


def in_options_variable(_project: Project, home: Home, _url: str) -> list[str]:
    home.environment["HATCH_PUBLISHER_OPTIONS"] = f"auth={EXPIRED}"
    return []


def in_project_table(project: Project, _home: Home, url: str) -> list[str]:
    project.configure(private_repository(url=url, auth=EXPIRED))
    return []


def in_personal_table(_project: Project, home: Home, url: str) -> list[str]:
    home.configure_hatch(private_repository(url=url, auth=EXPIRED))
    return []


def in_command(_project: Project, home: Home, url: str) -> list[str]:
    home.configure_hatch(
        private_repository(url=url, **{"auth-command": [sys.executable, "-S", "-c", f"print({EXPIRED!r})"]})
    )
    return []


def in_pypirc(_project: Project, home: Home, url: str) -> list[str]:
    home.pypirc.write_text(f"[company]\nrepository = {url}\npassword = {EXPIRED}\n", encoding="utf-8")
    return []


@pytest.mark.parametrize(
    ("give", "origin"),
    [
        (in_flag, "--auth"),
        (in_option, "-o auth"),
        (in_variable, "HATCH_INDEX_AUTH"),
        (in_own_variable, "HATCH_INDEX_AUTH_PRIVATE"),
        (in_options_variable, "HATCH_PUBLISHER_OPTIONS: auth"),
        (in_project_table, "`auth` of [publish.tokenindex.repos.private] in {project}/hatch.toml"),
        (in_personal_table, "`auth` of [publish.tokenindex.repos.private] in {config}"),
        (in_command, "`auth-command` of [publish.tokenindex.repos.private] in {config}"),
        (in_pypirc, "[company] of ~/.pypirc"),
    ],
)
def test_a_refusal_names_the_place(
    index: RecordingServer,
    home: Home,
    built: Project,
    give: Callable[[Project, Home, str], list[str]],
    origin: str,
) -> None:
    built.configure(private_repository(url=index.upload_url))
    result = publish(built, home, "-r", "private", *give(built, home, index.upload_url))

    place = origin.format(project=built.folder, config=home.hatch_config)
    check_refusal(result, EXPIRED, [f"{place[:1].upper()}{place[1:]} holds a PyPI token"])
    assert index.uploads == []


def test_a_dry_run_refuses_as_the_run_does(index: RecordingServer, home: Home, built: Project) -> None:
    run, dry_run = (
        publish(built, home, "-r", index.upload_url, *arguments, HATCH_INDEX_AUTH=EXPIRED)
        for arguments in ([], ["-o", "dry-run"])
    )
    check_refusal(dry_run, EXPIRED, ["HATCH_INDEX_AUTH holds a PyPI token"])
    assert dry_run == run
    assert index.uploads == []


def test_explain_tells_the_refusal_in_the_row_of_the_place(index: RecordingServer, home: Home, built: Project) -> None:
    result = publish(built, home, "-r", index.upload_url, "-o", "explain", HATCH_INDEX_AUTH=ACCOUNT)

    assert result.returncode == 0, result.output
    (row,) = [line for line in result.stdout.splitlines() if line.startswith("! HATCH_INDEX_AUTH  ")]
    assert "refused: HATCH_INDEX_AUTH holds a PyPI token, but you are publishing to 127.0.0.1" in row
    assert index.requests == []


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        (make_token(projects=["other-project"]), "is scoped to other-project"),
        (EXPIRED, f"expired on {PAST_DATE}"),
        (make_token(location="test.pypi.org"), "holds a TestPyPI token"),
    ],
    ids=["another project's", "expired", "another index's"],
)
def test_a_remembered_token_that_is_no_use_is_passed_over(
    pypi: PyPIStandIn, home: Home, built: Project, secret: str, why: str
) -> None:
    home.use_keyring("FileKeyring")
    home.remember("https://upload.pypi.org/legacy/", f"pypi_token:project:{built.name}", secret)
    home.remember("https://upload.pypi.org/legacy/", "__token__", ACCOUNT)
    result = publish(built, home, "--ca-cert", str(pypi.ca_file), "-o", "narrow-token=never", **pypi.environment)

    assert result.returncode == 0, result.output
    assert [request.authorization for request in pypi.server.uploads] == [BasicAuth("__token__", ACCOUNT)]
    assert f"Skipped keyring: pypi_token:project:{built.name}: " in result.words
    assert why in result.words


@pytest.mark.parametrize("around", ["{}", " {}", '"{}"', "{}\n", "HATCH_INDEX_AUTH={}"])
def test_a_token_of_another_project_is_known_whatever_is_around_it(around: str) -> None:
    assert not may_be_for(Secret(around.format(make_token(projects=["other"]))), "demo")


# What is cleaned


@pytest.mark.parametrize(
    "given",
    [
        f" {HERE}",
        f"{HERE}\n",
        f"\t{HERE}\r\n",
        f'"{HERE}"',
        f"'{HERE}'\n",
        f"`{HERE}`",
        f"\ufeff{HERE}",
        f"{HERE}\u00a0",
        f"HATCH_INDEX_AUTH={HERE}",
        f"HATCH_INDEX_AUTH_PRIVATE='{HERE}'",
        f'export HATCH_INDEX_AUTH="{HERE}"\n',
        f"set HATCH_INDEX_AUTH={HERE}",
        f'$env:HATCH_INDEX_AUTH = "{HERE}"',
        f'"HATCH_INDEX_AUTH={HERE}"',
    ],
    ids=ascii,
)
def test_what_was_copied_along_with_a_token_is_left_out(
    index: RecordingServer, home: Home, built: Project, given: str
) -> None:
    result = publish(built, home, "-r", index.upload_url, HATCH_INDEX_AUTH=given)

    assert result.returncode == 0, result.output
    assert [request.authorization for request in index.uploads] == [BasicAuth("__token__", HERE)]
    assert "Removed whitespace, quotes or a variable name from around the token from HATCH_INDEX_AUTH" in result.words
    assert "Removed " in result.words
    assert HERE not in result.output


@pytest.mark.parametrize(
    ("given", "sent", "note"),
    [
        ("pass word", "pass word", False),
        ("pass word\n", "pass word", True),
        ("pass word\r\n", "pass word", True),
        (' "quoted" ', ' "quoted" ', False),
        ("HATCH_INDEX_AUTH=x", "HATCH_INDEX_AUTH=x", False),
        ("pypi-short", "pypi-short", False),
        ("glpat-aB3_dE6-hI9", "glpat-aB3_dE6-hI9", False),
        ("schön:ß", "schön:ß", False),
    ],
    ids=ascii,
)
def test_of_any_other_secret_only_the_line_end_is_left_out(
    index: RecordingServer, home: Home, built: Project, given: str, sent: str, note: bool
) -> None:
    result = publish(built, home, "-r", index.upload_url, HATCH_INDEX_AUTH=given)

    assert result.returncode == 0, result.output
    assert [request.authorization for request in index.uploads] == [BasicAuth("__token__", sent)]
    assert ("Removed the line break at the end of the secret from HATCH_INDEX_AUTH" in result.words) is note
    assert ("Removed " in result.words) is note


def test_a_token_goes_with_its_own_user_name(index: RecordingServer, home: Home, built: Project) -> None:
    result = publish(built, home, "-r", index.upload_url, "-u", "maintainer", HATCH_INDEX_AUTH=HERE)

    assert result.returncode == 0, result.output
    assert [request.authorization for request in index.uploads] == [BasicAuth("__token__", HERE)]
    assert "The token from HATCH_INDEX_AUTH needs the user name __token__" in result.words
    assert "instead of 'maintainer'" in result.words


def test_another_secret_goes_with_the_user_name_that_was_given(
    index: RecordingServer, home: Home, built: Project
) -> None:
    result = publish(built, home, "-r", index.upload_url, "-u", "maintainer", HATCH_INDEX_AUTH="pypi-server")

    assert result.returncode == 0, result.output
    assert [request.authorization for request in index.uploads] == [BasicAuth("maintainer", "pypi-server")]
    assert "__token__" not in result.output


# Which hosts belong together


@pytest.mark.parametrize(
    ("location", "url", "outcome"),
    [
        ("pypi.org", "https://upload.pypi.org/legacy/", "silent"),
        ("pypi.org", "https://pypi.org/legacy/", "silent"),
        ("upload.pypi.org", "https://upload.pypi.org/legacy/", "silent"),
        ("test.pypi.org", "https://test.pypi.org/legacy/", "silent"),
        ("", "https://upload.pypi.org/legacy/", "silent"),
        ("pypi.org", "https://test.pypi.org/legacy/", "refused"),
        ("test.pypi.org", "https://upload.pypi.org/legacy/", "refused"),
        ("test.pypi.org", "https://pypi.org/legacy/", "refused"),
        ("pypi.org", "https://pypi.org.example.org/legacy/", "refused"),
        ("pypi.org", "https://mirror.example.org/pypi.org/legacy/", "refused"),
        ("pypi.org.example.org", "https://upload.pypi.org/legacy/", "refused"),
        ("example.org", "https://upload.pypi.org/legacy/", "refused"),
        ("not a host", "https://upload.pypi.org/legacy/", "refused"),
        ("example.org", "https://example.org/legacy/", "silent"),
        ("Example.org", "https://EXAMPLE.org/legacy/", "silent"),
        ("example.org", "https://upload.example.org/legacy/", "silent"),
        ("example.org", "https://example.org:8443/legacy/", "silent"),
        ("", "https://example.org/legacy/", "silent"),
        ("example.org", "https://test.example.org/legacy/", "warning"),
        ("upload.example.org", "https://example.org/legacy/", "warning"),
        ("example.com", "https://example.org/legacy/", "warning"),
        ("not a host", "https://example.org/legacy/", "warning"),
    ],
)
def test_which_hosts_may_get_the_token_of_which_index(location: str, url: str, outcome: str) -> None:
    verdict, text = outcome_and_text(make_token(location=location, user=USER_ID), url)

    assert verdict == outcome
    if outcome == "silent":
        assert text == ""
    else:
        holds = f"HATCH_INDEX_AUTH holds a {NAMES.get(location, f'token of {location}')}"
        warned = f"The token from HATCH_INDEX_AUTH was issued by {location}; sending it"
        assert text.startswith(holds if outcome == "refused" else warned)
        assert ("Not sent." in text) is (outcome == "refused")


def outcome_and_text(token: str, url: str) -> tuple[str, str]:
    """Return "refused", "warning" or "silent" for a token, and the message."""
    try:
        notes = look(token, url=url).notes
    except CredentialError as error:
        return "refused", str(error)
    return "warning" if notes else "silent", " ".join(notes)


# Nothing is guessed


@pytest.mark.parametrize("location", ["pypi.org", ""])
@pytest.mark.parametrize("project_ids", [None, [PROJECT_ID]])
@pytest.mark.parametrize("user", [None, USER_ID])
def test_only_what_a_token_says_counts(location: str, project_ids: list[str] | None, user: str | None) -> None:
    names = {None: True, ("demo",): True, ("demo", "other"): True, ("other",): False, (): False}
    ends = {None: True, NOW + 1: True, NOW: False, NOW - 1: False}
    begins = {None: True, 0: True, NOW: True, NOW + 1: False}
    for projects, expires, not_before in product(names, ends, begins):
        token = make_token(
            location=location,
            projects=projects,
            project_ids=project_ids,
            user=user,
            expires=expires,
            not_before=not_before,
        )
        may_be_sent = names[projects] and ends[expires] and begins[not_before]
        try:
            checked = look(token)
        except CredentialError:
            assert not may_be_sent
        else:
            assert may_be_sent
            assert checked.credential == Credential("__token__", Secret(token), "HATCH_INDEX_AUTH")
            assert checked.notes == ()


def test_a_project_that_is_not_known_yet_is_not_compared() -> None:
    assert look(make_token(projects=["other"]), project=None).notes == ()


@pytest.mark.parametrize("caveat", [b"[9,1]", b"no JSON", b'[1,"demo"]', b"[0,1.5,0]", b'{"nbf":1}'])
def test_a_caveat_that_is_not_known_is_not_judged(caveat: bytes) -> None:
    macaroon = pymacaroons.Macaroon(location="pypi.org", identifier=IDENTIFIER, key=ROOT_KEY, version=2)
    macaroon.add_first_party_caveat(caveat)
    assert look(f"pypi-{macaroon.serialize()}").notes == ()


@pytest.mark.parametrize("secret", [HERE[:-4], f"{HERE}AAAA", HERE.replace("A", "B", 1)])
def test_a_token_that_cannot_be_read_is_sent_as_it_is(secret: str) -> None:
    """Only PyPI can decide about it; there, the message suggests a copying mistake."""
    (note,) = look(secret).notes
    assert "The token from HATCH_INDEX_AUTH could not be parsed; sending it unchanged" in note
    assert "Copy it again" in note
    assert look(secret, url="https://example.org/legacy/").notes == ()


def look(
    secret: str,
    *,
    url: str = "https://upload.pypi.org/legacy/",
    project: str | None = "demo",
    user: str = "__token__",
) -> CheckedCredential:
    """Check a credential from `HATCH_INDEX_AUTH`."""
    return check_credential(
        Credential(user, Secret(secret), "HATCH_INDEX_AUTH"), project, Repository("private", url), NOW
    )


# A token where a user name is wanted


@needs_terminal
@pytest.mark.parametrize("typed", [HERE, f'"{HERE}"', f"HATCH_INDEX_AUTH={HERE}"], ids=["bare", "quoted", "pasted"])
def test_a_token_typed_as_user_name_is_the_secret(
    index: RecordingServer, home: Home, built: Project, typed: str
) -> None:
    home.use_keyring("FileKeyring")
    arguments = ["publish", "-p", "tokenindex", "-r", index.upload_url]
    with HatchTerminal(*arguments, cwd=built.folder, home=home) as terminal:
        terminal.expect("User name for")
        terminal.send(typed)
        terminal.expect("You entered an API token as the user name")
        before = len(terminal.screen)
        assert terminal.finish() == 0, terminal.screen
        assert HERE not in terminal.screen[before:]

    assert [request.authorization for request in index.uploads] == [BasicAuth("__token__", HERE)]
    assert home.keyring.secrets == {index.upload_url: {"__token__": HERE}}
    cached = [path.read_text(encoding="utf-8") for path in home.hatch_cache.rglob("*") if path.is_file()]
    assert any("__token__" in text for text in cached)
    assert not any(HERE in text for text in cached)


@pytest.mark.parametrize("place", ["--user", "HATCH_INDEX_USER", "HATCH_INDEX_USER_PRIVATE", "hatch.toml", ".pypirc"])
def test_a_token_given_as_user_name_is_refused_and_not_shown(
    index: RecordingServer, home: Home, built: Project, place: str
) -> None:
    flag = ["--user", HERE] if place == "--user" else []
    keys = {"user": HERE} if place == "hatch.toml" else {}
    built.configure(private_repository(url=index.upload_url, **keys))
    if place == ".pypirc":
        home.pypirc.write_text(f"[private]\nrepository = {index.upload_url}\nusername = {HERE}\n", encoding="utf-8")
    environment = {place: HERE} if place.startswith("HATCH") else {}
    result = publish(built, home, "-r", "private", *flag, HATCH_INDEX_AUTH="passw0rd", **environment)

    check_refusal(result, HERE, [place, "API token"])
    assert index.uploads == []


@needs_terminal
def test_what_is_typed_and_no_use_is_asked_for_again(pypi: PyPIStandIn, home: Home, built: Project) -> None:
    arguments = ["publish", "-p", "tokenindex", "-u", "__token__", "--ca-cert", str(pypi.ca_file)]
    with HatchTerminal(*arguments, cwd=built.folder, home=home, env=pypi.environment) as terminal:
        for typed, why in [
            ("", "is empty."),
            (make_token(projects=["other-project"]), "from the prompt is scoped to other-project"),
        ]:
            terminal.give_secret(typed)
            terminal.expect(why)
        terminal.give_secret(make_token(location="test.pypi.org", user=USER_ID))
        assert terminal.finish() == 1
        assert "You entered a TestPyPI token, but you are publishing to PyPI" in terminal.words
    assert pypi.server.uploads == []


def test_a_project_that_setuptools_named_unknown_needs_a_name_and_no_token() -> None:
    found = Credential("__token__", Secret(make_token(projects=["demo"])), "HATCH_INDEX_AUTH")
    with pytest.raises(CredentialError, match=r"scoped to demo and can't upload unknown\.\nFix: set `name` under"):
        check_credential(found, "unknown", Repository("main", "https://upload.pypi.org/legacy/"), 0)


# Secrets that aren't tokens, for PyPI


WRAPPED = "QUJD\nREVG\r\nR0hJ"


@pytest.mark.parametrize("typed", [True, False], ids=["typed", "chosen"])
def test_line_breaks_are_called_by_their_name(*, typed: bool) -> None:
    found = Credential("ci", Secret(WRAPPED), "the place", typed=typed)
    repository = Repository("private", "https://packages.example.org/legacy/")
    with pytest.raises(CredentialError, match="The secret from the place contains line breaks") as caught:
        check_credential(found, None, repository, NOW)
    assert "Ctrl+V" not in str(caught.value)
    assert ("paste it as one line" if typed else "set it as one line") in str(caught.value)


DOUBTFUL = {
    "a password": (
        lambda _: "hunter2-and-more",
        "The secret from {} doesn't look like an API token: those of {} start with `pypi-`.",
    ),
    "a truncated token": (
        lambda host: make_token(location=host)[:60],
        "The token from {} could not be parsed; sending it unchanged.",
    ),
}


@pytest.mark.parametrize(("site", "host"), [("PyPI", "pypi.org"), ("TestPyPI", "test.pypi.org")])
@pytest.mark.parametrize(("spelling", "note"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_is_not_a_token_is_told_before_it_is_sent_to_pypi(
    spelling: Callable[[str], str], note: str, site: str, host: str
) -> None:
    secret = spelling(host)
    repository = Repository("main", urls.PYPI if site == "PyPI" else urls.TEST_PYPI)
    chosen = Credential("__token__", Secret(secret), "HATCH_INDEX_AUTH")
    (said,) = check_credential(chosen, None, repository, NOW).notes
    assert said.startswith(note.format("HATCH_INDEX_AUTH", site))
    typed = Credential("__token__", Secret(secret), "the prompt", typed=True)
    with pytest.raises(CredentialError, match=f"is not a valid API token, and {site} accepts nothing else"):
        check_credential(typed, None, repository, NOW)


def test_nothing_is_said_of_other_indexes_user_names_and_minted_tokens() -> None:
    elsewhere = Repository("private", "https://packages.example.org/legacy/")
    at_pypi = Repository("main", "https://upload.pypi.org/legacy/")
    secret = Secret("hunter2-and-more")
    for credential, repository in (
        (Credential("__token__", secret, "the prompt", typed=True), elsewhere),
        (Credential("alice", secret, "the prompt", typed=True), at_pypi),
        (Credential("__token__", secret, "Trusted Publishing", minted=True), at_pypi),
    ):
        assert check_credential(credential, None, repository, NOW).notes == ()
