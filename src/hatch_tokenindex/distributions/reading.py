"""Reading a file into a `Distribution`, after checking its name, archive and metadata against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from hatch_tokenindex.distributions import metadata, readme
from hatch_tokenindex.distributions.archives import listed
from hatch_tokenindex.distributions.diagnostics import Diagnostics, error_from, reason, shown
from hatch_tokenindex.distributions.distribution import Distribution
from hatch_tokenindex.distributions.files import LONGEST_FILENAME, NOT_A_DISTRIBUTION, SDIST_SUFFIX, WHEEL_SUFFIX
from hatch_tokenindex.distributions.pypi import check_for_pypi, warnings_for_pypi
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
    """The parts of a distribution's file name."""

    filetype: Literal["sdist", "bdist_wheel"]
    name: NormalizedName
    version: Version
    python_version: str


def read(path: Path) -> Distribution:
    """Read and check a wheel or sdist.

    Raises:
        DistributionError: The file can't be published; the text lists all of its problems.
    """
    return read_all([path])[0]


def read_all(paths: Sequence[Path], *, for_pypi: bool = False) -> list[Distribution]:
    """Read and check wheels and sdists, and check that the files of one release agree.

    Args:
        paths: The files; the result has the same order.
        for_pypi: Also report what only PyPI and TestPyPI reject.

    Raises:
        DistributionError: Files can't be published; the text lists all problems of all files.
    """
    problems: dict[Path, list[str]] = {}
    distributions: list[Distribution] = []
    for path in paths:
        diagnostics = Diagnostics()
        distribution = _read(path, diagnostics)
        if for_pypi and distribution is not None:
            diagnostics.problems += check_for_pypi(distribution, is_sound=not diagnostics.problems)
        if distribution is not None and not diagnostics.problems:
            more = warnings_for_pypi(distribution) if for_pypi else _rejected(distribution)
            distributions.append(replace(distribution, warnings=(*distribution.warnings, *more)))
        else:
            problems[path] = diagnostics.problems
    for path, disagreement in [*_same_filenames(distributions), *_disagreements(distributions)]:
        problems.setdefault(path, []).append(disagreement)
    if problems:
        raise error_from(problems)
    return distributions


def _read(path: Path, diagnostics: Diagnostics) -> Distribution | None:
    """Read one file. `None` always comes with a problem; a `Distribution` can have problems too."""
    named = _parsed_filename(path.name, diagnostics)
    try:
        size = path.stat().st_size
        archive = _archive(path, size, diagnostics)
    except (OSError, ValueError) as error:
        diagnostics.add_problem(f"can't be read: {reason(error)}")
        return None
    if archive is None or archive.metadata is None:
        return None
    core = metadata.parse(archive.metadata, diagnostics)
    if core is None:
        return None
    _check_readme(core, diagnostics)
    _check_license_files(core, archive, diagnostics)
    if named is None:
        return None
    if (canonicalize_name(core.name), core.version) != (named.name, named.version):
        diagnostics.add_problem(
            f"is named {named.name} {named.version}, but its metadata says {core.name} {core.version}"
        )
    return Distribution(
        path=path,
        filename=path.name,
        size=size,
        filetype=named.filetype,
        project=core.name,
        version=str(core.version),
        fields=(("filetype", named.filetype), ("pyversion", named.python_version), *core.fields),
        warnings=tuple(diagnostics.warnings),
        pypi_problems=tuple(diagnostics.pypi_problems),
    )


def _rejected(distribution: Distribution) -> Iterator[str]:
    return (f"{problem} (PyPI rejects this)" for problem in distribution.pypi_problems)


def _parsed_filename(filename: str, diagnostics: Diagnostics) -> _Filename | None:
    if not filename.isascii():
        diagnostics.add_problem("has non-ASCII characters in its name")
        return None
    if len(filename) > LONGEST_FILENAME:
        diagnostics.add_problem(f"has a name longer than {LONGEST_FILENAME} characters")
        return None
    try:
        if filename.endswith(WHEEL_SUFFIX):
            name, version, _, tags = parse_wheel_filename(filename)
            return _Filename("bdist_wheel", name, version, ".".join(sorted({tag.interpreter for tag in tags})))
        name, version = parse_sdist_filename(filename)
    except ValueError as error:
        diagnostics.add_problem(str(error))
        return None
    return _Filename("sdist", name, version, "source")


def _archive(path: Path, size: int, diagnostics: Diagnostics) -> Archive | None:
    if not path.is_file():
        diagnostics.add_problem("is not a regular file")
    elif not size:
        diagnostics.add_problem("is empty")
    elif path.name.endswith(WHEEL_SUFFIX):
        return read_wheel(path, "-".join(path.name.split("-")[:2]), diagnostics)
    elif path.name.endswith(SDIST_SUFFIX):
        return read_sdist(path, diagnostics)
    else:
        diagnostics.add_problem(NOT_A_DISTRIBUTION)
    return None


def _check_readme(core: CoreMetadata, diagnostics: Diagnostics) -> None:
    """Check that a README with a content type renders; only PyPI guesses the type of others."""
    for content_type in core.values("description_content_type"):
        for description in core.values("description"):
            rendering = readme.render(description, content_type)
            if rendering.problem:
                diagnostics.add_pypi_problem(rendering.problem)
            if rendering.warning:
                diagnostics.add_warning(rendering.warning)


def _check_license_files(core: CoreMetadata, archive: Archive, diagnostics: Diagnostics) -> None:
    """Check that the files that `License-File` names exist (PEP 639), as PyPI does."""
    names = archive.names
    if names is None:
        return
    paths = [f"{archive.license_folder}/{file}" for file in core.values("license_file")]
    if absent := [path for path in paths if path not in names]:
        diagnostics.add_pypi_problem(f"lacks files that License-File names: {listed(absent)}")


def _same_filenames(distributions: Iterable[Distribution]) -> Iterator[tuple[Path, str]]:
    first: dict[str, Distribution] = {}
    for distribution in distributions:
        other = first.setdefault(distribution.filename, distribution)
        if other is not distribution:
            yield distribution.path, f"has the same file name as {shown(other.path)}"


def _disagreements(distributions: Iterable[Distribution]) -> Iterator[tuple[Path, str]]:
    """Find files of one release that spell its name or version differently: the index would keep the last spelling."""
    first: dict[tuple[str, Version], Distribution] = {}
    for distribution in distributions:
        other = first.setdefault((distribution.name, Version(distribution.version)), distribution)
        if (other.project, other.version) != (distribution.project, distribution.version):
            yield (
                distribution.path,
                f"spells its name and version {distribution.project} {distribution.version}, "
                f"but {shown(other.path)} spells them {other.project} {other.version}",
            )
