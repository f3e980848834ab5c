"""Reading a file into a `Distribution`, after checking its name, archive and metadata against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name
from packaging.version import Version

from hatch_tokenindex.distributions import metadata, readme
from hatch_tokenindex.distributions.files import NOT_A_DISTRIBUTION, SDIST_SUFFIX, WHEEL_SUFFIX, parse_filename
from hatch_tokenindex.distributions.problems import Diagnostics, error_from, listed, reason, shown
from hatch_tokenindex.distributions.pypi import check_for_pypi, warnings_for_pypi
from hatch_tokenindex.distributions.sdists import read_sdist
from hatch_tokenindex.distributions.wheels import read_wheel
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from packaging.utils import NormalizedName

    from hatch_tokenindex.distributions.archives import Archive


@dataclass(frozen=True)
class Distribution:
    """A wheel or sdist on disk, with a valid archive, valid metadata and a file name that agrees with it."""

    path: Path
    filename: str
    size: int
    """In bytes."""
    filetype: Literal["sdist", "bdist_wheel"]
    project: str
    """The project's name as spelled in the metadata."""
    version: str
    """Normalized (PEP 440); `fields` has it as spelled in the metadata."""
    fields: tuple[tuple[str, str], ...]
    """The metadata as pairs of name and value for PyPI's upload form, without digests and content."""
    warnings: tuple[str, ...] = ()
    pypi_problems: tuple[str, ...] = ()
    """Problems of the archive itself that only PyPI rejects, not yet escaped for a terminal."""

    @property
    def name(self) -> NormalizedName:
        """The project's name, normalized (PEP 503)."""
        return canonicalize_name(self.project)

    def values(self, field: str) -> tuple[str, ...]:
        """Return the values of one form field; empty if it is absent."""
        return tuple(value for name, value in self.fields if name == field)


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
        if distribution is None or diagnostics.problems:
            problems[path] = diagnostics.problems
            continue
        rejected = (f"{escaped_line(problem)} (PyPI rejects this)" for problem in distribution.pypi_problems)
        more = warnings_for_pypi(distribution) if for_pypi else rejected
        warnings = (*map(escaped_line, diagnostics.warnings), *more)
        distributions.append(replace(distribution, warnings=warnings))
    for path, disagreement in _disagreements(distributions):
        problems.setdefault(path, []).append(disagreement)
    if problems:
        raise error_from(problems)
    return distributions


def _read(path: Path, diagnostics: Diagnostics) -> Distribution | None:
    """Read one file. `None` always comes with a problem; a `Distribution` can have problems too."""
    named = None
    try:
        named = parse_filename(path.name)
    except ValueError as error:
        diagnostics.problems.append(str(error))
    try:
        size = path.stat().st_size
        archive = _archive(path, size, diagnostics)
    except (OSError, ValueError) as error:
        diagnostics.problems.append(f"can't be read: {reason(error)}")
        return None
    fields = None if archive is None else metadata.parse(archive.metadata, diagnostics)
    if archive is None or fields is None or named is None:
        return None
    name, version, tags = named
    project, own_version = dict(fields)["name"], Version(dict(fields)["version"])
    if (canonicalize_name(project), own_version) != (name, version):
        diagnostics.problems.append(f"is named {name} {version}, but its metadata says {project} {own_version}")
    filetype: Literal["sdist", "bdist_wheel"] = "bdist_wheel" if tags else "sdist"
    python_version = ".".join(sorted({tag.interpreter for tag in tags})) or "source"
    distribution = Distribution(
        path=path,
        filename=path.name,
        size=size,
        filetype=filetype,
        project=project,
        version=str(own_version),
        fields=(("filetype", filetype), ("pyversion", python_version), *fields),
    )
    _check_readme(distribution, diagnostics)
    _check_license_files(distribution, archive, diagnostics)
    return replace(distribution, pypi_problems=tuple(diagnostics.pypi_problems))


def _archive(path: Path, size: int, diagnostics: Diagnostics) -> Archive | None:
    if not path.is_file():
        diagnostics.problems.append("is not a regular file")
    elif not size:
        diagnostics.problems.append("is empty")
    elif path.name.endswith(WHEEL_SUFFIX):
        return read_wheel(path, "-".join(path.name.split("-")[:2]), diagnostics)
    elif path.name.endswith(SDIST_SUFFIX):
        return read_sdist(path, diagnostics)
    else:
        diagnostics.problems.append(NOT_A_DISTRIBUTION)
    return None


def _check_readme(distribution: Distribution, diagnostics: Diagnostics) -> None:
    """Check that a README with a content type renders; only PyPI guesses the type of others."""
    for content_type in distribution.values("description_content_type"):
        for description in distribution.values("description"):
            rendering = readme.render(description, content_type)
            if rendering.problem:
                diagnostics.pypi_problems.append(rendering.problem)
            if rendering.warning:
                diagnostics.warnings.append(rendering.warning)


def _check_license_files(distribution: Distribution, archive: Archive, diagnostics: Diagnostics) -> None:
    """Check that the files that `License-File` names exist (PEP 639), as PyPI does."""
    if archive.names is None:
        return
    paths = {f"{archive.license_folder}/{file}" for file in distribution.values("license_file")}
    if absent := paths - archive.names:
        diagnostics.pypi_problems.append(f"lacks files that License-File names: {listed(absent)}")


def _disagreements(distributions: Iterable[Distribution]) -> Iterator[tuple[Path, str]]:
    """Find equal file names, and files of one release that spell its name or version differently.

    The index would keep the last of them.
    """
    by_filename: dict[str, Distribution] = {}
    by_release: dict[tuple[str, Version], Distribution] = {}
    for item in distributions:
        other = by_filename.setdefault(item.filename, item)
        if other is not item:
            yield item.path, f"has the same file name as {shown(other.path)}"
        other = by_release.setdefault((item.name, Version(item.version)), item)
        if (other.project, other.version) != (item.project, item.version):
            yield (
                item.path,
                f"spells its name and version {item.project} {item.version}, "
                f"but {shown(other.path)} spells them {other.project} {other.version}",
            )
