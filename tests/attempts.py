"""Attempts to upload, from the few facts about them that a test names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.credential import Credential, basic
from hatch_tokenindex.credentials.narrowing import Authorization
from hatch_tokenindex.distributions import Distribution
from hatch_tokenindex.index import refusals
from hatch_tokenindex.index.refusals import Attempt, ConnectionFailure, Redact, Refusal, Response, Upload
from hatch_tokenindex.secrets import Secret

SECRET = Secret("a-pass-word-of-attempts")


@dataclass(frozen=True)
class Facts:
    """The facts of one attempt. Without `source`, no credential is sent."""

    project: str = "Demo.Project"
    version: str = "1.0"
    filename: str = "demo_project-1.0.tar.gz"
    repository: str = "main"
    url: str = "https://upload.pypi.org/legacy/"
    user: str = "__token__"
    source: str = "HATCH_INDEX_AUTH"
    typed: bool = False
    minted: bool = False
    publisher: str = ""
    narrowed: bool = False
    prompts: bool = False
    quarantined: bool = False
    creates_project: bool = False

    @property
    def host(self) -> str:
        """Host and port of the upload URL."""
        return self.attempt.host

    @property
    def attempt(self) -> Attempt:
        """The attempt."""
        path = Path(self.filename)
        item = Distribution(path, self.filename, 1000, "sdist", self.project, self.version, ())
        upload = Upload(item, self._authorization, self.prompts, self.quarantined, creates_project=self.creates_project)
        authorization = self._authorization() if self.source else None
        return Attempt(upload, Repository(self.repository, self.url), authorization)

    def _authorization(self) -> Authorization:
        credential = Credential(
            self.user, SECRET, self.source, typed=self.typed, minted=self.minted, publisher=self.publisher
        )
        sent = Secret("narrowed-pass-word") if self.narrowed else SECRET
        return Authorization(credential, sent, Secret(f"Basic {basic(credential).reveal()}"))


def response(
    status: int, reason: str = "", headers: dict[str, str] | None = None, body: bytes = b"", url: str = Facts.url
) -> Response:
    """Return the response of an index."""
    raw = [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in (headers or {}).items()]
    return Response(status, reason, httpx.Headers(raw), body, url)


def refusal(answer: Response, facts: Facts, redact: Redact) -> Refusal:
    """Return what a response to such an attempt means."""
    return refusals.refusal(answer, facts.attempt, redact)


def unreachable(kind: ConnectionFailure, detail: str, facts: Facts, redact: Redact) -> Refusal:
    """Return what it means that such an attempt got no response."""
    return refusals.unreachable(kind, detail, facts.attempt, redact)
