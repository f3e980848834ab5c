"""Make attestations: one certificate for all files of a run, a log entry for each."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Protocol

from hatch_tokenindex.attesting import AUDIENCE, instance, signers
from hatch_tokenindex.attesting.services import Exchanges, shown
from hatch_tokenindex.distributions import sha256
from hatch_tokenindex.errors import AttestationError, SourceUnavailableError, TokenIndexError
from hatch_tokenindex.secrets import RUN, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pypi_attestations import Attestation
    from sigstore.oidc import IdentityToken
    from sigstore.sign import Signer

    from hatch_tokenindex.attesting.instance import Instance
USUAL_LIFE = 600
"""Seconds that a certificate of Sigstore is valid."""
RENEWED_BEFORE = 120
"""Seconds before its expiry at which a certificate is replaced; the last third of a shorter life."""
LEEWAY = 5
"""Seconds by which this machine's clock may differ from that of the CI provider; `sigstore` has the same."""


class Identity(Protocol):
    """An identity token (OIDC) and its claims."""

    @property
    def token(self) -> Secret:
        """The token."""

    @property
    def claims(self) -> Mapping[str, Any]:
        """Its claims."""


@dataclass(frozen=True)
class MadeAttestation:
    """An attestation of one file."""

    text: str
    """The attestation object (PEP 740) as JSON on one line."""
    log_index: int
    log_url: str
    """The page of its entry in the transparency log."""


@dataclass(frozen=True)
class _Certified:
    """A key with its certificate, and the identity that it is for."""

    signer: Signer
    issuer: str
    asked_at: float
    """`monotonic` time of the request."""


class Attestor:
    """Attests files for one job. Any thread may use it; a lock guards the certificate.

    Its first use loads the libraries and the trust root, and obtains an identity token and a certificate.
    """

    def __init__(
        self, trust_config: Path | None, identify: Callable[[], Identity], exchanges: Exchanges | None = None
    ) -> None:
        """`identify` returns an identity token for the audience `sigstore`, or raises `SourceUnavailableError`."""
        self.exchanges = exchanges or Exchanges()
        self._trust_config = trust_config
        self._identify = identify
        self._instance: Instance | None = None
        self._certified: _Certified | None = None
        self._life: float = USUAL_LIFE
        self._signer = signers.Signer()
        self._failure: TokenIndexError | None = None
        self._lock = Lock()

    @property
    def signer(self) -> signers.Signer:
        """The job as its identity token names it; empty before the first certificate."""
        return self._signer

    def attest(self, path: Path) -> MadeAttestation:
        """Return an attestation of a wheel or sdist (predicate `publish/v1`), logged and verified.

        After a first failure every call fails likewise, without asking again.

        Raises:
            AttestationError: Sigstore or the identity provider failed.
            ConfigurationError: The trust configuration can't be used.
            DistributionError: The file can't be read.
        """
        if self._failure is not None:
            raise self._failure
        digest = sha256(path)
        try:
            return self._attest(path.name, digest)
        except TokenIndexError as error:
            self.fail(error)
            raise

    def fail(self, error: TokenIndexError) -> None:
        """Let every further call fail with this error."""
        self._failure = self._failure or error

    def _attest(self, filename: str, digest: str) -> MadeAttestation:
        with self._lock:
            found = self._instance = self._instance or instance.load(self._trust_config, self.exchanges)
            if self._failure is not None:
                raise self._failure
            certified = self._certified
            if certified is None or monotonic() - certified.asked_at > self._life - min(RENEWED_BEFORE, self._life / 3):
                certified = self._certified = self._certify(found)
        attestation = self._sign(found, certified, filename, digest)
        self._life = _life_of(attestation)
        index = int(attestation.verification_material.transparency_entries[0]["logIndex"])
        return MadeAttestation(attestation.model_dump_json(), index, found.entry_url(index))

    def _certify(self, found: Instance) -> _Certified:
        """Return a new key with a certificate for a fresh identity token."""
        from sigstore.sign import Signer

        identity = self._identity()
        token, asked_at = _usable(identity), monotonic()
        signer = self.exchanges.call(found.authority, lambda: Signer(token, found.context))
        self._signer = signers.of_identity(identity.claims)
        return _Certified(signer, token.issuer, asked_at)

    def _identity(self) -> Identity:
        """Return an identity token that Sigstore and PyPI can use."""
        try:
            identity = self._identify()
        except SourceUnavailableError as error:
            msg = f"No identity token for Sigstore: {error}"
            raise AttestationError(msg) from None
        if reason := signers.reason_refused(identity.claims):
            msg = f"{reason}.\nFix: publish from the workflow that the push, tag or release triggers."
            raise AttestationError(msg)
        if problem := _problem_with_times(identity.claims, time()):
            msg = f"The identity token for Sigstore {problem}.\nFix: check the clock of this machine, and run the job again."
            raise AttestationError(msg)
        return identity

    def _sign(self, found: Instance, certified: _Certified, filename: str, digest: str) -> Attestation:
        """Return an attestation that verifies: an index would refuse the file with one that doesn't."""
        from pypi_attestations import Attestation, Distribution
        from pypi_attestations import AttestationError as LibraryError
        from sigstore.sign import ExpiredCertificate  # type: ignore[attr-defined]
        from sigstore.verify import Verifier, policy

        def sign() -> Attestation:
            try:
                return Attestation.sign(certified.signer, Distribution(name=filename, digest=digest))
            except LibraryError as error:
                what, fix = "issued a certificate that has already expired", "check the clock of this machine."
                expired = isinstance(error.__context__, ExpiredCertificate)
                raise found.authority.failed(what, fix=fix) if expired else error from None

        def verify() -> None:
            verifier, issuer = Verifier(trusted_root=found.trusted_root), policy.OIDCIssuerV2(certified.issuer)
            verifier.verify_dsse(attestation.to_bundle(), issuer)

        attestation = self.exchanges.call(found.log, sign)
        self.exchanges.call(found.log, verify)
        return attestation


def _usable(identity: Identity) -> IdentityToken:
    from sigstore.oidc import IdentityError, IdentityToken

    for piece in identity.token.reveal().split("."):
        # A service may quote it in pieces: these are masked from now on.
        RUN.learn(Secret(piece))
    try:
        return IdentityToken(identity.token.reveal(), AUDIENCE)
    except IdentityError as error:
        msg = f"The identity token for Sigstore can't be used: {shown(error)}."
        raise AttestationError(msg) from None


def _problem_with_times(claims: Mapping[str, Any], now: float) -> str:
    """Return why an identity token isn't valid now; empty if it is, or doesn't say."""
    begin = max((claims[name] for name in ("iat", "nbf") if isinstance(claims.get(name), (int, float))), default=None)
    end = claims.get("exp")
    if begin is not None and now < begin - LEEWAY:
        return f"is not valid yet: it begins in {begin - now:.0f} s, according to this machine's clock"
    if isinstance(end, (int, float)) and now >= end:
        return f"has expired: it ended {now - end:.0f} s ago by the clock of this machine"
    return ""


def _life_of(attestation: Attestation) -> float:
    """Return the seconds for which the certificate of an attestation is valid."""
    from cryptography.x509 import load_der_x509_certificate

    certificate = load_der_x509_certificate(attestation.verification_material.certificate)
    return (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds()
