"""Parsing a project's page of a simple API, as JSON (PEP 691) or HTML (PEP 503), into a `Listing`."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from datetime import datetime, timezone
from html.parser import HTMLParser
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from hatch_tokenindex.index.responses import check_deadline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SLICE = 64 * 1024
"""Characters of HTML that are parsed between two checks of the deadline."""
_MOST_VALUES = 500_000
"""Values in a JSON page; PyPI's largest have half as many. An empty one is 3 bytes of the page and 60 of memory."""
_MOST_LINKS = 100_000
"""Links in an HTML page; PyPI's largest have half as many."""
_PARSING_TIME = 8
"""Seconds for an HTML page."""
_LONGEST_TAG = 2**18
"""Characters; Python's parser can take hours for a tag without an end."""


@dataclass(frozen=True)
class ListedFile:
    """A file on the index; `None` stands for what the index doesn't say."""

    sha256: str | None
    """In lower-case hexadecimal."""
    uploaded: float | None = None
    """The time of the upload in Unix seconds."""


@dataclass(frozen=True)
class Listing:
    """An index's answer about one project.

    `exists` being false is a hint, not proof: the page may be outdated, and a private index may answer 404 where access is
    denied.
    """

    exists: bool | None
    """`None` if the index could not be asked; `problem` says why."""
    files: Mapping[str, ListedFile] = field(default_factory=dict)
    """By file name."""
    status: str | None = None
    """The project's status (PEP 792), such as `archived`."""
    problem: str = ""


def parse(content: bytes, content_type: str, deadline: float) -> Listing:
    """Return the listing on a page of the simple API.

    Raises:
        ValueError: The page is not one of a simple API.
        TimeoutError: Parsing took until after `deadline` (in seconds of `time.monotonic`), or too long.
    """
    # File names, digests and the status are ASCII; one other character can make a text take four times its size.
    text = content.removeprefix(BOM_UTF8).decode("latin-1")
    if "json" in content_type:
        if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            msg = f"more than {_MOST_VALUES:,} values"
            raise ValueError(msg)
        return _from_json(json.loads(text))
    if "html" in content_type:
        return _from_html(text, min(deadline, monotonic() + _PARSING_TIME))
    msg = "neither JSON nor HTML"
    raise ValueError(msg)


def _from_json(data: Any) -> Listing:
    if not isinstance(data, dict) or not isinstance(data.get("files"), list):
        msg = "not PEP 691"
        raise ValueError(msg)  # noqa: TRY004 - the page is invalid, not the type of an argument
    files = {}
    for item in data["files"]:
        if isinstance(item, dict) and isinstance(item.get("filename"), str):
            hashes = item.get("hashes")
            files[item["filename"]] = ListedFile(
                _digest(hashes.get("sha256")) if isinstance(hashes, dict) else None, _time(item.get("upload-time"))
            )
    status = data.get("project-status")
    status = status.get("status") if isinstance(status, dict) else None
    return Listing(exists=True, files=files, status=status if isinstance(status, str) else None)


def _from_html(text: str, deadline: float) -> Listing:
    page = _Page()
    for start in range(0, len(text), _SLICE):
        page.feed(text[start : start + _SLICE])
        check_deadline(deadline)
        if len(page.rawdata) > _LONGEST_TAG:
            msg = "a tag without an end"
            raise ValueError(msg)
        if len(page.hrefs) > _MOST_LINKS:
            msg = f"more than {_MOST_LINKS:,} links"
            raise ValueError(msg)
    return Listing(exists=True, files=dict(_linked(page.hrefs)), status=page.status)


def _linked(hrefs: Iterable[str]) -> Iterator[tuple[str, ListedFile]]:
    for href in hrefs:
        path, _, fragment = href.partition("#")
        algorithm, _, digest = fragment.partition("=")
        try:
            filename = unquote(urlsplit(path).path.rpartition("/")[2])
        except ValueError:
            continue
        yield filename, ListedFile(_digest(digest) if algorithm == "sha256" else None)


def _digest(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and len(value) == 64 else None  # noqa: PLR2004


def _time(value: object) -> float | None:
    try:
        time = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return None


class _Page(HTMLParser):
    """The links and the project's status on a PEP 503 page."""

    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.status: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and (href := values.get("href")):
            self.hrefs.append(href)
        elif tag == "meta" and values.get("name") == "pypi:project-status":
            self.status = values.get("content")

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: FBT001, FBT002 - as inherited
        """Ignore an unknown `<![...]>`, as browsers and newer versions of Python do; older ones raise AssertionError."""
        return self.parse_bogus_comment(i, report)
