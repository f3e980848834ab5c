"""The attestations of a run's files: those that lie beside them, and those that the run makes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hatch_tokenindex.attesting import AUDIENCE, INSTALLING, PUBLISH_PREDICATE, is_installed, signers
from hatch_tokenindex.credentials.sources import identity
from hatch_tokenindex.distributions import read_attestations
from hatch_tokenindex.errors import AttestationError, ConfigurationError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from hatch_tokenindex.attesting.attestor import AttestedFiles, MadeAttestation
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.console.report import Report
    from hatch_tokenindex.console.terminal import Terminal
    from hatch_tokenindex.distributions import Distribution
    from hatch_tokenindex.publishing.plan import ProjectPlan


class RunAttestations:
    """Decides which files are attested, begins that, and gives each upload what to send.

    The main thread calls `read` before anything is minted and `start` after; upload threads call `of`.
    """

    def __init__(
        self, repository: Repository, environment: Mapping[str, str], terminal: Terminal, report: Report
    ) -> None:
        self._repository = repository
        self._environment = environment
        self._terminal = terminal
        self._report = report
        self._provider = identity.provider(environment)
        self._is_required = repository.attestations == "always"
        self._is_wanted = self._is_required or (repository.attestations == "automatic" and repository.site is not None)
        self._beside: Mapping[Path, Mapping[str, str]] = {}
        self._files: AttestedFiles | None = None

    def read(self, plans: Iterable[ProjectPlan], would_mint: Callable[[str], bool]) -> None:
        """Check the attestations beside the files that a minted token will upload, and what `always` needs.

        Minting can create a project, so what can fail without it fails before.

        Raises:
            ConfigurationError: The trust configuration can't be used, or `always` can't be kept.
            DistributionError: An attestation beside a file is invalid.
        """
        minting = self._minting(plans, would_mint)
        self._beside = read_attestations(item.path for project in minting for item in project.uploads)
        if self._repository.sigstore_trust_config and self._is_wanted and self._missing(minting) and is_installed():
            from hatch_tokenindex.attesting import instance
            from hatch_tokenindex.attesting.services import Exchanges

            instance.load(self._repository.sigstore_trust_config, Exchanges())
        if self._is_required and self._missing(minting) and (obstacle := self._obstacle()):
            msg = f"`attestations` is `always`, but no attestation can be made: {obstacle}"
            raise ConfigurationError(msg)

    def start(self, plans: Iterable[ProjectPlan], is_minted: Callable[[str], bool]) -> None:
        """Begin to attest the files that have no publish attestation; with `always`, wait until all are attested.

        Raises:
            AttestationError: `attestations` is `always`, and Sigstore failed.
            ConfigurationError: A setting can't be used.
        """
        missing = self._missing(self._minting(plans, is_minted))
        if not missing or not self._is_wanted or self._provider is None:
            return
        if not is_installed():
            self._report.hint(f"To attest the files in this step, use the extra `attestations`: {INSTALLING}")
            return
        from hatch_tokenindex.attesting.attestor import AttestedFiles, Attestor

        if folder := self._repository.attestations_directory:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise _not_writable(folder, error) from None
        identify = partial(identity.obtain, self._provider, AUDIENCE, self._environment)
        attestor = Attestor(self._repository.sigstore_trust_config, identify)
        self._files = AttestedFiles(attestor, [item.path for item in missing])
        self._files.start()
        if self._is_required:
            self._files.wait()

    def of(self, item: Distribution) -> str | None:
        """Return the attestations to send with a file, as the JSON array that the form takes; None if it has none.

        Waits until the file is attested. Where that fails and `attestations` is `automatic`, the file goes without.
        """
        texts = [*self._beside.get(item.path, {}).values()]
        if made := self._made(item):
            texts.append(made.text)
            self._report.attested(item, made)
            if folder := self._repository.attestations_directory:
                path = folder / f"{item.filename}.publish.attestation"
                try:
                    path.write_text(f"{made.text}\n", encoding="utf-8", newline="\n")
                except OSError as error:
                    raise _not_writable(path, error) from None
        return f"[{', '.join(texts)}]" if texts else None

    def stop(self) -> None:
        """Attest no further file: the run has ended."""
        if self._files is not None:
            self._files.stop()

    def planned(self, would_mint: bool) -> str:  # noqa: FBT001
        """Return what the run does about attestations, for people; empty where it is not worth a line."""
        if self._repository.attestations == "never":
            return "disabled by `attestations`"
        if not would_mint or not self._is_wanted:
            return ""
        if obstacle := self._obstacle():
            return f"would not be made: {obstacle}"
        return f"would be made as {self._signer().description}, with an entry in Sigstore's public log for each file"

    def _obstacle(self) -> str:
        """Return why nothing can be attested, as far as that is known without a request; empty if it can."""
        if not is_installed():
            return f"the extra `attestations` is not installed\nFix: {INSTALLING}"
        if self._provider and (missing := self._provider.missing(self._environment, AUDIENCE)):
            return missing
        try:
            self._signer()
        except SourceUnavailableError as error:
            return str(error)
        return signers.reason_refused({"event_name": self._environment.get("GITHUB_EVENT_NAME")})

    def _signer(self) -> signers.Signer:
        """Return the signer as far as the job's environment names it."""
        if self._provider is not None and not self._provider.renewable:
            # GitLab puts the token into a variable: reading it is no request.
            return signers.of_identity(identity.obtain(self._provider, AUDIENCE, self._environment).claims)
        if account := self._environment.get("GOOGLE_SERVICE_ACCOUNT_NAME"):
            return signers.Signer(signers.GOOGLE, email=account)
        return signers.of_environment(self._environment)

    def _minting(self, plans: Iterable[ProjectPlan], mints: Callable[[str], bool]) -> Sequence[ProjectPlan]:
        """Return the plans whose files a minted token uploads; with `always`, that has to be so for every plan."""
        uploading = [project for project in plans if project.uploads]
        minting = [project for project in uploading if mints(project.name)]
        for project in uploading:
            if self._is_required and project not in minting:
                msg = (
                    f"`attestations` is `always`, but {project.name} is not published with Trusted Publishing\n"
                    f"Fix: remove the other credential of {project.name}, or set `attestations` to `automatic`."
                )
                raise ConfigurationError(msg)
        return minting

    def _missing(self, projects: Iterable[ProjectPlan]) -> Sequence[Distribution]:
        """Return the files without a publish attestation beside them, in the order of their upload."""
        uploads = [item for project in projects for item in project.uploads]
        return [item for item in uploads if PUBLISH_PREDICATE not in self._beside.get(item.path, {})]

    def _made(self, item: Distribution) -> MadeAttestation | None:
        try:
            return self._files.of(item.path) if self._files else None
        except AttestationError as error:
            # Only with `automatic`: `always` made them all before the first upload.
            lines = [line for line in str(error).splitlines() if not line.startswith("Fix: ")]
            self._terminal.warning("\n".join([f"Uploading without attestations: {lines[0]}", *lines[1:]]))
            return None


def _not_writable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"`attestations-directory` can't be written: {path} ({error.strerror})")
