"""What an index's answers mean: its own words, what a refusal is about, and the one step that helps.

Everything here is a pure function of what was sent and what came back. What a refusal is called and what to do about it
is one table, `ROWS`; the first row that fits wins, and an answer that fits none is shown and not guessed at.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from enum import Enum
from html.parser import HTMLParser
from http import HTTPStatus
from typing import AnyStr, TypeAlias
from urllib.parse import quote, urljoin, urlsplit

from packaging.utils import canonicalize_name

from hatch_tokenindex import urls
from hatch_tokenindex.tokens import MASK

Redact: TypeAlias = Callable[[str], str]

_MOST_LINES = 4
_LONGEST_LINE = 500
_LONGEST_REPEATED_LINE = 4 * _LONGEST_LINE
_BYTES_READ = 65_536
# Python's HTML parser takes time that grows with the square of what a hostile page holds.
_HTML_READ = 8_192
_JSON_DEPTH = 4
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class About(Enum):
    """What a refusal is about. Only `CREDENTIAL` is mended by another user name, password or token."""

    CREDENTIAL = "credential"
    ACCOUNT = "account"
    """The account or organization behind the credential: its other tokens are refused alike."""
    PROJECT = "project"
    """The project: its name, its state, or who may upload to it."""
    RELEASE = "release"
    FILE = "file"
    SITE = "site"
    """The index as a whole, now: no file and no credential gets through."""
    RATE_LIMIT = "rate limit"
    ADDRESS = "address"
    """The URL, or the way to it."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """What came back. `reason` is the reason phrase, empty on HTTP/2; `url` is where the answer came from."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    url: str

    def header(self, name: str) -> str:
        """The value of a header, whatever the case of its name; empty if there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; empty if the answer doesn't say."""
        return self.header("content-type").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Sent:
    """What was sent, as far as a text about it needs it. The secret isn't in it.

    `repository` is what `-r` takes: a configured name or a URL. `url` is the upload URL. `masked` is the secret as it may
    be shown, `source` the place that it came from (`HATCH_INDEX_AUTH`); both `user` and `source` are empty if no
    credential was sent. `asked_again` tells that the credential was typed or remembered, so that a run at a terminal asks
    for another one; any other has to be changed at its source. `minted` marks a token of Trusted Publishing, `narrowed`
    one that was restricted on this machine. `project_status` is the index's own marker (PEP 792), if it gave one.
    """

    project: str
    version: str
    filename: str
    repository: str
    url: str
    user: str = ""
    source: str = ""
    masked: str = MASK
    asked_again: bool = False
    minted: bool = False
    narrowed: bool = False
    project_status: str | None = None

    @property
    def host(self) -> str:
        """Host and port of the upload URL."""
        return urlsplit(self.url).netloc

    @property
    def site(self) -> str:
        """The web site that belongs to the upload URL, without a slash at the end: `https://pypi.org`."""
        if known := urls.site(self.url):
            return f"https://{known}"
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.removeprefix('upload.')}"

    @property
    def index(self) -> str:
        """The name of the index as people know it."""
        names = {"pypi.org": "PyPI", "test.pypi.org": "TestPyPI"}
        return names.get(urls.site(self.url) or "", self.host)

    @property
    def command(self) -> str:
        """The command that publishes to the same repository."""
        return f"hatch publish -p tokenindex -r {shlex.quote(self.repository)}"


@dataclass(frozen=True)
class Refusal:
    """Why a file was not taken. `key` names the row of the table that fits, and is empty if none does.

    `said` is never empty. `status` is `None` if no answer came. `retry` tells that the same bytes, sent again later, may
    well be taken.
    """

    key: str
    about: About
    said: tuple[str, ...]
    next_step: str | None
    retry: bool
    status: int | None


class NoAnswer(Enum):
    """How a request can fail without any answer; the value says it in words."""

    NAME = "The name of the host is not known."
    REFUSED = "The connection was refused."
    CERTIFICATE = "The server's certificate could not be verified."
    PROXY = "The proxy did not let the connection through."
    TIMEOUT = "No answer came in time."
    LOST = "The connection broke off."


def refusal(answer: Answer, sent: Sent, redact: Redact) -> Refusal:
    """What an answer other than success means. `redact` masks the secrets in a text that comes from the server."""
    own_words = _own_words(answer, redact)
    said = own_words or (_status_line(answer, redact),)
    text = "\n".join(own_words)
    row = next((row for row in ROWS if row.fits(answer.status, text, sent)), None)
    if row is None:
        return Refusal("", About.UNKNOWN, said, None, retry=False, status=answer.status)
    step = _one_line(row.next_step.format_map({**_about_sent(sent), **_about_answer(answer, redact)}))
    return Refusal(row.key, row.about, said, step, row.retry, answer.status)


