"""`-o json`: the result of a run as one JSON document."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from hatch_tokenindex.errors import TokenIndexError, UploadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.console.results import FileResult
    from hatch_tokenindex.credentials.credential import Credential


def build(
    repository: Repository | None,
    projects: Sequence[Mapping[str, Any]],
    warnings: Sequence[str],
    error: BaseException | None,
) -> dict[str, Any]:
    """Return the document; `projects` come from `project_entries`, or from an explanation."""
    return {
        "ok": error is None,
        "repository": None if repository is None else {"name": repository.name, "url": repository.url},
        "projects": list(projects),
        "warnings": list(warnings),
        "error": None if error is None else _error(error),
    }


def as_text(data: dict[str, Any]) -> str:
    """Return the document as it is printed: in GitHub Actions, `##[` anywhere would be a command."""
    return json.dumps(data, indent=2).replace("##[", "\\u0023#[")


def project_entries(
    results: Iterable[FileResult],
    release_page: Callable[[str, str], str] | None,
    credentials: Mapping[str, Credential],
) -> list[dict[str, Any]]:
    """Return one entry for each name and version; `credentials` are by project."""
    entries = []
    ordered = sorted(results, key=lambda result: (result.distribution.name, Version(result.distribution.version)))
    for (name, version), group in groupby(
        ordered, key=lambda item: (item.distribution.name, item.distribution.version)
    ):
        credential = credentials.get(name)
        entries.append(
            {
                "name": name,
                "version": version,
                "url": None if release_page is None else release_page(name, version),
                "credential": credential and {"user": credential.shown_user or None, "source": credential.origin},
                "files": [_file(result) for result in group],
            }
        )
    return entries


def _file(result: FileResult) -> dict[str, Any]:
    return {
        "filename": result.distribution.filename,
        "size": result.distribution.size,
        "sha256": result.sha256,
        "outcome": result.outcome.value,
        "error": result.error,
        "attestation": None if result.log_index is None else {"log_index": result.log_index, "log_url": result.log_url},
    }


def summary_of(error: BaseException) -> str:
    """Return the text of an exception that may be shown: one that isn't ours could quote a secret."""
    return str(error) if isinstance(error, TokenIndexError) else f"The run was ended by {type(error).__name__}."


def _error(error: BaseException) -> dict[str, Any]:
    refusal = error.refusal if isinstance(error, UploadError) else None
    return {
        "summary": summary_of(error),
        "index_said": "\n".join(refusal.said) if refusal else None,
        "next_step": refusal.next_step if refusal else None,
    }
