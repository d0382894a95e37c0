"""Certificate authorities of the tests, and what they sign."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


class Authority:
    """One that signs certificates for 127.0.0.1. `ca` is the file with its own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tests' authority {name}")])
        self._key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        self._certificate = self._signed(self._name, self._key, [(constraints, True), (usage, True)])
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(self._certificate.public_bytes(PEM))

    def issue(self, name: str, host: str = "127.0.0.1", *, days: int = 1) -> tuple[Path, Path]:
        """NAME.pem and NAME.key beside its own; `days` from now it ends."""
        certificate, key = self._leaf(name, host, days)
        at = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        at[0].write_bytes(certificate.public_bytes(PEM))
        at[1].write_bytes(
            key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        )
        return at

    def keystore(self, name: str, password: str) -> Path:
        """NAME.p12 with a certificate and its key, as Java reads it."""
        certificate, key = self._leaf(name, "127.0.0.1")
        path = self._folder / f"{name}.p12"
        sealed = serialization.BestAvailableEncryption(password.encode())
        path.write_bytes(pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, [self._certificate], sealed))
        return path

    def _leaf(self, name: str, host: str, days: int = 1) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._signed(subject, key, [(names, False)], days), key

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extensions: list[tuple[x509.ExtensionType, bool]],
        days: int = 1,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=10))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256())
