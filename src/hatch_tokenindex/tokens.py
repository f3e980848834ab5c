"""API tokens: read the scope and expiry of one, and narrow it to one project and a short time.

PyPI's API tokens are macaroons: whoever holds one can read its restrictions, and can add more without asking PyPI. A
token that can't be parsed here may still be valid: only its index decides.
"""

from __future__ import annotations

import base64
import hmac
import html
import io
import json
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias
from urllib.parse import unquote

from hatch_tokenindex.errors import MalformedTokenError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.text import END_OF_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Minted:
    """An API token that the index issued for an OIDC identity; `expires` is in Unix time, None if unknown."""

    token: Secret
    expires: int | None


class Tag(IntEnum):
    """The kind of a caveat, as PyPI numbers them (`warehouse/macaroons/caveats/` in pypi/warehouse on GitHub)."""

    EXPIRATION = 0
    """Valid from the second time to just before the first, both in Unix time."""
    PROJECT_NAMES = 1
    """Valid for the projects of these names, which PyPI compares with the project's normalized name (PEP 503)."""
    PROJECT_IDS = 2
    """Valid for the projects of these ids, whose names only PyPI knows."""
    REQUEST_USER = 3
    """Valid for a user's entire account; its id is empty in tokens of the old format."""
    OIDC_PUBLISHER = 4
    """Minted for a Trusted Publisher."""


Caveat: TypeAlias = tuple[Any, ...]
"""A tag and its fields; None and the raw bytes if it can't be interpreted here."""


class Kind(str, Enum):
    """The scope of a token."""

    ACCOUNT = "account"
    PROJECT = "project"
    PROJECT_ID = "project id"
    TRUSTED_PUBLISHING = "trusted publishing"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value

    @property
    def scope(self) -> str:
        """The scope in words."""
        return "entire account" if self is Kind.ACCOUNT else self.value


@dataclass(frozen=True)
class Token:
    """The contents of an API token; nothing in here is secret, and all text is printable.

    None, in every property, means "unknown" and never "unrestricted".
    """

    location: str
    """The web host that issued it, such as `pypi.org`; may be empty."""

    identifier: str
    """The index's own identifier for it; a UUID at PyPI."""

    caveats: tuple[Caveat, ...]
    """Its restrictions in the order in which they were added. All of them have to hold."""

    @property
    def projects(self) -> frozenset[str] | None:
        """The normalized names of the projects that it is valid for: those that every caveat allows."""
        restrictions = [frozenset(names) for (names,) in self._fields(Tag.PROJECT_NAMES)]
        return frozenset.intersection(*restrictions) if restrictions else None

    @property
    def expires_at(self) -> int | None:
        """The Unix time at which it expires."""
        return min((expires_at for expires_at, _ in self._fields(Tag.EXPIRATION)), default=None)

    @property
    def not_before(self) -> int | None:
        """The Unix time from which it is valid."""
        return max((not_before for _, not_before in self._fields(Tag.EXPIRATION)), default=None)

    @property
    def kind(self) -> Kind:
        """The scope; unknown for an account token with an unknown caveat, which may restrict it to a project."""
        tags = {tag for tag, *_ in self.caveats}
        if Tag.OIDC_PUBLISHER in tags:
            return Kind.TRUSTED_PUBLISHING
        if Tag.PROJECT_NAMES in tags:
            return Kind.PROJECT
        if Tag.PROJECT_IDS in tags:
            return Kind.PROJECT_ID
        if Tag.REQUEST_USER in tags and None not in tags:
            return Kind.ACCOUNT
        return Kind.UNKNOWN

    def _fields(self, tag: Tag) -> list[list[Any]]:
        return [fields for found, *fields in self.caveats if found is tag]


_PREFIX = "pypi-"
_TOKEN = re.compile(rf"{_PREFIX}((?:[\w-]{{4}})*(?:[\w-]{{2}}(?:==)?|[\w-]{{3}}=?)?)", re.ASCII)

# PyPI accepts headers of up to 32,760 bytes, and Basic authentication needs four for every three of `__token__:pypi-...`.
_LONGEST_TOKEN = 24_500

# https://github.com/rescrv/libmacaroons/blob/master/doc/format.txt
_VERSION = 2
_END_OF_SECTION = 0
_LOCATION = 1
_IDENTIFIER = 2
_VERIFICATION_ID = 4
_SIGNATURE = 6
_SIGNATURE_SIZE = 32
_CONTINUED = 0x80
_BEFORE_SIGNATURE = bytes([_END_OF_SECTION, _SIGNATURE, _SIGNATURE_SIZE])


# What is often pasted along with a token: the name of a variable, whitespace and quotes.
_PASTED = re.compile(r"\A(?:export\s+|set\s+|\$env:)?(?:HATCH_INDEX_AUTH\w*|TWINE_PASSWORD|UV_PUBLISH_TOKEN)\s*=\s*")
_AROUND = " \t\r\n\f\v\ufeff\u00a0\u200b\"'`"

