"""The repos tables: what each key does, which file wins, what `-r` means, and that a secret never crosses files."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from api_tokens import make_token
from distribution_builders import make_wheel
from hatch_in_process import invoke_hatch
from servers import BasicAuth

from hatch_tokenindex.config.folders import personal_table, project_table
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import Layer, Repositories, Repository
from hatch_tokenindex.errors import ConfigurationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from hatch_process import HatchResult, Home, Project
    from servers import PyPIStandIn, RecordingServer

SECRET = "s3cret-that-must-not-be-shown"
PYPI = "https://upload.pypi.org/legacy/"
TEST_PYPI = "https://test.pypi.org/legacy/"
URL = "https://packages.example.org/legacy/"
OTHER_URL = "https://elsewhere.example.org/legacy/"

PROJECT = Path("/src/project")
PERSON = Path("/home/person/.config/hatch/config.toml")


def repositories(project: str = "", personal: str = "") -> Repositories:
    """The repositories configured under `[publish.tokenindex]` in a project's file and Hatch's `config.toml`."""
    return Repositories(
        [project_table(PROJECT, tomllib.loads(project)), personal_table(PERSON, tomllib.loads(personal))]
    )


def chosen(
    configured: Repositories, wanted: str | None = None, pypirc: dict[str, str | None] | None = None, **given: Any
) -> Repository:
    """The repository selected by `-r`, given the sections of `.pypirc` and `-o` values for this run."""
    values = {key.replace("_", "-"): value for key, value in given.items()}
    asked = None if wanted is None else WithOrigin(wanted, "--repo")
    return configured.choose(asked, lambda: pypirc or {}, Layer("this run", Path.cwd(), values))


def check_message(error: pytest.ExceptionInfo[ConfigurationError], *expected: str) -> None:
    """One line that names these, and no secret."""
    for text in expected:
        assert text in str(error.value)
    assert "\n" not in str(error.value)
    assert SECRET not in str(error.value)


# What a table says


def test_without_configuration_there_are_pypi_and_testpypi() -> None:
    configured = repositories()
    assert list(configured.urls) == ["main", "test"]
    assert chosen(configured) == Repository("main", PYPI)
    assert chosen(configured, "main") == Repository("main", PYPI)
    assert chosen(configured, "test") == Repository("test", TEST_PYPI)


def test_the_documented_defaults() -> None:
    repository = Repository("main", PYPI)
    assert {
        key.name: getattr(repository, key.name)
        for key in fields(Repository)
        if getattr(repository, key.name) is not None
    } == {
        "name": "main",
        "url": PYPI,
        "url_from_project": False,
        "trusted_publishing": "automatic",
        "attestations": "automatic",
        "narrow_token": "automatic",
        "keyring": True,
        "existing": "skip",
        "insecure_http": False,
        "jobs": 4,
        "retries": 5,
        "timeout": 300,
        "warnings": (),
    }


@pytest.mark.parametrize("form", [f"repos.private = '{URL}'", f"[repos.private]\nurl = '{URL}'"])
@pytest.mark.parametrize("file", ["project", "personal"])
def test_a_repository_is_a_url_or_a_table(form: str, file: str) -> None:
    repository = chosen(repositories(**{file: form}), "private")
    assert (repository.name, repository.url) == ("private", URL)
    assert repository.url_from_project is (file == "project")


@pytest.mark.parametrize("file", ["project", "personal"])
def test_the_default_repository(file: str) -> None:
    configured = repositories(**{file: f"repo = 'private'\nrepos.private = '{URL}'"})
    assert chosen(configured).name == "private"
    assert chosen(configured, "main").name == "main"


def test_a_project_chooses_the_default_before_the_person() -> None:
    configured = repositories("repo = 'test'", f"repo = 'private'\nrepos.private = '{URL}'")
    assert chosen(configured).name == "test"


# For each key with a meaning of its own: three values that differ from each other and from the default.
VALUES: dict[str, tuple[Any, Any, Any]] = {
    "user": ("one", "two", "three"),
    "auth": ("one", "two", "three"),
    "ca-cert": ("one.pem", "two.pem", "three.pem"),
    "client-cert": ("one.pem", "two.pem", "three.pem"),
    "client-key": ("one.pem", "two.pem", "three.pem"),
    "jobs": (1, 2, 3),
    "retries": (1, 2, 3),
    "timeout": (1, 2.5, 3),
    "existing": ("fail", "replace", "fail"),
    "trusted-publishing": ("never", "always", "never"),
    "attestations": ("never", "always", "never"),
    "attestations-directory": ("one", "two", "three"),
    "narrow-token": ("never", "automatic", "never"),
    "keyring": (False, True, False),
}


def value_of(repository: Repository, key: str) -> Any:
    """The value of a key, as the tables write it."""
    value = getattr(repository, key.replace("-", "_"))
    if isinstance(value, WithOrigin):
        value = value.value
    if isinstance(value, Path):
        return value.name
    return value.reveal() if key == "auth" else value


def toml(key: str, value: object) -> str:
    """One line of a table."""
    return f"{key} = {json.dumps(value)}"


@pytest.mark.parametrize("key", VALUES)
def test_which_of_several_values_wins(key: str) -> None:
    one, two, three = VALUES[key]
    top, own = toml(key, one), toml(key, two)
    defined = f"[repos.private]\nurl = '{URL}'\n"

    assert value_of(chosen(repositories(f"{top}\n{defined}"), "private"), key) == one, "a project's default"
    assert value_of(chosen(repositories(personal=f"{top}\n{defined}"), "private"), key) == one, "a person's default"
    assert value_of(chosen(repositories(f"{top}\n{defined}{own}"), "private"), key) == two, "own before default"
    assert value_of(chosen(repositories(personal=f"{top}\n{defined}{own}"), "private"), key) == two
    both = repositories(f"{defined}{own}", f"{defined}{toml(key, three)}")
    if key == "ca-cert":
        # The person has secrets for that URL: a clone doesn't say whose certificate gets them.
        assert value_of(chosen(both, "private"), key) == three
        assert "is not used" in chosen(both, "private").warnings[0]
        assert value_of(chosen(repositories(f"repo = 'private'\n{top}", defined), "private"), key) is None
        return
    assert value_of(chosen(both, "private"), key) == two, "a project before the person"
    both = repositories(f"{top}\n{defined}", f"{toml(key, two)}\n{defined}")
    assert value_of(chosen(both, "private"), key) == one, "a project's default before the person's"
    both = repositories(f"{top}\n{defined}", f"{defined}{own}")
    assert value_of(chosen(both, "private"), key) == two, "a repository's own table before every default"


@pytest.mark.parametrize("key", [key for key in VALUES if key not in {"user", "auth"}])
def test_this_run_wins_over_all_tables(key: str) -> None:
    one, two, _ = VALUES[key]
    configured = repositories(f"[repos.private]\nurl = '{URL}'\n{toml(key, two)}", toml(key, two))
    assert value_of(chosen(configured, "private", **{key.replace("-", "_"): one}), key) == one


@pytest.mark.parametrize("key", [key for key in VALUES if key not in {"user", "auth"}])
@pytest.mark.parametrize("wanted", ["main", URL, "section"])
def test_defaults_are_for_every_repository(key: str, wanted: str) -> None:
    configured = repositories(personal=toml(key, VALUES[key][0]))
    assert value_of(chosen(configured, wanted, {"section": URL}), key) == VALUES[key][0]


def test_keys_are_taken_one_by_one() -> None:
    configured = repositories(
        f"[repos.private]\nurl = '{URL}'\nuser = 'of-project'\njobs = 1",
        f"timeout = 7\n[repos.private]\nurl = '{URL}'\nuser = 'of-person'\njobs = 2\nretries = 3\nauth = 'x'",
    )
    repository = chosen(configured, "private")
    origin = f"`user` of [tool.hatch.publish.tokenindex.repos.private] in {project_file()}"
    assert repository.user == WithOrigin("of-project", origin)
    assert (repository.jobs, repository.retries, repository.timeout) == (1, 3, 7)
    assert repository.auth is not None
    assert repository.auth.origin == f"`auth` of [publish.tokenindex.repos.private] in {PERSON}"


def project_file() -> Path:
    """The file that messages name for a project without `hatch.toml`."""
    return PROJECT / "pyproject.toml"


def test_options_of_a_reserved_name_can_be_set() -> None:
    configured = repositories("[repos.main]\nuser = 'x'\njobs = 2", "[repos.test]\nca-cert = 'test.pem'")
    main, test = chosen(configured), chosen(configured, "test")
    assert (main.url, main.jobs, value_of(main, "user")) == (PYPI, 2, "x")
    assert (test.url, test.ca_cert) == (TEST_PYPI, PERSON.parent / "test.pem")


@pytest.mark.parametrize("key", ["ca-cert", "client-cert", "client-key"])
def test_relative_paths_start_at_the_file(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path("/home/person").absolute()))
    monkeypatch.setenv("USERPROFILE", str(Path("/home/person").absolute()))
    name = key.replace("-", "_")
    defined = f"repos.private = '{URL}'"

    def path(project: str = "", personal: str = "") -> Path:
        found: Path = getattr(chosen(repositories(project, personal), "private"), name)
        return found

    assert path(f"{key} = 'certs/x.pem'\n{defined}") == PROJECT / "certs" / "x.pem"
    assert path(defined, f"{key} = 'certs/x.pem'") == PERSON.parent / "certs" / "x.pem"
    assert path(f"{key} = '~/x.pem'\n{defined}") == Path("/home/person/x.pem").absolute()
    assert path(f"{key} = '~nobody-of-that-name/x.pem'\n{defined}").name == "x.pem"
    absolute = Path("/etc/ssl/x.pem").absolute()
    assert path(f"{toml(key, str(absolute))}\n{defined}") == absolute


# What is wrong


WRONG = {
    "user": ["3", "''", "['x']", "true"],
    "auth": ["3", "''", "['x']"],
    "ca-cert": ["3", "''"],
    "client-cert": ["true"],
    "client-key": ["{ a = 1 }"],
    "simple-url": ["3", "'simple'", "'ftp://example.org/'"],
    "trusted-publishing": ["true", "'sometimes'", "''"],
    "attestations": ["true", "'sometimes'", "''"],
    "attestations-directory": ["true", "''"],
    "narrow-token": ["'always'", "false"],
    "keyring": ["'false'", "0"],
    "existing": ["'ignore'", "true", "['skip']"],
    "jobs": ["0", "9", "4.0", "'4'", "true", "nan"],
    "retries": ["-1", "1.5", "'5'", "false"],
    "timeout": ["0", "-1", "'300'", "inf", "nan", "true"],
}


@pytest.mark.parametrize("place", ["top of project", "table of project", "top of person", "table of person"])
@pytest.mark.parametrize("key", WRONG)
def test_a_wrong_type_is_one_line_with_file_table_and_key(key: str, place: str) -> None:
    level, _, file = place.partition(" of ")
    if key == "simple-url" and level == "top":
        return
    before = "" if level == "top" else f"[repos.private]\nurl = '{URL}'\n"
    for wrong in WRONG[key]:
        given = {"project" if file == "project" else "personal": f"{before}{key} = {wrong}"}
        with pytest.raises(ConfigurationError) as error:
            repositories(**given)
        table = "publish.tokenindex" if level == "top" else "publish.tokenindex.repos.private"
        path, prefix = (PERSON, "") if file == "person" else (project_file(), "tool.hatch.")
        check_message(error, f"`{key}` of [{prefix}{table}] in {path} must be")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("repos = 3", "[publish.tokenindex.repos] in {file} must be a table"),
        ("repos = ['x']", "[publish.tokenindex.repos] in {file} must be a table"),
        ("repos.private = 3", "[publish.tokenindex.repos.private] in {file} must be a URL or a table"),
        ("repos.private = []", "[publish.tokenindex.repos.private] in {file} must be a URL or a table"),
        ("[[repos.private]]\nurl = 'x'", "[publish.tokenindex.repos.private] in {file} must be a URL or a table"),
        ("repo = 3", "`repo` of [publish.tokenindex] in {file} must be a non-empty string"),
        ("repo = ''", "`repo` of [publish.tokenindex] in {file} must be a non-empty string"),
        ("disable = 'no'", "`disable` of [publish.tokenindex] in {file} must be true or false"),
        ("repos.private = {}", "`url` of [publish.tokenindex.repos.private] in {file} is missing"),
        ("[repos.private]\nuser = 'x'", "`url` of [publish.tokenindex.repos.private] in {file} is missing"),
        (
            f"[repos.private]\nurl = '{URL}'\nrepo = 'x'",
            "`repo` of [publish.tokenindex.repos.private] in {file} is unknown",
        ),
        (
            f"[repos.private]\nurl = '{URL}'\ndisable = true",
            "`disable` of [publish.tokenindex.repos.private] in {file}",
        ),
        (f"url = '{URL}'", "`url` of [publish.tokenindex] in {file} is unknown"),
        ("usr = 'x'", "`usr` of [publish.tokenindex] in {file} is unknown (did you mean `user`?)"),
        ("ca_cert = 'x'", "did you mean `ca-cert`?"),
        (f"[repos.private]\nurll = '{URL}'\nurl = '{URL}'", "did you mean `url`?"),
        (f"password = '{SECRET}'", "`password` of [publish.tokenindex] in {file} is unknown"),
        ("[repos.main]\nur = 'x'", "`ur` of [publish.tokenindex.repos.main] in {file} is unknown"),
        (f"repos.main = '{URL}'", f"`main` is always {PYPI}"),
        (f"repos.main.url = '{PYPI}'", f"`main` is always {PYPI}"),
        (f"repos.test = '{URL}'", f"`test` is always {TEST_PYPI}"),
        (f"repos.test.url = '{URL}'", "`url` of [publish.tokenindex.repos.test] in {file} can't be set"),
        ("repos.main = 3", "[publish.tokenindex.repos.main] in {file} must be"),
    ],
)
def test_a_table_that_is_wrong(text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        repositories(personal=text)
    check_message(error, expected.format(file=PERSON))
    with pytest.raises(ConfigurationError) as error:
        repositories(text)
    check_message(error, expected.format(file=project_file()).replace("[publish.", "[tool.hatch.publish."))


BAD_URLS = [
    "",
    "packages.example.org",
    "packages.example.org/legacy/",
    "//packages.example.org/legacy/",
    "/legacy/",
    "ftp://packages.example.org/",
    "file:///legacy/",
    "https:packages.example.org",
    "https:///legacy/",
    "https://",
    "http://:80/",
    "https://packages.example.org:99999/",
    "https://packages.example.org:port/",
    "https://[::1/",
    "https://packages.example.org/leg acy/",
    " https://packages.example.org/",
    "https://packages.example.org/\n",
    "https://packages.example.org/\x1b[31m",
    f"https://{SECRET}@packages.example.org/",
    f"https://somebody:{SECRET}@packages.example.org/",
    f"https://:{SECRET}@packages.example.org/",
]


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.parametrize("key", ["url", "simple-url"])
def test_what_is_no_url(url: str, key: str) -> None:
    if key == "simple-url":
        text = f"[repos.private]\nurl = '{URL}'\n{toml('simple-url', url)}"
    else:
        text = f"[repos.private]\n{toml('url', url)}"
    with pytest.raises(ConfigurationError) as error:
        repositories(text)
    check_message(error, f"`{key}` of [tool.hatch.publish.tokenindex.repos.private] in {project_file()} must")
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize("url", [url for url in BAD_URLS if "://" in url])
def test_what_is_no_url_on_the_command_line(url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        chosen(repositories(), url)
    check_message(error, "--repo")


@pytest.mark.parametrize("url", [url for url in BAD_URLS if url])
def test_what_is_no_url_in_pypirc(url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        chosen(repositories(), "section", {"section": url})
    check_message(error, "`repository` in [section] of ~/.pypirc must")


@pytest.mark.parametrize("key", ["auth-command", "insecure-http"])
def test_keys_that_a_project_may_not_set(key: str) -> None:
    value = "true" if key == "insecure-http" else "['pass', 'pypi']"
    for table, before in [
        ("", ""),
        (".repos.private", f"[repos.private]\nurl = '{URL}'\n"),
        (".repos.main", "[repos.main]\n"),
    ]:
        with pytest.raises(ConfigurationError) as error:
            repositories(f"{before}{key} = {value}")
        check_message(error, f"`{key}` of [tool.hatch.publish.tokenindex{table}] in {project_file()}", "config.toml")
        repositories(personal=f"{before}{key} = {value}")


@pytest.mark.parametrize("value", ["'pass pypi'", "[]", "['pass', 3]", "['pass', '']", "3"])
def test_a_command_is_a_list_of_strings(value: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        repositories(personal=f"auth-command = {value}")
    check_message(error, f"`auth-command` of [publish.tokenindex] in {PERSON} must be a list of strings")


def test_a_secret_and_a_command_contradict_each_other() -> None:
    with pytest.raises(ConfigurationError) as error:
        repositories(personal=f"auth = '{SECRET}'\nauth-command = ['pass']")
    check_message(error, "`auth-command`", "`auth`")


def test_a_token_is_no_user_name() -> None:
    token = make_token(user="x")
    with pytest.raises(ConfigurationError) as error:
        repositories(f"user = '{token}'")
    check_message(error, "`user` of [tool.hatch.publish.tokenindex]", "API token")
    assert token not in str(error.value)


def test_insecure_http() -> None:
    url = "http://packages.example.org/"
    assert chosen(
        repositories(personal=f"[repos.private]\nurl = '{url}'\ninsecure-http = true"), "private"
    ).insecure_http
    assert chosen(repositories(), url, insecure_http=True).insecure_http
    assert not chosen(repositories(f"repos.private = '{url}'", "insecure-http = true"), "private").insecure_http


# What `-r` means


def test_a_configured_name_comes_first() -> None:
    def unread() -> dict[str, str | None]:
        pytest.fail(".pypirc was read")

    for name in ("private", "main", "test", "pypi"):
        configured = repositories(f"repos.private = '{URL}'", f"repos.pypi = '{OTHER_URL}'")
        repository = configured.choose(WithOrigin(name, "--repo"), unread, Layer("this run", Path.cwd(), {}))
        assert (repository.name, repository.pypirc_section) == (name, None)
    assert repository.url == OTHER_URL


def test_then_a_section_of_pypirc() -> None:
    configured = repositories(f"repos.private = '{URL}'")
    repository = chosen(configured, "section", {"section": OTHER_URL})
    assert (repository.name, repository.url, repository.pypirc_section) == ("section", OTHER_URL, "section")
    assert chosen(configured, "pypi", {"pypi": OTHER_URL}).url == OTHER_URL
    assert chosen(configured, "pypi", {"pypi": None}).url == PYPI
    assert chosen(configured, "testpypi", {"testpypi": None}).url == TEST_PYPI


def test_a_section_brings_the_options_of_its_url() -> None:
    configured = repositories(f"[repos.private]\nurl = '{URL}'\njobs = 2")
    repository = chosen(configured, "section", {"section": URL.rstrip("/")})
    assert (repository.name, repository.jobs, repository.pypirc_section) == ("private", 2, "section")


@pytest.mark.parametrize(
    ("spelt", "url"),
    [(URL.rstrip("/"), URL), ("HTTPS://packages.example.org:443/legacy", URL), (PYPI.rstrip("/"), PYPI)],
)
def test_a_section_takes_the_spelling_that_is_configured(spelt: str, url: str) -> None:
    """The URL is the service name in the keyring."""
    assert chosen(repositories(f"repos.private = '{URL}'"), "section", {"section": spelt}).url == url


def test_a_section_without_a_url_is_no_repository() -> None:
    with pytest.raises(ConfigurationError) as error:
        chosen(repositories(), "section", {"section": None})
    check_message(error, "[section]", "~/.pypirc", "`repository`")


def test_then_the_names_that_every_tool_knows() -> None:
    assert chosen(repositories(), "pypi") == Repository("main", PYPI)
    assert chosen(repositories(), "testpypi") == Repository("test", TEST_PYPI)


@pytest.mark.parametrize("url", [OTHER_URL, "http://127.0.0.1:8080/", "HTTPS://Packages.Example.org/a?b=c"])
def test_then_a_url(url: str) -> None:
    configured = repositories(f"repos.private = '{URL}'")
    assert chosen(configured, url) == Repository(url, url)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        URL.rstrip("/"),
        f"{URL}//",
        "HTTPS://packages.example.org/legacy/",
        "https://PACKAGES.example.org/legacy/",
        "https://packages.example.org:443/legacy/",
    ],
)
def test_a_url_that_is_configured_brings_its_options(url: str) -> None:
    configured = repositories(f"[repos.private]\nurl = '{URL}'\nuser = 'ci'\njobs = 2")
    repository = chosen(configured, url)
    assert (repository.name, repository.url, repository.jobs) == ("private", URL, 2)
    assert value_of(repository, "user") == "ci"


@pytest.mark.parametrize("url", [PYPI, PYPI.rstrip("/"), "https://UPLOAD.pypi.org:443/legacy/"])
def test_the_url_of_pypi_is_main(url: str) -> None:
    assert chosen(repositories("[repos.main]\njobs = 2"), url).name == "main"
    assert chosen(repositories("[repos.main]\njobs = 2"), url).jobs == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://packages.example.org/Legacy/",
        "https://packages.example.org/",
        "http://packages.example.org/legacy/",
        "https://packages.example.org:8443/legacy/",
        "https://packages.example.org/legacy/?x",
        "https://packages.example.org.evil.example/legacy/",
    ],
)
def test_another_url_brings_nothing(url: str) -> None:
    repository = chosen(repositories(f"[repos.private]\nurl = '{URL}'\nuser = 'ci'\njobs = 2"), url)
    assert (repository.name, repository.user, repository.jobs) == (url, None, 4)


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("privat", "private"),
        ("Private", "private"),
        ("mian", "main"),
        ("tset", "test"),
        ("sectoin", "section"),
        ("packages.example.org/legacy", None),
        ("localhost:8080", None),
        ("upload.pypi.org/legacy/", None),
        ("C:\\legacy", None),
        ("zzz", None),
    ],
)
def test_a_misspelt_name_is_never_taken_for_a_url(wanted: str, meant: str | None) -> None:
    with pytest.raises(ConfigurationError) as error:
        chosen(repositories(f"repos.private = '{URL}'", f"repos.mirror = '{URL}'"), wanted, {"section": URL})
    check_message(error, repr(wanted), "--repo", "main, test, private, mirror, section", "https://")
    assert ("Did you mean" in str(error.value)) is (meant is not None)
    if meant:
        assert f"Did you mean {meant!r}?" in str(error.value)


def test_a_password_in_a_url_without_scheme_is_not_quoted() -> None:
    with pytest.raises(ConfigurationError) as error:
        chosen(Repositories([]), f"user:{SECRET}/x")
    check_message(error)


def test_a_default_that_is_unknown_names_its_file() -> None:
    with pytest.raises(ConfigurationError) as error:
        chosen(repositories("repo = 'privat'", f"repos.private = '{URL}'"))
    check_message(error, "'privat'", f"`repo` of [tool.hatch.publish.tokenindex] in {project_file()}", "'private'")


# A project's file comes with a clone


def test_a_project_cannot_say_whom_to_trust_for_pypi() -> None:
    for name in ("main", "test"):
        with pytest.raises(ConfigurationError) as error:
            repositories(f"[repos.{name}]\nca-cert = 'x.pem'")
        check_message(error, f"`ca-cert` of [tool.hatch.publish.tokenindex.repos.{name}]", "config.toml")


@pytest.mark.parametrize(
    "url",
    [PYPI, TEST_PYPI, "https://pypi.org/legacy/", "https://UPLOAD.PYPI.ORG./legacy", "https://test.pypi.org:8443/"],
)
def test_nor_by_a_default_or_by_another_name_for_it(url: str) -> None:
    configured = repositories(f"ca-cert = 'x.pem'\n[repos.mine]\nurl = '{url}'\nca-cert = 'y.pem'")
    for wanted in ("main", "test", "mine", url):
        assert chosen(configured, wanted).ca_cert is None
    configured = repositories(f"repos.mine = '{url}'", "ca-cert = 'x.pem'")
    assert chosen(configured, "mine").ca_cert == PERSON.parent / "x.pem"
    assert chosen(configured, "mine", ca_cert=Path("y.pem")).ca_cert == Path.cwd() / "y.pem"


@pytest.mark.parametrize(
    ("wanted", "url"),
    [("section", OTHER_URL), (OTHER_URL, OTHER_URL), ("mirror", OTHER_URL), ("main", PYPI), ("test", TEST_PYPI)],
)
def test_a_default_certificate_of_a_project_is_for_what_its_file_defines(wanted: str, url: str) -> None:
    personal = f"repos.mirror = '{OTHER_URL}'" if wanted == "mirror" else ""
    configured = repositories(f"ca-cert = 'x.pem'\nrepos.private = '{URL}'", personal)
    repository = chosen(configured, wanted, {"section": OTHER_URL})
    assert (repository.url, repository.ca_cert) == (url, None)
    assert repository.warnings == (
        f"`ca-cert` of [tool.hatch.publish.tokenindex] in {project_file()} is not used for {url}; set it in Hatch's config.toml.",
    )

    defined = chosen(configured, "private")
    assert (defined.ca_cert, defined.warnings) == (PROJECT / "x.pem", ())


def test_pypi_is_not_reached_by_way_of_a_projects_certificate(pypi: PyPIStandIn, project: Project, home: Home) -> None:
    make_wheel(project.dist, project.name)
    project.configure(f"[publish.tokenindex]\nca-cert = {json.dumps(str(pypi.ca_file))}\n")
    environment = {**pypi.environment, "HATCH_INDEX_AUTH": make_token(user="x")}
    arguments = ("publish", "-p", "tokenindex", "-o", "retries=0")
    result = invoke_hatch(*arguments, cwd=project.folder, home=home, env=environment)
    assert result.returncode == 1
    assert pypi.server.requests == []

    result = invoke_hatch(*arguments, "--ca-cert", pypi.ca_file, cwd=project.folder, home=home, env=environment)
    assert result.returncode == 0, result.output
    assert len(pypi.server.uploads) == 1


# A secret never crosses files


@dataclass(frozen=True)
class Case:
    """Who gives the URL; at which places a `user` or a secret then counts, and which tables define the repository."""

    name: str
    wanted: str
    counts: set[str]
    project: str = ""
    personal: str = ""
    pypirc: dict[str, str | None] = field(default_factory=dict)


TOP_OF_PROJECT, TABLE_OF_PROJECT = "top of project", "table of project"
TOP_OF_PERSON, TABLE_OF_PERSON = "top of person", "table of person"
PLACES = (TOP_OF_PROJECT, TABLE_OF_PROJECT, TOP_OF_PERSON, TABLE_OF_PERSON)
OF_PROJECT, OF_PERSON = {TOP_OF_PROJECT, TABLE_OF_PROJECT}, {TOP_OF_PERSON, TABLE_OF_PERSON}

DEFINED = f"[repos.private]\nurl = '{URL}'\n"
SPELT_OTHERWISE = "[repos.private]\nurl = 'https://PACKAGES.example.org:443/legacy'\n"
DIFFERENT = f"[repos.private]\nurl = '{OTHER_URL}'\n"

CASES = [
    Case("the project", "private", OF_PROJECT, project=DEFINED),
    Case("config.toml", "private", OF_PERSON, personal=DEFINED),
    Case("both, the same", "private", OF_PROJECT | OF_PERSON, project=DEFINED, personal=DEFINED),
    Case("both, spelt otherwise", "private", OF_PROJECT | OF_PERSON, project=DEFINED, personal=SPELT_OTHERWISE),
    Case("both, different ones", "private", OF_PROJECT, project=DEFINED, personal=DIFFERENT),
    Case(".pypirc", "section", set(), pypirc={"section": URL}),
    Case(".pypirc, and the project", "section", OF_PROJECT, project=DEFINED, pypirc={"section": URL}),
    Case(".pypirc, and config.toml", "section", OF_PERSON, personal=DEFINED, pypirc={"section": URL}),
    Case(".pypirc, another one", "section", set(), project=DIFFERENT, personal=DIFFERENT, pypirc={"section": URL}),
    Case("the command line", URL, set()),
    Case("the command line, and the project", URL, OF_PROJECT, project=DEFINED),
    Case("the command line, and config.toml", URL, OF_PERSON, personal=DEFINED),
    Case("the command line, another one", URL, set(), project=DIFFERENT, personal=DIFFERENT),
    Case("nobody: main", "main", OF_PROJECT | OF_PERSON, project="[repos.main]\n", personal="[repos.main]\n"),
    Case("nobody: main's URL", PYPI, OF_PROJECT | OF_PERSON, project="[repos.main]\n", personal="[repos.main]\n"),
    Case("nobody: test", "test", OF_PROJECT | OF_PERSON, project="[repos.test]\n", personal="[repos.test]\n"),
    Case("the project, PyPI's", "private", OF_PROJECT, project=f"[repos.private]\nurl = '{PYPI}'\n"),
]


def with_value(case: Case, place: str, line: str) -> tuple[str, str] | None:
    """Both files of a case with one more line; `None` where the place doesn't exist."""
    project, personal = case.project, case.personal
    if place == TOP_OF_PROJECT:
        return f"{line}\n{project}", personal
    if place == TOP_OF_PERSON:
        return project, f"{line}\n{personal}"
    if place == TABLE_OF_PROJECT:
        return (f"{project}{line}\n", personal) if project else None
    return (project, f"{personal}{line}\n") if personal else None


