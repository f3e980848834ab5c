"""Attestations beside a distribution: finding, checking and uploading them."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import run_hatch
from servers.oidc import TrustingIndex

from hatch_tokenindex.distributions import attestations_of, read_attestations
from hatch_tokenindex.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hatch_process import HatchResult
    from maintainer import Maintainer
    from servers.oidc import GitHub


PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"


def encoded(content: object) -> str:
    """Return base64 of bytes, or of JSON."""
    return base64.b64encode(content if isinstance(content, bytes) else json.dumps(content).encode()).decode()


def statement_about(distribution: Path, predicate: str = PUBLISH) -> dict[str, Any]:
    """Return a statement about a file."""
    digest = hashlib.sha256(distribution.read_bytes()).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": distribution.name, "digest": {"sha256": digest}}],
        "predicateType": predicate,
        "predicate": None,
    }


def attestation_of(statement: object) -> dict[str, Any]:
    """Return an attestation (PEP 740) of a statement, with an invalid signature."""
    return {
        "version": 1,
        "verification_material": {"certificate": encoded(b"DER"), "transparency_entries": [{"logIndex": "1"}]},
        "envelope": {"statement": encoded(statement), "signature": encoded(b"signature")},
    }


def attest(distribution: Path, kind: str = "publish", predicate: str = PUBLISH) -> Path:
    """Write an attestation beside a distribution."""
    content = attestation_of(statement_about(distribution, predicate))
    return written(distribution, json.dumps(content).encode(), kind)


def written(distribution: Path, content: bytes, kind: str = "publish") -> Path:
    """Write any content to an attestation's file."""
    path = distribution.parent / f"{distribution.name}.{kind}.attestation"
    path.write_bytes(content)
    return path


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel."""
    return make_wheel(tmp_path / "dist")


def refusal(*distributions: Path) -> str:
    """Return the error about the attestations beside these files."""
    with pytest.raises(DistributionError) as caught:
        read_attestations(distributions)
    return str(caught.value)


# Finding them


def test_attestations_are_found_by_their_names(wheel: Path) -> None:
    other = make_wheel(wheel.parent, "demo", build="1")
    mine = [attest(wheel, "provenance", PROVENANCE), attest(wheel, "publish")]
    attest(other)
    for name in ("x.publish.attestation", f"{wheel.name}.attestation", f"{wheel.name}.publish.sigstore"):
        wheel.with_name(name).write_text("not one of them", encoding="utf-8")
    assert attestations_of(wheel) == mine


def test_name_is_not_a_pattern(tmp_path: Path) -> None:
    """A folder's name can look like a glob pattern."""
    folder = tmp_path / "d[i]st*"
    wheel, attestation = make_wheel(folder), None
    attestation = attest(wheel)
    assert attestations_of(wheel) == [attestation]


def test_most_distributions_have_none(wheel: Path) -> None:
    assert read_attestations([wheel]) == {}


# Reading them


def test_they_are_read_by_predicate(wheel: Path) -> None:
    sdist = make_sdist(wheel.parent)
    contents = {kind: json.loads(attest(wheel, kind, kind).read_bytes()) for kind in ("a", "b")}
    alone = json.loads(attest(sdist).read_bytes())
    found = read_attestations([wheel, sdist])
    parsed = {path: {kind: json.loads(text) for kind, text in texts.items()} for path, texts in found.items()}
    assert parsed == {wheel: contents, sdist: {PUBLISH: alone}}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_the_json_is_one_line_of_ascii(wheel: Path, encoding: str, indent: int | None) -> None:
    """Text after a line break in a form field could be parsed as another field."""
    content = attestation_of(statement_about(wheel))
    content["more"] = 'ü \U0001f600 \r\n--boundary\r\nContent-Disposition: form-data; name="name"\r\n\r\nevil'
    written(wheel, json.dumps(content, indent=indent).encode(encoding))
    text = read_attestations([wheel])[wheel][PUBLISH]
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == content


def test_broken_lines_in_base64_are_no_fault(wheel: Path) -> None:
    content = attestation_of(statement_about(wheel))
    content["envelope"]["statement"] = base64.encodebytes(json.dumps(statement_about(wheel)).encode()).decode()
    written(wheel, json.dumps(content).encode())
    text = read_attestations([wheel])[wheel][PUBLISH]
    assert json.loads(text) == content


