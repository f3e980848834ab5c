"""Advice after an upload: from a token for the entire account to one for the project, or to Trusted Publishing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.credential import project_entry_user
from hatch_tokenindex.credentials.sources import publishers
from hatch_tokenindex.credentials.store import CredentialStore, command
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.tokens import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.cache import Cache
    from hatch_tokenindex.credentials.checks import CheckedCredential


@dataclass(frozen=True)
class TokenAdvice:
    """Advises the maintainer of a project to create a token for it, and how to save that."""

    store: CredentialStore
    cache: Cache

    def after_upload(self, checked: CheckedCredential, project: str, *, is_first_release: bool) -> str:
        """Return the advice after `project` was published with this credential; empty if none."""
        if not self._is_for_account(checked):
            return ""
        return self._for_new_project(checked, project) if is_first_release else self._once(checked, project)

    def _for_new_project(self, checked: CheckedCredential, project: str) -> str:
        return (
            f"{project} is new. Your token can upload to every project of the account; create one for {project} alone at "
            f"{self._page(project)} and {self._how_to_use(checked, project)}"
        )

    def _once(self, checked: CheckedCredential, project: str) -> str:
        """Return the advice for a saved token and a project that exists, once per project."""
        url = self.store.repository.url
        if checked.credential.keyring_user is None or self.cache.read().is_advised(url, project):
            return ""
        try:
            self.cache.update(lambda contents: contents.with_advice(url, project))
        except SourceUnavailableError:
            return ""
        return (
            f"A token for {project} alone is safer than your account token. Create one at {self._page(project)} and run: "
            f"`{self._login(project)}`"
        )

    def _is_for_account(self, checked: CheckedCredential) -> bool:
        token = checked.token
        return token is not None and token.kind is Kind.ACCOUNT and self.store.repository.site is not None

    def _page(self, project: str) -> str:
        return f"{self.store.repository.token_page}?selected_project={project}"

    def _how_to_use(self, checked: CheckedCredential, project: str) -> str:
        """Return how to use the new token: where the old one comes from, that one would win over a saved token."""
        credential = checked.credential
        if not credential.is_replaceable:
            return f"{credential.how_to_replace}. In CI, update the secret that the job gets it from."
        if self.store.is_available:
            return f"save it with: `{self._login(project)}`"
        return "paste it when the next run prompts."

    def _login(self, project: str) -> str:
        return command("login", *self.store.arguments(project_entry_user(project)))


def trusted_publishing_advice(
    checked: CheckedCredential, project: str, repository: Repository, environment: Mapping[str, str]
) -> str:
    """Return the advice for a GitHub Actions job that used a stored token and needs none; empty elsewhere."""
    values = publishers.of_environment(environment)
    is_possible = repository.site is not None and repository.trusted_publishing != "never" and bool(values)
    if checked.credential.minted or not is_possible:
        return ""
    link = publishers.configuration_link(values, project, repository)
    return f"With Trusted Publishing, this job needs no stored token: {link}"
