"""Attestations of files are verified, and their signers told."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from attestors import attestor_for, identity_of
from ci_job import GITLAB_CLAIMS
from pypi_attestations import Attestation
from servers.sigstore import FIRST_INDEX, GOOGLE, Sigstore
from sigstore.dsse import DigestSet, StatementBuilder, Subject
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext

from hatch_tokenindex.attesting import signers
from hatch_tokenindex.attesting.instance import load_trusted_root
from hatch_tokenindex.attesting.services import Exchanges
from hatch_tokenindex.attesting.signers import Signer
from hatch_tokenindex.attesting.verification import Verified, verify
from hatch_tokenindex.distributions import sha256
from hatch_tokenindex.errors import AttestationError, DistributionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from servers.oidc import GitHub
    from sigstore.models import TrustedRoot

ON_GITHUB = Signer(signers.GITHUB, "octo-org/sample", "release.yml", "refs/tags/v1.0", "0" * 40)


@pytest.fixture
def attestation(sigstore: Sigstore, github: GitHub, tmp_path: Path, wheel: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(
        attestor_for(sigstore, tmp_path, lambda: identity_of(github.claims)).attest(wheel).text
    )
    return made


@pytest.fixture
def root(sigstore: Sigstore, tmp_path: Path) -> TrustedRoot:
    return load_trusted_root(sigstore.write_trust_config(tmp_path / "root.json"), Exchanges())


def served_nothing(_path: Path) -> None:
    return None


def provenance(*attestations: object, **publisher: object) -> bytes:
    stated = {"kind": "GitHub", "repository": "octo-org/sample", "workflow": "release.yml", **publisher}
    return json.dumps(
        {"version": 1, "attestation_bundles": [{"publisher": stated, "attestations": attestations}]}
    ).encode()


def failure(wheel: Path, root: TrustedRoot, served: bytes | None = None) -> str:
    with pytest.raises(AttestationError) as caught:
        verify(wheel, root, lambda _path: served)
    return str(caught.value)


def test_an_attestation_beside_a_file_tells_who_signed(wheel: Path, attestation: object, root: TrustedRoot) -> None:
    beside = wheel.with_name(f"{wheel.name}.publish.attestation")
    beside.write_text(json.dumps(attestation))
    (found,) = verify(wheel, root, served_nothing)
    assert found == Verified(ON_GITHUB, FIRST_INDEX, beside.name)


def test_an_attestation_that_the_index_serves_tells_who_signed(
    wheel: Path, attestation: object, root: TrustedRoot
) -> None:
    (found,) = verify(wheel, root, lambda _path: provenance(attestation))
    assert found == Verified(ON_GITHUB, FIRST_INDEX, "the index")


@pytest.mark.parametrize(
    ("claims", "publisher", "signer"),
    [
        (
            {**GITLAB_CLAIMS, "sha": "1" * 40},
            {"kind": "GitLab", "repository": "group/sub/sample", "workflow_filepath": ".gitlab-ci.yml"},
            Signer(signers.GITLAB, "group/sub/sample", ".gitlab-ci.yml", "refs/tags/v1.0", "1" * 40),
        ),
        (
            {"iss": GOOGLE, "sub": "4711", "email": "ci@x.iam.example"},
            {"kind": "Google", "email": "ci@x.iam.example"},
            Signer(GOOGLE, email="ci@x.iam.example"),
        ),
    ],
)
def test_signers_of_other_providers_are_told(
    claims: Mapping[str, Any],
    publisher: dict[str, str],
    signer: Signer,
    wheel: Path,
    sigstore: Sigstore,
    tmp_path: Path,
    root: TrustedRoot,
) -> None:
    made = json.loads(attestor_for(sigstore, tmp_path, lambda: identity_of(claims)).attest(wheel).text)
    served = json.dumps({"version": 1, "attestation_bundles": [{"publisher": publisher, "attestations": [made]}]})
    (found,) = verify(wheel, root, lambda _path: served.encode())
    assert found.signer == signer


def test_a_file_with_other_content_does_not_verify(wheel: Path, attestation: object, root: TrustedRoot) -> None:
    wheel.write_bytes(b"another wheel")
    assert failure(wheel, root, provenance(attestation)) == (
        f"The attestation of {wheel.name} does not verify\n"
        "  from: the index\n"
        "  reason: is for a file of this name with other content"
    )


def test_a_renamed_file_does_not_verify(wheel: Path, attestation: object, root: TrustedRoot) -> None:
    renamed = wheel.rename(wheel.with_name("demo-2.0-py3-none-any.whl"))
    assert "  reason: is for demo-1.0-py3-none-any.whl" in failure(renamed, root, provenance(attestation))


@pytest.mark.parametrize(
    "publisher",
    [
        {"repository": "octo-org/other"},
        {"workflow": "other.yml"},
        {"kind": "GitLab", "workflow_filepath": "release.yml"},
    ],
)
def test_an_index_that_names_another_publisher_is_not_believed(
    publisher: dict[str, str], wheel: Path, attestation: object, root: TrustedRoot
) -> None:
    said = failure(wheel, root, provenance(attestation, **publisher))
    assert said.startswith(f"The index and the attestation of {wheel.name} name different publishers\n")


def test_an_attestation_of_another_sigstore_does_not_verify(wheel: Path, attestation: object, tmp_path: Path) -> None:
    with Sigstore() as other:
        root = load_trusted_root(other.write_trust_config(tmp_path / "other.json"), Exchanges())
    assert "  reason: failed to build timestamp certificate chain" in failure(wheel, root, provenance(attestation))


def test_a_changed_statement_does_not_verify(wheel: Path, attestation: dict[str, Any], root: TrustedRoot) -> None:
    statement = base64.b64decode(attestation["envelope"]["statement"]).replace(b"demo-1.0", b"demo-2.0")
    attestation["envelope"]["statement"] = base64.b64encode(statement).decode()
    said = failure(wheel.rename(wheel.with_name("demo-2.0-py3-none-any.whl")), root, provenance(attestation))
    assert "does not verify" in said


@pytest.mark.parametrize(("predicate", "told"), [(b'"https://x.example/y"', "https://x.example/y"), (b"[{}]", "[{}]")])
def test_an_unknown_predicate_does_not_verify(
    predicate: bytes, told: str, wheel: Path, sigstore: Sigstore, github: GitHub, root: TrustedRoot
) -> None:
    config = ClientTrustConfig.from_json(json.dumps(sigstore.trust_config))
    context = SigningContext.from_trust_config(config)
    subject = Subject(name=wheel.name, digest=DigestSet(root={"sha256": sha256(wheel)}))
    statement = StatementBuilder().subjects([subject]).predicate_type("TYPE").build()
    # The library builds no statement whose predicate type isn't text, but others can sign one.
    vars(statement)["_contents"] = vars(statement)["_contents"].replace(b'"TYPE"', predicate)
    with context.signer(IdentityToken(identity_of(github.claims).token.reveal())) as signer:
        bundle = signer.sign_dsse(statement)
    served = json.loads(Attestation.from_bundle(bundle).model_dump_json())
    assert f"  reason: has an unknown predicate type: {told}" in failure(wheel, root, provenance(served))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verification_material", "certificate"), ""),
        (("verification_material", "certificate"), "AAAA"),
        (("verification_material", "transparency_entries"), [{}]),
        (("envelope", "statement"), ""),
        (("envelope", "signature"), ""),
    ],
)
def test_an_attestation_that_is_broken_does_not_verify(
    path: tuple[str, str], value: object, wheel: Path, attestation: dict[str, Any], root: TrustedRoot
) -> None:
    attestation[path[0]][path[1]] = value
    assert failure(wheel, root, provenance(attestation)).startswith(
        f"The attestation of {wheel.name} does not verify\n"
    )


def test_a_file_beside_that_is_no_attestation_is_told(wheel: Path, root: TrustedRoot) -> None:
    beside = wheel.with_name(f"{wheel.name}.publish.attestation")
    beside.write_text("{}")
    assert failure(wheel, root) == f"{beside.name} is not an attestation (PEP 740)"
    beside.unlink()
    beside.mkdir()
    assert failure(wheel, root).startswith(f"{beside.name} can't be read (")


def test_a_file_without_attestation_does_not_verify(wheel: Path, root: TrustedRoot) -> None:
    assert failure(wheel, root) == f"{wheel.name} has no attestation next to it or on the index"
    assert failure(wheel, root, provenance()) == f"The index serves no attestation of {wheel.name}"
    assert failure(wheel, root, b"{}") == f"The provenance of {wheel.name} that the index serves is malformed (PEP 740)"


def test_a_file_that_is_missing_can_not_be_verified(tmp_path: Path, root: TrustedRoot) -> None:
    with pytest.raises(DistributionError):
        verify(tmp_path / "gone-1.0-py3-none-any.whl", root, served_nothing)
