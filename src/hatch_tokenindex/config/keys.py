"""Every key of the configuration tables and of `-o`, declared once: name, type, default, trust, and help.

A field of `RepositorySettings` or `RunSettings` is a key: `-o help`, the tables of docs/configuration.md and all checks
come from it.
"""

# ruff: noqa: RUF009 - `setting` returns a field, as `dataclasses.field` does

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from enum import Enum, Flag, auto
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from hatch_tokenindex import urls
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import issuers_in, token_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hatch_tokenindex.config.origin import WithOrigin


class Trust(Enum):
    """The files that may set a key for a repository, by what a value can do: a project's file comes with a clone."""

    ANY = "any file"
    WITH_URL = "only the file that gives the repository's URL"
    """The value goes along to the URL, so it must not act on a URL that another file chose."""
    PERSONAL_FOR_PYPI = "config.toml, or a project's file, but that not for PyPI and TestPyPI"
    PERSONAL_OR_OWN = "config.toml, or a project's file for a repository that it alone defines"
    PERSONAL = "config.toml only"
    PERSONAL_WITH_URL = "config.toml only, and only if it gives the repository's URL"


class Place(Flag):
    """The places where a key can stand."""

    TOP = auto()
    """The top of a file's table: a default for every repository."""
    REPOSITORY = auto()
    """A repository's table."""
    OPTION = auto()
    """`-o`, for one run."""
    ANYWHERE = TOP | REPOSITORY | OPTION


@dataclass(frozen=True)
class ValueType:
    """The values that a key can hold."""

    read: Callable[[object], Any]
    """Returns the value for what TOML gave; raises `ValueError` with what it must be."""
    metavar: str = "TEXT"
    """The value in `-o help`; empty for a switch that needs none."""
    parse: Callable[[str], object] = str
    """Turns the text of `-o` into what TOML would have given."""
    limits: str = ""
    """The range of a number."""


@dataclass(frozen=True)
class Key:
    """One key."""

    name: str
    type: ValueType
    about: str
    default: Any = None
    bare: str = ""
    """The text that `-o KEY` stands for."""
    places: Place = Place.ANYWHERE
    trust: Trust = Trust.ANY

    @property
    def usage(self) -> str:
        """The key as it is typed behind `-o`: `jobs=N`, `wait[=SECONDS]`."""
        value = f"={self.type.metavar}" if self.type.metavar else ""
        return f"{self.name}[{value}]" if self.bare else f"{self.name}{value}"

    @property
    def shown_default(self) -> str:
        """The default, else the value of a bare `-o KEY`; empty for a switch that only `-o` can turn on."""
        if self.default is False and self.places is Place.OPTION:
            return ""
        return str(self.bare if self.default is None else self.default).lower()

    @property
    def help(self) -> str:
        """A sentence or several about the key."""
        return f"{self.about}, {self.type.limits}." if self.type.limits else self.about


def setting(value_type: ValueType, about: str, *, default: Any = None, **more: Any) -> Any:
    """Declare a key as a field of a class of settings: `more` are fields of `Key`, which is named like it, with dashes."""
    key = partial(Key, type=value_type, about=about, default=default, **more)
    return field(default=default, metadata={"key": key})


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        msg = "must be a non-empty string"
        raise ValueError(msg)
    return value


def _user_name(value: object) -> str:
    text = _text(value)
    if token_in(text) or issuers_in(text):
        msg = "must be a user name, not an API token: use `auth`, or better HATCH_INDEX_AUTH"
        raise ValueError(msg)
    return text


def _secret(value: object) -> Secret:
    return Secret(_text(value))


def _url(value: object) -> str:
    if problem := urls.problem_with(text := _text(value)):
        raise ValueError(problem)
    return text


def _path(value: object) -> Path:
    return Path(os.path.expanduser(_text(value)))


def _command(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(part, str) and part for part in value):
        msg = 'must be a list of strings, such as ["pass", "show", "pypi"]'
        raise ValueError(msg)
    return tuple(value)


def _boolean(value: object) -> bool:
    if value is not True and value is not False:
        msg = "must be true or false"
        raise ValueError(msg)
    return value


def _parse_boolean(text: str) -> object:
    return {"": True, "true": True, "false": False}.get(text.lower(), text)


def _choice(*words: str) -> ValueType:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            msg = f"must be {', '.join(repr(word) for word in words[:-1])} or {words[-1]!r}"
            raise ValueError(msg)
        return value

    return ValueType(read, "WORD")


def _number(low: float, high: float, what: str, metavar: str, *types: type) -> ValueType:
    def read(value: Any) -> float:
        if type(value) not in types or not low <= value <= high:
            msg = f"must be {what} from {low:g} to {high:g}"
            raise ValueError(msg)
        return cast("float", value)

    return ValueType(read, metavar, _parse_number, f"{low:g} to {high:g}")


def _parse_number(text: str) -> object:
    for parse in (int, float):
        with suppress(ValueError):
            return parse(text)
    return text


def _whole_number(low: int, high: int) -> ValueType:
    return _number(low, high, "a whole number", "N", int)


URL = ValueType(_url, "URL")
PATH = ValueType(_path, "PATH")
BOOLEAN = ValueType(_boolean, "BOOLEAN", _parse_boolean)
SWITCH = ValueType(_boolean, "", _parse_boolean)
SECONDS = _number(1, 86_400, "a number of seconds", "SECONDS", int, float)

