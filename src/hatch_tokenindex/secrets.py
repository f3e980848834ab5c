"""Secret, a text that is never shown by accident, and Redactor, which masks secrets in texts from outside."""

from __future__ import annotations

import base64
import hmac
import html
import re
from collections import defaultdict
from threading import Lock
from typing import TYPE_CHECKING, NoReturn, final

from hatch_tokenindex.text import without_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MASK = "*****"

# Anything shorter occurs by chance: masking it would garble messages and reveal the secret.
_SHORTEST_FORM = 4


@final
class Secret:
    """A password or token. Every way of showing it gives `*****`; only `reveal()` returns the text."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        REDACTOR.learn(self)

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


def forms_of(secret: Secret, user: str = "") -> frozenset[str]:
    """Return the spellings of a secret that have to be masked, as plain text; none shorter than 4 characters.

    These are the secret, with and without control characters, a token of PyPI within it, the value of a header
    `Basic ...`, and the base64 and hexadecimal of it and of `user:secret` (RFC 7617). `Redactor` finds each of them in
    every common escape too. Not covered: a secret within a longer text that is base64 as a whole.
    """
    text = secret.reveal()
    if not text:
        return frozenset()
    # The receiver of a token within a text that holds more may quote the token alone.
    tokens = re.findall(r"pypi-[\w-]{16,}", text, re.ASCII)
    plain = {text, without_controls(text), text.replace(" ", "+"), text.removeprefix("Basic "), *tokens}
    coded = {code for whole in {text, f"{user}:{text}"} for code in _codes_of(_encoded(whole))}
    return frozenset(form for form in plain | coded if len(form) >= _SHORTEST_FORM)


class Redactor:
    """Masks secrets in texts. Any thread may use it and teach it more secrets."""

    def __init__(self, credentials: Iterable[tuple[str, Secret]] = ()) -> None:
        """Start with pairs of user name and secret."""
        # By their first characters, so that the number of secrets doesn't count.
        self._forms: defaultdict[str, set[str]] = defaultdict(set)
        self._lock = Lock()
        for user, secret in credentials:
            self.learn(secret, user)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({MASK})"

    def learn(self, secret: Secret, user: str = "") -> None:
        """Mask this secret from now on."""
        with self._lock:
            for form in forms_of(secret, user):
                self._forms[form[:_SHORTEST_FORM]].add(form)

    def forget(self) -> None:
        """Mask nothing any more: a run has ended."""
        with self._lock:
            self._forms.clear()

    def redact(self, text: str, shortest: int = _SHORTEST_FORM) -> str:
        """Return the text with `*****` in place of every form (see `forms_of`) of every secret, however it is escaped.

        Args:
            text: Any text.
            shortest: The length of the shortest form that is masked.
        """
        with self._lock:
            spans = [
                (starts[at], stops[at + len(form) - 1])
                for view, starts, stops in _views(text)
                for at in range(len(view) - _SHORTEST_FORM + 1)
                for form in self._forms.get(view[at : at + _SHORTEST_FORM], ())
                if len(form) >= shortest and view.startswith(form, at)
            ]
        pieces: list[str] = []
        end = 0
        for start, stop in sorted(spans):
            if start >= end:
                pieces += [text[end:start], MASK]
            end = max(end, stop)
        return "".join([*pieces, text[end:]])


REDACTOR = Redactor()
"""The redactor of this run. It learns every `Secret` as it comes into being, and is applied where text leaves."""


def _views(text: str) -> Iterator[tuple[str, Sequence[int], Sequence[int]]]:
    """Yield the text as it is, and with its escapes undone layer by layer: HTML can be inside JSON.

    With each, the positions at which its characters begin and end in the text as it is.
    """
    starts: Sequence[int] = range(len(text))
    stops: Sequence[int] = range(1, len(text) + 1)
    for _ in range(_LAYERS):
        yield text, starts, stops
        pieces: list[str] = []
        begins: list[int] = []
        ends: list[int] = []
        done = 0
        for match in _ESCAPES.finditer(text):
            start, stop = match.span()
            character = _unescape(match[0])
            pieces += [text[done:start], character]
            begins += [*starts[done:start], *[starts[start]] * len(character)]
            ends += [*stops[done:start], *[stops[stop - 1]] * len(character)]
            done = stop
        if not done:
            return
        text = "".join([*pieces, text[done:]])
        starts, stops = [*begins, *starts[done:]], [*ends, *stops[done:]]
    yield text, starts, stops


_LAYERS = 3
# JSON and programming languages, percent-encoding (with the plus sign of forms), HTML.
_ESCAPES = re.compile(
    r"""(?:\\u[0-9A-Fa-f]{4})+|\\x[0-9A-Fa-f]{2}|\\[^ux]|(?:%[0-9A-Fa-f]{2})+|&(?:\#[0-9]{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"""
)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def _unescape(escape: str) -> str:
    """Return the character or characters that an escape stands for."""
    if escape.startswith("%"):
        return bytes.fromhex(escape.replace("%", "")).decode("utf-8", "surrogateescape")
    if escape.startswith("&"):
        return html.unescape(escape)
    if escape.startswith("\\u"):
        units = bytes.fromhex(escape.replace("\\u", ""))
        return units.decode("utf-16-be", "surrogatepass")
    if escape.startswith("\\x"):
        return bytes.fromhex(escape[2:]).decode("latin-1")
    return _CONTROLS.get(escape[1], escape[1])


def _codes_of(raw: bytes) -> Iterator[str]:
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        padded = encode(raw).decode("ascii")
        yield padded
        yield padded.rstrip("=")
    yield raw.hex()


def _encoded(text: str) -> bytes:
    """Encode as UTF-8, including the lone surrogates that stand for undecodable bytes in environment variables."""
    return text.encode("utf-8", "surrogatepass")
