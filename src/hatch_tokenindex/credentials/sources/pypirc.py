"""`~/.pypirc`: https://packaging.python.org/en/latest/specifications/pypirc/."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from hatch_tokenindex import urls
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import PYPIRC_ALIASES, RESERVED, Repository
from hatch_tokenindex.credentials.checks import may_be_for
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import token_in

if TYPE_CHECKING:
    from pathlib import Path


_UNREADABLE = (
    OSError,
    UnicodeDecodeError,
    configparser.DuplicateSectionError,
    configparser.DuplicateOptionError,
    configparser.ParsingError,
)


@dataclass(frozen=True)
class Section:
    """One repository of the file; a section with a password and no user name means an API token."""

    name: str
    repository: str | None
    username: str | None
    password: Secret | None

    @property
    def url(self) -> str | None:
        """The upload URL, for `pypi` and `testpypi` also where it isn't written."""
        return self.repository or RESERVED.get(PYPIRC_ALIASES.get(self.name, ""))

    @property
    def origin(self) -> str:
        """How messages call this section."""
        return f"[{self.name}] of ~/.pypirc"

    @property
    def credential(self) -> Credential | None:
        """User name and password, where the section has a password."""
        return None if self.password is None else Credential(self.username or TOKEN_USER, self.password, self.origin)

    def is_for(self, repository: Repository) -> bool:
        """Whether this section is the repository's own.

        A section with a URL matches that URL alone. One without matches by name, but never a repository whose URL a
        project's file gave: a clone could otherwise name its index like one of the person's.
        """
        if repository.pypirc_section:
            return self.name == repository.pypirc_section
        if self.url is not None:
            return _same(self.url, repository.url)
        return self.name == repository.name and not repository.url_from_project

    def is_for_project(self, project: str, repository: Repository) -> bool:
        """Whether this section is named like `project` (normalized, PEP 503) and holds its secret for this repository."""
        return (
            canonicalize_name(self.name) == project
            and self.repository is not None
            and _same(self.repository, repository.url)
        )


class Pypirc:
    """The file, read when the first question is asked of it; no file is an empty one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Every section that can be a repository. Raises `ConfigurationError`, which never quotes the file."""
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(self._path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            return ()
        except _UNREADABLE as error:
            msg = f"{self._path} can't be read: {_reason(error)}. Correct the file, or move it away."
            raise ConfigurationError(msg) from None
        return tuple(_section(name, parser[name]) for name in parser.sections() if name != "distutils")

    def urls(self) -> dict[str, str | None]:
        """The sections that `-r` can name, and the URL that each one writes down."""
        return {section.name: section.repository for section in self.sections}

    def section(self, project: str, repository: Repository) -> Section | None:
        """The section of this project at this repository, else the repository's own, else another one with its URL.

        PyPI advises a section for each project, all with PyPI's URL: one whose token is for other projects is theirs.
        """
        giving = [section for section in self.sections if section.username is not None or section.password is not None]
        own = [section for section in giving if section.is_for(repository)]
        if repository.pypirc_section:
            return next(iter(own), None)
        candidates = (
            *(section for section in giving if section.is_for_project(project, repository)),
            *(section for section in own if PYPIRC_ALIASES.get(section.name, section.name) == repository.name),
            *(section for section in own if section.password is None or may_be_for(section.password, project)),
        )
        return next(iter(candidates), None)

    def user(self, project: str, repository: Repository) -> WithOrigin[str] | None:
        """The user name for this project."""
        section = self.section(project, repository)
        if section is None:
            return None
        if token_in(section.username or ""):
            msg = (
                f"`username` of {section.origin} holds an API token: write it as `password`, and {TOKEN_USER} as "
                f"`username`."
            )
            raise ConfigurationError(msg)
        return WithOrigin(section.username or TOKEN_USER, section.origin)


def _section(name: str, values: configparser.SectionProxy) -> Section:
    password = values.get("password")
    return Section(
        name, values.get("repository") or None, values.get("username") or None, Secret(password) if password else None
    )


def _same(url: str, other: str) -> bool:
    return urls.problem_with(url) is None and urls.same(url, other)


def _reason(
    error: OSError
    | UnicodeDecodeError
    | configparser.DuplicateSectionError
    | configparser.DuplicateOptionError
    | configparser.ParsingError,
) -> str:
    if isinstance(error, OSError):
        return error.strerror or "it is not a readable file"
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return f"line {line} is not UTF-8 text"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"line {error.lineno} begins a section that exists already"
    if isinstance(error, configparser.DuplicateOptionError):
        return f"line {error.lineno} repeats an option of its section"
    if isinstance(error, configparser.MissingSectionHeaderError):
        return f"line {error.lineno} comes before the first [section]"
    return f"line {error.errors[0][0]} is neither a [section] nor `option = value`"
