"""A finished picture becomes a file: PNG, JPEG, WebP or SVG, with its metadata, the same bytes every time."""

from __future__ import annotations

import io
import struct
import zlib
from importlib.metadata import version

import numpy as np
from PIL import Image, PngImagePlugin

from safelight.contract.requests.order import Order
from safelight.engine.output.metadata import Facts, Metadata, metadata

try:
    from isal import isal_zlib
except ImportError:  # no wheel of isal for this platform: Pillow writes the PNG, eight times as slowly
    isal_zlib = None  # type: ignore[assignment,unused-ignore]

# Where nobody says. `output_compression` is the quality that is kept: 100 is the best that a format can, which for WebP
# is lossless.
JPEG_QUALITY = 90
WEBP_QUALITY = 90
PNG_LEVEL = 1

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {"L": 0, "RGB": 2, "RGBA": 6}  # PNG 3rd edition, 11.2.1
_UP = 2
_EXIF_USER_COMMENT, _EXIF_IFD = 0x9286, 0x8769
_SEGMENT_BYTES = 65_533 - 29  # what a JPEG marker segment holds, less the name of the XMP namespace (XMP part 3, 1.1.3)


def encoder_settings() -> str:
    """Everything here that the bytes of a file depend on, for the fingerprint."""
    writer = f"isal {version('isal')} up level {PNG_LEVEL}" if isal_zlib else "pillow"
    return f"png {writer}; jpeg {JPEG_QUALITY}; webp {WEBP_QUALITY}; pillow {version('pillow')}"


def encode(picture: Image.Image | str, order: Order, facts: Facts) -> bytes:
    """The file of an order, in its `output_format`.

    Raises:
        ValueError: a picture in pixels was to become SVG, or a drawing another format.
    """
    about = metadata(order, facts)
    if isinstance(picture, str):
        if order.file.format != "svg":
            raise ValueError(f"a drawing cannot be written as {order.file.format}")
        return _svg(picture, about)
    match order.file.format:
        case "png":
            return _png(picture, about)
        case "jpeg":
            return _jpeg(picture, about, JPEG_QUALITY if order.file.compression is None else order.file.compression)
        case "webp":
            return _webp(picture, about, WEBP_QUALITY if order.file.compression is None else order.file.compression)
    raise ValueError(f"pixels cannot be written as {order.file.format}")


def _png(picture: Image.Image, about: Metadata) -> bytes:
    if isal_zlib is None:
        return _png_by_pillow(picture, about)
    if picture.mode not in _COLOUR_TYPES:
        picture = picture.convert("RGB")
    header = struct.pack("!IIBBBBB", picture.width, picture.height, 8, _COLOUR_TYPES[picture.mode], 0, 0, 0)
    chunks = [_chunk(b"IHDR", header)]
    if about.xmp:
        chunks.append(_chunk(b"iTXt", _international_text("XML:com.adobe.xmp", about.xmp)))
    if about.parameters:
        chunks.append(_text("parameters", about.parameters))
    chunks.append(_chunk(b"IDAT", isal_zlib.compress(_filter_up(np.asarray(picture)), level=PNG_LEVEL)))
    chunks.append(_chunk(b"IEND", b""))
    return b"".join((_SIGNATURE, *chunks))


def _filter_up(
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Rows as differences from the row above, modulo 256, each after its filter byte (PNG 3rd edition, 9.2).

    One filter for all rows: choosing a filter row by row costs more time than isal's whole compression.
    """
    rows = pixels.reshape(pixels.shape[0], -1)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), dtype=np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(data, zlib.crc32(kind)) if isal_zlib is None else isal_zlib.crc32(data, isal_zlib.crc32(kind))
    return b"".join((struct.pack("!I", len(data)), kind, data, struct.pack("!I", crc)))


def _text(keyword: str, text: str) -> bytes:
    """tEXt where Latin-1 suffices, because some tools read no other; iTXt for the rest."""
    try:
        return _chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", _international_text(keyword, text.encode()))


def _international_text(keyword: str, text: bytes) -> bytes:
    """An uncompressed iTXt without language (PNG 3rd edition, 11.3.3.4)."""
    return keyword.encode("latin-1") + b"\0\0\0\0\0" + text


def _png_by_pillow(picture: Image.Image, about: Metadata) -> bytes:
    info = PngImagePlugin.PngInfo()
    if about.xmp:
        info.add_itxt("XML:com.adobe.xmp", about.xmp.decode())
    if about.parameters:
        info.add_text("parameters", about.parameters)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1, pnginfo=info)
    return file.getvalue()


def _jpeg(picture: Image.Image, about: Metadata, quality: int) -> bytes:
    """A prompt too long for one segment (64 KiB) is left out; its scene, and that it was generated, never are."""
    xmp, exif = about.xmp, _exif(about)
    if len(xmp) > _SEGMENT_BYTES or len(exif) > _SEGMENT_BYTES:
        xmp, exif = Metadata(rdf=about.least).xmp, b""
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=quality, xmp=xmp, exif=exif)
    return file.getvalue()


def _webp(picture: Image.Image, about: Metadata, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, lossless=quality == 100, xmp=about.xmp, exif=_exif(about))
    return file.getvalue()


def _exif(about: Metadata) -> bytes:
    """The parameters as Exif UserComment, UTF-16 (Exif 3.0, 4.6.6.2.9), where other tools look in JPEG and WebP."""
    if not about.parameters:
        return b""
    exif = Image.Exif()
    exif.endian = ">"
    exif.get_ifd(_EXIF_IFD)[_EXIF_USER_COMMENT] = b"UNICODE\0" + about.parameters.encode("utf-16-be")
    return exif.tobytes()


def _svg(drawing: str, about: Metadata) -> bytes:
    """The RDF goes into a `metadata` element, first in the drawing (SVG 2, 5.9)."""
    if about.rdf:
        start = drawing.index(">", drawing.index("<svg")) + 1
        drawing = f"{drawing[:start]}<metadata>{about.rdf}</metadata>{drawing[start:]}"
    return drawing.encode()
