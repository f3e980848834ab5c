"""The prompts at a terminal: when they appear, how often, their wording, and the handling of unusable answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from api_tokens import USER_ID, account_token, make_token, project_token
from hatch_process import needs_terminal

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.checks import check_credential
from hatch_tokenindex.credentials.sources.prompt import Prompts
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from threading import Event

    from hatch_process import HatchTerminal
    from maintainer import Maintainer

    from hatch_tokenindex.credentials.credential import Credential

pytestmark = needs_terminal

PAST = 1_600_000_000
TEST_PYPI = "https://test.pypi.org/legacy/"


def answer(terminal: HatchTerminal, question: str, text: str) -> None:
    """Wait for the question, and for its end, and type."""
    terminal.expect(question)
    terminal.expect(": ")
    terminal.send(text)


# The words


@pytest.mark.parametrize(
    ("repository", "index", "location", "page"),
    [
        ("main", "PyPI", "pypi.org", "https://pypi.org/manage/account/token/"),
        ("test", "TestPyPI", "test.pypi.org", "https://test.pypi.org/manage/account/token/"),
    ],
)
def test_the_prompts_of_pypi(at_pypi: Maintainer, repository: str, index: str, location: str, page: str) -> None:
    at_pypi.build()
    token = account_token(location=location)
    with at_pypi.at_terminal("-r", repository) as terminal:
        answer(terminal, f"User name for {index} (press Enter for an API token)", "")
        answer(
            terminal, f"API token for {at_pypi.project.name} on {index} (input is hidden; create one at {page})", token
        )
        assert terminal.finish() == 0
    assert at_pypi.received == [(at_pypi.project.name, "__token__", "account")]
    assert token not in terminal.screen


def test_the_prompts_of_another_index(at_index: Maintainer) -> None:
    at_index.build()
    with at_index.at_terminal() as terminal:
        answer(terminal, f"User name for {at_index.url} (press Enter for an API token)", "alice")
        answer(terminal, f"Password or token of 'alice' for {at_index.project.name} on {at_index.url}", "correct horse")
        assert terminal.finish() == 0
    assert at_index.received == [(at_index.project.name, "alice", "correct horse")]
    assert "correct horse" not in terminal.screen
    assert "make one at" not in terminal.words


def test_why_it_asks_is_said_before(at_pypi: Maintainer) -> None:
    name = at_pypi.project.name
    at_pypi.home.remember(at_pypi.url, f"pypi_token:project:{name}", project_token("another"))
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        answer(terminal, "User name for PyPI", "")
        assert "Skipped keyring" in terminal.words
        assert "is scoped to another" in terminal.words
        answer(terminal, "API token for", account_token())
        assert terminal.finish() == 0
    assert terminal.words.count("Skipped keyring") == 1


# A token at the user-name prompt


@pytest.mark.parametrize("prefix", ["", "  ", "HATCH_INDEX_AUTH="])
def test_a_token_typed_as_user_name_is_the_secret_and_lands_in_no_file(at_pypi: Maintainer, prefix: str) -> None:
    at_pypi.home.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    at_pypi.build("alpha", "beta")
    token = account_token()
    with at_pypi.at_terminal(HATCH_DEBUG="1") as terminal:
        answer(terminal, "User name for PyPI", f"{prefix}{token}")
        terminal.expect("using it as the secret")
        assert terminal.finish() == 0
    assert at_pypi.received == [("alpha", "__token__", "account"), ("beta", "__token__", "account")]
    assert "input is hidden" not in terminal.words
    # The terminal itself showed what was typed there, once.
    assert terminal.screen.count(token) == 1
    assert at_pypi.files_with(token) == []
    assert at_pypi.files_with("__token__") == [at_pypi.cache_file]


def test_it_is_remembered_as_the_secret_that_it_is(at_pypi: Maintainer) -> None:
    at_pypi.build()
    token = project_token(at_pypi.project.name)
    with at_pypi.at_terminal() as terminal:
        answer(terminal, "User name for PyPI", token)
        assert terminal.finish() == 0
    assert at_pypi.kept == {f"pypi_token:project:{at_pypi.project.name}": token}
    assert at_pypi.files_with(token) == [at_pypi.home.keyring_file]


# How often


def test_a_secret_that_does_not_say_is_asked_for_once_a_run(at_pypi: Maintainer) -> None:
    at_pypi.build("alpha", "beta", "gamma")
    with at_pypi.at_terminal() as terminal:
        answer(terminal, "User name for PyPI", "")
        answer(terminal, "API token for alpha", account_token())
        assert terminal.finish() == 0
    assert [project for project, _, _ in at_pypi.received] == ["alpha", "beta", "gamma"]
    assert terminal.words.count("User name for") == 1
    assert terminal.words.count("input is hidden") == 1


def test_a_token_of_one_project_is_used_for_that_alone(at_pypi: Maintainer) -> None:
    at_pypi.build("alpha", "beta", "gamma")
    with at_pypi.at_terminal() as terminal:
        answer(terminal, "User name for PyPI", "")
        answer(terminal, "API token for alpha", project_token("alpha"))
        answer(terminal, "API token for beta", make_token(projects=["beta", "gamma"], identifier="for-both"))
        assert terminal.finish() == 0
    assert at_pypi.received == [
        ("alpha", "__token__", "for-alpha"),
        ("beta", "__token__", "for-both"),
        ("gamma", "__token__", "for-both"),
    ]
    assert terminal.words.count("User name for") == 1


def test_a_secret_is_not_used_with_another_user_name(at_index: Maintainer) -> None:
    sections = {"alpha": "alice", "beta": "bob"}
    at_index.home.pypirc.write_text(
        "".join(f"[{name}]\nrepository = {at_index.url}\nusername = {user}\n" for name, user in sections.items()),
        encoding="utf-8",
    )
    at_index.build("alpha", "beta")
    with at_index.at_terminal() as terminal:
        answer(terminal, "Password or token of 'alice' for alpha", "alices")
        answer(terminal, "Password or token of 'bob' for beta", "bobs")
        assert terminal.finish() == 0
    assert at_index.received == [("alpha", "alice", "alices"), ("beta", "bob", "bobs")]
    assert at_index.kept == {"alice": "alices", "bob": "bobs"}


def test_nothing_is_asked_where_everything_exists(at_index: Maintainer) -> None:
    at_index.build()
    (wheel,) = at_index.project.dist.iterdir()
    at_index.server.store(wheel.name, wheel.read_bytes())
    with at_index.at_terminal() as terminal:
        assert terminal.finish() == 0
    assert "User name for" not in terminal.words


@pytest.mark.parametrize("option", ["dry-run", "explain"])
def test_a_rehearsal_says_that_it_would_ask(at_index: Maintainer, option: str) -> None:
    at_index.build()
    with at_index.at_terminal("-o", option) as terminal:
        assert terminal.finish() == 0
    assert "would" in terminal.words
    assert "would prompt" in terminal.words
    assert "User name for" not in terminal.words
    assert "input is hidden" not in terminal.words


# What can't be used is said, and asked for again


BAD_ANSWERS = {
    "nothing": ("", "is empty"),
    "spaces": ("   ", "is empty"),
    "another project's": (project_token("another"), "is scoped to another"),
    "another index's": (account_token(location="test.pypi.org"), "You entered a TestPyPI token"),
    "expired": (make_token(user=USER_ID, expires=PAST), "expired on 2020-09-13"),
}


@pytest.mark.parametrize(("bad", "why"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_an_answer_that_can_not_work_is_asked_for_again(at_pypi: Maintainer, bad: str, why: str) -> None:
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        answer(terminal, "User name for PyPI", "")
        answer(terminal, "API token for", bad)
        answer(terminal, "API token for", account_token("good"))
        assert terminal.finish() == 0
    assert why in terminal.words
    assert at_pypi.received == [(at_pypi.project.name, "__token__", "good")]
    assert at_pypi.kept == {"__token__": account_token("good")}


def test_the_third_answer_that_can_not_work_ends_the_run(at_pypi: Maintainer) -> None:
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        answer(terminal, "User name for PyPI", "")
        for _ in range(3):
            answer(terminal, "API token for", project_token("another"))
        assert terminal.finish() == 1
    assert terminal.words.count("is scoped to another") == 3
    assert at_pypi.received == []
    assert at_pypi.kept == {}


def test_a_useless_token_at_the_user_name_prompt_is_asked_for_again(at_pypi: Maintainer) -> None:
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        answer(terminal, "User name for PyPI", project_token("another"))
        answer(terminal, "API token for", account_token())
        assert terminal.finish() == 0
    assert at_pypi.received == [(at_pypi.project.name, "__token__", "account")]


# What was refused is not offered again, and nothing else is forgotten


class Typist:
    """A user who types these secrets, one per prompt."""

    def __init__(self, *secrets: str) -> None:
        self.left = list(secrets)

    def note(self, text: str) -> None:
        """Nobody says anything."""
        raise AssertionError(text)

    def hold_prompts(self, until: Event) -> None:
        """Nothing else reads."""
        raise AssertionError(until)

    def ask(self, question: str) -> str:
        """Nobody asks."""
        raise AssertionError(question)

    def ask_secret(self, question: str) -> Secret:
        """Type the next one."""
        assert self.left, question
        return Secret(self.left.pop(0))


def test_a_refused_secret_that_is_part_of_another_is_alone_forgotten() -> None:
    repository = Repository("private", "https://packages.example.org/legacy/")
    prompts = Prompts(Typist("hunter2-and-more", " hunter2 \n", "another"), repository)

    def typed_for(project: str, user: str) -> Credential:
        check = partial(check_credential, project=project, repository=repository, now=0)
        return prompts.credential(project, user, user_given=False, check=check)

    accepted = typed_for("alpha", "alice")
    refused = typed_for("beta", "bob")
    assert refused.secret == Secret(" hunter2 \n")
    prompts.forget(refused)
    assert typed_for("gamma", "alice") == accepted
    assert typed_for("delta", "bob").secret == Secret("another")


# No answer


@pytest.mark.parametrize("at_secret", [False, True], ids=["at the user name", "at the secret"])
@pytest.mark.parametrize("key", ["Ctrl-C", "Ctrl-D"])
def test_no_answer_ends_the_run(at_pypi: Maintainer, key: str, *, at_secret: bool) -> None:
    at_pypi.build()
    with at_pypi.at_terminal() as terminal:
        if at_secret:
            answer(terminal, "User name for PyPI", "")
            terminal.expect("API token for")
        else:
            terminal.expect("User name for PyPI")
        terminal.expect(": ")
        if key == "Ctrl-C":
            terminal.interrupt_until("Aborted")
        else:
            terminal.end_of_input()
        assert terminal.finish() == 1
    assert "Aborted" in terminal.words
    assert "Traceback" not in terminal.words
    assert at_pypi.received == []
    assert at_pypi.kept == {}
    assert not at_pypi.cache_file.exists()
