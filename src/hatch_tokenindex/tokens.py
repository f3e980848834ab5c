"""What an API token (a macaroon) says of itself, and narrowing it.

PyPI's API tokens are macaroons: whoever holds one can read whom and what it is for, and can restrict it further by
adding caveats, without asking PyPI. A token that can't be read here may still be a good one: its index alone decides.
"""

from __future__ import annotations

import base64
import hmac
import io
import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from hatch_tokenindex.errors import MalformedTokenError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.text import END_OF_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Minted:
    """An API token that the index made for an identity; `expires` is in unix seconds, `None` if the index didn't say."""

    token: Secret
    expires: int | None


@dataclass(frozen=True)
class Expiration:
    """Valid from `not_before` to just before `expires_at`, both in Unix seconds."""

    expires_at: int
    not_before: int


@dataclass(frozen=True)
class ProjectNames:
    """Valid for the projects of these names, which PyPI compares with the PEP 503-normalized name of the project."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class ProjectIDs:
    """Valid for the projects of these ids, which only PyPI can tell the names of."""

    ids: tuple[str, ...]


@dataclass(frozen=True)
class RequestUser:
    """Valid for the whole account of a user; tokens in the old format don't say which, and have None."""

    user_id: str | None


@dataclass(frozen=True)
class OIDCPublisher:
    """Minted for a Trusted Publisher."""

    publisher_id: str


@dataclass(frozen=True)
class UnknownCaveat:
    """A restriction in a form that is not known here: another tag, third-party, or not exactly as PyPI writes it."""

    raw: bytes


Caveat: TypeAlias = Expiration | ProjectNames | ProjectIDs | RequestUser | OIDCPublisher | UnknownCaveat


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
    """What an API token says of itself; nothing in here is secret, and all text is printable.

    The index may know of more caveats than the token shows. So None, in every property, means that the token doesn't
    say, never that there is no limit.
    """

    location: str
    """The web host that made it, such as `pypi.org`; may be empty."""

    identifier: str
    """Under which its index knows it; a UUID at PyPI."""

    caveats: tuple[Caveat, ...]
    """In the order in which they were added. All of them have to hold."""

    @property
    def projects(self) -> frozenset[str] | None:
        """The projects that it is valid for, by name: those in every `ProjectNames`. Compare with normalized names."""
        return _common([caveat.names for caveat in self.caveats if isinstance(caveat, ProjectNames)])

    @property
    def expires_at(self) -> int | None:
        """The first second at which it is no longer valid, in Unix time."""
        return min((caveat.expires_at for caveat in self.caveats if isinstance(caveat, Expiration)), default=None)

    @property
    def not_before(self) -> int | None:
        """The first second at which it is valid, in Unix time."""
        return max((caveat.not_before for caveat in self.caveats if isinstance(caveat, Expiration)), default=None)

    @property
    def kind(self) -> Kind:
        """What it is for; unknown for an account token with an unknown caveat, which may restrict it to a project."""
        kinds = {type(caveat) for caveat in self.caveats}
        if OIDCPublisher in kinds:
            return Kind.TRUSTED_PUBLISHING
        if ProjectNames in kinds:
            return Kind.PROJECT
        if ProjectIDs in kinds:
            return Kind.PROJECT_ID
        if RequestUser in kinds and UnknownCaveat not in kinds:
            return Kind.ACCOUNT
        return Kind.UNKNOWN


def _common(restrictions: list[tuple[str, ...]]) -> frozenset[str] | None:
    return frozenset.intersection(*map(frozenset, restrictions)) if restrictions else None


_PREFIX = "pypi-"
_TOKEN = re.compile(rf"{_PREFIX}((?:[\w-]{{4}})*(?:[\w-]{{2}}(?:==)?|[\w-]{{3}}=?)?)", re.ASCII)

# PyPI takes headers of up to 32 760 bytes, and Basic authorization spends four for every three of `__token__:pypi-...`.
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


# What comes along when a token is copied: the name of a variable, and white space and quotes around it.
_PASTED = re.compile(r"\A(?:export\s+|set\s+|\$env:)?(?:HATCH_INDEX_AUTH\w*|TWINE_PASSWORD|UV_PUBLISH_TOKEN)\s*=\s*")
_AROUND = " \t\r\n\f\v\ufeff\u00a0\u200b\"'`"


def looks_like_token(text: str) -> bool:
    """Whether somebody who typed this meant an API token, even if it can't be read.

    The rule is the one that PyPI gives to secret scanners: `pypi-` and at least 85 characters of URL-safe base64. Every
    token that PyPI makes is longer (its UUID and signature alone take 91), and no user name is that long.
    """
    return re.fullmatch(rf"{_PREFIX}[A-Za-z0-9_-]{{85,}}={{0,2}}", text) is not None


def token_in(text: str) -> Secret | None:
    """The API token that somebody meant who gave this text; `None` if it is something else."""
    cleaned = _PASTED.sub("", text.strip(_AROUND), count=1).strip(_AROUND)
    return Secret(cleaned) if looks_like_token(cleaned) else None


def read(secret: Secret) -> Token:
    """What an API token says. Its signature can't be checked: that takes the index's key.

    The format is that of PyPI: `pypi-` and the URL-safe base64, padded or not, of a macaroon in binary format 2. Raises
    MalformedTokenError for any other text, and for one of more than 24 500 characters, which PyPI would not take.
    """
    try:
        return _parse(_decode(secret.reveal()))
    except MalformedTokenError as error:
        # Without the frames in between: their variables hold the secret, and a traceback may print them.
        raise error.with_traceback(None) from None


