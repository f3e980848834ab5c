"""Find the message in a response, be it JSON, plain text, HTML or a reason phrase."""

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
    from hatch_tokenindex.index.refusals.response import Response

Redact: TypeAlias = Callable[[str], str]
"""Masks secrets in a text from a server."""

MOST_LINES = 4
"""Lines of a message that are shown."""
_LONGEST_REPEATED_LINE = 4 * LONGEST_LINE
_BYTES_READ = 65_536
# The time that Python's HTML parser needs grows with the square of a hostile page's size.
_HTML_READ = 8_192
_JSON_DEPTH = 4
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def message_of(response: Response, redact: Redact) -> tuple[str, ...]:
    """Return the index's message as up to four lines, the most specific first; none if there is no message.

    Any bytes are accepted. Left out are markup, control characters, repetitions, and phrases that only repeat the status.
    """
    # PyPI's reason phrase and `code` have `?` for what ISO-8859-1 lacks, its `message` doesn't: of two spellings of one
    # line, the one with fewer question marks is right.
    kept: dict[str, str] = {}
    for raw in _raw_texts(response, redact):
        for line in lines(redact(without_controls(raw))):
            sentence = _without_repetition(_without_status(line, response.status)[:_LONGEST_REPEATED_LINE])
            if sentence and not re.fullmatch(_NOT_A_MESSAGE, sentence, re.IGNORECASE):
                key = sentence.encode("latin-1", "replace").decode("latin-1").casefold().rstrip(". ")
                kept[key] = min(kept.get(key, sentence), sentence, key=lambda spelling: spelling.count("?"))
        if len(kept) >= MOST_LINES:
            break
    return tuple(shortened(line) for line in kept.values())[:MOST_LINES]


def status_line(response: Response, redact: Redact) -> str:
    """Return the substitute for a message: `403 Forbidden`."""
    phrase = redact(one_line(response.reason))
    if not phrase and response.status in _PHRASES:
        phrase = _PHRASES[response.status]
    return shortened(f"{response.status} {phrase}" if phrase else f"HTTP status {response.status}")


def _raw_texts(response: Response, redact: Redact) -> Iterator[str]:
    """Yield every text that may contain the message, the most specific first."""
    # Redact before parsing, which changes white space within a secret.
    body = redact(_decoded(_beginning(response.body, _BYTES_READ, b" ")))
    kind = response.content_type
    start = body.lstrip()[:1]
    if "json" in kind or start in ("{", "["):
        document = _parsed(body)
        if document is not None:
            yield from _json_texts(document)
            yield response.reason
            return
    if "html" in kind or "xml" in kind or start == "<":
        yield response.reason
        yield from _html_texts(_beginning(body, _HTML_READ, " "))
    else:
        if not kind or kind.startswith("text/") or "json" in kind:
            yield body
        yield response.reason


def _decoded(body: bytes) -> str:
    """Decode as UTF-8, else as ISO-8859-1; the charset that a response declares is unreliable."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _beginning(text: AnyStr, limit: int, space: AnyStr) -> AnyStr:
    """Cut a long text at a space, since half of a secret would not be masked."""
    return text if len(text) <= limit else text[: text.rfind(space, 0, limit) + 1]


def _parsed(body: str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


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
"""The members in which indexes put their message, the most specific first.

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
    SPECIFIC = frozenset({"title", "h1", "h2", "h3", "h4", "h5", "h6", "p", "pre"})
    HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "nav", "footer", "form", "button"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.specific: list[str] = []
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
        (self.specific if self._tag in self.SPECIFIC else self.other).append(text)
        self._block.clear()
        self._tag = next_tag


def _html_texts(text: str) -> list[str]:
    page = _Page()
    # The parser asserts that it knows a `<![`; the text before that is usable.
    with suppress(AssertionError):
        page.feed(text)
        page.close()
    page.end_block("")
    return [text for text in (*page.specific, *page.other) if text]


def _without_status(line: str, status: int) -> str:
    """Remove a status at the beginning of a line: `403 Forbidden`, `HTTP Status 403 - ...`."""
    return re.sub(rf"^(?:HTTP |Error:? |Status:? )*{status}\b[\s:.\u2013\u2014-]*", "", line, flags=re.IGNORECASE)


_SHORTEST_REPETITION = 12


def _without_repetition(line: str) -> str:
    """Remove repeated parts, as PyPI repeats the problems of a token: `token is expired, token is expired`."""
    kept: list[str] = []
    for part in line.split(", "):
        if len(part) < _SHORTEST_REPETITION or not any(earlier.endswith(part) for earlier in kept):
            kept.append(part)
    return ", ".join(kept)


# Compiled on first use: that takes some milliseconds, and most runs have no refusal.
_NOT_A_MESSAGE = "|".join(
    (
        # Phrases of statuses; Python has newer names for some of them.
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
