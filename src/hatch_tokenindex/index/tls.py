"""TLS: the certificates that are trusted, and the one that this client shows."""

from __future__ import annotations

import os
import re
import ssl
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_WITHOUT_OPENSSL = {"win32", "darwin"}
"""Platforms whose store OpenSSL doesn't know."""
_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+", re.IGNORECASE)


@cache
def tls_context(
    ca_cert: Path | None = None, client_cert: Path | None = None, client_key: Path | None = None
) -> ssl.SSLContext:
    """Return the TLS context for these files, of which each is read once a run; without `ca_cert`, the system's store counts.

    Raises:
        ConfigurationError: A file can't be used.
    """
    context = _system() if ca_cert is None else _trusting(ca_cert)
    if client_cert is not None:
        _show(context, client_cert, client_key)
    elif client_key is not None:
        msg = "`client-key` is set without `client-cert`.\nFix: set `client-cert` to the certificate of this key."
        raise ConfigurationError(msg)
    return context


def _system() -> ssl.SSLContext:
    """Return a context that trusts the system's store, or the files that SSL_CERT_FILE and SSL_CERT_DIR name."""
    if not openssl_has_store():
        return _TruststoreContext(ssl.PROTOCOL_TLS_CLIENT)
    # Not `create_default_context`, which from Python 3.13 on rejects certificates of CAs that the system trusts.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context


def openssl_has_store() -> bool:
    """Return True if OpenSSL itself finds the system's store: on Linux, unless this Python was built elsewhere."""
    if sys.platform in _WITHOUT_OPENSSL:
        return False
    paths = ssl.get_default_verify_paths()
    names = os.listdir(paths.capath) if paths.capath else []
    return bool(paths.cafile) or any(map(_HASHED_NAME.fullmatch, names))


class _TruststoreContext(ssl.SSLContext):
    """Trusts what the system trusts, with a context of truststore for each connection.

    While one connection shakes hands, truststore's context lets no other begin to: with a server that serves fewer
    connections than there are jobs, both sides would wait for the other one's next.
    """

    _client: tuple[Any, ...] = ()
    _protocols: tuple[str, ...] = ()

    def load_cert_chain(self, *files: Any, **options: Any) -> None:
        super().load_cert_chain(*files, **options)
        self._client = (*files, options["password"])

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        self._protocols = tuple(alpn_protocols)

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        return self._own().wrap_socket(*arguments, **options)

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        return self._own().wrap_bio(*arguments, **options)

    def _own(self) -> ssl.SSLContext:
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._client:
            context.load_cert_chain(*self._client)
        context.set_alpn_protocols(self._protocols)
        return context


def _trusting(ca_cert: Path) -> ssl.SSLContext:
    folder = ca_cert.is_dir()
    if not folder:
        _refuse_special(ca_cert, "`ca-cert`")
    try:
        return ssl.create_default_context(cafile=None if folder else ca_cert, capath=ca_cert if folder else None)
    except (OSError, ssl.SSLError) as error:
        msg = f"Can't use `ca-cert`: {ca_cert} {_reason(error, 'is not a PEM file of certificates')}."
        raise ConfigurationError(msg) from None


def _show(context: ssl.SSLContext, client_cert: Path, client_key: Path | None) -> None:
    for path in filter(None, (client_cert, client_key)):
        _refuse_special(path, "`client-cert` and `client-key`")
    try:
        # Without the callback, OpenSSL would prompt for the passphrase of an encrypted key.
        context.load_cert_chain(client_cert, client_key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        fault = _reason(error, "is not a PEM certificate with a matching, unencrypted key")
        msg = f"Can't use `client-cert` and `client-key`: {client_cert} {fault}."
        raise ConfigurationError(msg) from None


def _refuse_special(path: Path, keys: str) -> None:
    """Refuse a pipe or a device: reading it could wait forever, with Ctrl-C not heard."""
    if path.exists() and not path.is_file():
        msg = f"Can't use {keys}: {path} is not a regular file."
        raise ConfigurationError(msg)


def _reason(error: OSError, invalid: str) -> str:
    return invalid if isinstance(error, ssl.SSLError) else f"can't be read ({error.strerror})"
