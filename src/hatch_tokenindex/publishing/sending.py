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

    digests: Mapping[str, str]
    checked: CheckedCredential


@dataclass(frozen=True)
class Sender:
    """Sends to one repository, up to `jobs` files at once."""

    uploader: Uploader
    session: CredentialSession
    terminal: Terminal
    report: Report
    jobs: int
    attestations: RunAttestations

    def send(self, project: ProjectPlan) -> Delivery:
        """Send release by release; what was typed is saved once a first file was accepted. Raises `UploadError`."""
        digests: dict[str, str] = {}
        for version in project.versions:
            first, *others = (item for item in project.uploads if item.version == version)
            digests[first.filename], checked = self._send_first(first, project)
            self.report.saved(self.session.save(project.name))
            digests.update(self._send_others(others, project))
        return Delivery({item.filename: digests[item.filename] for item in project.uploads}, checked)

    def _send_first(self, item: Distribution, project: ProjectPlan) -> tuple[str, CheckedCredential]:
        """Send one file; if its credential is refused and can be replaced, send it with another one."""
        while True:
            checked = self.session.credential_for(project.name)
            self.report.credential(project.name, checked.credential)
            asked_now = self.session.can_replace(project.name, checked)
            try:
                with self.report.showing_progress([item]):
                    digest = run_in_thread(partial(self._upload, item, project, asked_now=asked_now))
            except TokenIndexError as error:
                self.report.failed(item, error)
                refusal = error.refusal if isinstance(error, UploadError) else None
                if not asked_now or refusal is None or not refusal.is_about_credential:
                    raise
                self.terminal.error(str(error))
                self.session.replace(project.name, checked, worthless=refusal.is_worthless)
            else:
                self.report.uploaded(item, digest)
                return digest, checked

    def _send_others(self, items: Sequence[Distribution], project: ProjectPlan) -> Mapping[str, str]:
        upload = partial(self._upload, project=project, asked_now=False)
        digests: dict[str, str] = {}
        failures: list[BaseException] = []
        with self.report.showing_progress(items):
            for item, digest, failure in in_parallel(items, upload, self.jobs):
                if failure is None:
                    digests[item.filename] = cast("str", digest)
                    self.report.uploaded(item, digests[item.filename])
                else:
                    self.report.failed(item, failure)
                    failures.append(failure)
        for failure in failures[1:]:
            self.terminal.error(summary_of(failure))
        if failures:
            raise failures[0]
        return digests

    def _upload(self, item: Distribution, project: ProjectPlan, *, asked_now: bool) -> str:
        minted = self.session.credential_for(project.name).credential.minted
        upload = Upload(
            item,
            partial(self.session.authorize, project.name, item.size),
            prompts_on_refusal=asked_now,
            project_status=project.listing.status,
            attestations=self.attestations.of(item) if minted else None,
            creates_project=project.listing.exists is False and item is project.uploads[0],
        )
        return self.uploader.upload(upload)
