"""Attestations that lie beside a distribution, checked as far as that needs no network: PEP 740."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, NoReturn

from hatch_tokenindex.distributions.files import ATTESTATION_SUFFIX, sha256
from hatch_tokenindex.distributions.findings import grouped, reason

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_tokenindex.distributions.distribution import Distribution

_LARGEST = 2**20
_MOST = 2


def attestations_of(item: Distribution) -> tuple[Path, ...]:
    """The files `<distribution>.<kind>.attestation` beside a distribution, in order."""
    return tuple(sorted(item.path.parent.glob(f"{_escaped(item.filename)}.*{ATTESTATION_SUFFIX}")))


def read_attestations(item: Distribution) -> str | None:
    """The attestations of a distribution as the JSON array that the upload form takes; `None` if it has none.

    Each must be JSON, with one subject that has this file's name and digest, and a predicate that no other one has; there
    may be two. Raises `DistributionError` with all problems.
    """
    found: list[Any] = []
    problems: dict[Path, list[str]] = {}
    predicates: set[str] = set()
    for path in attestations_of(item):
        try:
            content = _read(path)
            predicate = _checked(content, item)
            if predicate in predicates:
                _refuse(f"is a second one with the predicate {predicate}; an index takes one of each")
            predicates.add(predicate)
            found.append(content)
        except (OSError, ValueError, RecursionError) as error:
            problems[path] = [reason(error)]
    if len(found) > _MOST:
        problems[item.path] = [f"has {len(found)} attestations; an index takes {_MOST}"]
    if problems:
        raise grouped(problems)
    return json.dumps(found) if found else None


def _escaped(filename: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in filename)


def _read(path: Path) -> Any:
    if path.stat().st_size > _LARGEST:
        _refuse("is far too large for an attestation")
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        _refuse("is no JSON")


def _checked(content: Any, item: Distribution) -> str:
    """The predicate type of an attestation that is about this file (https://in-toto.io/Statement/v1)."""
    try:
        statement = json.loads(base64.b64decode(content["envelope"]["statement"], validate=True))
        (subject,) = statement["subject"]
        name, digest, predicate = subject["name"], subject["digest"]["sha256"], statement["predicateType"]
    except (KeyError, TypeError, ValueError):
        _refuse("is no attestation with exactly one subject")
    if name != item.filename:
        _refuse(f"is about {name}, and not about {item.filename}")
    if digest != sha256(item.path):
        _refuse("is about other content: the file was built again after it was attested")
    if not isinstance(predicate, str) or not predicate:
        _refuse("has no predicate type")
    return predicate


def _refuse(what: str) -> NoReturn:
    raise ValueError(what)
