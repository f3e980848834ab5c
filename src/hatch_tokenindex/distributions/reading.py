"""From a file on disk to a `Distribution`: its name, its metadata and its archive, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from hatch_tokenindex.distributions import metadata, readme
from hatch_tokenindex.distributions.archives import listed
from hatch_tokenindex.distributions.diagnostics import Diagnostics, grouped, reason, shown
from hatch_tokenindex.distributions.distribution import Distribution
from hatch_tokenindex.distributions.files import SDIST_SUFFIX, WHEEL_SUFFIX
from hatch_tokenindex.distributions.pypi import check_for_pypi
from hatch_tokenindex.distributions.sdists import read_sdist
from hatch_tokenindex.distributions.wheels import read_wheel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from packaging.utils import NormalizedName

    from hatch_tokenindex.distributions.archives import Archive
    from hatch_tokenindex.distributions.metadata import CoreMetadata


@dataclass(frozen=True)
class _Filename:
    """What the name of a file says."""

    filetype: Literal["sdist", "bdist_wheel"]
    name: NormalizedName
    version: Version
    python_version: str


def read(path: Path) -> Distribution:
    """Return what a wheel or sdist is, after looking at its name, its archive and its metadata.

    Raises:
        DistributionError: The file can't be published as it is; the text has all of its problems.
    """
    return read_all([path])[0]


def read_all(paths: Sequence[Path], *, for_pypi: bool = False) -> list[Distribution]:
    """Return what each file is, in the same order, after comparing the files of one release with each other.

    What only PyPI refuses is a problem where the files are `for_pypi`.

    Raises:
        DistributionError: Some files can't be published as they are; the text has all problems of all files.
    """
    problems: dict[Path, list[str]] = {}
    distributions: list[Distribution] = []
    for path in paths:
        findings = Diagnostics()
        distribution = _examined(path, findings)
        if for_pypi and distribution is not None:
            findings.problems += check_for_pypi(distribution, is_sound=not findings.problems)
        if distribution is not None and not findings.problems:
            distributions.append(distribution)
        else:
            problems[path] = findings.problems
    for path, disagreement in [*_same_filenames(distributions), *_disagreements(distributions)]:
        problems.setdefault(path, []).append(disagreement)
    if problems:
        raise grouped(problems)
    return distributions


def _examined(path: Path, findings: Diagnostics) -> Distribution | None:
    """Look at everything in one file. `None` is never without a problem, a `Distribution` can be with some."""
    named = _parsed_filename(path.name, findings)
    try:
        size = path.stat().st_size
        archive = _archive(path, size, findings)
    except (OSError, ValueError) as error:
        findings.problem(f"can't be read: {reason(error)}")
        return None
    if archive is None or archive.metadata is None:
        return None
    core = metadata.parse(archive.metadata, findings)
    if core is None:
        return None
    _check_readme(core, findings)
    _check_license_files(core, archive, findings)
    if named is None:
        return None
    if (canonicalize_name(core.name), core.version) != (named.name, named.version):
        findings.problem(f"is {named.name} {named.version} by its name, and {core.name} {core.version} by its metadata")
    return Distribution(
        path=path,
        filename=path.name,
        size=size,
        filetype=named.filetype,
        project=core.name,
        version=str(core.version),
        fields=(("filetype", named.filetype), ("pyversion", named.python_version), *core.fields),
        warnings=tuple(findings.warnings),
        refused_by_pypi=tuple(findings.refused_by_pypi),
    )


def _parsed_filename(filename: str, findings: Diagnostics) -> _Filename | None:
    if not filename.isascii():
        findings.problem("has characters in its name that are not ASCII")
        return None
    try:
        if filename.endswith(WHEEL_SUFFIX):
            name, version, _, tags = parse_wheel_filename(filename)
            return _Filename("bdist_wheel", name, version, ".".join(sorted({tag.interpreter for tag in tags})))
        name, version = parse_sdist_filename(filename)
    except ValueError as error:
        findings.problem(str(error))
        return None
    return _Filename("sdist", name, version, "source")


def _archive(path: Path, size: int, findings: Diagnostics) -> Archive | None:
    if not path.is_file():
        findings.problem("is not a regular file")
    elif not size:
        findings.problem("is empty")
    elif path.name.endswith(WHEEL_SUFFIX):
        return read_wheel(path, "-".join(path.name.split("-")[:2]), findings)
    elif path.name.endswith(SDIST_SUFFIX):
        return read_sdist(path, findings)
    else:
        findings.problem(f"is no wheel ({WHEEL_SUFFIX}) and no sdist ({SDIST_SUFFIX})")
    return None


def _check_readme(core: CoreMetadata, findings: Diagnostics) -> None:
    """Render a README that says what it is written in; for others, it is PyPI alone that guesses."""
    for content_type in core.values("description_content_type"):
        for description in core.values("description"):
            rendering = readme.render(description, content_type)
            if rendering.problem:
                findings.problem(rendering.problem)
            if rendering.warning:
                findings.warning(rendering.warning)


def _check_license_files(core: CoreMetadata, archive: Archive, findings: Diagnostics) -> None:
    """Look for the files that `License-File` names (PEP 639): PyPI does."""
    names = archive.names
    if names is None:
        return
    paths = [f"{archive.license_folder}/{file}" for file in core.values("license_file")]
    if absent := [path for path in paths if path not in names]:
        findings.pypi_refuses(f"has no file where License-File says: {listed(absent)}")


def _same_filenames(distributions: Iterable[Distribution]) -> Iterator[tuple[Path, str]]:
    first: dict[str, Distribution] = {}
    for distribution in distributions:
        other = first.setdefault(distribution.filename, distribution)
        if other is not distribution:
            yield distribution.path, f"has the same file name as {shown(other.path)}"


def _disagreements(distributions: Iterable[Distribution]) -> Iterator[tuple[Path, str]]:
    """Where files of one release spell its name or version differently: the index would keep the last spelling."""
    first: dict[tuple[str, Version], Distribution] = {}
    for distribution in distributions:
        other = first.setdefault((distribution.name, Version(distribution.version)), distribution)
        if (other.project, other.version) != (distribution.project, distribution.version):
            yield (
                distribution.path,
                f"calls itself {distribution.project} {distribution.version}, "
                f"and {shown(other.path)} {other.project} {other.version}",
            )
