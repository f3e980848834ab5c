"""Upload one file and retry until the index has it or rejects it, with PyPI's legacy upload API, which every index has.

https://docs.pypi.org/api/upload/
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from hatch_tokenindex.backoff import Backoff
from hatch_tokenindex.errors import TokenIndexError, UploadError
from hatch_tokenindex.index.attempt import Arrival, Attempt
from hatch_tokenindex.index.client import goes_through_proxy, next_url, proxy_credentials
from hatch_tokenindex.index.form import Form
from hatch_tokenindex.index.kinds import kind_of
from hatch_tokenindex.index.refusals import (
    ConnectionFailure,
    Refusal,
    Response,
    refusal_from_failure,
    refusal_from_response,
    render,
)
from hatch_tokenindex.index.responses import read_body
from hatch_tokenindex.secrets import Redactor, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.distributions import Distribution
    from hatch_tokenindex.index.attempt import Upload
    from hatch_tokenindex.index.clock import Clock
    from hatch_tokenindex.index.simple import SimpleApi

ACCEPT = "application/json, */*;q=0.5"
"""Makes PyPI respond with JSON, whose `code` has its message over HTTP/2 too."""
FIRST_PAUSE = 1.0
"""Seconds before the first retry; each further pause is twice as long."""
LONGEST_PAUSE = 60.0
RESPONSE_LIMIT = 2**20
"""Bytes that are read of a response."""
LONGEST_WAIT = 600
"""Seconds that an index may ask for before a retry; if it asks for more, the run fails."""
_REDIRECTS = 3
# Not 203: a gateway responds with it in place of the index, as Azure does with its sign-in page.
_SUCCESS = {200, 201, 202, 204}


class Watcher(Protocol):
    """Follows the upload of each file. Any thread may call it."""

    def begun(self, item: Distribution) -> None:
        """Note that the upload starts."""

    def sent(self, item: Distribution, size: int) -> None:
        """Note how many bytes of it have been sent in this attempt."""

    def retrying(self, item: Distribution, why: str, seconds: float) -> None:
        """Note that it is uploaded again after a pause."""


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
        """Upload a file, and return its sha256 in hex once the index has it.

        Connection errors, timeouts, 5xx and 429 are retried with identical bytes.

        Raises:
            UploadError: The index rejected the file, or could not be reached.
            DistributionError: The file could not be read, or has changed.
        """
        # The index may have a file without having said so: a response got lost, or a gateway sent an error in place of the
        # index's success. `arrival` is how likely that is after all attempts so far. After each failed attempt, the index
        # is asked for the file if that can spare a retry or correct a failure; if it lists the file, the upload succeeded.
        # If it doesn't, that proves nothing, since pages are cached: the upload is retried, or reported as possibly done.
        form = Form(upload.distribution, _extra_fields(upload, self.repository.url))
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE, jitter=0.5)
        arrival, retry = Arrival.IMPOSSIBLE, 0
        self.watcher.begun(upload.distribution)
        try:
            while True:
                refusal = self._attempt(upload, form)
                if refusal is None:
                    return form.digest
                earlier, arrival = arrival, max(arrival, refusal.arrival)
                pause = backoff.pause(retry, refusal.retry_after)
                is_last = not refusal.row.retry or retry >= self.repository.retries or pause > LONGEST_WAIT
                if _should_ask(refusal, arrival, is_last=is_last) and self._has_arrived(upload, form, refusal, earlier):
                    return form.digest
                if is_last:
                    raise _error(refusal, arrival)
                self.watcher.retrying(upload.distribution, refusal.message[0], pause)
                self.pause(pause)
                retry += 1
        except TokenIndexError as error:
            if isinstance(error, UploadError) or arrival is not Arrival.POSSIBLE:
                raise
            raise UploadError(str(error), possibly_uploaded=True) from None

    def _attempt(self, upload: Upload, form: Form) -> Refusal | None:
        """Send the file; return None if that succeeded."""
        refusal = self._send(upload, form)
        if refusal is not None and refusal.attempt.is_narrowed and refusal.says_token_expired:
            # The response has just corrected the clock, so that a token narrowed now is valid.
            return self._send(upload, form)
        return refusal

    def _send(self, upload: Upload, form: Form) -> Refusal | None:
        import httpx

        authorization = upload.authorize()
        attempt = Attempt(upload, self.repository, authorization)
        redact = Redactor((*authorization.secrets, *proxy_credentials())).redact
        try:
            response = self._post(upload.distribution, form, authorization.header)
        except httpx.TransportError as error:
            return refusal_from_failure(_failure(error, self.repository.url), str(error), attempt, redact)
        except httpx.HTTPError as error:
            return refusal_from_failure(ConnectionFailure.CLOSED, type(error).__name__, attempt, redact)
        except UnicodeError:
            # `socket` raises it for an impossible host name, here the proxy's: that of the URL was checked before.
            return refusal_from_failure(ConnectionFailure.PROXY, "", attempt, redact)
        self.clock.correct(response.headers)
        return None if response.status in _SUCCESS else refusal_from_response(response, attempt, redact)

    def _post(self, item: Distribution, form: Form, authorization: Secret) -> Response:
        url = self.repository.url
        for _ in range(_REDIRECTS):
            response = self._post_to(url, item, form, authorization)
            target = next_url(url, response.headers.get("location", ""), response.status)
            if target is None:
                break
            url = target
        return response

    def _post_to(self, url: str, item: Distribution, form: Form, authorization: Secret) -> Response:
        headers = {
            "Accept": ACCEPT,
            "Authorization": authorization.reveal(),
            "Content-Length": str(form.size),
            "Content-Type": form.content_type,
        }
        body = form.blocks(partial(self.watcher.sent, item))
        with self.client.stream("POST", url, content=body, headers=headers) as response:
            deadline = monotonic() + self.repository.timeout
            return Response(
                response.status_code,
                _reason(response),
                response.headers,
                read_body(response, limit=RESPONSE_LIMIT, deadline=deadline, partial=True),
                str(response.url),
            )

    def _has_arrived(self, upload: Upload, form: Form, refusal: Refusal, earlier: Arrival) -> bool:
        """Return True if the index lists the file with its hash.

        An index without hashes has the file too if it rejects it as existing after an attempt that may have succeeded.
        """
        item, exists = upload.distribution, refusal.row.file_exists
        if exists and earlier is Arrival.IMPOSSIBLE and self.repository.existing == "fail":
            return False
        listed = self.api.listing(item.name, lambda: upload.authorize().header).files.get(item.filename)
        if listed is None or listed.sha256 is None:
            return listed is not None and exists and earlier > Arrival.IMPOSSIBLE
        return listed.sha256 == form.digest


def _error(refusal: Refusal, arrival: Arrival) -> UploadError:
    return UploadError(render(refusal), refusal, possibly_uploaded=arrival is Arrival.POSSIBLE)


def _should_ask(refusal: Refusal, arrival: Arrival, *, is_last: bool) -> bool:
    """Return True if the index may have the file: because of this attempt, or of an earlier one if this was the last."""
    return (
        refusal.arrival is Arrival.POSSIBLE or refusal.row.file_exists or (is_last and arrival > Arrival.IMPOSSIBLE)
    )


def _extra_fields(upload: Upload, url: str) -> Iterator[tuple[str, str]]:
    """Yield the form's fields other than metadata. GitLab requires `requires_python`, even if it is empty."""
    if upload.attestations is not None:
        yield "attestations", upload.attestations
    if kind_of(url).wants_requires_python and not upload.distribution.values("requires_python"):
        yield "requires_python", ""


def _reason(response: httpx.Response) -> str:
    """Return the reason phrase; httpx's own drops letters outside ASCII, so a secret in it would not be recognised."""
    raw: bytes = response.extensions.get("reason_phrase", b"")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _failure(error: httpx.TransportError, url: str) -> ConnectionFailure:
    """Return the way in which a request to `url` failed."""
    import httpx

    if isinstance(error, httpx.ProxyError):
        # Its text is the proxy's status: 407 and 403 are permanent, 502 to 504 may be temporary.
        return ConnectionFailure.PROXY_FAILED if str(error).startswith("5") else ConnectionFailure.PROXY
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return ConnectionFailure.CERTIFICATE
    if not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return ConnectionFailure.TIMEOUT if isinstance(error, httpx.TimeoutException) else ConnectionFailure.CLOSED
    if any(isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError) for cause in causes):
        return ConnectionFailure.TLS
    if goes_through_proxy(url):
        return ConnectionFailure.PROXY_FAILED
    if any(isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN for cause in causes):
        return ConnectionFailure.UNKNOWN_HOST
    refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes)
    return ConnectionFailure.REFUSED if refused else ConnectionFailure.UNREACHABLE
