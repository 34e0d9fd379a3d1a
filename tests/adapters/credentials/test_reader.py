"""Reading files of strangers in a process that may die."""

from __future__ import annotations

import hashlib
import io
import random
import sys
from typing import BinaryIO

import pytest

from safelight.adapters.credentials.certificates import NewCertificate, new_certificate
from safelight.adapters.credentials.reader import CredentialProcesses
from safelight.adapters.credentials.signer import C2paSigner
from safelight.contract.picture_files.provenance import description, packet
from safelight.service.ports.credentials import Credentials, Statement, UnreadableFile
from tests.contract.test_unsigned import FORMATS, file_of

STATEMENT = Statement(model="postcard", fingerprint="f1", drawn_at="2026-11-27T20:00:00Z", prompt="a fox")


class File:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def open(self) -> BinaryIO:
        return io.BytesIO(self._content)


@pytest.fixture(scope="module")
def made() -> NewCertificate:
    return new_certificate("Northlight Press", 30)


@pytest.fixture(scope="module")
def signed(made: NewCertificate) -> dict[str, bytes]:
    signer = C2paSigner(made.chain, made.key)
    return {kind: signer.signed(file_of(kind), FORMATS[kind], STATEMENT) for kind in FORMATS}


async def read(content: bytes, trusted: str = "") -> Credentials:
    return await CredentialProcesses(trusted.encode()).read(File(content))


@pytest.mark.parametrize("kind", FORMATS)
async def test_a_signed_file_says_who_drew_it(kind: str, signed: dict[str, bytes], made: NewCertificate) -> None:
    assert await read(signed[kind], made.authority) == Credentials(
        state="trusted",
        unsigned_sha256=hashlib.sha256(file_of(kind)).hexdigest(),
        generated=True,
        issuer="Northlight Press",
        model="postcard",
        generated_at="2026-11-27T20:00:00Z",
        fingerprint="f1",
        prompt="a fox",
    )


async def test_a_signature_of_somebody_else_is_valid_and_not_trusted(signed: dict[str, bytes]) -> None:
    found = await read(signed["PNG"], new_certificate("Other", 30).authority)
    assert (found.state, found.generated) == ("valid", True)


async def test_a_changed_picture_is_invalid(signed: dict[str, bytes], made: NewCertificate) -> None:
    content = bytearray(signed["JPEG"])
    content[-40] ^= 1
    found = await read(bytes(content), made.authority)
    assert (found.state, found.generated) == ("invalid", False)


async def test_a_file_without_one_has_none() -> None:
    found = await read(file_of("PNG"))
    assert found == Credentials(state="not_present", unsigned_sha256=hashlib.sha256(file_of("PNG")).hexdigest())


async def test_the_mark_without_a_signature_is_seen() -> None:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", xmp=packet(description()))
    found = await read(file.getvalue())
    assert (found.state, found.marked, found.generated) == ("not_present", True, False)


async def test_what_is_no_picture_is_told() -> None:
    with pytest.raises(UnreadableFile, match="is no PNG, JPEG or WebP file"):
        await read(b"GIF89a")
    with pytest.raises(UnreadableFile, match="is no PNG"):
        await read(b"")


async def test_mutated_files_are_answered(signed: dict[str, bytes]) -> None:
    """A broken statement is an answer or a sentence, never an error of ours."""
    draw = random.Random(11)
    readers = CredentialProcesses()
    for kind, content in signed.items():
        for _ in range(6):
            mutated = bytearray(content)
            for _ in range(draw.randint(1, 40)):
                mutated[draw.randrange(12, len(mutated))] = draw.randrange(256)
            try:
                found = await readers.read(File(bytes(mutated[: draw.randint(100, len(mutated))])))
            except UnreadableFile:
                continue
            assert found.state in ("invalid", "valid", "not_present"), kind


async def test_a_process_that_dies_is_a_sentence() -> None:
    dies = CredentialProcesses(command=(sys.executable, "-c", "import os; os.abort()"))
    with pytest.raises(UnreadableFile, match="cannot be read"):
        await dies.read(File(b"x" * 5_000_000))
