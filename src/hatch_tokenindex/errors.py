"""The exception tree: every exception that leaves a room is one of these, and its text is for the person at the terminal."""

from __future__ import annotations


class TokenIndexError(Exception):
    """Something stops the run. `str()` of it is complete: what was seen, and what to do about it; never a secret."""


class ConfigurationError(TokenIndexError):
    """A flag, a variable, a configuration table or a `.pypirc` can't be used as it is."""


class DistributionError(TokenIndexError):
    """One or several files can't be published as they are; the text groups the problems by file."""


class MalformedTokenError(TokenIndexError):
    """A secret is not a PyPI-shaped API token that can be read. The text never quotes it."""


class CredentialError(TokenIndexError):
    """The credential in question must not or can't be used: the run stops before anything is uploaded."""


class UnfitTokenError(CredentialError):
    """An API token says of itself that it is for another index, for other projects, or for another time."""


class SourceUnavailableError(TokenIndexError):
    """A place where a credential may lie can't be asked, or what lies there is not for this use: the search goes on."""


class UploadError(TokenIndexError):
    """An upload did not happen: the index refused it, or could not be reached.

    `said` and `next_step` are the parts of the text that stand on their own; `about_credential` tells that another
    credential may be taken, `worthless` that this one is good for nothing any more, `unsure` that the file may have arrived
    all the same.
    """

    def __init__(
        self,
        text: str,
        *,
        said: tuple[str, ...] = (),
        next_step: str | None = None,
        about_credential: bool = False,
        worthless: bool = False,
        unsure: bool = False,
    ) -> None:
        super().__init__(text)
        self.said = said
        self.next_step = next_step
        self.about_credential = about_credential
        self.worthless = worthless
        self.unsure = unsure


class NotListedError(TokenIndexError):
    """The files are uploaded, but the index does not list them within the time that was given."""


class MintingError(TokenIndexError):
    """The index made no API token for an identity; `code` is its own word for why, and the text is its description."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
