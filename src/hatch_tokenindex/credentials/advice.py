"""From a token for the whole account to one for the project: what to tell, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.sources import publishers
from hatch_tokenindex.credentials.store import CredentialStore, command, entry_of
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.tokens import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.cache import Cache
    from hatch_tokenindex.credentials.checks import CheckedCredential


@dataclass(frozen=True)
class TokenAdvice:
    """Tells the maintainer of a project how to make a token for it and store it."""

    store: CredentialStore
    cache: Cache

    def advice(self, checked: CheckedCredential, project: str, *, is_first_release: bool) -> str:
        """What to tell after `project` was published with this credential; empty if nothing."""
        tell = self._after_first_release if is_first_release else self._for_existing_project
        return tell(checked, project)

    def _after_first_release(self, checked: CheckedCredential, project: str) -> str:
        """What to do when a token for the whole account has just created a project; empty if that isn't so."""
        if not self._is_for_account(checked):
            return ""
        return (
            f"{project} is new, and the token that created it can upload to every project of the account. Make one for "
            f"{project} alone at {self._page(project)} and {self._how_to_use(checked, project)}"
        )

    def _for_existing_project(self, checked: CheckedCredential, project: str) -> str:
        """The same in one line, when a stored account token publishes to a project that exists; once per project."""
        url = self.store.repository.url
        if (
            not self._is_for_account(checked)
            or checked.credential.slot is None
            or self.cache.read().is_advised(url, project)
        ):
            return ""
        try:
            self.cache.update(lambda contents: contents.with_advice(url, project))
        except SourceUnavailableError:
            return ""
        return (
            f"A token for {project} alone is safer than the stored one for the account: {self._page(project)}, then "
            f"{self._login(project)}"
        )

    def _is_for_account(self, checked: CheckedCredential) -> bool:
        return (
            checked.token is not None and checked.token.kind is Kind.ACCOUNT and self.store.repository.site is not None
        )

    def _page(self, project: str) -> str:
        return f"{self.store.repository.token_page}?selected_project={project}"

    def _how_to_use(self, checked: CheckedCredential, project: str) -> str:
        if self.store.repository.keyring:
            return f"store it with: {self._login(project)}"
        return f"give it in place of the one from {checked.credential.origin}."

    def _login(self, project: str) -> str:
        return command("login", *self.store.arguments(entry_of(project)))


def to_trusted_publishing(checked: CheckedCredential, project: str, repository: Repository, environment: Mapping[str, str]) -> str:
    """What to tell in GitHub Actions where a stored token was used and none is needed; empty elsewhere."""
    values = publishers.of_environment(environment)
    is_possible = repository.site is not None and repository.trusted_publishing != "never" and bool(values)
    if checked.credential.minted or not is_possible:
        return ""
    link = publishers.configuration_link(values, project, repository)
    return f"With Trusted Publishing this job would need no stored token: {link}"
