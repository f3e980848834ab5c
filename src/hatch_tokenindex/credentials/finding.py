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
class NoValue:
    """The answer of a source that has no value, if there is more to say than that."""

    status: Status
    detail: str


@dataclass(frozen=True)
class Source(Generic[T]):
    """One place that can hold a user name or a credential.

    `read` returns its value, None if there is none. It raises `SourceUnavailableError` if the place can't be read, and any
    other `TokenIndexError` to end the search.
    """

    place: str
    read: Callable[[Mode], T | NoValue | None]

    def find(self, mode: Mode, check: Callable[[T], U]) -> Finding[U]:
        """Return the finding of this source; never raises `TokenIndexError`.

        `check` returns the value in the form in which it is used. It raises `SourceUnavailableError` to skip the value, and
        any other `TokenIndexError` to refuse it.
        """
        without_value = Status.UNAVAILABLE
        try:
            value = self.read(mode)
            if value is None:
                return Finding(self.place, Status.NOT_SET)
            if isinstance(value, NoValue):
                return Finding(self.place, value.status, detail=value.detail)
            without_value = Status.SKIPPED
            return Finding(self.place, Status.FOUND, check(value))
        except SourceUnavailableError as error:
            return Finding(self.place, without_value, detail=str(error))
        except TokenIndexError as error:
            return Finding(self.place, Status.REFUSED, detail=str(error), error=error)
