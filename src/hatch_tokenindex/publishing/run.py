"""One run, top to bottom: from the files on disk to what is told at the end."""

from __future__ import annotations

from functools import partial
from time import sleep
from typing import TYPE_CHECKING

from hatch_tokenindex.console import explaining
from hatch_tokenindex.credentials.advice import TokenAdvice, trusted_publishing_advice
from hatch_tokenindex.credentials.cache import Cache
from hatch_tokenindex.credentials.chain import Chain
from hatch_tokenindex.credentials.finding import Mode
from hatch_tokenindex.credentials.session import CredentialSession
from hatch_tokenindex.credentials.sources.keyring import Keyring
from hatch_tokenindex.credentials.sources.prompt import Prompts
from hatch_tokenindex.credentials.sources.trusted_publishing import TrustedPublishing
from hatch_tokenindex.credentials.store import CredentialStore
from hatch_tokenindex.distributions import (
    Distribution,
    attestations_of,
    project_of,
    read_all,
    sha256,
)
from hatch_tokenindex.errors import ConfigurationError, DistributionError, TokenIndexError
from hatch_tokenindex.index.arrival import wait_until_listed
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.index.clock import Clock
from hatch_tokenindex.index.kinds import release_page
from hatch_tokenindex.index.minting import TokenMinter
from hatch_tokenindex.index.simple import SimpleApi
from hatch_tokenindex.index.upload import Uploader
from hatch_tokenindex.publishing.plan import ProjectPlan, by_project, plan, warnings
from hatch_tokenindex.publishing.run_attestations import RunAttestations
from hatch_tokenindex.publishing.sending import Delivery, Sender

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hatch_tokenindex.config.options import Options
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.console.report import Report
    from hatch_tokenindex.console.terminal import Terminal
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.sources.pypirc import Pypirc


