"""One run, told on one page: from the files on disk to the pages of the releases."""

from __future__ import annotations

import os
from functools import cache, partial
from time import sleep
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.advice import advice
from hatch_tokenindex.credentials.cache import Cache
from hatch_tokenindex.credentials.chain import Chain
from hatch_tokenindex.credentials.finding import Mode
from hatch_tokenindex.credentials.session import CredentialSession
from hatch_tokenindex.credentials.sources.keyring import Keyring
from hatch_tokenindex.credentials.sources.prompt import Prompts
from hatch_tokenindex.credentials.sources.trusted_publishing import TrustedPublishing
from hatch_tokenindex.credentials.store import CredentialStore
from hatch_tokenindex.distributions import Distribution, attestations_of, project_of, read_all, sha256
from hatch_tokenindex.errors import ConfigurationError, CredentialError, DistributionError, TokenIndexError
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
    from hatch_tokenindex.credentials.sources.pypirc import Pypirc
    from hatch_tokenindex.index.simple_page import Listing
    from hatch_tokenindex.secrets import Secret


class Run:
    """Publishes to one repository, or says what it would do."""

    def __init__(
        self,
        options: Options,
        repository: Repository,
        pypirc: Pypirc,
        cache_folder: Path,
        terminal: Terminal,
        report: Report,
    ) -> None:
        """Build the parts of the run; `cache_folder` is the plugin's own."""
        self.options = options
        self.repository = repository
        self.terminal = terminal
        self.report = report
        self.environment = dict(os.environ)
        self.clock = clock = Clock()
        remembered = Cache(cache_folder)
        keyring = Keyring(terminal if options.can_prompt else None)
        self.store = CredentialStore(repository, remembered, keyring)
        minter = TokenMinter(repository, clock)
        self.trusted = TrustedPublishing(repository, minter, self.environment, clock.now, terminal.mask)
        prompts = Prompts(terminal, repository)
        self.chain = Chain(options, repository, pypirc, remembered, keyring, self.trusted, prompts, clock.now)
        mode = Mode.DRY_RUN if options.dry_run else Mode.PUBLISH
        self.session = CredentialSession(self.chain, self.store, terminal, mode)
        self.attestations = RunAttestations(repository, self.environment, terminal, report)
        self._missing: dict[str, CredentialError] = {}
        report.repository = repository
        for warning in repository.warnings:
            terminal.warning(warning)

    def confirm_although_disabled(self, origin: str) -> None:
        """Prompt for confirmation where configuration disables the publisher. Raises `ConfigurationError` without it."""
        found = "Publishing with tokenindex is disabled."
        if not self.options.yes and not (self.options.can_prompt and self._is_confirmed(found, "Publish?")):
            msg = f"Publisher is disabled: tokenindex ({origin}). Add `--yes` to publish anyway."
            raise ConfigurationError(msg)

    def explain(self, files: Sequence[Path], current_project: str) -> None:
        """Print the credential table of each project among the files, or of the current one."""
        from hatch_tokenindex.console import explaining

        projects = {path: project_of(path) for path in files}
        for path, project in projects.items():
            if project is None:
                self.terminal.warning(f"{self.terminal.path(path)} does not have the name of a wheel or sdist.")
        named = dict.fromkeys(filter(None, projects.values())) or [current_project]
        explanations = [self.chain.explain(project) for project in named]
        attesting = {item.project: self.attestations.planned(self._would_mint(item.project)) for item in explanations}
        if self.options.json:
            self.report.explained(explaining.as_data(item, attesting[item.project]) for item in explanations)
        else:
            texts = (explaining.as_text(item, self.repository, attesting[item.project]) for item in explanations)
            self.terminal.output("\n\n".join(texts))

    def initialize(self, project: str) -> None:
        """Find the credential of a project and save what was typed. Raises `ConfigurationError` without a keyring."""
        if not self.repository.keyring:
            msg = f"Nothing to initialize: `keyring` is false for {self.repository.name}."
            raise ConfigurationError(msg)
        if self.chain.would_mint(project):
            # With a pending publisher that would create the project, and a minted token is never saved.
            self.terminal.info(f"Nothing to save for {project}: publishing {self.trusted.planned_action}.")
            return
        checked = self.session.find(project)
        if checked is None:
            self.terminal.info(f"No credential for {project} yet: publishing {self.session.planned_action(project)}.")
        elif not checked.credential.typed:
            self.terminal.info(
                f"{project} is published with the {checked.credential.noun} from {checked.credential.origin}."
            )
        self.report.saved(self.session.save(project))

    def publish(self, files: Sequence[Path]) -> None:
        """Publish the files, or with `-o dry-run` say what would be done with each."""
        try:
            self._publish(files)
        finally:
            self.attestations.stop()
            # However the run ends, a minted token must not outlive it.
            self.trusted.burn()

    def _publish(self, files: Sequence[Path]) -> None:
        projects = by_project(self._read(files))
        with connect(self.repository) as client:
            api = SimpleApi(client, self.repository, self.clock)
            plans = self._plan(projects, api)
            self._confirm_versions(plans)
            self.attestations.read(plans, self._would_mint)
            for project in plans:
                if project.uploads or self.options.initialize_auth:
                    self._find_credential(project)
            if self.options.dry_run:
                self._report_plan(plans)
                return
            self.attestations.start(plans, self._is_minted)
            uploader = Uploader(client, self.repository, api, self.clock, self.report, sleep)
            sender = Sender(uploader, self.session, self.terminal, self.report, self.attestations)
            deliveries = self._send(plans, sender)
            if self.options.wait is not None:
                self._wait_until_listed(deliveries, api, self.options.wait)

    def _would_mint(self, project: str) -> bool:
        """Return True if no other credential of a project comes before a minted one."""
        return bool(self.trusted.planned_action) and self.chain.would_mint(project)

    def _is_minted(self, project: str) -> bool:
        return self.session.credential_for(project).credential.minted

    def _read(self, files: Sequence[Path]) -> list[Distribution]:
        read = read_all(files, for_pypi=self.repository.site is not None)
        for item in read:
            for warning in item.warnings:
                self.terminal.warning(f"{item.filename}: {warning}")
        self.report.read(read, partial(release_page, self.repository))
        return read

    def _plan(self, projects: Mapping[str, Sequence[Distribution]], api: SimpleApi) -> Sequence[ProjectPlan]:
        digest = cache(sha256)

        def is_complete(name: str, items: Sequence[Distribution], found: Listing) -> bool:
            if all(item.filename in found.files and found.has(item.filename, digest(item.path)) for item in items):
                return True
            # Minting a token can create the project, so it is not done to see whether there is more.
            return found.exists is not None and self._would_mint(name)

        listings = {
            name: api.listing(name, partial(self._header_for, name), partial(is_complete, name, items))
            for name, items in projects.items()
        }
        plans = plan(projects, listings, self.repository, self.clock.now(), digest)
        for warning in warnings(plans, self.repository):
            self.terminal.warning(warning)
        for project in plans:
            for file in project.files:
                self.report.planned(file.distribution, file.exists, file.sha256)
        return plans

    def _header_for(self, project: str) -> Secret | None:
        """Return the header for a project's page. A failure is kept: nothing is minted and nobody prompted twice."""
        try:
            return self.session.header_for(project)
        except CredentialError as error:
            self._missing[project] = error
            raise

    def _confirm_versions(self, plans: Iterable[ProjectPlan]) -> None:
        """Prompt once before several new versions of projects are published: old builds stay in `dist/`."""
        if self.options.artifacts or self.options.all_versions:
            return
        several = [project for project in plans if len(project.new_versions) > 1]
        if not several:
            return
        projects = "; ".join(f"{project.name}: {', '.join(project.new_versions)}" for project in several)
        found = f"dist/ holds files of several new versions of {projects}."
        if not self.options.can_prompt:
            # The files of the other projects too: naming some leaves out the rest.
            paths = (
                self.terminal.path(item.path)
                for project in plans
                for item in project.uploads
                if project not in several or item.version == project.new_versions[-1]
            )
            msg = (
                f"{found}\n"
                f"Fix: add `-o all-versions` to publish them all, or name the files of the newest: {' '.join(paths)}"
            )
            raise DistributionError(msg)
        if not self._is_confirmed(found, "Publish them all?"):
            msg = "Nothing was published.\nFix: name the files to publish, or run `hatch build --clean`."
            raise DistributionError(msg)

    def _is_confirmed(self, found: str, question: str) -> bool:
        """Prompt for yes or no; a dry run says that publishing would."""
        if self.options.dry_run:
            self.terminal.warning(f"{found} Publishing would prompt for confirmation.")
            return True
        return self.terminal.confirm(f"{found} {question}")

    def _find_credential(self, project: ProjectPlan) -> None:
        if project.name in self._missing:
            raise self._missing[project.name]
        checked = self.session.find(project.name)
        if checked is None:
            return
        self.report.credential(project.name, checked.credential)
        for item in project.uploads:
            if not checked.credential.minted and attestations_of(item.path):
                self.terminal.warning(
                    f"The attestations of {item.filename} are not sent: they require Trusted Publishing."
                )

    def _report_plan(self, plans: Iterable[ProjectPlan]) -> None:
        """Say what publishing would do, at the end of a dry run."""
        for project in plans:
            for item in project.uploads:
                self.report.would_upload(item, self.repository.url, sha256(item.path))
            if not project.uploads:
                continue
            checked = self.session.find(project.name)
            if checked is None:
                self.terminal.info(f"For {project.name}, publishing {self.session.planned_action(project.name)}.")
            else:
                credential = checked.credential
                how = "with" if credential.is_anonymous else "as"
                self.terminal.info(f"{project.name} would be published {how} {credential.summary}.")
            if attesting := self.attestations.planned(self._would_mint(project.name)):
                self.terminal.info(f"Attestations {attesting}.")

    def _send(self, plans: Iterable[ProjectPlan], sender: Sender) -> Sequence[Delivery]:
        """Send every project; if the index refuses one, show the pages of those before it all the same.

        Raises `UploadError` too if the index had files that it did not list; the others are uploaded then.
        """
        deliveries: list[Delivery] = []
        try:
            for project in plans:
                if project.uploads:
                    deliveries.append(sender.send(project))  # noqa: PERF401 - those before a failure are needed
        except TokenIndexError:
            self._show_pages(deliveries, is_complete=False)
            raise
        if self.options.initialize_auth:
            for project in plans:
                self.report.saved(self.session.save(project.name))
        existing = [error for delivery in deliveries for error in delivery.existing]
        self._show_pages(deliveries, is_complete=not existing)
        sender.raise_first(existing)
        return deliveries

    def _show_pages(self, deliveries: Iterable[Delivery], *, is_complete: bool) -> None:
        """Show where the releases are now, and advise a safer credential for the next."""
        for delivery in deliveries:
            project = delivery.project
            if not delivery.digests:
                continue
            self.terminal.info()
            self.terminal.info(f"[{project.name}]")
            pages = (release_page(self.repository, project.name, version) for version in project.versions)
            for page in dict.fromkeys(pages):
                self.terminal.info(page)
            if project.listing.is_quarantined:
                self.terminal.warning("Uploaded, but not available: the project is quarantined.")
            is_first = project.listing.exists is False
            if is_complete or is_first:
                checked, name = delivery.checked, project.name
                for line in advice(checked, name, self.store, self.environment, is_first_release=is_first):
                    self.terminal.warning(line)

    def _wait_until_listed(self, deliveries: Iterable[Delivery], api: SimpleApi, seconds: float) -> None:
        digests = {delivery.project.name: delivery.digests for delivery in deliveries}

        def listing(project: str) -> Listing:
            return api.listing(
                project,
                partial(self.session.header_for, project),
                lambda found: all(found.has(*file) for file in digests[project].items()),
            )

        self.terminal.info()
        self.terminal.info("Waiting until the index lists every file ...")
        wait_until_listed(digests, listing, seconds)
        self.terminal.success("The index lists every file.")
