"""The prompt, as the last source: the user types a user name and a secret, once a run and not once a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.credentials.checks import check_user_name, may_be_for
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential, Prompter
from hatch_tokenindex.credentials.finding import Mode, NoValue, Source, Status
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.tokens import token_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hatch_tokenindex.config.options import Options
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.finding import Finding

PLACE = "prompt"
ATTEMPTS = 3
"""Prompts for a secret before the run gives up."""
_ORIGIN = "the prompt"


class Prompts:
    """Prompts for a user name and a secret, and keeps what was typed for the other projects of the run.

    Used by the main thread alone.
    """

    def __init__(self, prompter: Prompter, repository: Repository) -> None:
        self._prompter = prompter
        self._repository = repository
        self._user: WithOrigin[str] | None = None
        self._typed: list[Credential] = []

    @property
    def were_needed(self) -> bool:
        """Return True if something was typed in this run."""
        return self._user is not None or bool(self._typed)

    def user_name(self) -> WithOrigin[str]:
        """Return the user name; Enter means an API token. A token typed here by mistake is kept as the secret."""
        if self._user is None:
            question = f"User name for {self._repository.index} (press Enter for an API token)"
            answer = self._prompter.ask(question).strip()
            if (token := token_in(answer)) is not None:
                self._prompter.note("You entered an API token as the user name; using it as the secret.")
                self._typed.append(Credential(TOKEN_USER, token, _ORIGIN, typed=True))
                answer = TOKEN_USER
            self._user = WithOrigin(answer or TOKEN_USER, _ORIGIN)
        return self._user

    def credential(
        self, project: str | None, user: str, *, user_given: bool, check: Callable[[Credential], object]
    ) -> Credential:
        """Return a secret that passes `check`: one typed before if it may be for this user and project too.

        For no project, it is a secret for whatever the token is scoped to.

        Raises `CredentialError` after `ATTEMPTS` secrets that can't be used.
        """
        left = ATTEMPTS
        while True:
            fitting = (typed for typed in self._typed if typed.user == user and may_be_for(typed.secret, project))
            typed = next(fitting, None) or self._prompt(project, user, user_given=user_given)
            left -= 1
            try:
                check(typed)
            except CredentialError as error:
                self.forget(typed)
                if not left:
                    raise
                self._prompter.note(f"{error}\nAttempts left: {left}.")
            else:
                return typed

    def _prompt(self, project: str | None, user: str, *, user_given: bool) -> Credential:
        page = self._repository.token_page
        what = "API token" if user == TOKEN_USER else f"Password or token of {user!r}"
        create = f"; create one at {page}" if page else ""
        target = f"{project} on {self._repository.index}" if project else self._repository.index
        question = f"{what} for {target} (input is hidden{create})"
        typed = Credential(user, self._prompter.ask_secret(question), _ORIGIN, typed=True, user_given=user_given)
        self._typed.append(typed)
        return typed

    def note(self, text: str) -> None:
        """Show something worth knowing before a prompt, or while the run waits."""
        self._prompter.note(text)

    def forget(self, refused: Credential) -> None:
        """Don't use again what can't be used."""
        self._typed = [typed for typed in self._typed if typed != refused]


def user_source(options: Options) -> Source[WithOrigin[str]]:
    """Return the source of the user name. It prompts in no mode: the secret's source does, for both."""
    return Source(PLACE, lambda _mode: _without_prompting(options))


def secret_source(
    prompts: Prompts,
    options: Options,
    project: str,
    user: Finding[WithOrigin[str]] | None,
    *,
    user_given: bool,
    notes: Sequence[str],
    check: Callable[[Credential], object],
) -> Source[Credential]:
    """Return the source of the secret, which shows `notes`, and prompts for the user name too if no place gave one."""

    def read(mode: Mode) -> Credential | NoValue:
        if mode is not Mode.PUBLISH or not options.can_prompt:
            return _without_prompting(options)
        for note in notes:
            prompts.note(note)
        name = user.value if user and user.value else check_user_name(prompts.user_name())
        return prompts.credential(project, name.value, user_given=user_given, check=check)

    return Source(PLACE, read)


def _without_prompting(options: Options) -> NoValue:
    if options.can_prompt:
        return NoValue(Status.WOULD_ACT, "would prompt")
    return NoValue(Status.UNAVAILABLE, options.prompt_obstacle)
