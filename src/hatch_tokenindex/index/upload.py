"""Sending one file to the index until it is there or was refused: PyPI's legacy upload API, which all indexes speak.

https://docs.pypi.org/api/upload/
"""

from __future__ import annotations

import random
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from hatch_tokenindex.errors import TokenIndexError, UploadError
from hatch_tokenindex.index.client import goes_through_proxy, next_url, proxy_credentials
from hatch_tokenindex.index.form import Form
from hatch_tokenindex.index.kinds import kind_of
from hatch_tokenindex.index.refusals import (
    Answer,
    Attempt,
    NoAnswer,
    Refusal,
    refusal,
    render,
    seconds_to_wait,
    unreachable,
)
from hatch_tokenindex.secrets import Redactor, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.authorization import Authorization
    from hatch_tokenindex.distributions import Distribution
    from hatch_tokenindex.index.clock import Clock
    from hatch_tokenindex.index.simple import SimpleApi

ACCEPT = "application/json, */*;q=0.5"
"""Makes PyPI answer in JSON, whose `code` holds its own words also over HTTP/2."""
FIRST_PAUSE = 1.0
"""Seconds before the second attempt; each further pause is twice as long."""
LONGEST_PAUSE = 60.0
ANSWER_LIMIT = 2**20
"""Bytes that are read of an answer."""
LONGEST_WAIT = 600
"""Seconds that an index may ask us to wait before the run ends and says so."""
_REDIRECTS = 3
# Not 203: that is what a gateway answers instead of the index, as Azure does with its sign-in page.
_SUCCESS = {200, 201, 202, 204}


@dataclass(frozen=True)
class Upload:
    """One file and what goes with it.

    `authorize` answers what lets an attempt in that begins now: a narrowed or minted token lives for minutes. `asked_now`
    tells whether another credential is asked for if this one is refused; `status` is the project's, as the index tells it.
    `attestations` is a JSON array.
    """

    distribution: Distribution
    authorize: Callable[[], Authorization]
    asked_now: bool
    status: str | None
    attestations: str | None = None
    creates_project: bool = False


class Watcher(Protocol):
    """Who is told what happens to a file; any thread may tell."""

    def begun(self, item: Distribution) -> None:
        """It is being sent."""

    def sent(self, item: Distribution, size: int) -> None:
        """So many bytes of it were handed to the network."""

    def retrying(self, item: Distribution, why: str, seconds: float) -> None:
        """It is sent again after a pause."""


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
        """Send a file; answers its sha256 in hex once the index has it.

        Connection errors, time-outs, 5xx and 429 are tried again with the identical bytes. After an answer that never
        came, the index is asked whether the file arrived. Raises `UploadError`, and `DistributionError` if the file can't
        be read any more or has changed.
        """
        item, form = upload.distribution, Form(upload.distribution, _more_fields(upload, self.repository.url))
        self.watcher.begun(item)
        attempt, lost, may_be_there = 0, False, False
        try:
            while True:
                answer, refused, sent = self._attempt(upload, form)
                if refused is None:
                    return form.digest
                lost = lost or refused.may_have_arrived
                wait = _pause_before(attempt, answer)
                last = not refused.row.retry or attempt >= self.repository.retries or wait > LONGEST_WAIT
                hidden = may_be_there or refused.may_hide_success
                unsure = refused.may_have_arrived or refused.row.exists or (last and hidden)
                if unsure and self._arrived(upload, form, refused, sent_before=may_be_there):
                    return form.digest
                if last:
                    raise _error(refused, sent, unsure=lost)
                may_be_there = hidden
                self.watcher.retrying(item, refused.said[0], wait)
                self.pause(wait)
                attempt += 1
        except UploadError:
            raise
        except TokenIndexError as error:
            if not lost:
                raise
            raise UploadError(str(error), unsure=True) from None

    def _attempt(self, upload: Upload, form: Form) -> tuple[Answer | None, Refusal | None, Attempt]:
        answer, refused, sent = self._send_once(upload, form)
        if sent.narrowed and refused is not None and refused.calls_token_expired:
            # The answer has just corrected our clock.
            return self._send_once(upload, form)
        return answer, refused, sent

    def _send_once(self, upload: Upload, form: Form) -> tuple[Answer | None, Refusal | None, Attempt]:
        import httpx

        authorization = upload.authorize()
        sent = self._sent(upload, authorization)
        redact = Redactor((*authorization.secrets, *proxy_credentials())).redact
        try:
            answer = self._post(upload.distribution, form, authorization.header)
        except httpx.TransportError as error:
            return None, unreachable(_kind(error, self.repository.url), str(error), sent, redact), sent
        except httpx.HTTPError as error:
            return None, unreachable(NoAnswer.LOST, type(error).__name__, sent, redact), sent
        except UnicodeError:
            # `socket` says so of a name that can't be one, here the proxy's: the URL's was checked before.
            return None, unreachable(NoAnswer.PROXY, "", sent, redact), sent
        self.clock.correct(answer.headers)
        if answer.status in _SUCCESS:
            return answer, None, sent
        return answer, refusal(answer, sent, redact), sent

    def _post(self, item: Distribution, form: Form, authorization: Secret) -> Answer:
        url = self.repository.url
        for _ in range(_REDIRECTS):
            answer = self._post_to(url, item, form, authorization)
            target = next_url(url, answer.header("location"), answer.status)
            if target is None:
                break
            url = target
        return answer

    def _post_to(self, url: str, item: Distribution, form: Form, authorization: Secret) -> Answer:
        headers = {
            "Accept": ACCEPT,
            "Authorization": authorization.reveal(),
            "Content-Length": str(form.size),
            "Content-Type": form.content_type,
        }
        body = form.blocks(partial(self.watcher.sent, item))
        with self.client.stream("POST", url, content=body, headers=headers) as response:
            return Answer(
                response.status_code,
                _reason(response),
                dict(response.headers),
                _beginning(response, self.repository.timeout),
                str(response.url),
            )

    def _sent(self, upload: Upload, authorization: Authorization) -> Attempt:
        item = upload.distribution
        return Attempt(
            project=item.project,
            version=item.version,
            filename=item.filename,
            repository=self.repository.name,
            url=self.repository.url,
            user=authorization.credential.user,
            source=authorization.credential.description,
            asked_again=authorization.credential.is_replaceable,
            asked_now=upload.asked_now,
            minted=authorization.credential.minted,
            publisher=authorization.credential.publisher,
            narrowed=authorization.is_narrowed,
            project_status=upload.status,
            creates_project=upload.creates_project,
        )

    def _arrived(self, upload: Upload, form: Form, refused: Refusal, *, sent_before: bool) -> bool:
        """Whether the index lists the file with its hash; a no proves nothing, since pages are cached.

        An index that tells no hashes has it if it refuses, as existing, what may have reached it before.
        """
        item, exists = upload.distribution, refused.row.exists
        if exists and not sent_before and self.repository.existing == "fail":
            return False
        listed = self.api.listing(item.name, lambda: upload.authorize().header).files.get(item.filename)
        if listed is None or listed.sha256 is None:
            return listed is not None and exists and sent_before
        return listed.sha256 == form.digest


