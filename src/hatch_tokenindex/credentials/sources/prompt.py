"""The last place to look: asking the person at the terminal, once a run and not once a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.credentials.checks import may_be_for
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential, Prompter
from hatch_tokenindex.tokens import token_in

if TYPE_CHECKING:
    from hatch_tokenindex.config.repositories import Repository

ORIGIN = "the prompt"


class Prompts:
    """Asks for a user name and a secret, and keeps what was typed for the other projects of the run."""

    def __init__(self, prompter: Prompter, repository: Repository) -> None:
        self._prompter = prompter
        self._repository = repository
        self._user: WithOrigin[str] | None = None
        self._typed: list[Credential] = []

    def user_name(self) -> WithOrigin[str]:
        """The user name; Enter means an API token. A token typed here by mistake is kept as the secret."""
        if self._user is None:
            answer = self._prompter.ask(
                f"User name for {self._repository.index} (Enter if you have an API token)"
            ).strip()
            if (token := token_in(answer)) is not None:
                self._prompter.note("That is an API token and not a user name: it is used as the secret.")
                self._typed.append(Credential(TOKEN_USER, token, ORIGIN, typed=True))
                answer = TOKEN_USER
            self._user = WithOrigin(answer or TOKEN_USER, ORIGIN)
        return self._user

    def credential(self, project: str, user: str, *, user_given: bool) -> Credential:
        """The secret for a project: one typed before if it may be for this user and project too, else asked for."""
        for typed in self._typed:
            if typed.user == user and may_be_for(typed.secret, project):
                return typed
        return self.ask_again(project, user, user_given=user_given)

    def ask_again(self, project: str, user: str, *, user_given: bool) -> Credential:
        """The secret for a project, asked for in any case."""
        page = self._repository.token_page
        what = "API token" if user == TOKEN_USER else f"Password or token of {user!r}"
        made_at = f"; make one at {page}" if page else ""
        question = f"{what} for {project} on {self._repository.index} (input is hidden{made_at})"
        typed = Credential(user, self._prompter.ask_secret(question), ORIGIN, typed=True, user_given=user_given)
        self._typed.append(typed)
        return typed

    def note(self, text: str) -> None:
        """Say what should be known before a question is answered, or while something is awaited."""
        self._prompter.note(text)

    def forget(self, refused: Credential) -> None:
        """Don't offer again what can't be used."""
        self._typed = [typed for typed in self._typed if typed != refused]
