"""Upload one file to the index: PyPI's legacy upload API, which all indexes speak (https://docs.pypi.org/api/upload/)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hatch_tokenindex.backoff import Backoff
from hatch_tokenindex.errors import TokenIndexError, UploadError
from hatch_tokenindex.index.client import next_url
from hatch_tokenindex.index.form import Form
from hatch_tokenindex.index.kinds import kind_of
from hatch_tokenindex.index.proxies import proxy_for
from hatch_tokenindex.index.refusals import Attempt, ConnectionFailure, Doubt, Refusal, Response, refusal, unreachable
from hatch_tokenindex.index.refusals.message import decoded
from hatch_tokenindex.index.responses import read_body
from hatch_tokenindex.index.simple_page import has_form
from hatch_tokenindex.secrets import REDACTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.distributions import Distribution
    from hatch_tokenindex.index.clock import Clock
    from hatch_tokenindex.index.refusals import Upload
    from hatch_tokenindex.index.simple import SimpleApi
    from hatch_tokenindex.index.simple_page import Listing
    from hatch_tokenindex.secrets import Secret

ACCEPT = "application/json, */*;q=0.5"
"""Makes PyPI answer in JSON, whose `code` holds its own words over HTTP/2 too."""
BACKOFF = Backoff(first=1, longest=60, jitter=0.5)
ANSWER_LIMIT = 2**20
"""Bytes that are read of a response."""
LONGEST_WAIT = 600
"""Seconds that an index may ask us to wait before the run ends and says so."""
_REDIRECTS = 3
# Not 202, a promise to store the file later, nor 203, with which a gateway answers in place of the index, as Azure does
# with its sign-in page.
_SUCCESS = {200, 201, 204}
CONFIRMATIONS = 7
"""Times that the index is asked whether it has stored a file: with `BACKOFF`, for 30 to 60 seconds."""


class Watcher(Protocol):
    """Shows the progress of each file; any thread may call it."""

    def begun(self, item: Distribution) -> None:
        """Show that the upload of a file begins."""

    def sent(self, item: Distribution, size: int) -> None:
        """Show that `size` bytes of a file were handed to the network."""

    def retrying(self, item: Distribution, why: str, seconds: float) -> None:
        """Show that a file is sent again after a pause."""


@dataclass(frozen=True)
class Uploader:
    """Uploads to one repository, from any thread. `pause` waits for some seconds."""

    client: httpx.Client
    repository: Repository
    api: SimpleApi
    clock: Clock
    watcher: Watcher
    pause: Callable[[float], object]

    def upload(self, upload: Upload) -> str:
        """Upload a file and return its sha256 in hexadecimal once the index has it.

        Connection errors, time-outs, 5xx and 429 are retried with the identical bytes.

        Raises:
            UploadError: The index refused the file, or could not be reached.
            DistributionError: The file became unreadable, or changed.
        """
        item, form = upload.distribution, Form(upload.distribution, _more_fields(upload, self.repository.url))
        self.watcher.begun(item)
        attempts, doubt = 0, Doubt.NONE
        try:
            # Each round is one attempt. A refusal ends the loop unless the same bytes may be accepted later. What makes
            # this hard is that a file can arrive without our learning of it: `doubt` is how far that is possible after
            # all attempts so far. The index is asked for the file's hash when an attempt got no response, when it says
            # that the file exists, and before giving up in doubt. A yes ends the loop with success; a no proves nothing,
            # since pages are cached. A success that proves nothing either is waited for.
            while True:
                refused = self._attempt(upload, form)
                if refused is None or (refused.is_unconfirmed and self._is_confirmed(upload, form)):
                    return form.digest
                before, doubt = doubt, max(doubt, refused.doubt)
                wait = BACKOFF.pause(attempts) if refused.retry_after is None else refused.retry_after
                is_last = not refused.row.retry or attempts >= self.repository.retries or wait > LONGEST_WAIT
                should_ask = refused.doubt is Doubt.NO_RESPONSE or refused.row.exists or (is_last and doubt)
                if should_ask and not refused.is_unconfirmed and self._has_arrived(upload, form, refused, before):
                    return form.digest
                if is_last:
                    raise _error(refused, doubt)
                self.watcher.retrying(item, refused.said[0], wait)
                self.pause(wait)
                attempts += 1
        except UploadError:
            raise
        except TokenIndexError as error:
            if doubt is not Doubt.NO_RESPONSE:
                raise
            raise UploadError(str(error), possibly_uploaded=True) from None

    def _attempt(self, upload: Upload, form: Form) -> Refusal | None:
        refused = self._send(upload, form)
        if refused is not None and refused.calls_token_expired and refused.attempt.is_narrowed:
            # The response has just corrected our clock.
            return self._send(upload, form)
        return refused

    def _send(self, upload: Upload, form: Form) -> Refusal | None:
        import httpx

        from hatch_tokenindex.index.transport import connection_failure

        proxy, progress = proxy_for(self.repository.url), _Progress(upload.distribution, self.watcher)
        attempt = Attempt(upload, self.repository, upload.authorize(), None if proxy is None else proxy.setting)
        try:
            response = self._post(attempt, form, progress)
        except httpx.TransportError as error:
            kind = connection_failure(error, attempt.url)
            if kind.came_after_sending and proxy is not None and not progress.is_begun:
                kind = ConnectionFailure.PROXY_FAILED
            return unreachable(kind, str(error), attempt, REDACTOR.redact, was_sent=progress.is_whole)
        self.clock.correct(response.headers)
        return None if _is_proof(response) else refusal(response, attempt, REDACTOR.redact)

    def _post(self, attempt: Attempt, form: Form, progress: _Progress) -> Response:
        url = attempt.url
        for _ in range(_REDIRECTS):
            response = self._post_to(url, attempt, form, progress)
            target = next_url(url, response.headers.get("location", ""), response.status)
            if target is None:
                break
            url = target
        return response

    def _post_to(self, url: str, attempt: Attempt, form: Form, progress: _Progress) -> Response:
        headers = {"Accept": ACCEPT, "Content-Length": str(form.size), "Content-Type": form.content_type}
        if attempt.authorization is not None:
            headers["Authorization"] = attempt.authorization.header.reveal()
        progress.is_begun = progress.is_whole = False
        with self.client.stream("POST", url, content=form.blocks(progress), headers=headers) as response:
            content = read_body(response, limit=ANSWER_LIMIT, partial=True)
            # httpx's own reason phrase lacks letters outside ASCII, so a secret in it would not be recognised.
            reason = decoded(response.extensions.get("reason_phrase", b""))
            return Response(response.status_code, reason, response.headers, content, str(response.url))

    def _has_arrived(self, upload: Upload, form: Form, refused: Refusal, before: Doubt) -> bool:
        """Return True if the index lists the file with its hash.

        An index without hashes has the file if it refuses, as existing, a file that may have reached it `before`.
        """
        item, exists = upload.distribution, refused.row.exists
        if exists and not before and self.repository.existing == "fail":
            return False
        listing = self._listing(upload, form)
        listed = listing.files.get(item.filename)
        if listed is not None and listed.sha256 is None:
            return exists and bool(before)
        return listing.has(item.filename, form.digest)

    def _is_confirmed(self, upload: Upload, form: Form) -> bool:
        """Return True once the index lists the file; some, such as Pulp, store it in a task after their answer.

        Without a hash it counts only if it is new, which it is unless existing files are replaced.
        """
        filename = upload.distribution.filename
        for requests in range(CONFIRMATIONS):
            if requests:
                self.pause(BACKOFF.pause(requests - 1))
            listed = self._listing(upload, form).files.get(filename)
            if listed is None:
                continue
            if listed.sha256 == form.digest or (listed.sha256 is None and self.repository.existing != "replace"):
                return True
        return False

    def _listing(self, upload: Upload, form: Form) -> Listing:
        """Return the index's current listing of a file's project."""
        item = upload.distribution

        def is_complete(found: Listing) -> bool:
            return item.filename in found.files and found.has(item.filename, form.digest)

        def header() -> Secret | None:
            authorization = upload.authorize()
            return None if authorization is None else authorization.header

        return self.api.listing(item.name, header, is_complete)


@dataclass
class _Progress:
    """The part of a file that one request has handed to the network; reports it to the watcher.

    A request that ends before `is_whole` is shorter than its `Content-Length`: no index can have stored the file.
    """

    item: Distribution
    watcher: Watcher
    is_begun: bool = False
    is_whole: bool = False

    def __call__(self, size: int) -> None:
        self.is_begun, self.is_whole = True, size == self.item.size
        self.watcher.sent(self.item, size)


def _is_proof(response: Response) -> bool:
    """Return True for a success that isn't a sign-in page."""
    is_page = "html" in response.content_type or response.body.lstrip()[:1] == b"<"
    return response.status in _SUCCESS and not (is_page and has_form(response.body))


def _error(refused: Refusal, doubt: Doubt) -> UploadError:
    return UploadError(str(refused), refused, possibly_uploaded=doubt is Doubt.NO_RESPONSE)


def _more_fields(upload: Upload, url: str) -> Iterator[tuple[str, str]]:
    """Yield the form fields beside the metadata. GitLab requires `requires_python`, even if it is empty."""
    if upload.attestations is not None:
        yield "attestations", upload.attestations
    if kind_of(url).wants_requires_python and not upload.distribution.values("requires_python"):
        yield "requires_python", ""
