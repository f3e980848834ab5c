"""Every key of the configuration tables and of `-o`: what it may hold, and which file may set it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hatch_tokenindex import urls
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import token_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True)
class Key:
    """One key of a table.

    `read` takes what TOML gave and answers the value, or raises `ValueError` saying what it must be; `of_text` makes of an
    `-o` text what TOML would have given. `only_personal` keys are an error in a project's file. `follows_url` keys apply
    only where the same file gave the repository's URL: they would otherwise act on an address that somebody else chose.
    """

    read: Callable[[object], object]
    of_text: Callable[[str], object] = str
    only_personal: bool = False
    follows_url: bool = False


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        msg = "must be a string that isn't empty"
        raise ValueError(msg)
    return value


def _user_name(value: object) -> str:
    text = _text(value)
    if token_in(text):
        msg = "must be a user name and not an API token: give the token as `auth`, or better in HATCH_INDEX_AUTH"
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


def _boolean_of_text(text: str) -> object:
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


def _number_of_text(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


SWITCH = Key(_boolean, _boolean_of_text)
"""A key that is true or false."""
SECONDS = Key(_number(1, 86_400, "a number of seconds", whole=False), _number_of_text)
"""A key that holds a number of seconds, up to a day."""


REPOSITORY_KEYS: Mapping[str, Key] = {
    "url": Key(_url),
    "user": Key(_user_name, follows_url=True),
    "auth": Key(_secret, follows_url=True),
    "auth-command": Key(_command, only_personal=True, follows_url=True),
    "ca-cert": Key(_path),
    "client-cert": Key(_path),
    "client-key": Key(_path),
    "simple-url": Key(_url),
    "trusted-publishing": Key(_choice("automatic", "always", "never")),
    "attestations": Key(_choice("automatic", "always", "never")),
    "attestations-directory": Key(_path),
    "sigstore-trust-config": Key(_path, only_personal=True),
    "narrow-token": Key(_choice("automatic", "never")),
    "keyring": SWITCH,
    "existing": Key(_choice("skip", "fail", "replace")),
    "insecure-http": replace(SWITCH, only_personal=True, follows_url=True),
    "jobs": Key(_number(1, 8, "a whole number", whole=True), _number_of_text),
    "retries": Key(_number(0, 100, "a whole number", whole=True), _number_of_text),
    "timeout": SECONDS,
}
TOP_KEYS: Mapping[str, Key] = {
    **{name: key for name, key in REPOSITORY_KEYS.items() if name not in {"url", "simple-url"}},
    "repo": Key(_text),
    "disable": SWITCH,
}


def nearest(name: str, known: Iterable[str]) -> str:
    """A half sentence that names the known word nearest to `name`."""
    words = sorted(known)
    near = get_close_matches(name.lower().replace("_", "-"), words, n=1)
    return f" (did you mean `{near[0]}`?)" if near else f"; known are {', '.join(words)}"
