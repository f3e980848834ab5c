"""An instance of Sigstore: the public one, or that of a trust configuration (`sigstore-trust-config`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.attesting.services import Endpoint, Exchanges, shown, silence_libraries
from hatch_tokenindex.errors import ConfigurationError, TokenIndexError
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from pathlib import Path

    from sigstore.models import ClientTrustConfig, TrustedRoot
    from sigstore.sign import SigningContext

_PUBLIC_LOG = "https://rekor.sigstore.dev"
_LARGEST_FILE = 2**24
_STATUS_PAGE = "try again later; https://status.sigstore.dev shows the state of Sigstore."
_TRUST_ROOT = Endpoint("Sigstore's trust root (TUF)", "tuf-repo-cdn.sigstore.dev", _STATUS_PAGE)
_API = "/api/v1"


@dataclass(frozen=True)
class Instance:
    """A Sigstore instance that is trusted, and the services with which it signs."""

    context: SigningContext
    trusted_root: TrustedRoot
    authority: Endpoint
    log: Endpoint
    log_url: str

    def entry_url(self, index: int) -> str:
        """Return the address that shows the log's entry with an index."""
        if self.log_url == _PUBLIC_LOG:
            return f"https://search.sigstore.dev/?logIndex={index}"
        return f"{self.log_url}{_API}/log/entries?logIndex={index}"


def load(trust_config: Path | None, exchanges: Exchanges) -> Instance:
    """Return the instance of a trust configuration, or the public one, whose trust root is updated (TUF).

    Raises:
        AttestationError: The trust root can't be updated.
        ConfigurationError: The file can't be used.
    """
    from sigstore.sign import SigningContext

    config = _config(trust_config, exchanges)
    # PEP 740 has no field for the timestamps that entries of Rekor v2 need; pypi-attestations does the same.
    config.force_tlog_version = 1
    try:
        signing, root = config.signing_config, config.trusted_root
        authority, logs = signing.get_fulcio(), signing.get_tlogs()
    except Exception as error:  # noqa: BLE001 - its parser lets exceptions of many libraries through
        raise _unusable(trust_config, shown(error)) from None
    # A `default` in ~/.netrc would replace the identity token, and go to Sigstore in its place.
    authority.session.auth = lambda request: request
    log_url = str(getattr(logs[0], "url", "")).removesuffix(_API)
    fulcio = _endpoint("Sigstore's certificate authority (Fulcio)", authority.url, trust_config)
    rekor = _endpoint("Sigstore's transparency log (Rekor)", log_url, trust_config)
    # The timestamps of authorities (TSA) are left out, for the same reason as above.
    context = SigningContext(fulcio=authority, rekor=logs[0], trusted_root=root)
    return Instance(context, root, fulcio, rekor, log_url)


def load_trusted_root(trust_config: Path | None, exchanges: Exchanges) -> TrustedRoot:
    """Return the keys and certificates with which attestations are verified. Raises like `load`."""
    return _config(trust_config, exchanges).trusted_root


def _config(trust_config: Path | None, exchanges: Exchanges) -> ClientTrustConfig:
    from sigstore.models import ClientTrustConfig

    silence_libraries()
    if trust_config is None:
        return exchanges.call(_TRUST_ROOT, ClientTrustConfig.production)
    try:
        with trust_config.open("rb") as file:
            content = file.read(_LARGEST_FILE)
        return ClientTrustConfig.from_json(content.decode("utf-8"))
    except OSError as error:
        msg = f"`sigstore-trust-config` can't be read: {trust_config} ({escaped_line(error.strerror or str(error))})"
        raise ConfigurationError(msg) from None
    except Exception as error:  # noqa: BLE001 - as above
        raise _unusable(trust_config, f"is not a ClientTrustConfig ({type(error).__name__})") from None


def _endpoint(name: str, url: str, trust_config: Path | None) -> Endpoint:
    if problem := urls.problem_with(url):
        raise _unusable(trust_config, f"names a service whose URL {problem}")
    if urls.is_disclosing(url):
        raise _unusable(trust_config, f"names {url}: an identity token is never sent over plain http")
    host = urls.web_origin(url)[1]
    return Endpoint(name, host, _STATUS_PAGE if trust_config is None else f"contact the administrator of {host}.")


def _unusable(trust_config: Path | None, why: str) -> TokenIndexError:
    if trust_config is None:
        return _TRUST_ROOT.failed("can't be used", why, fix="upgrade the package `sigstore`.")
    return ConfigurationError(f"`sigstore-trust-config` can't be used: {trust_config}\n  {why}")