# The beginning of every token of an index, from the macaroon's version to its location, as far as base64 fixes it.
_BEGINNINGS = {
    site: base64.b64encode(bytes([_VERSION, _LOCATION, len(site)]) + site.encode()).decode()[: (len(site) + 3) * 4 // 3]
    for site in ("pypi.org", "test.pypi.org")
}
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){16,}")
_WRAPPINGS = 2
"""Layers of base64, hexadecimal, percent-encoding or HTML that a token is looked for in."""


def looks_like_token(text: str) -> bool:
    """Return True if the text is meant as an API token, even if it can't be parsed.

    The rule is the one that PyPI gives to secret scanners: `pypi-` and at least 85 characters of URL-safe base64. Every
    token of PyPI is longer (its UUID and signature alone take 91), and no user name is that long.
    """
    return re.fullmatch(rf"{_PREFIX}[A-Za-z0-9_-]{{85,}}={{0,2}}", text) is not None


def token_in(text: str) -> Secret | None:
    """Return the API token that the text holds between what was pasted along, None if it holds something else."""
    cleaned = _without_paste(text)
    return Secret(cleaned) if looks_like_token(cleaned) else None


def issuers_in(text: str) -> frozenset[str]:
    """Return the sites (`pypi.org`, `test.pypi.org`) whose tokens the text may hold, however they are spelt or wrapped.

    A secret that is not a valid token can still hold one: with a character too many, a name in front, or inside of JSON or
    base64. Whoever receives it can cut the token out, so what decides whether it may be sent is this search, and not
    `read`.
    """
    texts, sites = {text}, set[str]()
    for _ in range(_WRAPPINGS + 1):
        sites |= {site for text in texts for site, mark in _BEGINNINGS.items() if mark in _compact(text)}
        texts = {inner for text in texts for inner in _unwrapped(text)}
    return frozenset(sites)


def is_blank(text: str) -> bool:
    """Return True if nothing is left of a text without whitespace, quotes and the name of a variable."""
    return not _without_paste(text)


def _without_paste(text: str) -> str:
    return _PASTED.sub("", text.strip(_AROUND), count=1).strip(_AROUND)


def _compact(text: str) -> str:
    """Return the letters of base64 in a text, in ASCII, with nothing between them."""
    return re.sub("[^A-Za-z0-9_-]", "", unicodedata.normalize("NFKC", text))


