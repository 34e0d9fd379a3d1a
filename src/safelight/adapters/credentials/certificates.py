"""A certificate to try signing with: an authority of one's own, and what it signed (C2PA specification 2.2, 14.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A clock that is a little ahead of another's shall not make a certificate of the future.
_SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class NewCertificate:
    """As PEM: `chain` is the certificate and after it the authority's, which is `authority` by itself."""

    chain: str
    key: str
    authority: str


def new_certificate(organization: str, days: int) -> NewCertificate:
    """Make both, with keys on P-256. The authority's key is thrown away: it signs this one certificate only."""
    authority_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    root = _name(organization, "test authority")
    authority = _signed(root, authority_key.public_key(), root, authority_key, days, is_authority=True)
    leaf = _signed(_name(organization, "Safelight"), key.public_key(), root, authority_key, days, is_authority=False)
    return NewCertificate(
        chain=leaf + authority,
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        authority=authority,
    )


def _name(organization: str, common_name: str) -> x509.Name:
    parts = {NameOID.ORGANIZATION_NAME: organization, NameOID.COMMON_NAME: common_name}
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts.items()])


def _signed(
    subject: x509.Name,
    public: EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: EllipticCurvePrivateKey,
    days: int,
    *,
    is_authority: bool,
) -> str:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(_usage(is_authority), critical=True)
    )
    if not is_authority:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purposes, critical=True)
    return builder.sign(issuer_key, SHA256()).public_bytes(Encoding.PEM).decode()


def _usage(is_authority: bool) -> x509.KeyUsage:
    """An authority signs certificates and nothing else; its certificates sign files and nothing else."""
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
