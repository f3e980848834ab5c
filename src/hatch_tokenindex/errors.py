"""The exception tree: every exception that leaves a package is one of these, and its text is shown to the user."""

from __future__ import annotations


class TokenIndexError(Exception):
    """The base of all. Its text is complete: a headline, details, and a line that begins with `Fix: `; never a secret."""


class ConfigurationError(TokenIndexError):
    """A flag, an environment variable, a configuration table or `~/.pypirc` is invalid."""


class DistributionError(TokenIndexError):
    """One or several files can't be published; the text groups the problems by file."""


class MalformedTokenError(TokenIndexError):
    """A secret can't be parsed as an API token of PyPI. The text never quotes it."""


class CredentialError(TokenIndexError):
    """A credential must not or can't be used; nothing is uploaded with it."""


class UnfitTokenError(CredentialError):
    """An API token is restricted to another index, other projects, or another time."""


class SourceUnavailableError(TokenIndexError):
    """A source of credentials can't be read, or its value is for another use; the search continues."""


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
    """The files are uploaded, but the index doesn't list them in time."""


class MintingError(TokenIndexError):
    """The index issued no API token for an identity; `code` is its error code, and the text its description."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class AttestationError(TokenIndexError):
    """An attestation could not be made or does not verify; the first line names the service of Sigstore that failed."""
