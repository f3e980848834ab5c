"""One run, top to bottom: from the files on disk to what is told at the end."""

from __future__ import annotations

import json
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.console import document, explaining
from hatch_tokenindex.credentials.cache import Cache
from hatch_tokenindex.credentials.chain import Chain
from hatch_tokenindex.credentials.keyrings import Keyring
from hatch_tokenindex.credentials.narrowing import sendable
from hatch_tokenindex.credentials.prompts import Prompts
from hatch_tokenindex.credentials.remembering import Memory
from hatch_tokenindex.credentials.swapping import Swap
from hatch_tokenindex.credentials.wallet import Wallet
from hatch_tokenindex.distributions import Distribution, check_for_pypi, read_all, sha256
from hatch_tokenindex.errors import ConfigurationError, DistributionError, TokenIndexError, UploadError
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.index.clock import Clock
from hatch_tokenindex.index.simple import SimpleApi, addresses
from hatch_tokenindex.index.upload import Parcel, Uploader
from hatch_tokenindex.plan import ProjectPlan, by_project, plan, warnings
from hatch_tokenindex.results import FileResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hatch_tokenindex.console.terminal import Terminal
    from hatch_tokenindex.credentials.judging import Judged
    from hatch_tokenindex.credentials.pypirc import Pypirc
    from hatch_tokenindex.options import Options
    from hatch_tokenindex.repositories import Repository
    from hatch_tokenindex.tokens import Secret


