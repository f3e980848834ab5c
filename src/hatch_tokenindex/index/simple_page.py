"""Parsing a project's page of a simple API, as JSON (PEP 691) or HTML (PEP 503), into a `Listing`."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from datetime import datetime, timezone
from html.parser import HTMLParser
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from hatch_tokenindex.text import one_line, shortened

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
_DISTRIBUTIONS = (".whl", ".tar.gz", ".zip", ".egg")
_PYPI_PAGES = ("https://pypi.org/", "https://test.pypi.org/")
_FILE_HOSTS = {"files.pythonhosted.org", "test-files.pythonhosted.org"}
_FORM = re.compile(rb"<form[\s>]|<input\s[^<>]{0,999}password", re.IGNORECASE)


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
    """By file name; without those that the page says to belong to another index."""
    status: str | None = None
    """The project's status (PEP 792), such as `archived`."""
    status_reason: str = ""
    """The index's words about the status, on one line."""
    problem: str = ""

    @property
    def is_quarantined(self) -> bool:
        """Return True if the index offers none of the project's files until its administrators lift that."""
        return self.status == "quarantined"

    def has(self, filename: str, sha256: str) -> bool:
        """Return True if the index lists a file of this name with this hash."""
        listed = self.files.get(filename)
        return listed is not None and listed.sha256 == sha256


def has_form(content: bytes) -> bool:
    """Return True for a web page with a form or a password field, such as a sign-in page."""
    return _FORM.search(content) is not None


def parse(content: bytes, content_type: str, deadline: float, url: str) -> Listing:
    """Return the listing on the simple API's page at `url`. The content counts for more than the declared type.

    Raises:
        ValueError: The page is not one of a simple API.
        TimeoutError: Parsing took until after `deadline` (in seconds of `time.monotonic`), or too long.
    """
    start = content.removeprefix(BOM_UTF8).lstrip()[:1]
    # One character that is not ASCII can make a text take four times its size, so bytes are decoded one by one.
    text = content.removeprefix(BOM_UTF8).decode("latin-1")
    if start == b"{" or ("json" in content_type and start != b"<"):
        if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            msg = f"more than {_MOST_VALUES:,} values"
            raise ValueError(msg)
        return _from_json(json.loads(text), url)
    if start == b"<" or "html" in content_type:
        must_link = has_form(content) or b"<script" in content.lower() or "html" not in content_type
        return _from_html(text, min(deadline, monotonic() + _PARSING_TIME), url, must_link=must_link)
    msg = "neither JSON nor HTML of a simple API"
    raise ValueError(msg)


def _from_json(data: Any, url: str) -> Listing:
    if not isinstance(data, dict) or not isinstance(data.get("files"), list):
        msg = "not PEP 691"
        raise ValueError(msg)  # noqa: TRY004 - the page is invalid, not the type of an argument
    files = {}
    for item in map(_object, data["files"]):
        filename = item.get("filename")
        if isinstance(filename, str) and not _is_inherited(item.get("url"), url):
            digest = _digest(_object(item.get("hashes")).get("sha256"))
            files[filename] = ListedFile(digest, _time(item.get("upload-time")))
    status = _object(data.get("project-status"))
    return _listing(files, status.get("status"), status.get("reason"))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _from_html(text: str, deadline: float, url: str, *, must_link: bool) -> Listing:
    """Return the listing on an HTML page, which `must_link` a distribution if nothing else tells it from other pages."""
    page = _Page()
    for start in range(0, len(text), _SLICE):
        page.feed(text[start : start + _SLICE])
        if monotonic() > deadline:
            msg = "timed out"
            raise TimeoutError(msg)
        if len(page.rawdata) > _LONGEST_TAG or len(page.hrefs) > _MOST_LINKS:
            msg = "a tag without an end, or too many links"
            raise ValueError(msg)
    linked = list(_linked(page.hrefs))
    if must_link and not any(filename.endswith(_DISTRIBUTIONS) for _, filename, _ in linked):
        msg = "a web page"
        raise ValueError(msg)
    files = {filename: file for href, filename, file in linked if not _is_inherited(href, url)}
    return _listing(files, page.meta.get("pypi:project-status"), page.meta.get("pypi:project-status-reason"))


def _listing(files: Mapping[str, ListedFile], status: object, reason: object) -> Listing:
    words = shortened(one_line(_utf_8(reason))) if isinstance(reason, str) else ""
    files = {_utf_8(filename): file for filename, file in files.items()}
    return Listing(exists=True, files=files, status=status if isinstance(status, str) else None, status_reason=words)


def _utf_8(text: str) -> str:
    """Return a text of the page as it was meant: the page was decoded byte by byte."""
    try:
        return text if text.isascii() else text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _linked(hrefs: Iterable[str]) -> Iterator[tuple[str, str, ListedFile]]:
    for href in hrefs:
        path, _, fragment = href.partition("#")
        try:
            filename = unquote(urlsplit(path).path.rpartition("/")[2])
        except ValueError:
            continue
        hashes = dict(part.lower().split("=", 1) for part in fragment.split("&") if "=" in part)
        yield href, filename, ListedFile(_digest(hashes.get("sha256")))


def _is_inherited(href: object, page: str) -> bool:
    """Return True if a file's URL tells that it belongs to another index than the one whose page links to it.

    A page of devpi lists the files of the index's `bases` too, but keeps every file below its own USER/INDEX. Other
    indexes pass PyPI's pages on.
    """
    is_devpi = "/+simple/" in page
    if page.startswith(_PYPI_PAGES) or not (is_devpi or "pythonhosted.org" in str(href)):
        # Joining the URLs of 50,000 files takes a second.
        return False
    try:
        file = urlsplit(urljoin(page, str(href)))
    except ValueError:
        return False
    if file.hostname in _FILE_HOSTS:
        return True
    own = urlsplit(page).path.partition("/+simple/")[0]
    owner = re.split(r"/\+[ef]/", file.path, maxsplit=1)
    return is_devpi and len(owner) > 1 and unquote(owner[0]).split("/")[-2:] != unquote(own).split("/")[-2:]


def _digest(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and re.fullmatch("[0-9a-fA-F]{64}", value) else None


def _time(value: object) -> float | None:
    try:
        time = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return None


class _Page(HTMLParser):
    """The links of a PEP 503 page, and its metadata such as the project's status."""

    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.meta: dict[str | None, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and (href := values.get("href")):
            self.hrefs.append(href)
        elif tag == "meta":
            self.meta[values.get("name")] = values.get("content")

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: FBT001, FBT002 - as inherited
        """Ignore an unknown `<![...]>`, as browsers and newer versions of Python do; older ones raise AssertionError."""
        return self.parse_bogus_comment(i, report)
