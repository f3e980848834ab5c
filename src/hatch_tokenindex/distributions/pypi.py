"""Checks for everything that only PyPI and TestPyPI reject and that can be found before uploading."""

from __future__ import annotations

import re
from email.utils import getaddresses
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.version import Version

from hatch_tokenindex.distributions import readme
from hatch_tokenindex.distributions.files import parse_filename
from hatch_tokenindex.distributions.metadata import HEADERS
from hatch_tokenindex.distributions.problems import listed, mebibytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_tokenindex.distributions.reading import Distribution

_USUAL_LIMIT = 100 * 1024 * 1024
"""Bytes of a file; the limit of a project is raised on request, but never above the next."""
_LARGEST_FILE = 1024 * 1024 * 1024
_LONGEST_SUMMARY = 512
_LONGEST_LABEL = 32
_PRIVATE = "Private ::"

# What PyPI accepts of `email-validator`, apart from rare cases, which it decides itself.
_ATOM = r'[^\0-\x20\x7f"(),.:;<>@\[\\\]]+'
_LABEL = r"(?!-)[A-Za-z0-9\x80-\U0010ffff-]{1,63}(?<!-)"
_ADDRESS = rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*\.(?P<top>{_LABEL})"
_RESERVED_DOMAINS = {"arpa", "invalid", "local", "localhost", "onion", "test"}
_LONGEST_ADDRESSES = 1_000
"""Characters of a field; parsing takes time that grows with the square of their number."""
_WEB_ADDRESS = re.compile(r"https?:", re.IGNORECASE)

# Platforms that PyPI has never accepted. It accepts more and more others, and so has to decide on those itself.
_UNSUPPORTED_PLATFORM = re.compile(
    r"linux_(?!armv[67]l$)|macosx_(?:1[1-9]|[2-9][0-9])_[1-9]|(?:freebsd|netbsd|openbsd|dragonfly|solaris|aix|mingw)_"
)


def check_for_pypi(distribution: Distribution, *, is_sound: bool = True) -> tuple[str, ...]:
    """Return the reasons for which PyPI would reject this file, apart from those that depend on PyPI's database.

    They are not yet escaped for a terminal.

    Args:
        distribution: The file.
        is_sound: False for a file with other problems; checks that could report the same fault again are skipped.
    """
    return (
        *distribution.pypi_problems,
        *(_file(distribution) if is_sound else ()),
        *(_requirements(distribution) if is_sound else ()),
        *_metadata(distribution),
        *_readme(distribution),
    )


def warnings_for_pypi(distribution: Distribution) -> Iterator[str]:
    """Yield the reasons for which PyPI may reject this file."""
    from trove_classifiers import classifiers

    if _USUAL_LIMIT < distribution.size <= _LARGEST_FILE:
        yield (
            f"is larger than {mebibytes(_USUAL_LIMIT)}, which PyPI allows only on request "
            f"(https://docs.pypi.org/project-management/storage-limits)"
        )
    if unknown := set(distribution.values("classifiers")) - classifiers:
        yield f"has classifiers that PyPI may not know: {listed(unknown)}"


def _file(distribution: Distribution) -> Iterator[str]:
    if distribution.size > _LARGEST_FILE:
        yield f"is larger than {mebibytes(_LARGEST_FILE)}"
    if Version(distribution.version).local:
        yield f"has the local version {distribution.version}: remove the part from the plus sign on"
    escaped = distribution.name.replace("-", "_")
    if distribution.filetype == "sdist":
        expected = f"{escaped}-{distribution.version}.tar.gz"
        if distribution.filename != expected:
            yield f"must be named {expected} (PEP 625)"
        return
    if not distribution.filename.startswith(f"{escaped}-"):
        yield f"must have a name that starts with {escaped} (binary distribution format)"
    platforms = {tag.platform for tag in parse_filename(distribution.filename)[2]}
    if unsupported := [platform for platform in platforms if _UNSUPPORTED_PLATFORM.match(platform)]:
        for_linux = " (for Linux, build a manylinux or musllinux wheel, for example with auditwheel)"
        advice = for_linux if any(platform.startswith("linux_") for platform in unsupported) else ""
        yield f"is for an unsupported platform: {listed(unsupported)}{advice}"


def _metadata(distribution: Distribution) -> Iterator[str]:
    yield from _links(distribution)
    for summary in distribution.values("summary"):
        if len(summary) > _LONGEST_SUMMARY:
            yield f"has a summary of {len(summary)} characters (maximum {_LONGEST_SUMMARY})"
    for field in ("author_email", "maintainer_email"):
        for value in distribution.values(field):
            if problem := _address_problem(value):
                yield f"has {problem} in {HEADERS[field]}: {value}"
    yield from _classifiers(distribution)
    if distribution.values("license") and distribution.values("license_expression"):
        yield "has both License and License-Expression: remove License"


def _classifiers(distribution: Distribution) -> Iterator[str]:
    from trove_classifiers import deprecated_classifiers

    for classifier in distribution.values("classifiers"):
        if classifier.startswith(_PRIVATE):
            yield f"has the classifier {classifier}, which blocks uploads"
        elif classifier != classifier.strip():
            yield f"has spaces around the classifier {classifier.strip()}"
        elif classifier in deprecated_classifiers:
            instead = " or ".join(deprecated_classifiers[classifier])
            yield f"has the deprecated classifier {classifier}: {f'use {instead}' if instead else 'remove it'}"


def _address_problem(value: str) -> str | None:
    """Return what is wrong with a field of one address; PyPI accepts everything in place of several, or of none."""
    if len(value) > _LONGEST_ADDRESSES or value.count("(") != value.count(")"):
        return None
    try:
        addresses = [address for _, address in getaddresses([value])]
    except RecursionError:
        return None
    if len(addresses) != 1 or not addresses[0] or "[" in addresses[0]:
        return None
    if "@" not in addresses[0]:
        return "no email address"
    found = re.fullmatch(_ADDRESS, addresses[0])
    if found is None or found["top"][-1].isdecimal() or found["top"].lower() in _RESERVED_DOMAINS:
        return "an email address that can't exist"
    return None


def _requirements(distribution: Distribution) -> Iterator[str]:
    for field in ("requires_dist", "provides_dist", "obsoletes_dist"):
        for value in distribution.values(field):
            try:
                direct = Requirement(value).url
            except (ValueError, RecursionError):
                yield f"has an invalid {HEADERS[field]}: {value}"
            else:
                if direct:
                    yield f"depends on a URL, which is not allowed: {value}"


def _links(distribution: Distribution) -> Iterator[str]:
    for field in ("home_page", "download_url"):
        for url in distribution.values(field):
            if not _WEB_ADDRESS.match(url):
                yield f"has a {HEADERS[field]} that is not an http(s) URL: {url}"
    for value in distribution.values("project_urls"):
        label, _, url = (part.strip() for part in value.partition(","))
        if not label or len(label) > _LONGEST_LABEL:
            yield f"has a Project-URL label that is not 1 to {_LONGEST_LABEL} characters long: {value}"
        if not _WEB_ADDRESS.match(url):
            yield f"has a Project-URL that is not an http(s) URL: {value}"


def _readme(distribution: Distribution) -> Iterator[str]:
    """Check a README without a content type, which PyPI renders as reStructuredText; others are checked on reading."""
    if distribution.values("description_content_type"):
        return
    for description in distribution.values("description"):
        if problem := readme.render(description, "").problem:
            yield f"{problem.rstrip('.')} (set Description-Content-Type if it is not reStructuredText)"
