"""Advice after an upload: from a token for the entire account to one for the project, or to Trusted Publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex.credentials.credential import project_entry_user
from hatch_tokenindex.credentials.sources import publishers
from hatch_tokenindex.credentials.store import CredentialStore, command
from hatch_tokenindex.errors import SourceUnavailableError
from hatch_tokenindex.tokens import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hatch_tokenindex.credentials.checks import CheckedCredential


def advice(
    checked: CheckedCredential,
    project: str,
    store: CredentialStore,
    environment: Mapping[str, str],
    *,
    is_first_release: bool,
) -> Iterator[str]:
    """Yield the advice after `project` was published with this credential to PyPI or TestPyPI."""
    repository = store.repository
    if repository.site is None:
        return
    if checked.token is not None and checked.token.kind is Kind.ACCOUNT:
        yield from _project_token(checked, project, store, is_first_release=is_first_release)
    values = publishers.of_environment(environment)
    if values and not checked.credential.minted and repository.trusted_publishing != "never":
        link = publishers.configuration_link(values, project, repository)
        yield f"With Trusted Publishing, this job needs no stored token: {link}"


def _project_token(
    checked: CheckedCredential, project: str, store: CredentialStore, *, is_first_release: bool
) -> Iterator[str]:
    """Yield how to replace a token for the account: always for a new project, else once if it was saved."""
    credential, url = checked.credential, store.repository.url
    page = f"{store.repository.token_page}?selected_project={project}"
    login = command("login", *store.arguments(project_entry_user(project)))
    if is_first_release:
        how = "paste it when the next run prompts."
        if not credential.is_replaceable:
            # Where the old one comes from, that one would win over a saved token.
            how = f"{credential.how_to_replace}. In CI, update the secret that the job gets it from."
        elif store.is_available:
            how = f"save it with: `{login}`"
        yield (
            f"{project} is new. Your token can upload to every project of the account; create one for {project} alone at "
            f"{page} and {how}"
        )
    elif credential.keyring_user is not None and not store.cache.read().is_advised(url, project):
        try:
            store.cache.update(lambda contents: contents.with_advice(url, project))
        except SourceUnavailableError:
            return
        yield (f"A token for {project} alone is safer than your account token. Create one at {page} and run: `{login}`")
