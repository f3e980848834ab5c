"""The index's own words, taken from whatever it answered: JSON, plain text, HTML, a reason phrase."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from html.parser import HTMLParser
from http import HTTPStatus
from typing import TYPE_CHECKING, AnyStr, TypeAlias

from hatch_tokenindex.text import LONGEST_LINE, lines, one_line, shortened, without_controls

if TYPE_CHECKING:
    from hatch_tokenindex.index.refusals.attempt import Response

Redact: TypeAlias = Callable[[str], str]
"""Masks the secrets in a text of a server."""

MOST_LINES = 4
"""Lines of a response that are shown."""
_LONGEST_REPEATED_LINE = 4 * LONGEST_LINE
_BYTES_READ = 65_536
# Python's HTML parser takes time that grows with the square of what a hostile page holds.
_HTML_READ = 8_192
_JSON_DEPTH = 4
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def message_of(response: Response, redact: Redact) -> tuple[str, ...]:
    """Return the index's own words: up to four clean lines, the most telling first, or none.

    They come from JSON, the body's text or HTML, and the reason phrase, without markup, control characters, repetitions,
    and phrases that only repeat the status. Any bytes are accepted.
    """
    # PyPI's reason phrase and `code` have `?` for what ISO-8859-1 lacks, its `message` doesn't: of two spellings of one
    # line, the one with fewer question marks is the right one.
    kept: dict[str, str] = {}
    for raw in _raw_texts(response, redact):
        for line in lines(redact(without_controls(raw))):
            sentence = _without_repetition(_without_status(line, response.status)[:_LONGEST_REPEATED_LINE])
            if sentence and not re.fullmatch(_SAYS_NOTHING, sentence, re.IGNORECASE):
                key = sentence.encode("latin-1", "replace").decode("latin-1").casefold().rstrip(". ")
                kept[key] = min(kept.get(key, sentence), sentence, key=lambda spelling: spelling.count("?"))
        if len(kept) >= MOST_LINES:
            break
    return tuple(shortened(line) for line in kept.values())[:MOST_LINES]


def status_line(response: Response, redact: Redact) -> str:
    """Return the line for a response without words: `403 Forbidden`."""
    phrase = redact(one_line(response.reason))
    if not phrase and response.status in _PHRASES:
        phrase = _PHRASES[response.status]
    return shortened(f"{response.status} {phrase}" if phrase else f"HTTP status {response.status}")


def _raw_texts(response: Response, redact: Redact) -> Iterator[str]:
    """Yield everything that may hold the index's words, the most telling first."""
    # Before anything is taken apart: a page's white space is not that of the secret any more.
    body = redact(decoded(_beginning(response.body, _BYTES_READ, b" ")))
    kind = response.content_type
    start = body.lstrip()[:1]
    if "json" in kind or start in ("{", "["):
        with suppress(ValueError, RecursionError):
            yield from _json_texts(json.loads(body))
            yield response.reason
            return
    if "html" in kind or "xml" in kind or start == "<":
        yield response.reason
        yield from _html_texts(_beginning(body, _HTML_READ, " "))
    else:
        if not kind or kind.startswith("text/") or "json" in kind:
            yield body
        yield response.reason


def decoded(text: bytes) -> str:
    """Decode UTF-8, else ISO-8859-1: the charset that a response declares isn't reliable."""
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _beginning(text: AnyStr, limit: int, space: AnyStr) -> AnyStr:
    """Cut a text that is too long at a space: half a secret would not be masked."""
    return text if len(text) <= limit else text[: text.rfind(space, 0, limit) + 1]


_JSON_KEYS = (
    "message",
    "detail",
    "description",
    "error_description",
    "msg",
    "error",
    "errors",
    "code",
    "title",
    "reason",
)
"""The keys of the index's words, the most telling first.

PyPI: `message` and `code`. RFC 9457: `detail` and `title`. GitLab: `message`, `error`, `error_description`. Artifactory:
`errors`. Azure and AWS: `message`, AWS with a capital letter.
"""


