"""Trusted Publishing: an API token for a quarter of an hour, minted by the index for the identity of a CI job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from hatch_tokenindex import urls
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential, basic
from hatch_tokenindex.credentials.sources import identity, publishers
from hatch_tokenindex.errors import CredentialError, MintingError, SourceUnavailableError, TokenIndexError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.secrets import Secret
    from hatch_tokenindex.tokens import Minted

PLACE = "Trusted Publishing"
ATTEMPTS = 3
FIRST_PAUSE = 0.5
"""Seconds before an index is asked again that gave no answer; the second pause is twice as long."""
BURN_PATIENCE = 0.5
"""Seconds that burning waits for a thread that is minting: with the burning itself, two."""
USUAL_LIFE = 15 * 60
"""Seconds that a minted token lives whose index doesn't say."""
RENEWED_BEFORE = 5 * 60
"""Seconds before a minted token expires at which another one is minted; of a shorter life, its last third."""
FRESH = 60
"""Seconds for which a minted token is as good as another one would be."""

_AUDIENCES = {"pypi.org": "pypi", "test.pypi.org": "testpypi"}
# Words that others take who trust CI jobs; of an address one can see whose it is.
_TAKEN = {*_AUDIENCES.values(), "sigstore", "vault"}
_WORD = re.compile(r"[\w-]+", re.ASCII)
_ONLY_ONCE = "states an identity only once in a job"
_WORTH_ANOTHER_IDENTITY = {"invalid-pending-publisher", "invalid-reuse-token"}


class Minter(Protocol):
    """The index's side."""

    def audience(self) -> str:
        """For whom an identity token has to be made out."""

    def mint(self, identity: Secret) -> Minted:
        """An API token for an identity token."""

    def burn(self, tokens: Iterable[Secret]) -> None:
        """Make minted tokens worthless."""


@dataclass(frozen=True)
class _Held:
    """A minted token as a credential; from when until when it lives, in unix seconds."""

    credential: Credential
    since: float
    until: float

    def is_worth(self, now: float, seconds: float) -> bool:
        """Whether it will do for an upload that takes so many seconds, or as well as a new one would."""
        left = self.until - now
        margin = min(RENEWED_BEFORE, (self.until - self.since) / 3)
        return left > margin + seconds or (left > margin and now - self.since < FRESH)