def unreachable(kind: NoAnswer, detail: str, sent: Sent, redact: Redact) -> Refusal:
    """What it means that no answer came. `detail` is what the HTTP client said about it, and may be empty."""
    row = NO_ANSWER_ROWS[kind]
    said = (kind.value, *map(_shortened, _lines(redact(_without_controls(detail)))))[:_MOST_LINES]
    step = _one_line(row.next_step.format_map(_about_sent(sent)))
    return Refusal(row.key, row.about, said, step, row.retry, status=None)


def render(refused: Refusal, sent: Sent) -> str:
    """The three parts for a terminal: what the index said, what was sent, what to do now."""
    said = f"{sent.index} said (status {refused.status}):" if refused.status else f"No answer from {sent.host}:"
    credential = f"{sent.user} with {sent.masked} from {sent.source}" if sent.source else "none"
    what_was_sent = (
        f"file: {sent.filename} ({sent.project} {sent.version})",
        f"to: {sent.url}",
        f"credential: {credential}",
    )
    step = refused.next_step or (
        f"This answer isn't known here: what {sent.host} said above is all there is. Ask whoever runs it, and quote that."
    )
    return "\n".join(
        (
            said,
            *(f"  {line}" for line in refused.said),
            "What was sent:",
            *(f"  {_one_line(line)}" for line in what_was_sent),
            "What to do now:",
            f"  {step}",
        )
    )


# What the index said


def words(answer: Answer, redact: Redact) -> tuple[str, ...]:
    """What the index said, in its own words: one to four clean lines, the most telling first.

    Taken from JSON, the body's text or HTML, and the reason phrase. Markup, control characters, repetitions and phrases
    that only repeat the status are left out; where nothing else is left, the status line stands. Any bytes are taken.
    """
    return _own_words(answer, redact) or (_status_line(answer, redact),)


def _own_words(answer: Answer, redact: Redact) -> tuple[str, ...]:
    """Like `words`, and empty where the index said nothing but the status."""
    # PyPI's reason phrase and `code` have `?` for what ISO-8859-1 lacks, its `message` doesn't: of two spellings of one
    # line, the one with fewer question marks is the right one.
    kept: dict[str, str] = {}
    for raw in _raw_texts(answer, redact):
        for line in _lines(redact(_without_controls(raw))):
            sentence = _without_repetition(_without_status(line, answer.status)[:_LONGEST_REPEATED_LINE])
            if sentence and not _SAYS_NOTHING.fullmatch(sentence):
                key = sentence.encode("latin-1", "replace").decode("latin-1").casefold().rstrip(". ")
                kept[key] = min(kept.get(key, sentence), sentence, key=lambda spelling: spelling.count("?"))
        if len(kept) >= _MOST_LINES:
            break
    return tuple(_shortened(line) for line in kept.values())[:_MOST_LINES]


def _status_line(answer: Answer, redact: Redact) -> str:
    phrase = redact(_one_line(answer.reason))
    if not phrase and answer.status in _PHRASES:
        phrase = _PHRASES[answer.status]
    return _shortened(f"{answer.status} {phrase}" if phrase else f"HTTP status {answer.status}")


def _raw_texts(answer: Answer, redact: Redact) -> Iterator[str]:
    """Everything that may hold the index's words, the most telling first."""
    # Before anything is taken apart: a page's white space is not that of the secret any more.
    body = redact(_decoded(_beginning(answer.body, _BYTES_READ, b" ")))
    kind = answer.content_type
    start = body.lstrip()[:1]
    if "json" in kind or start in ("{", "["):
        document = _parsed(body)
        if document is not None:
            yield from _json_texts(document)
            yield answer.reason
            return
    if "html" in kind or "xml" in kind or start == "<":
        yield answer.reason
        yield from _html_texts(_beginning(body, _HTML_READ, " "))
    else:
        if not kind or kind.startswith("text/") or "json" in kind:
            yield body
        yield answer.reason


def _decoded(body: bytes) -> str:
    """UTF-8, and ISO-8859-1 where it isn't that; what an answer says about its charset can't be relied on."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _beginning(text: AnyStr, limit: int, space: AnyStr) -> AnyStr:
    """A text that is too long is cut at a space: half of a secret would not be masked."""
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
"""Where indexes put their words, the most telling first.

