"""The index's endpoints for Trusted Publishing: its audience, and minting and burning API tokens.

https://docs.pypi.org/trusted-publishers/internals/
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from hatch_tokenindex.errors import MintingError, SourceUnavailableError, TokenIndexError
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.index.responses import read_body, time_limit
from hatch_tokenindex.secrets import MASK, REDACTOR, Secret
from hatch_tokenindex.text import END_OF_TIME, one_line, shortened
from hatch_tokenindex.tokens import Minted

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.index.clock import Clock

TIME_LIMIT = 30
"""Seconds for each request."""
BURN_TIME_LIMIT = 1.5
"""Seconds for burning all tokens; they expire anyway."""
SIZE_LIMIT = 2**16
"""Bytes of a response."""
_TOKEN = re.compile(r"[!-~]+")
_PIECE = 8
"""Characters of an identity token that no text contains by chance."""


@dataclass(frozen=True)
class TokenMinter:
    """Mints and burns tokens at the endpoints on the upload URL's own host."""

    repository: Repository
    clock: Clock

    def audience(self) -> str:
        """Return the audience that the index requires of an identity token.

        Raises:
            SourceUnavailableError: The index does not support Trusted Publishing, or could not be reached.
        """
        status, data = self._request("GET", "audience")
        audience = data.get("audience")
        if status != HTTPStatus.OK or not isinstance(audience, str) or not audience:
            said = (
                f": {shortened(REDACTOR.redact(one_line(data['message'])))}"
                if isinstance(data.get("message"), str)
                else ""
            )
            msg = f"the index does not support Trusted Publishing (HTTP {status}{said})"
            raise SourceUnavailableError(msg)
        return audience

    def mint(self, identity: Secret) -> Minted:
        """Exchange an identity token, which can be used only once, for an API token.

        Raises:
            MintingError: The index refused, with its code and description.
            SourceUnavailableError: The index could not be reached or failed; another attempt may succeed.
        """
        status, data = self._request("POST", "mint-token", identity)
        token, expires = data.get("token"), data.get("expires")
        if status == HTTPStatus.OK and isinstance(token, str) and _TOKEN.fullmatch(token):
            # JSON has no largest number, and Python can't calculate a time with every `int`.
            is_time = type(expires) is int and 0 < expires < END_OF_TIME
            return Minted(Secret(token), expires if is_time else None)
        errors = data.get("errors")
        errors = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
        texts = [error.get("description") for error in errors] or [data.get("message")]
        description = " ".join(str(text) for text in texts if text)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            said = f": {_shown(description, identity)}" if description else ""
            msg = f"the index failed to issue a token (HTTP {status}{said})"
            raise SourceUnavailableError(msg)
        code = errors[0].get("code", "") if errors else ""
        raise MintingError(_shown(code, identity), _shown(description or f"HTTP {status}", identity))

    def burn(self, tokens: Iterable[Secret]) -> None:
        """Invalidate minted tokens, if the index supports that.

        Never raises. Returns after `BURN_TIME_LIMIT`, even if requests are still running then.
        """
        threads = [Thread(target=self._burn, args=(token,), name="burn", daemon=True) for token in tokens]
        deadline = monotonic() + BURN_TIME_LIMIT
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0, deadline - monotonic()))

    def _burn(self, token: Secret) -> None:
        with suppress(TokenIndexError):
            self._request("POST", "burn-token", token)

    def _request(self, method: str, endpoint: str, token: Secret | None = None) -> tuple[int, dict[str, Any]]:
        """Return a response's status and JSON object, which is empty if the body is anything else."""
        import httpx

        url = urljoin(self.repository.url, f"/_/oidc/{endpoint}")
        body = None if token is None else {"token": token.reveal()}
        seconds = min(TIME_LIMIT, self.repository.timeout)
        try:
            with (
                connect(self.repository) as client,
                time_limit(seconds),
                client.stream(method, url, json=body, timeout=seconds) as response,
            ):
                self.clock.correct(response.headers)
                return response.status_code, _object(response)
        except httpx.HTTPError as error:
            msg = f"{url} could not be reached ({type(error).__name__})"
            raise SourceUnavailableError(msg) from None


def _shown(text: object, identity: Secret) -> str:
    """Return the index's text on one line, with every piece of the identity token masked: PyPI's validator quotes it."""
    whole = REDACTOR.redact(one_line(str(text))[:SIZE_LIMIT])
    pieces: list[str] = []
    end = 0
    for start in range(len(whole) - _PIECE + 1):
        if whole[start : start + _PIECE] in identity.reveal():
            if start > end or not pieces:
                pieces += [whole[end:start], MASK]
            end = start + _PIECE
    return shortened("".join([*pieces, whole[end:]]))


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        data = json.loads(read_body(response, limit=SIZE_LIMIT))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
