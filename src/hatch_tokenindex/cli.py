"""`hatch-tokenindex`: login, logout and tokens, for what is remembered between runs; verify, for attestations."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click
from packaging.utils import InvalidName, canonicalize_name
from rich.console import Console

from hatch_tokenindex.__about__ import __version__
from hatch_tokenindex.attesting import INSTALLING, is_installed
from hatch_tokenindex.config.folders import find_folders, pypirc_path
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import Repositories, Repository
from hatch_tokenindex.console.guard import guarded
from hatch_tokenindex.console.terminal import Terminal
from hatch_tokenindex.credentials.cache import Cache, Contents, EntryRecord
from hatch_tokenindex.credentials.checks import CheckedCredential, check_credential, check_user_name, not_a_token
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential, project_entry_user, project_of_entry
from hatch_tokenindex.credentials.sources.command import first_line_of
from hatch_tokenindex.credentials.sources.keyring import Keyring
from hatch_tokenindex.credentials.sources.prompt import Prompts
from hatch_tokenindex.credentials.sources.pypirc import Pypirc
from hatch_tokenindex.credentials.store import CredentialStore, command, describe, entries_for, record
from hatch_tokenindex.errors import (
    AttestationError,
    ConfigurationError,
    CredentialError,
    DistributionError,
    SourceUnavailableError,
)
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.text import aligned, as_date
from hatch_tokenindex.tokens import issuers_in, token_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")


class Context:
    """The configuration, keyring and cache of the commands, found as `hatch publish` finds them."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.here = find_folders(os.environ, Path.cwd())
        self.repositories = Repositories(self.here.tables)
        self.can_prompt = bool(sys.stdin and sys.stdin.isatty())
        self.cache = Cache(self.here.cache_folder)
        self.keyring = Keyring(terminal if self.can_prompt else None)
        self.pypirc = Pypirc(pypirc_path())

    def repository(self, name: str | None) -> Repository:
        """Return the repository that `-r` names, or the default one. Raises `ConfigurationError`."""
        wanted = WithOrigin(name, "-r") if name else None
        return self.repositories.choose(wanted, self.pypirc.urls)

    def user_of(self, repository: Repository) -> str:
        """Return the user name whose secret a repository uses, from configuration, `~/.pypirc` or the cache."""
        return self.given_user(repository) or self.cache.read().user(repository.url) or TOKEN_USER

    def given_user(self, repository: Repository, project: str | None = None) -> str | None:
        """Return the user name that configuration or `~/.pypirc` gives for a project, or for all of them."""
        given = repository.user or self.pypirc.user(project or "", repository)
        return given.value if given else None


