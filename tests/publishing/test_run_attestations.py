"""Files are attested in the run that publishes them, and go without only where that is allowed."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from attestors import attestor_for, identity_of, verified
from ci_job import GITLAB_CLAIMS, Job, gitlab_job, gitlab_publisher
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import run_hatch
from servers import Answer
from servers.oidc import signed
from servers.sigstore import FIRST_INDEX

from hatch_tokenindex.publishing import run_attestations as attestations
from hatch_tokenindex.publishing.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_process import HatchResult
    from servers import Request
    from servers.sigstore import Sigstore

PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
GITLAB_JOB = {**GITLAB_CLAIMS, "sha": "1" * 40}


def sent_with(request: Request, sigstore: Sigstore) -> list[dict[int, str]]:
    """The claims of the certificate of each attestation that was sent with a file, once it is verified that they are its."""
    found = []
    for text in request.values("attestations"):
        for attestation in json.loads(text):
            statement, claims = verified(json.dumps(attestation), sigstore)
            (subject,) = statement["subject"]
            assert subject == {"name": request.file.filename, "digest": {"sha256": request.file.sha256}}
            assert statement["predicateType"] == PUBLISH
            found.append(claims)
    return found


def uploaded_without(job: Job) -> list[str]:
    """The files that were uploaded without attestations."""
    return [request.file.filename for request in job.at.server.uploads if not request.values("attestations")]


def succeeded(result: HatchResult) -> HatchResult:
    assert result.returncode == 0, result.output
    return result


def failed(result: HatchResult, text: str) -> HatchResult:
    assert result.returncode == 1, result.output
    assert text in result.output
    return result


# Made in the run


def test_every_file_of_a_release_is_attested_with_one_certificate(attesting_job: Job, sigstore: Sigstore) -> None:
    dist, name = attesting_job.at.project.dist, attesting_job.project
    for minor in range(1, 24):
        make_wheel(dist, name, "1.0", tag=f"cp3{minor}-none-any")
    make_sdist(dist, name, "1.0")
    succeeded(attesting_job.publish(run=run_hatch))
    uploads = attesting_job.at.server.uploads
    assert len(uploads) == 25
    for upload in uploads:
        (claims,) = sent_with(upload, sigstore)
        assert claims[12] == "https://github.com/octo-org/sample"
        assert claims[13] == attesting_job.github.claims["sha"]
        assert claims[14] == "refs/tags/v1.0"
        assert claims[18] == "https://github.com/octo-org/sample/.github/workflows/release.yml@refs/tags/v1.0"
    assert len(sigstore.issued) == 1
    assert attesting_job.github.audiences == ["pypi", "sigstore"]


def test_the_identity_token_goes_to_sigstore_alone(attesting_job: Job, sigstore: Sigstore) -> None:
    result = succeeded(attesting_job.publish("-o", "json"))
    (token,) = sigstore.tokens
    assert token == attesting_job.github.issued[1]
    assert token not in result.output
    for server in (attesting_job.at.server, attesting_job.github.server, sigstore.rekor):
        for request in server.requests:
            assert token not in f"{request.target} {request.headers} {request.body!r}"


def test_a_job_of_gitlab_attests(attesting_job: Job, sigstore: Sigstore) -> None:
    attesting_job.index.publishers[:] = [gitlab_publisher(attesting_job)]
    job = {**gitlab_job("pypi", sha="1" * 40), "SIGSTORE_ID_TOKEN": signed(GITLAB_JOB, "sigstore")}
    succeeded(attesting_job.publish(environment=job))
    (upload,) = attesting_job.at.server.uploads
    (claims,) = sent_with(upload, sigstore)
    assert claims[12] == "https://gitlab.com/group/sub/sample"
    assert claims[13] == "1" * 40


def test_another_index_that_mints_gets_them_on_demand(job: Job, sigstore: Sigstore, tmp_path: Path) -> None:
    trust = f"sigstore-trust-config={sigstore.write_trust_config(tmp_path / 'trust.json')}"
    succeeded(job.publish("-o", trust))
    assert len(uploaded_without(job)) == 1
    assert sigstore.tokens == []
    make_wheel(job.at.project.dist, job.project, "1.0", tag="cp311-none-any")
    succeeded(job.publish("-o", trust, "-o", "attestations=always"))
    assert len(sent_with(job.at.server.uploads[-1], sigstore)) == 1


def test_a_publish_attestation_beside_a_file_is_sent_as_it_is(
    attesting_job: Job, sigstore: Sigstore, tmp_path: Path
) -> None:
    (wheel,) = attesting_job.at.project.dist.iterdir()
    made = attestor_for(sigstore, tmp_path, lambda: identity_of(attesting_job.github.claims)).attest(wheel)
    wheel.with_name(f"{wheel.name}.publish.attestation").write_text(made.text)
    succeeded(attesting_job.publish())
    (upload,) = attesting_job.at.server.uploads
    assert json.loads(upload.value("attestations")) == [json.loads(made.text)]
    assert len(sigstore.tokens) == 1
    assert attesting_job.github.audiences == ["pypi"]


def test_an_attestation_of_another_kind_beside_a_file_is_sent_too(
    attesting_job: Job, sigstore: Sigstore, tmp_path: Path
) -> None:
    (wheel,) = attesting_job.at.project.dist.iterdir()
    made = json.loads(
        attestor_for(sigstore, tmp_path, lambda: identity_of(attesting_job.github.claims)).attest(wheel).text
    )
    statement = {**json.loads(_decoded(made)), "predicateType": "https://slsa.dev/provenance/v1"}
    made["envelope"]["statement"] = _encoded(json.dumps(statement))
    wheel.with_name(f"{wheel.name}.slsa.attestation").write_text(json.dumps(made))
    succeeded(attesting_job.publish())
    (upload,) = attesting_job.at.server.uploads
    first, second = json.loads(upload.value("attestations"))
    assert first == made
    verified(json.dumps(second), sigstore)


def _decoded(attestation: dict[str, dict[str, str]]) -> bytes:
    return base64.b64decode(attestation["envelope"]["statement"])


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_they_are_written_where_a_folder_is_named(attesting_job: Job, sigstore: Sigstore) -> None:
    succeeded(attesting_job.publish("-o", "attestations-directory=out/made"))
    (upload,) = attesting_job.at.server.uploads
    (written,) = (attesting_job.at.project.folder / "out" / "made").iterdir()
    assert written.name == f"{upload.file.filename}.publish.attestation"
    assert [json.loads(written.read_text())] == json.loads(upload.value("attestations"))
    verified(written.read_text(), sigstore)


def test_a_folder_that_can_not_be_written_ends_the_run_before_anything_is_sent(
    attesting_job: Job, sigstore: Sigstore
) -> None:
    (attesting_job.at.project.folder / "out").write_text("a file")
    result = attesting_job.publish("-o", "attestations-directory=out")
    failed(result, "`attestations-directory` can't be written: ")
    assert attesting_job.at.server.uploads == []
    assert sigstore.tokens == []


def test_an_attestation_that_can_not_be_written_ends_the_run(attesting_job: Job) -> None:
    (wheel,) = attesting_job.at.project.dist.iterdir()
    (attesting_job.at.project.folder / "out" / f"{wheel.name}.publish.attestation").mkdir(parents=True)
    failed(attesting_job.publish("-o", "attestations-directory=out"), "`attestations-directory` can't be written: ")
    assert attesting_job.at.server.uploads == []


# Not made


def test_never_makes_none(attesting_job: Job, sigstore: Sigstore) -> None:
    succeeded(attesting_job.publish("-o", "attestations=never"))
    assert len(uploaded_without(attesting_job)) == 1
    assert sigstore.tokens == []


def test_a_token_that_was_not_minted_makes_none(attesting_job: Job, sigstore: Sigstore) -> None:
    succeeded(attesting_job.publish(HATCH_INDEX_AUTH="a-secret-of-another-shape"))
    assert len(uploaded_without(attesting_job)) == 1
    assert sigstore.tokens == []


def test_without_the_extra_the_job_summary_alone_says_how_to_get_them(
    attesting_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sigstore: Sigstore
) -> None:
    monkeypatch.setattr(attestations, "is_installed", lambda: False)
    make_sdist(attesting_job.at.project.dist, attesting_job.project)
    summary = tmp_path / "summary.md"
    result = succeeded(attesting_job.publish(GITHUB_STEP_SUMMARY=str(summary)))
    assert "ttest" not in result.output
    assert summary.read_text().count(r'python -m pip install "hatch-tokenindex\[attestations\]"') == 1
    assert len(uploaded_without(attesting_job)) == 2
    assert sigstore.tokens == []


# Required


def test_always_ends_before_minting_without_the_extra(attesting_job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attestations, "is_installed", lambda: False)
    result = attesting_job.publish("-o", "attestations=always")
    failed(
        result,
        "`attestations` is `always`, but no attestation can be made: the extra `attestations` is not installed\nFix: install ",
    )
    assert attesting_job.index.calls == []


def test_always_ends_before_anything_is_uploaded_with_another_credential(attesting_job: Job) -> None:
    result = attesting_job.publish("-o", "attestations=always", HATCH_INDEX_AUTH="a-secret-of-another-shape")
    failed(
        result, f"`attestations` is `always`, but {attesting_job.project} is not published with Trusted Publishing\n"
    )
    assert attesting_job.at.server.uploads == []


def test_always_ends_where_something_else_than_a_minted_token_was_found_after_all(
    attesting_job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where minting fails, and a person at a terminal types a token instead.
    monkeypatch.setattr(Run, "_is_minted", lambda _self, _project: False)
    failed(attesting_job.publish("-o", "attestations=always"), "is not published with Trusted Publishing\n")
    assert attesting_job.at.server.uploads == []


def test_always_ends_before_minting_where_pull_request_target_triggered_the_job(attesting_job: Job) -> None:
    attesting_job.github.claims["event_name"] = "pull_request_target"
    failed(
        attesting_job.publish("-o", "attestations=always"),
        "PyPI refuses attestations of jobs that `pull_request_target`",
    )
    assert attesting_job.index.calls == []


GITLAB_SNIPPET = (
    "the job has no identity token in SIGSTORE_ID_TOKEN\n"
    "Add to the job:\n"
    "id_tokens:\n"
    "  SIGSTORE_ID_TOKEN:\n"
    "    aud: sigstore"
)


def test_always_tells_gitlab_what_to_add_before_minting(attesting_job: Job) -> None:
    attesting_job.index.publishers[:] = [gitlab_publisher(attesting_job)]
    failed(attesting_job.publish("-o", "attestations=always", environment=gitlab_job()), GITLAB_SNIPPET)
    assert attesting_job.index.calls == []


def test_always_ends_before_minting_where_gitlab_issued_a_token_for_something_else(attesting_job: Job) -> None:
    attesting_job.index.publishers[:] = [gitlab_publisher(attesting_job)]
    job = {**gitlab_job(), "SIGSTORE_ID_TOKEN": signed(GITLAB_JOB, "elsewhere")}
    failed(
        attesting_job.publish("-o", "attestations=always", environment=job),
        "GitLab CI/CD issued an identity token for elsewhere, instead of one for sigstore",
    )
    assert attesting_job.index.calls == []


def test_automatic_tells_gitlab_what_to_add_and_publishes(attesting_job: Job) -> None:
    attesting_job.index.publishers[:] = [gitlab_publisher(attesting_job)]
    result = succeeded(attesting_job.publish(environment=gitlab_job()))
    assert f"Uploading without attestations: No identity token for Sigstore: {GITLAB_SNIPPET}\n" in result.output
    assert len(uploaded_without(attesting_job)) == 1


# Sigstore fails


@pytest.mark.parametrize(
    ("service", "answer", "headline"),
    [
        ("fulcio", Answer(400), "Sigstore's certificate authority (Fulcio) refused the request (400): 127.0.0.1"),
        ("rekor", Answer(403), "Sigstore's transparency log (Rekor) refused the request (403): 127.0.0.1"),
    ],
)
def test_automatic_uploads_without_and_warns_once(
    service: str, answer: Answer, headline: str, attesting_job: Job, sigstore: Sigstore
) -> None:
    make_sdist(attesting_job.at.project.dist, attesting_job.project)
    getattr(sigstore, service).script_others(*[answer] * 4)
    result = succeeded(attesting_job.publish())
    lines = [line for line in result.output.splitlines() if "Sigstore" in line]
    warning = f"Uploading without attestations: {headline}"
    assert lines == [warning, f"::warning title=hatch-tokenindex::{warning}"]
    assert len(uploaded_without(attesting_job)) == 2


def test_failures_in_different_words_are_one_warning(attesting_job: Job, sigstore: Sigstore) -> None:
    make_sdist(attesting_job.at.project.dist, attesting_job.project)
    sigstore.rekor.script_others(*[Answer(403, body={"message": word}) for word in ("one", "two", "three", "four")])
    result = succeeded(attesting_job.publish())
    assert result.output.count("\nUploading without attestations: ") == 1, result.output
    assert len(uploaded_without(attesting_job)) == 2


def test_always_uploads_nothing(attesting_job: Job, sigstore: Sigstore) -> None:
    make_sdist(attesting_job.at.project.dist, attesting_job.project)
    # The second file's entry: the first one could have been uploaded.
    sigstore.rekor.script_others(None, Answer(403))
    result = attesting_job.publish("-o", "attestations=always")
    failed(result, "Sigstore's transparency log (Rekor) refused the request (403): 127.0.0.1\n")
    assert attesting_job.at.server.uploads == []
    assert attesting_job.index.burned != []


@pytest.mark.parametrize("options", [(), ("-o", "dry-run")])
def test_a_trust_configuration_that_can_not_be_used_ends_the_run_before_minting(
    options: tuple[str, ...], attesting_job: Job, tmp_path: Path
) -> None:
    (tmp_path / "trust.json").write_text("{}")
    failed(attesting_job.publish(*options), "`sigstore-trust-config` can't be used: ")
    assert attesting_job.index.calls == []
    assert attesting_job.at.server.uploads == []


def test_what_pypi_refuses_is_uploaded_without(attesting_job: Job, sigstore: Sigstore) -> None:
    attesting_job.github.claims["workflow_ref"] = "octo-org/sample/.github/workflows/calling.yml@refs/tags/v1.0"
    result = succeeded(attesting_job.publish())
    assert "Uploading without attestations: PyPI refuses attestations of reusable workflows.\n" in result.output
    assert sigstore.tokens == []


# What is told


def test_json_and_summary_tell_where_an_attestation_is_logged(
    attesting_job: Job, sigstore: Sigstore, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    result = succeeded(attesting_job.publish("-o", "json", GITHUB_STEP_SUMMARY=str(summary)))
    url = f"{sigstore.rekor.url}api/v1/log/entries?logIndex={FIRST_INDEX}"
    (project,) = json.loads(result.stdout)["projects"]
    (file,) = project["files"]
    assert file["attestation"] == {"log_index": FIRST_INDEX, "log_url": url}
    assert f"[log entry {FIRST_INDEX}]({url})" in summary.read_text()


def test_a_dry_run_tells_as_whom_and_logs_nothing(attesting_job: Job, sigstore: Sigstore) -> None:
    result = succeeded(attesting_job.publish("-o", "dry-run", GITHUB_SHA="0" * 40, GITHUB_REF="refs/tags/v1.0"))
    signer = f"octo-org/sample, workflow release.yml, commit {'0' * 40}, ref refs/tags/v1.0"
    assert (
        f"Attestations would be made as {signer}, with an entry in Sigstore's public log for each file.\n"
        in result.output
    )
    assert sigstore.tokens == []
    assert attesting_job.github.audiences == []


def test_a_dry_run_fails_where_always_would(attesting_job: Job) -> None:
    result = attesting_job.publish("-o", "dry-run", "-o", "attestations=always", environment=gitlab_job())
    failed(result, GITLAB_SNIPPET)


@pytest.mark.parametrize(
    ("options", "variables", "said"),
    [
        ((), {}, "\nAttestations: would be made as octo-org/sample, workflow release.yml, with an entry in "),
        (("-o", "attestations=never"), {}, "\nAttestations: disabled by `attestations`\n"),
        ((), {"HATCH_INDEX_AUTH": "a-secret-of-another-shape"}, ""),
    ],
)
def test_explain_tells_as_whom(
    options: tuple[str, ...], variables: dict[str, str], said: str, attesting_job: Job
) -> None:
    result = succeeded(
        attesting_job.publish("-o", "explain", *options, run=invoke_hatch, environment=None, **variables)
    )
    assert said in result.stdout
    assert said or "Attestations" not in result.stdout


def test_explain_in_json_tells_as_whom(attesting_job: Job) -> None:
    result = succeeded(attesting_job.publish("-o", "explain", "-o", "json"))
    (project,) = json.loads(result.stdout)["projects"]
    assert project["attestations"].startswith("would be made as octo-org/sample, workflow release.yml, ")


def test_explain_tells_what_is_missing(attesting_job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attestations, "is_installed", lambda: False)
    result = succeeded(attesting_job.publish("-o", "explain"))
    assert "\nAttestations: would not be made: the extra `attestations` is not installed\n" in result.stdout


@pytest.mark.parametrize(
    ("job", "signer"),
    [
        (
            {**gitlab_job(), "SIGSTORE_ID_TOKEN": signed(GITLAB_JOB, "sigstore")},
            "group/sub/sample, workflow .gitlab-ci.yml",
        ),
        ({"GOOGLE_SERVICE_ACCOUNT_NAME": "ci@x.iam.example"}, "ci@x.iam.example"),
    ],
)
def test_explain_knows_other_providers(job: dict[str, str], signer: str, attesting_job: Job) -> None:
    result = succeeded(attesting_job.publish("-o", "explain", environment=job))
    assert f"\nAttestations: would be made as {signer}" in result.stdout


# What it costs those who don't want it


def test_a_run_without_attestations_imports_none_of_the_libraries(attesting_job: Job) -> None:
    plain = replace(attesting_job, at=replace(attesting_job.at, options=attesting_job.at.options[:-2]))
    for options in (("-o", "attestations=never"), ("-o", "explain"), ("-o", "dry-run")):
        result = succeeded(plain.publish(*options, run=run_hatch, PYTHONPROFILEIMPORTTIME="1"))
        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
        assert "httpx" in imported or "-o explain" in " ".join(options)
        assert not imported & {"sigstore", "pypi_attestations", "tuf", "pydantic", "requests"}
