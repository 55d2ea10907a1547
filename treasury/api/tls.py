"""TLS for services of other machines: TLS 1.3, and no connection without a certificate."""

from __future__ import annotations

import socket
import ssl
from hashlib import sha256
from pathlib import Path

from config.settings import TcpSettings
from treasury.errors import Blame, TreasuryError

_BACKLOG = 128


class TlsError(TreasuryError):
    """The TCP listener cannot be opened; the message says what to mend."""

    blame = Blame.OPERATOR


def tls_context(settings: TcpSettings) -> ssl.SSLContext:
    """Return what the handshake demands. Raises `TlsError` naming the file that is wrong."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    # Who signed a certificate only lets it knock; its fingerprint decides. So a file of the
    # services' own certificates is as good as one of their authorities.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for path in (settings.certificate, settings.key, settings.client_ca):
        _require_readable(path)
    try:
        context.load_cert_chain(settings.certificate, settings.key, password=_no_password)
    except (ssl.SSLError, TlsError) as error:
        text = f"{settings.certificate} and {settings.key} are no pair of certificate and key"
        raise TlsError(f"{text} in PEM without a password: {error}") from error
    try:
        context.load_verify_locations(settings.client_ca)
    except ssl.SSLError as error:
        raise TlsError(f"{settings.client_ca} holds no certificates in PEM: {error}") from error
    return context


def listen_on(settings: TcpSettings) -> socket.socket:
    """Bind the TCP listener. Raises `TlsError`."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        place = f"{settings.host} port {settings.port}"
        text = f"cannot listen on {place}: {error.strerror or error}; mend listen in [api.tcp]"
        raise TlsError(text) from error


def fingerprint_of(certificate: bytes) -> str:
    """Return the fingerprint of a certificate in DER, as the settings write it."""
    return sha256(certificate).hexdigest()


def _require_readable(path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise TlsError(f"{path} cannot be read ({error.strerror}): mend [api.tcp]") from error


def _no_password() -> str:
    # Without this, the library would ask at the terminal and the daemon would hang.
    raise TlsError("the key has a password")
