"""Trusted Publishing as a source: a short-lived API token that the index mints for the OIDC identity of a CI job.

https://docs.pypi.org/trusted-publishers/
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from hatch_tokenindex import urls
from hatch_tokenindex.backoff import Backoff
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential, basic
from hatch_tokenindex.credentials.finding import Mode, NoValue, Status
from hatch_tokenindex.credentials.sources import identity, publishers
from hatch_tokenindex.errors import CredentialError, MintingError, SourceUnavailableError, TokenIndexError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.secrets import Secret
    from hatch_tokenindex.tokens import Minted

PLACE = "Trusted Publishing"
ATTEMPTS = 3
BACKOFF = Backoff(first=0.5, longest=1)
BURN_PATIENCE = 0.5
"""Seconds that burning waits for a thread that is minting; with the burning itself, two."""
USUAL_LIFE = 15 * 60
"""Seconds that a minted token lives if its index doesn't say."""
RENEWED_BEFORE = 5 * 60
"""Seconds before its expiry at which a minted token is replaced; the last third of a shorter life."""
FRESH = 60
"""Seconds during which a minted token is as good as a new one."""

_AUDIENCES = {"pypi.org": "pypi", "test.pypi.org": "testpypi"}
_ONLY_ONCE = "issues one identity token per job"
_PROJECT_EXISTS = "invalid-pending-publisher"
_WORTH_ANOTHER_IDENTITY = {_PROJECT_EXISTS, "invalid-reuse-token"}


class Minter(Protocol):
    """The index's endpoints."""

    def audience(self) -> str:
        """Return the audience that an identity token needs."""

    def mint(self, identity: Secret) -> Minted:
        """Return an API token for an identity token."""

    def burn(self, tokens: Iterable[Secret]) -> None:
        """Revoke minted tokens."""


@dataclass(frozen=True)
class _Held:
    """A minted token as a credential, and the Unix times between which it is valid."""

    credential: Credential
    since: float
    until: float

    def suffices(self, now: float, seconds: float) -> bool:
        """Return True if it lasts for an upload of `seconds`, or a new one would last no longer."""
        left = self.until - now
        margin = min(RENEWED_BEFORE, (self.until - self.since) / 3)
        return left > margin + seconds or (left > margin and now - self.since < FRESH)


