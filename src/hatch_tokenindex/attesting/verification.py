"""Verify the attestations of files, and tell who signed them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.attesting import signers
from hatch_tokenindex.attesting.services import shown
from hatch_tokenindex.attesting.signers import Signer
from hatch_tokenindex.distributions import attestations_of, sha256
from hatch_tokenindex.distributions.attestations import LARGEST_ATTESTATION
from hatch_tokenindex.errors import AttestationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pypi_attestations import Attestation
    from sigstore.models import TrustedRoot

_ISSUERS = {"GitHub": signers.GITHUB, "GitLab": signers.GITLAB, "Google": signers.GOOGLE}


@dataclass(frozen=True)
class Verified:
    """An attestation that verifies."""

    signer: Signer
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
    verified = partial(_verified, path.name, sha256(path), trusted_root)
    if beside := attestations_of(path):
        return tuple(verified(_read(file), file.name) for file in beside)
    served = provenance(path)
    if served is None:
        msg = f"{path.name} has no attestation next to it or on the index"
        raise AttestationError(msg)
    return tuple(_of_provenance(served, path.name, verified))


def _of_provenance(
    served: bytes, filename: str, verified: Callable[[Attestation, str], Verified]
) -> Iterator[Verified]:
    """Yield the attestations that the index serves; each must be signed by the publisher that it names."""
    from pypi_attestations import Provenance

    try:
        bundles = Provenance.model_validate_json(served).attestation_bundles
    except ValueError:
        msg = f"The provenance of {filename} that the index serves is malformed (PEP 740)"
        raise AttestationError(msg) from None
    if not any(bundle.attestations for bundle in bundles):
        msg = f"The index serves no attestation of {filename}"
        raise AttestationError(msg)
    for bundle in bundles:
        stated = _of_publisher(bundle.publisher)
        for attestation in bundle.attestations:
            found = verified(attestation, "the index")
            if stated != replace(found.signer, ref="", commit=""):
                msg = (
                    f"The index and the attestation of {filename} name different publishers\n"
                    f"  index: {shown(stated.issuer)}, {stated.description}\n"
                    f"  attestation: {shown(found.signer.issuer)}, {found.signer.description}"
                )
                raise AttestationError(msg)
            yield found


def _verified(filename: str, digest: str, trusted_root: TrustedRoot, attestation: Attestation, source: str) -> Verified:
    from pypi_attestations import AttestationError as LibraryError
    from pypi_attestations import AttestationType
    from sigstore.errors import Error
    from sigstore.verify import Verifier, policy

    try:
        signer = signers.of_certificate(attestation.certificate_claims, _email(attestation))
        # The signer is what the caller shows: any issuer that the certificate authority accepts will do.
        Verifier(trusted_root=trusted_root).verify_dsse(attestation.to_bundle(), policy.OIDCIssuerV2(signer.issuer))
        statement = attestation.statement
        (subject,) = statement["subject"]
        name, attested, predicate = subject["name"], subject["digest"]["sha256"], str(statement["predicateType"])
        index = int(attestation.verification_material.transparency_entries[0]["logIndex"])
    except (LibraryError, Error) as error:
        reason = shown(error)
    except Exception as error:  # noqa: BLE001 - the libraries let exceptions of many others through
        reason = f"malformed ({type(error).__name__})"
    else:
        if name != filename:
            reason = f"is for {shown(name)}"
        elif attested != digest:
            reason = "is for a file of this name with other content"
        elif predicate not in {kind.value for kind in AttestationType}:
            reason = f"has an unknown predicate type: {shown(predicate)}"
        else:
            return Verified(signer, index, source)
    msg = f"The attestation of {filename} does not verify\n  from: {source}\n  reason: {reason}"
    raise AttestationError(msg)


def _read(path: Path) -> Attestation:
    from pypi_attestations import Attestation

    try:
        with path.open("rb") as file:
            return Attestation.model_validate_json(file.read(LARGEST_ATTESTATION))
    except OSError as error:
        msg = f"{path.name} can't be read ({error.strerror})"
    except ValueError:
        msg = f"{path.name} is not an attestation (PEP 740)"
    raise AttestationError(msg)


def _email(attestation: Attestation) -> str:
    """Return the email address that a certificate is for; empty if there is none."""
    from cryptography import x509

    certificate = x509.load_der_x509_certificate(attestation.verification_material.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return next(iter(names.get_values_for_type(x509.RFC822Name)), "")


def _of_publisher(publisher: Any) -> Signer:
    """Return the Trusted Publisher that an index names."""
    return Signer(
        _ISSUERS.get(publisher.kind, f"unknown CI provider {publisher.kind}"),
        getattr(publisher, "repository", ""),
        getattr(publisher, "workflow", None) or getattr(publisher, "workflow_filepath", None) or "",
        email=getattr(publisher, "email", ""),
    )