PyPI: `message` and `code`. RFC 9457: `detail` and `title`. GitLab: `message`, `error`, `error_description`. Artifactory:
`errors`. Azure and AWS: `message`, AWS with a capital letter.
"""


def _json_texts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth == _JSON_DEPTH:
        return
    elif isinstance(value, list):
        for item in value[:_MOST_LINES]:
            yield from _json_texts(item, depth + 1)
    elif isinstance(value, dict):
        members = {key.lower(): member for key, member in value.items()}
        known = [key for key in _JSON_KEYS if key in members]
        for key in known:
            yield from _json_texts(members[key], depth + 1)
        if not known:
            for key, member in list(members.items())[:_MOST_LINES]:
                yield from (f"{key}: {text}" for text in _json_texts(member, depth + 1))


class _Page(HTMLParser):
    """The visible text of a page, block by block."""

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
    # The parser asserts that a `<![` is one that it knows; what it read before that is good.
    with suppress(AssertionError):
        page.feed(text)
        page.close()
    page.end_block("")
    return [text for text in (*page.telling, *page.other) if text]


_TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
)


def _without_controls(text: str) -> str:
    """Nothing that could act on a terminal or turn the writing round: no control, format or surrogate characters."""
    return "".join(
        character for character in _TERMINAL_SEQUENCE.sub("", text) if character.isprintable() or character.isspace()
    )


def _one_line(text: str) -> str:
    return " ".join(_without_controls(text).split())


def _lines(text: str) -> Iterator[str]:
    return (" ".join(line.split()) for line in text.splitlines() if line.strip())


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 3]}..."


def _without_status(line: str, status: int) -> str:
    """A line without the status in front that many repeat: `403 Forbidden`, `Error: 403 Forbidden`, `HTTP Status 403 - ...`."""
    return re.sub(rf"^(?:HTTP |Error:? |Status:? )*{status}\b[\s:.\u2013\u2014-]*", "", line, flags=re.IGNORECASE)


_SHORTEST_REPETITION = 12


def _without_repetition(line: str) -> str:
    """PyPI gives the reasons against a token two to four times over: `Invalid API Token: token is expired, token is expired`."""
    kept: list[str] = []
    for part in line.split(", "):
        if len(part) < _SHORTEST_REPETITION or not any(earlier.endswith(part) for earlier in kept):
            kept.append(part)
    return ", ".join(kept)


_SAYS_NOTHING = re.compile(
    "|".join(
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
    ),
    re.IGNORECASE,
)


# What there is to wait for


def seconds_to_wait(answer: Answer) -> int | None:
    """How long the index asks to wait: `Retry-After` (RFC 9110, 10.2.3), else when the exhausted `RateLimit` resets."""
    retry_after = answer.header("retry-after").strip()
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return int(retry_after)
    until, now = _date(retry_after), _date(answer.header("date"))
    if until and now:
        return max(0, int((until - now).total_seconds()))
    limits = _rate_limits(answer)
    exhausted = [limit for limit in limits if limit.remaining == 0] or limits
    return max((limit.resets_in for limit in exhausted), default=None)


@dataclass(frozen=True)
class _RateLimit:
    name: str
    remaining: int
    resets_in: int
    """Seconds."""


def _rate_limits(answer: Answer) -> list[_RateLimit]:
    """The header of the IETF's draft (draft-ietf-httpapi-ratelimit-headers), which PyPI sends: `"name";r=0;t=1800, ...`."""
    return [
        _RateLimit(name, parameters["r"], parameters["t"])
        for name, parameters in _quoted_items(answer.header("ratelimit"))
        if parameters.keys() >= {"r", "t"}
    ]


def _quoted_items(header: str) -> Iterator[tuple[str, dict[str, int]]]:
    for name, parameters in re.findall(r'"([^"]*)"([^,"]*)', header[:1000]):
        yield name, {key: int(value) for key, value in re.findall(r";\s*([a-z]+)=([0-9]{1,9})(?![^;\s])", parameters)}


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text[:100])
        return date.astimezone(timezone.utc) if date.tzinfo else date.replace(tzinfo=timezone.utc)
    except (ValueError, TypeError, OverflowError):
        return None


def _when(answer: Answer) -> str:
    """When to try again: `in 25 minutes (at 2026-11-21 15:04 UTC)`."""
    seconds = seconds_to_wait(answer)
    if seconds is None:
        return "later"
    span = _span(seconds)
    now = _date(answer.header("date"))
    try:
        return f"in {span} (at {now + timedelta(seconds=seconds):%Y-%m-%d %H:%M} UTC)" if now else f"in {span}"
    except OverflowError:
        return f"in {span}"


