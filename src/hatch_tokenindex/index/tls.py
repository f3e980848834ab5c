"""TLS: the certificates that are trusted, and the one that this client shows."""

from __future__ import annotations

import os
import re
import ssl
import stat
import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
    if client_key is not None and client_cert is None:
        msg = "`client-key` is set without `client-cert`.\nFix: set `client-cert` to the certificate of this key."
        raise ConfigurationError(msg)
    if ca_cert is None:
        context = _system()
    else:
        with _loading("`ca-cert`", ca_cert, invalid="is not a PEM file of certificates", or_folder=True):
            cafile, capath = (None, ca_cert) if ca_cert.is_dir() else (ca_cert, None)
            context = ssl.create_default_context(cafile=cafile, capath=capath)
    if client_cert is not None:
        invalid = "is not a PEM certificate with a matching, unencrypted key"
        with _loading("`client-cert` and `client-key`", client_cert, client_key, invalid=invalid):
            # Without the callback, OpenSSL would prompt for the passphrase of an encrypted key.
            context.load_cert_chain(client_cert, client_key, password=lambda: b"")
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


@contextmanager
def _loading(keys: str, *paths: Path | None, invalid: str, or_folder: bool = False) -> Iterator[None]:
    """Raise an error with the names of the keys if files can't be loaded; `invalid` is for files of another kind."""
    try:
        for path in filter(None, paths):
            mode = path.stat().st_mode
            # Reading a pipe or a device could wait forever, with Ctrl-C not heard.
            if not (stat.S_ISREG(mode) or (or_folder and stat.S_ISDIR(mode))):
                msg = f"Can't use {keys}: {path} is not a regular file."
                raise ConfigurationError(msg)
        yield
    except OSError as error:
        fault = invalid if isinstance(error, ssl.SSLError) else f"can't be read ({error.strerror})"
        # `stat` names the file, `ssl` doesn't.
        msg = f"Can't use {keys}: {error.filename or paths[0]} {fault}."
        raise ConfigurationError(msg) from None
