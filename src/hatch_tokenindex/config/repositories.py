"""Repositories: the repos tables of a project and of Hatch's `config.toml`, and the one that a run publishes to."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hatch_tokenindex import urls
from hatch_tokenindex.config.keys import KEYS, REPOSITORY_KEYS, TOP_KEYS, Key, RepositorySettings, Trust, suggestion
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.tokens import issuers_in, token_in

if TYPE_CHECKING:
    from hatch_tokenindex.secrets import Secret

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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
    values: Mapping[str, object]
    is_personal: bool = True
    """It is the user's own, not a project's."""
    granted: frozenset[Trust] = frozenset(Trust)
    """The keys that it may set for the repository of this run."""

    def allows(self, name: str) -> bool:
        """Return True if this place may set the key of that name for the repository of this run."""
        return KEYS[name].trust in self.granted

    def get(self, name: str) -> WithOrigin[object] | None:
        """Return the value of a key if it is here and allowed."""
        if name not in self.values or not self.allows(name):
            return None
        value = self.values[name]
        return WithOrigin(self.folder / value if isinstance(value, Path) else value, f"`{name}` of {self.where}")


_PERSONAL = {Trust.PERSONAL, Trust.PERSONAL_WITH_URL}
_RESTRICTED = {Trust.PERSONAL_FOR_PYPI, Trust.PERSONAL_OR_OWN}
"""Keys that a project's file may set for some repositories, and never for `main` and `test`."""
_WITH_ORIGIN = {"url", "user", "auth", "auth-command"}
_NOTHING = Layer("nowhere", Path(), {})


@dataclass(frozen=True)
class CheckedTable:
    """The checked table of one file: its defaults and its repositories."""

    table: ConfigurationTable
    top: Layer
    repositories: Mapping[str, Layer]

    def url_of(self, name: str) -> str | None:
        layer = self.repositories.get(name)
        return None if layer is None else RESERVED.get(name) or cast("str", layer.values["url"])


