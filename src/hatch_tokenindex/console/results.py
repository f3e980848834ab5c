"""The result of each file of a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    """One file; `sha256` (hex) is known once it was needed, `error` is the text to show."""

    distribution: Distribution
    outcome: Outcome
    sha256: str | None = None
    error: str | None = None
    log_index: int | None = None
    """Index of the entry of its attestation in Sigstore's transparency log, if the run made one."""
    log_url: str | None = None
