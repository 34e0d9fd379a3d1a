"""Pictures in the making, as files of the format that was asked for."""

# Tested in tests/api/test_settings_in_files.py.

from __future__ import annotations

import base64
import io

from PIL import Image, PngImagePlugin

from safelight.contract.picture_files.provenance import description, packet
from safelight.contract.requests.order import MetadataMode

_QUALITY = 85


def partial(preview: bytes, output_format: str, metadata: MetadataMode) -> bytes:
    """A preview (JPEG) as PNG, JPEG, WebP or SVG, marked as generated. Runs in a thread: some 10 ms at 512 pixels.

    Raises:
        OSError: that is no picture.
    """
    file, xmp = io.BytesIO(), b"" if metadata == "none" else packet(description())
    with Image.open(io.BytesIO(preview)) as picture:
        match output_format:
            case "png":
                picture.save(file, "PNG", compress_level=1, pnginfo=png_info(xmp))
            case "svg":
                return _svg(picture.size, preview, marked=bool(xmp))
            case _:
                picture.save(file, output_format, quality=_QUALITY, xmp=xmp)
    return file.getvalue()


def png_info(xmp: bytes) -> PngImagePlugin.PngInfo:
    """An XMP packet as Pillow wants it for a PNG; nothing for none."""
    info = PngImagePlugin.PngInfo()
    if xmp:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return info


def _svg(size: tuple[int, int], preview: bytes, *, marked: bool) -> bytes:
    """A drawing whose only part is the preview."""
    width, height = size
    about = f"<metadata>{description()}</metadata>" if marked else ""
    data = base64.b64encode(preview).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{about}'
        f'<image width="{width}" height="{height}" href="data:image/jpeg;base64,{data}"/></svg>'
    ).encode()
