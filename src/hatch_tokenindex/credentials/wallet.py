"""The credentials of one run: each project's is found once, replaced when it is refused, and kept when it worked."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hatch_tokenindex.credentials.chain import ATTEMPTS, Chain
from hatch_tokenindex.credentials.narrowing import SLOWEST_UPLOAD, authorize
from hatch_tokenindex.credentials.remembering import Kept, Memory, Place, places

if TYPE_CHECKING:
    from hatch_tokenindex.authorization import Authorization
    from hatch_tokenindex.credentials.judging import Judged
    from hatch_tokenindex.credentials.sources import Credential, Person
    from hatch_tokenindex.tokens import Secret


class Wallet:
    """Projects are named as PEP 503 normalizes them."""

    def __init__(self, chain: Chain, memory: Memory, person: Person, *, for_real: bool) -> None:
        """`for_real` is false for a rehearsal, which asks and changes nothing."""
        self._chain = chain
        self._memory = memory
        self._person = person
        self._for_real = for_real
        self._found: dict[str, Judged | None] = {}
        self._would: dict[str, str] = {}
        self._refused: dict[str, Credential] = {}
        self._asked: dict[str, int] = {}
        self._kept: set[tuple[Credential, tuple[Place, ...]]] = set()
        self._accepted: set[str] = set()

    def of(self, project: str) -> Judged | None:
        """The credential of a project; `None` in a rehearsal that would have to act. Raises `CredentialError`."""
        if project not in self._found:
            resolution = self._chain.resolve(project, for_real=self._for_real)
            for note in resolution.notes:
                self._person.note(note)
            self._found[project] = resolution.judged
            self._would[project] = resolution.would
        return self._found[project]

    def would(self, project: str) -> str:
        """What the real run would do for a credential where a rehearsal has none."""
        return self._would[project]

    def authorization(self, project: str, size: int) -> Authorization:
        """What lets one attempt in that uploads a file of `size` bytes of a project."""
        judged = self.required(project)
        renewed = self._chain.renewed(judged, project, size / SLOWEST_UPLOAD)
        if renewed is not judged:
            self._found[project] = renewed
        return self._authorization(renewed, project, size)

    def header(self, project: str) -> Secret | None:
        """What `Authorization` says where an index shows nothing of a project without; `None` as for `of`."""
        judged = self.of(project)
        return None if judged is None else self._authorization(judged, project, 0).header

    def required(self, project: str) -> Judged:
        """The credential of a project, in a run that may ask for it: there is one then, or `CredentialError` is raised."""
        return cast("Judged", self.of(project))

    def can_replace(self, project: str, judged: Judged) -> bool:
        """Whether another secret may be asked for in place of this refused one: a remembered one, or a typed one thrice."""
        asked = self._asked.get(project, int(judged.credential.typed))
        may_ask = self._for_real and self._chain.options.can_prompt
        return may_ask and judged.credential.is_replaceable and asked < ATTEMPTS

    def replace(self, project: str, judged: Judged, *, worthless: bool) -> Judged:
        """Ask for another secret in place of one that the index refused.

        A remembered one is deleted when the other one has worked, if it is `worthless`, and not only of no use here.
        """
        if worthless and judged.credential.slot is not None:
            self._refused[project] = judged.credential
        self._asked[project] = self._asked.get(project, int(judged.credential.typed)) + 1
        # Other projects that wait for their turn with the same credential find another one when it comes.
        self._found = {name: found for name, found in self._found.items() if found != judged or name in self._accepted}
        self._found[project] = another = self._chain.ask_again(project, judged)
        for note in another.notes:
            self._person.note(note)
        return another

    def keep(self, project: str) -> Kept:
        """Remember the credential of a project, if it was typed, after the index accepted it."""
        self._accepted.add(project)
        judged = self._found.get(project)
        if judged is None or not judged.credential.typed:
            return Kept()
        where, refused = places(judged, project), self._refused.pop(project, None)
        if refused is None and (judged.credential, where) in self._kept:
            return Kept()
        self._kept.add((judged.credential, where))
        return self._memory.keep(judged, where, self._chain.now(), refused)

    def _authorization(self, judged: Judged, project: str, size: int) -> Authorization:
        source = f"{judged.credential.origin}{self._memory.age(judged.credential)}"
        return authorize(judged, source, project, self._memory.repository, size=size, now=self._chain.now())
