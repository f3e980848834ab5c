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
from hatch_tokenindex.config.repositories import Layer, Repository, load
from hatch_tokenindex.console.guard import guarded
from hatch_tokenindex.console.tables import aligned
from hatch_tokenindex.console.terminal import Terminal
from hatch_tokenindex.credentials.cache import Cache, Contents, EntryRecord
from hatch_tokenindex.credentials.checks import check_credential, check_user_name
from hatch_tokenindex.credentials.credential import PROJECT_ENTRY_PREFIX, TOKEN_USER, Credential, project_entry_user
from hatch_tokenindex.credentials.sources.command import first_line_of
from hatch_tokenindex.credentials.sources.keyring import Keyring
from hatch_tokenindex.credentials.sources.prompt import Prompts
from hatch_tokenindex.credentials.sources.pypirc import Pypirc
from hatch_tokenindex.credentials.store import (
    CredentialStore,
    KeyringEntry,
    command,
    describe,
    entries_for,
    project_entry,
    record,
)
from hatch_tokenindex.errors import (
    AttestationError,
    ConfigurationError,
    CredentialError,
    DistributionError,
    SourceUnavailableError,
)
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.text import as_date
from hatch_tokenindex.tokens import token_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")


class Context:
    """What the commands work with: configuration, keyring and cache, found as `hatch publish` would find them."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.here = find_folders(os.environ, Path.cwd())
        self.repositories = load(self.here.tables)
        self.can_prompt = bool(sys.stdin and sys.stdin.isatty())
        self.cache = Cache(self.here.cache_folder)
        self.keyring = Keyring(terminal if self.can_prompt else None)
        self.pypirc = Pypirc(pypirc_path())

    def repository(self, name: str | None) -> Repository:
        """The repository that `-r` means, or the default one. Raises `ConfigurationError`."""
        wanted = WithOrigin(name, "-r") if name else None
        return self.repositories.choose(wanted, self.pypirc.urls, Layer("this run", Path.cwd(), {}))

    def user_of(self, repository: Repository) -> str:
        """The user name whose secret a repository uses, as far as configuration, `.pypirc` and cache tell."""
        return self.given_user(repository) or self.cache.read().user(repository.url) or TOKEN_USER

    def given_user(self, repository: Repository, project: str | None = None) -> str | None:
        """The user name that configuration or `.pypirc` gives for a project, or for all of them."""
        given = repository.user or self.pypirc.user(project or "", repository)
        return given.value if given else None

    def name_of(self, service: str) -> str:
        """The name of the repository with this URL, or the URL."""
        return self.repositories.name_of(service) or service

    def store(self, repository: Repository) -> CredentialStore:
        """What is remembered for a repository. Raises `ConfigurationError` if its keyring is switched off."""
        if not repository.keyring:
            msg = f"`keyring` is false for {repository.name}: nothing is stored for it, and nothing is read."
            raise ConfigurationError(msg)
        return CredentialStore(repository, self.cache, self.keyring)


def _command(function: Callable[Concatenate[Context, P], None]) -> Callable[P, None]:
    """Run a command at a `Desk`, with every failure as one text and exit status 1."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        terminal = Terminal(Console(markup=False, emoji=False, highlight=False))
        sys.exit(guarded(terminal, lambda: function(Context(terminal), *args, **kwargs)))

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hatch-tokenindex")
def main() -> None:
    """Manage the credentials that `hatch publish -p tokenindex` remembers in the keyring, and verify attestations."""


_REPOSITORY = click.option("-r", "--repo", help="The repository, as for `hatch publish` (default: the configured one).")


@main.command()
@_REPOSITORY
@click.option("--project", help="The project that the secret is for (default: what the token says).")
@click.option("-u", "--user", help="The user name (default: the configured one, the last one used, else __token__).")
@click.argument("misplaced", nargs=-1, metavar="")
@_command
def login(
    context: Context, repo: str | None, project: str | None, user: str | None, misplaced: tuple[str, ...]
) -> None:
    """Store a secret: asked for on a terminal, else the first line of standard input."""
    if misplaced:
        msg = "A secret is no argument, since your shell remembers those: run `login` without, and type it when asked."
        raise ConfigurationError(msg)
    repository = context.repository(repo)
    store = context.store(repository)
    name = _project_name(project)
    given = _user_name(user) or context.given_user(repository, name)
    if name and given not in {None, TOKEN_USER}:
        msg = (
            f"The user name for {repository.name} is {given!r}, and a project's own secret is an API token, whose user name "
            f"is {TOKEN_USER}. Leave --project away to store the secret of {given!r}."
        )
        raise ConfigurationError(msg)
    known = TOKEN_USER if name else given or context.user_of(repository)
    # A project's own secret is found under any user name that was not given.
    configured = name is not None or (user is None and given is not None)
    if context.can_prompt:
        found = Prompts(context.terminal, repository).prompt(name or "all projects", known, user_given=configured)
    else:
        found = Credential(known, _piped_secret(), "standard input", user_given=configured)
    now = time.time()
    checked = check_credential(found, name, repository, now)
    if repository.site and checked.token is None:
        msg = (
            f"What {found.origin} gave is no API token that can be read, and {repository.index} takes nothing else. Copy it "
            f"again, from `pypi-` to its last character, or make a new one at {repository.token_page}."
        )
        raise CredentialError(msg)
    for note in checked.notes:
        context.terminal.warning(note)
    kept = store.save(checked, (project_entry(name),) if name else entries_for(checked, None), now)
    if not kept.notes:
        raise CredentialError(" ".join(kept.warnings))
    for line in (*kept.notes, *kept.warnings):
        context.terminal.info(line)


