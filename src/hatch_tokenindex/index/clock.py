"""The index's time: the clock that its responses correct, and the time at which it allows another attempt."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_tokenindex.index.refusals.attempt import Response

_LONGEST_DATE = 100


class Clock:
    """The local clock, corrected by the index: a wrong one would make a restricted token expire early.

    Any thread may use it.
    """

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return time() + self._offset

    def correct(self, headers: Mapping[str, str]) -> None:
        """Adopt the `Date` among a response's headers (RFC 9110, 6.6.1). One with `Age` was cached, and its date is old."""
        if "age" not in headers and (date := _date(headers.get("date", ""))) is not None:
            self._offset = date.timestamp() - time()


def seconds_to_wait(response: Response) -> int | None:
    """Return the seconds to wait: `Retry-After` (RFC 9110, 10.2.3), else until the exhausted `RateLimit` resets."""
    retry_after = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return int(retry_after)
    until, now = _date(retry_after), _date(response.headers.get("date", ""))
    if until and now:
        return max(0, int((until - now).total_seconds()))
    limits = _limits(response, "ratelimit", "r", "t").values()
    resets = [resets_in for remaining, resets_in in limits if remaining == 0]
    if response.status == HTTPStatus.TOO_MANY_REQUESTS and not resets:
        resets = [resets_in for _, resets_in in limits]
    return max(resets, default=None)


def when(response: Response, otherwise: str) -> str:
    """Return when to try again, `in 25 minutes (at 2026-11-21 15:04 UTC)`, or `otherwise` if the index doesn't say."""
    seconds = seconds_to_wait(response)
    if seconds is None:
        return otherwise
    now = _date(response.headers.get("date", ""))
    try:
        at = f" (at {now + timedelta(seconds=seconds):%Y-%m-%d %H:%M} UTC)" if now else ""
    except OverflowError:
        at = ""
    return f"in {_span(seconds)}{at}"


def allowance(response: Response) -> str:
    """Return what the exhausted limit allows, from `RateLimit-Policy`: ` (it allows 20 in 60 minutes)`."""
    limits = _limits(response, "ratelimit", "r", "t")
    for name, (quota, window) in _limits(response, "ratelimit-policy", "q", "w").items():
        if name in limits and limits[name][0] == 0:
            return f" (it allows {quota} in {_span(window)})"
    return ""


def _limits(response: Response, header: str, first: str, second: str) -> dict[str, tuple[int, int]]:
    """Return two parameters of each limit, by its name.

    The headers are those of draft-ietf-httpapi-ratelimit-headers, which PyPI sends: `"name";r=0;t=1800, ...`.
    """
    limits = {}
    for name, text in re.findall(r'"([^"]*)"([^,"]*)', response.headers.get(header, "")[:1000]):
        parameters = dict(re.findall(r";\s*([a-z]+)=([0-9]{1,9})(?![^;\s])", text))
        if parameters.keys() >= {first, second}:
            limits[name] = int(parameters[first]), int(parameters[second])
    return limits


def _span(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds > length:
            return f"{-(-seconds // length)} {unit}s"
    return "1 second" if seconds == 1 else f"{seconds} seconds"


def _date(text: str) -> datetime | None:
    """Return the time of a header such as `Date` or `Retry-After` (RFC 9110, 5.6.7), None if it isn't one."""
    try:
        date = parsedate_to_datetime(text[:_LONGEST_DATE])
        date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
        date.timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return date.astimezone(timezone.utc)