NOT_ONE = "is not an attestation (PEP 740) with exactly one subject"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not valid JSON"),
        (b"{", "is not valid JSON"),
        (b"\xff\xfe\xff", "is not valid JSON"),
        (b'{"version": NaN}', "is not valid JSON"),
        (b'{"version": -Infinity}', "is not valid JSON"),
        (b'{"more": "\\ud800"}', "is not valid JSON"),
        (b"1" * 10_000, "is not valid JSON"),
        (b"[" * 200_000, "is not valid JSON"),
        (b" " * (2**20 + 1), "is larger than 1 MiB"),
        (b"null", NOT_ONE),
        (b'"text"', NOT_ONE),
        (b"[]", NOT_ONE),
        (b"{}", NOT_ONE),
    ],
)
def test_invalid_attestation(wheel: Path, content: bytes, problem: str) -> None:
    path = written(wheel, content)
    text = refusal(wheel)
    assert text.splitlines()[0].endswith(f"{path.name} can't be published:")
    assert text.splitlines()[1:] == [f"  {problem}"]


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["version"], 2),
        (["version"], "1"),
        (["version"], None),
        (["verification_material"], []),
        (["verification_material", "certificate"], None),
        (["verification_material", "certificate"], "a"),
        (["verification_material", "transparency_entries"], []),
        (["verification_material", "transparency_entries"], ["text"]),
        (["verification_material", "transparency_entries"], {"logIndex": "1"}),
        (["envelope"], None),
        (["envelope", "signature"], 3),
        (["envelope", "signature"], "a"),
        (["envelope", "statement"], "\u00fc"),
        (["envelope", "statement"], encoded(b"no JSON")),
        (["envelope", "statement"], encoded(b"[" * 200_000)),
        (["envelope", "statement"], encoded([])),
        (["envelope", "statement"], encoded({})),
        (["envelope", "statement"], encoded({"subject": [], "predicateType": PUBLISH})),
        (["envelope", "statement"], encoded({"subject": "x", "predicateType": PUBLISH})),
        (["envelope", "statement"], encoded({"subject": [{"name": "x"}], "predicateType": PUBLISH})),
        (["envelope", "statement"], encoded({"subject": [{"name": "x", "digest": []}], "predicateType": PUBLISH})),
        (["envelope", "statement"], encoded({"subject": [{"name": "x", "digest": {"sha256": "0"}}]})),
    ],
)
def test_missing_parts(wheel: Path, keys: list[str], value: object) -> None:
    content = attestation_of(statement_about(wheel))
    *folders, last = keys
    part = content
    for key in folders:
        part = part[key]
    part[last] = value
    written(wheel, json.dumps(content).encode())
    assert refusal(wheel).splitlines()[1:] == [f"  {NOT_ONE}"]


def another_name(statement: dict[str, Any]) -> None:
    statement["subject"][0]["name"] = "other-1.0-py3-none-any.whl"


def a_hostile_name(statement: dict[str, Any]) -> None:
    statement["subject"][0]["name"] = "\x1b[31m\n::error::"


def a_name_that_is_none(statement: dict[str, Any]) -> None:
    statement["subject"][0]["name"] = {"a": 1}


def another_digest(statement: dict[str, Any]) -> None:
    statement["subject"][0]["digest"]["sha256"] = "0" * 64


def two_subjects(statement: dict[str, Any]) -> None:
    statement["subject"] *= 2


def no_predicate(statement: dict[str, Any]) -> None:
    statement["predicateType"] = ""


def a_predicate_that_is_none(statement: dict[str, Any]) -> None:
    statement["predicateType"] = [PUBLISH]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (another_name, "attests other-1.0-py3-none-any.whl, not demo-1.0-py3-none-any.whl"),
        (a_hostile_name, r"attests \x1b[31m\n::error::, not demo-1.0-py3-none-any.whl"),
        (a_name_that_is_none, "attests {'a': 1}, not demo-1.0-py3-none-any.whl"),
        (another_digest, "attests other content: the distribution was rebuilt after it was attested"),
        (two_subjects, NOT_ONE),
        (no_predicate, "has no predicate type"),
        (a_predicate_that_is_none, "has no predicate type"),
    ],
)
def test_attestation_of_something_else(wheel: Path, change: Callable[[dict[str, Any]], None], problem: str) -> None:
    statement = copy.deepcopy(statement_about(wheel))
    change(statement)
    written(wheel, json.dumps(attestation_of(statement)).encode())
    assert refusal(wheel).splitlines()[1:] == [f"  {problem}"]


def test_duplicate_predicate(wheel: Path) -> None:
    attest(wheel, "a")
    second = attest(wheel, "b")
    text = refusal(wheel)
    assert text.splitlines()[0].endswith(f"{second.name} can't be published:")
    assert f"is a second attestation with the predicate {PUBLISH}; only one is allowed" in text


def test_too_many_attestations(wheel: Path) -> None:
    for kind in ("a", "b", "c"):
        attest(wheel, kind, kind)
    assert "has 3 attestations; only 2 are allowed" in refusal(wheel)


def test_all_problems_are_reported_at_once(wheel: Path) -> None:
    sdist = make_sdist(wheel.parent)
    written(wheel, b"", "a")
    attest(wheel, "b")
    written(sdist, b"{}", "a")
    text = refusal(wheel, sdist)
    assert (text.count("is not valid JSON"), text.count(NOT_ONE)) == (1, 1)
    assert ".b.attestation" not in text


