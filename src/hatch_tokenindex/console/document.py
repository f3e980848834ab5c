"""The result of each file of a run, and of the run as one JSON document (`-o json`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from hatch_tokenindex.errors import TokenIndexError, UploadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hatch_tokenindex.attesting.attestor import MadeAttestation
    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.credential import Credential
    from hatch_tokenindex.distributions import Distribution


class Outcome(Enum):
    """The result of a file, as the JSON document has it."""

    UPLOADED = "uploaded"
    EXISTS = "exists"
    FAILED = "failed"
    NOT_TRIED = "not tried"
    WOULD_UPLOAD = "would upload"


@dataclass(frozen=True)
class FileResult:
    """One file; `page` is the URL of its release, `sha256` (hex) is known once it was needed, `error` is the text to show."""

    distribution: Distribution
    page: str
    outcome: Outcome = Outcome.NOT_TRIED
    sha256: str | None = None
    error: str | None = None
    possibly_uploaded: bool = False
    attestation: MadeAttestation | None = None
    """The attestation that the run made."""


def as_text(
    repository: Repository | None,
    projects: Sequence[Mapping[str, Any]],
    warnings: Sequence[str],
    error: BaseException | None,
) -> str:
    """Return the document; `projects` come from `project_entries`, or from an explanation."""
    data = {
        "ok": error is None,
        "repository": None if repository is None else {"name": repository.name, "url": repository.url},
        "projects": list(projects),
        "warnings": list(warnings),
        "error": None if error is None else _error(error),
    }
    # In GitHub Actions, `##[` anywhere would be a command.
    return json.dumps(data, indent=2).replace("##[", "\\u0023#[")


def project_entries(results: Iterable[FileResult], credentials: Mapping[str, Credential]) -> list[dict[str, Any]]:
    """Return one entry for each name and version; `credentials` are by project."""
    entries = []
    ordered = sorted(results, key=lambda result: (result.distribution.name, Version(result.distribution.version)))
    for (name, version), group in groupby(
        ordered, key=lambda item: (item.distribution.name, item.distribution.version)
    ):
        files, credential = list(group), credentials.get(name)
        entries.append(
            {
                "name": name,
                "version": version,
                "url": files[0].page,
                "credential": credential and {"user": credential.shown_user or None, "source": credential.origin},
                "files": [_file(result) for result in files],
            }
        )
    return entries


def _file(result: FileResult) -> dict[str, Any]:
    made = result.attestation
    return {
        "filename": result.distribution.filename,
        "size": result.distribution.size,
        "sha256": result.sha256,
        "outcome": result.outcome.value,
        "error": result.error,
        "attestation": made and {"log_index": made.log_index, "log_url": made.log_url},
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
