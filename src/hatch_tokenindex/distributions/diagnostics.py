"""Problems and warnings about files, collected so that one run shows all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hatch_tokenindex.errors import DistributionError
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class Diagnostics:
    """Problems and warnings about one file: one-line predicates like "is empty", escaped for a terminal."""

    problems: list[str] = field(default_factory=list)
    """Reasons not to publish the file on any index."""
    warnings: list[str] = field(default_factory=list)
    """Oddities that don't prevent publishing."""
    pypi_problems: list[str] = field(default_factory=list)
    """Reasons for which only PyPI and TestPyPI reject the archive."""

    def add_problem(self, text: str) -> None:
        self.problems.append(escaped_line(text))

    def add_warning(self, text: str) -> None:
        self.warnings.append(escaped_line(text))

    def add_pypi_problem(self, text: str) -> None:
        self.pypi_problems.append(escaped_line(text))


def reason(error: Exception) -> str:
    """Return an exception's text, without the path that the operating system's errors repeat."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def shown(path: Path) -> str:
    """Return a path as it can be typed here: relative if it is below the current folder."""
    try:
        return escaped_line(str(path.relative_to(Path.cwd())))
    except (ValueError, OSError):
        return escaped_line(str(path))


def error_from(problems: Mapping[Path, Sequence[str]]) -> DistributionError:
    """Return one error that lists the problems of all files."""
    if len(problems) == 1:
        ((path, lines),) = problems.items()
        return DistributionError("\n  ".join([f"{shown(path)} can't be published:", *lines]))
    blocks = ("\n  ".join([f"{shown(path)}:", *lines]) for path, lines in problems.items())
    return DistributionError("\n".join([f"{len(problems)} files can't be published:", *blocks]))
