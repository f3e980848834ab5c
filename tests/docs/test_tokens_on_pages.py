"""The pages about tokens: the caveats are as listed, and each quoted message is printed verbatim."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from api_tokens import PROJECT_ID, USER_ID, make_token, present
from pages import blocks, codes, rows, section, text_of

from hatch_tokenindex import urls
from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.checks import check_credential
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential
from hatch_tokenindex.credentials.sources.prompt import Prompts
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import Tag, read

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


def test_the_caveats_are_those_of_a_token() -> None:
    listed = rows(section(text_of("security.md"), "What a token contains"))
    token = make_token(
        publisher="2b0e1f5c-57a1-4a51-9d0c-0f6d1c9b7e11",
        projects=["my-project"],
        project_ids=[PROJECT_ID],
        user=USER_ID,
        expires=1_767_226_500,
        not_before=1_767_222_000,
    )
    assert [json.loads(codes(row[0])[0]) for row in listed] == sorted(present(token).caveats)
    assert {tag for tag, *_ in read(Secret(token)).caveats} == set(Tag)


def test_what_is_said_before_an_upload_is_what_the_page_says() -> None:
    text = section(text_of("credentials.md"), "Checks before an upload")
    notes, errors = blocks(text, "text")
    said = list(said_before_an_upload())
    assert notes.splitlines() == [text for text, goes_on in said if goes_on]
    assert errors.splitlines() == [text.partition("\n")[0] for text, goes_on in said if not goes_on]


def said_before_an_upload() -> Iterator[tuple[str, bool]]:
    """Yield each message of the page, and True if the run continues after it."""
    token = make_token(projects=["my-project"])
    private = Repository("private", "https://packages.example.org/legacy/")
    plain = Repository("plain", "http://packages.example.org/legacy/")
    yield said_of(f'HATCH_INDEX_AUTH="{token}"\n')
    yield said_of("a password\n", repository=private, user="alice")
    yield said_of(" ", typed=True)
    yield said_of("first\nsecond")
    yield said_of("\x16")
    yield said_of("caf\udce9")
    yield said_of("my password", typed=True)
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
