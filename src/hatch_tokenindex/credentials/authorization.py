"""What lets one request in: its `Authorization` header, and what may be told about the credential in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hatch_tokenindex.secrets import Secret


@dataclass(frozen=True)
class Authorization:
    """A credential as one attempt sends it.

    `header` is the value of `Authorization`. `source` tells where the secret comes from. `secrets` are all secrets in it,
    each with its user name: whatever an answer repeats of them is masked. `asked_again` tells that it was typed or
    remembered, so that a run at a terminal asks for another one. `narrowed` marks a token that was restricted on this
    machine, `minted` one of Trusted Publishing; `publisher` is then what fits its job, in the query of PyPI's form.
    """

    user: str
    source: str
    header: Secret
    secrets: tuple[tuple[str, Secret], ...]
    asked_again: bool = False
    narrowed: bool = False
    minted: bool = False
    publisher: str = ""