def test_folder_is_not_an_attestation(wheel: Path) -> None:
    wheel.with_name(f"{wheel.name}.publish.attestation").mkdir()
    assert "is not a regular file" in refusal(wheel)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(wheel: Path) -> None:
    os.mkfifo(wheel.with_name(f"{wheel.name}.publish.attestation"))
    assert "is not a regular file" in refusal(wheel)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="this user may read every file")
def test_unreadable_attestation(wheel: Path) -> None:
    attest(wheel).chmod(0)
    assert "Permission denied" in refusal(wheel)


# Uploading them


@pytest.fixture
def job(github: GitHub, at_index: Maintainer) -> Callable[..., Any]:
    """Return a function that publishes as a job with a Trusted Publisher."""
    index = TrustingIndex(at_index.server)
    index.trust(at_index.project.name)
    return lambda *arguments, run=invoke_hatch: at_index.publish(*arguments, run=run, **github.job)


@pytest.mark.parametrize("arguments", [[], ["dist/*"]], ids=["dist", "dist/*"])
def test_they_are_sent_with_trusted_publishing(
    at_index: Maintainer, job: Callable[..., Any], arguments: list[str]
) -> None:
    dist = at_index.project.dist
    wheel, sdist = make_wheel(dist, at_index.project.name), make_sdist(dist, at_index.project.name)
    attested = json.loads(attest(wheel).read_bytes())
    expanded = [str(path) for path in sorted(dist.iterdir())] if arguments else []
    result = job(*expanded, run=run_hatch)

    assert result.returncode == 0, result.output
    first, second = at_index.server.uploads
    assert first.file.filename == wheel.name
    assert json.loads(first.value("attestations")) == [attested]
    assert second.file.filename == sdist.name
    assert second.values("attestations") == ()
    assert [part.name for part in first.form.files] == ["content"]


def test_hostile_json_stays_in_its_field(at_index: Maintainer, job: Callable[..., Any]) -> None:
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    content = attestation_of(statement_about(wheel))
    content["more"] = '\r\n--\r\nContent-Disposition: form-data; name="name"\r\n\r\nevil\r\n'
    written(wheel, json.dumps(content, indent=2).encode())
    result = job()
    assert result.returncode == 0, result.output
    (request,) = at_index.server.uploads
    assert request.values("name") == (at_index.project.name,)
    assert json.loads(request.value("attestations")) == [content]


def publish_with_a_token(maintainer: Maintainer, environment: Mapping[str, str]) -> HatchResult:
    """Publish with a token that was not minted."""
    return maintainer.publish_in_process(**environment, HATCH_INDEX_AUTH="stored")


@pytest.mark.parametrize("where", ["in a job", "at home"])
def test_they_are_left_out_with_a_token(at_index: Maintainer, github: GitHub, where: str) -> None:
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    attest(wheel)
    result = publish_with_a_token(at_index, github.job if where == "in a job" else {})
    assert result.returncode == 0, result.output
    assert f"The attestations of {wheel.name} are not sent" in result.words
    assert [request.values("attestations") for request in at_index.server.uploads] == [()]


@pytest.mark.parametrize("where", ["in a job", "at home"])
def test_left_out_attestation_is_not_checked(at_index: Maintainer, github: GitHub, where: str) -> None:
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    written(wheel, b"no JSON")
    result = publish_with_a_token(at_index, github.job if where == "in a job" else {})
    assert result.returncode == 0, result.output
    assert f"The attestations of {wheel.name} are not sent" in result.words


@pytest.mark.parametrize("mode", ["publish", "dry-run"])
def test_invalid_attestation_stops_the_run_before_minting(
    at_index: Maintainer, github: GitHub, job: Callable[..., Any], mode: str
) -> None:
    """Minting with a pending publisher would create the project."""
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    attest(wheel)
    make_wheel(at_index.project.dist, at_index.project.name, description="built again")
    result = job(*(["-o", mode] if mode == "dry-run" else []))
    assert result.returncode == 1
    assert "the distribution was rebuilt after it was attested" in result.words
    assert github.server.requests == []
    assert [request.path for request in at_index.server.requests if request.method == "POST"] == []
    assert at_index.server.uploads == []


def test_attestation_of_an_existing_file_is_not_checked(at_index: Maintainer, job: Callable[..., Any]) -> None:
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    at_index.server.store(wheel.name, wheel.read_bytes())
    written(wheel, b"no JSON")
    sdist = make_sdist(at_index.project.dist, at_index.project.name)
    attest(sdist)
    result = job()
    assert result.returncode == 0, result.output
    assert [request.file.filename for request in at_index.server.uploads] == [sdist.name]


def test_named_and_missing_attestation_is_an_error(at_index: Maintainer, job: Callable[..., Any]) -> None:
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    result = job(str(wheel), f"{wheel}.publish.attestation")
    assert result.returncode == 1
    assert "does not exist" in result.words
    assert at_index.server.uploads == []
