"""`tls = auto`: an own certificate authority in the data folder, and a server certificate that it signs."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from pathlib import Path
from typing import NamedTuple, Protocol

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

AUTHORITY_DAYS = 3_650
SERVER_DAYS = 365
RENEW_DAYS = 30


class Identity(NamedTuple):
    """What a TLS listener needs, in PEM; and the SHA-256 of the authority's certificate in DER, hex, which clients pin."""

    key: bytes
    chain: bytes
    fingerprint: str


def own_authority(folder: Path, names: list[str]) -> Identity:
    """The authority and certificate in `folder`, made at the first call, the certificate renewed 30 days before its end.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority, authority_key = _authority(folder)
    certificate, key = _server(folder, names, authority, authority_key)
    pem = serialization.Encoding.PEM
    return Identity(
        _key_bytes(key),
        certificate.public_bytes(pem) + authority.public_bytes(pem),
        authority.fingerprint(hashes.SHA256()).hex(),
    )


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    path, key_path = folder / "ca.pem", folder / "ca.key"
    if path.exists():
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey), "ca.key is ours"
        return x509.load_pem_x509_certificate(path.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tidewire authority")])
    certificate = (
        _builder(name, name, key.public_key(), AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(key_path, _key_bytes(key))
    _write(path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _server(
    folder: Path, names: list[str], authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    path, key_path = folder / "server.pem", folder / "server.key"
    wanted = x509.SubjectAlternativeName([_general(name) for name in names])
    if path.exists() and key_path.exists():
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        there = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
        if there == wanted and left.days > RENEW_DAYS:
            key = serialization.load_pem_private_key(key_path.read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey), "server.key is ours"
            return certificate, key
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate = (
        _builder(subject, authority.subject, key.public_key(), SERVER_DAYS)
        .add_extension(wanted, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    _write(key_path, _key_bytes(key))
    _write(path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


class ListenerFiles(Protocol):
    """The settings of a process's listeners that have to do with TLS."""

    @property
    def tls(self) -> str: ...
    @property
    def tls_dir(self) -> Path: ...
    @property
    def tls_cert(self) -> str: ...
    @property
    def tls_key(self) -> str: ...
    @property
    def tls_names(self) -> str: ...


class Listening(NamedTuple):
    """For gRPC and for HTTP; None: no TLS. The authority's fingerprint; "": it is not ours."""

    grpc: grpc.ServerCredentials | None
    http: ssl.SSLContext | None
    fingerprint: str


def listening(files: ListenerFiles, data_dir: Path) -> Listening:
    """What the listeners of a process need, by its settings.

    Raises:
        OSError: a file cannot be read, or the folder cannot be written.
    """
    if files.tls in ("off", "proxy"):
        return Listening(None, None, "")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if files.tls == "files":
        context.load_cert_chain(files.tls_cert, files.tls_key)
        pair = Path(files.tls_key).read_bytes(), Path(files.tls_cert).read_bytes()
        return Listening(grpc.ssl_server_credentials([pair]), context, "")
    own = own_authority(files.tls_dir, [name.strip() for name in files.tls_names.split(",")])
    chain = data_dir / "tls.pem"
    chain.touch(mode=0o600)
    chain.write_bytes(own.key + own.chain)
    context.load_cert_chain(chain)
    return Listening(grpc.ssl_server_credentials([(own.key, own.chain)]), context, own.fingerprint)
