"""Verify the attestations of files, and tell who signed them."""

from __future__ import annotations

from dataclasses import dataclass
from glob import escape
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.attesting import signers
from hatch_tokenindex.attesting.services import shown, silence_libraries
from hatch_tokenindex.distributions.files import ATTESTATION_SUFFIX, sha256
from hatch_tokenindex.errors import AttestationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pypi_attestations import Attestation
    from sigstore.models import TrustedRoot

    from hatch_tokenindex.attesting.signers import Signer

_LARGEST = 2**20
"""Bytes of an attestation; a real one has some five thousand."""
_ISSUERS = {"GitHub": signers.GITHUB, "GitLab": signers.GITLAB, "Google": signers.GOOGLE}


@dataclass(frozen=True)
class Verified:
    """An attestation that verifies."""

    signer: Signer
    predicate: str
    """Its predicate type, a URL."""
    log_index: int
    source: str
    """The name of the file that holds it, or `the index`."""


def verify(path: Path, trusted_root: TrustedRoot, provenance: Callable[[Path], bytes | None]) -> tuple[Verified, ...]:
    """Verify the attestations beside a file, or where there are none, those that the index serves.

    Args:
        path: A wheel or sdist.
        trusted_root: The keys and certificates to trust.
        provenance: Returns the provenance object (PEP 740) that the index serves for a file; None if it has none.

    Returns:
        The attestations, at least one.

    Raises:
        AttestationError: One does not verify, or there is none.
        DistributionError: The file can't be read.
    """
    digest = sha256(path)
    if beside := sorted(path.parent.glob(f"{escape(path.name)}.*{ATTESTATION_SUFFIX}")):
        return tuple(
            _verified(_parsed(_content(file), file.name), path.name, digest, file.name, trusted_root) for file in beside
        )
    served = provenance(path)
    if served is None:
        msg = f"{path.name} has no attestation next to it or on the index"
        raise AttestationError(msg)
    return tuple(_of_provenance(served, path.name, digest, trusted_root))


def _of_provenance(served: bytes, filename: str, digest: str, trusted_root: TrustedRoot) -> Iterator[Verified]:
    """Yield the attestations that the index serves; each must be signed by the publisher that it names."""
    from pydantic import ValidationError
    from pypi_attestations import Provenance

    source = "the index"
    try:
        bundles = Provenance.model_validate_json(served).attestation_bundles
    except ValidationError:
        msg = f"The provenance of {filename} that the index serves is malformed (PEP 740)"
        raise AttestationError(msg) from None
    found = False
    for bundle in bundles:
        for attestation in bundle.attestations:
            found = True
            verified = _verified(attestation, filename, digest, source, trusted_root)
            if (stated := _of_publisher(bundle.publisher)) != _publisher_part(verified.signer):
                msg = (
                    f"The index and the attestation of {filename} name different publishers\n"
                    f"  index: {', '.join(map(shown, filter(None, stated)))}\n"
                    f"  attestation: {verified.signer.description}"
                )
                raise AttestationError(msg)
            yield verified
    if not found:
        msg = f"The index serves no attestation of {filename}"
        raise AttestationError(msg)


def _verified(attestation: Attestation, filename: str, digest: str, source: str, trusted_root: TrustedRoot) -> Verified:
    from pypi_attestations import AttestationError as LibraryError
    from pypi_attestations import AttestationType
    from sigstore.errors import Error
    from sigstore.verify import Verifier, policy

    silence_libraries()
    try:
        signer = signers.of_certificate(attestation.certificate_claims, _email(attestation))
        # The signer is what the caller shows: any issuer that the certificate authority accepts will do.
        Verifier(trusted_root=trusted_root).verify_dsse(attestation.to_bundle(), policy.OIDCIssuerV2(signer.issuer))
        statement = attestation.statement
        (subject,) = statement["subject"]
        name, attested, predicate = subject["name"], subject["digest"]["sha256"], statement["predicateType"]
        index = int(attestation.verification_material.transparency_entries[0]["logIndex"])
    except (LibraryError, Error) as error:
        raise _does_not_verify(filename, source, shown(error)) from None
    except Exception as error:  # noqa: BLE001 - the libraries let exceptions of many others through
        raise _does_not_verify(filename, source, f"malformed ({type(error).__name__})") from None
    if name != filename:
        raise _does_not_verify(filename, source, f"is for {shown(name)}")
    if attested != digest:
        raise _does_not_verify(filename, source, "is for a file of this name with other content")
    if predicate not in {kind.value for kind in AttestationType}:
        raise _does_not_verify(filename, source, f"has an unknown predicate type: {shown(predicate)}")
    return Verified(signer, predicate, index, source)


def _does_not_verify(filename: str, source: str, why: str) -> AttestationError:
    return AttestationError(f"The attestation of {filename} does not verify\n  from: {source}\n  reason: {why}")


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        msg = f"{path.name} can't be read ({error.strerror})"
        raise AttestationError(msg) from None


def _parsed(content: bytes, name: str) -> Attestation:
    from pydantic import ValidationError
    from pypi_attestations import Attestation

    try:
        return Attestation.model_validate_json(content)
    except ValidationError:
        msg = f"{name} is not an attestation (PEP 740)"
        raise AttestationError(msg) from None


def _email(attestation: Attestation) -> str:
    """Return the email address that a certificate is for; empty if there is none."""
    from cryptography import x509

    certificate = x509.load_der_x509_certificate(attestation.verification_material.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return next(iter(names.get_values_for_type(x509.RFC822Name)), "")


def _of_publisher(publisher: Any) -> tuple[str, str, str, str]:
    """Return issuer, repository, workflow and email address of the Trusted Publisher that an index names."""
    workflow = getattr(publisher, "workflow", None) or getattr(publisher, "workflow_filepath", None) or ""
    issuer = _ISSUERS.get(publisher.kind, f"unknown CI provider {publisher.kind}")
    return issuer, getattr(publisher, "repository", ""), workflow, getattr(publisher, "email", "")


def _publisher_part(signer: Signer) -> tuple[str, str, str, str]:
    return signer.issuer, signer.repository, signer.workflow, signer.email