class TrustedPublishing:
    """Mints when it is first asked, and again before the token expires. Every minted token is burned at the end."""

    def __init__(
        self,
        repository: Repository,
        minter: Minter,
        environment: Mapping[str, str],
        now: Callable[[], float],
        mask: Callable[[Secret], None],
    ) -> None:
        """`now` answers unix seconds; `mask` hides a secret from the log of the job before anything else can print it."""
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
    def effect(self) -> str:
        """What looking here does beyond reading; empty where it is known, with no request, that nothing can be minted."""
        if self._provider is None or self._obstacle(self._provider):
            return ""
        condition = "" if self._repository.site else ", if the index offers that"
        return f"a token would be minted for the identity that {self._provider.name} states{condition}"

    def rehearse(self) -> None:
        """Do all that leads to a token but asking for an identity and minting. Raises as `credential` does."""
        if self._provider is not None:
            audience = self._audience(self._provider)
            if missing := self._provider.missing(self._environment, audience):
                raise SourceUnavailableError(missing)

    def credential(self, project: str) -> Credential | None:
        """A minted API token; `None` where no provider is marked.

        `project` (normalized, PEP 503) is only for texts: a token is for every project of its publisher. Raises
        `SourceUnavailableError` if there is no identity or no support, `CredentialError` if the index mints none.
        """
        if self._provider is None:
            return None
        with self._lock:
            if not self._held:
                self._mint(self._provider, project)
            return self._held[-1].credential

    def renewed(self, credential: Credential, project: str, seconds: float) -> Credential:
        """The credential for an upload that takes `seconds`: another one if a minted one would expire meanwhile.

        Where the provider states an identity only once, or nothing is minted, what there is goes on being used until it
        expires.
        """
        if not credential.minted or self._provider is None or not self._provider.renewable:
            return credential
        with self._lock:
            newest = self._held[-1]
            if not newest.is_worth(self._now(), seconds):
                try:
                    self._mint(self._provider, project)
                except TokenIndexError as error:
                    if newest.until <= self._now():
                        msg = f"The token of Trusted Publishing has expired, and there is no other: {error}"
                        raise CredentialError(msg) from None
            return self._held[-1].credential

    def setup(self, project: str) -> str:
        """How a job without any secret gets to publish `project`; empty where there is nothing to say about that."""
        values = publishers.of_environment(self._environment)
        if self._provider is None or not values or not self._repository.site:
            return ""
        return publishers.how_to_add(values, project, self._repository)

    def burn(self) -> None:
        """Make every minted token worthless; never raises. A thread that is minting is waited for, but not for long."""
        locked = self._lock.acquire(timeout=BURN_PATIENCE)
        self._is_over = True
        held = list(self._held)
        if locked:
            self._lock.release()
        if held:
            self._minter.burn([each.credential.secret for each in held])

    def _obstacle(self, provider: identity.Provider) -> str:
        """Why nothing can be minted, as far as that is known before anybody is asked."""
        if urls.is_disclosing(self._repository.url):
            return "an identity is never sent over plain http"
        missing = provider.missing(self._environment, _AUDIENCES.get(self._repository.site or ""))
        return missing if self._repository.site or not missing else f"if the index offers it: {missing}"

    def _audience(self, provider: identity.Provider) -> str:
        """For whom an identity token is made out: asked once in a run."""
        if self._checked_audience:
            return self._checked_audience
        if obstacle := self._obstacle(provider):
            raise SourceUnavailableError(obstacle)
        audience = self._minter.audience()
        if not _may_be_lent_to(self._repository, audience):
            host = urls.origin(self._repository.url)[1]
            msg = (
                f"{host} asks for an identity token made out for {audience[:100]!a}, with which it could act elsewhere in "
                f"the name of this job. That is refused: tell whoever runs {host}."
            )
            raise CredentialError(msg)
        self._checked_audience = audience
        return audience

    def _mint(self, provider: identity.Provider, project: str) -> None:
        """Mint a token for a fresh identity token at each attempt, since each is good for one alone."""
        audience = self._audience(provider)
        attempts, pause = ATTEMPTS if provider.renewable else 1, FIRST_PAUSE
        while True:
            attempts -= 1
            stated = identity.obtain(provider, audience, self._environment)
            try:
                minted = self._minter.mint(stated.token)
            except MintingError as error:
                if not attempts or error.code not in _WORTH_ANOTHER_IDENTITY:
                    text = publishers.explained(error, stated.claims, project, self._repository)
                    once = "" if provider.renewable else f"\n{provider.name} {_ONLY_ONCE}: run it again."
                    raise CredentialError(text + once) from None
            except SourceUnavailableError as error:
                # The answer was lost, and may have used up the identity token.
                if not attempts:
                    once = "" if provider.renewable else f"; {provider.name} {_ONLY_ONCE}"
                    msg = f"{error}{once}"
                    raise SourceUnavailableError(msg) from None
                sleep(pause)
                pause *= 2
                if self._is_over:
                    msg = "the run is over"
                    raise SourceUnavailableError(msg) from None
            else:
                self._hold(minted, urlencode(publishers.of_claims(stated.claims)))
                return

    def _hold(self, minted: Minted, publisher: str) -> None:
        credential = Credential(TOKEN_USER, minted.token, PLACE, minted=True, publisher=publisher)
        since = self._now()
        until = since + USUAL_LIFE if minted.expires is None else minted.expires
        self._held.append(_Held(credential, since, until))
        self._mask(minted.token)
        self._mask(basic(credential))
        if self._is_over:
            self._minter.burn([minted.token])


def _may_be_lent_to(repository: Repository, audience: str) -> bool:
    """Whether an identity token for `audience` is good for nothing but this index, which could act elsewhere with it."""
    if urls.is_loopback(repository.url):
        return True
    if repository.site is not None:
        return audience == _AUDIENCES[repository.site]
    if _WORD.fullmatch(audience):
        return audience.lower() not in _TAKEN
    host = urls.origin(repository.url)[1]
    return not {audience, urls.host_of(audience)}.isdisjoint({host, host.removeprefix("upload.")})
