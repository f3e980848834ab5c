"""Reading and checking wheels, sdists and their attestations on disk, without a network."""

from __future__ import annotations

from hatch_tokenindex.distributions.attestations import attestations_of, read_attestations
from hatch_tokenindex.distributions.files import find, parse_filename, project_of, sha256
from hatch_tokenindex.distributions.pypi import check_for_pypi
from hatch_tokenindex.distributions.reading import Distribution, read, read_all

__all__ = [
    "Distribution",
    "attestations_of",
    "check_for_pypi",
    "find",
    "parse_filename",
    "project_of",
    "read",
    "read_all",
    "read_attestations",
    "sha256",
]
