"""What a run tells while it goes on and at its end: bars on a terminal, plain lines elsewhere, JSON where it is wanted."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.console import document, github
from hatch_tokenindex.console.results import FileResult, Outcome
from hatch_tokenindex.errors import TokenIndexError, UploadError
from hatch_tokenindex.text import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from rich.progress import Progress, TaskID

    from hatch_tokenindex.attesting.attestor import MadeAttestation
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.console.terminal import Terminal
    from hatch_tokenindex.credentials.credential import Credential
    from hatch_tokenindex.credentials.store import StoreResult
    from hatch_tokenindex.distributions import Distribution
    from hatch_tokenindex.publishing.plan import ProjectPlan


class Report:
    """Is told what happens to each file, shows it, and keeps it for the end. Any thread may tell it."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._repository: Repository | None = None
        self._release_page: Callable[[str, str], str] | None = None
        self._credentials: dict[str, Credential] = {}
        self._results: dict[Path, FileResult] = {}
        self._explained: list[dict[str, Any]] = []
        self._progress: Progress | None = None
        self._bars: dict[Path, TaskID] = {}
        self._unsure: set[Path] = set()
        self._attested: dict[Path, MadeAttestation] = {}
        self._hints: list[str] = []

    def publishing_to(self, repository: Repository, release_page: Callable[[str, str], str]) -> None:
        """Note the chosen repository; `release_page` returns the URL of a project's release there."""
        self._repository = repository
        self._release_page = release_page

    def credential(self, project: str, credential: Credential) -> None:
        """Which credential a project (normalized, PEP 503) has now."""
        if self._credentials.get(project) == credential:
            return
        self._credentials[project] = credential
        self._terminal.detail(f"{project}: user {credential.user}, with the secret from {credential.origin}")

    def remembered(self, kept: StoreResult) -> None:
        """What was stored of a credential, or why it wasn't."""
        for note in kept.notes:
            self._terminal.info(note)
        for warning in kept.warnings:
            self._terminal.warning(warning)

    def explained(self, entries: Iterable[dict[str, Any]]) -> None:
        """What stands in the document in place of files: the tables of `-o explain`."""
        self._explained.extend(entries)

    def read(self, distributions: Iterable[Distribution]) -> None:
        """Which files the run is about."""
        for item in distributions:
            self._keep(item, Outcome.NOT_TRIED)

    def planned(self, plans: Sequence[ProjectPlan]) -> None:
        """What will be done with each file."""
        for project in plans:
            for file in project.files:
                if file.exists:
                    self._terminal.info(f"{self._shown(file.distribution)} ... {file.exists}")
                self._keep(file.distribution, Outcome.EXISTS if file.exists else Outcome.NOT_TRIED, file.sha256)

    def would_upload(self, item: Distribution, url: str, sha256: str) -> None:
        """A file would be sent, were this no rehearsal."""
        self._keep(item, Outcome.WOULD_UPLOAD, sha256)
        self._terminal.info(f"{self._shown(item)} ... would be uploaded to {url}")

    @contextmanager
    def showing_progress(self) -> Iterator[None]:
        """Show a bar for each file that is under way, if somebody is looking."""
        console = self._terminal.console
        if self._terminal.verbosity < 0 or not console.is_interactive or not sys.stderr.isatty():
            yield
            return
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn()
        console.stderr = True
        try:
            with Progress(*columns, console=console, transient=True) as self._progress:
                yield
        finally:
            console.stderr = False
            self._progress = None
            self._bars.clear()

    def begun(self, item: Distribution) -> None:
        """A file is being sent."""
        self._unsure.add(item.path)
        self._keep(item, Outcome.FAILED, error="It was being sent when the run ended, and may have arrived.")
        if self._progress is not None:
            self._bars[item.path] = self._progress.add_task(escaped(item.filename), total=item.size)

    def sent(self, item: Distribution, size: int) -> None:
        """So many bytes of a file were handed to the network."""
        progress, bar = self._progress, self._bars.get(item.path)
        if progress is not None and bar is not None:
            progress.update(bar, completed=size)

    def retrying(self, item: Distribution, why: str, seconds: float) -> None:
        """A file is sent again after a pause."""
        self._terminal.info(f"{self._shown(item)}: {why.rstrip('.')}. Trying again in {seconds:.0f} s.")

    def uploaded(self, item: Distribution, sha256: str) -> None:
        """The index has a file."""
        self._end(item)
        self._keep(item, Outcome.UPLOADED, sha256)
        self._terminal.success("success", what=f"{self._shown(item)} ... ")
        self._terminal.detail(f"  {item.size:,} bytes, sha256 {sha256}")

    def attested(self, item: Distribution, made: MadeAttestation) -> None:
        """Keep where the attestation of a file is logged."""
        self._attested[item.path] = made
        self._terminal.detail(f"{self._shown(item)}: attested, {made.log_url}")

    def hint(self, text: str) -> None:
        """Add a line to the job summary alone."""
        self._hints.append(text)

    def failed(self, item: Distribution, error: BaseException) -> None:
        """A file was not taken, as far as the index told."""
        self._end(item)
        if isinstance(error, UploadError) and error.possibly_uploaded:
            self._unsure.add(item.path)
        self._keep(item, Outcome.FAILED, error=document.summary_of(error))
        self._terminal.error(f"{self._shown(item)} ... failed")

    @contextmanager
    def reporting(self, *, as_json: bool) -> Iterator[None]:
        """Around a run: say at its end, however that comes, which files are on the index; as JSON too where wanted."""
        failure: BaseException | None = None
        try:
            yield
        except BaseException as error:
            failure = error
            self._tell_what_arrived()
            raise
        finally:
            try:
                if self._terminal.in_github_actions:
                    self._tell_github(failure)
            finally:
                if as_json:
                    self._print_document(failure)

    def _print_document(self, failure: BaseException | None) -> None:
        files = document.project_entries(self._results.values(), self._release_page, self._credentials)
        entries = self._explained or files
        data = document.build(self._repository, entries, self._terminal.warnings, failure)
        try:
            self._terminal.output(document.as_text(data))
        except TokenIndexError as error:
            # Told after this: what ended the run matters more.
            if failure is None:
                raise
            self._terminal.warning(str(error))

    def _tell_github(self, failure: BaseException | None) -> None:
        for warning in self._terminal.warnings:
            self._terminal.command(github.annotation("warning", "hatch-tokenindex", escaped(warning)))
        text = None if failure is None else escaped(document.summary_of(failure))
        if text is not None:
            title = "not finished" if self._names(Outcome.UPLOADED) else "not published"
            self._terminal.command(github.annotation("error", f"hatch-tokenindex: {title}", text))
        if text is None and not self._results:
            return
        try:
            results = self._results.values()
            markdown = github.summary(self._repository, self._release_page, results, text, self._hints)
            github.append_summary(os.environ, markdown)
        except OSError as error:
            self._terminal.warning(f"The job summary could not be written: {error.strerror}.")

    def _tell_what_arrived(self) -> None:
        """Say where each file is, if the run ends after something was sent."""
        failed = self._names(Outcome.FAILED)
        unsure = [self._shown(result.distribution) for path, result in self._results.items() if path in self._unsure]
        places = {
            "Uploaded": self._names(Outcome.UPLOADED),
            "May have arrived": unsure,
            "Not uploaded": [name for name in failed if name not in unsure] + self._names(Outcome.NOT_TRIED),
        }
        if not places["Uploaded"] and not failed:
            return
        lines = [f"{place}: {', '.join(names)}." for place, names in places.items() if names]
        if unsure or len(lines) > 1:
            lines.append("The same command, run again, completes the rest.")
        self._terminal.error("\n".join(lines))

    def _names(self, outcome: Outcome) -> list[str]:
        return [self._shown(result.distribution) for result in self._results.values() if result.outcome is outcome]

    def _keep(self, item: Distribution, outcome: Outcome, sha256: str | None = None, error: str | None = None) -> None:
        made = self._attested.get(item.path)
        where = (made.log_index, made.log_url) if made else (None, None)
        self._results[item.path] = FileResult(item, outcome, sha256, error, *where)

    def _end(self, item: Distribution) -> None:
        self._unsure.discard(item.path)
        bar = self._bars.pop(item.path, None)
        if self._progress is not None and bar is not None:
            self._progress.remove_task(bar)

    def _shown(self, item: Distribution) -> str:
        return self._terminal.path(item.path)
