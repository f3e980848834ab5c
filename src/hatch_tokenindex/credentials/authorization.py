"""Authorization: a credential in the form in which one attempt sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hatch_tokenindex.credentials.credential import Credential
    from hatch_tokenindex.secrets import Secret


@dataclass(frozen=True)
class Authorization:
    """A credential in the form in which one attempt sends it."""

    credential: Credential
    """The credential as it was checked, never narrowed."""
    sent: Secret
    """The secret that is sent: the credential's own, or its narrowed form."""
    header: Secret
    """The value of the `Authorization` header."""

    @property
    def is_narrowed(self) -> bool:
        """Return True if the token was restricted on this machine."""
        return self.sent != self.credential.secret
