"""Reading and checking the attestations beside a distribution (PEP 740), without a network."""

from __future__ import annotations

import base64
import json
from glob import escape
from typing import TYPE_CHECKING, Any, NoReturn

from hatch_tokenindex.distributions.files import ATTESTATION_SUFFIX, sha256
from hatch_tokenindex.distributions.problems import error_from, mebibytes, reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

LARGEST_ATTESTATION = 2**20
"""In bytes; a real one has about five thousand."""
_MOST = 2


def attestations_of(distribution: Path) -> list[Path]:
    """Return the files `<distribution>.<kind>.attestation` beside a distribution, sorted."""
    return sorted(distribution.parent.glob(f"{escape(distribution.name)}.*{ATTESTATION_SUFFIX}"))


def read_attestations(distributions: Iterable[Path]) -> Mapping[Path, Mapping[str, str]]:
    """Return the attestations of each distribution that has any: JSON on one line of ASCII, by predicate.

    A distribution may have two attestations with different predicates, each with one subject: its name and digest.

    Raises:
        DistributionError: Attestations are invalid; the text lists all problems of all files.
    """
    found: dict[Path, dict[str, str]] = {}
    problems: dict[Path, list[str]] = {}
    for distribution in distributions:
        paths = attestations_of(distribution)
        if not paths:
            continue
        digest = sha256(distribution)
        texts = found[distribution] = {}
        for path in paths:
            try:
                text, predicate = _read(path, distribution.name, digest)
                if predicate in texts:
                    _refuse(f"is a second attestation with the predicate {predicate}; only one is allowed")
                texts[predicate] = text
            except (OSError, ValueError) as error:
                problems[path] = [reason(error)]
        if len(paths) > _MOST:
            problems[distribution] = [f"has {len(paths)} attestations; only {_MOST} are allowed"]
    if problems:
        raise error_from(problems)
    return found


def _read(path: Path, filename: str, digest: str) -> tuple[str, str]:
    """Return an attestation as JSON on one line of ASCII, and its predicate."""
    if not path.is_file():
        _refuse("is not a regular file")
    if path.stat().st_size > LARGEST_ATTESTATION:
        _refuse(f"is larger than {mebibytes(LARGEST_ATTESTATION)}")
    try:
        content = _parsed(path.read_bytes())
        text = json.dumps(content)
        # Only Python accepts half of a surrogate pair as JSON.
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        _refuse("is not valid JSON")
    try:
        statement = _statement(content)
        (subject,) = statement["subject"]
        name, attested, predicate = subject["name"], subject["digest"]["sha256"], statement["predicateType"]
    except (KeyError, TypeError, ValueError, RecursionError):
        _refuse("is not an attestation (PEP 740) with exactly one subject")
    if name != filename:
        _refuse(f"attests {name}, not {filename}")
    if attested != digest:
        _refuse("attests other content: the distribution was rebuilt after it was attested")
    if not isinstance(predicate, str) or not predicate:
        _refuse("has no predicate type")
    return text, predicate


def _statement(content: Any) -> Any:
    """Return an attestation's statement (https://in-toto.io/Statement/v1) after checking that no required part is missing.

    PyPI's response to a missing part has line breaks in its status line, which proxies turn into a bare 5xx.
    """
    material, envelope = content["verification_material"], content["envelope"]
    entries = material["transparency_entries"]
    is_list = isinstance(entries, list) and entries and all(isinstance(entry, dict) for entry in entries)
    if content["version"] != 1 or not is_list:
        raise ValueError
    # Some tools wrap base64; PyPI ignores the line breaks.
    _, _, statement = map(base64.b64decode, (material["certificate"], envelope["signature"], envelope["statement"]))
    return _parsed(statement)


def _parsed(content: bytes) -> Any:
    """Parse JSON, without the numbers that only Python accepts."""
    return json.loads(content, parse_constant=_refuse)


def _refuse(problem: str) -> NoReturn:
    raise ValueError(problem)