class Run:
    """Publishes to one repository, or tells what it would do."""

    def __init__(
        self, asked: Options, repository: Repository, pypirc: Pypirc, cache_folder: Path, terminal: Terminal
    ) -> None:
        self.asked = asked
        self.repository = repository
        self.terminal = terminal
        self.clock = Clock()
        cache = Cache(cache_folder)
        keyring = Keyring(terminal if asked.can_prompt else None)
        memory = Memory(repository, cache, keyring)
        self.chain = Chain(asked, repository, pypirc, cache, keyring, Prompts(terminal, repository), self.clock.now)
        self.wallet = Wallet(self.chain, memory, terminal, may_ask=not asked.dry_run)
        self.swap = Swap(memory, cache)
        self.results: dict[Path, FileResult] = {}
        for warning in repository.warnings:
            terminal.warning(warning)

    def confirm_although_disabled(self, origin: str) -> None:
        """Ask for a yes where configuration disables the publisher. Raises `ConfigurationError` without one."""
        if self.asked.yes or self.asked.dry_run:
            return
        if not self.asked.can_prompt or not self.terminal.confirm("Publishing with tokenindex is disabled. Publish?"):
            msg = f"Publisher is disabled: tokenindex ({origin}). `--yes` publishes all the same."
            raise ConfigurationError(msg)

    def explain(self, files: Sequence[Path], project_at_hand: str) -> None:
        """Print the credential table of each project among the files, or of the project at hand."""
        projects = list(by_project(read_all(files))) or [project_at_hand]
        explanations = [self.chain.explain(project) for project in projects]
        if self.asked.json:
            self._print_document([explaining.as_data(item, self.repository) for item in explanations])
        else:
            self.terminal.output("\n\n".join(explaining.as_text(item, self.repository) for item in explanations))

    def initialize(self, project: str) -> None:
        """Find the credential of a project and remember what was typed, with nothing to publish."""
        self.wallet.of(project)
        self._remember(project)

    def publish(self, files: Sequence[Path]) -> None:
        """Publish the files, or with `-o dry-run` tell what would be done with each."""
        try:
            self._publish(files)
        except BaseException as error:
            self._tell_what_is_there()
            if self.asked.json and isinstance(error, TokenIndexError):
                self._print_document(self._entries(), error)
            raise
        if self.asked.json:
            self._print_document(self._entries())

    def _publish(self, files: Sequence[Path]) -> None:
        projects = by_project(self._read(files))
        with connect(self.repository) as client:
            api = SimpleApi(client, self.repository, self.clock)
            plans = self._plan(projects, api)
            self._ask_about_versions(plans)
            credentials = {
                item.name: self.wallet.of(item.name) for item in plans if item.uploads or self.asked.initialize_auth
            }
            if self.asked.dry_run:
                self._rehearse(plans, credentials)
                return
            uploader = Uploader(client, self.repository, api, self.clock, _pause, self._tell_retry, _ignore_progress)
            for project in plans:
                self._upload(project, uploader)
        for project in plans:
            self._finish(project)

    def _read(self, files: Sequence[Path]) -> list[Distribution]:
        if not files:
            msg = "There is nothing to publish: no wheel (.whl) and no sdist (.tar.gz) was found. Run `hatch build` first."
            raise DistributionError(msg)
        read = read_all(files)
        for item in read:
            for warning in item.warnings:
                self.terminal.warning(f"{item.filename}: {warning}")
        if self.repository.site is not None:
            problems = {item.filename: found for item in read if (found := check_for_pypi(item))}
            if problems:
                raise DistributionError(
                    "\n".join(f"{name}: {line}" for name, lines in problems.items() for line in lines)
                )
        return read

    def _plan(self, projects: Mapping[str, Sequence[Distribution]], api: SimpleApi) -> Sequence[ProjectPlan]:
        listings = {name: api.listing(name, partial(self._header, name)) for name in projects}
        plans = plan(projects, listings, self.repository)
        for warning in warnings(plans, self.repository, self.clock.now()):
            self.terminal.warning(warning)
        for project in plans:
            for file in project.files:
                outcome = Outcome.EXISTS if file.exists else Outcome.NOT_TRIED
                self.results[file.distribution.path] = FileResult(file.distribution, outcome)
                if file.exists:
                    self.terminal.warning(f"{self._shown(file.distribution)} ... {file.exists}")
        return plans

    def _header(self, project: str) -> Secret | None:
        """What `Authorization` says where the index shows nothing without."""
        judged = self.wallet.of(project)
        return None if judged is None else sendable(judged, project, self.repository, 0, self.clock.now()).header

    def _ask_about_versions(self, plans: Iterable[ProjectPlan]) -> None:
        """Old builds lie around in `dist/`, and an upload can't be undone."""
        if self.asked.artifacts or self.asked.all_versions:
            return
        for project in plans:
            if len(project.versions) > 1:
                question = (
                    f"dist/ holds files of several new versions of {project.name}: {', '.join(project.versions)}."
                )
                if self.asked.dry_run and self.asked.can_prompt:
                    self.terminal.warning(f"{question} The run would ask whether to publish them all.")
                elif not self.asked.can_prompt:
                    msg = (
                        f"{question} To publish them all, add `-o all-versions`; to publish some, name their paths, such as "
                        f"dist/{project.uploads[-1].filename}."
                    )
                    raise DistributionError(msg)
                elif not self.terminal.confirm(f"{question} Publish them all?"):
                    msg = (
                        "Nothing was published. Name the paths of the files to publish, or clean dist/ and build again."
                    )
                    raise DistributionError(msg)

    def _rehearse(self, plans: Iterable[ProjectPlan], credentials: Mapping[str, Judged | None]) -> None:
        for project in plans:
            for item in project.uploads:
                self.results[item.path] = FileResult(item, Outcome.WOULD_UPLOAD, sha256(item.path))
                self.terminal.info(f"{self._shown(item)} ... would be uploaded to {self.repository.url}")
            if project.uploads:
                judged = credentials[project.name]
                what = (
                    f"as {judged.credential.user} with the secret from {judged.credential.origin}"
                    if judged
                    else "after asking"
                )
                self.terminal.info(f"{project.name} would be published {what}.")

    def _upload(self, project: ProjectPlan, uploader: Uploader) -> None:
        for item in project.uploads:
            self.terminal.info(f"{self._shown(item)} ...", end=" ")
            try:
                digest = self._upload_one(item, project, uploader)
            except TokenIndexError as error:
                self.results[item.path] = FileResult(item, Outcome.FAILED, error=str(error))
                self.terminal.error("failed")
                raise
            self.results[item.path] = FileResult(item, Outcome.UPLOADED, digest)
            self.terminal.success("success")
            self._remember(project.name)

    def _upload_one(self, item: Distribution, project: ProjectPlan, uploader: Uploader) -> str:
        """Send one file, with another secret after one that was refused as such and may be replaced."""
        while True:
            judged = self.wallet.required(item.name)
            can_replace = self.wallet.can_replace(item.name, judged)
            parcel = Parcel(item, judged, self.wallet.origin(judged), can_replace, project.listing.status)
            try:
                return uploader.upload(parcel)
            except UploadError as error:
                if not (error.about_credential and can_replace):
                    raise
                self.terminal.error(f"refused\n{error}")
                self.wallet.replace(item.name, judged)

    def _remember(self, project: str) -> None:
        kept = self.wallet.keep(project)
        for note in kept.notes:
            self.terminal.info(note)
        for warning in kept.warnings:
            self.terminal.warning(warning)

    def _finish(self, project: ProjectPlan) -> None:
        if self.asked.initialize_auth:
            self._remember(project.name)
        if not project.uploads:
            return
        self.terminal.info()
        self.terminal.info(f"[{project.name}]")
        for version in project.versions:
            self.terminal.info(self._page(project.name, version))
        judged = self.wallet.required(project.name)
        first = project.listing.exists is False
        advice = (self.swap.after_first_release if first else self.swap.for_existing_project)(judged, project.name)
        if advice:
            self.terminal.warning(advice)

    def _tell_what_is_there(self) -> None:
        """After a run that ended early: which files are on the index, and which are not."""
        arrived = [self._shown(item.distribution) for item in self.results.values() if item.outcome is Outcome.UPLOADED]
        missing = [
            self._shown(item.distribution)
            for item in self.results.values()
            if item.outcome in {Outcome.NOT_TRIED, Outcome.FAILED}
        ]
        if arrived:
            self.terminal.error(
                f"Uploaded: {', '.join(arrived)}.\nNot uploaded: {', '.join(missing) or 'none'}. "
                f"The same command, run again, completes the rest."
            )

    def _shown(self, item: Distribution) -> str:
        return self.terminal.path(item.path)

    def _page(self, project: str, version: str) -> str:
        """Where a person finds a release."""
        if self.repository.site is not None:
            return f"https://{self.repository.site}/project/{project}/{version}/"
        return f"{addresses(self.repository)[0]}{project}/"

    def _tell_retry(self, item: Distribution, why: str, seconds: float) -> None:
        self.terminal.info(f"\n{self._shown(item)}: {why} Trying again in {seconds:.0f} s ...", end=" ")

    def _entries(self) -> list[dict[str, Any]]:
        return document.project_entries(self.results.values(), self._page, self.wallet.found())

    def _print_document(self, entries: Sequence[Mapping[str, Any]], error: TokenIndexError | None = None) -> None:
        data = document.build(self.repository, entries, self.terminal.warnings, error)
        self.terminal.output(json.dumps(data, indent=2))


def _pause(seconds: float) -> None:
    Event().wait(seconds)


def _ignore_progress(_: Distribution, __: int) -> None:
    """Nobody is shown progress yet."""
