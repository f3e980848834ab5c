"""The plan made before anything is sent: the files to upload, their order, and the files that can't be."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import needs_terminal, run_hatch

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.distributions import read, read_all
from hatch_tokenindex.distributions.files import LONGEST_FILENAME
from hatch_tokenindex.errors import DistributionError
from hatch_tokenindex.index.simple_page import ListedFile, Listing
from hatch_tokenindex.publishing.plan import by_project, plan, warnings

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal, TypeAlias

    from hatch_process import HatchResult
    from maintainer import Maintainer

    Existing: TypeAlias = Literal["skip", "fail", "replace"]

PRIVATE = Repository("private", "https://packages.example.org/legacy/")
PYPI = Repository("main", "https://upload.pypi.org/legacy/")
NOTHING = Listing(exists=False)
NOW = 1_800_000_000
DAY = 86_400


def listing(*files: Path, sha256: str | None = "", **more: float) -> Listing:
    """A page with these files; with the hash of each, unless `sha256` says otherwise."""
    listed = {path.name: ListedFile(read_hash(path) if sha256 == "" else sha256, **more) for path in files}
    return Listing(exists=True, files=listed)


def read_hash(path: Path) -> str:
    """The sha256 of a file in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


# The order


def test_projects_versions_wheels_sdists(tmp_path: Path) -> None:
    """Versions in their own order, not that of letters; and of a release the wheels before the sdist."""
    ordered = [
        make_wheel(tmp_path, "alpha", "2.0"),
        make_wheel(tmp_path, "Beta.B", "1.0rc1"),
        make_sdist(tmp_path, "Beta.B", "1.0rc1"),
        make_wheel(tmp_path, "Beta.B", "1.9", tag="cp311-cp311-any"),
        make_wheel(tmp_path, "Beta.B", "1.9", tag="py3-none-any"),
        make_sdist(tmp_path, "Beta.B", "1.9"),
        make_sdist(tmp_path, "Beta.B", "1.10"),
        make_wheel(tmp_path, "Beta.B", "1!0.1"),
    ]
    projects = by_project(read_all(sorted(ordered, key=lambda path: path.stat().st_size)))
    assert list(projects) == ["alpha", "beta-b"]
    assert [item.path for items in projects.values() for item in items] == ordered
    (_, beta) = plan(projects, {"alpha": NOTHING, "beta-b": NOTHING}, PRIVATE, NOW)
    assert beta.versions == ("1.0rc1", "1.9", "1.10", "1!0.1")
    assert [item.path for item in beta.uploads] == ordered[1:]


# What is there already


OTHER = "0" * 64


@pytest.mark.parametrize(
    ("existing", "sha256", "expected"),
    [
        ("skip", "", "already exists"),
        ("skip", None, "already exists (not compared)"),
        ("replace", "", ""),
        ("replace", None, ""),
        ("replace", OTHER, ""),
    ],
)
def test_a_file_that_is_listed(tmp_path: Path, existing: Existing, sha256: str | None, expected: str) -> None:
    path = make_wheel(tmp_path)
    repository = replace(PRIVATE, existing=existing)
    (project,) = plan(by_project([read(path)]), {"demo": listing(path, sha256=sha256)}, repository, NOW)
    assert [file.exists for file in project.files] == [expected]
    assert project.uploads == (() if expected else (read(path),))


@pytest.mark.parametrize(
    ("existing", "sha256", "expected"),
    [
        ("skip", OTHER, "with other content"),
        ("fail", "", "`existing` is `fail`"),
        ("fail", None, "`existing` is `fail`"),
        ("fail", OTHER, "`existing` is `fail`"),
    ],
)
def test_a_file_that_is_listed_can_be_an_error(
    tmp_path: Path, existing: Existing, sha256: str | None, expected: str
) -> None:
    path = make_wheel(tmp_path)
    with pytest.raises(DistributionError, match=expected) as raised:
        plan(
            by_project([read(path)]),
            {"demo": listing(path, sha256=sha256)},
            replace(PRIVATE, existing=existing),
            NOW,
        )
    assert path.name in str(raised.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, name, version) for name in ("one", "two") for version in ("1.0", "2.0")]
    archived = make_wheel(tmp_path, "three")
    listings = {
        "one": listing(*wheels, sha256=OTHER),
        "two": listing(wheels[2], sha256=OTHER),
        "three": Listing(exists=True, status="archived"),
    }
    with pytest.raises(DistributionError) as raised:
        plan(by_project(read_all([*wheels, archived])), listings, PRIVATE, NOW)
    lines = str(raised.value).splitlines()
    assert len(lines) == 4
    for line, expected in zip(
        lines, [wheels[0].name, wheels[1].name, "three is archived", wheels[2].name], strict=True
    ):
        assert expected in line


