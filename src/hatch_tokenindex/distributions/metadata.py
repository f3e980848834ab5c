"""Parsing core metadata (METADATA or PKG-INFO) into the fields of PyPI's upload form."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, cast

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email

from hatch_tokenindex.distributions.problems import Diagnostics, listed, mebibytes, reason


class _Field(NamedTuple):
    """A field of core metadata."""

    header: str
    key: str
    """Its key in `packaging.metadata.RawMetadata`."""
    form: str
    """Its name in PyPI's upload form: that of the header, except for two plurals."""
    since: tuple[int, int] = (1, 0)
    """The metadata version that introduced it."""


# https://packaging.python.org/en/latest/specifications/core-metadata/
_FIELDS = (
    _Field("Metadata-Version", "metadata_version", "metadata_version"),
    _Field("Name", "name", "name"),
    _Field("Version", "version", "version"),
    _Field("Dynamic", "dynamic", "dynamic", (2, 2)),
    _Field("Platform", "platforms", "platform"),
    _Field("Supported-Platform", "supported_platforms", "supported_platform", (1, 1)),
    _Field("Summary", "summary", "summary"),
    _Field("Description", "description", "description"),
    _Field("Description-Content-Type", "description_content_type", "description_content_type", (2, 1)),
    _Field("Keywords", "keywords", "keywords"),
    _Field("Home-page", "home_page", "home_page"),
    _Field("Download-URL", "download_url", "download_url", (1, 1)),
    _Field("Author", "author", "author"),
    _Field("Author-email", "author_email", "author_email"),
    _Field("Maintainer", "maintainer", "maintainer", (1, 2)),
    _Field("Maintainer-email", "maintainer_email", "maintainer_email", (1, 2)),
    _Field("License", "license", "license"),
    _Field("License-Expression", "license_expression", "license_expression", (2, 4)),
    _Field("License-File", "license_files", "license_file", (2, 4)),
    _Field("Classifier", "classifiers", "classifiers", (1, 1)),
    _Field("Project-URL", "project_urls", "project_urls", (1, 2)),
    _Field("Requires-Python", "requires_python", "requires_python", (1, 2)),
    _Field("Requires-Dist", "requires_dist", "requires_dist", (1, 2)),
    _Field("Requires-External", "requires_external", "requires_external", (1, 2)),
    _Field("Provides-Extra", "provides_extra", "provides_extra", (2, 1)),
    _Field("Provides-Dist", "provides_dist", "provides_dist", (1, 2)),
    _Field("Obsoletes-Dist", "obsoletes_dist", "obsoletes_dist", (1, 2)),
    _Field("Import-Name", "import_names", "import_name", (2, 5)),
    _Field("Import-Namespace", "import_namespaces", "import_namespace", (2, 5)),
    _Field("Requires", "requires", "requires", (1, 1)),
    _Field("Provides", "provides", "provides", (1, 1)),
    _Field("Obsoletes", "obsoletes", "obsoletes", (1, 1)),
)
_HEADER_OF = {field.key: field.header for field in _FIELDS}
HEADERS = {field.form: field.header for field in _FIELDS}
"""The header of each field of the upload form."""

_BY_HEADER = {field.header.lower(): field for field in _FIELDS}
_NEWEST = max(field.since for field in _FIELDS)
_ESSENTIAL = ("name", "version")
_REJECTED = {
    "project-url": "has several Project-URLs with the same label",
    "description": "has several descriptions, or one that is not plain text",
}
"""The reason why the parser rejects these headers; all others are repeated."""