def _span(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds > length:
            return f"{-(-seconds // length)} {unit}s"
    return f"{seconds} seconds"


def _allowance(answer: Answer) -> str:
    """What the exhausted limit allows, as the index's `RateLimit-Policy` says: ` (20 in 60 minutes)`."""
    exhausted = {limit.name for limit in _rate_limits(answer) if limit.remaining == 0}
    for name, parameters in _quoted_items(answer.header("ratelimit-policy")):
        if name in exhausted and parameters.keys() >= {"q", "w"}:
            return f" (it allows {parameters['q']} in {_span(parameters['w'])})"
    return ""


# What a row's text can name


def _about_sent(sent: Sent) -> dict[str, str]:
    project = quote(canonicalize_name(sent.project), safe="")
    manage = f"{sent.site}/manage/project/{project}"
    on_test = urls.site(sent.url) == "test.pypi.org"
    return {
        "index": sent.index,
        "host": sent.host,
        "project": sent.project,
        "version": sent.version,
        "filename": sent.filename,
        "url": sent.url,
        "https_url": re.sub("^http:", "https:", sent.url, flags=re.IGNORECASE),
        "command": sent.command,
        "tokens": f"{sent.site}/manage/account/token/",
        "account": f"{sent.site}/manage/account/",
        "site": sent.site,
        "settings": f"{manage}/settings/",
        "publishing": f"{manage}/settings/publishing/",
        "collaboration": f"{manage}/collaboration/",
        "releases": f"{manage}/releases/",
        "give": _how_to_give_a_token(sent),
        "change": _how_to_change_the_credential(sent),
        "wants": _what_the_index_wants(sent.url),
        "upload_url": urls.TEST_PYPI if on_test else urls.PYPI,
        "upload_name": "test" if on_test else "main",
        "outages": _where_outages_are_told(sent),
    }


def _about_answer(answer: Answer, redact: Redact) -> dict[str, str]:
    try:
        location = urljoin(answer.url, answer.header("location"))
    except ValueError:
        location = answer.header("location")
    return {
        "when": _when(answer),
        "allowance": _allowance(answer),
        "answered": _shortened(redact(_one_line(answer.url))),
        "location": _shortened(redact(_one_line(location))),
    }


def _how_to_give_a_token(sent: Sent) -> str:
    if sent.asked_again or not sent.source:
        return f"run `{sent.command} -u __token__`, which asks for it"
    with_user = "" if sent.user == "__token__" else ", with the user name `__token__`,"
    return f"give it{with_user} in place of the one from {sent.source}"


def _how_to_change_the_credential(sent: Sent) -> str:
    if not sent.source:
        return f"Run `{sent.command}` at a terminal, which asks for them, or set HATCH_INDEX_USER and HATCH_INDEX_AUTH."
    if sent.asked_again:
        return f"Run `{sent.command}` at a terminal, which asks for another one."
    return f"Change what comes from {sent.source}."


def _where_outages_are_told(sent: Sent) -> str:
    if urls.site(sent.url):
        return "See https://status.python.org for outages."
    return f"If it lasts, ask whoever runs {sent.host}."


_WANTED = (
    (
        r"/api/v4/(projects|groups)/",
        "GitLab takes `__token__` with an access token of scope `api`, `gitlab-ci-token` with the job's CI_JOB_TOKEN,"
        " or a deploy token's own user name with a scope of `write_package_registry`.",
    ),
    (
        r"\.codeartifact\.",
        "CodeArtifact takes the user name `aws` with a token of `aws codeartifact get-authorization-token`, which lives"
        " for 12 hours at most.",
    ),
    (
        r"-python\.pkg\.dev/",
        "Google takes what its keyring backend gives (`pipx inject hatch keyrings.google-artifactregistry-auth`, then"
        " `gcloud auth application-default login`), or `_json_key_base64` with a service account's key.",
    ),
    (
        r"/_packaging/",
        "Azure takes any user name with a personal access token of scope Packaging (read & write), or what its keyring"
        " backend gives (`pipx inject hatch artifacts-keyring`).",
    ),
    (r"/api/packages/", "Gitea and Forgejo take your user name with an access token of scope `write:package`."),
    (
        r"/artifactory/",
        "Artifactory takes your user name with an identity token or password, and wants the right to deploy.",
    ),
    (r"/repository/", "Nexus takes your user name with its password, or the two halves of a user token."),
)
"""What indexes of a kind that their upload URL tells take as a credential."""


def _what_the_index_wants(url: str) -> str:
    return next(
        (text for pattern, text in _WANTED if re.search(pattern, url)),
        "",
    )


# The table


def _always(_: Sent) -> bool:
    return True


def _on_pypi(sent: Sent) -> bool:
    return urls.site(sent.url) is not None


def _elsewhere(sent: Sent) -> bool:
    return not _on_pypi(sent)


def _at_another_address_of_pypi(sent: Sent) -> bool:
    return _on_pypi(sent) and not any(urls.same(sent.url, url) for url in (urls.PYPI, urls.TEST_PYPI))


def _at_gitlab(sent: Sent) -> bool:
    return "/api/v4/" in sent.url


def _without_credential(sent: Sent) -> bool:
    return not sent.source


def _minted(sent: Sent) -> bool:
    return sent.minted


def _narrowed(sent: Sent) -> bool:
    return sent.narrowed


def _archived(sent: Sent) -> bool:
    return sent.project_status == "archived"


def _quarantined(sent: Sent) -> bool:
    return sent.project_status == "quarantined"


_ANY = range(1_000)
_SERVER_ERRORS = range(500, 600)
_NO_WORDS = r"\A\Z"


@dataclass(frozen=True)
class Row:
    """One kind of refusal: how it is recognised, what it is about, and the one step that helps.

    `said` is a regular expression for the index's own words, in any case of letters; `statuses` and `when` narrow it
    down. `next_step` can name whatever `_about_sent` and `_about_answer` hold.
    """

    key: str
    about: About
    next_step: str
    said: str = ""
    statuses: Container[int] = _ANY
    when: Callable[[Sent], bool] = _always
    retry: bool = False

    def fits(self, status: int, text: str, sent: Sent) -> bool:
        return (
            status in self.statuses
            and self.when(sent)
            and re.search(self.said, text, re.IGNORECASE | re.MULTILINE) is not None
        )


_RAISE_THE_VERSION = "Raise the version, run `hatch build --clean`, and publish again."
_RENAME = "Choose another `name` under `[project]` in pyproject.toml."
_PUBLISH_AGAIN = "publish again; files that arrived are passed over."

ROWS: tuple[Row, ...] = (
    # A project whose state explains the answer better than its words do
    Row(
        "archived",
        About.PROJECT,
        "{project} is archived, and an archived project takes no files. An owner can unarchive it at {settings}; then publish"
        " again.",
        said=r"isn't allowed to upload",
        when=_archived,
    ),
    Row(
        "quarantined",
        About.PROJECT,
        "The administrators of {index} have quarantined {project}, which stops uploads and can freeze its owners' accounts."
        " Log in at {site} and answer what they wrote to you: only they can lift it.",
        said=r"isn't allowed to upload|Invalid or non-existent authentication information",
        when=_quarantined,
    ),
    # The credential
    Row(
        "password",
        About.CREDENTIAL,
        "{index} takes no passwords: since two-factor authentication became mandatory, it wants an API token or Trusted"
        " Publishing. Make a token at {tokens} and {give}; for CI, set up https://docs.pypi.org/trusted-publishers/.",
        said=r"Username/Password authentication is no longer supported",
    ),
    Row(
        "minted-token-over",
        About.CREDENTIAL,
        "A token of Trusted Publishing lives for 15 minutes, and this one is over. Run the job again: it mints a new one,"
        " and files that arrived are passed over.",
        said=r"Invalid or non-existent authentication information|token is expired",
        when=_minted,
    ),
    Row(
        "token-unknown",
        About.CREDENTIAL,
        "{index} knows no such token: it was deleted, copied incompletely, or made elsewhere (PyPI and TestPyPI know only"
        " their own). Make a new one at {tokens} and {give}.",
        said=r"Invalid or non-existent authentication information",
    ),
    Row(
        "publisher",
        About.PROJECT,
        "The workflow that this token was minted for is no trusted publisher of {project}. Let an owner add it at"
        " {publishing} with the exact repository, workflow file and environment, and run the job again.",
        said=r"scoped token|publisher restriction|given token isn't allowed to upload",
        when=_minted,
    ),
    Row(
        "token-scope",
        About.CREDENTIAL,
        "The token is restricted to another project than {project}. Make one for {project} at {tokens} (for its first"
        " release: one for the whole account) and {give}.",
        said=r"scoped token",
    ),
    Row(
        "token-expired-narrowed",
        About.CREDENTIAL,
        "The token was sent restricted to the next minutes, so look at this machine's clock first. If it is right, the token"
        " itself has expired: make a new one at {tokens} and {give}.",
        said=r"token is expired",
        when=_narrowed,
    ),
    Row(
        "token-expired",
        About.CREDENTIAL,
        "The token has expired. Make a new one at {tokens} and {give}.",
        said=r"token is expired",
    ),
    Row(
        "token-changed",
        About.CREDENTIAL,
        "This is not the token that {index} made: a character is missing or wrong. Copy it again in full, or make a new one"
        " at {tokens}, and {give}.",
        said=r"signatures do not match",
    ),
    Row(
        "narrowing",
        About.SITE,
        "{index} doesn't take the token as it was restricted on this machine. Run"
        " `{command} -o narrow-token=never`, which sends it as it was made.",
        said=r"Invalid API Token: .*(caveat|invalid values for fields|Not enough values|unknown error)",
        when=_narrowed,
    ),
    Row(
        "token-malformed",
        About.CREDENTIAL,
        "What was sent can't be read as an API token. Copy it again, from `pypi-` to its last character, or make a new one"
        " at {tokens}, and {give}.",
        said=r"Invalid API Token: .*(malformed|caveat|invalid values for fields|Not enough values|unknown error)",
    ),
    Row(
        "token-refused",
        About.CREDENTIAL,
        "{index} doesn't take this token any more. Make a new one at {tokens} and {give}.",
        said=r"Invalid API Token",
    ),
    # The account
    Row(
        "email",
        About.ACCOUNT,
        "Verify your primary e-mail address at {account}; then publish again, the token stays valid.",
        said=r"verified primary email address",
    ),
    Row(
        "two-factor",
        About.ACCOUNT,
        "Set up two-factor authentication at {account}two-factor/; then publish again, the token stays valid.",
        said=r"does not have two-factor authentication enabled",
    ),
    Row(
        "organization",
        About.ACCOUNT,
        "Let an owner of the organization look at its billing and status at {site}/manage/organizations/, or write to"
        " support+orgs@pypi.org; until then it takes no files.",
        said=r"Organization account .* is inactive",
    ),
    # The project
    Row(
        "project-right",
        About.PROJECT,
        "If {project} is yours, let an owner add this account at {collaboration}, or unarchive the project at {settings}. If"
        " it is somebody else's, the name is taken: choose another `name` under `[project]` in pyproject.toml.",
        said=r"isn't allowed to upload to project",
    ),
    Row(
        "pending-publisher",
        About.PROJECT,
        "A pending publisher creates only the project that it names, and that isn't {project}. Make the name at"
        " {account}publishing/ and the `name` in pyproject.toml the same, and run the job again.",
        said=r"Non-user identities cannot create new projects",
    ),
    Row(
        "name-race",
        About.PROJECT,
        "Something else created {project} at this very moment. If it was a job of yours, publish again; if not, choose"
        " another `name` under `[project]` in pyproject.toml.",
        said=r"conflicts with an existing project",
        retry=True,
    ),
    Row(
        "name-similar",
        About.PROJECT,
        "Names that differ only in `.`, `-`, `_` or in letters that look alike (`l`, `i`, `1`; `o`, `0`) count as one. "
        + _RENAME,
        said=r"too similar to an existing project",
    ),
    Row(
        "name-standard-library",
        About.PROJECT,
        "{project} is the name of a module of Python's standard library. " + _RENAME,
        said=r"conflict with Python Standard Library",
    ),
    Row(
        "name-prohibited",
        About.PROJECT,
        "{index} has blocked the name {project} for everybody. " + _RENAME,
        said=r"The name '.*' isn't allowed",
    ),
    Row(
        "name-invalid",
        About.PROJECT,
        "Give a `name` under `[project]` in pyproject.toml that has only ASCII letters, digits, `.`, `-` and `_`, and a letter"
        " or digit at both ends.",
        said=r"The name '.*' is invalid|is an invalid value for Name",
    ),
    Row(
        "project-size",
        About.PROJECT,
        "Delete old releases that nobody needs at {releases}, or ask for more room as"
        " https://docs.pypi.org/project-management/storage-limits tells.",
        said=r"Project size too large",
    ),
    # The release
    Row(
        "release-closed",
        About.RELEASE,
        "Release {version} is older than 14 days and takes no more files. " + _RAISE_THE_VERSION,
        said=r"releases older than \d+ days",
    ),
    Row(
        "second-sdist",
        About.RELEASE,
        "Release {version} has its sdist already. Publish without {filename} by giving the paths of the wheels, or raise the"
        " version.",
        said=r"Only one sdist may be uploaded",
    ),
    # The file
    Row(
        "file-exists",
        About.FILE,
        "{index} has another file of this name, or this file under another name, and never replaces one. "
        + _RAISE_THE_VERSION,
        said=r"^File already exists",
    ),
    Row(
        "filename-used",
        About.FILE,
        "{index} gives out a file name only once, even if its file was deleted since. " + _RAISE_THE_VERSION,
        said=r"This filename (was previously used|has already been used|has previously been used)",
    ),
    Row(
        "file-size",
        About.FILE,
        "Leave out of {filename} what its users don't need, or ask for a higher limit as"
        " https://docs.pypi.org/project-management/storage-limits tells.",
        said=r"File too large",
    ),
    Row(
        "description",
        About.FILE,
        "Correct the README, or give its type under `readme` in pyproject.toml (text/markdown, text/x-rst or text/plain), and"
        " build again. `{command} -o dry-run` tells beforehand whether it renders.",
        said=r"description failed to render",
    ),
    Row(
        "local-version",
        About.FILE,
        "{index} takes no version with a `+`. Build from a clean checkout of the release's tag, or take that part out of the"
        " version, and publish again.",
        said=r"use of local versions",
    ),
    Row(
        "platform-tag",
        About.FILE,
        "{index} takes Linux wheels only as manylinux or musllinux. Run `auditwheel repair` on this one, or build for all"
        " platforms with https://cibuildwheel.pypa.io.",
        said=r"unsupported platform tag '\w*linux",
    ),
    Row(
        "platform-tag-other",
        About.FILE,
        "{index} doesn't know this wheel's platform. Build it with a current https://cibuildwheel.pypa.io, or leave it out by"
        " giving the paths of the other files.",
        said=r"unsupported platform tag",
    ),
    Row(
        "metadata-version",
        About.FILE,
        "The build backend wrote a field or a version of the metadata that doesn't fit. Update the backend under"
        " `[build-system]` in pyproject.toml (with hatchling, `core-metadata-version` of a build target sets it), and build"
        " again.",
        said=r"not a valid metadata version|introduced in metadata version",
    ),
    Row(
        "classifier",
        About.FILE,
        "Take the classifiers in pyproject.toml from {site}/classifiers/, and build again.",
        said=r"not a valid classifier|The classifier .* has been deprecated",
    ),
    Row(
        "direct-dependency",
        About.FILE,
        "{index} takes no dependency on a URL (`name @ https://...`). Depend on a released version, and build again.",
        said=r"Can't have direct dependency",
    ),
    Row(
        "metadata",
        About.FILE,
        "Correct this field in pyproject.toml, and run `hatch build --clean`. Its rules are at"
        " https://packaging.python.org/specifications/core-metadata.",
        said=r"specifications/(core-metadata|version-specifiers) for more information",
    ),
    Row(
        "license-file",
        About.FILE,
        "Name only files that are there under `license-files` in pyproject.toml, and run `hatch build --clean`.",
        said=r"License-File .* does not exist in distribution file",
    ),
    Row(
        "filename",
        About.FILE,
        "The name of a file has to follow from its project, version and type. Don't rename {filename}: run"
        " `hatch build --clean`, and publish what that makes.",
        said=r"^Filename '.*' (is invalid|should contain)|Start filename for|Invalid (source distribution|wheel) filename"
        r"|Invalid (project name|build number):|Version in filename should be|Invalid file extension"
        r"|Cannot upload a file with"
        r"|^filename '.*' does not (contain version|match project name)|not a valid archive name|Bad filename",
    ),
    Row(
        "filename-length",
        About.FILE,
        "Shorten the version, the build tag or the platform tags of {filename}, and build it again.",
        said=r"Filename is too long",
    ),
    Row(
        "entry-points",
        About.FILE,
        "Correct `[project.scripts]`, `[project.gui-scripts]` and `[project.entry-points]` in pyproject.toml (the names of"
        " scripts have letters, digits, `.`, `-` and `_`), and run `hatch build --clean`.",
        said=r"invalid entry points",
    ),
    Row(
        "digest",
        About.FILE,
        "{filename} changed while it was sent. Make sure that nothing writes to it, and publish again.",
        said=r"digest supplied does not match|hash mismatch",
    ),
    Row(
        "attestations",
        About.FILE,
        "Delete the `.attestation` files next to {filename} and publish without them, or let the job that publishes make them:"
        " https://docs.pypi.org/attestations/.",
        said=r"Invalid attestations supplied",
    ),
    Row(
        "encrypted-code",
        About.FILE,
        "{index} takes no encrypted code. Build {filename} from readable sources, and publish again.",
        said=r"(PyArmor|SourceDefender)-encrypted content is not allowed",
    ),
    Row(
        "archive",
        About.FILE,
        "{filename} isn't packed as {index} wants it (https://docs.pypi.org/archives). Run `hatch build --clean`, and publish"
        " what that makes without repacking it.",
        said=r"Invalid distribution file|does not contain the required \S+ file",
    ),
    # The site
    Row(
        "read-only",
        About.SITE,
        "{index} takes no files from anybody now; your file and credential are not the reason. {outages} When it is over, "
        + _PUBLISH_AGAIN,
        said=r"Read-only mode|New uploads are temporarily disabled",
    ),
    Row(
        "no-new-projects",
        About.SITE,
        "{index} creates no new projects now, for anybody. {outages} When it is over, " + _PUBLISH_AGAIN,
        said=r"New project registration temporarily disabled",
    ),
    # Rate limits
    Row(
        "new-projects",
        About.RATE_LIMIT,
        "{index} counts every try to create a project, also one that fails{allowance}. Publish again {when}.",
        said=r"Too many new projects created",
        statuses=(429,),
    ),
    Row(
        "too-many-requests",
        About.RATE_LIMIT,
        "Publish again {when}; files that arrived are passed over.",
        statuses=(429,),
        retry=True,
    ),
    # The address
    Row(
        "https",
        About.ADDRESS,
        "Write the upload URL with https: {https_url}",
        said=r"SSL is required",
    ),
    Row(
        "redirect",
        About.ADDRESS,
        "{answered} points on to {location}, where neither the file nor the credential was sent. If that is the right upload"
        " URL, configure it or give it with `-r`; if it is a login page, the credential wasn't taken.",
        statuses=range(300, 400),
    ),
    Row(
        "pypi-address",
        About.ADDRESS,
        "{index} takes uploads at {upload_url} alone. Run `hatch publish -p tokenindex -r {upload_name}`.",
        statuses=(404, 405, 410),
        when=_at_another_address_of_pypi,
    ),
    Row(
        "no-upload-address",
        About.ADDRESS,
        "{url} takes no uploads: it may be the simple API, which installers read, or a web page. Look up the index's upload URL"
        " and configure it, or give it with `-r`.",
        statuses=(405, 410),
        when=_elsewhere,
    ),
    Row(
        "not-found-gitlab",
        About.ADDRESS,
        "Check the project's ID in the URL; GitLab also says this to a credential that may not see the project. {wants}",
        statuses=(404,),
        when=_at_gitlab,
    ),
    Row(
        "not-found",
        About.ADDRESS,
        "{host} takes no uploads at {url}, or hides it from this credential. Look up the index's upload URL and configure it,"
        " or give it with `-r`.",
        statuses=(404,),
        when=_elsewhere,
    ),
    Row(
        "proxy-credential",
        About.ADDRESS,
        "The proxy on the way wants a user name and a password. Set them in HTTPS_PROXY and HTTP_PROXY"
        " (http://USER:PASSWORD@HOST:PORT).",
        statuses=(407,),
    ),
    # Other indexes: a file that exists. Azure, CodeArtifact, Gitea and pypiserver answer 409, GitLab, Google and Nexus 400,
    # Artifactory 403.
    Row(
        "file-exists-elsewhere",
        About.FILE,
        "{host} has a {filename} already and doesn't replace files. " + _RAISE_THE_VERSION,
        said=r"already (been taken|exist|contain|present)|updating asset|cannot be updated|overwrite (all )?artifact",
        statuses=(400, 403, 409),
        when=_elsewhere,
    ),
    Row(
        "conflict",
        About.FILE,
        "Most likely {host} has a {filename} already and doesn't replace files. " + _RAISE_THE_VERSION,
        statuses=(409,),
        when=_elsewhere,
    ),
    # Other indexes: the credential. By RFC 9110, a 401 is always about the credential, and a 403 may be answered with
    # another one. A 403 without a word is what pypiserver gives for a wrong password; PyPI always gives a reason, so one
    # without comes from something in between, and is nothing to change a token for.
    Row(
        "credential-missing",
        About.CREDENTIAL,
        "{host} wants a user name and a secret. {wants} {change}",
        statuses=(401, 403),
        when=_without_credential,
    ),
    Row(
        "token-rights",
        About.CREDENTIAL,
        "The token is good, but not for uploads. {wants} {change}",
        said=r"insufficient_scope|higher privileges than provided|reqPackageAccess",
        statuses=(401, 403),
        when=_elsewhere,
    ),
    Row(
        "token-expired-elsewhere",
        About.CREDENTIAL,
        "The token has expired. {wants} {change}",
        said=r"\bexpired\b",
        statuses=(401, 403),
        when=_elsewhere,
    ),
    Row(
        "credential",
        About.CREDENTIAL,
        "{host} doesn't take this user name with this secret. {wants} {change}",
        statuses=(401,),
    ),
    Row(
        "credential-or-right",
        About.CREDENTIAL,
        "Either the secret is wrong, or its user may not upload there; {host} doesn't tell which. {wants} {change}",
        said=_NO_WORDS,
        statuses=(403,),
        when=_elsewhere,
    ),
    Row(
        "no-permission",
        About.PROJECT,
        "{host} knows this user, who may not upload there. Ask whoever runs it for the right to upload, or use another user.",
        said=r"permission|not authorized|not allowed|privilege|access (is |to .* is )?(denied|forbidden)",
        statuses=(403,),
        when=_elsewhere,
    ),
    # Any server, and what stands in front of it
    Row(
        "body-size",
        About.FILE,
        "{host}, or a proxy in front of it, takes no file as large as {filename}. Ask whoever runs it to raise the limit (with"
        " nginx: client_max_body_size).",
        statuses=(413,),
    ),
    Row(
        "server-timeout",
        About.SITE,
        "The server stopped waiting for the file. Try a faster connection, and " + _PUBLISH_AGAIN,
        statuses=(408,),
        retry=True,
    ),
    Row(
        "server-error",
        About.SITE,
        "The trouble is on the side of {host} and often passes: in a few minutes, " + _PUBLISH_AGAIN + " {outages}",
        statuses=_SERVER_ERRORS,
        retry=True,
    ),
)

NO_ANSWER_ROWS: Mapping[NoAnswer, Row] = {
    NoAnswer.NAME: Row(
        "host-unknown",
        About.ADDRESS,
        "Check the spelling of {host} in the upload URL, and whether this machine is online.",
        retry=True,
    ),
    NoAnswer.REFUSED: Row(
        "connection-refused",
        About.SITE,
        "Nothing listens at {host}. Check the host and port of the upload URL, and whether the server runs. {outages}",
        retry=True,
    ),
    NoAnswer.CERTIFICATE: Row(
        "certificate",
        About.ADDRESS,
        "If your organization signs its certificates itself, give its CA with `--ca-cert FILE`. If not, somebody may be"
        " pretending to be {host}: send nothing from this network.",
    ),
    NoAnswer.PROXY: Row(
        "proxy",
        About.ADDRESS,
        "Check the proxy's address in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; to go without it, set NO_PROXY={host}.",
        retry=True,
    ),
    NoAnswer.TIMEOUT: Row(
        "time-out",
        About.SITE,
        "The file may have arrived all the same: "
        + _PUBLISH_AGAIN
        + " For a slow index, add `-o timeout=900` (seconds).",
        retry=True,
    ),
    NoAnswer.LOST: Row(
        "connection-lost",
        About.SITE,
        "The file may have arrived all the same: "
        + _PUBLISH_AGAIN
        + " If it breaks off every time, ask whoever runs {host}"
        " whether files of this size are let through.",
        retry=True,
    ),
}
