"""The repos tables of a project and of Hatch's own `config.toml`: names and tables in, one `Repository` out."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast

from hatch_tokenindex import urls
from hatch_tokenindex.config.keys import REPOSITORY_KEYS, TOP_KEYS, Key, nearest
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import token_in

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RESERVED = {"main": urls.PYPI, "test": urls.TEST_PYPI}
PYPIRC_ALIASES = {"pypi": "main", "testpypi": "test"}


@dataclass(frozen=True)
class ConfigurationTable:
    """The `publish.tokenindex` table of one file, as TOML gave it.

    `name` is its dotted name in that file; `personal` marks Hatch's own `config.toml`, which is the person's and not a
    project's.
    """

    path: Path
    name: str
    data: Mapping[str, object] = field(repr=False)
    personal: bool


@dataclass(frozen=True)
class Repository:
    """Where a run publishes, and everything that configuration says about it.

    `url_from_project` tells that a project's file gave the URL: what a clone brings along is trusted less.
    `pypirc_section` is the section of `~/.pypirc` that `-r` named.
    """

    name: str
    url: str
    url_from_project: bool = False
    pypirc_section: str | None = None
    user: WithOrigin[str] | None = None
    auth: WithOrigin[Secret] | None = None
    auth_command: WithOrigin[tuple[str, ...]] | None = None
    ca_cert: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    simple_url: str | None = None
    trusted_publishing: Literal["automatic", "always", "never"] = "automatic"
    narrow_token: Literal["automatic", "never"] = "automatic"  # noqa: S105 - a setting
    keyring: bool = True
    existing: Literal["skip", "fail", "replace"] = "skip"
    insecure_http: bool = False
    jobs: int = 4
    retries: int = 5
    timeout: float = 300
    warnings: tuple[str, ...] = ()

    @property
    def site(self) -> str | None:
        """`pypi.org` or `test.pypi.org`, else `None`."""
        return urls.site(self.url)

    @property
    def index(self) -> str:
        """How a person calls the index: `PyPI`, `TestPyPI`, else its URL."""
        return urls.index_name(self.url, self.url)

    @property
    def token_page(self) -> str | None:
        """Where an API token for the index is made, where that is known."""
        return f"https://{self.site}/manage/account/token/" if self.site else None


@dataclass(frozen=True)
class Layer:
    """The values that one place gives, already read; `where` names the place, relative paths belong to `folder`.

    `gives_url` tells whether this place may say what goes along to the repository's URL.
    """

    where: str
    folder: Path
    values: Mapping[str, object]
    personal: bool = True
    gives_url: bool = True

    def get(self, name: str) -> WithOrigin[object] | None:
        """The value of `name` if it is here and may be used for this repository."""
        if name not in self.values or (REPOSITORY_KEYS[name].follows_url and not self.gives_url):
            return None
        value = self.values[name]
        return WithOrigin(self.folder / value if isinstance(value, Path) else value, f"`{name}` of {self.where}")


_WITH_ORIGIN = {"url", "user", "auth", "auth-command"}
_NOTHING = Layer("nowhere", Path(), {})


@dataclass(frozen=True)
class _File:
    """One file's table, checked: its defaults and its repositories."""

    table: ConfigurationTable
    top: Layer
    repositories: Mapping[str, Layer]

    def url_of(self, name: str) -> str | None:
        layer = self.repositories.get(name)
        return None if layer is None else RESERVED.get(name) or cast("str", layer.values["url"])


