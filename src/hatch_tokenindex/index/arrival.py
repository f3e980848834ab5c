"""Waiting until the index lists what was uploaded: its pages can be minutes old."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

from hatch_tokenindex.errors import NotListedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hatch_tokenindex.index.simple import Listing

FIRST_PAUSE = 1.0
"""Seconds before the index is asked again; each further pause is twice as long."""
LONGEST_PAUSE = 30.0


def wait_until_listed(
    digests: Mapping[str, Mapping[str, str]], listing: Callable[[str], Listing], seconds: float
) -> None:
    """Ask until every file is listed with its hash. Raises `NotListedError` when that isn't so after so many seconds.

    `digests` holds the sha256 (hex) of each project's files by their names; `listing` answers what the index has of a
    project now. An index that tells no hashes is believed.
    """
    deadline, pause, missing = monotonic() + seconds, FIRST_PAUSE, digests
    while missing := {name: left for name, files in missing.items() if (left := _unlisted(files, listing(name)))}:
        remaining = deadline - monotonic()
        if remaining <= 0:
            names = ", ".join(filename for files in missing.values() for filename in files)
            msg = (
                f"The files are uploaded, but after {seconds:g} seconds the index does not list {names}. Its pages can be "
                f"minutes old: look again later, and don't upload again."
            )
            raise NotListedError(msg)
        sleep(min(pause, remaining))
        pause = min(2 * pause, LONGEST_PAUSE)


def _unlisted(files: Mapping[str, str], listing: Listing) -> Mapping[str, str]:
    listed = listing.files
    return {
        filename: digest
        for filename, digest in files.items()
        if filename not in listed or listed[filename].sha256 not in {None, digest}
    }
