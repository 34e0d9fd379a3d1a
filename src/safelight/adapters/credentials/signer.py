"""Fills the `CredentialSigner` port with the operator's certificate."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime
from pathlib import Path

import c2pa

from safelight.adapters.credentials.pair import looked_at
from safelight.adapters.credentials.statement import manifest
from safelight.contract.errors import ConfigurationError
from safelight.service.ports.credentials import CannotSign, Statement

# A picture of each is small, says everything, and needs nobody: no thumbnail in the statement, nothing fetched.
_SETTINGS = {
    "version": 1,
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
}
# A PNG of one pixel, to sign once at the start.
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63680000008200"
    "81775c2d7d0000000049454e44ae426082"
)


class C2paSigner:
    """Signs in a thread: the library lets others run meanwhile, and 1024x1024 takes it some 8 ms."""

    def __init__(self, certificates: str, key: str) -> None:
        pair = looked_at(certificates, key)
        self._ends = pair.ends
        self._context = c2pa.Context.from_dict(_SETTINGS)
        info = c2pa.C2paSignerInfo(pair.algorithm.encode(), certificates.encode(), key.encode(), None)
        self._signer = c2pa.Signer.from_info(info)

    async def sign(self, content: bytes, media_type: str, statement: Statement) -> bytes:
        return await asyncio.to_thread(self.signed, content, media_type, statement)

    def signed(self, content: bytes, media_type: str, statement: Statement) -> bytes:
        """As `sign`, at once."""
        if datetime.now(UTC) >= self._ends:  # the library would sign all the same, and nobody accept it
            raise CannotSign(f"the certificate ran out on {self._ends:%Y-%m-%d}")
        out = io.BytesIO()
        try:
            with c2pa.Builder(manifest(content, statement), context=self._context) as builder:
                builder.sign(self._signer, media_type, io.BytesIO(content), out)
        except c2pa.C2paError as error:
            raise CannotSign(str(error)) from error
        return out.getvalue()


def open_signer(certificate: Path, key: Path) -> C2paSigner:
    """A signer by these files, tried once.

    Raises:
        ConfigurationError: a file is missing or not what it should be, or the key is another certificate's.
    """
    try:
        signer = C2paSigner(_text(certificate, "certificate"), _text(key, "key"))
        signer.signed(_PIXEL, "image/png", Statement(model="", fingerprint="", drawn_at="2026-01-01T00:00:00Z"))
    except (c2pa.C2paError, CannotSign) as error:
        raise ConfigurationError(
            f"`signing` cannot sign with {certificate}: {error}. It has to hold a certificate for signing and after it "
            "those that signed it. `safelight c2pa new` makes one to try."
        ) from error
    return signer


def _text(file: Path, what: str) -> str:
    try:
        return file.read_text("ascii")
    except OSError as error:
        raise ConfigurationError(f"`signing.{what}` cannot be read: {file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"`signing.{what}` is not PEM, which is text: {file}.") from error
