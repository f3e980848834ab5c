"""`hatch-tokenindex verify`: the signer of a file, or why it can't be determined."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from attestors import attestor_for, identity_of
from hatch_in_process import invoke_tokenindex
from servers import Answer
from servers.sigstore import FIRST_INDEX

from hatch_tokenindex import cli

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_process import HatchResult, Home
    from servers import PyPIStandIn, Request
    from servers.oidc import GitHub
    from servers.sigstore import Sigstore

SIGNER = f"octo-org/sample, workflow release.yml, commit {'0' * 40}, ref refs/tags/v1.0"


@pytest.fixture
def attestation(wheel: Path, sigstore: Sigstore, github: GitHub, tmp_path: Path) -> str:
    """An attestation of the wheel; the trust in its Sigstore is in `trust.json`."""
    return attestor_for(sigstore, tmp_path, lambda: identity_of(github.claims)).attest(wheel).text


@pytest.fixture
def provenance(attestation: str) -> str:
    """The provenance object that PyPI serves for it."""
    publisher = {"kind": "GitHub", "repository": "octo-org/sample", "workflow": "release.yml"}
    bundle = {"publisher": publisher, "attestations": [json.loads(attestation)]}
    return json.dumps({"version": 1, "attestation_bundles": [bundle]})


def verify(wheel: Path, home: Home, *arguments: str, **variables: str) -> HatchResult:
    trust = ("--trust-config", str(wheel.with_name("trust.json")))
    return invoke_tokenindex("verify", *trust, *arguments, wheel.name, cwd=wheel.parent, home=home, env=variables)


@pytest.fixture
def asked(pypi: PyPIStandIn, home: Home) -> list[Request]:
    """PyPI's requests; its certificate is trusted."""
    home.configure_hatch(
        "".join(
            f"[publish.tokenindex.repos.{name}]\nca-cert = {json.dumps(str(pypi.ca_file))}\n"
            for name in ("main", "test")
        )
    )
    return pypi.server.requests


def test_an_attestation_beside_a_file_is_verified(wheel: Path, attestation: str, home: Home) -> None:
    beside = wheel.with_name(f"{wheel.name}.publish.attestation")
    beside.write_text(attestation)
    result = verify(wheel, home)
    assert result.returncode == 0, result.output
    assert result.stdout == f"{wheel.name}: verified ({beside.name}, log index {FIRST_INDEX})\n  signed by {SIGNER}\n"


@pytest.mark.parametrize(("options", "host"), [((), "pypi.org"), (("-r", "test"), "test.pypi.org")])
def test_an_attestation_that_the_index_serves_is_verified(
    options: tuple[str, ...],
    host: str,
    wheel: Path,
    provenance: str,
    home: Home,
    pypi: PyPIStandIn,
    asked: list[Request],
) -> None:
    pypi.server.respond = lambda _request: Answer(body=provenance)
    result = verify(wheel, home, *options, **pypi.environment)
    assert result.returncode == 0, result.output
    assert result.stdout == f"{wheel.name}: verified (the index, log index {FIRST_INDEX})\n  signed by {SIGNER}\n"
    (request,) = asked
    assert request.path == f"/integrity/demo/1.0/{wheel.name}/provenance"
    assert (request.headers["Host"], request.headers["Accept"]) == (host, "application/vnd.pypi.integrity.v1+json")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(404), "demo-1.0-py3-none-any.whl has no attestation next to it or on the index"),
        (Answer(403), "Could not get the attestations of demo-1.0-py3-none-any.whl from pypi.org: HTTP 403"),
        (Answer(body="[]"), "The provenance of demo-1.0-py3-none-any.whl that the index serves is malformed (PEP 740)"),
    ],
)
@pytest.mark.usefixtures("asked", "attestation")
def test_what_the_index_does_not_serve_is_told(
    answer: Answer, said: str, wheel: Path, home: Home, pypi: PyPIStandIn
) -> None:
    pypi.server.respond = lambda _request: answer
    result = verify(wheel, home, **pypi.environment)
    assert result.returncode == 1
    assert result.stderr == f"{said}\n"


@pytest.mark.usefixtures("asked", "attestation")
def test_an_index_that_can_not_be_reached_is_told(wheel: Path, home: Home, pypi: PyPIStandIn) -> None:
    pypi.close()
    result = verify(wheel, home, **pypi.environment)
    assert result.returncode == 1
    assert (
        "Could not get the attestations of demo-1.0-py3-none-any.whl from pypi.org: connection failed ("
        in result.stderr
    )


def test_every_file_is_told_of(wheel: Path, attestation: str, home: Home) -> None:
    wheel.with_name(f"{wheel.name}.publish.attestation").write_text(attestation)
    other = wheel.with_name("demo-2.0-py3-none-any.whl")
    other.write_bytes(b"another wheel")
    home.configure_hatch("[publish.tokenindex]\nrepo = 'x'\n[publish.tokenindex.repos.x]\nurl = 'https://x.example/'\n")
    result = verify(wheel, home, other.name)
    assert result.returncode == 1
    assert f"{wheel.name}: verified" in result.stdout
    assert result.stderr == f"{other.name} has no attestation next to it or on the index\n"


@pytest.mark.usefixtures("asked", "attestation")
def test_a_name_that_no_distribution_has_is_told(wheel: Path, home: Home) -> None:
    odd = wheel.with_name("notes.txt")
    odd.write_text("x")
    result = invoke_tokenindex("verify", "--trust-config", "trust.json", odd.name, cwd=odd.parent, home=home)
    assert result.returncode == 1
    assert result.stderr == "notes.txt does not have the name of a wheel or an sdist\n"


def test_without_the_extra_it_says_how_to_install_it(wheel: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "is_installed", lambda: False)
    result = verify(wheel, home)
    assert result.returncode == 1
    assert result.stderr == (
        "Can't verify attestations: the extra `attestations` is not installed.\n"
        'Fix: install it into the environment of Hatch, with pip: python -m pip install "hatch-tokenindex[attestations]"\n'
    )
