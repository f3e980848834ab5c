"""Which files of a project the index has: its simple API, as JSON (PEP 691) or HTML (PEP 503)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from html.parser import HTMLParser
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from hatch_tokenindex import urls
from hatch_tokenindex.index.kinds import simple_urls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import httpx

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.index.clock import Clock
    from hatch_tokenindex.secrets import Secret

ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
TIME_LIMIT = 30
"""Seconds for one page: a hint is not worth more."""
SIZE_LIMIT = 64 * 2**20
"""Bytes of one page; the largest of PyPI have some ten million."""
_SLICE = 64 * 1024
"""Characters of a page that are parsed between two looks at the clock."""
_LONGEST_TAG = 2**18
"""Characters; a parser of Python can take hours for what never ends."""
_REDIRECTS = 5
_NOT_FOUND = 404
_WANTS_CREDENTIALS = {401, 403}


@dataclass(frozen=True)
class ListedFile:
    """One file that the index has; `None` for what it doesn't tell. `uploaded` is in unix seconds."""

    sha256: str | None
    uploaded: float | None = None


@dataclass(frozen=True)
class Listing:
    """What the index says of one project. `exists` is `None` where it could not be asked, and `problem` says why.

    A `False` is a hint and no proof: a page may be old, and a private index may answer 404 for what one may not see.
    """

    exists: bool | None
    files: Mapping[str, ListedFile] = field(default_factory=dict)
    status: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class SimpleApi:
    """Asks the simple API of one repository."""

    client: httpx.Client
    repository: Repository
    clock: Clock

    def listing(self, project: str, authorization: Callable[[], Secret | None]) -> Listing:
        """What the index has of `project` (normalized, PEP 503). An index that can't be asked is no error.

        What `authorization` answers is sent only after a 401 or 403, only to the upload URL's own origin, never to PyPI.
        """
        for address in simple_urls(self.repository):
            url = f"{address}{project}/"
            answer = self._ask(url, None)
            own = self.repository.site is None and urls.origin(address) == urls.origin(self.repository.url)
            if (
                isinstance(answer, int)
                and answer in _WANTS_CREDENTIALS
                and own
                and (header := authorization()) is not None
            ):
                answer = self._ask(url, header)
            if isinstance(answer, Listing):
                return answer
            if answer != _NOT_FOUND:
                return Listing(None, problem=f"it answered with status {answer}")
        return Listing(exists=False)

    def _ask(self, url: str, authorization: Secret | None) -> Listing | int:
        """The page, or the status with which it was not given."""
        import httpx

        time_limit = min(TIME_LIMIT, self.repository.timeout)
        deadline = monotonic() + time_limit
        headers = {"Accept": ACCEPT, "Cache-Control": "no-cache"}
        if authorization is not None:
            headers["Authorization"] = authorization.reveal()
        try:
            for _ in range(_REDIRECTS):
                with self.client.stream("GET", url, headers=headers, timeout=time_limit) as response:
                    self.clock.correct(response.headers)
                    if response.status_code == httpx.codes.OK:
                        return parse(_content(response, deadline), response.headers.get("content-type", ""), deadline)
                    if not response.has_redirect_location:
                        return response.status_code
                    target = urljoin(url, response.headers["location"])
                    if urls.problem_with(target):
                        return Listing(None, problem="it redirects to what is no URL")
                    if urls.origin(target) != urls.origin(url):
                        # What pypiserver doesn't have itself, it looks for at PyPI. A host that is named after the
                        # credential was sent could quote it.
                        host = urls.origin(target)[1] if authorization is None else "another host"
                        elsewhere = Listing(None, problem=f"it redirects to {host}")
                        return _NOT_FOUND if urls.site(target) else elsewhere
                    url = target
        except httpx.HTTPError as error:
            return Listing(None, problem=f"it could not be reached ({type(error).__name__})")
        except (httpx.InvalidURL, ValueError, RecursionError):
            return Listing(None, problem="its answer can't be understood")
        return Listing(None, problem="it redirects in a circle")


def _content(response: httpx.Response, deadline: float) -> bytes:
    content = bytearray()
    for block in response.iter_bytes():
        content += block
        if len(content) > SIZE_LIMIT:
            msg = "too large"
            raise ValueError(msg)
        _check_time(deadline)
    return bytes(content)


def _check_time(deadline: float) -> None:
    if monotonic() > deadline:
        msg = "too slow"
        raise ValueError(msg)


def parse(content: bytes, content_type: str, deadline: float) -> Listing:
    """A page of the simple API. Raises `ValueError` for one that isn't, or takes longer than to the `deadline`."""
    if "json" in content_type:
        return _from_json(json.loads(content))
    if "html" in content_type:
        return _from_html(content.decode("utf-8", "replace"), deadline)
    msg = "neither JSON nor HTML"
    raise ValueError(msg)


def _from_json(data: Any) -> Listing:
    if not isinstance(data, dict) or not isinstance(data.get("files"), list):
        msg = "not PEP 691"
        raise ValueError(msg)  # noqa: TRY004 - a page that says something else
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
    try:
        for start in range(0, len(text), _SLICE):
            page.feed(text[start : start + _SLICE])
            _check_time(deadline)
            if len(page.rawdata) > _LONGEST_TAG:
                msg = "a tag that never ends"
                raise ValueError(msg)
    except AssertionError:
        # The parser's word for a `<![` that it doesn't know.
        msg = "not HTML"
        raise ValueError(msg) from None
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
    """A PEP 503 page: its links, and the project's status (PEP 792)."""

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
