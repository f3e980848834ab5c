"""Files are attested in the run that publishes them, and go without only where that is allowed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attestors import verified

if TYPE_CHECKING:
    from ci_job import Job
    from servers import Request
    from servers.sigstore import Sigstore


def attested(request: Request, sigstore: Sigstore) -> tuple[str, dict[int, str]]:
    (text,) = request.values("attestations")
    (attestation,) = json.loads(text)
    statement, claims = verified(json.dumps(attestation), sigstore)
    (subject,) = statement["subject"]
    assert subject == {"name": request.file.filename, "digest": {"sha256": request.file.sha256}}
    return statement["predicateType"], claims


def test_a_file_is_attested(attesting_job: Job, sigstore: Sigstore) -> None:
    result = attesting_job.publish()
    assert result.returncode == 0, result.output
    (upload,) = attesting_job.at.server.uploads
    predicate, claims = attested(upload, sigstore)
    assert predicate == "https://docs.pypi.org/attestations/publish/v1"
    assert claims[12] == "https://github.com/octo-org/sample"
    assert attesting_job.github.audiences == ["pypi", "sigstore"]
