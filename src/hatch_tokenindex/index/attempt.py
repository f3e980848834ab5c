"""Upload and Attempt: one file to upload, and one attempt to do so with a repository and an authorization."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hatch_tokenindex import urls
from hatch_tokenindex.text import command_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.authorization import Authorization
    from hatch_tokenindex.credentials.credential import Credential
    from hatch_tokenindex.distributions import Distribution


@dataclass(frozen=True)
class Upload:
    """A distribution to upload, and everything that goes with it."""

    distribution: Distribution
    authorize: Callable[[], Authorization]
    """Returns the authorization for an attempt that starts now: narrowed and minted tokens expire within minutes."""
    project_status: str | None = None
    """The project's status marker (PEP 792), if the index gave one."""
    creates_project: bool = False
    """The index doesn't have the project yet."""
    prompts_on_refusal: bool = False
    """The user is prompted for another credential if this one is refused."""
    attestations: str | None = None
    """A JSON array of attestations (PEP 740)."""


@dataclass(frozen=True)
class Attempt:
    """One attempt to upload a file."""

    upload: Upload
    repository: Repository
    authorization: Authorization | None

    @property
    def credential(self) -> Credential | None:
        """The credential that was sent, in its original form; None if there was none."""
        return None if self.authorization is None else self.authorization.credential

    @property
    def is_narrowed(self) -> bool:
        """Return True if the token was restricted on this machine."""
        return self.authorization is not None and self.authorization.is_narrowed

    @property
    def host(self) -> str:
        """Host and port of the upload URL."""
        return urlsplit(self.repository.url).netloc

    @property
    def index_name(self) -> str:
        """`PyPI`, `TestPyPI`, or the host."""
        return urls.index_name(self.repository.url, self.host)

    @property
    def web_url(self) -> str:
        """The index's web site, without a trailing slash: `https://pypi.org`."""
        if site := self.repository.site:
            return f"https://{site}"
        return f"{urlsplit(self.repository.url).scheme}://{self.host.removeprefix('upload.')}"

    @property
    def command(self) -> str:
        """The command that publishes to the same repository."""
        return command_line("hatch", "publish", "-p", "tokenindex", "-r", self.repository.name)


class Arrival(IntEnum):
    """The likelihood that a file is on the index, although no response confirmed it."""

    IMPOSSIBLE = 0
    """Every attempt was rejected, or didn't reach the index."""
    UNLIKELY = 1
    """A server error, which a gateway may report although the index behind it accepted the file."""
    POSSIBLE = 2
    """The file was sent, and no response came back."""
