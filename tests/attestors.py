"""Attestors for a Sigstore on loopback, and the check of what they make by the libraries themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pypi_attestations import Attestation
from servers.oidc import signed
from sigstore.models import ClientTrustConfig
from sigstore.verify import Verifier, policy

from hatch_tokenindex.attesting.attestor import Attestor
from hatch_tokenindex.attesting.services import Exchanges
from hatch_tokenindex.credentials.sources.identity import Identity
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from servers.sigstore import Sigstore

FULCIO_CLAIMS = "1.3.6.1.4.1.57264.1"


def identity_of(claims: Mapping[str, Any], audience: str = "sigstore") -> Identity:
    """An identity token as a CI provider issues it."""
    return Identity(Secret(signed(claims, audience)), claims)


def attestor_for(
    sigstore: Sigstore, folder: Path, identify: Callable[[], Identity], pauses: list[float] | None = None
) -> Attestor:
    """An attestor that trusts this Sigstore, and notes its pauses instead of making them."""
    trust_config = sigstore.write_trust_config(folder / "trust.json")
    return Attestor(trust_config, identify, Exchanges((pauses if pauses is not None else []).append))


def verified(text: str, sigstore: Sigstore) -> tuple[dict[str, Any], dict[int, str]]:
    """The statement of an attestation and the claims of its certificate, once `sigstore` itself has verified it."""
    root = ClientTrustConfig.from_json(json.dumps(sigstore.trust_config)).trusted_root
    attestation = Attestation.model_validate_json(text)
    _type, payload = Verifier(trusted_root=root).verify_dsse(
        attestation.to_bundle(), policy.AllOf([_any_issuer(attestation)])
    )
    assert json.loads(payload) == attestation.statement
    claims = {int(oid.rpartition(".")[2]): value for oid, value in attestation.certificate_claims.items()}
    return attestation.statement, claims


def _any_issuer(attestation: Attestation) -> policy.OIDCIssuerV2:
    return policy.OIDCIssuerV2(attestation.certificate_claims[f"{FULCIO_CLAIMS}.8"])