@dataclass(frozen=True)
class Repositories:
    """Every repository that configuration names. A project's file comes before Hatch's own `config.toml`."""

    files: tuple[_File, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The reserved names, then the configured ones."""
        return tuple(dict.fromkeys([*RESERVED, *(name for file in self.files for name in file.repositories)]))

    @property
    def disable(self) -> WithOrigin[bool]:
        """Whether publishing needs a confirmation."""
        return cast("WithOrigin[bool]", self._default("disable") or WithOrigin(value=False, origin="default"))

    def choose(
        self, wanted: WithOrigin[str] | None, pypirc: Callable[[], Mapping[str, str | None]], overrides: Layer
    ) -> Repository:
        """The repository that `wanted` (`-r`) means, or the default one.

        `pypirc` answers the URL of each section of `~/.pypirc` (`None` where it has none) and is only called when no
        configured name fits. `overrides` are the `-o` values of this run. Raises `ConfigurationError`, naming what could
        be meant.
        """
        wanted = wanted or cast("WithOrigin[str] | None", self._default("repo")) or WithOrigin("main", "default")
        name = wanted.value
        if name in self.names:
            return self._build(name, self._url_of(name), overrides)
        sections = pypirc()
        if name in sections:
            url = sections[name] or RESERVED.get(PYPIRC_ALIASES.get(name, ""))
            if url is None:
                msg = f"Section [{name}] of ~/.pypirc has no `repository`: add the upload URL of that index there."
                raise ConfigurationError(msg)
            if problem := urls.problem_with(url):
                msg = f"`repository` of [{name}] of ~/.pypirc {problem}."
                raise ConfigurationError(msg)
            configured = self.name_of(url)
            url = self._url_of(configured) if configured else url
            # [pypi] is what `main` looks at anyway, after a section for the project.
            section = None if configured == PYPIRC_ALIASES.get(name, name) else name
            return self._build(configured or name, url, overrides, pypirc_section=section)
        if name in PYPIRC_ALIASES:
            return self._build(PYPIRC_ALIASES[name], RESERVED[PYPIRC_ALIASES[name]], overrides)
        if "://" in name:
            if problem := urls.problem_with(name):
                msg = f"The repository given by {wanted.origin} {problem}."
                raise ConfigurationError(msg)
            configured = self.name_of(name)
            return self._build(configured or name, self._url_of(configured) if configured else name, overrides)
        raise ConfigurationError(self._unknown(wanted, sections))

    def _unknown(self, wanted: WithOrigin[str], sections: Mapping[str, str | None]) -> str:
        if token_in(wanted.value):
            return (
                f"{wanted.origin} holds an API token where a repository is wanted: give the token with --auth instead."
            )
        known = [*self.names, *(section for section in sections if section not in self.names)]
        near = get_close_matches(wanted.value, known, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        # USER:PASSWORD@HOST, or a part of that, may be a URL without its scheme.
        may_hold_password = "@" in wanted.value or re.match(r"[^:/]+:(?!\d*(?:/|$)|\\)", wanted.value)
        called = "of that name" if may_hold_password else repr(wanted.value)
        return (
            f"There is no repository {called} (from {wanted.origin}).{meant} Known here: {', '.join(known)}; "
            f"or give an upload URL that starts with https://."
        )

    def _default(self, name: str) -> WithOrigin[object] | None:
        for file in self.files:
            if name in file.top.values:
                return WithOrigin(file.top.values[name], f"`{name}` of {file.top.where}")
        return None

    def _url_of(self, name: str) -> str:
        return next(url for url in (RESERVED.get(name), *(file.url_of(name) for file in self.files)) if url)

    def name_of(self, url: str) -> str | None:
        """The name of the repository with this URL, if one is configured."""
        return next((name for name in self.names if urls.same(self._url_of(name), url)), None)

    def _build(self, name: str, url: str, overrides: Layer, pypirc_section: str | None = None) -> Repository:
        own, tops = [], []
        warnings: list[str] = []
        for file in self.files:
            given_url = file.url_of(name)
            gives_url = name in RESERVED or (given_url is not None and urls.same(given_url, url))
            tops.append(replace(file.top, gives_url=gives_url))
            if name in file.repositories:
                own.append(replace(file.repositories[name], gives_url=gives_url))
                if not gives_url:
                    warnings.append(
                        f"{file.repositories[name].where} names another URL than the project does: its user and secret "
                        f"are not used for {url}."
                    )
        layers = (overrides, *own, *tops)
        # Where the person has secrets of their own for this URL, a clone must not say whose certificate gets them.
        trusts_project = not self._is_known_to_person(url)
        ignored = [
            layer
            for layer in layers
            if "ca-cert" in layer.values and not layer.personal and not (trusts_project and layer.gives_url)
        ]
        warnings += [f"`ca-cert` of {layer.where} is not used for {url}: set it in config.toml." for layer in ignored]
        layers = tuple(_without_ca_cert(layer) if layer in ignored else layer for layer in layers)
        warnings += [
            f"`auth` of {layer.where} is a secret in a file that gets committed: put it into the keyring or into a "
            f"HATCH_INDEX_AUTH variable instead."
            for layer in layers
            if not layer.personal and layer.get("auth")
        ]
        given = {key: found for key in REPOSITORY_KEYS if (found := _first(layers, key))}
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

    def _is_known_to_person(self, url: str) -> bool:
        """Whether it is PyPI's or TestPyPI's, or one that Hatch's own `config.toml` names."""
        if urls.site(url) is not None:
            return True
        own = (
            cast("str", file.url_of(name)) for file in self.files if file.table.personal for name in file.repositories
        )
        return any(urls.same(own_url, url) for own_url in own)

    def _given_by_project(self, name: str) -> bool:
        if name in RESERVED:
            return False
        return any(not file.table.personal and name in file.repositories for file in self.files)


def _first(layers: Iterable[Layer], key: str) -> WithOrigin[object] | None:
    return next((found for layer in layers if (found := layer.get(key))), None)


def _without_ca_cert(layer: Layer) -> Layer:
    return replace(layer, values={name: value for name, value in layer.values.items() if name != "ca-cert"})


def project_table(root: Path, data: Mapping[str, object]) -> ConfigurationTable:
    """The table of the project at `root`; like Hatch, any `[publish]` in `hatch.toml` hides that of `pyproject.toml`."""
    path = root / "hatch.toml"
    try:
        is_in_hatch_toml = "publish" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        is_in_hatch_toml = False
    if is_in_hatch_toml:
        return ConfigurationTable(path, "publish.tokenindex", data, personal=False)
    return ConfigurationTable(root / "pyproject.toml", "tool.hatch.publish.tokenindex", data, personal=False)


def personal_table(path: Path, data: Mapping[str, object]) -> ConfigurationTable:
    """The table of Hatch's own `config.toml` at `path`."""
    return ConfigurationTable(path, "publish.tokenindex", data, personal=True)


def load(tables: Sequence[ConfigurationTable]) -> Repositories:
    """Check every table, a project's before the person's. Raises `ConfigurationError` naming file, table and key."""
    return Repositories(tuple(_file(table) for table in tables))


def _file(table: ConfigurationTable) -> _File:
    top = {name: value for name, value in table.data.items() if name != "repos"}
    repos = table.data.get("repos", {})
    if not isinstance(repos, Mapping):
        raise ConfigurationError(_message(table, f"{table.name}.repos", None, "must be a table"))
    return _File(
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
    if (meant := _reserved(name, personal=table.personal)) is not None:
        problem = f"is too much like `{meant}`, which is {RESERVED[meant]}: choose another name"
        raise ConfigurationError(_message(table, where, None, problem))
    if name in RESERVED:
        if "url" in data:
            problem = f"can't be set: `{name}` is always {RESERVED[name]} (choose another name for another index)"
            raise ConfigurationError(_message(table, where, "url", problem))
        if "ca-cert" in data and not table.personal:
            problem = f"can't be set for `{name}` by a project's file: set it in Hatch's config.toml, or with --ca-cert"
            raise ConfigurationError(_message(table, where, "ca-cert", problem))
    elif "url" not in data:
        raise ConfigurationError(_message(table, where, "url", "is missing: give the upload URL of the index"))
    return _layer(table, where, data, REPOSITORY_KEYS)


def _reserved(name: str, *, personal: bool) -> str | None:
    """The reserved name that this one could be taken for: its variables would be that one's, or a person would type it."""
    folded = re.sub(r"[^a-z0-9]", "_", name.lower())
    if folded in RESERVED and name not in RESERVED:
        return folded
    return None if personal else PYPIRC_ALIASES.get(folded)


def _layer(table: ConfigurationTable, where: str, data: Mapping[str, object], keys: Mapping[str, Key]) -> Layer:
    if "auth" in data and "auth-command" in data:
        raise ConfigurationError(_message(table, where, "auth-command", "contradicts `auth`: keep one of the two"))
    values = {name: _read(table, where, name, value, keys) for name, value in data.items()}
    return Layer(f"[{where}] in {table.path}", table.path.parent, values, personal=table.personal)


def _read(table: ConfigurationTable, where: str, name: str, value: object, keys: Mapping[str, Key]) -> object:
    if name not in keys:
        raise ConfigurationError(_message(table, where, name, f"is unknown{nearest(name, keys)}"))
    if keys[name].only_personal and not table.personal:
        problem = "is honoured from Hatch's own config.toml alone: a project's file comes with a clone"
        raise ConfigurationError(_message(table, where, name, problem))
    try:
        return keys[name].read(value)
    except ValueError as error:
        raise ConfigurationError(_message(table, where, name, str(error))) from None


def _message(table: ConfigurationTable, where: str, key: str | None, problem: str) -> str:
    named = f"[{where}]" if key is None else f"`{key}` of [{where}]"
    return f"{named} in {table.path} {problem}."