@main.command()
@_REPOSITORY
@click.option("--project", help="Delete the secret of this project.")
@click.option("--all", "everything", is_flag=True, help="Delete all that was stored; with -r, for that repository.")
@click.option("-u", "--user", help="The user name of the secret (default: as for `login`).")
@_command
def logout(context: Context, repo: str | None, project: str | None, user: str | None, *, everything: bool) -> None:
    """Delete a secret from the keyring: the repository's own, one project's, or all that is known."""
    if everything + bool(project) + bool(user) > 1:
        msg = "--project, --all and --user contradict each other: keep one of them."
        raise ConfigurationError(msg)
    repository, name = context.repository(repo), _project_name(project)
    if everything:
        known = context.cache.read().entries
        slots = [(slot.service, slot.user) for slot in known if repo is None or slot.service == repository.url]
    elif name:
        slots = [(repository.url, project_entry_user(name))]
    else:
        slots = [(repository.url, _user_name(user) or context.user_of(repository))]
    deleted = [slot for slot in slots if _forget(context, *slot)]
    if not deleted and not everything:
        msg = f"The keyring holds no such secret. This lists what is known: {command('tokens')}"
        raise CredentialError(msg)
    if not deleted:
        context.terminal.info("Nothing is remembered.")


def _forget(context: Context, service: str, slot: str) -> bool:
    """Delete one slot from keyring and cache; whether the keyring held it. Raises `CredentialError`."""
    try:
        deleted = context.keyring.delete(service, slot)
        if deleted:
            where = f"from the keyring ({context.keyring.name})"
            context.terminal.info(f"Deleted the secret for {describe(service, slot)} {where}.")
        context.cache.update(lambda contents: _without(contents, service, slot))
    except SourceUnavailableError as error:
        msg = f"Not everything could be deleted: {error}."
        raise CredentialError(msg) from None
    return deleted


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON document, times in unix seconds.")
@_command
def tokens(context: Context, *, as_json: bool) -> None:
    """List the secrets that are remembered: those that the cache knows, and those of the project at hand."""
    slots = sorted(
        {*context.cache.read().entries, *_slots_at_hand(context)}, key=lambda slot: (slot.service, slot.user)
    )
    if as_json:
        context.terminal.output(
            json.dumps([{"repository": context.name_of(slot.service), **asdict(slot)} for slot in slots], indent=2)
        )
    elif slots:
        heading = ("REPOSITORY", "PROJECT", "KIND", "USER", "EXPIRES", "STORED")
        context.terminal.output(aligned([heading, *(_row(context, slot) for slot in slots)]))
    else:
        context.terminal.info("Nothing is remembered yet.")


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
    """Verify the attestations beside FILES, or those that PyPI or TestPyPI serves, and show who signed them."""
    if not is_installed():
        msg = f"Attestations can't be verified: the extra `attestations` is not installed\nFix: {INSTALLING}"
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
    """The name that `--project` gives, normalized (PEP 503). Raises `ConfigurationError` for what is none."""
    if project is not None and token_in(project):
        msg = "--project holds an API token where the name of a project is wanted. `login` asks for the token itself."
        raise ConfigurationError(msg)
    try:
        return None if project is None else canonicalize_name(project, validate=True)
    except InvalidName:
        msg = f"--project {project!r} is not the name of a project."
        raise ConfigurationError(msg) from None


def _user_name(user: str | None) -> str | None:
    """The name that `--user` gives. Raises `CredentialError` for what can't be one."""
    return check_user_name(WithOrigin(user, "--user")).value if user else None


def _piped_secret() -> Secret:
    return first_line_of(sys.stdin.buffer.readline()) if sys.stdin else Secret("")


def _row(context: Context, slot: EntryRecord) -> tuple[str, ...]:
    return (
        context.name_of(slot.service),
        slot.project or "all",
        slot.kind,
        TOKEN_USER if slot.project else slot.user,
        as_date(slot.expires) if slot.expires is not None else "not told",
        as_date(slot.stored) if slot.stored else "not known",
    )


def _slots_at_hand(context: Context) -> Iterator[EntryRecord]:
    """What the keyring holds for the project at hand without our having stored it; flit shares the slots of projects."""
    known = {(slot.service, slot.user) for slot in context.cache.read().entries}
    for name in context.repositories.names:
        repository = context.repository(name)
        projects = (None,) if context.here.project is None else (context.here.project, None)
        for project in projects if repository.keyring else ():
            slot = project_entry_user(project) if project else context.user_of(repository)
            if (repository.url, slot) in known:
                continue
            try:
                secret = context.keyring.get(repository.url, slot)
            except SourceUnavailableError as error:
                context.terminal.warning(f"Only what the cache knows is listed: {error}.")
                return
            if secret is not None:
                yield record(repository.url, KeyringEntry(slot, project), secret, stored=0)


def _without(contents: Contents, service: str, slot: str) -> Contents:
    contents = contents.without_entry(service, slot)
    return contents if slot.startswith(PROJECT_ENTRY_PREFIX) else contents.without_user(service)
