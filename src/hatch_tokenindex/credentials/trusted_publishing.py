"""Trusted Publishing: an API token for a quarter of an hour, minted by the index for the identity of a CI job."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Protocol

from hatch_tokenindex import urls
from hatch_tokenindex.credentials import identity, publishers
from hatch_tokenindex.credentials.sources import TOKEN_USER, Credential
from hatch_tokenindex.errors import CredentialError, MintingError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hatch_tokenindex.index.minting import Minted
    from hatch_tokenindex.repositories import Repository
    from hatch_tokenindex.tokens import Secret

PLACE = "Trusted Publishing"
ATTEMPTS = 3
RENEWED_BEFORE = 5 * 60
"""Seconds before a minted token expires at which another one is minted."""

_AUDIENCES = {"pypi": "pypi.org", "testpypi": "test.pypi.org"}
# Who else takes identity tokens of CI jobs: signing services and clouds.
_NEVER_AN_INDEX = {"sigstore", "sts.amazonaws.com", "api://AzureADTokenExchange", "vault"}
_WORTH_ANOTHER_IDENTITY = {"invalid-pending-publisher", "invalid-reuse-token"}


class Minter(Protocol):
    """The index's side."""

    def audience(self) -> str:
        """For whom an identity token has to be made out."""

    def mint(self, identity: Secret) -> Minted:
        """An API token for an identity token."""

    def burn(self, token: Secret) -> None:
        """Make a minted token worthless."""


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
        self._provider = identity.provider(environment)
        self._minted: list[Minted] = []
        self._lock = Lock()

    @property
    def effect(self) -> str:
        """What looking here does beyond reading."""
        if self._provider is None or self._repository.trusted_publishing == "never":
            return ""
        return f"a token would be minted for the identity that {self._provider.name} states"

    def credential(self, project: str) -> Credential | None:
        """A minted API token; `None` where no provider is marked.

        `project` (normalized, PEP 503) is only for texts. Raises `SourceUnavailableError` if there is no identity or no
        support, `CredentialError` if the index mints none.
        """
        if self._provider is None or self._repository.trusted_publishing == "never":
            return None
        with self._lock:
            if not self._is_worth(RENEWED_BEFORE):
                self._minted.append(self._mint(self._provider, project))
            return self._newest()

    def renewed(self, credential: Credential, project: str, seconds: float) -> Credential:
        """The credential to use for an upload that takes `seconds`: another one if a minted one would expire meanwhile.

        Where the provider states an identity only once, what there is goes on being used.
        """
        if not credential.minted or self._provider is None or not self._provider.renewable:
            return credential
        with self._lock:
            if not self._is_worth(RENEWED_BEFORE + seconds):
                self._minted.append(self._mint(self._provider, project))
            return self._newest()

    def burn(self) -> None:
        """Make every minted token worthless; never raises."""
        while self._minted:
            self._minter.burn(self._minted.pop().token)

    def _newest(self) -> Credential:
        return Credential(TOKEN_USER, self._minted[-1].token, PLACE, minted=True)

    def _is_worth(self, seconds: float) -> bool:
        if not self._minted:
            return False
        expires = self._minted[-1].expires
        return expires is None or self._now() + seconds < expires

    def _mint(self, provider: identity.Provider, project: str) -> Minted:
        audience = self._minter.audience()
        self._refuse_to_lend(audience)
        attempts = ATTEMPTS if provider.renewable else 1
        while True:
            attempts -= 1
            stated = identity.obtain(provider, audience, self._environment)
            try:
                minted = self._minter.mint(stated.token)
            except MintingError as error:
                if not attempts or error.code not in _WORTH_ANOTHER_IDENTITY:
                    once = "" if provider.renewable else f"\n{provider.name} states an identity only once in a job."
                    text = publishers.explained(error, stated.claims, project, self._repository)
                    raise CredentialError(text + once) from None
            except SourceUnavailableError:
                # The answer was lost, and may have used up the identity token.
                if not attempts:
                    raise
            else:
                self._mask(minted.token)
                return minted

    def _refuse_to_lend(self, audience: str) -> None:
        """An index must not get an identity token that is good for somebody else, or it could act there in our name."""
        host = urls.origin(self._repository.url)[1]
        if urls.is_loopback(self._repository.url):
            return
        belongs_to = _AUDIENCES.get(audience)
        names_another_host = "." in audience and host not in {audience, urls.host_of(audience)}
        if belongs_to == self._repository.site and belongs_to is not None:
            return
        if (
            belongs_to is not None
            or audience in _NEVER_AN_INDEX
            or names_another_host
            or self._repository.site is not None
        ):
            msg = (
                f"{host} asks for an identity token made out for {audience!r}, with which it could act elsewhere in the name "
                f"of this job. That is refused; tell whoever runs {host}."
            )
            raise CredentialError(msg)
