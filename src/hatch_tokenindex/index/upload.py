"""Sending one file to the index until it is there or was refused: PyPI's legacy upload API, which all indexes speak.

https://docs.pypi.org/api/upload/
"""

from __future__ import annotations

import io
import random
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.narrowing import Sendable, sendable
from hatch_tokenindex.credentials.sources import TOKEN_USER
from hatch_tokenindex.distributions import Distribution, sha256
from hatch_tokenindex.errors import DistributionError, UploadError
from hatch_tokenindex.index.answers import (
    About,
    Answer,
    NoAnswer,
    Refusal,
    Sent,
    refusal,
    render,
    seconds_to_wait,
    unreachable,
)
from hatch_tokenindex.index.client import next_url
from hatch_tokenindex.tokens import Redactor, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from hatch_tokenindex.credentials.judging import Judged
    from hatch_tokenindex.index.clock import Clock
    from hatch_tokenindex.index.simple import SimpleApi
    from hatch_tokenindex.repositories import Repository

ACCEPT = "application/json, */*;q=0.5"
"""Makes PyPI answer in JSON, whose `code` holds its own words also over HTTP/2."""
FIRST_PAUSE = 1.0
"""Seconds before the second attempt; each further pause is twice as long."""
LONGEST_PAUSE = 60.0
LONGEST_WAIT = 600
"""Seconds that an index may ask us to wait before the run ends and says so."""
_REDIRECTS = 3
_EXPIRED = "token is expired"


@dataclass(frozen=True)
class Parcel:
    """One file and what goes with it. `source` tells where the credential comes from; `status` is the project's, as the index tells it."""

    distribution: Distribution
    judged: Judged
    source: str
    asked_again: bool
    status: str | None


