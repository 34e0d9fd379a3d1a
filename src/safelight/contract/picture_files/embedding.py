"""Putting a request into a file that is drawn already (CONTRACT 7): its pixels stay as they are, to the byte.

The file's own XMP is kept and added to; a file without one gets a packet. PNG 3rd edition, 11.3.3.4; XMP part 3, 1.1.3
(JPEG); the WebP container specification, "Extended File Format"; SVG 2, 5.9.
"""

# Tested in tests/api/test_settings_in_files.py.

from __future__ import annotations

import json
import struct
import zlib
from html import escape
from typing import Any

from safelight import __version__
from safelight.contract.picture_files.provenance import description, packet
from safelight.contract.records.jobs import JobRecord

NAMESPACE = "urn:safelight:metadata:1.0#"

_NAMES = f'xmlns:safelight="{NAMESPACE}"'
_OPEN = f"<safelight:request {_NAMES}>"
_CLOSE = "</safelight:request>"
_END_OF_DESCRIPTION = b"</rdf:Description>"
_PNG_XMP = b"XML:com.adobe.xmp\0\0\0\0\0"
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_SEGMENT_BYTES = 65_533
_WEBP_HAS_XMP, _WEBP_HAS_ALPHA = 0x04, 0x10


def request_element(fields: dict[str, Any]) -> str:
    """A request as XML, JSON within in ASCII: XML cannot hold control characters, JSON's escapes can."""
    return f"{_OPEN}{escape(json.dumps(fields), quote=False)}{_CLOSE}"


def scene_element(scene: str) -> str:
    """A scene as XML."""
    return f"<safelight:scene {_NAMES}>{escape(scene, quote=False)}</safelight:scene>"


def with_settings(image: bytes, job: JobRecord) -> bytes:
    """The file of a finished job, saying what it was made with, so that dropping it on the studio restores that.

    A file that says so already, and a JPEG whose prompt is too long for a segment of 64 KiB, come back as they are.
    """
    made = job.wanted
    used = {"seed": made.seed, "size": f"{made.width}x{made.height}", "output_format": made.output_format}
    element = request_element(made.request | used | {"drawn_by": made.drawn_by, "safelight": __version__}).encode()
    match made.output_format:
        case "png":
            return _png(image, element)
        case "jpeg":
            return _jpeg(image, element)
        case "webp":
            return _webp(image, element, made.width, made.height)
        case "svg":
            return _svg(image, element)
    return image


def _added(xmp: bytes, element: bytes) -> bytes:
    """The packet with the element in it."""
    if _OPEN.encode() in xmp:
        return xmp
    at = xmp.rfind(_END_OF_DESCRIPTION)
    return xmp[:at] + element + xmp[at:] if at >= 0 else packet(description(element.decode()))


def _png(image: bytes, element: bytes) -> bytes:
    before, parts, xmp, at = image[:8], [], b"", 8
    while at + 12 <= len(image):
        end = at + 12 + int.from_bytes(image[at : at + 4])
        kind, data = image[at + 4 : at + 8], image[at + 8 : end - 4]
        if kind == b"iTXt" and data.startswith(_PNG_XMP):
            xmp = data[len(_PNG_XMP) :]
        else:
            parts.append(image[at:end])
        at = end
    body = b"iTXt" + _PNG_XMP + _added(xmp, element)
    chunk = struct.pack("!I", len(body) - 4) + body + struct.pack("!I", zlib.crc32(body))
    return b"".join((before, parts[0], chunk, *parts[1:]))


def _jpeg(image: bytes, element: bytes) -> bytes:
    head, xmp, at = [image[:2]], b"", 2
    while image[at] == 0xFF and 0xE0 <= image[at + 1] <= 0xEF:  # the segments of applications come first
        end = at + 2 + int.from_bytes(image[at + 2 : at + 4])
        data = image[at + 4 : end]
        if data.startswith(_JPEG_XMP):
            xmp = data[len(_JPEG_XMP) :]
        else:
            head.append(image[at:end])
        at = end
    segment = _JPEG_XMP + _added(xmp, element)
    if len(segment) > _SEGMENT_BYTES:
        return image
    return b"".join((*head, b"\xff\xe1", struct.pack("!H", len(segment) + 2), segment, image[at:]))


def _webp(image: bytes, element: bytes, width: int, height: int) -> bytes:
    chunks, at = dict[bytes, bytes](), 12
    while at + 8 <= len(image):
        end = at + 8 + int.from_bytes(image[at + 4 : at + 8], "little")
        chunks[image[at : at + 4]] = image[at + 8 : end]
        at = end + (end & 1)
    flags, rest = 0, chunks.pop(b"VP8X", b"")
    if rest:
        flags = rest[0]
    elif b"VP8L" in chunks and chunks[b"VP8L"][4] & 0x10:  # a bit of its header: alpha is used
        flags = _WEBP_HAS_ALPHA
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    xmp = _added(chunks.pop(b"XMP ", b""), element)
    ordered = {b"VP8X": bytes((flags | _WEBP_HAS_XMP, 0, 0, 0)) + canvas} | chunks | {b"XMP ": xmp}
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1) for name, data in ordered.items()
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _svg(image: bytes, element: bytes) -> bytes:
    """Our drawings begin with their `metadata` element, unless the operator wants none."""
    at = image.find(_END_OF_DESCRIPTION)
    if at >= 0:
        return image if _OPEN.encode() in image[:at] else image[:at] + element + image[at:]
    start = image.index(b">", image.index(b"<svg")) + 1
    return image[:start] + b"<metadata>" + description(element.decode()).encode() + b"</metadata>" + image[start:]
