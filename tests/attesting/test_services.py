"""Calls to Sigstore's services: what fails is put in words, what passes is repeated, and the public trust root counts."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from attestors import identity_of
from servers import Answer, PyPIStandIn
from sigstore.errors import TUFError
from sigstore.models import ClientTrustConfig
from tuf.api.exceptions import DownloadError, ExpiredMetadataError, SlowRetrievalError, UnsignedMetadataError

from hatch_tokenindex import attesting
from hatch_tokenindex.attesting.attestor import Attestor
from hatch_tokenindex.attesting.instance import load
from hatch_tokenindex.attesting.services import Endpoint, Exchanges
from hatch_tokenindex.errors import AttestationError, DistributionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme
    from servers.oidc import GitHub

LOG = Endpoint("Sigstore's transparency log (Rekor)", "rekor.example", "call somebody.")
TUF = "Sigstore's trust root (TUF)"
STATUS_PAGE = "Fix: try again later; https://status.sigstore.dev shows the state of Sigstore."


def caused_by(cause: BaseException) -> TUFError:
    """The exception that `sigstore` raises when TUF fails."""
    error = TUFError("Failed to refresh TUF metadata")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "text", "calls"),
    [
        (
            requests.exceptions.SSLError("x"),
            "could not prove its identity: rekor.example\n  its TLS certificate could not be verified\nFix: call somebody.",
            1,
        ),
        (
            requests.exceptions.ProxyError("http://me:secret@proxy"),
            "could not be reached: rekor.example\n  the proxy refused or could not be reached\nFix: call somebody.",
            3,
        ),
        (requests.exceptions.ReadTimeout("x"), "timed out: rekor.example\nFix: call somebody.", 3),
        (requests.exceptions.ConnectionError("x"), "could not be reached: rekor.example\nFix: call somebody.", 3),
        (caused_by(SlowRetrievalError()), "timed out: rekor.example\nFix: call somebody.", 3),
        (caused_by(DownloadError()), "could not be reached: rekor.example\nFix: call somebody.", 3),
        (
            caused_by(ExpiredMetadataError()),
            "returned expired metadata: rekor.example\nFix: check the clock of this machine.",
            1,
        ),
        (
            caused_by(UnsignedMetadataError()),
            "returned an unexpected response: rekor.example\n  TUFError\nFix: call somebody.",
            1,
        ),
        (KeyError("x"), "returned an unexpected response: rekor.example\n  KeyError\nFix: call somebody.", 1),
    ],
)
def test_a_failure_is_put_in_words(error: Exception, text: str, calls: int) -> None:
    pauses: list[float] = []
    seen = []

    def work() -> None:
        seen.append(1)
        raise error

    with pytest.raises(AttestationError) as caught:
        Exchanges(pauses.append).call(LOG, work)
    assert str(caught.value) == f"{LOG.name} {text}"
    assert caught.value.__suppress_context__
    assert len(seen) == calls
    assert len(pauses) == calls - 1


def test_an_error_of_our_own_passes_as_it_is() -> None:
    error = DistributionError("x")

    def work() -> None:
        raise error

    with pytest.raises(DistributionError) as caught:
        Exchanges().call(LOG, work)
    assert caught.value is error


@pytest.fixture
def trust_root_host(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PyPIStandIn]:
    """The host of Sigstore's public trust root, for this process, and nothing remembered of it."""
    with PyPIStandIn(authority, tmp_path, hosts=("tuf-repo-cdn.sigstore.dev",)) as stand_in:
        for name, value in {
            **stand_in.environment,
            "SSL_CERT_FILE": str(stand_in.ca_file),
            **dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"), str(tmp_path)),
        }.items():
            monkeypatch.setenv(name, value)
        yield stand_in


@pytest.mark.parametrize(
    ("answer", "what", "pauses"),
    [
        (Answer(404), "refused the request (404)", 0),
        (Answer(503), "failed (503)", 2),
        (Answer(body="<html>"), "returned an unexpected response", 0),
    ],
)
def test_a_trust_root_that_can_not_be_updated_is_named(
    answer: Answer,
    what: str,
    pauses: int,
    trust_root_host: PyPIStandIn,
    github: GitHub,
    wheel: Path,
) -> None:
    # A root that isn't there is the end of the chain of roots, and no failure.
    absent = answer if answer.status == 200 else Answer(404)
    trust_root_host.server.respond = lambda request: absent if "root.json" in request.path else answer
    made: list[float] = []
    attestor = Attestor(None, lambda: identity_of(github.claims), Exchanges(made.append))
    with pytest.raises(AttestationError) as caught:
        attestor.attest(wheel)
    first, *_, last = str(caught.value).split("\n")
    assert first == f"{TUF} {what}: tuf-repo-cdn.sigstore.dev"
    assert last == STATUS_PAGE
    assert len(made) == pauses


def test_a_trust_root_that_can_not_be_reached_is_named(
    trust_root_host: PyPIStandIn, github: GitHub, wheel: Path
) -> None:
    trust_root_host.close()
    attestor = Attestor(None, lambda: identity_of(github.claims), Exchanges(lambda _: None))
    with pytest.raises(AttestationError) as caught:
        attestor.attest(wheel)
    assert str(caught.value) == f"{TUF} could not be reached: tuf-repo-cdn.sigstore.dev\n{STATUS_PAGE}"


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ClientTrustConfig:
    """The public instance as the library brings it along, in place of an update."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    config = ClientTrustConfig.production(offline=True)
    monkeypatch.setattr(ClientTrustConfig, "production", lambda: config)
    return config


def test_the_public_instance_is_that_of_the_library(embedded: ClientTrustConfig) -> None:
    found = load(None, Exchanges())
    assert embedded.force_tlog_version == 1
    assert (found.authority.host, found.log.host) == ("fulcio.sigstore.dev", "rekor.sigstore.dev")
    assert f"Fix: {found.log.fix}" == STATUS_PAGE
    assert found.entry_url(4711) == "https://search.sigstore.dev/?logIndex=4711"


def test_a_public_instance_without_a_log_that_pypi_knows_is_an_error_of_its_own(embedded: ClientTrustConfig) -> None:
    embedded._inner.signing_config.rekor_tlog_urls.clear()  # noqa: SLF001 - it has no other door
    with pytest.raises(AttestationError) as caught:
        load(None, Exchanges())
    assert str(caught.value) == (
        f"{TUF} can't be used: tuf-repo-cdn.sigstore.dev\n"
        "  No valid Rekor transparency log found in signing config\n"
        "Fix: upgrade the package `sigstore`."
    )


@pytest.mark.usefixtures("embedded")
def test_what_the_libraries_log_stays_off_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    load(None, Exchanges())
    logging.getLogger("sigstore.sign").warning("x")
    logging.getLogger("tuf.ngclient").warning("x")
    assert capfd.readouterr() == ("", "")


def test_asking_for_the_extra_imports_nothing_of_it() -> None:
    code = (
        "import sys, hatch_tokenindex.attesting.attestor\n"
        "from hatch_tokenindex import attesting\n"
        "import hatch_tokenindex.attesting.verification\n"
        "assert attesting.is_installed()\n"
        "heavy = {'sigstore', 'pypi_attestations', 'tuf', 'pydantic', 'cryptography', 'requests'}\n"
        "print(heavy & {name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_extra_can_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attesting, "find_spec", lambda name: None if name == "sigstore" else object())
    assert not attesting.is_installed()