_METADATA_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")
_HEADER_START = re.compile(rb"^\S", re.MULTILINE)
# The standard library would search the description for parts, in time that grows with the square of its length.
_MULTIPART = re.compile(r"^content-type\s*:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
# The standard library takes much memory for each line of the description, so it parses this in its place.
_BODY = "description"

# Parsing takes time that grows with the square of the number of headers. Real projects have a few hundred.
_HEADER_LIMIT = 5_000
_HEADERS_LIMIT = 1024 * 1024
# Before metadata 2.1, the description was a header, with its lines indented (core metadata, "Description").
_FOLDED = re.compile(r"\n(?: {8}| {7}\|)")
_BODY_SINCE = (2, 1)
_LONGEST_UNKNOWN = 1_000
_LONGEST = {
    "description_content_type": 200,
    "license_expression": 10_000,
    "requires_dist": 10_000,
    "requires_python": 10_000,
}
"""Characters of values whose parsers take time that grows with the square of their number."""
_OF_SEVERAL_LINES = frozenset({"description", "license"})
_CONTINUED = re.compile(r"\r?\n[ \t]+")

# The draft (PEP 426) that wheels of 2014 to 2018 declare; what they contain became metadata 2.1.
_DRAFT = "2.0"

# Exceptions of `packaging` and of the standard library's message parser for hostile text, besides `InvalidMetadata`.
_UNPARSABLE = (ValueError, LookupError, RecursionError, AssertionError, AttributeError, TypeError)


def parse(content: bytes, diagnostics: Diagnostics) -> tuple[tuple[str, str], ...] | None:
    """Return pairs of name and value for the upload form, or `None` without a valid name and version.

    Empty values, `UNKNOWN` and headers that the declared metadata version doesn't have are left out; all other values are
    kept unchanged. Problems are added to `diagnostics`.
    """
    parts = _parts(content, diagnostics)
    if parts is None:
        return None
    headers, body = parts
    try:
        parsed, unparsed = parse_email(headers + _BODY if body else headers)
    except _UNPARSABLE as error:
        diagnostics.problems.append(f"has metadata that can't be parsed: {reason(error)}")
        return None
    if body and "description" in parsed:
        parsed["description"] = parsed["description"].removesuffix(_BODY) + body
    raw = _without_empty(parsed)
    _drop_long(raw, diagnostics)
    _report_headers(raw, unparsed, diagnostics)
    metadata = Metadata.from_raw(cast("RawMetadata", raw), validate=False)
    declared, understood = _metadata_version(metadata, raw, diagnostics)
    _drop_later(raw, declared, diagnostics)
    faults = {key: fault for key in sorted(raw.keys() - {"metadata_version"}) if (fault := _fault(metadata, key))}
    for key, fault in faults.items():
        found = diagnostics.problems if understood or key in _ESSENTIAL else diagnostics.warnings
        found.append(fault)
    if any(key not in raw or key in faults for key in _ESSENTIAL):
        return None
    if declared is not None and declared < _BODY_SINCE and "description" in raw:
        raw["description"] = _FOLDED.sub("\n", raw["description"])
    return tuple((field.form, value) for field in _FIELDS if field.key in raw for value in _values(field, raw))


def _parts(content: bytes, diagnostics: Diagnostics) -> tuple[str, str] | None:
    """Return the headers, with the blank line behind them, and the description that follows."""
    found = _END_OF_HEADERS.search(content)
    end = found.end() if found else len(content)
    if end > _HEADERS_LIMIT or len(_HEADER_START.findall(content, 0, end)) > _HEADER_LIMIT:
        diagnostics.problems.append(
            f"has more than {_HEADER_LIMIT:,} metadata headers, or {mebibytes(_HEADERS_LIMIT)} of them"
        )
        return None
    start = 0
    try:
        headers = content[:end].decode("utf-8-sig")
        start = end
        body = str(memoryview(content)[end:], "utf-8")
    except UnicodeDecodeError as error:
        diagnostics.problems.append(f"has metadata that is not UTF-8 (byte {start + error.start})")
        return None
    if _MULTIPART.search(headers):
        diagnostics.problems.append("has metadata with a Content-Type of several parts")
        return None
    return headers, body


def _drop_long(raw: dict[str, Any], diagnostics: Diagnostics) -> None:
    """Report and remove values that would take too long to parse."""
    for key, longest in _LONGEST.items():
        value = raw.get(key, ())
        if any(len(each) > longest for each in ([value] if isinstance(value, str) else value)):
            diagnostics.problems.append(f"has a {_HEADER_OF[key]} of more than {longest:,} characters")
            del raw[key]


def _report_headers(raw: dict[str, Any], unparsed: dict[str, list[str]], diagnostics: Diagnostics) -> None:
    """Report the headers that the parser rejected, duplicates and unknown ones, and those that are missing."""
    for header in sorted(unparsed.keys() & _BY_HEADER.keys()):
        several = f"has {len(unparsed[header])} {_BY_HEADER[header].header} headers; only one is allowed"
        diagnostics.problems.append(_REJECTED.get(header, several))
    if unknown := unparsed.keys() - _BY_HEADER.keys():
        diagnostics.warnings.append(f"unknown metadata fields are not uploaded: {listed(unknown)}")
    for key in ("metadata_version", *_ESSENTIAL):
        header = _HEADER_OF[key]
        if key not in raw and header.lower() not in unparsed:
            diagnostics.problems.append(f"has no {header} in its metadata")


def _without_empty(parsed: RawMetadata) -> dict[str, Any]:
    """Return the metadata on single lines, without empty values, which PyPI ignores.

    Old build tools write `UNKNOWN` for an empty value.
    """
    raw: dict[str, Any] = {}
    for key, found in parsed.items():
        if isinstance(found, dict):
            raw[key] = found
            continue
        values = cast("list[str]", [found] if isinstance(found, str) else found)
        if key not in _OF_SEVERAL_LINES:
            values = [_unfolded(value) for value in values]
        kept = [value for value in values if not _is_empty(value)]
        if kept:
            raw[key] = kept[0] if isinstance(found, str) else kept
    return raw


def _unfolded(value: str) -> str:
    """Return a value as one line: a header can continue on indented lines (RFC 822, 3.1.1)."""
    *lines, last = _CONTINUED.split(value)
    # Not with the pattern: it would take time that grows with the square of the number of blanks.
    return " ".join([*(line.rstrip(" \t") for line in lines), last])


def _is_empty(value: str) -> bool:
    return not value or value.isspace() or (len(value) <= _LONGEST_UNKNOWN and value.strip() == "UNKNOWN")


def _metadata_version(
    metadata: Metadata, raw: dict[str, Any], diagnostics: Diagnostics
) -> tuple[tuple[int, int] | None, bool]:
    """Return the declared metadata version, `None` if it is invalid, and True unless its rules are unknown."""
    declared = str(raw.get("metadata_version", ""))
    if not declared:
        return None, True
    if declared == _DRAFT:
        diagnostics.pypi_problems.append(f"has metadata version {_DRAFT}, which was never released: build it again")
        return _BODY_SINCE, True
    matched = _METADATA_VERSION.fullmatch(declared)
    version = (int(matched[1]), int(matched[2])) if matched else None
    fault = _fault(metadata, "metadata_version")
    if fault is None:
        return version, True
    if version is not None and version > _NEWEST:
        newest = ".".join(map(str, _NEWEST))
        diagnostics.warnings.append(
            f"metadata version {declared} is newer than {newest}; only known fields are uploaded"
        )
        return version, False
    diagnostics.problems.append(fault)
    return None, True


def _drop_later(raw: dict[str, Any], declared: tuple[int, int] | None, diagnostics: Diagnostics) -> None:
    """Remove fields that are newer than the declared metadata version: PyPI rejects a form that has them."""
    later = [field for field in _FIELDS if field.key in raw and declared is not None and field.since > declared]
    for field in later:
        del raw[field.key]
    if later:
        headers = listed(field.header for field in later)
        diagnostics.warnings.append(
            f"fields that metadata version {raw['metadata_version']} doesn't have are not uploaded: {headers}"
        )


def _fault(metadata: Metadata, key: str) -> str | None:
    """Return the problem with one field, if any; `packaging` validates it on access."""
    try:
        getattr(metadata, key)
    except InvalidMetadata as error:
        return f"has invalid metadata: {error}"
    except _UNPARSABLE as error:
        return f"has a {key.replace('_', '-')} that can't be parsed: {reason(error)}"
    return None


def _values(field: _Field, raw: dict[str, Any]) -> list[str]:
    """Return the values of one field for the upload form."""
    value: str | list[str] | dict[str, str] = raw[field.key]
    if isinstance(value, dict):
        return [f"{label}, {url}" for label, url in value.items()]
    if field.key == "keywords":
        return [",".join(value)]
    return [value] if isinstance(value, str) else value
