"""The index's side of Trusted Publishing: its audience, and API tokens minted for an identity and made worthless again.

https://docs.pypi.org/trusted-publishers/internals/
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from hatch_tokenindex.errors import MintingError, SourceUnavailableError, TokenIndexError
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.secrets import MASK, Redactor, Secret
from hatch_tokenindex.text import one_line, shortened
from hatch_tokenindex.tokens import Minted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.index.clock import Clock

TIME_LIMIT = 30
"""Seconds for each answer."""
BURN_TIME_LIMIT = 1.5
"""Seconds that making tokens worthless may take in all; they expire anyway."""
ANSWER_LIMIT = 2**16
"""Bytes that are read of an answer."""
_OK = 200
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_TOKEN = re.compile(r"[!-~]+")
_PIECE = 8
"""Characters of an identity token that stand in a text by no chance."""


@dataclass(frozen=True)
class Mint:
    """Talks to the endpoints on the upload URL's own host, where PyPI and look-alikes have them."""

    repository: Repository
    clock: Clock

    def audience(self) -> str:
        """For whom an identity token has to be made out.

        Raises `SourceUnavailableError` if the index doesn't offer Trusted Publishing, or can't be asked.
        """
        status, data = self._ask("GET", "audience")
        audience = data.get("audience")
        if status != _OK or not isinstance(audience, str) or not audience:
            said = f": {shortened(one_line(data['message']))}" if isinstance(data.get("message"), str) else ""
            msg = f"the index offers no Trusted Publishing (status {status}{said})"
            raise SourceUnavailableError(msg)
        return audience

    def mint(self, identity: Secret) -> Minted:
        """An API token for an identity token, which is used up by that.

        Raises `MintingError` with the index's code and description, `SourceUnavailableError` if no answer came, or one
        that may be another the next time.
        """
        status, data = self._ask("POST", "mint-token", identity)
        token, expires = data.get("token"), data.get("expires")
        if status == _OK and isinstance(token, str) and _TOKEN.fullmatch(token):
            return Minted(Secret(token), expires if type(expires) is int else None)
        if status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
            msg = f"the index minted no token (status {status})"
            raise SourceUnavailableError(msg)
        errors = [error for error in _list(data.get("errors")) if isinstance(error, dict)]
        code = errors[0].get("code", "") if errors else ""
        said = [error.get("description") for error in errors] or [data.get("message")]
        description = " ".join(str(text) for text in said if text) or f"status {status}"
        raise MintingError(_shown(code, identity), _shown(description, identity))

    def burn(self, tokens: Iterable[Secret]) -> None:
        """Make minted tokens worthless at once, where the index can do that.

        Never raises, and takes `BURN_TIME_LIMIT` at most: what hasn't been answered by then is left behind.
        """
        threads = [Thread(target=self._burn, args=(token,), name="burn", daemon=True) for token in tokens]
        deadline = monotonic() + BURN_TIME_LIMIT
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0, deadline - monotonic()))

    def _burn(self, token: Secret) -> None:
        with suppress(TokenIndexError):
            self._ask("POST", "burn-token", token)

    def _ask(self, method: str, endpoint: str, token: Secret | None = None) -> tuple[int, dict[str, Any]]:
        """Status and JSON of an answer; what is no JSON object is an empty one."""
        import httpx

        url = urljoin(self.repository.url, f"/_/oidc/{endpoint}")
        body = None if token is None else {"token": token.reveal()}
        time_limit = min(TIME_LIMIT, self.repository.timeout)
        deadline, content = monotonic() + time_limit, bytearray()
        try:
            with (
                connect(self.repository) as client,
                client.stream(method, url, json=body, timeout=time_limit) as response,
            ):
                self.clock.correct(response.headers)
                for block in response.iter_bytes():
                    content += block
                    if len(content) > ANSWER_LIMIT or monotonic() > deadline:
                        break
                return response.status_code, _object(bytes(content))
        except (httpx.HTTPError, UnicodeError) as error:
            msg = f"{url} could not be reached ({type(error).__name__})"
            raise SourceUnavailableError(msg) from None


def _shown(text: object, identity: Secret) -> str:
    """What the index says, on one line, with nothing of the identity token: its validator quotes it in pieces."""
    whole = Redactor((("", identity),)).redact(one_line(str(text))[:ANSWER_LIMIT])
    pieces: list[str] = []
    end = 0
    for start in range(len(whole) - _PIECE + 1):
        if whole[start : start + _PIECE] in identity.reveal():
            if start > end or not pieces:
                pieces += [whole[end:start], MASK]
            end = start + _PIECE
    return shortened("".join([*pieces, whole[end:]]))


def _object(content: bytes) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
