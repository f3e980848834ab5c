"""Attempts and responses for the tests of refusals, from the facts that matter to each."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from hatch_tokenindex import urls
from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.authorization import Authorization
from hatch_tokenindex.credentials.credential import Credential
from hatch_tokenindex.distributions import Distribution
from hatch_tokenindex.index.attempt import Attempt, Upload
from hatch_tokenindex.index.refusals import Response
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_SDIST = Distribution(
    Path("demo_project-1.0.tar.gz"), "demo_project-1.0.tar.gz", 1000, "sdist", "Demo.Project", "1.0", ()
)
_CREDENTIAL = Credential("__token__", Secret("s3cret-of-the-builders"), "HATCH_INDEX_AUTH")
_AUTHORIZATION = Authorization(_CREDENTIAL, _CREDENTIAL.secret, Secret("Basic of the builders"))
_ATTEMPT = Attempt(Upload(_SDIST, lambda: _AUTHORIZATION), Repository("main", urls.PYPI), _AUTHORIZATION)


def attempt(base: Attempt = _ATTEMPT, *, narrowed: bool | None = None, **facts: Any) -> Attempt:
    """Return an attempt with other facts than `base`, by the fields of whatever part of it they belong to.

    Without `base`, an sdist of Demo.Project 1.0 is uploaded to PyPI with an API token from HATCH_INDEX_AUTH.
    """
    authorization = base.authorization or _AUTHORIZATION
    credential = _with(authorization.credential, facts)
    if narrowed is not None:
        sent = Secret("s3cret-narrowed") if narrowed else credential.secret
        authorization = replace(authorization, sent=sent)
    upload = _with(replace(base.upload, distribution=_with(base.upload.distribution, facts)), facts)
    repository = _with(base.repository, facts)
    assert not facts, facts
    return Attempt(upload, repository, replace(authorization, credential=credential))


def _with(part: Any, facts: dict[str, Any]) -> Any:
    names = {field.name for field in fields(part)} & facts.keys()
    return replace(part, **{name: facts.pop(name) for name in names})


def response(
    status: int, reason: str = "", headers: Mapping[str, str] | None = None, body: bytes = b"", url: str = urls.PYPI
) -> Response:
    """Return a response to an upload."""
    return Response(status, reason, httpx.Headers(headers or {}, encoding="latin-1"), body, url)