_flag = partial(setting, SWITCH, default=False, places=Place.OPTION)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The settings that only `-o` can give."""

    explain: bool = _flag("Show which credential each project would use, and why. Uploads nothing.")
    dry_run: bool = _flag(
        "Do everything except the upload, and print the plan. Exit status 1 for every failure that can be detected without "
        "sending."
    )
    all_versions: bool = _flag("Publish files of several new versions of a project from dist/ without confirmation.")
    wait: float | None = setting(
        SECONDS,
        "After the upload, wait until the index lists every file with its hash. On timeout, exit status 1, although the "
        "files are uploaded. In seconds",
        bare="900",
        places=Place.OPTION,
    )
    json: bool = _flag("Print the result as one JSON document to standard output, everything else to standard error.")
    help: bool = _flag("Print this text.")


@dataclass(frozen=True, kw_only=True)
class RepositorySettings:
    """The settings of a repository, apart from its name and URL."""

    user: WithOrigin[str] | None = setting(ValueType(_user_name, "NAME"), "User name.", trust=Trust.WITH_URL)
    auth: WithOrigin[Secret] | None = setting(
        ValueType(_secret),
        "Password or token. Better: HATCH_INDEX_AUTH, or type it once when prompted.",
        trust=Trust.WITH_URL,
    )
    auth_command: WithOrigin[tuple[str, ...]] | None = setting(
        ValueType(_command),
        "A program and its arguments, as a list of strings. The first line of its output is the secret. It has 60 seconds "
        "and no standard input. Can't be combined with auth.",
        places=Place.TOP | Place.REPOSITORY,
        trust=Trust.PERSONAL_WITH_URL,
    )
    ca_cert: Path | None = setting(
        PATH, "Trusted certificates, a PEM file or a folder, in place of the system's.", trust=Trust.PERSONAL_OR_OWN
    )
    client_cert: Path | None = setting(PATH, "Client certificate, PEM.")
    client_key: Path | None = setting(
        PATH, "The certificate's private key, unencrypted PEM. Not needed if the certificate file contains it."
    )
    simple_url: str | None = setting(
        URL,
        "The simple API, if it can't be derived from the upload URL.",
        places=Place.REPOSITORY | Place.OPTION,
        trust=Trust.PERSONAL_FOR_PYPI,
    )
    trusted_publishing: Literal["automatic", "always", "never"] = setting(
        _choice("automatic", "always", "never"),
        "automatic: use it in CI if no secret was found; always: use nothing else; never: don't use it.",
        default="automatic",
    )
    attestations: Literal["automatic", "always", "never"] = setting(
        _choice("automatic", "always", "never"),
        "Attestations made in the run. automatic: for PyPI and TestPyPI with Trusted Publishing, if the extra is installed; "
        "always: an error if a file can't be attested; never: make none.",
        default="automatic",
    )
    attestations_directory: Path | None = setting(
        PATH, "A folder to which the attestations are also written, as FILE.publish.attestation."
    )
    sigstore_trust_config: Path | None = setting(
        PATH,
        "A Sigstore instance other than the public one: a ClientTrustConfig (JSON), as sigstore --trust-config accepts it.",
        trust=Trust.PERSONAL,
    )
    narrow_token: Literal["automatic", "never"] = setting(
        _choice("automatic", "never"),
        "automatic: restrict tokens of PyPI and TestPyPI to the project and the next minutes before sending them; never: "
        "send them unchanged.",
        default="automatic",
    )
    keyring: bool = setting(BOOLEAN, "false: don't read or write the keyring.", default=True)
    existing: Literal["skip", "fail", "replace"] = setting(
        _choice("skip", "fail", "replace"),
        "For files already on the index. skip: leave out files with the same content, other content is an error; fail: any "
        "existing file is an error; replace: upload anyway, for indexes that overwrite.",
        default="skip",
    )
    insecure_http: bool = setting(
        SWITCH, "Allow sending a secret to this URL over plain http.", default=False, trust=Trust.PERSONAL_WITH_URL
    )
    jobs: int = setting(_whole_number(1, 8), "Parallel uploads after a release's first file", default=4)
    retries: int = setting(_whole_number(0, 100), "Retries after the first attempt", default=5)
    timeout: float = setting(SECONDS, "Seconds to wait for the server's answer", default=300)


def _declared(settings: type[RunSettings | RepositorySettings]) -> Iterator[Key]:
    return (declared.metadata["key"](declared.name.replace("_", "-")) for declared in fields(settings))


KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        *_declared(RunSettings),
        Key(
            "repo",
            ValueType(_text, "NAME"),
            "The repository: main (PyPI), test (TestPyPI), a configured name, a section of ~/.pypirc, or an upload URL.",
            default="main",
            places=Place.TOP | Place.OPTION,
        ),
        Key(
            "url",
            URL,
            "The upload URL; required in a repository's table. With -o, the same as -r URL.",
            places=Place.REPOSITORY | Place.OPTION,
        ),
        *_declared(RepositorySettings),
        Key("disable", BOOLEAN, "true: ask for confirmation, or require --yes.", default=False, places=Place.TOP),
    )
}


def keys_in(place: Place) -> Mapping[str, Key]:
    """Return the keys that can stand in a place, by name."""
    return {key.name: key for key in KEYS.values() if place in key.places}


REPOSITORY_KEYS = keys_in(Place.REPOSITORY)
TOP_KEYS = keys_in(Place.TOP)
OPTION_KEYS = keys_in(Place.OPTION)
RUN_KEYS = {name: key for name, key in OPTION_KEYS.items() if key.places is Place.OPTION}


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return half a sentence that names the known word nearest to `name`."""
    words = sorted(known)
    near = get_close_matches(name.lower().replace("_", "-"), words, n=1)
    return f" (did you mean `{near[0]}`?)" if near else f"; known are {', '.join(words)}"
