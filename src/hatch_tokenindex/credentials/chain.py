"""The two ordered lists of sources, for the user name and for the secret, and the one walk over them.

The order is the one that Hatch documents (https://hatch.pypa.io/latest/publish/#authentication).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, cast

from hatch_tokenindex.config.repositories import repository_variable
from hatch_tokenindex.credentials.checks import CheckedCredential, check_credential, check_user_name
from hatch_tokenindex.credentials.credential import ANONYMOUS, TOKEN_USER, Credential
from hatch_tokenindex.credentials.finding import Finding, Mode, NoValue, Source, Status, T, U
from hatch_tokenindex.credentials.narrowing import LIFETIME, is_narrowed
from hatch_tokenindex.credentials.sources import (
    client_certificate,
    command,
    command_line,
    environment,
    keyring,
    last_user,
    prompt,
    pypirc,
    tables,
    trusted_publishing,
)
from hatch_tokenindex.errors import CredentialError, SourceUnavailableError, UnfitTokenError
from hatch_tokenindex.tokens import looks_like_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hatch_tokenindex.config.options import Options
    from hatch_tokenindex.config.origin import WithOrigin
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.cache import Cache
    from hatch_tokenindex.secrets import Secret


@dataclass(frozen=True)
class Resolution:
    """The credential of one project, or the action that publishing would take to get one; and what to say about it."""

    checked: CheckedCredential | None
    planned_action: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """The findings of all sources for one project, and the two that decide (None: nothing was found).

    `narrowed_for` is the number of seconds for which the token is restricted before it is sent, 0 if it isn't.
    """

    project: str
    users: tuple[Finding[WithOrigin[str]], ...]
    secrets: tuple[Finding[CheckedCredential], ...]
    user: Finding[WithOrigin[str]] | None
    secret: Finding[CheckedCredential] | None
    narrowed_for: int


@dataclass(frozen=True)
class Chain:
    """Finds the credential of each project for one repository. `now` returns Unix time at the index."""

    options: Options
    repository: Repository
    pypirc: pypirc.Pypirc
    cache: Cache
    keyring: keyring.Keyring
    trusted: trusted_publishing.TrustedPublishing
    prompts: prompt.Prompts
    now: Callable[[], float]

    def user_sources(self, project: str) -> tuple[Source[WithOrigin[str]], ...]:
        """Return the sources of the user name, in the documented order."""
        if self._is_trusted_only:
            return ()
        return (
            command_line.user_source(self.options),
            *environment.user_sources(self.options, self.repository),
            tables.user_source(self.repository),
            pypirc.user_source(self.pypirc, project, self.repository),
            last_user.user_source(self.cache, self.repository),
            prompt.user_source(self.options),
        )

    def secret_sources(
        self, project: str, user: Finding[WithOrigin[str]] | None, notes: Sequence[str] = ()
    ) -> tuple[Source[Credential], ...]:
        """Return the sources of the secret, in the documented order.

        Args:
            project: The project's name, normalized (PEP 503).
            user: The finding of the user name, if any.
            notes: The texts to show before a prompt, read when the prompt is reached.
        """
        trusted = Source(trusted_publishing.PLACE, partial(self._read_trusted, project))
        if self._is_trusted_only:
            return (trusted,)
        name, given = _name(user), _is_given(user)
        may_be_empty = name != TOKEN_USER and self.repository.site is None
        return (
            pypirc.secret_source(self.pypirc, project, self.repository, user),
            command_line.secret_source(self.options, name, may_be_empty=may_be_empty),
            *environment.secret_sources(self.options, self.repository, name),
            tables.secret_source(self.repository, name),
            command.secret_source(self.repository.auth_command, name, lambda: self._printed_secret),
            *keyring.secret_sources(self.keyring, self.cache, self.repository, project, name, user_given=given),
            trusted,
            *client_certificate.secret_sources(
                self.options, self.repository, has_user=user is not None or self.prompts.were_needed
            ),
            *(pypirc.empty_secret_sources(self.pypirc, project, self.repository, user) if may_be_empty else ()),
            prompt.secret_source(
                self.prompts,
                self.options,
                project,
                user,
                user_given=given,
                notes=notes,
                check=partial(self._check, project),
            ),
        )

    def explain(self, project: str) -> Explanation:
        """Return the findings of every source for `project`."""
        users = tuple(_walk(self.user_sources(project), Mode.EXPLAIN, check_user_name))
        user = _first_value(users)
        # A user name that is refused ends the run before any secret is looked for.
        is_refused = user is not None and user.error is not None
        secrets = tuple(self._secrets(project, None if is_refused else user, Mode.EXPLAIN))
        secret = None if is_refused else _first_decisive(secrets)
        if user is None and secret is not None and secret.place == prompt.PLACE:
            user = users[-1]
        checked = None if secret is None else secret.value
        narrowed_for = LIFETIME if checked is not None and is_narrowed(checked, self.repository) else 0
        return Explanation(project, users, secrets, user, secret, narrowed_for)

    def resolve(self, project: str, mode: Mode) -> Resolution:
        """Return the first credential for `project` (normalized, PEP 503) in a dry run or when publishing.

        Raises:
            CredentialError: No source has one and nobody can be prompted, or the first one must not be used.
        """
        user = self._user(project)
        notes: list[str] = []
        seen: list[Finding[CheckedCredential]] = []
        for finding in self._secrets(project, user, mode, notes):
            seen.append(finding)
            if finding.is_decisive:
                break
            if finding.place != prompt.PLACE:
                notes += filter(None, [finding.note])
        decisive = _first_decisive(seen)
        if decisive is None:
            raise CredentialError(self._no_credential(project, user, seen))
        if decisive.error is not None:
            raise decisive.error
        if decisive.place == trusted_publishing.PLACE:
            # A job has no keyring, and doesn't need one.
            notes = [finding.note for finding in seen if finding.status is Status.SKIPPED]
        if decisive.value is not None:
            notes += filter(None, [*decisive.value.notes, self._ignored_for(decisive, user)])
        return Resolution(decisive.value, decisive.detail, tuple(dict.fromkeys(notes)))

    def would_mint(self, project: str) -> bool:
        """Return True if no source before Trusted Publishing has a credential for `project`, and a token would be minted.

        Raises `CredentialError` if a user name must not be used.
        """
        decisive = _first_decisive(self._secrets(project, self._user(project), Mode.EXPLAIN))
        would_mint = (trusted_publishing.PLACE, Status.WOULD_ACT)
        return decisive is not None and (decisive.place, decisive.status) == would_mint

    def renewed(self, checked: CheckedCredential, project: str, seconds: float) -> CheckedCredential:
        """Return the same credential, or another one in place of a minted one that expires within `seconds`."""
        credential = self.trusted.renewed(checked.credential, project, seconds)
        return checked if credential.secret == checked.credential.secret else self._check(project, credential)

    def prompt_again(self, project: str, refused: CheckedCredential) -> CheckedCredential:
        """Return another secret for the same user name, in place of one that the index refused."""
        self.prompts.forget(refused.found)
        user = refused.credential.user or check_user_name(self.prompts.user_name()).value
        check = partial(self._check, project)
        return check(self.prompts.credential(project, user, user_given=_is_given(self._user(project)), check=check))

    def _secrets(
        self, project: str, user: Finding[WithOrigin[str]] | None, mode: Mode, notes: Sequence[str] = ()
    ) -> Iterator[Finding[CheckedCredential]]:
        for finding in _walk(self.secret_sources(project, user, notes), mode, partial(self._check, project)):
            if isinstance(finding.error, CredentialError) and (ignored := self._ignored_for(finding, user)):
                error = type(finding.error)(f"{finding.error}\n{ignored}")
                yield replace(finding, detail=str(error), error=error)
            else:
                yield finding

    def _user(self, project: str) -> Finding[WithOrigin[str]] | None:
        """Return the finding that gives the user name, None if no place but a prompt does."""
        user = _first_value(_walk(self.user_sources(project), Mode.EXPLAIN, check_user_name))
        if user is not None and user.error is not None:
            raise user.error
        return user

    def _check(self, project: str, found: Credential) -> CheckedCredential:
        if found is ANONYMOUS:
            return CheckedCredential(found, found, None)
        try:
            return check_credential(found, project, self.repository, self.now())
        except UnfitTokenError as error:
            if found.keyring_user is None:
                raise
            # It was remembered and not chosen: another source may have a better one.
            raise SourceUnavailableError(str(error)) from None

    def _read_trusted(self, project: str, mode: Mode) -> Credential | NoValue | None:
        if self._is_trusted_only:
            given = (*self._chosen_secrets, self.repository.auth, self.repository.auth_command)
            if secret := next((secret for secret in given if secret and secret.value), None):
                msg = f"{secret.origin} gives a secret, but `trusted-publishing` is `always`.\nFix: remove one of the two."
                raise CredentialError(msg)
        return self.trusted.read(project, mode)

    @property
    def _is_trusted_only(self) -> bool:
        return self.repository.trusted_publishing == "always"

    @cached_property
    def _printed_secret(self) -> Secret:
        """The output of `auth-command`, run once: a password manager may ask to be unlocked each time."""
        program = cast("WithOrigin[tuple[str, ...]]", self.repository.auth_command)
        return command.first_line(program, self.prompts.note if self.options.can_prompt else None)

    @property
    def _chosen_secrets(self) -> tuple[WithOrigin[Secret] | None, ...]:
        """The secrets of flags and environment variables, in order."""
        own = environment.own_secret(self.options, self.repository)
        return self.options.flag_auth, own, self.options.environment_auth

    def _ignored_for(self, winner: Finding[CheckedCredential], user: Finding[WithOrigin[str]] | None) -> str:
        """Return a note if a flag or variable gives a secret that loses to a password of `~/.pypirc`; empty if none does."""
        ignored = [secret for secret in self._chosen_secrets if secret is not None and secret.value]
        if winner.place != pypirc.PLACE or not ignored or user is None or user.value is None:
            return ""
        name, origin = user.value.value, user.value.origin
        return (
            f"Ignoring {' and '.join(secret.origin for secret in ignored)}: the user name comes from {origin}, so the "
            f"password does too. Add `-u {TOKEN_USER if looks_like_token(ignored[0].value.reveal()) else name}` to use "
            f"{ignored[0].origin}."
        )

    def _no_credential(
        self, project: str, user: Finding[WithOrigin[str]] | None, seen: Iterable[Finding[CheckedCredential]]
    ) -> str:
        """Return the error text that lists every source and the one line to add."""
        checked = "\n".join(
            f"  {finding.place}: {finding.reason}".replace("\n", "\n    ")
            for finding in seen
            if finding.place != prompt.PLACE
        )
        setup, index = self.trusted.setup(project), self.repository.index
        if self._is_trusted_only:
            where = f"run this in a job of a CI provider that {index} trusts"
            what = "solve the problem above, and run the job again" if self.trusted.is_in_job else where
            headline = f"No credential for {project} on {index}: `trusted-publishing` is `always`."
            return f"{headline}\n{checked}\n{setup or f'Fix: {what}.'}"
        name = _name(user)
        is_token = name == TOKEN_USER
        has_own = self.repository.has_name and not self.repository.site
        variable = repository_variable("AUTH", self.repository.name) if has_own else "HATCH_INDEX_AUTH"
        lines = (
            f"Cannot prompt for a {'token' if is_token else 'password'} for {project} on {index}: "
            f"{self.options.prompt_obstacle}.",
            "Checked, in order:",
            checked,
            setup,
            f"Fix: set the environment variable {variable} to "
            f"{'an API token' if is_token else f'the password or token of {name!r}'}. "
            f"In GitHub Actions, add below `env:` of the step:",
            f"  {variable}: ${{{{ secrets.{'PYPI_API_TOKEN' if self.repository.site else variable} }}}}",
        )
        return "\n".join(filter(None, lines))


def _walk(sources: Iterable[Source[T]], mode: Mode, check: Callable[[T], U]) -> Iterator[Finding[U]]:
    """Yield the finding of each source, in order.

    This is the one walk over the sources: resolving takes findings until one is decisive, explaining takes them all, and
    `mode` alone decides how far a source goes. A source is read when its finding is requested, not before.
    """
    return (source.find(mode, check) for source in sources)


def _first_decisive(findings: Iterable[Finding[T]]) -> Finding[T] | None:
    return next((finding for finding in findings if finding.is_decisive), None)


def _first_value(users: Iterable[Finding[WithOrigin[str]]]) -> Finding[WithOrigin[str]] | None:
    """Return the first user name that is found or refused: the prompt for it waits until the secret needs one too."""
    return next((user for user in users if user.status in {Status.FOUND, Status.REFUSED}), None)


def _name(user: Finding[WithOrigin[str]] | None) -> str:
    return TOKEN_USER if user is None or user.value is None else user.value.value


def _is_given(user: Finding[WithOrigin[str]] | None) -> bool:
    """Return True if a flag, a variable or a file gives the user name."""
    return user is not None and user.place != last_user.PLACE
