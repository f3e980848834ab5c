"""`-o json`: one document of the documented shape, alone on standard output, however a run ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from distribution_builders import make_sdist
from hatch_in_process import publish
from servers import Answer

from hatch_tokenindex.index.upload import Uploader

if TYPE_CHECKING:
    from hatch_process import HatchResult, Home, Project
    from servers import RecordingServer

SECRET = "s3cret-that-must-not-be-shown"
WARNING, SUCCESS = "gets committed", " ... success"


def check_document(result: HatchResult) -> dict[str, Any]:
    """Standard output is one JSON document of the documented shape."""
    document: dict[str, Any] = json.loads(result.stdout)
    assert list(document) == ["ok", "repository", "projects", "warnings", "error"]
    assert document["ok"] is (result.returncode == 0)
    assert (document["error"] is None) is document["ok"]
    if document["error"] is not None:
        assert list(document["error"]) == ["summary", "index_said", "next_step"]
    for project in document["projects"]:
        assert list(project) == ["name", "version", "url", "credential", "files"]
        for file in project["files"]:
            assert list(file) == ["filename", "size", "sha256", "outcome", "error", "attestation"]
    assert SECRET not in result.output
    return document


@pytest.mark.parametrize("quiet", ["", "-qqq", "-vv"])
def test_json_alone_is_on_standard_output(index: RecordingServer, warned: Project, home: Home, quiet: str) -> None:
    sdist = make_sdist(warned.dist, warned.name)
    result = publish(warned, home, "-a", SECRET, "-o", "json", flag=quiet)
    document = check_document(result)
    assert document["repository"] == {"name": "x", "url": index.upload_url}
    assert [WARNING in warning for warning in document["warnings"]] == [True]
    (entry,) = document["projects"]
    assert (entry["name"], entry["version"]) == (warned.name, "1.0")
    assert entry["credential"] == {"user": "__token__", "source": "--auth"}
    files = {file["filename"]: file for file in entry["files"]}
    assert [file["outcome"] for file in files.values()] == ["uploaded", "uploaded"]
    assert files[sdist.name]["size"] == sdist.stat().st_size
    assert {upload.file.filename: upload.file.sha256 for upload in index.uploads} == {
        name: file["sha256"] for name, file in files.items()
    }
    assert (SUCCESS in result.stderr) is (quiet != "-qqq")

    (entry,) = check_document(publish(warned, home, "-o", "json", flag=quiet))["projects"]
    assert [file["outcome"] for file in entry["files"]] == ["exists", "exists"]


def test_a_dry_run_is_a_document_that_says_what_would_be_uploaded(
    index: RecordingServer, warned: Project, home: Home
) -> None:
    (entry,) = check_document(publish(warned, home, "-o", "json", "-o", "dry-run"))["projects"]
    assert [file["outcome"] for file in entry["files"]] == ["would upload"]
    assert index.uploads == []


def test_a_refusal_is_a_document_with_the_words_of_the_index(
    index: RecordingServer, warned: Project, home: Home
) -> None:
    make_sdist(warned.dist, warned.name)
    text = "This filename was previously used by a file that has since been deleted. Use a different version."
    index.script_uploads(None, Answer(400, text, body=text))
    result = publish(warned, home, "-a", SECRET, "-o", "json")
    document = check_document(result)
    assert text in document["error"]["index_said"]
    assert document["error"]["next_step"]
    assert text in result.stderr
    (entry,) = document["projects"]
    assert [file["outcome"] for file in entry["files"]] == ["uploaded", "failed"]
    assert [bool(file["error"]) for file in entry["files"]] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "table", "expected"),
    [
        pytest.param(["-r", "nowhere"], "", "'nowhere'", id="unknown repository"),
        pytest.param([], "jobs = 9", "`jobs`", id="wrong table"),
        pytest.param(["dist/no-such-1.0.tar.gz"], "", "no-such-1.0.tar.gz", id="no such file"),
        pytest.param(["-r", "http://127.0.0.1:9/"], "", "secret", id="no credential"),
    ],
)
def test_a_run_that_ends_early_is_a_document_too(
    built: Project, home: Home, arguments: list[str], table: str, expected: str
) -> None:
    built.configure(f"[publish.tokenindex]\n{table}\n")
    document = check_document(publish(built, home, "-o", "json", *arguments))
    assert expected in document["error"]["summary"]
    assert document["error"]["index_said"] is None


def test_an_explanation_is_one_document(warned: Project, home: Home) -> None:
    result = publish(warned, home, "-a", SECRET, "-o", "json", "-o", "explain")
    document = json.loads(result.stdout)
    assert list(document) == ["ok", "repository", "projects", "warnings", "error"]
    (entry,) = document["projects"]
    assert entry["name"] == warned.name
    used = [(row["question"], row["place"]) for row in entry["rows"] if row["used"]]
    assert used == [("secret", "--auth")]
    assert SECRET not in result.output


def test_an_explanation_that_fails_is_json_too(built: Project, home: Home) -> None:
    document = check_document(publish(built, home, "-o", "json", "-o", "explain", "-r", "nowhere"))
    assert "'nowhere'" in document["error"]["summary"]


@pytest.mark.parametrize("color", ["--color", "--no-color"])
def test_json_has_no_colours(warned: Project, home: Home, color: str) -> None:
    check_document(publish(warned, home, "-a", SECRET, "-o", "json", flag=color))


def test_json_of_a_bug_quotes_nothing(
    index: RecordingServer, built: Project, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(Uploader, "upload", explode)
    document = check_document(publish(built, home, "-r", index.upload_url, "-a", SECRET, "-o", "json"))
    assert document["error"]["summary"]
