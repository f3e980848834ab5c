"""The credentials of one run: each project's is found once, replaced when it is refused, and kept when it worked."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hatch_tokenindex.credentials.chain import ATTEMPTS, Chain
from hatch_tokenindex.credentials.narrowing import SLOWEST_UPLOAD, authorize
from hatch_tokenindex.credentials.store import CredentialStore, KeyringEntry, StoreResult, places

if TYPE_CHECKING:
    from hatch_tokenindex.credentials.authorization import Authorization
    from hatch_tokenindex.credentials.checks import CheckedCredential
    from hatch_tokenindex.credentials.credential import Credential, Prompter
    from hatch_tokenindex.secrets import Secret


class CredentialSession:
    """Projects are named as PEP 503 normalizes them."""

    def __init__(self, chain: Chain, store: CredentialStore, prompter: Prompter, *, for_real: bool) -> None:
        """`for_real` is false for a rehearsal, which asks and changes nothing."""
        self._chain = chain
        self._memory = store
        self._prompter = prompter
        self._for_real = for_real
        self._found: dict[str, CheckedCredential | None] = {}
        self._would: dict[str, str] = {}
        self._refused: dict[str, Credential] = {}
        self._asked: dict[str, int] = {}
        self._kept: set[tuple[Credential, tuple[KeyringEntry, ...]]] = set()
        self._accepted: set[str] = set()

    def of(self, project: str) -> CheckedCredential | None:
        """The credential of a project; `None` in a rehearsal that would have to act. Raises `CredentialError`."""
        if project not in self._found:
            resolution = self._chain.resolve(project, for_real=self._for_real)
            for note in resolution.notes:
                self._prompter.note(note)
            self._found[project] = resolution.checked
            self._would[project] = resolution.would
        return self._found[project]

    def would(self, project: str) -> str:
        """What the real run would do for a credential where a rehearsal has none."""
        return self._would[project]

    def authorization(self, project: str, size: int) -> Authorization:
        """What lets one attempt in that uploads a file of `size` bytes of a project."""
        checked = self.required(project)
        renewed = self._chain.renewed(checked, project, size / SLOWEST_UPLOAD)
        if renewed is not checked:
            self._found[project] = renewed
        return self._authorization(renewed, project, size)

    def header(self, project: str) -> Secret | None:
        """What `Authorization` says where an index shows nothing of a project without; `None` as for `of`."""
        checked = self.of(project)
        return None if checked is None else self._authorization(checked, project, 0).header

    def required(self, project: str) -> CheckedCredential:
        """The credential of a project, in a run that may ask for it: there is one then, or `CredentialError` is raised."""
        return cast("CheckedCredential", self.of(project))

    def can_replace(self, project: str, checked: CheckedCredential) -> bool:
        """Whether another secret may be asked for in place of this refused one: a remembered one, or a typed one thrice."""
        asked = self._asked.get(project, int(checked.credential.typed))
        may_ask = self._for_real and self._chain.options.can_prompt
        return may_ask and checked.credential.is_replaceable and asked < ATTEMPTS

    def replace(self, project: str, checked: CheckedCredential, *, worthless: bool) -> CheckedCredential:
        """Ask for another secret in place of one that the index refused.

        A remembered one is deleted when the other one has worked, if it is `worthless`, and not only of no use here.
        """
        if worthless and checked.credential.slot is not None:
            self._refused[project] = checked.credential
        self._asked[project] = self._asked.get(project, int(checked.credential.typed)) + 1
        # Other projects that wait for their turn with the same credential find another one when it comes.
        self._found = {name: found for name, found in self._found.items() if found != checked or name in self._accepted}
        self._found[project] = another = self._chain.ask_again(project, checked)
        for note in another.notes:
            self._prompter.note(note)
        return another

    def keep(self, project: str) -> StoreResult:
        """Remember the credential of a project, if it was typed, after the index accepted it."""
        self._accepted.add(project)
        checked = self._found.get(project)
        if checked is None or not checked.credential.typed:
            return StoreResult()
        where, refused = places(checked, project), self._refused.pop(project, None)
        if refused is None and (checked.credential, where) in self._kept:
            return StoreResult()
        self._kept.add((checked.credential, where))
        return self._memory.keep(checked, where, self._chain.now(), refused)

    def _authorization(self, checked: CheckedCredential, project: str, size: int) -> Authorization:
        source = f"{checked.credential.origin}{self._memory.age(checked.credential)}"
        return authorize(checked, source, project, self._memory.repository, size=size, now=self._chain.now())
