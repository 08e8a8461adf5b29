"""The certificate by which clients of a local stack know its servers that speak TLS.

It is its own authority: clients trust this one file and nothing else, so a program that takes a server's port after a
crash cannot pass for it, and is told nothing.
"""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dz.adapters import files

_VALID = dt.timedelta(days=3650)
_RENEWED = dt.timedelta(days=365)
"""A certificate that is valid for less than this is made anew by the next `dz up`."""


def ensure(certificate: Path, key: Path) -> None:
    """Make a certificate for 127.0.0.1 and localhost with its key, unless there is one that stays valid for a year.

    Args:
        certificate, key: PEM files, mode 0600; the key is written first.
    """
    now = dt.datetime.now(dt.UTC)
    if not (key.exists() and certificate.exists() and _end(certificate) > now + _RENEWED):
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        files.write(key, pem.decode(), mode=0o600)
        made = _signed(private, now).public_bytes(serialization.Encoding.PEM)
        files.write(certificate, made.decode(), mode=0o600)


def _signed(private: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A local stack of DjangoZoom")])
    own, public = x509.SubjectKeyIdentifier.from_public_key(private.public_key()), private.public_key()
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    builder = x509.CertificateBuilder(name, name, public, x509.random_serial_number(), now - _RENEWED, now + _VALID)
    return (
        builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(own, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
        .sign(private, hashes.SHA256())
    )


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _end(certificate: Path) -> dt.datetime:
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except ValueError:
        return dt.datetime.min.replace(tzinfo=dt.UTC)
