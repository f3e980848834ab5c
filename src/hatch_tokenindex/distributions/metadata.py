"""Core metadata: from the bytes of a METADATA or PKG-INFO to the fields of PyPI's upload form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email

from hatch_tokenindex.distributions.archives import listed, mebibytes
from hatch_tokenindex.distributions.diagnostics import reason

if TYPE_CHECKING:
    from packaging.version import Version

    from hatch_tokenindex.distributions.diagnostics import Diagnostics


class _Field(NamedTuple):
    """One field of core metadata."""

    header: str
    key: str
    """Its key in `packaging.metadata.RawMetadata`."""
    form: str
    """Its name in PyPI's upload form: the header's, except for two that are plural there."""
    since: tuple[int, int] = (1, 0)
    """The metadata version that brought it."""


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
HEADERS = {field.form: field.header for field in _FIELDS}
"""The header that each field of the upload form comes from."""

_BY_HEADER = {field.header.lower(): field for field in _FIELDS}
_NEWEST = max(field.since for field in _FIELDS)
_ESSENTIAL = frozenset({"name", "version"})
_REQUIRED = _ESSENTIAL | {"metadata_version"}

_METADATA_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")
_HEADER_START = re.compile(r"^\S", re.MULTILINE)
_END_OF_HEADERS = re.compile(r"\r?\n\r?\n")

# The parser looks through all headers for each one, and takes its time for long ones. Real projects have a few hundred.
_HEADER_LIMIT = 5_000
_HEADERS_LIMIT = 1024 * 1024

# Until metadata 2.1, the description was a header: its lines were indented by these (core metadata, "Description").
_FOLDED = re.compile(r"\n(?: {8}| {7}\|)")
_BODY_SINCE = (2, 1)

# What `packaging` and the standard library's parser of messages raise for hostile text, besides `InvalidMetadata`.
_UNPARSABLE = (ValueError, LookupError, RecursionError, AssertionError, AttributeError, TypeError)


@dataclass(frozen=True)
class CoreMetadata:
    """The metadata of one file."""

    name: str
    """As it is spelt there."""
    version: Version
    fields: tuple[tuple[str, str], ...]
    """Names and values for the upload form, a pair per value."""

    def values(self, field: str) -> tuple[str, ...]:
        """The values of one form field, none where it is absent."""
        return tuple(value for name, value in self.fields if name == field)


def parse(content: bytes, findings: Diagnostics) -> CoreMetadata | None:
    """Return what a METADATA or PKG-INFO says, or `None` where even the name or the version can't be told.

    Values that are empty or `UNKNOWN` are left out, and so are headers that the declared metadata version doesn't have;
    the values that remain are as they stand in the file. What is invalid goes to `findings`.
    """
    text = _text(content, findings)
    if text is None:
        return None
    try:
        parsed, unparsed = parse_email(text)
    except _UNPARSABLE as error:
        findings.problem(f"the metadata can't be parsed: {reason(error)}")
        return None
    raw = _without_empty(parsed)
    _report_unparsed(unparsed, findings)
    _report_missing(raw, unparsed, findings)
    metadata = Metadata.from_raw(cast("RawMetadata", raw), validate=False)
    declared, understood = _metadata_version(metadata, raw, findings)
    _drop_later(raw, declared, findings)
    faults = {key: fault for key in sorted(raw.keys() - {"metadata_version"}) if (fault := _fault(metadata, key))}
    for key, fault in faults.items():
        report = findings.problem if understood or key in _ESSENTIAL else findings.warning
        report(fault)
    if _ESSENTIAL.difference(raw) or _ESSENTIAL.intersection(faults):
        return None
    if declared is not None and declared < _BODY_SINCE and "description" in raw:
        raw["description"] = _FOLDED.sub("\n", raw["description"])
    fields = tuple((field.form, value) for field in _FIELDS if field.key in raw for value in _values(field, raw))
    return CoreMetadata(metadata.name, metadata.version, fields)


def _text(content: bytes, findings: Diagnostics) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        findings.problem(f"the metadata is not UTF-8: byte {error.start} can't be decoded")
        return None
    headers = _END_OF_HEADERS.split(text, maxsplit=1)[0]
    if len(headers) > _HEADERS_LIMIT or len(_HEADER_START.findall(headers)) > _HEADER_LIMIT:
        findings.problem(
            f"the metadata has more than {_HEADER_LIMIT:,} headers, or {mebibytes(_HEADERS_LIMIT)} of them"
        )
        return None
    return text


def _report_unparsed(unparsed: dict[str, list[str]], findings: Diagnostics) -> None:
    """Report the headers that the parser set aside: what nobody knows, and what is there too often."""
    for header in sorted(unparsed.keys() & _BY_HEADER.keys()):
        match header:
            case "project-url":
                findings.problem("Project-URL has one label twice")
            case "description":
                findings.problem("the description is there twice, as a header and as the body, or is no plain text")
            case _:
                findings.problem(f"{_BY_HEADER[header].header} is there {len(unparsed[header])} times instead of once")
    if unknown := unparsed.keys() - _BY_HEADER.keys():
        findings.warning(f"not sent, because core metadata has no such field: {listed(unknown)}")


def _report_missing(raw: dict[str, Any], unparsed: dict[str, list[str]], findings: Diagnostics) -> None:
    for field in _FIELDS:
        if field.key in _REQUIRED and field.key not in raw and field.header.lower() not in unparsed:
            findings.problem(f"the metadata has no {field.header}")


def _without_empty(parsed: RawMetadata) -> dict[str, Any]:
    """Leave out what says nothing: PyPI ignores empty values, and `UNKNOWN` is what old build tools write for them."""
    raw: dict[str, Any] = {}
    for key, value in parsed.items():
        kept = [item for item in value if not _is_empty(item)] if isinstance(value, list) else value
        if kept and not (isinstance(kept, str) and _is_empty(kept)):
            raw[key] = kept
    return raw


def _is_empty(value: str) -> bool:
    return value.strip() in {"", "UNKNOWN"}


def _metadata_version(
    metadata: Metadata, raw: dict[str, Any], findings: Diagnostics
) -> tuple[tuple[int, int] | None, bool]:
    """The declared metadata version, if it is a version at all, and whether its rules are known."""
    declared = str(raw.get("metadata_version", ""))
    if not declared:
        return None, True
    matched = _METADATA_VERSION.fullmatch(declared)
    version = (int(matched[1]), int(matched[2])) if matched else None
    fault = _fault(metadata, "metadata_version")
    if fault is None:
        return version, True
    if version is not None and version > _NEWEST:
        findings.warning(f"metadata version {declared} is newer than this program: sent as far as it is understood")
        return version, False
    findings.problem(fault)
    return version, True


def _drop_later(raw: dict[str, Any], declared: tuple[int, int] | None, findings: Diagnostics) -> None:
    """Leave out the fields that came after the declared metadata version: PyPI refuses a form that has them."""
    later = [field for field in _FIELDS if field.key in raw and declared is not None and field.since > declared]
    for field in later:
        del raw[field.key]
    if later:
        headers = listed(field.header for field in later)
        findings.warning(f"not sent, because metadata version {raw['metadata_version']} has no such field: {headers}")


def _fault(metadata: Metadata, key: str) -> str | None:
    """What is wrong with one field; `packaging` validates it when it is looked at."""
    try:
        getattr(metadata, key)
    except InvalidMetadata as error:
        return str(error)
    except _UNPARSABLE as error:
        return f"{key.replace('_', '-')} can't be parsed: {reason(error)}"
    return None


def _values(field: _Field, raw: dict[str, Any]) -> list[str]:
    """The values of one field for the form."""
    value: str | list[str] | dict[str, str] = raw[field.key]
    if isinstance(value, dict):
        return [f"{label}, {url}" for label, url in value.items()]
    if field.key == "keywords":
        return [",".join(value)]
    return [value] if isinstance(value, str) else value
