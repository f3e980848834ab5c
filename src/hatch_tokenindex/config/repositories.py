"""Repositories: the repos tables of a project and of Hatch's `config.toml`, and the one that a run publishes to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hatch_tokenindex import urls
from hatch_tokenindex.config.keys import KEYS, REPOSITORY_KEYS, TOP_KEYS, Key, RepositorySettings, Trust, suggestion
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.tokens import issuers_in, token_in

RESERVED = {"main": urls.PYPI, "test": urls.TEST_PYPI}
PYPIRC_ALIASES = {"pypi": "main", "testpypi": "test"}


@dataclass(frozen=True)
class ConfigurationTable:
    """The `publish.tokenindex` table of one file, as TOML gave it."""

    path: Path
    name: str
    """The table's dotted name in that file."""
    data: Mapping[str, object] = field(repr=False)
    is_personal: bool
    """It is in Hatch's `config.toml`, which is the user's, and not in a project's file."""

    def where(self, *names: str) -> str:
        """Return this table, or the one of that dotted name in it, as messages name it."""
        return f"[{'.'.join([self.name, *names])}] in {self.path}"


@dataclass(frozen=True)
class Repository(RepositorySettings):
    """The repository that a run publishes to, with all its settings."""

    name: str
    url: str
    url_from_project: bool = False
    """A project's file gave the URL; what comes with a clone is trusted less."""
    pypirc_section: str | None = None
    """The section of `~/.pypirc` that `-r` named."""
    warnings: tuple[str, ...] = ()

    @property
    def site(self) -> str | None:
        """`pypi.org` or `test.pypi.org` if the URL belongs to one of them, else None."""
        return urls.site(self.url)

    @property
    def has_name(self) -> bool:
        """True if the repository is configured; one that `-r` gives by its URL has that as its name."""
        return self.name != self.url

    @property
    def index(self) -> str:
        """The name of the index: `PyPI`, `TestPyPI`, or its URL."""
        return urls.index_name(self.url, self.url)

    @property
    def token_page(self) -> str | None:
        """The page on which to create an API token, if known."""
        return f"https://{self.site}/manage/account/token/" if self.site else None


@dataclass(frozen=True)
class Layer:
    """The values that one place gives, already read: a table of a file, or the options of this run."""

    where: str
    """The place, as messages name it."""
    folder: Path
    """The folder that relative paths belong to."""
    values: Mapping[str, Any]
    is_personal: bool = True
    """It is the user's own, not a project's."""
    granted: frozenset[Trust] = frozenset(Trust)
    """The keys that it may set for the repository of this run."""

    def allows(self, name: str) -> bool:
        """Return True if this place may set the key of that name for the repository of this run."""
        return KEYS[name].trust in self.granted

    def get(self, name: str) -> WithOrigin[Any] | None:
        """Return the value of a key if it is here and allowed."""
        if name not in self.values or not self.allows(name):
            return None
        value = self.values[name]
        return WithOrigin(self.folder / value if isinstance(value, Path) else value, f"`{name}` of {self.where}")


_PERSONAL = {Trust.PERSONAL, Trust.PERSONAL_WITH_URL}
_RESTRICTED = {Trust.PERSONAL_FOR_PYPI, Trust.PERSONAL_OR_OWN}
"""Keys that a project's file may set for some repositories, and never for `main` and `test`."""
_NOTHING = Layer("nowhere", Path(), {})


@dataclass(frozen=True)
class CheckedTable:
    """The checked table of one file: its defaults and its repositories."""

    top: Layer
    repositories: Mapping[str, Layer]
    urls: Mapping[str, str]


