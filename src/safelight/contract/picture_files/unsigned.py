"""A picture's file without its signed statement: the bytes that were signed.

C2PA says where the statement lies: a `caBX` chunk of a PNG, APP11 segments of a JPEG, a `C2PA` chunk of a WebP
(https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html, A.3 "Embedding manifests").
"""

from __future__ import annotations

from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_RIFF_HEAD = 12
_PNG_AROUND = 12  # a chunk's length, name and checksum
_SEGMENT_HEAD = 4
_APP11, _START_OF_SCAN = 0xEB, 0xDA
# Of an APP11 segment: JPEG XT's common identifier, after it an instance and a packet number (ISO 19566-5, D.2).
_JUMBF = b"JP"


def media_type(content: bytes) -> str | None:
    """Of a file of one of the three formats, by its content."""
    if content.startswith(_PNG):
        return "image/png"
    if content.startswith(_JPEG):
        return "image/jpeg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None


def unsigned(content: bytes) -> bytes:
    """The file without a statement; the same bytes if it has none, or is not whole."""
    match media_type(content):
        case "image/png":
            return b"".join((_PNG, *_png_chunks(content)))
        case "image/jpeg":
            return b"".join((_JPEG, *_jpeg_parts(content)))
        case "image/webp":
            chunks = b"".join(_webp_chunks(content))
            return b"".join((b"RIFF", (len(chunks) + 4).to_bytes(4, "little"), b"WEBP", chunks))
        case _:
            return content


def _png_chunks(content: bytes) -> Iterator[bytes]:
    at = len(_PNG)
    while at < len(content):
        end = at + _PNG_AROUND + int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] != b"caBX":
            yield content[at:end]
        at = end


def _jpeg_parts(content: bytes) -> Iterator[bytes]:
    """The segments before the pixels, and the rest in one."""
    at = len(_JPEG)
    while content[at : at + 1] == b"\xff" and len(content) > at + _SEGMENT_HEAD:
        kind = content[at + 1]
        if kind == _START_OF_SCAN:
            break
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if kind != _APP11 or content[at + 4 : at + 6] != _JUMBF:
            yield content[at:end]
        at = end
    yield content[at:]


def _webp_chunks(content: bytes) -> Iterator[bytes]:
    """Chunks with the byte that brings each to an even length."""
    at = _RIFF_HEAD
    while at < len(content):
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        if content[at : at + 4] != b"C2PA":
            yield content[at:end]
        at = end