def _error(refused: Refusal, sent: Attempt, *, unsure: bool) -> UploadError:
    return UploadError(
        render(refused, sent),
        said=refused.said,
        next_step=refused.next_step,
        about_credential=refused.about_credential,
        worthless=refused.worthless,
        unsure=unsure,
    )


def _pause_before(attempt: int, answer: Answer | None) -> float:
    """Seconds until the next attempt: what the index asks for, else longer each time, and not the same for everybody."""
    asked = None if answer is None else seconds_to_wait(answer)
    if asked is not None:
        return float(asked)
    pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
    return pause * random.uniform(0.5, 1)  # noqa: S311 - jitter needs no secrecy


def _beginning(response: httpx.Response, seconds: float) -> bytes:
    """What is worth reading of an answer, however much there is, however slowly it comes, and if it breaks off."""
    import httpx

    beginning, deadline = bytearray(), monotonic() + seconds
    with suppress(httpx.HTTPError):
        for block in response.iter_bytes():
            beginning += block
            if len(beginning) >= ANSWER_LIMIT or monotonic() > deadline:
                break
    return bytes(beginning)


def _more_fields(upload: Upload, url: str) -> Iterator[tuple[str, str]]:
    """What goes into the form beside the metadata. GitLab wants `requires_python` there, if only empty."""
    if upload.attestations is not None:
        yield "attestations", upload.attestations
    if kind_of(url).wants_requires_python and not upload.distribution.values("requires_python"):
        yield "requires_python", ""


def _reason(response: httpx.Response) -> str:
    """The reason phrase. Of httpx's own text, letters outside ASCII are missing: a secret in it would not be recognised."""
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


def _kind(error: httpx.TransportError, url: str) -> NoAnswer:
    """How a request to `url` failed."""
    import httpx

    if isinstance(error, httpx.ProxyError):
        # Its text is the proxy's status: 407 and 403 stay as they are, 502 to 504 may pass.
        return NoAnswer.PROXY_FAILED if str(error).startswith("5") else NoAnswer.PROXY
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return NoAnswer.CERTIFICATE
    if not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return NoAnswer.TIMEOUT if isinstance(error, httpx.TimeoutException) else NoAnswer.LOST
    if any(isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError) for cause in causes):
        return NoAnswer.TLS
    if goes_through_proxy(url):
        return NoAnswer.PROXY_FAILED
    if any(isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN for cause in causes):
        return NoAnswer.NAME
    refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes)
    return NoAnswer.REFUSED if refused else NoAnswer.UNREACHABLE
