"""The two ordered lists of places, for the user name and for the secret: walked to resolve, and to the end to explain.

The order is the one that Hatch documents (https://hatch.pypa.io/latest/publish/#authentication).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeVar

from hatch_tokenindex.config.options import Options, own_variable_name
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.credentials.checks import CheckedCredential, check_credential, usable_user_name
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential, Source, project_slot
from hatch_tokenindex.credentials.finding import Finding, find_at, first, until_found
from hatch_tokenindex.credentials.narrowing import LIFETIME, is_narrowed
from hatch_tokenindex.credentials.sources import command as commands
from hatch_tokenindex.errors import ConfigurationError, CredentialError, SourceUnavailableError, UnfitTokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.cache import Cache
    from hatch_tokenindex.credentials.sources.keyring import Keyring
    from hatch_tokenindex.credentials.sources.prompt import Prompts
    from hatch_tokenindex.credentials.sources.pypirc import Pypirc
    from hatch_tokenindex.credentials.sources.trusted_publishing import TrustedPublishing
    from hatch_tokenindex.secrets import Secret

T = TypeVar("T")
U = TypeVar("U")

PYPIRC = "~/.pypirc"
CACHE = "Hatch's cache"
PROMPT = "prompt"
ATTEMPTS = 3
"""How often a secret is asked for before a run gives up."""


@dataclass(frozen=True)
class Resolution:
    """The credential of one project, and what to tell about it.

    `judged` is `None` in a rehearsal that would have to act for one; `would` says how.
    """

    checked: CheckedCredential | None
    would: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """Both lists of one project, walked to the end, and the looks that decide (`None`: nothing was found).

    `narrowed_for` is for how many seconds the token that decides is narrowed before it is sent, 0 if it isn't.
    """

    project: str
    users: tuple[Finding[WithOrigin[str]], ...]
    secrets: tuple[Finding[CheckedCredential], ...]
    user: Finding[WithOrigin[str]] | None
    secret: Finding[CheckedCredential] | None
    narrowed_for: int


@dataclass(frozen=True)
class Chain:
    """Finds the credential of each project for one repository. `now` answers unix seconds."""

    options: Options
    repository: Repository
    pypirc: Pypirc
    cache: Cache
    keyring: Keyring
    trusted: TrustedPublishing
    prompts: Prompts
    now: Callable[[], float]

    def users(self, project: str) -> tuple[Source[WithOrigin[str]], ...]:
        """Where a user name can come from, in order."""
        if self._is_trusted_only:
            return ()
        own = own_variable_name("USER", self.repository.name)
        return (
            Source("--user", lambda: self.options.flag_user),
            Source(own, partial(_of, self.options.own_users, own)),
            Source("HATCH_INDEX_USER", lambda: self.options.environment_user),
            Source("repos tables", lambda: self.repository.user),
            Source(PYPIRC, lambda: self.pypirc.user(project, self.repository)),
            Source(CACHE, self._cached_user),
            Source(PROMPT, None),
        )

    def secrets(self, project: str, user: Finding[WithOrigin[str]] | None) -> tuple[Source[Credential], ...]:
        """Where a secret can come from, in order, once it is known where a user name was found, if anywhere."""
        effect = "" if self._contradicting_secret else self.trusted.effect
        trusted = Source(
            "Trusted Publishing",
            partial(self._minted, project),
            effect,
            rehearse=self.trusted.rehearse,
            not_used=_switched_off("trusted-publishing") if self.repository.trusted_publishing == "never" else "",
        )
        if self._is_trusted_only:
            return (trusted,)
        name = _name(user)
        own = own_variable_name("AUTH", self.repository.name)
        command = self.repository.auth_command
        return (
            self._pypirc_password(project, user),
            Source("--auth", partial(_as_credential, self.options.flag_auth, name)),
            Source(own, partial(_as_credential, _of(self.options.own_auths, own), name)),
            Source("HATCH_INDEX_AUTH", partial(_as_credential, self.options.environment_auth, name)),
            Source("repos tables", partial(_as_credential, self.repository.auth, name)),
            Source("auth-command", partial(self._command_output, name), "would be run" if command else ""),
            *self._keyring_slots(project, user),
            trusted,
            Source(PROMPT, None),
        )

    def _keyring_slots(self, project: str, user: Finding[WithOrigin[str]] | None) -> Iterator[Source[Credential]]:
        if not self.repository.keyring:
            yield Source("keyring", _nothing, not_used=_switched_off("keyring"))
            return
        name, is_given = _name(user), _is_given(user)
        service, slot = self.repository.url, project_slot(project)
        if name == TOKEN_USER or not is_given:
            yield Source(f"keyring: {slot}", lambda: self.keyring.remembered(service, slot, TOKEN_USER))
        yield Source(f"keyring: {name}", lambda: self.keyring.remembered(service, name, name))
        if not is_given:
            yield Source("keyring: any user", lambda: self.keyring.offered(service))

    def resolve(self, project: str, *, for_real: bool) -> Resolution:
        """The first credential for `project` (normalized, PEP 503).

        A rehearsal, which is not `for_real`, neither asks nor mints. Raises `CredentialError` if nobody can answer, or if
        what was found must not be used.
        """
        notes: list[str] = []
        user = first(_walk_users(self.users(project)), notes)
        looks = list(until_found(self._walk_secrets(project, user, for_real=for_real)))
        found = first(looks, notes)
        checked = None if found is None else found.answer
        would = next((look.effect for look in looks if look.effect), "")
        if checked is None and not would:
            if not self.options.can_prompt or self._is_trusted_only:
                raise CredentialError(self._nowhere(project, user, looks))
            would = "a person would be asked"
            if for_real:
                for note in notes:
                    self.prompts.note(note)
                name = _name(user) if user else usable_user_name(self.prompts.user_name()).value
                checked = self._asked(project, name)
        if checked is not None:
            notes += checked.notes
            if found is not None and found.place == PYPIRC:
                notes += self._losers_to(checked.credential)
        return Resolution(checked, would, tuple(dict.fromkeys(notes)))

    def would_mint(self, project: str) -> bool:
        """Whether no place before Trusted Publishing has a credential for `project`, and a token would be minted."""
        user = first(_walk_users(self.users(project)), [])
        sources = self.secrets(project, user)
        before = takewhile(lambda source: source.rehearse is None, sources)
        looks = (find_at(source, source.look, partial(self._check, project)) for source in before if source.look)
        mints = any(source.rehearse is not None and source.effect for source in sources)
        return mints and not any(look.ends_the_search for look in looks)

    def renewed(self, checked: CheckedCredential, project: str, seconds: float) -> CheckedCredential:
        """The same credential, or for a minted one that would expire within the next `seconds` another one."""
        credential = self.trusted.renewed(checked.credential, project, seconds)
        return checked if credential.secret == checked.credential.secret else self._check(project, credential)

    def ask_again(self, project: str, refused: CheckedCredential) -> CheckedCredential:
        """Another secret in place of one that the index refused, for the same user name."""
        self.prompts.forget(refused.found)
        return self._asked(project, refused.credential.user)

    def explain(self, project: str) -> Explanation:
        """What each place holds for `project`, and which ones decide; nothing is asked, run or stored."""
        users = tuple(self._rehearse(self.users(project), usable_user_name))
        user = next((look for look in users if look.ends_the_search and not look.asks), None)
        named = None if user is None or user.answer is None else user
        secrets = tuple(self._rehearse(self.secrets(project, named), partial(self._check, project)))
        is_stopped = user is not None and user.error is not None
        secret = None if is_stopped else next((look for look in secrets if look.ends_the_search), None)
        if user is None and secret is not None and secret.asks:
            user = users[-1]
        checked = None if secret is None else secret.answer
        narrowed_for = LIFETIME if checked is not None and is_narrowed(checked, self.repository) else 0
        return Explanation(project, users, secrets, user, secret, narrowed_for)

    def _rehearse(self, sources: Iterable[Source[U]], checked: Callable[[U], T]) -> Iterator[Finding[T]]:
        for source in sources:
            if source.look is None:
                effect = "would ask" if self.options.can_prompt else ""
                yield Finding(source.place, unavailable=self.options.no_prompt_because, effect=effect, asks=True)
            elif source.effect:
                yield Finding(source.place, effect=source.effect)
            else:
                yield find_at(source, source.look, checked)

    def _walk_secrets(self, project: str, user: Finding[WithOrigin[str]] | None, *, for_real: bool) -> Iterator[Finding[CheckedCredential]]:
        for source in self.secrets(project, user):
            if source.rehearse is not None and source.effect and not for_real:
                look: Finding[CheckedCredential] = find_at(source, source.rehearse, partial(self._check, project))
                yield look if look.unavailable or look.error else replace(look, effect=source.effect)
            elif source.look is not None:
                yield find_at(source, source.look, partial(self._check, project))

    def _asked(self, project: str, user: str) -> CheckedCredential:
        """What a person types, who may correct it: a secret that can't be used is not taken for an answer."""
        left, given = ATTEMPTS, _is_given(first(_walk_users(self.users(project)), []))
        while True:
            typed, left = self.prompts.credential(project, user, user_given=given), left - 1
            try:
                return self._check(project, typed)
            except CredentialError as error:
                if not left:
                    raise
                self.prompts.note(f"{error} Attempts left: {left}.")
                self.prompts.forget(typed)

    def _command_output(self, user: str) -> Credential | None:
        given = self._command_secret
        return None if given is None else Credential(user, given.value, given.origin)

    @cached_property
    def _command_secret(self) -> WithOrigin[Secret] | None:
        """Run once, however many projects there are: a password manager may want to be unlocked each time."""
        command, tell = self.repository.auth_command, self.prompts.note if self.options.can_prompt else None
        return None if command is None else WithOrigin(commands.first_line(command, tell), command.origin)

    @property
    def _chosen_secrets(self) -> tuple[WithOrigin[Secret] | None, ...]:
        """What flags and variables give, in order."""
        own = _of(self.options.own_auths, own_variable_name("AUTH", self.repository.name))
        return self.options.flag_auth, own, self.options.environment_auth

    @property
    def _is_trusted_only(self) -> bool:
        return self.repository.trusted_publishing == "always"

    def _minted(self, project: str) -> Credential | None:
        """A token of Trusted Publishing. Where that is the only source, a secret in any other place contradicts it."""
        if self._contradicting_secret:
            msg = (
                f"{self._contradicting_secret} gives a secret, but `trusted-publishing` is `always`, which allows no other "
                f"source: remove one of the two."
            )
            raise CredentialError(msg)
        return self.trusted.credential(project)

    @property
    def _contradicting_secret(self) -> str:
        """Where a secret is given although Trusted Publishing is the only source; empty if nowhere."""
        if not self._is_trusted_only:
            return ""
        given: tuple[WithOrigin[Any] | None, ...] = (
            *self._chosen_secrets,
            self.repository.auth,
            self.repository.auth_command,
        )
        return next((secret.origin for secret in given if secret is not None and secret.value), "")

    def _check(self, project: str, found: Credential) -> CheckedCredential:
        try:
            return check_credential(found, project, self.repository, self.now())
        except UnfitTokenError as error:
            if found.slot is None:
                raise
            # It was remembered and not chosen: another place may have a better one.
            raise SourceUnavailableError(str(error)) from None

    def _cached_user(self) -> WithOrigin[str] | None:
        user = self.cache.read().user(self.repository.url)
        return WithOrigin(user, CACHE) if user else None

    def _pypirc_password(self, project: str, user: Finding[WithOrigin[str]] | None) -> Source[Credential]:
        if user is None or user.place == PYPIRC:
            return Source(PYPIRC, partial(self._pypirc_secret, project))
        try:
            is_there = self._pypirc_secret(project) is not None
        except ConfigurationError:
            # Where the file doesn't count, it stops nothing.
            is_there = False
        not_used = f"a password that is not used: the user name came from {user.place}"
        return Source(PYPIRC, _nothing, not_used=not_used if is_there else "")

    def _pypirc_secret(self, project: str) -> Credential | None:
        section = self.pypirc.section(project, self.repository)
        return None if section is None else section.credential

    def _losers_to(self, winner: Credential) -> Iterator[str]:
        """What to tell where a flag or variable gives a secret that loses to a password of `~/.pypirc`."""
        losers = [given.origin for given in self._chosen_secrets if given is not None and given.value]
        if losers:
            yield (
                f"{' and '.join(losers)} {'is' if len(losers) == 1 else 'are'} not used: the user name came from "
                f"{winner.origin}, and so does the password. With `-u {winner.user}` the one from {losers[0]} wins."
            )

    def _nowhere(self, project: str, user: Finding[WithOrigin[str]] | None, looks: Iterable[Finding[CheckedCredential]]) -> str:
        held = ((look.place, look.unavailable or look.passed_over or look.not_used or "nothing") for look in looks)
        places = "\n".join(f"  {place}: {why}".replace("\n", "\n    ") for place, why in held)
        setup = self.trusted.setup(project)
        if self._is_trusted_only:
            return (
                f"No secret was found for {project} on {self.repository.index}: `trusted-publishing` is `always`, and "
                f"there is none.\n{places}\n{setup or 'Run this in a job of a CI provider that the index trusts.'}"
            )
        return (
            f"No secret was found for {project} on {self.repository.index}, and nobody can be asked: "
            f"{self.options.no_prompt_because}.\nThese places were looked at, in this order:\n{places}\n"
            f"{self._line_to_add(_name(user))}" + (f"\n{setup}" if setup else "")
        )

    def _line_to_add(self, user: str) -> str:
        what = "an API token" if user == TOKEN_USER else f"the password or token of {user!r}"
        variable = "HATCH_INDEX_AUTH" if self.repository.site else own_variable_name("AUTH", self.repository.name)
        secret = "PYPI_API_TOKEN" if self.repository.site else variable
        return (
            f"Set the variable {variable} to {what}; in GitHub Actions by this line below `env:` of the step:\n"
            f"  {variable}: ${{{{ secrets.{secret} }}}}"
        )


def _walk_users(sources: Iterable[Source[WithOrigin[str]]]) -> Iterator[Finding[WithOrigin[str]]]:
    for source in sources:
        if source.look is not None:
            yield find_at(source, source.look, usable_user_name)


def _name(user: Finding[WithOrigin[str]] | None) -> str:
    """The user name that was found; that of an API token if none was."""
    return TOKEN_USER if user is None or user.answer is None else user.answer.value


def _is_given(user: Finding[WithOrigin[str]] | None) -> bool:
    """Whether a flag, a variable or a file gives the user name."""
    return user is not None and user.place != CACHE


def _nothing() -> None:
    return None


def _switched_off(key: str) -> str:
    return f"switched off by `{key}`"


def _of(variables: Mapping[str, T], name: str) -> WithOrigin[T] | None:
    return WithOrigin(variables[name], name) if name in variables else None


def _as_credential(given: WithOrigin[Secret] | None, user: str) -> Credential | None:
    if given is None:
        return None
    if not given.value:
        msg = (
            f"{given.origin} is set but empty. In CI that is what a missing secret looks like: check the secret's name, and "
            f"that this job may read it (a pull request from a fork may not)."
        )
        raise CredentialError(msg)
    return Credential(user, given.value, given.origin)