@dataclass(frozen=True)
class Uploader:
    """Uploads to one repository.

    `pause` waits for some seconds; `retrying` is told why and for how many seconds; `progress` is told how many bytes of
    a file were read for sending.
    """

    client: httpx.Client
    repository: Repository
    api: SimpleApi
    clock: Clock
    pause: Callable[[float], None]
    retrying: Callable[[Distribution, str, float], None]
    progress: Callable[[Distribution, int], None]

    def upload(self, parcel: Parcel) -> str:
        """Send a file; answers its sha256 in hex once the index has it.

        Connection errors, time-outs, 5xx and 429 are tried again with the identical bytes. After an answer that never
        came, the index is asked whether the file arrived. Raises `UploadError`, `DistributionError` if the file can't be
        read any more.
        """
        digest = sha256(parcel.distribution.path)
        attempt = 0
        while True:
            answer, refused, sent = self._attempt(parcel, digest)
            if refused is None:
                return digest
            unsure = answer is None or (attempt > 0 and refused.about is About.FILE)
            if unsure and self._arrived(parcel, digest):
                return digest
            wait = self._pause_before(attempt, answer)
            if not refused.retry or attempt >= self.repository.retries or wait > LONGEST_WAIT:
                raise UploadError(
                    render(refused, sent),
                    said=refused.said,
                    next_step=refused.next_step,
                    about_credential=refused.about is About.CREDENTIAL,
                )
            self.retrying(parcel.distribution, refused.said[0], wait)
            self.pause(wait)
            attempt += 1

    def _attempt(self, parcel: Parcel, digest: str) -> tuple[Answer | None, Refusal | None, Sent]:
        answer, refused, sent = self._send_once(parcel, digest)
        if sent.narrowed and refused is not None and _EXPIRED in " ".join(refused.said):
            # The clock of this machine was wrong; the refusal has just corrected ours.
            return self._send_once(parcel, digest)
        return answer, refused, sent

    def _send_once(self, parcel: Parcel, digest: str) -> tuple[Answer | None, Refusal | None, Sent]:
        import httpx

        item = parcel.distribution
        credential = sendable(parcel.judged, item.name, self.repository, item.size, self.clock.now())
        sent = self._sent(parcel, credential)
        redact = Redactor(
            (
                *tuple((c.user, c.secret) for c in (credential.credential, parcel.judged.credential)),
                (TOKEN_USER, credential.header),
            )
        ).redact
        try:
            answer = self._post(item, digest, credential.header)
        except httpx.TransportError as error:
            return None, unreachable(_kind(error), str(error), sent, redact), sent
        except httpx.HTTPError as error:
            return None, unreachable(NoAnswer.LOST, type(error).__name__, sent, redact), sent
        except OSError as error:
            msg = f"{item.path} can't be read any more: {error.strerror}."
            raise DistributionError(msg) from None
        self.clock.correct(answer.headers)
        if httpx.codes.is_success(answer.status):
            return answer, None, sent
        return answer, refusal(answer, sent, redact), sent

    def _post(self, item: Distribution, digest: str, authorization: Secret) -> Answer:
        url = self.repository.url
        fields = _grouped(item, digest)
        for _ in range(_REDIRECTS):
            with _CountedFile(item, self.progress) as file:
                response = self.client.post(
                    url,
                    data=fields,
                    files={"content": (item.filename, file, "application/octet-stream")},
                    headers={"Accept": ACCEPT, "Authorization": authorization.reveal()},
                )
            answer = Answer(
                response.status_code,
                response.reason_phrase,
                dict(response.headers),
                response.content,
                str(response.url),
            )
            target = next_url(url, answer.header("location"), answer.status) if response.has_redirect_location else None
            if target is None:
                break
            url = target
        return answer

    def _sent(self, parcel: Parcel, credential: Sendable) -> Sent:
        item = parcel.distribution
        return Sent(
            project=item.project,
            version=item.version,
            filename=item.filename,
            repository=self.repository.name,
            url=self.repository.url,
            user=credential.credential.user,
            source=parcel.source,
            asked_again=parcel.asked_again,
            narrowed=credential.narrowed,
            project_status=parcel.status,
        )

    def _arrived(self, parcel: Parcel, digest: str) -> bool:
        """Whether the index lists the file with its hash; a no proves nothing, since pages are cached."""
        item = parcel.distribution
        credential = sendable(parcel.judged, item.name, self.repository, 0, self.clock.now())
        listed = self.api.listing(item.name, lambda: credential.header).files.get(item.filename)
        return listed is not None and listed.sha256 == digest

    def _pause_before(self, attempt: int, answer: Answer | None) -> float:
        asked = None if answer is None else seconds_to_wait(answer)
        if asked is not None:
            return float(asked)
        pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
        return pause * random.uniform(0.5, 1)  # noqa: S311 - jitter needs no secrecy


class _CountedFile(io.FileIO):
    """A file that tells how much of it was read."""

    def __init__(self, item: Distribution, progress: Callable[[Distribution, int], None]) -> None:
        super().__init__(item.path)
        self._item = item
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        block: bytes = super().read(-1 if size is None else size) or b""
        self._progress(self._item, self.tell())
        return block


def _grouped(item: Distribution, digest: str) -> dict[str, list[str]]:
    """The form: one list of values per field, since a field may be repeated."""
    form: dict[str, list[str]] = {":action": ["file_upload"], "protocol_version": ["1"], "sha256_digest": [digest]}
    for name, value in item.fields:
        form.setdefault(name, []).append(value)
    return form


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _kind(error: httpx.TransportError) -> NoAnswer:
    import httpx

    causes = list(_causes(error))
    if isinstance(error, httpx.ProxyError):
        return NoAnswer.PROXY
    if isinstance(error, httpx.TimeoutException):
        return NoAnswer.TIMEOUT
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return NoAnswer.CERTIFICATE
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return NoAnswer.NAME
    return NoAnswer.REFUSED if isinstance(error, httpx.ConnectError) else NoAnswer.LOST