class Repositories:
    """All configured repositories. A project's file comes before Hatch's `config.toml`.

    `urls` has the URL of each by its name: the reserved ones, then the configured ones.
    """

    def __init__(self, tables: Iterable[ConfigurationTable]) -> None:
        """Check the tables, a project's before the user's. Raises `ConfigurationError` for an invalid one."""
        self.urls = dict(RESERVED)
        self._files: list[CheckedTable] = []
        variables: dict[str, str] = {}
        for table in tables:
            file = _checked(table)
            self._files.append(file)
            for name, url in file.urls.items():
                self.urls.setdefault(name, url)
                variable = repository_variable("AUTH", name)
                other = variables.setdefault(variable, name)
                if other != name:
                    # The secret of one would go to the other.
                    problem = f"shares {variable} with the repository {other!r}: rename one of them"
                    raise _invalid(table.where("repos", name), problem)

    def default(self, name: str) -> WithOrigin[Any]:
        """Return the value of a key at the top of the files."""
        return _first((file.top for file in self._files), name) or WithOrigin(KEYS[name].default, "default")

    def choose(
        self,
        wanted: WithOrigin[str] | None,
        pypirc: Callable[[], Mapping[str, str | None]],
        overrides: Layer = _NOTHING,
    ) -> Repository:
        """Return the repository that `-r` names, or the default one, with the settings of this run before its own.

        `pypirc` returns the URL of each section of `~/.pypirc`, None for one without. It is called only if no configured
        name fits. Raises `ConfigurationError` if no section does either.
        """
        wanted = wanted or self.default("repo")
        name = wanted.value
        if name in self.urls:
            return self._build(name, overrides)
        sections = pypirc()
        if name in sections:
            origin = f"`repository` in [{name}] of ~/.pypirc"
            url = sections[name] or RESERVED.get(PYPIRC_ALIASES.get(name, ""))
            if url is None:
                msg = f"[{name}] of ~/.pypirc has no `repository`; add the upload URL of the index there."
                raise ConfigurationError(msg)
        elif name in PYPIRC_ALIASES:
            return self._build(PYPIRC_ALIASES[name], overrides)
        elif "://" in name:
            url, origin = name, f"The repository from {wanted.origin}"
        else:
            raise ConfigurationError(self._unknown(wanted, sections))
        if problem := urls.problem_with(url):
            msg = f"{origin} {problem}."
            raise ConfigurationError(msg)
        configured = self.name_of(url)
        # `main` uses [pypi] anyway, after a section for the project.
        is_own_section = name in sections and configured != PYPIRC_ALIASES.get(name, name)
        return self._build(configured or name, overrides, url, pypirc_section=name if is_own_section else None)

    def _unknown(self, wanted: WithOrigin[str], sections: Mapping[str, str | None]) -> str:
        if token_in(wanted.value) or issuers_in(wanted.value):
            return f"{wanted.origin} holds an API token instead of a repository; give the token with --auth."
        known = [*dict.fromkeys([*self.urls, *sections])]
        near = get_close_matches(wanted.value, known, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        # USER:PASSWORD@HOST, or a part of that, may be a URL without its scheme.
        may_hold_password = "@" in wanted.value or re.match(r"[^:/]+:(?!\d*(?:/|$)|\\)", wanted.value)
        called = "" if may_hold_password else f" {wanted.value!r}"
        return (
            f"Unknown repository{called} (from {wanted.origin}).{meant} Use one of {', '.join(known)}, or an upload URL that "
            f"starts with https://."
        )

    def name_of(self, url: str) -> str | None:
        """Return the name of the repository with this URL, None if none is configured."""
        return next((name for name, own in self.urls.items() if urls.same(own, url)), None)

    def _build(self, name: str, overrides: Layer, url: str = "", pypirc_section: str | None = None) -> Repository:
        """Return a repository; `url` is that of one that is not configured."""
        url = self.urls.get(name, url)
        layers, warnings = self._layers(name, url, overrides)
        # A secret and the program that prints one contradict each other, so both come from the same place.
        secrets = next((layer for layer in layers if layer.get("auth") or layer.get("auth-command")), _NOTHING)
        settings: dict[str, Any] = {key: found.value for key in REPOSITORY_KEYS if (found := _first(layers, key))}
        settings |= {"url": url, "user": _first(layers, "user")}
        settings |= {key: secrets.get(key) for key in ("auth", "auth-command")}
        return Repository(
            **{key.replace("-", "_"): value for key, value in settings.items()},
            name=name,
            url_from_project=name not in RESERVED
            and any(not file.top.is_personal and name in file.urls for file in self._files),
            pypirc_section=pypirc_section,
            warnings=tuple(warnings),
        )

    def _layers(self, name: str, url: str, overrides: Layer) -> tuple[tuple[Layer, ...], list[str]]:
        """Return the places of a repository's settings, the first one first, and the warnings about them."""
        own, tops, warnings = [], [], []
        for file in self._files:
            granted = self._granted(file, name, url)
            tops.append(replace(file.top, granted=granted))
            if name in file.repositories:
                own.append(replace(file.repositories[name], granted=granted))
                if Trust.WITH_URL not in granted:
                    warnings.append(
                        f"{own[-1].where} has another URL than the project's file; its user and secret are not used for "
                        f"{url}."
                    )
        layers = (overrides, *own, *tops)
        warnings += [
            f"`{key}` of {layer.where} is not used for {url}; set it in Hatch's config.toml."
            for layer in layers
            for key in layer.values
            if KEYS[key].trust in _RESTRICTED and not layer.allows(key)
        ]
        warnings += [
            f"`auth` of {layer.where} is a secret in a file that gets committed; use the keyring or HATCH_INDEX_AUTH."
            for layer in layers
            if not layer.is_personal and layer.get("auth")
        ]
        return layers, warnings

    def _granted(self, file: CheckedTable, name: str, url: str) -> frozenset[Trust]:
        """Return the keys that a file may set for the repository of that name and URL: the one rule of trust.

        A project's file comes with a clone. So a secret goes only to a URL that the same file gives, and a project never
        decides whose certificate may receive the user's secrets, or who speaks for PyPI.
        """
        is_personal, given_url = file.top.is_personal, file.urls.get(name)
        gives_url = name in RESERVED or (given_url is not None and urls.same(given_url, url))
        rules = {
            Trust.ANY: True,
            Trust.WITH_URL: gives_url,
            Trust.PERSONAL_FOR_PYPI: is_personal or urls.site(urls.without_final_dot(url)) is None,
            Trust.PERSONAL_OR_OWN: is_personal or (gives_url and not self._is_known_to_user(url)),
            Trust.PERSONAL: is_personal,
            Trust.PERSONAL_WITH_URL: is_personal and gives_url,
        }
        return frozenset(trust for trust, is_met in rules.items() if is_met)

    def _is_known_to_user(self, url: str) -> bool:
        """Return True if the URL is PyPI's or TestPyPI's, or `config.toml` has it; a dot behind the host is ignored."""
        url = urls.without_final_dot(url)
        if urls.site(url) is not None:
            return True
        own = (own_url for file in self._files if file.top.is_personal for own_url in file.urls.values())
        return any(urls.same(urls.without_final_dot(own_url), url) for own_url in own)


def _first(layers: Iterable[Layer], key: str) -> WithOrigin[Any] | None:
    return next((found for layer in layers if (found := layer.get(key))), None)


def repository_variable(kind: str, repository: str) -> str:
    """Return the name of a repository's own variable, `HATCH_INDEX_AUTH_PRIVATE`; `kind` is `USER` or `AUTH`."""
    return f"HATCH_INDEX_{kind}_{re.sub('[^A-Z0-9]', '_', repository.upper())}"


def _checked(table: ConfigurationTable) -> CheckedTable:
    data = dict(table.data)
    repos = data.pop("repos", {})
    if not isinstance(repos, Mapping):
        raise _invalid(table.where("repos"), "must be a table")
    top = _layer(table, table.where(), data, TOP_KEYS)
    repositories = {name: _named(table, name, named) for name, named in repos.items()}
    own_urls = {name: RESERVED.get(name) or layer.values["url"] for name, layer in repositories.items()}
    return CheckedTable(top, repositories, own_urls)


def _named(table: ConfigurationTable, name: str, data: object) -> Layer:
    where = table.where("repos", name)
    if isinstance(data, str):
        data = {"url": data}
    if not isinstance(data, Mapping):
        raise _invalid(where, "must be a URL or a table")
    if problem := _name_problem(name, is_personal=table.is_personal):
        raise _invalid(where, problem)
    if name in RESERVED and "url" in data:
        problem = f"can't be set: `{name}` is always {RESERVED[name]} (choose another name for another index)"
        raise _invalid(where, problem, "url")
    if name not in RESERVED and "url" not in data:
        raise _invalid(where, "is missing: add the upload URL of the index", "url")
    layer = _layer(table, where, data, REPOSITORY_KEYS)
    restricted = [key for key in layer.values if KEYS[key].trust in _RESTRICTED]
    if name in RESERVED and restricted and not table.is_personal:
        problem = f"can't be set for `{name}` in a project's file: set it in Hatch's config.toml, or with -o"
        raise _invalid(where, problem, restricted[0])
    return layer


def _name_problem(name: str, *, is_personal: bool) -> str:
    """Return why a repository can't have a name: it could be taken for another, or its variables would be another's."""
    if not is_personal and not name.isascii():
        return "has a name that is not ASCII: choose another one"
    if not is_personal and "://" in name:
        return "has a URL as its name: choose another one"
    taken = {reserved: reserved for reserved in RESERVED} | ({} if is_personal else PYPIRC_ALIASES)
    for other, meant in taken.items():
        if name not in RESERVED and repository_variable("AUTH", name) == repository_variable("AUTH", other):
            return f"is too similar to `{meant}`, which is {RESERVED[meant]}: choose another name"
    return ""


def _layer(table: ConfigurationTable, where: str, data: Mapping[str, object], keys: Mapping[str, Key]) -> Layer:
    if "auth" in data and "auth-command" in data:
        raise _invalid(where, "contradicts `auth`: remove one of the two", "auth-command")
    values = {}
    for name, value in data.items():
        if name not in keys:
            raise _invalid(where, f"is unknown{suggestion(name, keys)}", name)
        if keys[name].trust in _PERSONAL and not table.is_personal:
            raise _invalid(where, "may only be set in Hatch's config.toml; project files are not trusted with it", name)
        try:
            values[name] = keys[name].type.read(value)
        except ValueError as error:
            raise _invalid(where, str(error), name) from None
    return Layer(where, table.path.parent, values, is_personal=table.is_personal)


def _invalid(where: str, problem: str, key: str = "") -> ConfigurationError:
    return ConfigurationError(f"`{key}` of {where} {problem}." if key else f"{where} {problem}.")
