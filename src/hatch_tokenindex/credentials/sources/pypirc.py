"""`~/.pypirc` as a source: https://packaging.python.org/en/latest/specifications/pypirc/."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from hatch_tokenindex import urls
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import PYPIRC_ALIASES, RESERVED, Repository
from hatch_tokenindex.credentials.checks import may_be_for
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential
from hatch_tokenindex.credentials.finding import NoValue, Source, Status
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import token_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hatch_tokenindex.credentials.finding import Finding, Mode

PLACE = "~/.pypirc"

# The parser takes time that grows with the square of their number.
_BLANKS = re.compile(r"[^\S\n]{100,}")

_PROBLEMS: Mapping[type[configparser.Error], str] = {
    configparser.DuplicateSectionError: "repeats a section",
    configparser.DuplicateOptionError: "repeats an option of its section",
    configparser.MissingSectionHeaderError: "comes before the first [section]",
}


@dataclass(frozen=True)
class Section:
    """One repository of the file. A password without a user name is an API token; an empty one may stand for none."""

    name: str
    repository: str | None
    username: str | None
    password: Secret | None

    @property
    def url(self) -> str | None:
        """The upload URL, which `pypi` and `testpypi` needn't name."""
        return self.repository or RESERVED.get(PYPIRC_ALIASES.get(self.name, ""))

    @property
    def origin(self) -> str:
        """The section as messages name it."""
        return f"[{self.name}] of ~/.pypirc"

    @property
    def credential(self) -> Credential | None:
        """User name and password; None if the section has no password."""
        return Credential(self.username or TOKEN_USER, self.password, self.origin) if self.password else None

    def is_for(self, repository: Repository) -> bool:
        """Return True if this section is the repository's own.

        A section with a URL matches that URL alone. One without matches by name, but never a repository whose URL comes
        from a project's file: a clone could otherwise name its index like one of the user's.
        """
        if repository.pypirc_section:
            return self.name == repository.pypirc_section
        if self.url is not None:
            return _same(self.url, repository.url)
        return self.name == repository.name and not repository.url_from_project

    def is_for_project(self, project: str, repository: Repository) -> bool:
        """Return True if this section is named like `project` (normalized, PEP 503) and has this repository's URL."""
        return (
            canonicalize_name(self.name) == project
            and self.repository is not None
            and _same(self.repository, repository.url)
        )


class Pypirc:
    """The file, which is read when it is first needed. A missing file is an empty one."""

    def __init__(self, path: Path | None) -> None:
        """Take the path of the file; None without a home folder."""
        self._path = path

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Every section that can be a repository. Raises `ConfigurationError`, without quoting the file."""
        if self._path is None:
            return ()
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(_BLANKS.sub(" ", self._path.read_text(encoding="utf-8-sig")))
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            msg = f"Can't read {self._path}: {_reason(error)}. Correct the file, or move it away."
            raise ConfigurationError(msg) from None
        return tuple(_section(parser[name]) for name in parser.sections() if name != "distutils")

    def urls(self) -> dict[str, str | None]:
        """Return the URL that each section names, by the section's name; None if it names none."""
        return {section.name: section.repository for section in self.sections}

    def section(self, project: str, repository: Repository) -> Section | None:
        """Return the section of this project at this repository, else the repository's own, else another with its URL.

        PyPI recommends a section for each project, all with PyPI's URL: one whose token is for other projects is theirs.
        """
        giving = [section for section in self.sections if section.username is not None or section.password]
        own = [section for section in giving if section.is_for(repository)]
        if repository.pypirc_section:
            return next(iter(own), None)
        candidates = (
            *(section for section in giving if section.is_for_project(project, repository)),
            *(section for section in own if PYPIRC_ALIASES.get(section.name, section.name) == repository.name),
            *(section for section in own if not section.password or may_be_for(section.password, project)),
        )
        return next(iter(candidates), None)

    def user(self, project: str, repository: Repository) -> WithOrigin[str] | None:
        """Return the user name for this project. Raises `ConfigurationError`."""
        section = self.section(project, repository)
        if section is None:
            return None
        if token_in(section.username or ""):
            msg = (
                f"`username` of {section.origin} holds an API token.\n"
                f"Fix: move it to `password`, and set `username` to {TOKEN_USER}."
            )
            raise ConfigurationError(msg)
        return WithOrigin(section.username or TOKEN_USER, section.origin)


def user_source(pypirc: Pypirc, project: str, repository: Repository) -> Source[WithOrigin[str]]:
    """Return the source of the user name for a project."""
    return Source(PLACE, lambda _mode: pypirc.user(project, repository))


def secret_source(
    pypirc: Pypirc, project: str, repository: Repository, user: Finding[WithOrigin[str]] | None
) -> Source[Credential]:
    """Return the source of the secret, which counts only if the user name comes from the file too, or from nowhere."""

    def read(_mode: Mode) -> Credential | NoValue | None:
        try:
            section = pypirc.section(project, repository)
        except ConfigurationError:
            if user is None or user.place == PLACE:
                raise
            # A file that doesn't count stops nothing.
            return None
        found = section.credential if section else None
        if found is None or user is None or user.place == PLACE:
            return found
        return NoValue(Status.IGNORED, f"its password is ignored, because the user name comes from {user.place}")

    return Source(PLACE, read)


def empty_secret_sources(
    pypirc: Pypirc,
    project: str,
    repository: Repository,
    user: Finding[WithOrigin[str]] | None,
) -> tuple[Source[Credential], ...]:
    """Return the source of an empty password beside a user name, which twine sends as it is; none if the file has none.

    It comes after the others: it may also stand for a password that the keyring has.
    """
    section = pypirc.section(project, repository) if user is not None and user.place == PLACE else None
    if section is None or section.username is None or section.password is None or section.password:
        return ()
    empty = Credential(section.username, section.password, section.origin, user_is_secret=True)
    return (Source(f"{PLACE}: empty password", lambda _mode: empty),)


def _section(values: configparser.SectionProxy) -> Section:
    password = values.get("password")
    return Section(
        values.name,
        values.get("repository") or None,
        values.get("username") or None,
        None if password is None else Secret(password),
    )


def _same(url: str, other: str) -> bool:
    return urls.problem_with(url) is None and urls.same(url, other)


def _reason(error: OSError | UnicodeDecodeError | configparser.Error) -> str:
    if isinstance(error, OSError):
        return error.strerror or "not a readable file"
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return f"line {line} is not UTF-8 text"
    errors: list[tuple[int, str]] = getattr(error, "errors", [])
    line = errors[0][0] if errors else getattr(error, "lineno", 0)
    return f"line {line} {_PROBLEMS.get(type(error), 'is neither a [section] nor `option = value`')}"
