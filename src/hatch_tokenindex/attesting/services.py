"""The services of Sigstore: calls to them with retries and a time limit, and their failures in words.

The libraries set no time limits and let the exceptions of a dozen others through, so both are dealt with here.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar

from hatch_tokenindex.backoff import Backoff
from hatch_tokenindex.errors import AttestationError, TokenIndexError
from hatch_tokenindex.secrets import MASK, REDACTOR
from hatch_tokenindex.text import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response

T = TypeVar("T")

TIME_LIMIT = 30
"""Seconds for each answer."""
ATTEMPTS = 3
LONGEST_PAUSE = 10
"""Seconds that a `Retry-After` may ask for; a service that wants more has failed."""
_BACKOFF = Backoff(first=0.75, longest=LONGEST_PAUSE, jitter=1 / 3)
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_LARGEST_BODY = 2**16
# Every JSON Web Token (RFC 7519) begins with `{"` in base64.
_IDENTITY_TOKEN = re.compile(r"\beyJ[\w.-]*")


@dataclass(frozen=True)
class Endpoint:
    """One service of a Sigstore instance."""

    name: str
    """As in messages."""
    host: str
    fix: str
    """The advice for a failure that isn't this machine's."""

    def failed(self, what: str, details: str = "", fix: str = "") -> AttestationError:
        """Return the error that says so: the service, `what` it did, its host, then details and advice."""
        middle = f"  {details}\n" if details else ""
        return AttestationError(f"{self.name} {what}: {self.host}\n{middle}Fix: {fix or self.fix}")


class Exchanges:
    """The calls to services that are under way in the threads of a run. Any thread may use it."""

    def __init__(self, pause: Callable[[float], None] = sleep) -> None:
        self._pause = pause
        # Each access to it is a single operation, which is atomic.
        self._begun: dict[object, tuple[Endpoint, float]] = {}

    def call(self, endpoint: Endpoint, work: Callable[[], T]) -> T:
        """Return what `work` returns, which is one exchange with a service; repeat it where it fails for now.

        Raises:
            AttestationError: The service failed for good, or `ATTEMPTS` times.
        """
        attempt = 0
        while True:
            key = object()
            self._begun[key] = endpoint, monotonic()
            try:
                return work()
            except TokenIndexError:
                raise
            except Exception as error:  # noqa: BLE001 - the libraries let exceptions of many others through
                fault = _fault(error)
                pause = fault.retry_after or _BACKOFF.pause(attempt)
                attempt += 1
                if not fault.is_temporary or attempt == ATTEMPTS or pause > LONGEST_PAUSE:
                    raise endpoint.failed(fault.what, fault.details, fix=fault.fix) from None
            finally:
                del self._begun[key]
            self._pause(pause)

    def overdue(self) -> AttestationError | None:
        """Return the error of a call that has exceeded the time limit; None if there is none."""
        late = (endpoint for endpoint, since in list(self._begun.values()) if monotonic() - since > TIME_LIMIT)
        return next((endpoint.failed(f"timed out after {TIME_LIMIT} s") for endpoint in late), None)


def silence_libraries() -> None:
    """Keep what the libraries log off the terminal: without a handler, Python prints warnings to standard error."""
    for name in ("sigstore", "pypi_attestations", "tuf", "urllib3"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def shown(text: object) -> str:
    """Return a text from outside on one line, with nothing of an identity token."""
    return shortened(_IDENTITY_TOKEN.sub(MASK, REDACTOR.redact(one_line(str(text)[:_LARGEST_BODY]))))


@dataclass(frozen=True)
class _Fault:
    """The reason why a call failed."""

    what: str
    details: str = ""
    is_temporary: bool = False
    retry_after: float | None = None
    fix: str = ""


def _fault(error: BaseException) -> _Fault:
    """Return what went wrong, by the first exception in the chain of causes that says so."""
    import requests
    from sigstore.errors import VerificationError
    from tuf.api import exceptions as tuf

    for cause in _chain(error):
        match cause:
            case requests.HTTPError(response=requests.Response() as response):
                return _of_response(response)
            case tuf.DownloadHTTPError():
                return _of_status(cause.status_code)
            case requests.exceptions.SSLError():
                return _Fault("could not prove its identity", "its TLS certificate could not be verified")
            case requests.exceptions.ProxyError():
                return _Fault("could not be reached", "the proxy refused or could not be reached", is_temporary=True)
            case requests.Timeout() | tuf.SlowRetrievalError():
                return _Fault("timed out", is_temporary=True)
            case tuf.ExpiredMetadataError():
                return _Fault("returned expired metadata", fix="check the clock of this machine.")
            case requests.exceptions.InvalidJSONError():
                return _Fault("returned an unexpected response", "not JSON")
            case requests.ConnectionError() | tuf.DownloadError():
                return _Fault("could not be reached", is_temporary=True)
            case VerificationError():
                return _Fault("returned data that could not be verified", shown(cause))
    return _Fault("returned an unexpected response", type(error).__name__)


def _of_response(response: Response) -> _Fault:
    try:
        said = shown(response.json()["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        said = ""
    after = response.headers.get("Retry-After", "")
    return _of_status(response.status_code, said, float(after) if after.isdecimal() and after.isascii() else None)


def _of_status(status: int, said: str = "", retry_after: float | None = None) -> _Fault:
    is_temporary = status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR
    what = "failed" if is_temporary else "refused the request"
    if status == _TOO_MANY_REQUESTS:
        what = "received too many requests"
    return _Fault(f"{what} ({status})", said, is_temporary=is_temporary, retry_after=retry_after)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, outermost first."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
