"""The page about tokens: its sample token has the structure shown, and each quoted message is printed verbatim."""

from __future__ import annotations

import base64
import doctest
from typing import TYPE_CHECKING

from api_tokens import make_token
from pages import blocks, codes, rows, section, text_of

from hatch_tokenindex import urls
from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.checks import check_credential
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential
from hatch_tokenindex.credentials.sources.prompt import Prompts
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

NOW = 1_767_225_600
MAIN = Repository("main", urls.PYPI)


class Silent:
    """A stub user: keeps messages, gives a fixed answer."""

    def __init__(self, answer: str = "") -> None:
        self.answer = answer
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)

    def hold_prompts(self, until: Event) -> None:
        """Nothing else reads."""
        raise AssertionError(until)

    def ask(self, question: str) -> str:  # noqa: ARG002
        """The same answer to everything."""
        return self.answer

    def ask_secret(self, question: str) -> Secret:
        """The same answer to everything."""
        return Secret(self.ask(question))


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
    text = section(text_of("tokens.md"), "Checks before an upload")
    notes, errors = blocks(text, "text")
    said = list(said_before_an_upload())
    assert notes.splitlines() == [text for text, goes_on in said if goes_on]
    assert errors.strip("\n").split("\n\n") == [text for text, goes_on in said if not goes_on]


def said_before_an_upload() -> Iterator[tuple[str, bool]]:
    """Yield each message of the page, and True if the run continues after it."""
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
    prompter = Silent(token)
    Prompts(prompter, MAIN).user_name()
    yield prompter.notes[0], True
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
        checked = check_credential(Credential(user, Secret(secret), origin, typed=typed), "my-project", repository, NOW)
    except CredentialError as error:
        return str(error), False
    [note] = checked.notes
    return note, True
