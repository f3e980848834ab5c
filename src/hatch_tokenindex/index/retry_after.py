"""The time at which an index allows another attempt: `Retry-After` and the `RateLimit` headers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from hatch_tokenindex.index.clock import parse_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_tokenindex.index.refusals.attempt import Response


LATER = "later"
"""The time for an index that doesn't say."""


def seconds_to_wait(response: Response) -> int | None:
    """Return the seconds to wait: `Retry-After` (RFC 9110, 10.2.3), else until the exhausted `RateLimit` resets."""
    retry_after = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return int(retry_after)
    until, now = parse_date(retry_after), parse_date(response.headers.get("date", ""))
    if until and now:
        return max(0, int((until - now).total_seconds()))
    limits = _rate_limits(response)
    exhausted = [limit for limit in limits if limit.remaining == 0]
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        exhausted = exhausted or limits
    return max((limit.resets_in for limit in exhausted), default=None)


@dataclass(frozen=True)
class _RateLimit:
    name: str
    remaining: int
    resets_in: int
    """Seconds."""


def _rate_limits(response: Response) -> list[_RateLimit]:
    """Parse the header of draft-ietf-httpapi-ratelimit-headers, which PyPI sends: `"name";r=0;t=1800, ...`."""
    return [
        _RateLimit(name, parameters["r"], parameters["t"])
        for name, parameters in _quoted_items(response.headers.get("ratelimit", ""))
        if parameters.keys() >= {"r", "t"}
    ]


def _quoted_items(header: str) -> Iterator[tuple[str, dict[str, int]]]:
    for name, parameters in re.findall(r'"([^"]*)"([^,"]*)', header[:1000]):
        yield name, {key: int(value) for key, value in re.findall(r";\s*([a-z]+)=([0-9]{1,9})(?![^;\s])", parameters)}


def when(response: Response) -> str:
    """Return when to try again: `in 25 minutes (at 2026-11-21 15:04 UTC)`."""
    seconds = seconds_to_wait(response)
    if seconds is None:
        return LATER
    span = _span(seconds)
    now = parse_date(response.headers.get("date", ""))
    try:
        return f"in {span} (at {now + timedelta(seconds=seconds):%Y-%m-%d %H:%M} UTC)" if now else f"in {span}"
    except OverflowError:
        return f"in {span}"


def _span(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds > length:
            return f"{-(-seconds // length)} {unit}s"
    return "1 second" if seconds == 1 else f"{seconds} seconds"


def allowance(response: Response) -> str:
    """Return what the exhausted limit allows, from `RateLimit-Policy`: ` (20 in 60 minutes)`."""
    exhausted = {limit.name for limit in _rate_limits(response) if limit.remaining == 0}
    for name, parameters in _quoted_items(response.headers.get("ratelimit-policy", "")):
        if name in exhausted and parameters.keys() >= {"q", "w"}:
            return f" (it allows {parameters['q']} in {_span(parameters['w'])})"
    return ""
