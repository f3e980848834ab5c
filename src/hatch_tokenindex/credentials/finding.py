"""Finding: the one answer that every source gives, and the source that gives it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Generic, TypeVar

from hatch_tokenindex.errors import SourceUnavailableError, TokenIndexError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
U = TypeVar("U")


class Mode(Enum):
    """The effects that a source may have while it answers."""

    EXPLAIN = auto()
    """Read only: send no request, run no program, prompt for nothing."""
    DRY_RUN = auto()
    """Do everything that publishing does, but neither prompt nor mint a token."""
    PUBLISH = auto()
    """Do everything."""


class Status(Enum):
    """The kind of a finding."""

    FOUND = auto()
    NOT_SET = auto()
    IGNORED = auto()
    """The source is switched off, or its value doesn't count here."""
    UNAVAILABLE = auto()
    """The source could not be read."""
    SKIPPED = auto()
    """The source holds a value that isn't for this use."""
    WOULD_ACT = auto()
    """Publishing would do something here that this mode must not do."""
    REFUSED = auto()
    """The value must not be used, and no other takes its place."""


@dataclass(frozen=True)
class Finding(Generic[T]):
    """The answer of one source.

    `value` is set if FOUND, `error` if REFUSED. `detail` says why (IGNORED, UNAVAILABLE, SKIPPED) or what would be done
    (WOULD_ACT).
    """

    place: str
    status: Status
    value: T | None = None
    detail: str = ""
    error: TokenIndexError | None = None

    @property
    def is_decisive(self) -> bool:
        """Return True if the sources after this one don't matter."""
        return self.status in {Status.FOUND, Status.WOULD_ACT, Status.REFUSED}

    @property
    def reason(self) -> str:
        """The reason why there is no value: `not set`, `unavailable: no keyring available`, `would prompt`."""
        if self.status in {Status.NOT_SET, Status.WOULD_ACT}:
            return self.detail or "not set"
        return f"{self.status.name.lower()}: {self.detail}"

    @property
    def note(self) -> str:
        """The line to show when the search continues although something is wrong here; empty if nothing is."""
        if self.status is Status.UNAVAILABLE:
            reason, *details = self.detail.splitlines()
            return "\n".join((f"{reason[:1].upper()}{reason[1:]}; continuing without it.", *details))
        return f"Skipped {self.place}: {self.detail}" if self.status is Status.SKIPPED else ""


@dataclass(frozen=True)
class Source(Generic[T]):
    """One place that can hold a user name or a credential; `find` returns its finding and never raises."""

    place: str
    find: Callable[[Mode], Finding[T]]


def reading(place: str, read: Callable[[], U | None], check: Callable[[U], T]) -> Source[T]:
    """Return a source that does nothing but read, in every mode.

    Args:
        place: The name of the place.
        read: Returns its value, None if there is none. Raises `SourceUnavailableError` if it can't be read, any other
            `TokenIndexError` to end the search.
        check: Returns the value in the form in which it is used. Raises `SourceUnavailableError` to skip it, any other
            `TokenIndexError` to refuse it.
    """

    def find(_mode: Mode) -> Finding[T]:
        try:
            value = read()
        except SourceUnavailableError as error:
            return Finding(place, Status.UNAVAILABLE, detail=str(error))
        except TokenIndexError as error:
            return refused(place, error)
        return Finding(place, Status.NOT_SET) if value is None else checked(place, value, check)

    return Source(place, find)


def checked(place: str, value: U, check: Callable[[U], T]) -> Finding[T]:
    """Return the finding for a value that was read at `place`; `check` is as for `reading`."""
    try:
        return Finding(place, Status.FOUND, check(value))
    except SourceUnavailableError as error:
        return Finding(place, Status.SKIPPED, detail=str(error))
    except TokenIndexError as error:
        return refused(place, error)


def refused(place: str, error: TokenIndexError) -> Finding[T]:
    """Return the finding of a place that ends the search with an error."""
    return Finding(place, Status.REFUSED, detail=str(error), error=error)


def fixed(place: str, status: Status, detail: str = "", value: T | None = None) -> Source[T]:
    """Return a source whose finding is known without looking."""
    return Source(place, lambda _mode: Finding(place, status, value, detail))
