"""Prints the lowest versions of what this project and its extra depend on that its metadata admits, as constraints for pip.

Run it where the project is installed: the bounds that don't apply to this Python are left out.
"""

from __future__ import annotations

import sys
from importlib.metadata import requires
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_EXTRAS = ("", "attestations")


def main() -> None:
    """Print the bounds; a requirement without one ends the script with its text."""
    try:
        for pin in lower_bounds(requires("hatch-tokenindex") or []):
            print(pin)
    except ValueError as error:
        sys.exit(str(error))


def lower_bounds(requirements: Iterable[str]) -> Iterator[str]:
    """`name==version` for each requirement (PEP 508) that applies here; `ValueError` for one without a lower bound."""
    for text in requirements:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in _EXTRAS):
            continue
        bounds = [part.version for part in requirement.specifier if part.operator == ">="]
        if len(bounds) != 1:
            msg = f"{text} should have one lower bound, like {requirement.name}>=1.0"
            raise ValueError(msg)
        yield f"{requirement.name}=={bounds[0]}"


if __name__ == "__main__":
    main()