def test_a_quarantined_project_is_the_index_s_own_to_refuse(tmp_path: Path) -> None:
    (project,) = plan(
        by_project([read(make_wheel(tmp_path))]), {"demo": Listing(exists=True, status="quarantined")}, PYPI, NOW
    )
    assert len(project.uploads) == 1


# What should be known before


@pytest.mark.parametrize(
    ("repository", "days", "expected"),
    [(PYPI, 13.9, []), (PYPI, 14.1, ["1.0"]), (PYPI, -1, []), (PRIVATE, 100, [])],
)
def test_a_release_that_pypi_has_closed(
    tmp_path: Path, repository: Repository, days: float, expected: list[str]
) -> None:
    """The age of a release is that of its first file, and counts for what is to be sent."""
    there = make_sdist(tmp_path)
    page = listing(there, uploaded=1000 * DAY)
    page = replace(
        page,
        files={
            **page.files,
            "demo-1.0.0-cp311-none-any.whl": ListedFile(None, uploaded=(1000 + days) * DAY),
            "demo-0.9.tar.gz": ListedFile(None, uploaded=0),
            "demo-3.0.tar.gz": ListedFile(None, uploaded=0),
            "nonsense.whl": ListedFile(None, uploaded=0),
            f"demo-4.0+{'a' * LONGEST_FILENAME}.tar.gz": ListedFile(None, uploaded=0),
            "demo-2.0.tar.gz": ListedFile(None),
        },
    )
    new = [make_wheel(tmp_path), make_wheel(tmp_path, version="2.0"), make_wheel(tmp_path, version="4.0")]
    try:
        plan(by_project(read_all([there, *new])), {"demo": page}, repository, (1000 + days) * DAY)
        told = []
    except DistributionError as error:
        told = str(error).splitlines()
    assert [line.split()[1] for line in told] == expected
    assert all("14 days" in line for line in told)


@pytest.mark.parametrize("repository", [PRIVATE, PYPI], ids=["private", "PyPI"])
def test_an_index_that_could_not_be_asked(tmp_path: Path, repository: Repository) -> None:
    page = Listing(exists=None, problem="HTTP 500")
    plans = plan(by_project([read(make_wheel(tmp_path))]), {"demo": page}, repository, NOW)
    (told,) = warnings(plans, repository)
    assert told.startswith(f"Could not list the files of demo on {repository.index}: HTTP 500. Uploading all files.")
    assert ("overwrites" in told) is (repository is PRIVATE)


# Old builds that lie around


@pytest.fixture
def two_versions(at_index: Maintainer) -> list[Path]:
    """Two versions in `dist/`."""
    return [make_wheel(at_index.project.dist, at_index.project.name, version) for version in ("1.0", "1.1")]


def publish(at: Maintainer, *arguments: str) -> HatchResult:
    """Publish in this process."""
    return at.publish(*arguments, run=invoke_hatch, HATCH_INDEX_AUTH="secret")


@pytest.mark.parametrize("dry_run", [[], ["-o", "dry-run"]], ids=["for real", "dry-run"])
def test_two_new_versions_are_not_published_unasked(
    at_index: Maintainer, two_versions: list[Path], dry_run: list[str]
) -> None:
    result = publish(at_index, *dry_run)
    assert result.returncode == 1
    for expected in (
        f"several new versions of {at_index.project.name}: 1.0, 1.1",
        "-o all-versions",
        two_versions[1].name,
    ):
        assert expected in result.words
    assert at_index.server.uploads == []


