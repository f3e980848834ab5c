"""What is wrong with a file, collected while it is read, so that one run shows all of it."""

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
    """Three lists of one-line texts about one file; what is added can be shown on a terminal as it is."""

    problems: list[str] = field(default_factory=list)
    """What no index can use, or what would publish something else than the file's name says."""
    warnings: list[str] = field(default_factory=list)
    """What is sent all the same, or left out."""
    refused_by_pypi: list[str] = field(default_factory=list)
    """What is wrong with the archive for PyPI and TestPyPI alone."""

    def problem(self, text: str) -> None:
        self.problems.append(escaped_line(text))

    def warning(self, text: str) -> None:
        self.warnings.append(escaped_line(text))

    def pypi_refuses(self, text: str) -> None:
        self.refused_by_pypi.append(escaped_line(text))


def reason(error: Exception) -> str:
    """What an exception says, without the path that the operating system's errors repeat."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def shown(path: Path) -> str:
    """A path as a person would type it here: relative to the current folder where it lies below."""
    try:
        return escaped_line(str(path.relative_to(Path.cwd())))
    except (ValueError, OSError):
        return escaped_line(str(path))


def grouped(problems: Mapping[Path, Sequence[str]]) -> DistributionError:
    """One error for all `problems`, by file."""
    blocks = ["\n".join([f"{shown(path)}:", *(f"  {line}" for line in lines)]) for path, lines in problems.items()]
    return DistributionError("\n".join(blocks))