@dataclass(frozen=True)
class Repositories:
    """All configured repositories. A project's file comes before Hatch's `config.toml`."""

    files: tuple[CheckedTable, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all repositories: the reserved ones, then the configured ones."""
        return tuple(dict.fromkeys([*RESERVED, *(name for file in self.files for name in file.repositories)]))

    @property
    def disable(self) -> WithOrigin[bool]:
        """True if publishing needs a confirmation."""
        return cast("WithOrigin[bool]", self._default("disable"))

    def choose(
        self, wanted: WithOrigin[str] | None, pypirc: Callable[[], Mapping[str, str | None]], overrides: Layer
    ) -> Repository:
        """Return the repository to publish to.

        Args:
            wanted: The value of `-r`, None for the default.
            pypirc: Returns the URL of each section of `~/.pypirc`, None for a section without one. It is called only if
                no configured name fits.
            overrides: The settings of this run.

        Raises:
            ConfigurationError: There is no such repository; the text suggests others.
        """
        wanted = wanted or cast("WithOrigin[str]", self._default("repo"))
        name = wanted.value
        if name in self.names:
            return self._build(name, self._url_of(name), overrides)
        sections = pypirc()
        if name in sections:
            url = sections[name] or RESERVED.get(PYPIRC_ALIASES.get(name, ""))
            if url is None:
                msg = f"[{name}] of ~/.pypirc has no `repository`; add the upload URL of the index there."
                raise ConfigurationError(msg)
            if problem := urls.problem_with(url):
                msg = f"`repository` in [{name}] of ~/.pypirc {problem}."
                raise ConfigurationError(msg)
            configured = self.name_of(url)
            url = self._url_of(configured) if configured else url
            # `main` uses [pypi] anyway, after a section for the project.
            section = None if configured == PYPIRC_ALIASES.get(name, name) else name
            return self._build(configured or name, url, overrides, pypirc_section=section)
        if name in PYPIRC_ALIASES:
            return self._build(PYPIRC_ALIASES[name], RESERVED[PYPIRC_ALIASES[name]], overrides)
        if "://" in name:
            if problem := urls.problem_with(name):
                msg = f"The repository from {wanted.origin} {problem}."
                raise ConfigurationError(msg)
            configured = self.name_of(name)
            return self._build(configured or name, self._url_of(configured) if configured else name, overrides)
        raise ConfigurationError(self._unknown(wanted, sections))

    def _unknown(self, wanted: WithOrigin[str], sections: Mapping[str, str | None]) -> str:
        if token_in(wanted.value) or issuers_in(wanted.value):
            return f"{wanted.origin} holds an API token instead of a repository; give the token with --auth."
        known = [*self.names, *(section for section in sections if section not in self.names)]
        near = get_close_matches(wanted.value, known, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        # USER:PASSWORD@HOST, or a part of that, may be a URL without its scheme.
        may_hold_password = "@" in wanted.value or re.match(r"[^:/]+:(?!\d*(?:/|$)|\\)", wanted.value)
        called = "" if may_hold_password else f" {wanted.value!r}"
        return (
            f"Unknown repository{called} (from {wanted.origin}).{meant} Use one of {', '.join(known)}, or an upload URL that "
            f"starts with https://."
        )

    def _default(self, name: str) -> WithOrigin[object]:
        tops = (file.top for file in self.files)
        return next((found for top in tops if (found := top.get(name))), WithOrigin(KEYS[name].default, "default"))

    def _url_of(self, name: str) -> str:
        return next(url for url in (RESERVED.get(name), *(file.url_of(name) for file in self.files)) if url)

    def name_of(self, url: str) -> str | None:
        """Return the name of the repository with this URL, None if none is configured."""
        return next((name for name in self.names if urls.same(self._url_of(name), url)), None)

    def _build(self, name: str, url: str, overrides: Layer, pypirc_section: str | None = None) -> Repository:
        layers, warnings = self._layers(name, url, overrides)
        given = {key: found for key in REPOSITORY_KEYS if (found := _first(layers, key))}
        # A secret and the program that prints one contradict each other, so both come from the same place.
        secrets = next((layer for layer in layers if layer.get("auth") or layer.get("auth-command")), _NOTHING)
        settings: dict[str, Any] = {
            key.replace("-", "_"): found.value for key, found in given.items() if key not in _WITH_ORIGIN
        }
        return Repository(
            **settings,
            name=name,
            url=url,
            url_from_project=self._given_by_project(name),
            pypirc_section=pypirc_section,
            user=cast("WithOrigin[str] | None", given.get("user")),
            auth=cast("WithOrigin[Secret] | None", secrets.get("auth")),
            auth_command=cast("WithOrigin[tuple[str, ...]] | None", secrets.get("auth-command")),
            warnings=tuple(warnings),
        )

    def _layers(self, name: str, url: str, overrides: Layer) -> tuple[tuple[Layer, ...], list[str]]:
        """Return the places of a repository's settings, the first one first, and the warnings about them."""
        own, tops, warnings = [], [], []
        for file in self.files:
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
        is_personal, given_url = file.table.is_personal, file.url_of(name)
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
        own = (
            cast("str", file.url_of(name))
            for file in self.files
            if file.table.is_personal
            for name in file.repositories
        )
        return any(urls.same(urls.without_final_dot(own_url), url) for own_url in own)

    def _given_by_project(self, name: str) -> bool:
        if name in RESERVED:
            return False
        return any(not file.table.is_personal and name in file.repositories for file in self.files)


def _first(layers: Iterable[Layer], key: str) -> WithOrigin[object] | None:
    return next((found for layer in layers if (found := layer.get(key))), None)


def project_table(root: Path, data: Mapping[str, object]) -> ConfigurationTable:
    """Return the table of the project at `root`; any `[publish]` in `hatch.toml` hides that of `pyproject.toml`."""
    path = root / "hatch.toml"
    try:
        is_in_hatch_toml = "publish" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        is_in_hatch_toml = False
    if is_in_hatch_toml:
        return ConfigurationTable(path, "publish.tokenindex", data, is_personal=False)
    return ConfigurationTable(root / "pyproject.toml", "tool.hatch.publish.tokenindex", data, is_personal=False)


def personal_table(path: Path, data: Mapping[str, object]) -> ConfigurationTable:
    """Return the table of Hatch's `config.toml` at `path`."""
    return ConfigurationTable(path, "publish.tokenindex", data, is_personal=True)


def load(tables: Sequence[ConfigurationTable]) -> Repositories:
    """Check the tables, a project's before the user's, and return the repositories in them.

    Raises:
        ConfigurationError: A table is invalid; the text names file, table and key.
    """
    files = tuple(_file(table) for table in tables)
    _refuse_shared_variables(files)
    return Repositories(files)


def variable_suffix(repository: str) -> str:
    """Return the end of the names of a repository's own environment variables: `PRIVATE` of `HATCH_INDEX_AUTH_PRIVATE`."""
    return re.sub("[^A-Z0-9]", "_", repository.upper())


def _refuse_shared_variables(files: Iterable[CheckedTable]) -> None:
    """Refuse two names with the same environment variables: the secret of one would go to the other."""
    names: dict[str, str] = {}
    for file in files:
        for name in file.repositories:
            other = names.setdefault(variable_suffix(name), name)
            if other != name:
                problem = (
                    f"shares HATCH_INDEX_AUTH_{variable_suffix(name)} with the repository {other!r}: rename one of them"
                )
                raise ConfigurationError(_message(file.table, f"{file.table.name}.repos.{name}", None, problem))


def _file(table: ConfigurationTable) -> CheckedTable:
    top = {name: value for name, value in table.data.items() if name != "repos"}
    repos = table.data.get("repos", {})
    if not isinstance(repos, Mapping):
        raise ConfigurationError(_message(table, f"{table.name}.repos", None, "must be a table"))
    return CheckedTable(
        table,
        _layer(table, table.name, top, TOP_KEYS),
        {name: _named(table, name, data) for name, data in repos.items()},
    )


def _named(table: ConfigurationTable, name: str, data: object) -> Layer:
    where = f"{table.name}.repos.{name}"
    if isinstance(data, str):
        data = {"url": data}
    if not isinstance(data, Mapping):
        raise ConfigurationError(_message(table, where, None, "must be a URL or a table"))
    if (problem := _name_problem(name, is_personal=table.is_personal)) is not None:
        raise ConfigurationError(_message(table, where, None, problem))
    if name in RESERVED and "url" in data:
        problem = f"can't be set: `{name}` is always {RESERVED[name]} (choose another name for another index)"
        raise ConfigurationError(_message(table, where, "url", problem))
    if name not in RESERVED and "url" not in data:
        raise ConfigurationError(_message(table, where, "url", "is missing: add the upload URL of the index"))
    layer = _layer(table, where, data, REPOSITORY_KEYS)
    restricted = [key for key in layer.values if KEYS[key].trust in _RESTRICTED]
    if name in RESERVED and restricted and not table.is_personal:
        problem = f"can't be set for `{name}` in a project's file: set it in Hatch's config.toml, or with -o"
        raise ConfigurationError(_message(table, where, restricted[0], problem))
    return layer


def _name_problem(name: str, *, is_personal: bool) -> str | None:
    """Return why a repository can't have a name: it could be taken for another, or its variables would be another's."""
    if not is_personal and not name.isascii():
        return "has a name that is not ASCII: choose another one"
    suffix = variable_suffix(name)
    taken = {variable_suffix(reserved): reserved for reserved in RESERVED}
    if name not in RESERVED and suffix in taken:
        return f"is too similar to `{taken[suffix]}`, which is {RESERVED[taken[suffix]]}: choose another name"
    alias = {variable_suffix(alias): meant for alias, meant in PYPIRC_ALIASES.items()}.get(suffix)
    if alias is not None and not is_personal:
        return f"is too similar to `{alias}`, which is {RESERVED[alias]}: choose another name"
    return None


def _layer(table: ConfigurationTable, where: str, data: Mapping[str, object], keys: Mapping[str, Key]) -> Layer:
    if "auth" in data and "auth-command" in data:
        raise ConfigurationError(_message(table, where, "auth-command", "contradicts `auth`: remove one of the two"))
    values = {name: _read(table, where, name, value, keys) for name, value in data.items()}
    return Layer(f"[{where}] in {table.path}", table.path.parent, values, is_personal=table.is_personal)


def _read(table: ConfigurationTable, where: str, name: str, value: object, keys: Mapping[str, Key]) -> object:
    if name not in keys:
        raise ConfigurationError(_message(table, where, name, f"is unknown{suggestion(name, keys)}"))
    if keys[name].trust in _PERSONAL and not table.is_personal:
        problem = "may only be set in Hatch's config.toml; project files are not trusted with it"
        raise ConfigurationError(_message(table, where, name, problem))
    try:
        return keys[name].type.read(value)
    except ValueError as error:
        raise ConfigurationError(_message(table, where, name, str(error))) from None


def _message(table: ConfigurationTable, where: str, key: str | None, problem: str) -> str:
    named = f"[{where}]" if key is None else f"`{key}` of [{where}]"
    return f"{named} in {table.path} {problem}."
