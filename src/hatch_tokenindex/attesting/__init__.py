"""Attestations (PEP 740) made in the run and verified, with the libraries of the extra `attestations`.

Importing this package imports neither of them: they are large, and most runs don't need them.
"""

from __future__ import annotations

from importlib.util import find_spec

INSTALLING = (
    'install it into the environment of Hatch, with pip: python -m pip install "hatch-tokenindex[attestations]"'
)
"""Advice for a missing extra: it is missed in CI jobs, where pip installs Hatch."""
AUDIENCE = "sigstore"
"""The audience of the identity tokens that Sigstore accepts."""
PUBLISH_PREDICATE = "https://docs.pypi.org/attestations/publish/v1"


def is_installed() -> bool:
    """Return True if the extra `attestations` is installed; imports nothing of it."""
    return all(find_spec(name) is not None for name in ("sigstore", "pypi_attestations"))