def _command(function: Callable[Concatenate[Context, P], None]) -> Callable[P, None]:
    """Run a command with a `Context`, with every failure as one text and exit status 1."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        terminal = Terminal(Console(markup=False, emoji=False, highlight=False))
        sys.exit(guarded(terminal, lambda: function(Context(terminal), *args, **kwargs)))

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hatch-tokenindex")
def main() -> None:
    """Manage saved credentials and verify attestations."""


_REPOSITORY = click.option("-r", "--repo", help="The repository, as for `hatch publish`.")


@main.command()
@_REPOSITORY
@click.option("--project", help="The project of the token (default: the token's scope).")
@click.option("-u", "--user", help="The user name (default: the configured or last one, else __token__).")
@click.argument("misplaced", nargs=-1, metavar="")
@_command
def login(
    context: Context, repo: str | None, project: str | None, user: str | None, misplaced: tuple[str, ...]
) -> None:
    """Save a token in the keyring.

    Prompts on a terminal; otherwise reads the first line of standard input.
    """
    if misplaced:
        msg = (
            "Don't pass the secret as an argument: your shell history would keep it.\n"
            "Fix: run `hatch-tokenindex login` without it, and type it when prompted."
        )
        raise ConfigurationError(msg)
    repository = context.repository(repo)
    if not repository.keyring:
        msg = f"`keyring` is false for {repository.name}: its keyring entries are neither read nor written."
        raise ConfigurationError(msg)
    name = _project_name(project)
    given = _user_name(user) or context.given_user(repository, name)
    if name and given not in {None, TOKEN_USER}:
        msg = (
            f"A project's own secret is an API token with the user name {TOKEN_USER}, but the user name for "
            f"{repository.name} is {given!r}.\nFix: leave out --project to save the secret of {given!r}."
        )
        raise ConfigurationError(msg)
    known = TOKEN_USER if name else given or context.user_of(repository)
    # A project's own entry is found under any user name that was not given.
    configured = name is not None or (user is None and given is not None)
    now = time.time()

    def check(found: Credential) -> CheckedCredential:
        checked = check_credential(found, name, repository, now)
        if repository.site and checked.token is None:
            raise CredentialError(not_a_token(found, repository))
        return checked

    if context.can_prompt:
        found = Prompts(context.terminal, repository).credential(name, known, user_given=configured, check=check)
    else:
        secret = first_line_of(sys.stdin.buffer.readline()) if sys.stdin else Secret("")
        found = Credential(known, secret, "standard input", user_given=configured)
    checked = check(found)
    for note in checked.notes:
        context.terminal.warning(note)
    store = CredentialStore(repository, context.cache, context.keyring)
    kept = store.save(checked, (project_entry_user(name),) if name else entries_for(checked, None), now)
    if not kept.notes:
        raise CredentialError(" ".join(kept.warnings))
    for line in (*kept.notes, *kept.warnings):
        context.terminal.info(line)


@main.command()
@_REPOSITORY
@click.option("--project", help="Delete the token of this project.")
@click.option("--all", "everything", is_flag=True, help="Delete everything that was saved (with -r, for it alone).")
@click.option("-u", "--user", help="The user name (default: as for `login`).")
@_command
def logout(context: Context, repo: str | None, project: str | None, user: str | None, *, everything: bool) -> None:
    """Delete saved secrets from the keyring."""
    if everything + bool(project) + bool(user) > 1:
        msg = "--project, --all and --user contradict each other; use one of them."
        raise ConfigurationError(msg)
    repository, name = context.repository(repo), _project_name(project)
    if everything:
        known = context.cache.read().entries
        entries = [(entry.service, entry.user) for entry in known if repo is None or entry.service == repository.url]
    elif name:
        entries = [(repository.url, project_entry_user(name))]
    else:
        entries = [(repository.url, _user_name(user) or context.user_of(repository))]
    question = f"Delete {len(entries)} saved secrets?"
    if everything and entries and context.can_prompt and not context.terminal.confirm(question):
        context.terminal.info("Nothing was deleted.")
        return
    deleted = [entry for entry in entries if _forget(context, *entry)]
    if not deleted and not everything:
        msg = f"No such secret in the keyring.\nFix: list the saved ones with `{command('tokens')}`."
        raise CredentialError(msg)
    if not deleted:
        context.terminal.info("Nothing is saved.")


def _forget(context: Context, service: str, entry: str) -> bool:
    """Delete one entry from keyring and cache; return True if the keyring had it. Raises `CredentialError`."""

    def without_it(contents: Contents) -> Contents:
        contents = contents.without_entry(service, entry)
        return contents if project_of_entry(entry) else contents.without_user(service)

    try:
        deleted = context.keyring.delete(service, entry)
        if deleted:
            where = f"from the keyring ({context.keyring.name})"
            context.terminal.info(f"Deleted the secret for {describe(service, entry)} {where}.")
        context.cache.update(without_it)
    except SourceUnavailableError as error:
        msg = f"Could not delete everything: {error}."
        raise CredentialError(msg) from None
    return deleted


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with times in Unix seconds.")
@_command
def tokens(context: Context, *, as_json: bool) -> None:
    """List saved secrets, without showing them."""
    with context.terminal.reserving_output():
        entries = sorted(
            {*context.cache.read().entries, *_entries_of_current_project(context)},
            key=lambda entry: (entry.service, entry.user),
        )
        names = {entry.service: context.repositories.name_of(entry.service) or entry.service for entry in entries}
        if as_json:
            records = [{"repository": names[entry.service], **asdict(entry)} for entry in entries]
            context.terminal.output(json.dumps(records, indent=2))
        elif entries:
            heading = ("REPOSITORY", "PROJECT", "KIND", "USER", "EXPIRES", "STORED")
            context.terminal.output(aligned([heading, *(_row(names[entry.service], entry) for entry in entries)]))
        else:
            context.terminal.info("Nothing is saved yet.")


@main.command()
@_REPOSITORY
@click.option(
    "--trust-config",
    type=click.Path(path_type=Path),
    help="A ClientTrustConfig of another Sigstore instance (default: the configured one, else the public one).",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@_command
def verify(context: Context, repo: str | None, trust_config: Path | None, files: tuple[Path, ...]) -> None:
    """Show who signed FILES.

    Verifies the attestations beside them, or those that PyPI or TestPyPI serves.
    """
    if not is_installed():
        msg = f"Can't verify attestations: the extra `attestations` is not installed.\nFix: {INSTALLING}"
        raise ConfigurationError(msg)
    from hatch_tokenindex.attesting.instance import load_trusted_root
    from hatch_tokenindex.attesting.services import Exchanges
    from hatch_tokenindex.attesting.verification import verify as verify_file

    repository = context.repository(repo)
    root = load_trusted_root(trust_config or repository.sigstore_trust_config, Exchanges())
    failures: list[str] = []
    with ExitStack() as stack:
        provenance = _provenance(repository, stack)
        for path in files:
            try:
                found = verify_file(path, root, provenance)
            except (AttestationError, DistributionError) as error:
                failures.append(str(error))
                continue
            for each in found:
                context.terminal.output(f"{path}: verified ({each.source}, log index {each.log_index})")
                context.terminal.output(f"  signed by {each.signer.description}")
    if failures:
        raise AttestationError("\n".join(failures))


def _provenance(repository: Repository, stack: ExitStack) -> Callable[[Path], bytes | None]:
    """Return what fetches the provenance of a file from PyPI or TestPyPI; other indexes are not asked."""
    from hatch_tokenindex.index.client import connect
    from hatch_tokenindex.index.integrity import fetch_provenance

    client = cache(lambda: stack.enter_context(connect(repository)))
    return lambda path: fetch_provenance(client(), repository.site, path.name) if repository.site else None


def _project_name(project: str | None) -> str | None:
    """Return the name that `--project` gives, normalized (PEP 503). Raises `ConfigurationError`."""
    if project is not None and (token_in(project) or issuers_in(project)):
        msg = "--project holds an API token instead of a project name; `login` prompts for the token."
        raise ConfigurationError(msg)
    try:
        return None if project is None else canonicalize_name(project, validate=True)
    except InvalidName:
        msg = f"--project {project!r} is not a valid project name."
        raise ConfigurationError(msg) from None


def _user_name(user: str | None) -> str | None:
    """Return the name that `--user` gives. Raises `CredentialError`."""
    return check_user_name(WithOrigin(user, "--user")).value if user else None


def _row(repository: str, entry: EntryRecord) -> tuple[str, ...]:
    return (
        repository,
        entry.project or "all",
        entry.kind,
        TOKEN_USER if entry.project else entry.user,
        as_date(entry.expires) if entry.expires is not None else "unknown",
        as_date(entry.stored) if entry.stored else "unknown",
    )


def _entries_of_current_project(context: Context) -> Iterator[EntryRecord]:
    """Yield what the keyring has for the current project that we didn't save: flit uses the same entries."""
    known = {(entry.service, entry.user) for entry in context.cache.read().entries}
    for name in context.repositories.urls:
        repository = context.repository(name)
        projects = (None,) if context.here.project is None else (context.here.project, None)
        for project in projects if repository.keyring else ():
            entry = project_entry_user(project) if project else context.user_of(repository)
            if (repository.url, entry) in known:
                continue
            try:
                secret = context.keyring.get(repository.url, entry)
            except SourceUnavailableError as error:
                context.terminal.warning(f"The list may be incomplete: {error}.")
                return
            if secret is not None:
                yield record(repository.url, entry, secret, stored=0)
