"""Certificates from files, tried before anything is opened: what would fail at each connection is one sentence at the start."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class CertificateError(Exception):
    """A file cannot be used; the message is one sentence for the operator."""


class Named(NamedTuple):
    """A file, and the setting that names it."""

    setting: str
    path: str

    def __str__(self) -> str:
        return f"{self.setting} = {self.path}"


def check_pair(certificate: Named, key: Named) -> None:
    """Whether a listener can show this certificate.

    Raises:
        CertificateError: it cannot.
    """
    _pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate, key)


def check_mutual(authority: Named, certificate: Named, key: Named, host: str) -> None:
    """Whether two that have these files take each other, by a handshake with oneself in memory.

    Args:
        host: the name or address at which others reach the listener; "": any.

    Raises:
        CertificateError: they do not: another authority, another key, expired, for another name or purpose.
    """
    _read(authority)
    ends: list[ssl.SSLContext] = []
    for side in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER):
        context = ssl.SSLContext(side)
        context.check_hostname = bool(host) and side is ssl.PROTOCOL_TLS_CLIENT
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(authority.path)
        except ssl.SSLError as error:
            raise CertificateError(f"{authority} holds no certificate") from error
        _pair(context, certificate, key)
        ends.append(context)
    try:
        _handshake(ends[0], ends[1], host)
    except ssl.SSLCertVerificationError as error:
        raise CertificateError(
            f"other nodes with {authority} do not take {certificate}: {error.verify_message.rstrip('.')}"
        ) from error


def _pair(context: ssl.SSLContext, certificate: Named, key: Named) -> None:
    _read(certificate)
    _read(key)
    try:
        context.load_cert_chain(certificate.path, key.path, password="")  # one that is sealed is refused, not asked for
    except (ssl.SSLError, ValueError) as error:
        why = ": they do not belong together" if "KEY_VALUES_MISMATCH" in str(error) else ""
        raise CertificateError(f"{certificate} and {key} are no certificate with its key in PEM{why}") from error


def _read(file: Named) -> None:
    try:
        Path(file.path).read_bytes()
    except OSError as error:
        raise CertificateError(f"{file} cannot be read: {error.strerror}") from error


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> None:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up, server_hostname=host or None), server.wrap_bio(up, down, server_side=True)]
    for end in 3 * ends:
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
