"""Asking an index which files of a project it has, through its simple API (PEP 503, PEP 691)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from hatch_tokenindex import urls
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.index.kinds import simple_urls
from hatch_tokenindex.index.responses import read_body, time_limit
from hatch_tokenindex.index.simple_page import Listing, parse
from hatch_tokenindex.secrets import REDACTOR

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.index.clock import Clock
    from hatch_tokenindex.secrets import Secret

ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
TIME_LIMIT = 30
"""Seconds for one page; an upload works without it."""
SIZE_LIMIT = 16 * 2**20
"""Bytes of one page; PyPI's largest have about ten million."""
_REDIRECTS = 5


class _UnavailableError(Exception):
    """The index doesn't answer, whoever asks; the text says why."""


@dataclass(frozen=True)
class SimpleApi:
    """The simple API of one repository."""

    client: httpx.Client
    repository: Repository
    clock: Clock

    def listing(
        self, project: str, authorization: Callable[[], Secret | None], is_complete: Callable[[Listing], bool]
    ) -> Listing:
        """Return the project's files on the index; an index that can't be asked is no error.

        Args:
            project: The project's name, normalized (PEP 503).
            authorization: Returns the value of `Authorization`. It is called and sent only if the anonymous answer is not
                complete, only to the upload URL's own origin, and never to PyPI.
            is_complete: Returns True for a listing with every file of the run. Anonymous users can be shown less than
                there is: a 404, a sign-in page, or the files of another index.

        Raises:
            CredentialError: There is no credential, and nothing is listed without one.
        """
        problem = ""
        for folder in simple_urls(self.repository):
            try:
                found = self._ask(f"{folder}{project}/", authorization, is_complete)
            except _UnavailableError as error:
                return Listing(None, problem=str(error))
            if found.exists is not False:
                return found
            problem = problem or found.problem
        return Listing(exists=False, problem=problem)

    def _ask(
        self, url: str, authorization: Callable[[], Secret | None], is_complete: Callable[[Listing], bool]
    ) -> Listing:
        """Return an index's answer, asked anonymously and, where that isn't enough, with the credential."""
        anonymous = self._get(url, None)
        is_own = self.repository.site is None and urls.web_origin(url) == urls.web_origin(self.repository.url)
        if not is_own or is_complete(anonymous):
            return anonymous
        try:
            header = authorization()
        except CredentialError:
            # A run with nothing to upload needs none; any other says later what is missing.
            if anonymous.exists is None:
                raise
            return anonymous
        if header is None:
            return anonymous
        try:
            known = self._get(url, header)
        except _UnavailableError as error:
            known = Listing(None, problem=str(error))
        return replace(anonymous, problem=known.problem) if known.exists is None else known

    def _may_set_clock(self, url: str) -> bool:
        """Return True for the upload URL's own origin and PyPI's own hosts: the clock decides how long a token lives."""
        site = self.repository.site
        is_same_site = site is not None and urls.site(url) == site
        return is_same_site or urls.web_origin(url) == urls.web_origin(self.repository.url)

    def _get(self, url: str, authorization: Secret | None) -> Listing:
        """Return the page's listing. Raises `_UnavailableError`."""
        import httpx

        from hatch_tokenindex.index.transport import connection_failure

        try:
            return self._get_page(url, authorization)
        except (httpx.TimeoutException, TimeoutError):
            problem = "timed out"
        except httpx.TransportError as error:
            problem = connection_failure(error, url).value.title
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
            return Listing(None, problem="invalid response")
        raise _UnavailableError(problem[:1].lower() + problem[1:])

    def _get_page(self, url: str, authorization: Secret | None) -> Listing:
        seconds = min(TIME_LIMIT, self.repository.timeout)
        headers = {"Accept": ACCEPT, "Cache-Control": "no-cache"}
        if authorization is not None:
            headers["Authorization"] = authorization.reveal()
        with time_limit(seconds) as deadline:
            for _ in range(_REDIRECTS):
                with self.client.stream("GET", url, headers=headers, timeout=seconds) as response:
                    if self._may_set_clock(url):
                        self.clock.correct(response.headers)
                    if response.status_code == HTTPStatus.OK:
                        content = read_body(response, limit=SIZE_LIMIT)
                        return _listing(content, response.headers.get("content-type", "").lower(), deadline, url)
                    if not response.has_redirect_location:
                        return _without_page(response.status_code)
                    target = urljoin(url, response.headers["location"])
                    if urls.problem_with(target):
                        return Listing(None, problem="redirect to an invalid URL")
                    if urls.web_origin(target) != urls.web_origin(url):
                        if urls.site(target):
                            # pypiserver redirects to PyPI for every project that it doesn't have.
                            return Listing(exists=False)
                        # Once the credential was sent, the host's name could quote it.
                        host = urls.web_origin(target)[1] if authorization is None else "another host"
                        return Listing(None, problem=REDACTOR.redact(f"redirect to {host}"))
                    url = target
        return Listing(None, problem="too many redirects")


def _listing(content: bytes, content_type: str, deadline: float, url: str) -> Listing:
    try:
        return parse(content, content_type, deadline, url)
    except (ValueError, RecursionError):
        is_page = content.lstrip()[:1] == b"<"
        return Listing(None, problem="a sign-in page or another web page" if is_page else "invalid response")


def _without_page(status: int) -> Listing:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        msg = f"HTTP {status}"
        raise _UnavailableError(msg)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return Listing(exists=False)
    return Listing(None, problem=f"HTTP {status}")