def _json_texts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth == _JSON_DEPTH:
        return
    elif isinstance(value, list):
        for item in value[:MOST_LINES]:
            yield from _json_texts(item, depth + 1)
    elif isinstance(value, dict):
        members = {key.lower(): member for key, member in value.items()}
        known = [key for key in _JSON_KEYS if key in members]
        for key in known:
            yield from _json_texts(members[key], depth + 1)
        if not known:
            for key, member in list(members.items())[:MOST_LINES]:
                yield from (f"{key}: {text}" for text in _json_texts(member, depth + 1))


class _Page(HTMLParser):
    """Collects the visible text of a page, block by block."""

    INLINE = frozenset(
        {"a", "abbr", "b", "code", "em", "font", "i", "small", "span", "strong", "sub", "sup", "tt", "u"}
    )
    TELLING = frozenset({"title", "h1", "h2", "h3", "h4", "h5", "h6", "p", "pre"})
    HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "nav", "footer", "form", "button"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.telling: list[str] = []
        self.other: list[str] = []
        self._block: list[str] = []
        self._tag = ""
        self._hidden = 0

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in self.HIDDEN
        if tag not in self.INLINE:
            self.end_block(tag)

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in self.HIDDEN))
        if tag not in self.INLINE:
            self.end_block("")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._block.append(data)

    def end_block(self, next_tag: str) -> None:
        text = "".join(self._block)
        if self._tag != "pre":
            text = " ".join(text.split())
        (self.telling if self._tag in self.TELLING else self.other).append(text)
        self._block.clear()
        self._tag = next_tag


def _html_texts(text: str) -> list[str]:
    page = _Page()
    # Older parsers assert that a `<![` is one they know; what they read before it is good.
    with suppress(AssertionError):
        page.feed(text)
        page.close()
    page.end_block("")
    return [text for text in (*page.telling, *page.other) if text]


def _without_status(line: str, status: int) -> str:
    """Return a line without the status in front: `403 Forbidden`, `HTTP Status 403 - ...`."""
    return re.sub(rf"^(?:HTTP |Error:? |Status:? )*{status}\b[\s:.\u2013\u2014-]*", "", line, flags=re.IGNORECASE)


_SHORTEST_REPETITION = 12


def _without_repetition(line: str) -> str:
    """Return a line without repetitions: PyPI repeats itself, as in `token is expired, token is expired`."""
    kept: list[str] = []
    for part in line.split(", "):
        if len(part) < _SHORTEST_REPETITION or not any(earlier.endswith(part) for earlier in kept):
            kept.append(part)
    return ", ".join(kept)


# Compiled when it is used: that takes milliseconds, and most runs see no refusal.
_SAYS_NOTHING = "|".join(
    (
        # The status again; Python's own list calls some of them by newer names.
        *(rf"(?:Error:? )?{re.escape(phrase)}[.!]?" for phrase in _PHRASES.values()),
        r"(?:Request Entity|Content|Payload) Too Large|Unprocessable (?:Entity|Content)|None|null|Error[.!]?",
        # Pyramid's explanations (PyPI, devpi).
        r"The server could not comply with the request since it is either malformed or otherwise incorrect\.",
        r"This server could not verify that you are authorized to access the document you requested\. .*",
        r"Access was denied to this resource\.",
        r"The resource could not be found\.",
        r"There was a conflict when trying to complete your request\.",
        r"The action could not be performed because there were too many requests by the client\.",
        r"This resource is no longer available\. No forwarding address is given\.",
        r"The resource (?:has been moved to|was found at) .*; you should be redirected automatically\.",
        # Bottle's (pypiserver).
        r"Sorry, the requested URL .* caused an error:|Method not allowed\.",
        # The name of a web server.
        r"(?:nginx|openresty|Apache(?: Tomcat)?|Caddy|Varnish cache server|cloudflare|Microsoft-IIS)"
        r"(?:/[\w.]+)?(?: \([^)]*\))?(?: Server at .*)?",
    )
)
