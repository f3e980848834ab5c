"""Make attestations in threads of their own: one certificate for all files of a run, a log entry for each."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, wait
from dataclasses import dataclass
from threading import Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from hatch_tokenindex.attesting import AUDIENCE, instance, signers
from hatch_tokenindex.attesting.services import Exchanges, shown
from hatch_tokenindex.distributions import sha256
from hatch_tokenindex.errors import AttestationError, SourceUnavailableError, TokenIndexError
from hatch_tokenindex.secrets import REDACTOR, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pypi_attestations import Attestation
    from sigstore.sign import Signer

    from hatch_tokenindex.attesting.instance import Instance

USUAL_LIFE = 600
"""Seconds that a certificate of Sigstore is valid."""
RENEWED_AFTER = 2 / 3
"""The part of its life after which a certificate is replaced."""
JOBS = 4
"""Files that are attested at once."""
_LOOK_FOR_INTERRUPT = 0.1
"""Seconds: Windows delivers Ctrl-C only to a thread that isn't waiting."""
# GitLab issues one token per job, which a long job can outlive.
_FIX_TIME = "\nFix: check the clock of this machine, and run the job again"
_OF_ANOTHER_TIME = {
    "ExpiredSignatureError": f"has expired.{_FIX_TIME}",
    "ImmatureSignatureError": f"is not valid yet.{_FIX_TIME}",
}
"""What is wrong with an identity token, by the exceptions of PyJWT, with which `sigstore` reads it."""


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
        self._certified: tuple[Signer, str] | None = None
        self._certified_at = 0.0
        self._life: float = USUAL_LIFE
        self._failures: list[TokenIndexError] = []
        self._lock = Lock()

    def attest(self, path: Path) -> MadeAttestation:
        """Return an attestation of a wheel or sdist (predicate `publish/v1`), logged and verified.

        After a first failure every call fails likewise, without asking again.

        Raises:
            AttestationError: Sigstore or the identity provider failed.
            ConfigurationError: The trust configuration can't be used.
            DistributionError: The file can't be read.
        """
        if self._failures:
            raise self._failures[0]
        digest = sha256(path)
        try:
            with self._lock:
                if self._failures:
                    raise self._failures[0]
                found = self._instance = self._instance or instance.load(self._trust_config, self.exchanges)
                certified = self._certified
                if certified is None or monotonic() - self._certified_at > self._life * RENEWED_AFTER:
                    self._certified_at = monotonic()
                    certified = self._certified = self._certify(found)
            attestation = self._sign(found, *certified, path.name, digest)
        except TokenIndexError as error:
            raise self.fail(error) from None
        self._life = _life_of(attestation)
        index = int(attestation.verification_material.transparency_entries[0]["logIndex"])
        return MadeAttestation(attestation.model_dump_json(), index, found.entry_url(index))

    def fail(self, error: TokenIndexError) -> TokenIndexError:
        """Let every further call fail with this error, or with the one that came first; return the error they fail with."""
        self._failures.append(error)
        return self._failures[0]

    def _certify(self, found: Instance) -> tuple[Signer, str]:
        """Return a new key with a certificate for a fresh identity token, and the token's issuer."""
        from sigstore.oidc import IdentityError, IdentityToken
        from sigstore.sign import Signer

        try:
            identity = self._identify()
        except SourceUnavailableError as error:
            msg = f"No identity token for Sigstore: {error}"
            raise AttestationError(msg) from None
        if reason := signers.reason_refused(identity.claims):
            msg = f"{reason}.\nFix: publish from the workflow that the push, tag or release triggers."
            raise AttestationError(msg)
        for piece in identity.token.reveal().split("."):
            # A service may quote it in pieces: these are masked from now on.
            REDACTOR.learn(Secret(piece))
        try:
            token = IdentityToken(identity.token.reveal(), AUDIENCE)
        except IdentityError as error:
            problem = _OF_ANOTHER_TIME.get(type(error.__cause__).__name__, f"can't be used: {shown(error)}")
            msg = f"The identity token for Sigstore {problem}."
            raise AttestationError(msg) from None
        return self.exchanges.call(found.authority, lambda: Signer(token, found.context)), token.issuer

    def _sign(self, found: Instance, signer: Signer, issuer: str, filename: str, digest: str) -> Attestation:
        """Return an attestation that verifies: an index would refuse the file with one that doesn't."""
        from pypi_attestations import Attestation, Distribution
        from pypi_attestations import AttestationError as LibraryError
        from sigstore.sign import ExpiredCertificate  # type: ignore[attr-defined]
        from sigstore.verify import Verifier, policy

        def sign() -> Attestation:
            try:
                return Attestation.sign(signer, Distribution(name=filename, digest=digest))
            except LibraryError as error:
                what, fix = "issued a certificate that has already expired", "check the clock of this machine."
                expired = isinstance(error.__context__, ExpiredCertificate)
                raise found.authority.failed(what, fix=fix) if expired else error from None

        def verify() -> None:
            verifier = Verifier(trusted_root=found.trusted_root)
            verifier.verify_dsse(attestation.to_bundle(), policy.OIDCIssuerV2(issuer))

        attestation = self.exchanges.call(found.log, sign)
        self.exchanges.call(found.log, verify)
        return attestation


def _life_of(attestation: Attestation) -> float:
    """Return the seconds for which the certificate of an attestation is valid."""
    from cryptography.x509 import load_der_x509_certificate

    certificate = load_der_x509_certificate(attestation.verification_material.certificate)
    return (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds()


class AttestedFiles:
    """The attestations of files, made from `start` on in their order. Any thread may ask for one, and waits for it."""

    def __init__(self, attestor: Attestor, paths: Iterable[Path]) -> None:
        self._attestor = attestor
        self._made: dict[Path, Future[MadeAttestation]] = {path: Future() for path in paths}
        self._waiting = deque(self._made)

    def start(self) -> None:
        """Begin; the threads never keep the process from ending."""
        for number in range(min(JOBS, len(self._waiting))):
            Thread(target=self._work, name=f"attest-{number}", daemon=True).start()

    def of(self, path: Path) -> MadeAttestation | None:
        """Return the attestation of a file, None if it is not among these files.

        Raises:
            AttestationError: It could not be made, or a service did not answer within its time limit.
            TokenIndexError: The file can't be read, or the trust configuration can't be used.
        """
        if path not in self._made:
            return None
        while wait([self._made[path]], _LOOK_FOR_INTERRUPT).not_done:
            if overdue := self._attestor.exchanges.overdue():
                raise self._attestor.fail(overdue)
        return self._made[path].result()

    def wait(self) -> None:
        """Wait until every file is attested. Raises like `of`."""
        for path in self._made:
            self.of(path)

    def stop(self) -> None:
        """Begin no other file: nobody waits for it any more."""
        self._waiting.clear()

    def _work(self) -> None:
        while True:
            try:
                path = self._waiting.popleft()
            except IndexError:
                return
            try:
                self._made[path].set_result(self._attestor.attest(path))
            except BaseException as error:  # noqa: BLE001 - handed to whoever asks
                self._made[path].set_exception(error)