def _unwrapped(text: str) -> Iterator[str]:
    """Yield the texts that a text may stand for."""
    yield from {unquote(text), html.unescape(text)} - {text}
    letters = re.sub(r"\s", "", text)
    for run in _HEX.findall(letters):
        yield bytes.fromhex(run).decode("latin-1")
    for run in _BASE64.findall(letters):
        standard = run.translate({ord("-"): "+", ord("_"): "/"})
        for start in range(4):
            whole = standard[start : start + (len(standard) - start) // 4 * 4]
            yield base64.b64decode(whole).decode("latin-1")


def read(secret: Secret) -> Token:
    """Return the contents of an API token. Its signature can't be verified without the index's key.

    The format is PyPI's: `pypi-` and the URL-safe base64, padded or not, of a macaroon in binary format 2.

    Raises:
        MalformedTokenError: The text is something else, or longer than the 24,500 characters that PyPI accepts.
    """
    try:
        return _parse(_decode(secret.reveal()))
    except MalformedTokenError as error:
        # Without the frames in between: a traceback may print their variables, which hold the secret.
        raise error.with_traceback(None) from None


def narrow(secret: Secret, *, project: str, not_before: int, expires_at: int) -> Secret:
    """Return the token restricted to one project, from `not_before` to just before `expires_at` (Unix time).

    The project's name may be spelt in any way. The restrictions that the token has stay as they are, byte for byte.

    Raises:
        MalformedTokenError: The token can't be parsed, or becomes too long to be sent.
    """
    read(secret)
    name = re.sub(r"[-_.]+", "-", project).lower()
    narrowed = _with_caveats(secret, [Tag.PROJECT_NAMES, [name]], [Tag.EXPIRATION, expires_at, not_before])
    read(narrowed)
    return narrowed


def _with_caveats(secret: Secret, *caveats: list[Any]) -> Secret:
    """Add first-party caveats to a token that can be parsed: each one's HMAC is the key of the next.

    This is a function of its own so that its variables, which hold the secret, are in no traceback of `narrow`.
    """
    data = _decode(secret.reveal())
    body, signature = data[: -len(_BEFORE_SIGNATURE) - _SIGNATURE_SIZE], data[-_SIGNATURE_SIZE:]
    for caveat in caveats:
        raw = json.dumps(caveat, separators=(",", ":")).encode("ascii")
        body += bytes([_IDENTIFIER, *_varint_of(len(raw))]) + raw + bytes([_END_OF_SECTION])
        signature = hmac.digest(signature, raw, "sha256")
    payload = base64.urlsafe_b64encode(body + _BEFORE_SIGNATURE + signature)
    return Secret(_PREFIX + payload.decode("ascii").rstrip("="))


def _varint_of(number: int) -> Iterator[int]:
    while number >= _CONTINUED:
        yield number % _CONTINUED | _CONTINUED
        number >>= 7
    yield number


def _refuse(what: str) -> NoReturn:
    message = f"It is not in the format of PyPI's API tokens: {what}. Copy it again in full, or create a new one."
    raise MalformedTokenError(message)


def _decode(text: str) -> bytes:
    if not text.startswith(_PREFIX):
        _refuse(f'it does not begin with "{_PREFIX}"')
    if len(text) > _LONGEST_TOKEN:
        _refuse(f"it has more than {_LONGEST_TOKEN} characters")
    token = _TOKEN.fullmatch(text)
    if token is None:
        _refuse(f'what follows "{_PREFIX}" is not base64, or lacks a part')
    payload = token[1]
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def _parse(data: bytes) -> Token:
    stream = io.BytesIO(data)
    if stream.read(1) != bytes([_VERSION]):
        _refuse("it is not a macaroon of version 2")
    header = _read_section(stream)
    if header.keys() not in ({_IDENTIFIER}, {_LOCATION, _IDENTIFIER}):
        _refuse("it has a malformed header")
    caveats: list[Caveat] = []
    while section := _read_section(stream):
        caveats.append(_caveat_of(section))
    if (_read_varint(stream), _read_varint(stream)) != (_SIGNATURE, _SIGNATURE_SIZE):
        _refuse("it has no valid signature")
    _read_bytes(stream, _SIGNATURE_SIZE)
    if stream.read(1):
        _refuse("it has extra data after its signature")
    return Token(_text_of(header.get(_LOCATION, b"")), _text_of(header[_IDENTIFIER]), tuple(caveats))


def _read_section(stream: io.BytesIO) -> dict[int, bytes]:
    """Return the fields up to the next end mark; a macaroon has them in the order of their types, each once."""
    fields: dict[int, bytes] = {}
    while (field := _read_varint(stream)) != _END_OF_SECTION:
        if field <= max(fields, default=_END_OF_SECTION):
            _refuse("its fields are not in order")
        fields[field] = _read_bytes(stream, _read_varint(stream))
    return fields


def _read_varint(stream: io.BytesIO) -> int:
    """Return a number in groups of seven bits, the lowest first; three groups suffice for the longest token."""
    number = 0
    for shift in (0, 7, 14):
        byte = _read_bytes(stream, 1)[0]
        number |= byte % _CONTINUED << shift
        if byte == 0 and shift:
            _refuse("it has a number with leading zeros")
        if byte < _CONTINUED:
            return number
    _refuse("it has a number that is too large")


def _read_bytes(stream: io.BytesIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        _refuse("it ends too early")
    return data


def _text_of(raw: bytes) -> str:
    text = raw.decode("utf-8", "surrogateescape")
    if not _is_text(text):
        _refuse("its location or identifier is not printable text")
    return text


def _caveat_of(section: dict[int, bytes]) -> Caveat:
    if section.keys() in ({_IDENTIFIER, _VERIFICATION_ID}, {_LOCATION, _IDENTIFIER, _VERIFICATION_ID}):
        return None, section[_IDENTIFIER]
    if section.keys() != {_IDENTIFIER}:
        _refuse("it has a malformed caveat")
    raw = section[_IDENTIFIER]
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_mapping_of, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None, raw
    match _as_array(value):
        case [tag, *_] if not _is_int(tag):
            pass
        case [Tag.EXPIRATION, expires_at, not_before] if _is_time(expires_at) and _is_time(not_before):
            return Tag.EXPIRATION, expires_at, not_before
        case [Tag.PROJECT_NAMES | Tag.PROJECT_IDS as tag, names] if _are_texts(names):
            return Tag(tag), tuple(names)
        case [Tag.REQUEST_USER, user_id] if _is_text(user_id):
            return Tag.REQUEST_USER, user_id
        case [Tag.OIDC_PUBLISHER, id_] | [Tag.OIDC_PUBLISHER, id_, None | {}] if _is_text(id_):
            return Tag.OIDC_PUBLISHER, id_
    return None, raw


def _mapping_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        message = "duplicate keys"
        raise ValueError(message)
    return mapping


def _refuse_constant(constant: str) -> NoReturn:
    """Reject NaN and Infinity, which only Python's parser accepts."""
    raise ValueError(constant)


def _as_array(value: Any) -> Any:
    """Return a caveat in PyPI's format: given one from before there were tags, a mapping, which PyPI still accepts."""
    match value:
        case {"version": version} if not _is_int(version):
            return None
        case {"version": 1, "permissions": "user", **other} if not other:
            return [Tag.REQUEST_USER, ""]
        case {"version": 1, "permissions": {"projects": names, **more}, **other} if not (more or other):
            return [Tag.PROJECT_NAMES, names]
        case {"exp": expires_at, "nbf": not_before, **other} if not other:
            return [Tag.EXPIRATION, expires_at, not_before]
        case {"project_ids": ids, **other} if not other:
            return [Tag.PROJECT_IDS, ids]
    return value


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return _is_int(value) and 0 <= value < END_OF_TIME


def _is_text(value: object) -> bool:
    """Return True for printable text, which has neither control characters nor lone surrogates."""
    return isinstance(value, str) and value.isprintable()


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))
