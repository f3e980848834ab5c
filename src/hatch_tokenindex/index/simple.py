"""Asking an index which files of a project it has, through its simple API (PEP 503, PEP 691)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from hatch_tokenindex import urls
from hatch_tokenindex.index.kinds import simple_urls
from hatch_tokenindex.index.responses import read_body, time_limit
from hatch_tokenindex.index.simple_page import Listing, parse
from hatch_tokenindex.secrets import RUN

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
_NOT_FOUND = 404
_WANTS_CREDENTIALS = (401, 403)


@dataclass(frozen=True)
class SimpleApi:
    """The simple API of one repository."""

    client: httpx.Client
    repository: Repository
    clock: Clock

    def listing(self, project: str, authorization: Callable[[], Secret | None]) -> Listing:
        """Return the project's files on the index; an index that can't be asked is no error.

        Args:
            project: The project's name, normalized (PEP 503).
            authorization: Returns the value of `Authorization`. It is called and sent only after a 401 or 403, only to the
                upload URL's own origin, and never to PyPI.
        """
        for folder in simple_urls(self.repository):
            url = f"{folder}{project}/"
            answer = self._get(url, None)
            own = self.repository.site is None and urls.web_origin(folder) == urls.web_origin(self.repository.url)
            if answer in _WANTS_CREDENTIALS and own and (header := authorization()) is not None:
                answer = self._get(url, header)
            if isinstance(answer, Listing):
                return answer
            if answer != _NOT_FOUND:
                return Listing(None, problem=f"HTTP {answer}")
        return Listing(exists=False)

    def _may_set_clock(self, url: str) -> bool:
        """Return True for the upload URL's own origin and PyPI's own hosts: the clock decides how long a token lives."""
        site = self.repository.site
        is_same_site = site is not None and urls.site(url) == site
        return is_same_site or urls.web_origin(url) == urls.web_origin(self.repository.url)

    def _get(self, url: str, authorization: Secret | None) -> Listing | int:
        """Return the page's listing, or the status of a response without a page."""
        import httpx

        seconds = min(TIME_LIMIT, self.repository.timeout)
        headers = {"Accept": ACCEPT, "Cache-Control": "no-cache"}
        if authorization is not None:
            headers["Authorization"] = authorization.reveal()
        try:
            with time_limit(seconds) as deadline:
                for _ in range(_REDIRECTS):
                    with self.client.stream("GET", url, headers=headers, timeout=seconds) as response:
                        if self._may_set_clock(url):
                            self.clock.correct(response.headers)
                        if response.status_code == httpx.codes.OK:
                            content = read_body(response, limit=SIZE_LIMIT)
                            return parse(content, response.headers.get("content-type", ""), deadline)
                        if not response.has_redirect_location:
                            return response.status_code
                        target = urljoin(url, response.headers["location"])
                        if urls.problem_with(target):
                            return Listing(None, problem="redirect to an invalid URL")
                        if urls.web_origin(target) != urls.web_origin(url):
                            # pypiserver redirects to PyPI for every project that it doesn't have. Once the credential was
                            # sent, the host's name could quote it.
                            host = urls.web_origin(target)[1] if authorization is None else "another host"
                            return (
                                _NOT_FOUND
                                if urls.site(target)
                                else Listing(None, problem=RUN.redact(f"redirect to {host}"))
                            )
                        url = target
        except (httpx.TimeoutException, TimeoutError):
            return Listing(None, problem="timed out")
        except httpx.HTTPError as error:
            return Listing(None, problem=f"connection failed ({type(error).__name__})")
        except (httpx.InvalidURL, ValueError, RecursionError):
            return Listing(None, problem="invalid response")
        return Listing(None, problem="too many redirects")
