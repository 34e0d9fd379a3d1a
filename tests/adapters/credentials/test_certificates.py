"""The certificate to try with, as `cryptography` reads it."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from safelight.adapters.credentials.certificates import new_certificate


def test_the_chain_is_the_certificate_and_its_authority() -> None:
    made = new_certificate("Northlight Press", 30)
    leaf, authority = x509.load_pem_x509_certificates(made.chain.encode())
    leaf.verify_directly_issued_by(authority)
    assert made.chain.endswith(made.authority)
    assert "Northlight Press" in leaf.subject.rfc4514_string()
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=30, hours=1)
    key = load_pem_private_key(made.key.encode(), None)
    assert key.public_key() == leaf.public_key()