def narrow(secret: Secret, *, project: str, not_before: int, expires_at: int) -> Secret:
    """The same token, restricted further to one project and to the time between two Unix seconds, the second excluded.

    Takes the project's name in any spelling. What the token says already stays as it is, byte for byte. Raises
    MalformedTokenError if the token can't be read, or becomes too long to be sent.
    """
    read(secret)
    name = re.sub(r"[-_.]+", "-", project).lower()
    narrowed = _with_caveats(secret, [1, [name]], [0, expires_at, not_before])
    read(narrowed)
    return narrowed


def _with_caveats(secret: Secret, *caveats: list[Any]) -> Secret:
    """Adds first-party caveats to a token that can be read: each one's HMAC is the key of the next."""
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
    message = (
        f"This is no API token of PyPI's format: {what}. "
        "Copy it again, whole and with nothing around it, or make a new one."
    )
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
        _refuse("its header is not that of a macaroon")
    caveats: list[Caveat] = []
    while section := _read_section(stream):
        caveats.append(_caveat_of(section))
    if (_read_varint(stream), _read_varint(stream)) != (_SIGNATURE, _SIGNATURE_SIZE):
        _refuse("it has no signature of the right kind")
    _read_bytes(stream, _SIGNATURE_SIZE)
    if stream.read(1):
        _refuse("something follows its signature")
    return Token(_text_of(header.get(_LOCATION, b"")), _text_of(header[_IDENTIFIER]), tuple(caveats))


def _read_section(stream: io.BytesIO) -> dict[int, bytes]:
    """The fields up to the next end mark, which a macaroon has in the order of their types, each once."""
    fields: dict[int, bytes] = {}
    while (field := _read_varint(stream)) != _END_OF_SECTION:
        if field <= max(fields, default=_END_OF_SECTION):
            _refuse("its fields are not in order")
        fields[field] = _read_bytes(stream, _read_varint(stream))
    return fields


def _read_varint(stream: io.BytesIO) -> int:
    """A number in groups of seven bits, the lowest first; three groups are more than the longest token needs."""
    number = 0
    for shift in (0, 7, 14):
        byte = _read_bytes(stream, 1)[0]
        number |= byte % _CONTINUED << shift
        if byte == 0 and shift:
            _refuse("a number in it has zeros too many")
        if byte < _CONTINUED:
            return number
    _refuse("a number in it is too large")


def _read_bytes(stream: io.BytesIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        _refuse("it ends too early")
    return data


def _text_of(raw: bytes) -> str:
    text = raw.decode("utf-8", "surrogateescape")
    if not _is_text(text):
        _refuse("it holds something else where a host or an identifier should be")
    return text


def _caveat_of(section: dict[int, bytes]) -> Caveat:
    if section.keys() in ({_IDENTIFIER, _VERIFICATION_ID}, {_LOCATION, _IDENTIFIER, _VERIFICATION_ID}):
        return UnknownCaveat(section[_IDENTIFIER])
    if section.keys() != {_IDENTIFIER}:
        _refuse("one of its caveats is not that of a macaroon")
    raw = section[_IDENTIFIER]
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_mapping_of, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return UnknownCaveat(raw)
    return _caveat_from_array(value) or _caveat_from_mapping(value) or UnknownCaveat(raw)


def _mapping_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        message = "duplicate keys"
        raise ValueError(message)
    return mapping


def _refuse_constant(constant: str) -> NoReturn:
    """NaN and Infinity, which Python's parser takes though JSON doesn't have them."""
    raise ValueError(constant)


def _caveat_from_array(value: Any) -> Caveat | None:
    """PyPI's caveats are arrays of a tag and fields: `warehouse/macaroons/caveats/` in pypi/warehouse on GitHub."""
    match value:
        case [tag, *_] if not _is_int(tag):
            return None
        case [0, expires_at, not_before] if _is_time(expires_at) and _is_time(not_before):
            return Expiration(expires_at, not_before)
        case [1, names] if _are_texts(names):
            return ProjectNames(tuple(names))
        case [2, ids] if _are_texts(ids):
            return ProjectIDs(tuple(ids))
        case [3, user_id] if _is_text(user_id):
            return RequestUser(user_id)
        case [4, publisher_id] | [4, publisher_id, None | {}] if _is_text(publisher_id):
            return OIDCPublisher(publisher_id)
    return None


def _caveat_from_mapping(value: Any) -> Caveat | None:
    """Tokens from before there were tags have mappings, which PyPI still reads."""
    match value:
        case {"version": version} if not _is_int(version):
            return None
        case {"version": 1, "permissions": "user", **other} if not other:
            return RequestUser(None)
        case {"version": 1, "permissions": {"projects": names, **more}, **other} if not (more or other):
            return _caveat_from_array([1, names])
        case {"exp": expires_at, "nbf": not_before, **other} if not other:
            return _caveat_from_array([0, expires_at, not_before])
        case {"project_ids": ids, **other} if not other:
            return _caveat_from_array([2, ids])
    return None


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return _is_int(value) and 0 <= value < END_OF_TIME


def _is_text(value: object) -> bool:
    """Printable, and so without control characters and lone surrogates: no host, id or project name has them."""
    return isinstance(value, str) and value.isprintable()


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))