class Run:
    """Publishes to one repository, or tells what it would do."""

    def __init__(
        self,
        asked: Options,
        repository: Repository,
        pypirc: Pypirc,
        cache_folder: Path,
        environment: Mapping[str, str],
        terminal: Terminal,
        report: Report,
    ) -> None:
        self.asked = asked
        self.environment = environment
        self.repository = repository
        self.terminal = terminal
        self.clock = Clock()
        cache = Cache(cache_folder)
        keyring = Keyring(terminal if asked.can_prompt else None)
        store = CredentialStore(repository, cache, keyring)
        minter = TokenMinter(repository, self.clock)
        self.trusted = TrustedPublishing(repository, minter, environment, self.clock.now, terminal.mask)
        prompts = Prompts(terminal, repository)
        self.chain = Chain(asked, repository, pypirc, cache, keyring, self.trusted, prompts, self.clock.now)
        self.session = CredentialSession(self.chain, store, terminal, Mode.DRY_RUN if asked.dry_run else Mode.PUBLISH)
        self.swap = TokenAdvice(store, cache)
        self.report = report
        self.attestations = RunAttestations(repository, environment, terminal, report)
        report.publishing_to(repository, partial(release_page, repository))
        for warning in repository.warnings:
            terminal.warning(warning)

    def confirm_although_disabled(self, origin: str) -> None:
        """Ask for a yes where configuration disables the publisher. Raises `ConfigurationError` without one."""
        if self.asked.yes:
            return
        if self.asked.dry_run and self.asked.can_prompt:
            self.terminal.warning("Publishing with tokenindex is disabled: the run would ask whether to publish.")
        elif not self.asked.can_prompt or not self.terminal.confirm("Publishing with tokenindex is disabled. Publish?"):
            msg = f"Publisher is disabled: tokenindex ({origin}). `--yes` publishes all the same."
            raise ConfigurationError(msg)

    def explain(self, files: Sequence[Path], project_at_hand: str) -> None:
        """Print the credential table of each project among the files, or of the project at hand."""
        projects = {path: project_of(path) for path in files}
        for path, project in projects.items():
            if project is None:
                self.terminal.warning(f"{self.terminal.path(path)} has no name of a wheel or sdist, and so no project.")
        named = dict.fromkeys(filter(None, projects.values())) or [project_at_hand]
        explanations = [self.chain.explain(project) for project in named]
        attesting = {item.project: self.attestations.planned(self._would_mint(item.project)) for item in explanations}
        if self.asked.json:
            self.report.explained(explaining.as_data(item, attesting[item.project]) for item in explanations)
        else:
            texts = (explaining.as_text(item, self.repository, attesting[item.project]) for item in explanations)
            self.terminal.output("\n\n".join(texts))

    def initialize(self, project: str) -> None:
        """Find the credential of a project and remember what was typed, with nothing to publish.

        Raises `ConfigurationError` where nothing is ever remembered.
        """
        if not self.repository.keyring:
            msg = (
                f"`keyring` is false for {self.repository.name}: there is nothing to initialize, and nothing is stored."
            )
            raise ConfigurationError(msg)
        if self.chain.would_mint(project):
            # With a pending publisher that would create the project, and a minted token is never remembered.
            self.terminal.info(f"There is nothing to remember for {project}: {self.trusted.planned_action}.")
            return
        checked = self.session.find(project)
        if checked is None:
            self.terminal.info(f"There is no credential for {project} yet: {self.session.planned_action(project)}.")
        elif not checked.credential.typed:
            self.terminal.info(f"{project} is published with the secret from {checked.credential.origin}.")
        self.report.remembered(self.session.save(project))

    def publish(self, files: Sequence[Path]) -> None:
        """Publish the files, or with `-o dry-run` tell what would be done with each."""
        try:
            self._publish(files)
        finally:
            self.attestations.stop()
            # However it ends, what was minted is worthless afterwards.
            self.trusted.burn()

    def _publish(self, files: Sequence[Path]) -> None:
        projects = by_project(self._read(files))
        with connect(self.repository) as client:
            api = SimpleApi(client, self.repository, self.clock)
            plans = self._plan(projects, api)
            self._ask_about_versions(plans)
            self.attestations.read(plans, self._would_mint)
            for project in plans:
                if project.uploads or self.asked.initialize_auth:
                    self._find_credential(project)
            if self.asked.dry_run:
                self._rehearse(plans)
                return
            self.attestations.start(plans, self._is_minted)
            uploader = Uploader(client, self.repository, api, self.clock, self.report, sleep)
            sender = Sender(uploader, self.session, self.terminal, self.report, self.repository.jobs, self.attestations)
            deliveries = self._send(plans, sender)
            if self.asked.wait is not None:
                self._wait_until_listed(deliveries, api, self.asked.wait)

    def _would_mint(self, project: str) -> bool:
        """Return True if no other credential of a project comes before a minted one."""
        return bool(self.trusted.planned_action) and self.chain.would_mint(project)

    def _is_minted(self, project: str) -> bool:
        return self.session.credential_for(project).credential.minted

    def _read(self, files: Sequence[Path]) -> list[Distribution]:
        if not files:
            msg = "There is nothing to publish: no wheel (.whl) and no sdist (.tar.gz) was found. Run `hatch build` first."
            raise DistributionError(msg)
        read = read_all(files, for_pypi=self.repository.site is not None)
        for item in read:
            for warning in item.warnings:
                self.terminal.warning(f"{item.filename}: {warning}")
        self.report.read(read)
        return read

    def _plan(self, projects: Mapping[str, Sequence[Distribution]], api: SimpleApi) -> Sequence[ProjectPlan]:
        listings = {name: api.listing(name, partial(self.session.header_for, name)) for name in projects}
        plans = plan(projects, listings, self.repository, self.clock.now())
        for warning in warnings(plans, self.repository):
            self.terminal.warning(warning)
        self.report.planned(plans)
        return plans

    def _ask_about_versions(self, plans: Iterable[ProjectPlan]) -> None:
        """Old builds lie around in `dist/`, and an upload can't be undone."""
        if self.asked.artifacts or self.asked.all_versions:
            return
        for project in plans:
            *older, newest = project.new_versions or ("",)
            if not older:
                continue
            found = f"dist/ holds files of several new versions of {project.name}: {', '.join(project.new_versions)}."
            if not self.asked.can_prompt:
                paths = (self.terminal.path(item.path) for item in project.uploads if item.version == newest)
                msg = (
                    f"{found} To publish them all, add `-o all-versions`; to publish {newest} alone, name its files: "
                    f"{' '.join(paths)}"
                )
                raise DistributionError(msg)
            if self.asked.dry_run:
                self.terminal.warning(f"{found} The run would ask whether to publish them all.")
            elif not self.terminal.confirm(f"{found} Publish them all?"):
                msg = "Nothing was published. Name the paths of the files to publish, or clean dist/ and build again."
                raise DistributionError(msg)

    def _find_credential(self, project: ProjectPlan) -> None:
        checked = self.session.find(project.name)
        if checked is None:
            return
        self.report.credential(project.name, checked.credential)
        for item in project.uploads:
            if not checked.credential.minted and attestations_of(item):
                self.terminal.warning(
                    f"The attestations of {item.filename} are not sent: an index takes them only with Trusted Publishing."
                )

    def _rehearse(self, plans: Iterable[ProjectPlan]) -> None:
        for project in plans:
            for item in project.uploads:
                self.report.would_upload(item, self.repository.url, sha256(item.path))
            if project.uploads:
                checked = self.session.find(project.name)
                how = (
                    f"as {checked.credential.user} with the secret from {checked.credential.origin}" if checked else ""
                )
                would = (
                    how or f"with a credential that this run doesn't fetch: {self.session.planned_action(project.name)}"
                )
                self.terminal.info(f"{project.name} would be published {would}.")
                if attesting := self.attestations.planned(self._would_mint(project.name)):
                    self.terminal.info(f"Attestations {attesting}.")

    def _send(self, plans: Sequence[ProjectPlan], sender: Sender) -> Mapping[str, Delivery]:
        """Send every project; also where the index refuses one, tell about those that are there now."""
        deliveries: dict[str, Delivery] = {}
        try:
            for project in plans:
                if project.uploads:
                    deliveries[project.name] = sender.send(project)
        except TokenIndexError:
            self._tell_about(plans, deliveries, is_complete=False)
            raise
        if self.asked.initialize_auth:
            for project in plans:
                self.report.remembered(self.session.save(project.name))
        self._tell_about(plans, deliveries, is_complete=True)
        return deliveries

    def _tell_about(
        self, plans: Iterable[ProjectPlan], deliveries: Mapping[str, Delivery], *, is_complete: bool
    ) -> None:
        """Where the releases are now, and what would be a safer credential for the next."""
        for project in plans:
            if project.name not in deliveries:
                continue
            self.terminal.info()
            self.terminal.info(f"[{project.name}]")
            pages = (release_page(self.repository, project.name, version) for version in project.versions)
            for page in dict.fromkeys(pages):
                self.terminal.info(page)
            is_first = project.listing.exists is False
            if is_complete or is_first:
                self._advise(project.name, deliveries[project.name].checked, is_first_release=is_first)

    def _advise(self, project: str, checked: CheckedCredential, *, is_first_release: bool) -> None:
        advice = (
            self.swap.after_upload(checked, project, is_first_release=is_first_release),
            trusted_publishing_advice(checked, project, self.repository, self.environment),
        )
        for line in filter(None, advice):
            self.terminal.warning(line)

    def _wait_until_listed(self, deliveries: Mapping[str, Delivery], api: SimpleApi, seconds: float) -> None:
        digests = {project: delivery.digests for project, delivery in deliveries.items()}
        self.terminal.info("\nWaiting until the index lists every file ...")
        wait_until_listed(
            digests, lambda project: api.listing(project, partial(self.session.header_for, project)), seconds
        )
        self.terminal.success("The index lists every file.")
