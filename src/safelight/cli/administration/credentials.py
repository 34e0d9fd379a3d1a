"""`safelight c2pa`: certificates to try with, and what a file says of its origin."""

# Tested in tests/cli/test_credentials.py.

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path
from typing import BinaryIO

import msgspec

from safelight.bootstrap.use_cases.credentials import INSTALL, can_be_had, open_reader
from safelight.cli.terminal import note, print_json
from safelight.contract.errors import ConfigurationError
from safelight.contract.picture_files.unsigned import unsigned
from safelight.service.ports.credentials import Credentials, UnreadableFile
from safelight.settings import Settings

_PRIVATE, _PUBLIC = 0o600, 0o644
_STATES = {
    "trusted": "It is signed, by somebody who is trusted.",
    "valid": "It is signed, by somebody who is not among those you trust (`signing.trusted`).",
    "invalid": "It has a signature that does not hold: the file was changed, or the signature is damaged.",
    "not_present": "It is not signed.",
}


class _File:
    """A file of this machine, as the reader takes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> BinaryIO:
        return io.BytesIO(self._path.read_bytes())


def new(folder: Path, name: str, days: int) -> None:
    """Write a certificate, its key and the authority that signed it.

    Raises:
        ConfigurationError: the library is missing, or there are such files already.
    """
    _demand_library()
    from safelight.adapters.credentials.certificates import new_certificate

    made = new_certificate(name, days)
    files = {
        "certificate.pem": (made.chain, _PUBLIC),
        "key.pem": (made.key, _PRIVATE),
        "authority.pem": (made.authority, _PUBLIC),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, (content, mode) in files.items():
            with os.fdopen(os.open(folder / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as out:
                out.write(content)
    except FileExistsError as error:
        raise ConfigurationError(f"{error.filename} is there already. Name another folder with --folder.") from error
    except OSError as error:
        raise ConfigurationError(f"{error.filename or folder} cannot be written: {error.strerror}.") from error
    where = folder.absolute()
    print(f'[signing]\ncertificate = "{where / "certificate.pem"}"\nkey = "{where / "key.pem"}"')
    print(f'trusted = "{where / "authority.pem"}"')
    note("Put these lines into safelight.toml and start the server again. Keep key.pem to yourself.")


def check(settings: Settings, file: Path, bare: Path | None, *, as_json: bool) -> int:
    """Print what the file says; the exit code: 0 if a signature that holds says that it was generated, 1 if not.

    Raises:
        ConfigurationError: the library is missing, or the file is no picture.
    """
    _demand_library()
    reader = open_reader(settings)
    assert reader is not None
    try:
        found = asyncio.run(reader.read(_File(file)))
    except UnreadableFile as error:
        raise ConfigurationError(f"{file} {error}.") from error
    if bare is not None:
        bare.write_bytes(unsigned(file.read_bytes()))
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        _print(found)
    return 0 if found.generated else 1


def _print(found: Credentials) -> None:
    print(_STATES[found.state])
    said = {
        "signed by": found.issuer,
        "model": found.model,
        "drawn at": found.generated_at,
        "fingerprint": found.fingerprint,
        "prompt": found.prompt,
        "says it is generated": "yes" if found.generated else None,
        "marked in XMP, unsigned": "yes" if found.marked else "no",
        "SHA-256 without signature": found.unsigned_sha256,
    }
    for what, value in said.items():
        if value is not None:
            print(f"{what:26} {value}")


def _demand_library() -> None:
    if not can_be_had():
        raise ConfigurationError(f"Signatures need a library that is not installed: {INSTALL}.")
