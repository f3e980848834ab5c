"""The report of a run: what happens to each file, and at the end the result, as JSON too if wanted."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.console import document, github
from hatch_tokenindex.console.document import FileResult, Outcome
from hatch_tokenindex.console.progress import UploadProgress
from hatch_tokenindex.errors import TokenIndexError, UploadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hatch_tokenindex.attesting.attestor import MadeAttestation
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.console.terminal import Terminal
    from hatch_tokenindex.credentials.credential import Credential
    from hatch_tokenindex.credentials.store import StoreResult
    from hatch_tokenindex.distributions import Distribution


class Report:
    """Shows what happens to each file, and keeps it for the end. Any thread may call it, for a file one at a time."""

    def __init__(self, terminal: Terminal) -> None:
        self.repository: Repository | None = None
        """The repository, once it is chosen."""
        self._terminal = terminal
        self._credentials: dict[str, Credential] = {}
        self._results: dict[Path, FileResult] = {}
        self._explained: list[dict[str, Any]] = []
        self._progress = UploadProgress(terminal)
        self._hints: list[str] = []

    def credential(self, project: str, credential: Credential) -> None:
        """Note the credential of a project (normalized, PEP 503)."""
        if self._credentials.get(project) == credential:
            return
        if credential.minted and not any(known.minted for known in self._credentials.values()):
            self._terminal.info(f"Using {credential.origin}.")
        self._credentials[project] = credential
        self._terminal.detail(f"{project}: using {credential.summary}")

    def saved(self, result: StoreResult) -> None:
        """Show what was saved of a credential, or why it wasn't."""
        for note in result.notes:
            self._terminal.info(note)
        for warning in result.warnings:
            self._terminal.warning(warning)

    def explained(self, entries: Iterable[dict[str, Any]]) -> None:
        """Keep the tables of `-o explain`, which the document has in place of files."""
        self._explained.extend(entries)

    def read(self, distributions: Iterable[Distribution], release_page: Callable[[str, str], str]) -> None:
        """Note the files of the run; `release_page` returns the URL of a release."""
        self._results = {item.path: FileResult(item, release_page(item.name, item.version)) for item in distributions}

    def planned(self, item: Distribution, exists: str, sha256: str | None) -> None:
        """Note what will be done with a file; `exists` says why it isn't uploaded, empty if it is."""
        if exists:
            self._terminal.info(f"{self._shown(item)} ... {exists}")
        self._update(item, outcome=Outcome.EXISTS if exists else Outcome.NOT_TRIED, sha256=sha256)

    def would_upload(self, item: Distribution, url: str, sha256: str) -> None:
        """Show that a file would be uploaded, in a dry run."""
        self._update(item, outcome=Outcome.WOULD_UPLOAD, sha256=sha256)
        self._terminal.info(f"{self._shown(item)} ... would be uploaded to {url}")

    def showing_progress(self, items: Sequence[Distribution]) -> AbstractContextManager[None]:
        """Show the progress of these files while they are uploaded."""
        return self._progress.showing(list(items))

    def begun(self, item: Distribution) -> None:
        """Show that the upload of a file begins."""
        error = "The run ended while this file was being uploaded; possibly uploaded."
        self._update(item, outcome=Outcome.FAILED, error=error, possibly_uploaded=True)
        self._progress.begin(item)

    def sent(self, item: Distribution, size: int) -> None:
        """Show that `size` bytes of a file were handed to the network."""
        self._progress.update(item, size)

    def retrying(self, item: Distribution, why: str, seconds: float) -> None:
        """Show that a file is sent again after a pause."""
        self._terminal.info(f"{self._shown(item)}: {why.rstrip('.')}. Retrying in {seconds:.0f} s.")

    def uploaded(self, item: Distribution, sha256: str) -> None:
        """Show that the index has a file."""
        self._progress.end(item)
        self._update(item, outcome=Outcome.UPLOADED, sha256=sha256, error=None, possibly_uploaded=False)
        self._terminal.success("success", what=f"{self._shown(item)} ... ")
        self._terminal.detail(f"  {item.size:,} bytes, sha256 {sha256}")

    def attested(self, item: Distribution, made: MadeAttestation) -> None:
        """Keep where the attestation of a file is logged."""
        self._update(item, attestation=made)
        self._terminal.detail(f"{self._shown(item)}: attested, {made.log_url}")

    def hint(self, text: str) -> None:
        """Add a line to the job summary alone."""
        self._hints.append(text)

    def failed(self, item: Distribution, error: BaseException) -> None:
        """Show that a file was not uploaded, as far as the index answered."""
        self._progress.end(item)
        is_unsure = isinstance(error, UploadError) and error.possibly_uploaded
        self._update(item, outcome=Outcome.FAILED, error=document.summary_of(error), possibly_uploaded=is_unsure)
        self._terminal.error(f"{self._shown(item)} ... failed")

    @contextmanager
    def reporting(self, *, as_json: bool) -> Iterator[None]:
        """Report at the end of a run, however it ends, which files are on the index; also as JSON if wanted."""
        failure: BaseException | None = None
        try:
            yield
        except BaseException as error:
            failure = error
            self._list_files()
            raise
        finally:
            try:
                if self._terminal.in_github_actions:
                    self._report_to_github(failure)
            finally:
                if as_json:
                    self._print_document(failure)

    def _print_document(self, failure: BaseException | None) -> None:
        projects = self._explained or document.project_entries(self._results.values(), self._credentials)
        try:
            self._terminal.output(document.as_text(self.repository, projects, self._terminal.warnings, failure))
        except TokenIndexError as error:
            # It follows in its own line: what ended the run matters more.
            if failure is None:
                raise
            self._terminal.warning(str(error))

    def _report_to_github(self, failure: BaseException | None) -> None:
        for warning in self._terminal.warnings:
            self._terminal.command(github.annotation("warning", "hatch-tokenindex", self._terminal.safe(warning)))
        text = None if failure is None else self._terminal.safe(document.summary_of(failure))
        if text is not None:
            title = "not finished" if self._names(Outcome.UPLOADED) else "not published"
            self._terminal.command(github.annotation("error", f"hatch-tokenindex: {title}", text))
        if text is None and not self._results:
            return
        try:
            markdown = github.summary(self.repository, self._results.values(), text, self._hints)
            github.append_summary(os.environ, markdown)
        except OSError as error:
            self._terminal.warning(f"Can't write the job summary: {error.strerror}.")

    def _list_files(self) -> None:
        """List where each file is, if the run ends after something was sent."""
        unsure = self._names(Outcome.FAILED, possibly_uploaded=True)
        failed = self._names(Outcome.FAILED)
        groups = {
            "Uploaded": self._names(Outcome.UPLOADED),
            "Possibly uploaded": unsure,
            "Not uploaded": failed + self._names(Outcome.NOT_TRIED),
        }
        if not (groups["Uploaded"] or unsure or failed):
            return
        lists = [f"{group}:{_listed(names)}." for group, names in groups.items() if names]
        for files in lists:
            self._terminal.error(files)
        if unsure or len(lists) > 1:
            self._terminal.info("Run the same command again to upload the rest; files already uploaded are skipped.")

    def _names(self, outcome: Outcome, *, possibly_uploaded: bool = False) -> list[str]:
        wanted = (outcome, possibly_uploaded)
        results = self._results.values()
        return [self._shown(each.distribution) for each in results if (each.outcome, each.possibly_uploaded) == wanted]

    def _update(self, item: Distribution, **changes: Any) -> None:
        self._results[item.path] = replace(self._results[item.path], **changes)

    def _shown(self, item: Distribution) -> str:
        return self._terminal.path(item.path)


def _listed(names: Sequence[str]) -> str:
    """Return names as the end of a line, or below it if there are several."""
    return f" {names[0]}" if len(names) == 1 else "\n  " + ",\n  ".join(names)
