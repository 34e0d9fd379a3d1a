"""Settings become what signs pictures, and what reads the signatures of others. The library comes with an extra."""

# Tested in tests/api/test_provenance.py.

from __future__ import annotations

from importlib.util import find_spec

from safelight.adapters.credentials.reader import CredentialProcesses
from safelight.contract.errors import ConfigurationError
from safelight.service.drawing.finishing.signing import Signing
from safelight.service.ports.credentials import CredentialReader
from safelight.settings import Settings

INSTALL = "pip install -c constraints.txt '.[provenance]'"


def can_be_had() -> bool:
    """Whether the library for signatures is installed."""
    return find_spec("c2pa") is not None and find_spec("cryptography") is not None


def open_signing(settings: Settings) -> Signing:
    """What finished pictures are signed with.

    Raises:
        ConfigurationError: the certificate, its key or the library is not there.
    """
    given = settings.signing
    if given.certificate is None or given.key is None:
        return Signing()
    if not can_be_had():
        raise ConfigurationError(f"`signing.certificate` needs a library that is not installed: {INSTALL}.")
    from safelight.adapters.credentials.signer import open_signer

    return Signing(open_signer(given.certificate, given.key), with_prompt=given.prompt)


def open_reader(settings: Settings) -> CredentialReader | None:
    """What reads signatures; None where the library is not installed.

    Raises:
        ConfigurationError: the trusted certificates cannot be read.
    """
    if not can_be_had():
        return None
    trusted = settings.signing.trusted
    try:
        return CredentialProcesses(trusted.read_bytes() if trusted is not None else b"")
    except OSError as error:
        raise ConfigurationError(f"`signing.trusted` cannot be read: {trusted}: {error.strerror}.") from error
