"""The exception tree: every exception that leaves a package is one of these, and its text is shown to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hatch_tokenindex.index.refusals import Refusal


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
    """A file was not uploaded, or not as far as the index answered.

    `refusal` is the cause, None if the file itself became unreadable. `possibly_uploaded` is True if an attempt got no
    response, so that the index may have the file.
    """

    def __init__(self, text: str, refusal: Refusal | None = None, *, possibly_uploaded: bool = False) -> None:
        super().__init__(text)
        self.refusal = refusal
        self.possibly_uploaded = possibly_uploaded


class NotListedError(TokenIndexError):
    """The files are uploaded, but the index doesn't list them in time."""


class MintingError(TokenIndexError):
    """The index issued no API token for an identity; `code` is its error code, and the text its description."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class AttestationError(TokenIndexError):
    """An attestation could not be made or does not verify; the first line names the service of Sigstore that failed."""