class TrustedPublishing:
    """Mints a token when one is first needed and again before it expires; revokes every token at the end.

    The main thread finds and burns; upload threads call `renewed`. A lock guards the tokens.
    """

    def __init__(
        self,
        repository: Repository,
        minter: Minter,
        environment: Mapping[str, str],
        now: Callable[[], float],
        mask: Callable[[Secret], None],
    ) -> None:
        """`now` returns Unix time at the index; `mask` hides a secret in the job's log before anything can print it."""
        self._repository = repository
        self._minter = minter
        self._environment = environment
        self._now = now
        self._mask = mask
        self._provider = None if repository.trusted_publishing == "never" else identity.provider(environment)
        self._checked_audience = ""
        self._held: list[_Held] = []
        self._is_over = False
        self._lock = Lock()

    @property
    def planned_action(self) -> str:
        """The action that finding a credential here takes; empty if it is known, without a request, that none can be had."""
        if self._provider is None or self._obstacle(self._provider):
            return ""
        condition = "" if self._repository.site else " if the index supports it"
        return f"would mint a token with the OIDC identity of this {self._provider.name} job{condition}"

    def read(self, project: str, mode: Mode) -> Credential | NoValue | None:
        """Return the answer for `project`: a dry run does everything but requesting an identity and minting.

        The project is only for messages: a token is for every project of its publisher.

        Raises `SourceUnavailableError` if there is no identity or no support, `CredentialError` if the index refuses.
        """
        if self._repository.trusted_publishing == "never":
            return NoValue(Status.IGNORED, "disabled by `trusted-publishing`")
        provider = self._provider
        if provider is None:
            return None
        if mode is Mode.PUBLISH:
            with self._lock:
                if not self._held:
                    self._mint(provider, project)
                return self._held[-1].credential
        obstacle = self._obstacle(provider)
        if mode is Mode.DRY_RUN and not obstacle:
            obstacle = provider.missing(self._environment, self._audience(provider))
        if obstacle:
            return NoValue(Status.UNAVAILABLE, obstacle)
        return NoValue(Status.WOULD_ACT, self.planned_action)

    def renewed(self, credential: Credential, project: str, seconds: float) -> Credential:
        """Return the credential for an upload of `seconds`: a new one if a minted one would expire meanwhile.

        A provider that issues one identity token per job can't be asked again: its token is used until it expires.
        """
        if not credential.minted or self._provider is None or not self._provider.renewable:
            return credential
        with self._lock:
            newest = self._held[-1]
            if not newest.suffices(self._now(), seconds):
                try:
                    self._mint(self._provider, project)
                except TokenIndexError as error:
                    if newest.until <= self._now():
                        msg = f"The Trusted Publishing token has expired and could not be renewed: {error}"
                        raise CredentialError(msg) from None
            return self._held[-1].credential

    @property
    def is_in_job(self) -> bool:
        """True if a CI provider runs this job."""
        return self._provider is not None

    def setup(self, project: str) -> str:
        """Return the steps that let this job publish `project` without a secret; empty if the job isn't what is missing."""
        values = publishers.of_environment(self._environment)
        if self._provider is None or not values or not self._repository.site or not self._obstacle(self._provider):
            return ""
        return publishers.how_to_add(values, project, self._repository)

    def burn(self) -> None:
        """Revoke every minted token; never raises. Waits for a thread that is minting, but not for long."""
        locked = self._lock.acquire(timeout=BURN_PATIENCE)
        self._is_over = True
        held = list(self._held)
        if locked:
            self._lock.release()
        if held:
            self._minter.burn([each.credential.secret for each in held])

    def _obstacle(self, provider: identity.Provider) -> str:
        """Return why nothing can be minted, as far as that is known without a request."""
        if urls.is_disclosing(self._repository.url):
            return "an OIDC identity is never sent over plain http"
        missing = provider.missing(self._environment, _AUDIENCES.get(self._repository.site or ""))
        return missing if self._repository.site or not missing else f"if the index supports it: {missing}"

    def _audience(self, provider: identity.Provider) -> str:
        """Return the audience of the identity token, requesting it from the index once in a run."""
        if self._checked_audience:
            return self._checked_audience
        if obstacle := self._obstacle(provider):
            raise SourceUnavailableError(obstacle)
        audience = self._minter.audience()
        if not _may_be_lent_to(self._repository, audience):
            host = urls.web_origin(self._repository.url)[1]
            msg = (
                f"Refusing {host}'s request for an OIDC token with audience {audience[:100]!a}.\n"
                f"With it, {host} could impersonate this job elsewhere.\n"
                f"Fix: contact the administrator of {host}."
            )
            raise CredentialError(msg)
        self._checked_audience = audience
        return audience

    def _mint(self, provider: identity.Provider, project: str) -> None:
        """Mint a token, with a fresh identity token for each attempt: the index accepts each one once."""
        audience = self._audience(provider)
        attempts, most = 0, ATTEMPTS if provider.renewable else 1
        # PyPI drops a pending publisher with its refusal, and gives the next attempt another reason.
        dropped: MintingError | None = None
        while True:
            attempts += 1
            stated = identity.obtain(provider, audience, self._environment)
            try:
                minted = self._minter.mint(stated.token)
            except MintingError as error:
                dropped = error if error.code == _PROJECT_EXISTS else dropped
                if attempts == most or error.code not in _WORTH_ANOTHER_IDENTITY:
                    text = publishers.explained(error, stated.claims, project, self._repository, dropped)
                    once = "" if provider.renewable else f"\n{provider.name} {_ONLY_ONCE}; run the job again."
                    raise CredentialError(text + once) from None
            except SourceUnavailableError as error:
                # The answer was lost, and the identity token may be used up.
                if attempts == most:
                    once = "" if provider.renewable else f"; {provider.name} {_ONLY_ONCE}"
                    lost = f" after {dropped.code}: {dropped}" if dropped else ""
                    msg = f"{error}{lost}{once}\nRun the job again in a few minutes."
                    raise SourceUnavailableError(msg) from None
                sleep(BACKOFF.pause(attempts - 1))
                if self._is_over:
                    msg = "the run is over"
                    raise SourceUnavailableError(msg) from None
            else:
                break
        publisher = urlencode(publishers.of_claims(stated.claims))
        origin = f"{PLACE} ({provider.name})"
        credential = Credential(TOKEN_USER, minted.token, origin, minted=True, publisher=publisher)
        since = self._now()
        until = since + USUAL_LIFE if minted.expires is None else minted.expires
        self._held.append(_Held(credential, since, until))
        self._mask(credential.secret)
        self._mask(basic(credential))
        if self._is_over:
            self._minter.burn([credential.secret])


def _may_be_lent_to(repository: Repository, audience: str) -> bool:
    """Return True if an identity token for `audience` is of no use anywhere but at this index.

    A list of words that other services use could never be complete, so the audience has to name the index's own host.
    """
    if urls.is_loopback(repository.url):
        return True
    if repository.site is not None:
        return audience == _AUDIENCES[repository.site]
    host = urls.web_origin(repository.url)[1]
    return not {audience, urls.host_of(audience)}.isdisjoint({host, host.removeprefix("upload.")})
