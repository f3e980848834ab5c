"""Attestations that lie beside a distribution, checked as far as that needs no network: PEP 740."""

from __future__ import annotations

import base64
import json
from glob import escape
from typing import TYPE_CHECKING, Any, NoReturn

from hatch_tokenindex.distributions.diagnostics import grouped, reason
from hatch_tokenindex.distributions.files import ATTESTATION_SUFFIX, sha256
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from hatch_tokenindex.distributions.distribution import Distribution

_LARGEST = 2**20
"""Bytes; a real one has some five thousand."""
_MOST = 2


def attestations_of(item: Distribution) -> tuple[Path, ...]:
    """The files `<distribution>.<kind>.attestation` beside a distribution, in order."""
    return tuple(sorted(item.path.parent.glob(f"{escape(item.filename)}.*{ATTESTATION_SUFFIX}")))


def read_attestations(items: Iterable[Distribution]) -> Mapping[Path, str]:
    """The attestations of each distribution that has some, by its path, as the JSON array that the upload form takes.

    Each must be a PEP 740 attestation with one subject that has this file's name and digest, and a predicate that no other
    one has; there may be two. Raises `DistributionError` with all problems.
    """
    found: dict[Path, str] = {}
    problems: dict[Path, list[str]] = {}
    for item in items:
        paths = attestations_of(item)
        if not paths:
            continue
        digest, predicates, texts = sha256(item.path), set[str](), []
        for path in paths:
            try:
                text, predicate = _read(path, item.filename, digest)
                if predicate in predicates:
                    _refuse(f"is a second one with the predicate {escaped_line(predicate)}; an index takes one of each")
                predicates.add(predicate)
                texts.append(text)
            except (OSError, ValueError) as error:
                problems[path] = [reason(error)]
        if len(paths) > _MOST:
            problems[item.path] = [f"has {len(paths)} attestations; an index takes {_MOST}"]
        found[item.path] = f"[{', '.join(texts)}]"
    if problems:
        raise grouped(problems)
    return found


def _read(path: Path, filename: str, digest: str) -> tuple[str, str]:
    """An attestation as JSON on one line of ASCII, and its predicate."""
    if not path.is_file():
        _refuse("is not a regular file")
    if path.stat().st_size > _LARGEST:
        _refuse("is far too large for an attestation")
    try:
        content = _parsed(path.read_bytes())
        text = json.dumps(content)
        # Half of a surrogate pair is JSON for Python alone.
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        _refuse("is no JSON")
    try:
        statement = _statement(content)
        (subject,) = statement["subject"]
        name, attested, predicate = subject["name"], subject["digest"]["sha256"], statement["predicateType"]
    except (KeyError, TypeError, ValueError, RecursionError):
        _refuse("is no attestation (PEP 740) with exactly one subject")
    if name != filename:
        _refuse(f"is about {escaped_line(str(name))}, and not about {filename}")
    if attested != digest:
        _refuse("is about other content: the file was built again after it was attested")
    if not isinstance(predicate, str) or not predicate:
        _refuse("has no predicate type")
    return text, predicate


def _statement(content: Any) -> Any:
    """The statement of an attestation (https://in-toto.io/Statement/v1), if all that it needs is there.

    PyPI's answer to one that lacks something has line breaks in its status line, which proxies make a bare 5xx of.
    """
    material, envelope = content["verification_material"], content["envelope"]
    entries = material["transparency_entries"]
    is_list = isinstance(entries, list) and entries and all(isinstance(entry, dict) for entry in entries)
    if content["version"] != 1 or not is_list:
        raise ValueError
    # Some tools break the lines of base64, which PyPI ignores.
    _, _, statement = map(base64.b64decode, (material["certificate"], envelope["signature"], envelope["statement"]))
    return _parsed(statement)


def _parsed(content: bytes) -> Any:
    """JSON without the numbers that only Python takes for JSON."""
    return json.loads(content, parse_constant=_refuse)


def _refuse(what: str) -> NoReturn:
    raise ValueError(what)
