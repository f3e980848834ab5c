"""What a run will do with each file, decided before anything is sent: upload it, or leave it because it is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from hatch_tokenindex.distributions import Distribution, sha256
from hatch_tokenindex.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.index.simple_page import Listing

CLOSED_AFTER = timedelta(days=14)
"""PyPI takes no new files for a release that is older."""


@dataclass(frozen=True)
class PlannedFile:
    """One file; `exists` says why it need not be sent, and is empty where it will be.

    `sha256` (hex) is known where the index has a file of this name to compare with.
    """

    distribution: Distribution
    exists: str = ""
    sha256: str | None = None


@dataclass(frozen=True)
class ProjectPlan:
    """All files of one project, in the order in which they are sent. `name` is normalized (PEP 503)."""

    name: str
    listing: Listing
    files: tuple[PlannedFile, ...]

    @property
    def uploads(self) -> tuple[Distribution, ...]:
        """What will be sent, release by release and of each the wheels before the sdist."""
        return tuple(file.distribution for file in self.files if not file.exists)

    @property
    def new_versions(self) -> tuple[str, ...]:
        """The versions that the index gets files of that it doesn't have, in order."""
        new = (item for item in self.uploads if item.filename not in self.listing.files)
        return tuple(dict.fromkeys(item.version for item in new))

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that something will be sent for, in order."""
        return tuple(dict.fromkeys(item.version for item in self.uploads))


def by_project(distributions: Iterable[Distribution]) -> Mapping[str, tuple[Distribution, ...]]:
    """The files of each project, by its normalized name, in the order in which they are sent."""
    ordered = sorted(
        distributions, key=lambda item: (item.name, Version(item.version), item.filetype == "sdist", item.filename)
    )
    return {name: tuple(items) for name, items in groupby(ordered, key=lambda item: item.name)}


def plan(
    projects: Mapping[str, Sequence[Distribution]],
    listings: Mapping[str, Listing],
    repository: Repository,
    now: float,
) -> tuple[ProjectPlan, ...]:
    """Decide on every file at `now` (unix seconds).

    Raises `DistributionError`, all problems at once, where a file can't be published.
    """
    plans, problems = [], []
    for name, distributions in projects.items():
        listing, files = listings[name], []
        for item in distributions:
            try:
                files.append(_planned(item, listing, repository))
            except DistributionError as error:
                problems.append(str(error))
        planned = ProjectPlan(name, listing, tuple(files))
        if listing.status == "archived" and planned.uploads:
            problems.append(
                f"{name} is archived on {repository.site or repository.url} and takes no files: unarchive it in the "
                f"project's settings first."
            )
        problems += _closed(planned, repository, now)
        plans.append(planned)
    if problems:
        raise DistributionError("\n".join(problems))
    return tuple(plans)


def _planned(item: Distribution, listing: Listing, repository: Repository) -> PlannedFile:
    listed = listing.files.get(item.filename)
    if listed is None or repository.existing == "replace":
        return PlannedFile(item)
    if repository.existing == "fail":
        msg = f"{item.filename} is on the index already, and `existing` is set to `fail`."
        raise DistributionError(msg)
    if listed.sha256 is None:
        return PlannedFile(item, "already exists (not compared)")
    if listed.sha256 == sha256(item.path):
        return PlannedFile(item, "already exists", listed.sha256)
    msg = (
        f"{item.filename} is on the index already, with other content. A published file can't be replaced: give the "
        f"project a new version and build again."
    )
    raise DistributionError(msg)


def _closed(project: ProjectPlan, repository: Repository, now: float) -> Iterator[str]:
    """What is too old at PyPI to get new files."""
    if repository.site is None:
        return
    released = _released(project.listing)
    for version in project.new_versions:
        if now - released.get(Version(version), now) > CLOSED_AFTER.total_seconds():
            yield (
                f"{project.name} {version} was released more than {CLOSED_AFTER.days} days ago: {repository.site} takes no "
                f"new files for it. Publish a new version."
            )


def warnings(plans: Iterable[ProjectPlan], repository: Repository) -> Iterator[str]:
    """What should be known before sending."""
    for project in plans:
        if project.listing.problem:
            yield (
                f"{repository.url} could not tell which files of {project.name} it has: {project.listing.problem}. "
                f"All are sent."
            )


def _released(listing: Listing) -> dict[Version, float]:
    """When the first file of each version was uploaded, in unix seconds, as far as the index tells."""
    released: dict[Version, float] = {}
    for filename, file in listing.files.items():
        try:
            parse = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
            version = parse(filename)[1]
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
        if file.uploaded is not None:
            released[version] = min(file.uploaded, released.get(version, file.uploaded))
    return released
