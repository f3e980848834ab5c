"""Attestations are made with one certificate, verify, and fail in words that name the service."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import TYPE_CHECKING, Any

import pytest
from attestors import attestor_for, identity_of, verified
from ci_job import GITLAB_CLAIMS
from servers import Answer, Fault, RecordingServer
from servers.sigstore import FIRST_INDEX, GOOGLE

from hatch_tokenindex.attesting import attestor as attestor_module
from hatch_tokenindex.attesting import services
from hatch_tokenindex.attesting.attestor import AttestedFiles, Attestor
from hatch_tokenindex.errors import AttestationError, ConfigurationError, DistributionError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from servers.oidc import GitHub
    from servers.sigstore import Sigstore

    from hatch_tokenindex.credentials.sources.identity import Identity

PUBLISH = "https://docs.pypi.org/attestations/publish/v1"


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def attestor(sigstore: Sigstore, github: GitHub, tmp_path: Path, pauses: list[float]) -> Attestor:
    return attestor_for(sigstore, tmp_path, lambda: identity_of(github.claims), pauses)


def failure(attestor: Attestor, wheel: Path) -> str:
    with pytest.raises(AttestationError) as caught:
        attestor.attest(wheel)
    return str(caught.value)


def test_an_attestation_verifies_and_names_the_job(
    attestor: Attestor, wheel: Path, sigstore: Sigstore, github: GitHub
) -> None:
    made = attestor.attest(wheel)
    statement, claims = verified(made.text, sigstore)
    assert statement["subject"] == [{"name": wheel.name, "digest": {"sha256": hashlib.sha256(b"a wheel").hexdigest()}}]
    assert statement["predicateType"] == PUBLISH
    assert claims == {
        8: "https://token.actions.githubusercontent.com",
        9: "https://github.com/octo-org/sample/.github/workflows/release.yml@refs/tags/v1.0",
        12: "https://github.com/octo-org/sample",
        13: github.claims["sha"],
        14: "refs/tags/v1.0",
        16: "https://github.com/octo-org",
        17: "4711",
        18: "https://github.com/octo-org/sample/.github/workflows/release.yml@refs/tags/v1.0",
        20: "release",
    }
    assert "\n" not in made.text


def test_the_entry_in_the_log_is_told(attestor: Attestor, wheel: Path, sigstore: Sigstore) -> None:
    made = attestor.attest(wheel)
    assert made.log_index == FIRST_INDEX
    assert made.log_url == f"{sigstore.rekor.url}api/v1/log/entries?logIndex={FIRST_INDEX}"
    assert len(sigstore.entries) == 1


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        (
            {**GITLAB_CLAIMS, "sha": "1" * 40},
            {12: "https://gitlab.com/group/sub/sample", 13: "1" * 40, 14: "refs/tags/v1.0"},
        ),
        ({"iss": GOOGLE, "sub": "4711", "email": "ci@x.iam.example"}, {8: GOOGLE}),
    ],
)
def test_jobs_of_other_providers_attest(
    claims: Mapping[str, Any], expected: Mapping[int, str], sigstore: Sigstore, tmp_path: Path, wheel: Path
) -> None:
    made = attestor_for(sigstore, tmp_path, lambda: identity_of(claims)).attest(wheel)
    assert expected.items() <= verified(made.text, sigstore)[1].items()


def test_one_certificate_does_for_all_files_of_all_threads(
    attestor: Attestor, tmp_path: Path, sigstore: Sigstore
) -> None:
    files = [tmp_path / f"demo-1.{number}-py3-none-any.whl" for number in range(25)]
    for file in files:
        file.write_text(file.name)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(attestor.attest, files))
    assert len(sigstore.issued) == 1
    for file, attestation in zip(files, made, strict=True):
        assert verified(attestation.text, sigstore)[0]["subject"][0]["name"] == file.name
    assert sorted(each.log_index for each in made) == list(range(FIRST_INDEX, FIRST_INDEX + 25))


def test_a_certificate_is_renewed_with_a_fresh_identity_before_it_expires(
    attestor: Attestor, wheel: Path, sigstore: Sigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    elapsed = [0.0]
    monkeypatch.setattr(attestor_module, "monotonic", lambda: elapsed[0])
    for elapsed[0] in (0, 399, 401, 800):
        attestor.attest(wheel)
    assert len(sigstore.issued) == 2
    assert len(set(sigstore.tokens)) == 2


def test_a_shorter_life_of_certificates_counts(
    attestor: Attestor, wheel: Path, sigstore: Sigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    elapsed = [0.0]
    monkeypatch.setattr(attestor_module, "monotonic", lambda: elapsed[0])
    sigstore.certificate_life = 60
    for elapsed[0] in (0, 39, 41):
        attestor.attest(wheel)
    assert len(sigstore.issued) == 2


def test_a_certificate_that_has_expired_by_this_clock_is_no_riddle(
    attestor: Attestor, wheel: Path, sigstore: Sigstore
) -> None:
    sigstore.seconds_ahead = -700
    assert failure(attestor, wheel) == (
        "Sigstore's certificate authority (Fulcio) issued a certificate that has already expired: 127.0.0.1\n"
        "Fix: check the clock of this machine."
    )
    assert sigstore.entries == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"iat": 100, "nbf": 100}, "is not valid yet"),
        ({"iat": 100}, "is not valid yet"),
        ({"exp": -7}, "has expired"),
    ],
)
def test_an_identity_of_another_time_goes_nowhere(
    changed: dict[str, int], problem: str, sigstore: Sigstore, github: GitHub, tmp_path: Path, wheel: Path
) -> None:
    now = int(time())
    claims = {**github.claims, **{name: now + seconds for name, seconds in changed.items()}}
    assert failure(attestor_for(sigstore, tmp_path, lambda: identity_of(claims)), wheel) == (
        f"The identity token for Sigstore {problem}.\nFix: check the clock of this machine, and run the job again."
    )
    assert sigstore.tokens == []


def test_an_identity_without_the_claims_that_matter_goes_nowhere(
    sigstore: Sigstore, tmp_path: Path, wheel: Path
) -> None:
    said = failure(attestor_for(sigstore, tmp_path, lambda: identity_of({"iss": "https://x.example"})), wheel)
    assert said == "The identity token for Sigstore can't be used: Identity token is malformed or missing claims."
    assert sigstore.tokens == []


def test_a_missing_identity_is_told_with_the_lines_to_add(sigstore: Sigstore, tmp_path: Path, wheel: Path) -> None:
    def identify() -> Identity:
        msg = "the job has no identity token in SIGSTORE_ID_TOKEN\nAdd to the job:\nid_tokens:"
        raise SourceUnavailableError(msg)

    assert failure(attestor_for(sigstore, tmp_path, identify), wheel) == (
        "No identity token for Sigstore: the job has no identity token in SIGSTORE_ID_TOKEN\nAdd to the job:\nid_tokens:"
    )


@pytest.mark.parametrize("changed", [{"event_name": "pull_request_target"}, {"job_workflow_ref": "a/b/c.yml@main"}])
def test_what_pypi_refuses_is_not_attested(
    changed: dict[str, str], sigstore: Sigstore, github: GitHub, tmp_path: Path, wheel: Path
) -> None:
    said = failure(attestor_for(sigstore, tmp_path, lambda: identity_of({**github.claims, **changed})), wheel)
    assert said.startswith("PyPI refuses attestations of ")
    assert sigstore.tokens == []


FULCIO = "Sigstore's certificate authority (Fulcio)"
REKOR = "Sigstore's transparency log (Rekor)"
ADMINISTRATOR = "Fix: contact the administrator of 127.0.0.1."


@pytest.mark.parametrize(
    ("answer", "headline", "details", "attempts"),
    [
        (Answer(503), "failed (503)", "", 3),
        (Answer(429, headers={"Retry-After": "7"}), "received too many requests (429)", "", 3),
        (Answer(429, headers={"Retry-After": "11"}), "received too many requests (429)", "", 1),
        (
            Answer(400, body={"code": 3, "message": "no \x1b[1mgood"}),
            "refused the request (400)",
            "  no good\n",
            1,
        ),
        (Answer(403, body="<html>"), "refused the request (403)", "", 1),
        (Answer(403, body="[]"), "refused the request (403)", "", 1),
        (Answer(201, body="<html>"), "returned an unexpected response", "  not JSON\n", 1),
        (Answer(201, body={}), "returned an unexpected response", "  *\n", 1),
        (Answer(fault=Fault.RESET_BEFORE_BODY), "could not be reached", "", 3),
        (Answer(fault=Fault.LOSE_ANSWER), "could not be reached", "", 3),
    ],
)
@pytest.mark.parametrize("service", [FULCIO, REKOR])
def test_each_failure_of_each_service_is_told(
    service: str,
    answer: Answer,
    headline: str,
    details: str,
    attempts: int,
    attestor: Attestor,
    wheel: Path,
    sigstore: Sigstore,
    pauses: list[float],
) -> None:
    server = sigstore.fulcio if service is FULCIO else sigstore.rekor
    server.script_others(*[answer] * attempts)
    said = failure(attestor, wheel)
    if details == "  *\n":
        first, detail, last = said.split("\n")
        assert detail.strip() in {"FulcioClientError", "ValueError"}
        said = f"{first}\n  *\n{last}"
    assert said == f"{service} {headline}: 127.0.0.1\n{details}{ADMINISTRATOR}"
    assert len(pauses) == attempts - 1
    assert len(server.requests) == attempts


@pytest.mark.parametrize("answer", [Answer(503), Answer(fault=Fault.RESET_DURING_BODY)])
def test_what_passes_is_tried_again(
    answer: Answer, attestor: Attestor, wheel: Path, sigstore: Sigstore, pauses: list[float]
) -> None:
    sigstore.fulcio.script_others(answer, answer)
    sigstore.rekor.script_others(answer)
    verified(attestor.attest(wheel).text, sigstore)
    assert len(pauses) == 3
    assert 0.5 <= pauses[0] <= 0.75
    assert 1 <= pauses[1] <= 1.5


def test_a_service_says_when_to_try_again(
    attestor: Attestor, wheel: Path, sigstore: Sigstore, pauses: list[float]
) -> None:
    sigstore.rekor.script_others(Answer(429, headers={"Retry-After": "7"}))
    attestor.attest(wheel)
    assert pauses == [7]


@pytest.mark.parametrize("name", ["fulcio", "rekor"])
def test_a_service_that_is_down_is_named(
    name: str, attestor: Attestor, wheel: Path, sigstore: Sigstore, pauses: list[float]
) -> None:
    getattr(sigstore, name).close()
    service = FULCIO if name == "fulcio" else REKOR
    assert failure(attestor, wheel) == f"{service} could not be reached: 127.0.0.1\n{ADMINISTRATOR}"
    assert len(pauses) == 2


def test_after_a_failure_nothing_is_asked_again(attestor: Attestor, wheel: Path, sigstore: Sigstore) -> None:
    sigstore.fulcio.script_others(Answer(400))
    assert failure(attestor, wheel) == failure(attestor, wheel)
    assert len(sigstore.fulcio.requests) == 1


@pytest.mark.parametrize("name", ["fulcio", "rekor"])
def test_a_slow_service_is_left_behind(
    name: str, attestor: Attestor, wheel: Path, sigstore: Sigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "TIME_LIMIT", 0.3)
    let_go = threading.Event()
    getattr(sigstore, name).script_others(Answer(503, after=let_go))
    files = AttestedFiles(attestor, [wheel])
    files.start()
    with pytest.raises(AttestationError) as caught:
        files.of(wheel)
    service = FULCIO if name == "fulcio" else REKOR
    assert str(caught.value) == f"{service} timed out after 0.3 s: 127.0.0.1\n{ADMINISTRATOR}"
    assert failure(attestor, wheel) == str(caught.value)
    let_go.set()


def test_a_certificate_with_a_foreign_timestamp_is_not_used(
    attestor: Attestor, wheel: Path, sigstore: Sigstore
) -> None:
    sigstore.has_foreign_sct = True
    assert failure(attestor, wheel) == (
        f"{FULCIO} returned data that could not be verified: 127.0.0.1\n"
        "  SCT verify failed: keyring: invalid signature\n"
        f"{ADMINISTRATOR}"
    )
    assert sigstore.entries == []


def test_an_entry_of_a_foreign_log_is_not_sent(attestor: Attestor, wheel: Path, sigstore: Sigstore) -> None:
    sigstore.has_foreign_log = True
    said = failure(attestor, wheel)
    assert said.startswith(f"{REKOR} returned data that could not be verified: 127.0.0.1\n  invalid log entry: ")


def test_the_identity_token_is_never_shown(sigstore: Sigstore, github: GitHub, tmp_path: Path, wheel: Path) -> None:
    identity = identity_of(github.claims)
    raw = identity.token.reveal()
    header, payload, signature = raw.split(".")
    quoted = f"bad {raw}; {header}.{payload}; {signature}; Bearer {raw}"
    sigstore.fulcio.script_others(Answer(400, body={"code": 3, "message": quoted}))
    said = failure(attestor_for(sigstore, tmp_path, lambda: identity), wheel)
    assert said.splitlines()[1].startswith("  bad *****; ")
    assert not [part for part in (header, payload, signature) if part in said]


def test_the_identity_token_does_not_follow_a_redirect_to_another_origin(
    attestor: Attestor, wheel: Path, sigstore: Sigstore
) -> None:
    with RecordingServer() as elsewhere:
        sigstore.fulcio.script_others(Answer(307, headers={"Location": f"{elsewhere.url}api/v2/signingCert"}))
        failure(attestor, wheel)
        assert [request.headers["Authorization"] for request in elsewhere.requests] == [None]


def test_a_netrc_does_not_take_the_place_of_the_identity_token(
    attestor: Attestor, wheel: Path, sigstore: Sigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password the-secret-of-another\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    attestor.attest(wheel)
    assert [request.headers["Authorization"][:7] for request in sigstore.fulcio.requests] == ["Bearer "]


def test_a_file_that_vanished_is_told(attestor: Attestor, tmp_path: Path) -> None:
    with pytest.raises(DistributionError, match="can't be read"):
        attestor.attest(tmp_path / "gone-1.0-py3-none-any.whl")


def test_only_the_services_of_the_instance_are_asked(attestor: Attestor, wheel: Path, sigstore: Sigstore) -> None:
    attestor.attest(wheel)
    assert [request.path for request in sigstore.fulcio.requests] == ["/api/v2/signingCert"]
    assert [request.path for request in sigstore.rekor.requests] == ["/api/v1/log/entries"]
    assert all("Authorization" not in request.headers for request in sigstore.rekor.requests)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is not a ClientTrustConfig (ValidationError)"),
        ("{}", "is not a ClientTrustConfig (ValidationError)"),
        ("\udcff", "is not a ClientTrustConfig (UnicodeDecodeError)"),
    ],
)
def test_a_trust_configuration_that_is_none(
    content: str, why: str, tmp_path: Path, wheel: Path, github: GitHub
) -> None:
    path = tmp_path / "trust.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ConfigurationError) as caught:
        Attestor(path, lambda: identity_of(github.claims)).attest(wheel)
    assert str(caught.value) == f"`sigstore-trust-config` can't be used: {path}\n  {why}"


def test_a_trust_configuration_that_is_missing(tmp_path: Path, wheel: Path, github: GitHub) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^`sigstore-trust-config` can't be read: .*nothing.json \(No such file"
    ):
        Attestor(tmp_path / "nothing.json", lambda: identity_of(github.claims)).attest(wheel)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"rekorTlogUrls": []}, "No valid Rekor transparency log found in signing config"),
        ({"caUrls": []}, "No valid Fulcio CA found in signing config"),
        (
            {"caUrls": [{"url": "http://fulcio.example", "majorApiVersion": 1, "operator": "x"}]},
            "names http://fulcio.example: an identity token is never sent over plain http",
        ),
        (
            {"caUrls": [{"url": "https://me:secret@fulcio.example", "majorApiVersion": 1, "operator": "x"}]},
            "names a service whose URL must not contain a user name or password (use `user`, HATCH_INDEX_AUTH or the keyring)",
        ),
        (
            {"rekorTlogUrls": [{"url": "https://rekor.example", "majorApiVersion": 2, "operator": "x"}]},
            "No valid Rekor transparency log found in signing config",
        ),
    ],
)
def test_an_instance_that_can_not_be_used(
    changed: dict[str, object], why: str, sigstore: Sigstore, tmp_path: Path, wheel: Path, github: GitHub
) -> None:
    path = sigstore.write_trust_config(tmp_path / "trust.json", **changed)
    with pytest.raises(ConfigurationError) as caught:
        Attestor(path, lambda: identity_of(github.claims)).attest(wheel)
    assert str(caught.value) == f"`sigstore-trust-config` can't be used: {path}\n  {why}"
    assert sigstore.tokens == []
