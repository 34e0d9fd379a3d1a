"""A certificate and its key, looked at before anything is signed with them (C2PA 2.2, 13.2.1 and 14.5)."""

# Tested in tests/adapters/credentials/test_signer.py.

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from safelight.contract.errors import ConfigurationError

_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Pair:
    """`algorithm`: the library's name for what the key signs with. `ends`: when the certificate runs out, in UTC."""

    algorithm: str
    ends: datetime


def looked_at(certificates: str, key: str) -> Pair:
    """What the two are.

    Raises:
        ConfigurationError: one is not what it should be, or the key is not the first certificate's.
    """
    try:
        first = load_pem_x509_certificates(certificates.encode())[0]
    except ValueError as error:
        raise ConfigurationError(f"`signing.certificate` holds no certificate as PEM: {error}.") from error
    try:
        private = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"`signing.key` is no private key as PEM without a password: {error}.") from error
    match private:
        case Ed25519PrivateKey():
            algorithm = "ed25519"
        case RSAPrivateKey():
            algorithm = "ps256"
        case EllipticCurvePrivateKey() if private.curve.name in _CURVES:
            algorithm = _CURVES[private.curve.name]
        case _:
            raise ConfigurationError(
                "`signing.key` is of a kind that C2PA does not sign with. Take P-256, P-384, P-521, Ed25519 or RSA."
            )
    if private.public_key() != first.public_key():
        raise ConfigurationError(
            "`signing.key` is not the key of `signing.certificate`. It has to be the key of the first in that file."
        )
    return Pair(algorithm, first.not_valid_after_utc)
