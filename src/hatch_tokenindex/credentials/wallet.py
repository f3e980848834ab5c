"""The credentials of one run: each project's is found once, replaced when it is refused, and kept when it worked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.chain import ATTEMPTS, Chain
from hatch_tokenindex.credentials.remembering import Kept, Memory, places
from hatch_tokenindex.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_tokenindex.credentials.judging import Judged
    from hatch_tokenindex.credentials.sources import Credential, Person


class Wallet:
    """Projects are named as PEP 503 normalizes them."""

    def __init__(self, chain: Chain, memory: Memory, person: Person, *, may_ask: bool) -> None:
        """`may_ask` is false for a run that must change and ask nothing."""
        self._chain = chain
        self._memory = memory
        self._person = person
        self._may_ask = may_ask
        self._found: dict[str, Judged | None] = {}
        self._refused: dict[str, Credential] = {}
        self._asked: dict[str, int] = {}
        self._kept: set[tuple[str, Credential]] = set()

    def of(self, project: str) -> Judged | None:
        """The credential of a project; `None` where the run may not ask and would have to. Raises `CredentialError`."""
        if project not in self._found:
            resolution = self._chain.resolve(project, may_ask=self._may_ask)
            for note in resolution.notes:
                self._person.note(note)
            self._found[project] = resolution.judged
        return self._found[project]

    def required(self, project: str) -> Judged:
        """The credential of a project, in a run that may ask for it."""
        judged = self.of(project)
        if judged is None:
            msg = f"There is no credential for {project}."
            raise CredentialError(msg)
        return judged

    def found(self) -> Mapping[str, Judged]:
        """What was found so far, by project."""
        return {project: judged for project, judged in self._found.items() if judged is not None}

    def origin(self, judged: Judged) -> str:
        """Where a credential comes from, and when it was stored."""
        return f"{judged.credential.origin}{self._memory.age(judged.credential)}"

    def can_replace(self, project: str, judged: Judged) -> bool:
        """Whether another secret may be asked for in place of this refused one: a remembered one, or a typed one thrice."""
        asked = self._asked.get(project, int(judged.credential.typed))
        replaceable = judged.credential.typed or judged.credential.slot is not None
        return self._may_ask and self._chain.options.can_prompt and replaceable and asked < ATTEMPTS

    def replace(self, project: str, judged: Judged) -> Judged:
        """Ask for another secret in place of one that the index refused."""
        if judged.credential.slot is not None:
            self._refused[project] = judged.credential
        self._asked[project] = self._asked.get(project, int(judged.credential.typed)) + 1
        self._found = {name: found for name, found in self._found.items() if found != judged}
        self._found[project] = another = self._chain.ask_again(project, judged)
        return another

    def keep(self, project: str) -> Kept:
        """Remember the credential of a project, if it was typed, after the index accepted it."""
        judged = self._found.get(project)
        if judged is None or not judged.credential.typed or (project, judged.credential) in self._kept:
            return Kept()
        self._kept.add((project, judged.credential))
        return self._memory.keep(judged, places(judged, project), self._chain.now(), self._refused.get(project))
