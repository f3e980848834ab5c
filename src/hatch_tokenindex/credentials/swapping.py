"""From a token for the whole account to one for the project: what to tell, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.prompts import token_page
from hatch_tokenindex.credentials.remembering import Memory, command
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.tokens import Kind

if TYPE_CHECKING:
    from hatch_tokenindex.credentials.cache import Cache
    from hatch_tokenindex.credentials.judging import Judged


@dataclass(frozen=True)
class Swap:
    """Tells the maintainer of a project how to make a token for it and store it."""

    memory: Memory
    cache: Cache

    def after_first_release(self, judged: Judged, project: str) -> str:
        """What to do when a token for the whole account has just created a project; empty if that isn't so."""
        if not self._is_for_account(judged):
            return ""
        return (
            f"{project} is new, and the token that created it can upload to every project of the account. Make one for "
            f"{project} alone at {self._page(project)} and store it with: {self._login(project)}"
        )

    def for_existing_project(self, judged: Judged, project: str) -> str:
        """The same in one line, when a stored account token publishes to a project that exists; once per project."""
        url = self.memory.repository.url
        if (
            not self._is_for_account(judged)
            or judged.credential.slot is None
            or self.cache.read().is_advised(url, project)
        ):
            return ""
        try:
            self.cache.update(lambda contents: contents.with_advice(url, project))
        except SourceUnavailableError:
            return ""
        return f"A token for {project} alone is safer than the stored one for the account: {self._page(project)}, then {self._login(project)}"

    def _is_for_account(self, judged: Judged) -> bool:
        return (
            judged.token is not None and judged.token.kind is Kind.ACCOUNT and self.memory.repository.site is not None
        )

    def _page(self, project: str) -> str:
        return f"{token_page(self.memory.repository)}?selected_project={project}"

    def _login(self, project: str) -> str:
        return command("login", *self.memory.arguments(project))
