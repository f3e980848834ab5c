"""The provenance of files that PyPI serves: https://docs.pypi.org/api/integrity/."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from hatch_tokenindex.errors import AttestationError
from hatch_tokenindex.index.responses import read_body, time_limit

if TYPE_CHECKING:
    import httpx

ACCEPT = "application/vnd.pypi.integrity.v1+json"
TIME_LIMIT = 30
"""Seconds."""
SIZE_LIMIT = 2**24
"""Bytes."""


def provenance_url(site: str, filename: str) -> str:
    """Return the URL of a file's provenance on `site`, `pypi.org` or `test.pypi.org`.

    Raises:
        AttestationError: The name is not that of a distribution.
    """
    parse = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
    try:
        project, version = parse(filename)[:2]
    except ValueError:
        msg = f"{filename} does not have the name of a wheel or an sdist"
        raise AttestationError(msg) from None
    return f"https://{site}/integrity/{project}/{quote(str(version))}/{quote(filename)}/provenance"


def fetch_provenance(client: httpx.Client, site: str, filename: str) -> bytes | None:
    """Return the provenance object (PEP 740) of a file, None if the index has none.

    Raises:
        AttestationError: The index can't be asked.
    """
    import httpx

    url, headers = provenance_url(site, filename), {"Accept": ACCEPT}
    try:
        with time_limit(TIME_LIMIT), client.stream("GET", url, headers=headers, timeout=TIME_LIMIT) as response:
            if response.status_code == HTTPStatus.NOT_FOUND:
                return None
            if response.status_code == HTTPStatus.OK:
                return read_body(response, limit=SIZE_LIMIT)
            why = f"HTTP {response.status_code}"
    except httpx.TimeoutException:
        why = "timed out"
    except httpx.HTTPError as error:
        why = f"connection failed ({type(error).__name__})"
    except ValueError:
        why = "response too large"
    msg = f"Could not get the attestations of {filename} from {site}: {why}"
    raise AttestationError(msg)
