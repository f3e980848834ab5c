"""The parts of a run, built in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.cache import Cache
from hatch_tokenindex.credentials.chain import Chain
from hatch_tokenindex.credentials.finding import Mode
from hatch_tokenindex.credentials.session import CredentialSession
from hatch_tokenindex.credentials.sources.keyring import Keyring
from hatch_tokenindex.credentials.sources.prompt import Prompts
from hatch_tokenindex.credentials.sources.trusted_publishing import TrustedPublishing
from hatch_tokenindex.credentials.store import CredentialStore
from hatch_tokenindex.index.clock import Clock
from hatch_tokenindex.index.minting import TokenMinter
from hatch_tokenindex.publishing.run_attestations import RunAttestations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hatch_tokenindex.config.options import Options
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.console.report import Report
    from hatch_tokenindex.console.terminal import Terminal
    from hatch_tokenindex.credentials.sources.pypirc import Pypirc


@dataclass(frozen=True)
class Parts:
    """Everything that a run works with."""

    options: Options
    repository: Repository
    terminal: Terminal
    report: Report
    clock: Clock
    trusted: TrustedPublishing
    chain: Chain
    session: CredentialSession
    store: CredentialStore
    attestations: RunAttestations
    environment: Mapping[str, str] = field(repr=False)


def build_parts(
    options: Options,
    repository: Repository,
    pypirc: Pypirc,
    cache_folder: Path,
    terminal: Terminal,
    report: Report,
) -> Parts:
    """Build the parts of a run that publishes to a repository; `cache_folder` is the plugin's own."""
    environment = dict(os.environ)
    clock, cache = Clock(), Cache(cache_folder)
    keyring = Keyring(terminal if options.can_prompt else None)
    store = CredentialStore(repository, cache, keyring)
    trusted = TrustedPublishing(repository, TokenMinter(repository, clock), environment, clock.now, terminal.mask)
    prompts = Prompts(terminal, repository)
    chain = Chain(options, repository, pypirc, cache, keyring, trusted, prompts, clock.now)
    mode = Mode.DRY_RUN if options.dry_run else Mode.PUBLISH
    return Parts(
        options=options,
        repository=repository,
        terminal=terminal,
        report=report,
        clock=clock,
        trusted=trusted,
        chain=chain,
        session=CredentialSession(chain, store, terminal, mode),
        store=store,
        attestations=RunAttestations(repository, environment, terminal, report),
        environment=environment,
    )
