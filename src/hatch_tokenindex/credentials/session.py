"""The credentials of one run: each project's is found once, replaced when it is refused, and saved when it worked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hatch_tokenindex.credentials.chain import Chain, Resolution
from hatch_tokenindex.credentials.finding import Mode
from hatch_tokenindex.credentials.narrowing import SLOWEST_UPLOAD, authorize
from hatch_tokenindex.credentials.sources.prompt import ATTEMPTS
from hatch_tokenindex.credentials.store import CredentialStore, StoreResult, entries_for

if TYPE_CHECKING:
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.credential import Credential, Prompter
    from hatch_tokenindex.credentials.narrowing import Authorization
    from hatch_tokenindex.secrets import Secret


@dataclass
class _ProjectState:
    """The credential of one project in this run."""

    resolution: Resolution | None = None
    prompts: int = 0
    """Secrets that were typed for it."""
    worthless: Credential | None = None
    """A remembered credential that the index refused: the one that works takes its place in the keyring."""
    is_accepted: bool = False
    """The index has accepted its credential."""


class CredentialSession:
    """Finds, replaces and saves the credential of each project, by its name as PEP 503 normalizes it.

    The main thread calls everything. Upload threads call `authorize` and `header_for`, once the main thread has found the
    project's credential; all that these change is one attribute, `resolution`, when a minted token is renewed.
    """

    def __init__(self, chain: Chain, store: CredentialStore, prompter: Prompter, mode: Mode) -> None:
        self._chain = chain
        self._store = store
        self._prompter = prompter
        self._mode = mode
        self._projects: defaultdict[str, _ProjectState] = defaultdict(_ProjectState)
        self._saved: set[tuple[Credential, tuple[str, ...]]] = set()

    def find(self, project: str) -> CheckedCredential | None:
        """Return the credential of a project, None in a dry run that would have to act for one.

        Raises `CredentialError`.
        """
        return self._resolution(project).checked

    def planned_action(self, project: str) -> str:
        """Return what publishing would do for the credential that `find` does not find in a dry run."""
        return self._resolution(project).planned_action

    def credential_for(self, project: str) -> CheckedCredential:
        """Return the credential of a project when publishing, where there is one. Raises `CredentialError`."""
        return cast("CheckedCredential", self.find(project))

    def authorize(self, project: str, size: int) -> Authorization | None:
        """Return the authorization for one attempt to upload a file of `size` bytes of a project, None for none."""
        checked = self.credential_for(project)
        renewed = self._chain.renewed(checked, project, size / SLOWEST_UPLOAD)
        if renewed is not checked:
            self._projects[project].resolution = Resolution(renewed)
        return self._authorization(renewed, project, size)

    def header_for(self, project: str) -> Secret | None:
        """Return the `Authorization` header with which to read a project's page; None as for `find` and `authorize`."""
        checked = self.find(project)
        authorization = None if checked is None else self._authorization(checked, project, 0)
        return None if authorization is None else authorization.header

    def can_replace(self, project: str, checked: CheckedCredential) -> bool:
        """Return True if the user can be prompted for another secret: after a remembered one, or a typed one twice."""
        may_prompt = self._mode is Mode.PUBLISH and self._chain.options.can_prompt
        return may_prompt and checked.credential.is_replaceable and self._projects[project].prompts < ATTEMPTS

    def replace(self, project: str, checked: CheckedCredential, *, worthless: bool) -> CheckedCredential:
        """Prompt for another secret in place of one that the index refused, and return it.

        A remembered one is deleted once the other one has worked, if it is `worthless` and not merely of no use here.
        """
        state = self._projects[project]
        if worthless and checked.credential.keyring_user is not None:
            state.worthless = checked.credential
        state.prompts += 1
        # Projects that wait for their turn with the same credential find another one when it comes.
        for other in self._projects.values():
            if other.resolution and other.resolution.checked == checked and not other.is_accepted:
                other.resolution = None
        typed = self._chain.prompt_again(project, checked)
        state.resolution = Resolution(typed)
        self._show(typed.notes)
        return typed

    def save(self, project: str) -> StoreResult:
        """Save the credential of a project, if it was typed, after the index has accepted it."""
        state = self._projects[project]
        state.is_accepted = True
        checked = state.resolution.checked if state.resolution else None
        if checked is None or not checked.credential.typed:
            return StoreResult()
        entries, worthless = entries_for(checked, project), state.worthless
        state.worthless = None
        if worthless is None and (checked.credential, entries) in self._saved:
            return StoreResult()
        self._saved.add((checked.credential, entries))
        return self._store.save(checked, entries, self._chain.now(), worthless)

    def _resolution(self, project: str) -> Resolution:
        state = self._projects[project]
        if state.resolution is None:
            state.resolution = self._chain.resolve(project, self._mode)
            self._show(state.resolution.notes)
            checked = state.resolution.checked
            state.prompts = max(state.prompts, int(checked is not None and checked.credential.typed))
        return state.resolution

    def _authorization(self, checked: CheckedCredential, project: str, size: int) -> Authorization | None:
        if checked.credential.is_anonymous:
            return None
        return authorize(checked, project, self._chain.repository, size=size, now=self._chain.now())

    def _show(self, notes: tuple[str, ...]) -> None:
        for note in notes:
            self._prompter.note(note)
