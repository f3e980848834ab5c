"""What was sent and what came back: all that is known of one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hatch_tokenindex import urls
from hatch_tokenindex.text import command_line

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Answer:
    """What came back. `reason` is the reason phrase, empty on HTTP/2; `url` is where the answer came from."""

    status: int
    reason: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str

    def header(self, name: str) -> str:
        """The value of a header, whatever the case of its name; empty if there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; empty if the answer doesn't say."""
        return self.header("content-type").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Attempt:
    """What was sent, as far as a text about it needs it. The secret isn't in it.

    `repository` is what `-r` takes: a configured name or a URL. `url` is the upload URL. `source` is the place that the
    secret came from (`HATCH_INDEX_AUTH`); both `user` and `source` are empty if no credential was sent. `asked_again` tells
    that the credential was typed or remembered, so that a run at a terminal asks for another one, `asked_now` that this run
    is about to; any other has to be changed at its source. `minted` marks a token of Trusted Publishing, and `publisher` is
    what fits its job, in the query of PyPI's form; `narrowed` marks one that was restricted on this machine.
    `project_status` is the index's own marker (PEP 792), if it gave one. `creates_project` tells that the index doesn't have
    the project yet.
    """

    project: str
    version: str
    filename: str
    repository: str
    url: str
    user: str = ""
    source: str = ""
    asked_again: bool = False
    asked_now: bool = False
    minted: bool = False
    publisher: str = ""
    narrowed: bool = False
    project_status: str | None = None
    creates_project: bool = False

    @property
    def host(self) -> str:
        """Host and port of the upload URL."""
        return urlsplit(self.url).netloc

    @property
    def site(self) -> str:
        """The web site that belongs to the upload URL, without a slash at the end: `https://pypi.org`."""
        if known := urls.site(self.url):
            return f"https://{known}"
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.removeprefix('upload.')}"

    @property
    def index(self) -> str:
        """The name of the index as people know it."""
        return urls.index_name(self.url, self.host)

    @property
    def command(self) -> str:
        """The command that publishes to the same repository."""
        return command_line("hatch", "publish", "-p", "tokenindex", "-r", self.repository)
