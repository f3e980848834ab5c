"""One attempt to upload a file, and the response to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hatch_tokenindex import urls
from hatch_tokenindex.text import command_line

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.credentials.credential import Credential
    from hatch_tokenindex.credentials.narrowing import Authorization
    from hatch_tokenindex.distributions import Distribution


@dataclass(frozen=True)
class Upload:
    """A file to upload, and everything that is known about it before the first attempt."""

    distribution: Distribution
    authorize: Callable[[], Authorization | None]
    """Returns the authorization for an attempt that begins now: narrowed and minted tokens live for minutes."""
    prompts_on_refusal: bool = False
    """The user is prompted for another credential if the index refuses this one."""
    is_quarantined: bool = False
    """The index says that the project is quarantined (PEP 792)."""
    attestations: str | None = None
    """A JSON array of attestations (PEP 740)."""
    creates_project: bool = False
    """The index doesn't have the project yet."""


@dataclass(frozen=True)
class Attempt:
    """One request: the upload, where it goes, and with which authorization (None: without).

    `proxy` is the name of the setting that gives the proxy for the upload URL, None without a proxy.
    """

    upload: Upload
    repository: Repository
    authorization: Authorization | None
    proxy: str | None = None

    @property
    def credential(self) -> Credential | None:
        """The credential that was sent, as it was found."""
        return None if self.authorization is None else self.authorization.credential

    @property
    def kind_of_secret(self) -> str:
        """The word for the secret: `token` or `password`."""
        return "password" if self.credential is None else self.credential.noun

    @property
    def is_narrowed(self) -> bool:
        """Return True if the token was restricted on this machine before it was sent."""
        return self.authorization is not None and self.authorization.is_narrowed

    @property
    def url(self) -> str:
        """The upload URL."""
        return self.repository.url

    @property
    def host(self) -> str:
        """Host and port of the upload URL."""
        return urlsplit(self.url).netloc

    @property
    def index_name(self) -> str:
        """The name of the index as users know it."""
        return urls.index_name(self.url, self.host)

    @property
    def command(self) -> str:
        """The command that publishes to the same repository."""
        return command_line("hatch", "publish", "-p", "tokenindex", "-r", self.repository.name)


@dataclass(frozen=True)
class Response:
    """The response to an attempt. `reason` is the reason phrase, empty on HTTP/2; `url` is where it came from."""

    status: int
    reason: str = field(repr=False)
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    url: str

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; empty if the response has none."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()