@pytest.mark.parametrize("key", ["user", "auth", "auth-command"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_secret_never_crosses_files(case: Case, key: str) -> None:
    value = ["print", "it"] if key == "auth-command" else "it"
    counted = set()
    for place in PLACES:
        texts = with_value(case, place, toml(key, value))
        if texts is None or (key == "auth-command" and place in OF_PROJECT):
            continue
        repository = chosen(repositories(*texts), case.wanted, case.pypirc)
        found: WithOrigin[Any] | None = getattr(repository, key.replace("-", "_"))
        if found is not None:
            counted.add(place)
            table = "publish.tokenindex" if place.startswith("top") else f"publish.tokenindex.repos.{repository.name}"
            path = f"tool.hatch.{table}] in {project_file()}" if place in OF_PROJECT else f"{table}] in {PERSON}"
            assert found.origin == f"`{key}` of [{path}"
    possible = {place for place in PLACES if with_value(case, place, "") is not None}
    assert counted == case.counts & possible - (OF_PROJECT if key == "auth-command" else set())


@pytest.mark.parametrize("key", ["user", "auth"])
def test_of_two_that_count_the_projects_wins(key: str) -> None:
    configured = repositories(f"{DEFINED}{toml(key, 'projects')}", f"{DEFINED}{toml(key, 'persons')}")
    assert value_of(chosen(configured, "private"), key) == "projects"


def test_a_person_is_told_that_two_urls_differ() -> None:
    configured = repositories(DEFINED, f"{DIFFERENT}user = 'ci'\nauth = '{SECRET}'")
    (warning,) = chosen(configured, "private").warnings
    assert str(PERSON) in warning
    assert URL in warning
    assert SECRET not in warning


@pytest.mark.parametrize("case", [case for case in CASES if case.counts & OF_PROJECT], ids=lambda case: case.name)
@pytest.mark.parametrize("place", [TOP_OF_PROJECT, TABLE_OF_PROJECT])
def test_a_secret_in_a_projects_file_warns(case: Case, place: str) -> None:
    texts = with_value(case, place, toml("auth", SECRET))
    assert texts is not None
    warnings = [line for line in chosen(repositories(*texts), case.wanted, case.pypirc).warnings if "commit" in line]
    assert len(warnings) == 1
    assert str(project_file()) in warnings[0]
    assert SECRET not in warnings[0]


@pytest.mark.parametrize("place", [TOP_OF_PERSON, TABLE_OF_PERSON])
def test_a_secret_in_ones_own_file_does_not(place: str) -> None:
    case = Case("config.toml", "private", OF_PERSON, personal=DEFINED)
    texts = with_value(case, place, toml("auth", SECRET))
    assert texts is not None
    assert chosen(repositories(*texts), "private").warnings == ()


# The same through Hatch


def publish(project: Project, home: Home, *arguments: str) -> HatchResult:
    """Publish what is in `dist`, in this process."""
    make_wheel(project.dist, project.name)
    return invoke_hatch("publish", "-p", "tokenindex", *arguments, cwd=project.folder, home=home)


def test_a_clone_gets_no_secret_of_the_person(index: RecordingServer, project: Project, home: Home) -> None:
    home.configure_hatch(f"[publish.tokenindex]\nuser = 'person'\nauth = '{SECRET}'\n")
    project.configure(f"[publish.tokenindex]\nrepo = 'private'\nrepos.private = '{index.upload_url}'\n")
    result = publish(project, home)
    assert result.returncode == 1
    assert index.uploads == []

    project.configure(f"[publish.tokenindex]\nrepo = '{index.upload_url}'\n")
    assert publish(project, home).returncode == 1
    assert index.uploads == []

    home.configure_hatch(f"[publish.tokenindex]\nuser = 'person'\nauth = '{SECRET}'\nrepos.x = '{index.upload_url}'\n")
    assert publish(project, home).returncode == 0
    assert [upload.authorization for upload in index.uploads] == [BasicAuth("person", SECRET)]


def test_a_projects_secret_works_and_warns(index: RecordingServer, project: Project, home: Home) -> None:
    project.configure(f"[publish.tokenindex.repos.private]\nurl = '{index.upload_url}'\nauth = '{SECRET}'\n")
    result = publish(project, home, "-r", "private")
    assert result.returncode == 0, result.output
    assert "`auth` of [publish.tokenindex.repos.private]" in result.stderr
    assert "gets committed" in result.stderr
    assert SECRET not in result.output
    assert [upload.authorization for upload in index.uploads] == [BasicAuth("__token__", SECRET)]


@pytest.mark.parametrize(
    "wrong", ["jobs = 9", f"usr = '{SECRET}'", "repos = 3", "[{table}.repos.x]\nuser = '{secret}'"]
)
def test_messages_name_the_file_that_hatch_read(project: Project, home: Home, wrong: str) -> None:
    pyproject = project.folder / "pyproject.toml"
    minimal = pyproject.read_text(encoding="utf-8")

    def text(table: str) -> str:
        return f"[{table}]\n{wrong.format(table=table, secret=SECRET)}\n"

    pyproject.write_text(f"{minimal}\n{text('tool.hatch.publish.tokenindex')}", encoding="utf-8")
    in_pyproject = publish(project, home)
    project.configure("[envs.default]\n")
    in_pyproject_again = publish(project, home)
    project.configure(text("publish.tokenindex"))
    in_hatch = publish(project, home)
    project.configure("[publish.index]\n")
    in_neither = publish(project, home, "-r", "nowhere")
    home.configure_hatch(text("publish.tokenindex"))
    in_config = publish(project, home)

    for result, table, file in [
        (in_pyproject, "[tool.hatch.publish.tokenindex", "pyproject.toml"),
        (in_pyproject_again, "[tool.hatch.publish.tokenindex", "pyproject.toml"),
        (in_hatch, "[publish.tokenindex", "hatch.toml"),
        (in_config, "[publish.tokenindex", "config.toml"),
    ]:
        assert result.returncode == 1
        assert table in result.output
        assert file in result.output
        assert len(result.output.splitlines()) == 1
        assert SECRET not in result.output
    assert "Unknown repository 'nowhere'" in in_neither.output


@pytest.mark.parametrize("url", ["https://\u2603.example/", "https://xn--a/", "https://256.1.1.1/", "https://a..b/"])
def test_a_host_that_is_no_name(project: Project, home: Home, url: str) -> None:
    result = publish(project, home, "-r", url, "-a", SECRET)
    assert result.returncode == 1
    assert len(result.output.splitlines()) == 1, result.output
    assert "bug in hatch-tokenindex" not in result.output


@pytest.mark.parametrize(
    ("project", "personal", "expected"),
    [
        (f"repos.Main = '{URL}'", "", "repos.Main] in {file} is too similar to `main`"),
        (f"repos.TEST = '{URL}'", "", "repos.TEST] in {file} is too similar to `test`"),
        ("", f"repos.Main = '{URL}'", "repos.Main] in {file} is too similar to `main`"),
        (f"repos.pypi = '{URL}'", "", "repos.pypi] in {file} is too similar to `main`"),
        (f"repos.TestPyPI = '{URL}'", "", "repos.TestPyPI] in {file} is too similar to `test`"),
    ],
)
def test_a_clone_takes_no_name_that_a_person_types_for_pypi(project: str, personal: str, expected: str) -> None:
    """Otherwise it would share the variables of `main`, or `-r pypi` would select it."""
    with pytest.raises(ConfigurationError) as raised:
        repositories(project, personal)
    assert expected.format(file=PROJECT / "pyproject.toml" if project else PERSON) in str(raised.value)


def test_a_person_may_call_a_repository_pypi() -> None:
    assert chosen(repositories("", f"repos.pypi = '{URL}'"), "pypi").url == URL


@pytest.mark.parametrize("name", ["ma\u0131n", "te\u017ft", "b\u00fcro", "\uff4dain"])
def test_a_clone_names_its_repositories_in_ascii(name: str) -> None:
    """Upper case of a dotless i is an I, so the variables of such a name would be those of `main`."""
    with pytest.raises(ConfigurationError, match="has a name that is not ASCII"):
        repositories(f"repos.\"{name}\" = '{URL}'", "")


@pytest.mark.parametrize("name", [URL, URL.upper(), f" {URL}"])
def test_a_clone_names_no_repository_like_a_url(name: str) -> None:
    """Otherwise `-r URL` would publish to another one, with the secret for that URL."""
    with pytest.raises(ConfigurationError, match="has a URL as its name"):
        repositories(f"repos.\"{name}\" = '{OTHER_URL}'", "")
    assert chosen(repositories("", f"repos.\"{name}\" = '{OTHER_URL}'"), name).url == OTHER_URL


@pytest.mark.parametrize("name", ["ma\u0131n", "te\u017ft", "MAIN", "Test"])
@pytest.mark.parametrize("personal", [False, True])
def test_no_name_has_the_variables_of_main_or_test(name: str, *, personal: bool) -> None:
    table = f"repos.\"{name}\" = '{URL}'"
    with pytest.raises(ConfigurationError, match=r"too similar|not ASCII"):
        repositories(*(("", table) if personal else (table, "")))


@pytest.mark.parametrize(("one", "other"), [("a-b", "a_b"), ("a.b", "A-B"), ("b\u00fcro", "b_ro")])
def test_two_names_with_the_same_variables_are_refused(one: str, other: str) -> None:
    with pytest.raises(ConfigurationError, match=f"shares HATCH_INDEX_AUTH_\\w+ with the repository {one!r}"):
        repositories("", f"repos.\"{one}\" = '{URL}'\nrepos.\"{other}\" = '{OTHER_URL}'")
    with pytest.raises(ConfigurationError, match="shares HATCH_INDEX_AUTH_"):
        repositories("repos.x_y = '" + URL + "'", f"repos.x-y = '{OTHER_URL}'")


@pytest.mark.parametrize("name", ["main", "test"])
def test_a_clone_does_not_say_where_the_simple_api_of_pypi_is(name: str) -> None:
    """The `Date` header sets the clock by which tokens are restricted."""
    with pytest.raises(ConfigurationError, match=f"`simple-url` .* can't be set for `{name}` in a project's file"):
        repositories(f"repos.{name}.simple-url = 'https://evil.example.org/simple/'", "")
    assert chosen(repositories("", f"repos.{name}.simple-url = '{URL}'"), name).simple_url == URL


@pytest.mark.parametrize("url", [PYPI, "https://test.pypi.org/other/", "https://upload.pypi.org./legacy/"])
def test_nor_under_another_name_for_it(url: str) -> None:
    table = f"[repos.mine]\nurl = '{url}'\nsimple-url = '{OTHER_URL}'"
    repository = chosen(repositories(table), "mine")
    assert repository.simple_url is None
    assert repository.warnings == (
        f"`simple-url` of [tool.hatch.publish.tokenindex.repos.mine] in {project_file()} is not used for {url}; set it in "
        f"Hatch's config.toml.",
    )
    assert chosen(repositories(personal=table), "mine").simple_url == OTHER_URL
    assert chosen(repositories(table), "mine", simple_url=URL).simple_url == URL


def test_a_clone_says_where_the_simple_api_of_its_index_is() -> None:
    table = f"[repos.mine]\nurl = '{URL}'\nsimple-url = '{OTHER_URL}'"
    assert chosen(repositories(table, f"repos.mine = '{URL}'"), "mine").simple_url == OTHER_URL


def test_a_dot_behind_the_host_makes_no_url_unknown_to_the_user() -> None:
    dotted = URL.replace("example.org/", "example.org./")
    configured = repositories(f"repos.x = {{url = '{dotted}', ca-cert = 'x.pem'}}", f"repos.y = '{URL}'")
    assert chosen(configured, "x").ca_cert is None
