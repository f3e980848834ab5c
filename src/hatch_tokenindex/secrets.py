"""Secret, a text that is never shown by accident, and Redactor, which masks secrets in texts from outside."""

from __future__ import annotations

import base64
import hmac
import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, final
from urllib.parse import quote, quote_plus

from hatch_tokenindex.text import without_controls

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "*****"

# Anything shorter occurs by chance: masking it would garble messages and reveal the secret.
_SHORTEST_FORM = 4


@final
class Secret:
    """A password or token. Every way of showing it gives `*****`; only `reveal()` returns the text."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text, to send or store it. Don't keep it in a variable: a traceback may print locals."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_encoded(self._value), _encoded(other._value))

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __getstate__(self) -> NoReturn:
        message = "a secret is not pickled"
        raise TypeError(message)


def forms_of(secret: Secret, user: str) -> tuple[str, ...]:
    """Return every spelling of a secret that has to be masked, the longest first, as plain text.

    These are the secret, with and without control characters, its base64 and that of `user:secret` (RFC 7617), in both
    alphabets, with and without padding; each also escaped as in URLs, JSON and HTML. Forms shorter than 4 characters are
    left out. Not covered: a secret within a longer text that is base64 as a whole.
    """
    text = secret.reveal()
    if not text:
        return ()
    spellings = {text, without_controls(text), *_base64_of(text), *_base64_of(f"{user}:{text}")}
    forms = {escaped for spelling in spellings for escaped in _escaped(spelling)}
    return tuple(sorted((form for form in forms if len(form) >= _SHORTEST_FORM), key=_longest_first))


@dataclass(frozen=True)
class Redactor:
    """Masks secrets in texts from outside: the response of a server, the output of a program."""

    credentials: tuple[tuple[str, Secret], ...]
    """Pairs of user name and secret."""

    def redact(self, text: str) -> str:
        """Return the text with `*****` in place of every form (see `forms_of`) of every secret; overlapping forms become one."""
        forms = {form for user, secret in self.credentials for form in forms_of(secret, user)}
        if not forms:
            return text
        # A lookahead also finds the forms that begin inside another one.
        anywhere = "|".join(re.escape(form) for form in sorted(forms, key=_longest_first))
        pieces: list[str] = []
        end = 0
        for match in re.finditer(f"(?=({anywhere}))", text):
            start, stop = match.span(1)
            if start >= end:
                pieces += [text[end:start], MASK]
            end = max(end, stop)
        return "".join([*pieces, text[end:]])


def _longest_first(form: str) -> tuple[int, str]:
    return -len(form), form


def _encoded(text: str) -> bytes:
    """Encode as UTF-8, including the lone surrogates that stand for undecodable bytes in environment variables."""
    return text.encode("utf-8", "surrogatepass")


def _base64_of(text: str) -> Iterator[str]:
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        padded = encode(_encoded(text)).decode("ascii")
        yield padded
        yield padded.rstrip("=")


def _escaped(text: str) -> Iterator[str]:
    yield text
    for percent_encoded in (quote(_encoded(text)), quote(_encoded(text), safe=""), quote_plus(_encoded(text))):
        yield percent_encoded
        yield re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), percent_encoded)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield html.escape(text, quote=False)
    quoted = html.escape(text)
    yield quoted
    # Other spellings of quotes: those of PHP and of MarkupSafe, which PyPI uses.
    yield quoted.replace("&#x27;", "&#39;")
    yield quoted.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
