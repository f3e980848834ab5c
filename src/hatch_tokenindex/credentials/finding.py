"""Looking at the places of an ordered list: what one look gave, and the first that gave an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from hatch_tokenindex.errors import SourceUnavailableError, TokenIndexError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hatch_tokenindex.credentials.credential import Source

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Finding(Generic[T]):
    """What one look at one place gave: an answer, nothing, or why there is none.

    `unavailable` (the place can't be asked) and `passed_over` (what lies there is not for this use) let the search go on,
    `error` ends it. `not_used` says why what lies there doesn't count. `effect` says what looking there would have done;
    `asks` marks a person, who is no place to look at.
    """

    place: str
    answer: T | None = None
    unavailable: str = ""
    passed_over: str = ""
    error: TokenIndexError | None = None
    not_used: str = ""
    effect: str = ""
    asks: bool = False

    @property
    def ends_the_search(self) -> bool:
        """Whether nothing after this place is looked at."""
        return self.answer is not None or self.error is not None or bool(self.effect)


def find_at(source: Source[U], look: Callable[[], U | None], checked: Callable[[U], T]) -> Finding[T]:
    """What `look` finds at `source`, as `judged` sees it: what it raises is an error, or passes the place over."""
    nothing: Finding[T] = Finding(source.place, not_used=source.not_used)
    try:
        found = look()
    except SourceUnavailableError as error:
        return replace(nothing, unavailable=str(error))
    except TokenIndexError as error:
        return replace(nothing, error=error)
    try:
        return nothing if found is None else replace(nothing, answer=checked(found))
    except SourceUnavailableError as error:
        return replace(nothing, passed_over=str(error))
    except TokenIndexError as error:
        return replace(nothing, error=error)


def until_found(looks: Iterable[Finding[T]]) -> Iterator[Finding[T]]:
    """The looks up to the one that ends the search."""
    for look in looks:
        yield look
        if look.ends_the_search:
            return


def first(looks: Iterable[Finding[T]], notes: list[str]) -> Finding[T] | None:
    """The first look that gave an answer. Why a place could not be asked, or was passed over, goes to `notes`.

    Raises the error that ends the search.
    """
    for look in looks:
        if look.error is not None:
            raise look.error
        if look.unavailable:
            why, *lines = look.unavailable.splitlines()
            notes.append("\n".join((f"{why[:1].upper()}{why[1:]}: the run goes on without it.", *lines)))
        if look.passed_over:
            notes.append(f"{look.place}: passed over: {look.passed_over}")
        if look.answer is not None:
            return look
    return None