def test_all_projects_with_several_versions_are_named_at_once(at_index: Maintainer) -> None:
    """With every file that is to be published in place of them all."""
    for name, *versions in (("aaa", "1.0", "2.0"), ("bbb", "0.9"), ("ccc", "1.10", "1.9", "1.2")):
        for version in versions:
            make_wheel(at_index.project.dist, name, version)
    result = publish(at_index)
    assert result.returncode == 1
    assert "several new versions of aaa: 1.0, 2.0; ccc: 1.2, 1.9, 1.10." in result.words
    newest = ("aaa-2.0", "bbb-0.9", "ccc-1.10")
    assert result.words.endswith(" ".join(f"dist{os.sep}{each}-py3-none-any.whl" for each in newest))


@needs_terminal
def test_one_question_for_all_projects(at_index: Maintainer) -> None:
    for name in ("aaa", "ccc"):
        for version in ("1.0", "1.1"):
            make_wheel(at_index.project.dist, name, version)
    with at_index.at_terminal(HATCH_INDEX_AUTH="secret") as terminal:
        terminal.expect("Publish them all?")
        terminal.send("y")
        assert terminal.finish() == 0, terminal.screen
    assert terminal.words.count("Publish them all?") == 1
    assert len(at_index.server.uploads) == 4


def test_the_installed_command_does_not_either(at_index: Maintainer, two_versions: list[Path]) -> None:
    result = at_index.publish(run=run_hatch, HATCH_INDEX_AUTH="secret")
    assert result.returncode == 1
    assert two_versions[1].name in result.words
    assert at_index.server.uploads == []


@pytest.mark.parametrize(
    "arguments", [["-o", "all-versions"], ["dist"], ["{0}", "{1}"]], ids=["all-versions", "the folder", "the paths"]
)
def test_two_versions_that_were_asked_for(at_index: Maintainer, two_versions: list[Path], arguments: list[str]) -> None:
    result = publish(at_index, *(argument.format(*two_versions) for argument in arguments))
    assert result.returncode == 0, result.output
    assert set(at_index.server.files) == {path.name for path in two_versions}


def test_what_the_index_has_already_is_no_old_build(at_index: Maintainer, two_versions: list[Path]) -> None:
    old, new = two_versions
    at_index.server.store(old.name, old.read_bytes())
    result = publish(at_index)
    assert result.returncode == 0, result.output
    assert [request.file.filename for request in at_index.server.uploads] == [new.name]


def test_two_projects_are_no_two_versions(at_index: Maintainer) -> None:
    make_wheel(at_index.project.dist, "one", "1.0")
    make_wheel(at_index.project.dist, "two", "2.0")
    assert publish(at_index).returncode == 0


@needs_terminal
@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1), ("", 1)])
def test_somebody_at_a_terminal_is_asked(
    at_index: Maintainer, two_versions: list[Path], answer: str, status: int
) -> None:
    with at_index.at_terminal(HATCH_INDEX_AUTH="secret") as terminal:
        terminal.expect("Publish them all?")
        terminal.send(answer)
        assert terminal.finish() == status, terminal.screen
    assert len(at_index.server.uploads) == (len(two_versions) if status == 0 else 0)
    assert ("Nothing was published" in terminal.words) is bool(status)


@needs_terminal
def test_a_rehearsal_at_a_terminal_says_that_it_would_ask(at_index: Maintainer, two_versions: list[Path]) -> None:
    with at_index.at_terminal("-o", "dry-run", HATCH_INDEX_AUTH="secret") as terminal:
        assert terminal.finish() == 0, terminal.screen
    assert "would prompt for confirmation" in terminal.words
    assert terminal.words.count("would be uploaded to") == len(two_versions)
    assert at_index.server.uploads == []


def test_what_a_closed_release_has_can_be_sent_again(tmp_path: Path) -> None:
    path = make_wheel(tmp_path)
    page = listing(path, uploaded=0)
    (project,) = plan(by_project([read(path)]), {"demo": page}, replace(PYPI, existing="replace"), 100 * DAY)
    assert [item.path for item in project.uploads] == [path]
