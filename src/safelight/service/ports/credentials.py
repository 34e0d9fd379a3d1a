"""Content Credentials (C2PA): a signed statement in a picture's file of where it comes from.

https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html
"""

# Tested in tests/api/test_provenance.py.

from __future__ import annotations

from typing import BinaryIO, Literal, Protocol

import msgspec

SignatureState = Literal["trusted", "valid", "invalid", "not_present"]
"""Of a file's signature: by somebody whom the operator trusts, by anybody, broken, or there is none."""


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed about a picture. `drawn_at` is RFC 3339, in UTC; `prompt` None says nothing of it."""

    model: str
    fingerprint: str
    drawn_at: str
    from_pictures: bool = False
    prompt: str | None = None


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of its origin.

    `generated`: a signature that holds says that a model made it. `issuer`, `model`, `generated_at`, `fingerprint` and
    `prompt` are said by the signed statement. `unsigned_sha256` is the hexadecimal digest of the file without its
    statement, which is what the same request with the same seed gives again. `marked`: its XMP says, without a
    signature, that a model made it.
    """

    state: SignatureState
    unsigned_sha256: str
    generated: bool = False
    issuer: str | None = None
    model: str | None = None
    generated_at: str | None = None
    fingerprint: str | None = None
    prompt: str | None = None
    marked: bool = False


class CannotSign(Exception):
    """The file was not signed; the text says why, for the log."""


class UnreadableFile(Exception):
    """A file whose credentials cannot be read. The text is the rest of a sentence whose subject is the file."""


class CredentialSigner(Protocol):
    """Signs finished files."""

    async def sign(self, content: bytes, media_type: str, statement: Statement) -> bytes:
        """The same file with the statement in it; without it the file is the same to the byte.

        Raises:
            CannotSign: the file is of another format, or the library refuses.
        """


class ReadableFile(Protocol):
    """A file as it came."""

    def open(self) -> BinaryIO:
        """The content from its first byte on."""


class CredentialReader(Protocol):
    """Reads files of strangers. PNG, JPEG and WebP by their content."""

    async def read(self, file: ReadableFile) -> Credentials:
        """What the file says.

        Raises:
            UnreadableFile: it is of another format, cut short, or takes too much to read.
        """
