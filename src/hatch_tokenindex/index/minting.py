"""The index's side of Trusted Publishing: its audience, and API tokens minted for an identity and made worthless again.

https://docs.pypi.org/trusted-publishers/internals/
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from hatch_tokenindex import urls
from hatch_tokenindex.errors import MintingError, SourceUnavailableError
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.tokens import Redactor, Secret

if TYPE_CHECKING:
    import httpx

    from hatch_tokenindex.repositories import Repository

TIME_LIMIT = 30
"""Seconds for each answer."""
BURN_TIME_LIMIT = 2
"""Seconds that making a token worthless may take; it expires anyway."""
ANSWER_LIMIT = 2**16
"""Bytes that are read of an answer."""
_OK = 200


@dataclass(frozen=True)
class Minted:
    """An API token that the index made for an identity; `expires` is in unix seconds, `None` if the index didn't say."""

    token: Secret
    expires: int | None


@dataclass(frozen=True)
class Mint:
    """Talks to the endpoints on the upload URL's own host, where PyPI and look-alikes have them."""

    repository: Repository

    def audience(self) -> str:
        """For whom an identity token has to be made out.

        Raises `SourceUnavailableError` if the index doesn't offer Trusted Publishing, or can't be asked.
        """
        if urls.is_disclosing(self.repository.url):
            msg = "an identity is never sent over plain http"
            raise SourceUnavailableError(msg)
        status, data = self._ask("GET", "audience")
        audience = data.get("audience")
        if status != _OK or not isinstance(audience, str) or not audience:
            said = f": {data['message']}" if isinstance(data.get("message"), str) else ""
            msg = f"the index offers no Trusted Publishing (status {status}{said})"
            raise SourceUnavailableError(msg)
        return audience

    def mint(self, identity: Secret) -> Minted:
        """An API token for an identity token, which is used up by that.

        Raises `MintingError` with the index's code and description, `SourceUnavailableError` if no answer came.
        """
        status, data = self._ask("POST", "mint-token", identity)
        token, expires = data.get("token"), data.get("expires")
        if status == _OK and isinstance(token, str) and token:
            return Minted(Secret(token), expires if isinstance(expires, int) else None)
        errors = [error for error in _list(data.get("errors")) if isinstance(error, dict)]
        code = str(errors[0].get("code", "")) if errors else ""
        said = [str(error.get("description", "")) for error in errors] or [
            str(data.get("message") or f"status {status}")
        ]
        redact = Redactor((("", identity),)).redact
        raise MintingError(redact(code), redact(" ".join(said))[:500])

    def burn(self, token: Secret) -> None:
        """Make a minted token worthless at once, where the index can do that; never raises."""
        with suppress(SourceUnavailableError):
            self._ask("POST", "burn-token", token, time_limit=BURN_TIME_LIMIT)

    @cached_property
    def _client(self) -> httpx.Client:
        return connect(self.repository)

    def _ask(
        self, method: str, endpoint: str, token: Secret | None = None, time_limit: float = TIME_LIMIT
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON of an answer; what is no JSON object is an empty one."""
        import httpx

        url = urljoin(self.repository.url, f"/_/oidc/{endpoint}")
        body = None if token is None else {"token": token.reveal()}
        try:
            with self._client.stream(method, url, json=body, timeout=time_limit) as response:
                content = bytearray()
                for block in response.iter_bytes():
                    content += block
                    if len(content) > ANSWER_LIMIT:
                        break
                return response.status_code, _object(bytes(content))
        except httpx.HTTPError as error:
            msg = f"{url} could not be reached ({type(error).__name__})"
            raise SourceUnavailableError(msg) from None


def _object(content: bytes) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
