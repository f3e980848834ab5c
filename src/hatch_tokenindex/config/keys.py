"""Every key of the configuration tables and of `-o`, declared once: reader, default, trust, and help.

`-o help`, the tables of docs/configuration.md and all checks come from `KEYS`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, Flag, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hatch_tokenindex import urls
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import issuers_in, token_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Trust(Enum):
    """The files that may set a key for a repository, by what a value can do: a project's file comes with a clone."""

    ANY = "any file"
    WITH_URL = "only the file that gives the repository's URL"
    """The value goes along to the URL, so it must not act on a URL that another file chose."""
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
class Key:
    """One key."""

    name: str
    help: str
    read: Callable[[object], Any]
    """Returns the value for what TOML gave; raises `ValueError` with what it must be."""
    default: Any = None
    places: Place = Place.ANYWHERE
    trust: Trust = Trust.ANY
    parse: Callable[[str], object] = str
    """Turns the text of `-o` into what TOML would have given."""
    metavar: str = "TEXT"
    """The kind of value in `-o help`; empty for a switch that needs none."""


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


def _choice(*words: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            msg = f"must be {', '.join(repr(word) for word in words[:-1])} or {words[-1]!r}"
            raise ValueError(msg)
        return value

    return read


def _number(low: float, high: float, what: str, *, whole: bool) -> Callable[[object], float]:
    def read(value: object) -> float:
        is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not is_number or not low <= cast("float", value) <= high:
            msg = f"must be {what} from {low:g} to {high:g}"
            raise ValueError(msg)
        return cast("float", value)

    return read


def _parse_number(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


_SECONDS = _number(1, 86_400, "a number of seconds", whole=False)
_IN_TABLES = Place.TOP | Place.REPOSITORY

KEYS = (
    Key("explain", "Show which credential each project would use, and why. Uploads nothing.", _boolean, default=False,
        places=Place.OPTION, parse=_parse_boolean, metavar=""),
    Key("dry-run", "Do everything except the upload, and print the plan. Exit status 1 for every failure that can be"
        " detected without sending.", _boolean, default=False, places=Place.OPTION, parse=_parse_boolean, metavar=""),
    Key("all-versions", "Publish files of several new versions of a project from dist/ without confirmation.", _boolean,
        default=False, places=Place.OPTION, parse=_parse_boolean, metavar=""),
    Key("wait", "After the upload, wait until the index lists every file with its hash. On timeout, exit status 1,"
        " although the files are uploaded. In seconds.", _SECONDS, default=900, places=Place.OPTION, parse=_parse_number,
        metavar="[SECONDS]"),
    Key("json", "Print the result as one JSON document to standard output, everything else to standard error.", _boolean,
        default=False, places=Place.OPTION, parse=_parse_boolean, metavar=""),
    Key("help", "Print this text.", _boolean, default=False, places=Place.OPTION, parse=_parse_boolean, metavar=""),
    Key("repo", "The repository: main (PyPI), test (TestPyPI), a configured name, a section of ~/.pypirc, or an upload"
        " URL.", _text, default="main", places=Place.TOP | Place.OPTION, metavar="NAME"),
    Key("url", "The upload URL; required in a repository's table. With -o, the same as -r URL.", _url,
        places=Place.REPOSITORY | Place.OPTION, metavar="URL"),
    Key("user", "User name.", _user_name, trust=Trust.WITH_URL, metavar="NAME"),
    Key("auth", "Password or token. Better: HATCH_INDEX_AUTH, or type it once when prompted.", _secret,
        trust=Trust.WITH_URL, metavar="TEXT"),
    Key("auth-command", "A program and its arguments, as a list of strings. The first line of its output is the secret."
        " It has 60 seconds and no standard input. Not together with auth.", _command, places=_IN_TABLES,
        trust=Trust.PERSONAL_WITH_URL),
    Key("ca-cert", "Trusted certificates, a PEM file or a folder, in place of the system's.", _path,
        trust=Trust.PERSONAL_OR_OWN, metavar="PATH"),
    Key("client-cert", "Client certificate, PEM.", _path, metavar="PATH"),
    Key("client-key", "Its key, PEM, unencrypted, unless it is in the same file.", _path, metavar="PATH"),
    Key("simple-url", "The simple API, if it can't be derived from the upload URL.", _url,
        places=Place.REPOSITORY | Place.OPTION, metavar="URL"),
    Key("trusted-publishing", "automatic: in CI, if no secret was found; always: nothing else; never.",
        _choice("automatic", "always", "never"), default="automatic", metavar="WORD"),
    Key("attestations", "Attestations made in the run. automatic: for PyPI and TestPyPI with Trusted Publishing, if the extra"
        " is installed; always: an error if a file can't be attested; never.",
        _choice("automatic", "always", "never"), default="automatic", metavar="WORD"),
    Key("attestations-directory", "A folder to which the attestations are also written, as FILE.publish.attestation.", _path,
        metavar="PATH"),
    Key("sigstore-trust-config", "Another Sigstore instance than the public one: a ClientTrustConfig (JSON), as sigstore"
        " --trust-config accepts it.", _path, trust=Trust.PERSONAL, metavar="PATH"),
    Key("narrow-token", "automatic: restrict tokens of PyPI and TestPyPI to the project and the next minutes before"
        " sending them; never: send them unchanged.", _choice("automatic", "never"), default="automatic", metavar="WORD"),
    Key("keyring", "false: don't read or write the keyring.", _boolean, default=True, parse=_parse_boolean,
        metavar="BOOLEAN"),
    Key("existing", "For files already on the index. skip: leave out files with the same content, other content is an error;"
        " fail: any existing file is an error; replace: upload anyway, for indexes that overwrite.",
        _choice("skip", "fail", "replace"), default="skip", metavar="WORD"),
    Key("insecure-http", "Allow sending a secret to this URL over plain http.", _boolean, default=False,
        trust=Trust.PERSONAL_WITH_URL, parse=_parse_boolean, metavar=""),
    Key("jobs", "Parallel uploads after a release's first file, 1 to 8.", _number(1, 8, "a whole number", whole=True),
        default=4, parse=_parse_number, metavar="N"),
    Key("retries", "Retries after the first attempt, 0 to 100.", _number(0, 100, "a whole number", whole=True), default=5,
        parse=_parse_number, metavar="N"),
    Key("timeout", "Seconds to wait for the server's answer, 1 to 86400.", _SECONDS, default=300, parse=_parse_number,
        metavar="SECONDS"),
    Key("disable", "true: ask for confirmation, or require --yes.", _boolean, default=False, places=Place.TOP,
        parse=_parse_boolean),
)  # fmt: skip


def keys_in(place: Place) -> Mapping[str, Key]:
    """Return the keys that can stand in a place, by name."""
    return {key.name: key for key in KEYS if place in key.places}


REPOSITORY_KEYS = keys_in(Place.REPOSITORY)
TOP_KEYS = keys_in(Place.TOP)
OPTION_KEYS = keys_in(Place.OPTION)


def default_of(name: str) -> Any:
    """Return the default of a key."""
    return next(key.default for key in KEYS if key.name == name)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return half a sentence that names the known word nearest to `name`."""
    words = sorted(known)
    near = get_close_matches(name.lower().replace("_", "-"), words, n=1)
    return f" (did you mean `{near[0]}`?)" if near else f"; known are {', '.join(words)}"
