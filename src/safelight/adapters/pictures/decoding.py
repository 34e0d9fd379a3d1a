"""Files of strangers as pixels: what is done in the process that may die. Pillow reads them, by their content."""

# Tested in tests/adapters/pictures/test_decoding.py.

from __future__ import annotations

import io
import re
import warnings
from html import unescape
from typing import Any

from PIL import Image, ImageChops, ImageCms, ImageOps, PngImagePlugin

from safelight.service.ports.pictures import MOST_PIXELS, MOST_SIDE, DecodedPicture, UnreadablePicture, Use

FORMATS = ("PNG", "JPEG", "WEBP")
# From half on (CONTRACT 11): alpha below it is transparent, grey from it on is white.
_HALF = 128
# Profiles of printers have some megabytes. What is longer is no reason to refuse a picture, and no profile.
_MOST_PROFILE_BYTES = 8 * 1024 * 1024
_MOST_SCENE_BYTES = 64 * 1024
_SCENE = re.compile(rb"<safelight:scene[^>]{0,200}>([^<]{1,%d})</safelight:scene>" % _MOST_SCENE_BYTES)
# ITU-T T.81, table B.1: the start of an image, an application's segment, and where the compressed data begins.
_JPEG, _APP1, _SCAN = b"\xff\xd8", 0xE1, 0xDA
_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_SRGB = ImageCms.createProfile("sRGB")


def prepare() -> None:
    """Load all that any file needs, and leave bounds to our own checks."""
    Image.MAX_IMAGE_PIXELS = None
    # Compressed text and profiles of a PNG: what is longer once it is unpacked is refused before it is unpacked.
    PngImagePlugin.MAX_TEXT_CHUNK = _MOST_PROFILE_BYTES
    PngImagePlugin.MAX_TEXT_MEMORY = 4 * _MOST_PROFILE_BYTES
    warnings.simplefilter("ignore")
    for format_ in FORMATS:
        file = io.BytesIO()
        options: dict[str, Any] = {"icc_profile": ImageCms.ImageCmsProfile(_SRGB).tobytes(), "xmp": b"<x/>"}
        Image.new("RGB", (2, 2)).save(file, format_, **options)
        decode(file.getvalue(), "image")
        decode(file.getvalue()[:-5], "mask") if format_ == "PNG" else None


def decode(content: bytes, use: Use) -> DecodedPicture:
    """The picture of a file.

    Raises:
        UnreadablePicture: there is none, and why.
        MemoryError: it takes more than this process may have.
    """
    picture = _opened(content)
    try:
        picture.load()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a broken file raises in a decoder, it is broken
        raise UnreadablePicture(_why_broken(error)) from None
    scene = _scene(picture.info)
    profile = picture.info.get("icc_profile")
    turned = _turned(_eight_bits(picture))
    if use == "mask":
        return _as_mask(turned)
    colours, alpha = _split(turned)
    colours = _in_srgb(colours, profile)
    mask = _drawn_anew(alpha) if use == "image with a mask" and alpha is not None and _is_transparent(alpha) else None
    if alpha is not None and mask is None:
        colours = Image.composite(colours, Image.new("RGB", colours.size, "white"), alpha)
    width, height = colours.size
    return DecodedPicture(
        width=width, height=height, pixels=colours.tobytes(), mask=None if mask is None else mask.tobytes(), scene=scene
    )


def _opened(content: bytes) -> Image.Image:
    """A file's picture, not decoded yet.

    Raises:
        UnreadablePicture: it is none that we read, or too large.
    """
    if not content:
        raise UnreadablePicture("is empty")
    for each in (content, _without_exif(content)):
        try:
            picture = Image.open(io.BytesIO(each), formats=FORMATS)
            break
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - as above
            continue
    else:
        raise UnreadablePicture("is no PNG, JPEG or WebP file that can be read")
    width, height = picture.size
    if max(width, height) > MOST_SIDE:
        raise UnreadablePicture(f"has {width}x{height} pixels; a side may have at most {MOST_SIDE}")
    if width * height > MOST_PIXELS:
        raise UnreadablePicture(f"has {width}x{height} pixels; at most {MOST_PIXELS:,} pixels are read")
    if not width or not height:
        raise UnreadablePicture("has no pixels")
    return picture


def _without_exif(content: bytes) -> bytes:
    """A JPEG without its Exif, which Pillow reads while it opens one, and of which some cameras write nonsense."""
    if not content.startswith(_JPEG):
        return content
    kept, at = bytearray(_JPEG), len(_JPEG)
    while len(content) >= at + 4 and content[at] == 0xFF and 0xC0 <= content[at + 1] != _SCAN:
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if content[at + 1] != _APP1:
            kept += content[at:end]
        at = end
    return bytes(kept + content[at:])


def _why_broken(error: Exception) -> str:
    return "is cut short" if "truncated" in str(error).lower() else "is damaged"


def _turned(picture: Image.Image) -> Image.Image:
    """As its Exif says; Exif that cannot be read turns nothing."""
    try:
        return ImageOps.exif_transpose(picture)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - as above
        return picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Grey of 16 bits by its upper half: what Pillow's own conversion does of colours."""
    if picture.mode not in _SIXTEEN_BITS:
        return picture
    transparent = picture.info.get("transparency")
    small = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    small.info = dict(picture.info)
    if isinstance(transparent, int):
        small.info["transparency"] = transparent >> 8
    return small


def _split(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colours as they are stored (RGB, L or CMYK), and alpha where there is any."""
    if picture.mode == "CMYK":
        return picture, None
    if picture.mode in ("1", "L") and "transparency" not in picture.info:
        return picture.convert("L"), None
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa", "RGBX") or "transparency" in picture.info:
        whole = picture.convert("RGBA")
        return whole.convert("RGB"), whole.getchannel("A")
    return picture.convert("RGB"), None


def _in_srgb(colours: Image.Image, profile: object) -> Image.Image:
    """In sRGB by the profile that the file embeds; one that does not fit, or cannot be read, counts as none."""
    if isinstance(profile, bytes) and 0 < len(profile) <= _MOST_PROFILE_BYTES:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            transformed = ImageCms.profileToProfile(colours, source, _SRGB, outputMode="RGB")
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - as above
            transformed = None
        if transformed is not None:
            return transformed
    return colours.convert("RGB")


def _as_mask(picture: Image.Image) -> DecodedPicture:
    """Where it is transparent; without an alpha channel, or one that is opaque everywhere, where it is white."""
    colours, alpha = _split(picture)
    if alpha is not None and alpha.getextrema() != (255, 255):
        mask = _drawn_anew(alpha)
    else:
        mask = colours.convert("L").point(lambda grey: 255 if grey >= _HALF else 0)
    width, height = mask.size
    return DecodedPicture(width=width, height=height, pixels=mask.tobytes())


def _is_transparent(alpha: Image.Image) -> bool:
    least, _ = alpha.getextrema()
    return bool(least < _HALF)  # type: ignore[operator]


def _drawn_anew(alpha: Image.Image) -> Image.Image:
    return ImageChops.invert(alpha.point(lambda value: 255 if value >= _HALF else 0))


def _scene(info: dict[Any, Any]) -> bytes | None:
    """What Postcard's own files say of what they show: `safelight:scene` in their XMP."""
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8", "replace")
    found = _SCENE.search(xmp) if isinstance(xmp, bytes) else None
    return None if found is None else unescape(found[1].decode("utf-8", "replace")).encode()
