"""The plan of a run, decided before anything is sent: upload each file, or skip it because the index has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from packaging.version import Version

from hatch_tokenindex.distributions import Distribution, parse_filename, sha256
from hatch_tokenindex.errors import DistributionError
from hatch_tokenindex.index.arrival import quarantine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.index.simple_page import Listing

CLOSED_AFTER = timedelta(days=14)
"""PyPI accepts no new files for an older release."""


@dataclass(frozen=True)
class PlannedFile:
    """One file, and why it is skipped, if it is."""

    distribution: Distribution
    exists: str = ""
    """The reason to skip it; empty if it will be uploaded."""
    sha256: str | None = None
    """In hexadecimal, known if the index has a file of this name to compare with."""


@dataclass(frozen=True)
class ProjectPlan:
    """All files of one project, in the order in which they are sent. `name` is normalized (PEP 503)."""

    name: str
    listing: Listing
    files: tuple[PlannedFile, ...]

    @property
    def uploads(self) -> tuple[Distribution, ...]:
        """The files to upload, release by release, the wheels of each before the sdist."""
        return tuple(file.distribution for file in self.files if not file.exists)

    @property
    def new_versions(self) -> tuple[str, ...]:
        """The versions with files that are new to the index, in order."""
        new = (item for item in self.uploads if item.filename not in self.listing.files)
        return tuple(dict.fromkeys(item.version for item in new))

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions with files to upload, in order."""
        return tuple(dict.fromkeys(item.version for item in self.uploads))


def by_project(distributions: Iterable[Distribution]) -> Mapping[str, tuple[Distribution, ...]]:
    """Return the files of each project, by its normalized name, in the order of their upload."""
    ordered = sorted(
        distributions, key=lambda item: (item.name, Version(item.version), item.filetype == "sdist", item.filename)
    )
    return {name: tuple(items) for name, items in groupby(ordered, key=lambda item: item.name)}


def plan(
    projects: Mapping[str, Sequence[Distribution]],
    listings: Mapping[str, Listing],
    repository: Repository,
    now: float,
    digest: Callable[[Path], str] = sha256,
) -> tuple[ProjectPlan, ...]:
    """Return what to do with every file. Raises `DistributionError`, whose text has all problems.

    `now` is Unix time at the index, and `digest` returns the SHA-256 of a file in hexadecimal.
    """
    plans, problems = [], []
    for name, distributions in projects.items():
        listing, files = listings[name], []
        for item in distributions:
            try:
                files.append(_planned(item, listing, repository, digest))
            except DistributionError as error:
                problems.append(str(error))
        planned = ProjectPlan(name, listing, tuple(files))
        if listing.status == "archived" and planned.uploads:
            problems.append(
                f"{name} is archived on {repository.index} and accepts no files. Unarchive it in the project's settings."
            )
        problems += _closed(planned, repository, now)
        plans.append(planned)
    if problems:
        raise DistributionError("\n".join(problems))
    return tuple(plans)


def _planned(
    item: Distribution, listing: Listing, repository: Repository, digest: Callable[[Path], str]
) -> PlannedFile:
    listed = listing.files.get(item.filename)
    if listed is None or repository.existing == "replace":
        return PlannedFile(item)
    if repository.existing == "fail":
        msg = f"{item.filename} already exists on the index, and `existing` is `fail`."
        raise DistributionError(msg)
    if listed.sha256 is None:
        return PlannedFile(item, "already exists (not compared)")
    if listed.sha256 == digest(item.path):
        return PlannedFile(item, "already exists", listed.sha256)
    fix = (
        "raise the version and build again" if repository.site else "raise the version, or set `existing` to `replace`"
    )
    msg = f"{item.filename} already exists on the index with other content: {fix}."
    raise DistributionError(msg)


def _closed(project: ProjectPlan, repository: Repository, now: float) -> Iterator[str]:
    """Yield the releases that are too old for new files on PyPI."""
    if repository.site is None:
        return
    released = _released(project.listing)
    for version in project.new_versions:
        if now - released.get(Version(version), now) > CLOSED_AFTER.total_seconds():
            yield (
                f"{project.name} {version} was released more than {CLOSED_AFTER.days} days ago, and {repository.index} "
                f"accepts no new files for it. Publish a new version."
            )


def warnings(plans: Iterable[ProjectPlan], repository: Repository) -> Iterator[str]:
    """Yield a warning for each project that is quarantined, or whose files the index did not list, or not all."""
    for project in plans:
        if project.listing.is_quarantined:
            yield quarantine(project.name, project.listing)
        if not project.listing.problem:
            continue
        files = "all files" if project.listing.exists is None else "files that are not listed"
        # PyPI never replaces a file; most other indexes can.
        risk = "" if repository.site else " If the index overwrites files, existing ones are replaced."
        yield (
            f"Could not list the files of {project.name} on {repository.index}: {project.listing.problem}. Uploading "
            f"{files}.{risk}"
        )


def _released(listing: Listing) -> dict[Version, float]:
    """Return when the first file of each version was uploaded, in Unix time, as far as the index says."""
    released: dict[Version, float] = {}
    for filename, file in listing.files.items():
        try:
            version = parse_filename(filename)[1]
        except ValueError:
            continue
        if file.uploaded is not None:
            released[version] = min(file.uploaded, released.get(version, file.uploaded))
    return released
