"""Send the files of a plan: a release's first file alone, the others in parallel, with their project's credential."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from hatch_tokenindex.console.document import summary_of
from hatch_tokenindex.errors import TokenIndexError, UploadError
from hatch_tokenindex.index.refusals import Upload
from hatch_tokenindex.publishing.parallel import in_parallel, run_in_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hatch_tokenindex.console.report import Report
    from hatch_tokenindex.console.terminal import Terminal
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.session import CredentialSession
    from hatch_tokenindex.distributions import Distribution
    from hatch_tokenindex.index.upload import Uploader
    from hatch_tokenindex.publishing.plan import ProjectPlan
    from hatch_tokenindex.publishing.run_attestations import RunAttestations


@dataclass(frozen=True)
class Delivery:
    """The files of one project that the index accepted, and the credential that it accepted."""

    project: ProjectPlan
    digests: Mapping[str, str]
    """The sha256 of each file, by its name."""
    checked: CheckedCredential
    existing: Sequence[UploadError]
    """The refusals of files that the index has, although it did not list them."""


@dataclass(frozen=True)
class Sender:
    """Sends to one repository, up to `jobs` files at once."""

    uploader: Uploader
    session: CredentialSession
    terminal: Terminal
    report: Report
    attestations: RunAttestations

    def send(self, project: ProjectPlan) -> Delivery:
        """Send release by release; what was typed is saved once a first file was accepted. Raises `UploadError`."""
        results: dict[str, str | UploadError] = {}
        for version in project.versions:
            first, *others = (item for item in project.uploads if item.version == version)
            results[first.filename], checked = self._send_first(first, project)
            if isinstance(results[first.filename], str):
                self.report.saved(self.session.save(project.name))
            results |= self._send_others(others, project)
        in_order = [(item.filename, results[item.filename]) for item in project.uploads]
        digests = {name: result for name, result in in_order if isinstance(result, str)}
        if digests:
            self.report.saved(self.session.save(project.name))
        existing = [result for _, result in in_order if isinstance(result, UploadError)]
        return Delivery(project, digests, checked, existing)

    def _send_first(self, item: Distribution, project: ProjectPlan) -> tuple[str | UploadError, CheckedCredential]:
        """Send one file; if its credential is refused and can be replaced, send it with another one."""
        while True:
            checked = self.session.credential_for(project.name)
            self.report.credential(project.name, checked.credential)
            asked_now = self.session.can_replace(project.name, checked)
            try:
                with self.report.showing_progress([item]):
                    result = run_in_thread(partial(self._upload, item, project, asked_now=asked_now))
            except TokenIndexError as error:
                self.report.failed(item, error)
                refusal = error.refusal if isinstance(error, UploadError) else None
                if not asked_now or refusal is None or not refusal.row.about_credential:
                    raise
                self.terminal.error(str(error))
                self.session.replace(project.name, checked, worthless=not refusal.row.good_elsewhere)
            else:
                self._report(item, result)
                return result, checked

    def _send_others(self, items: Sequence[Distribution], project: ProjectPlan) -> Mapping[str, str | UploadError]:
        upload = partial(self._upload, project=project, asked_now=False)
        results: dict[str, str | UploadError] = {}
        failures: list[BaseException] = []
        with self.report.showing_progress(items):
            for item, result, failure in in_parallel(items, upload, self.uploader.repository.jobs):
                if failure is None:
                    results[item.filename] = cast("str | UploadError", result)
                    self._report(item, results[item.filename])
                else:
                    self.report.failed(item, failure)
                    failures.append(failure)
        self.raise_first(failures)
        return results

    def raise_first(self, failures: Sequence[BaseException]) -> None:
        """Raise the first of several failures, if there are any, and show the others."""
        for failure in failures[1:]:
            self.terminal.error(summary_of(failure))
        if failures:
            raise failures[0]

    def _report(self, item: Distribution, result: str | UploadError) -> None:
        if isinstance(result, str):
            self.report.uploaded(item, result)
        else:
            self.report.failed(item, result)

    def _upload(self, item: Distribution, project: ProjectPlan, *, asked_now: bool) -> str | UploadError:
        """Upload a file and return its sha256, or the refusal of a file that the index has but did not list.

        The run goes on after that one: had the listing been complete, the file would have been skipped.
        """
        minted = self.session.credential_for(project.name).credential.minted
        upload = Upload(
            item,
            partial(self.session.authorize, project.name, item.size),
            prompts_on_refusal=asked_now,
            is_quarantined=project.listing.is_quarantined,
            attestations=self.attestations.of(item) if minted else None,
            creates_project=project.listing.exists is False and item is project.uploads[0],
        )
        try:
            return self.uploader.upload(upload)
        except UploadError as error:
            is_existing = error.refusal is not None and error.refusal.row.exists
            if is_existing and project.listing.problem and self.uploader.repository.existing == "skip":
                return error
            raise
