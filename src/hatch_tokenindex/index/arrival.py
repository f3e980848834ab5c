"""Waiting until the index lists uploaded files: its pages can be minutes old."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

from hatch_tokenindex.backoff import Backoff
from hatch_tokenindex.errors import NotListedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hatch_tokenindex.index.simple_page import Listing

BACKOFF = Backoff(first=1, longest=30)


def wait_until_listed(
    digests: Mapping[str, Mapping[str, str]], listing: Callable[[str], Listing], seconds: float
) -> None:
    """Return once the index lists every file with its hash; an index without hashes need only list the files.

    Args:
        digests: The sha256 (hexadecimal) of each file, by project and file name.

    Raises:
        NotListedError: The time limit passed, or a project is quarantined and so lists no files.
    """
    deadline, requests, missing = monotonic() + seconds, 0, digests
    while missing := {name: left for name, files in missing.items() if (left := _unlisted(name, files, listing(name)))}:
        remaining = deadline - monotonic()
        if remaining <= 0:
            names = ", ".join(filename for files in missing.values() for filename in files)
            msg = (
                f"The index did not list these files within {seconds:g} seconds: {names}\n"
                f"The index accepted them. Its pages can be cached for ten minutes or more.\n"
                f"Fix: check the project's page later; don't upload again."
            )
            raise NotListedError(msg)
        sleep(min(BACKOFF.pause(requests), remaining))
        requests += 1


def quarantine(project: str, listing: Listing) -> str:
    """Return what a quarantine (PEP 792) means, with the index's words about it."""
    reason = f" ({listing.status_reason})" if listing.status_reason else ""
    return f"{project} is quarantined{reason}: the index offers none of its files until the administrators lift that."


def _unlisted(project: str, files: Mapping[str, str], listing: Listing) -> Mapping[str, str]:
    listed = listing.files
    missing = {
        filename: digest
        for filename, digest in files.items()
        if filename not in listed or listed[filename].sha256 not in {None, digest}
    }
    if missing and listing.is_quarantined:
        msg = f"{quarantine(project, listing)}\nFix: log in to the index and reply to its administrators; don't upload again."
        raise NotListedError(msg)
    return missing
