"""Coloured stripes: pictures without a model, of every format, which depend on everything that a picture depends on."""

# Tested in tests/api/test_images.py.

from __future__ import annotations

import io

from PIL import Image

from safelight.adapters.preview_files import png_info
from safelight.contract.picture_files.provenance import description, packet
from safelight.contract.requests.order import Order

_STRIPES = 8


def _stripes(order: Order, count: int = _STRIPES) -> Image.Image:
    """The first stripes of an order's picture, one pixel each: they depend on everything that a picture depends on.

    Each is halfway to the average colour of the picture that the order begins with, if there is one.
    """
    stripes = Image.frombytes("RGB", (count, 1), order.identity[: count * 3])
    first = next((picture for picture in order.recipe.inputs if picture.role == "image"), None)
    if first is None:
        return stripes
    whole = Image.frombytes("RGB", (first.width, first.height), first.pixels)
    return Image.blend(stripes, whole.resize((1, 1), Image.Resampling.BOX).resize(stripes.size), 0.5)


def draw_preview(order: Order, step: int, longest: int) -> bytes:
    """The stripes that are there after a step, as a small JPEG of the picture's shape."""
    scale = min(1.0, longest / max(order.recipe.width, order.recipe.height))
    size = max(1, round(order.recipe.width * scale)), max(1, round(order.recipe.height * scale))
    file = io.BytesIO()
    _stripes(order, min(_STRIPES, 2 * step)).resize(size, Image.Resampling.NEAREST).save(file, "JPEG", quality=85)
    return file.getvalue()


def draw_stripes(order: Order) -> bytes:
    """A file of the order's size and format."""
    marked = order.file.metadata != "none"
    if order.file.format == "svg":
        return _svg(order, description() if marked else "")
    picture = _stripes(order).resize((order.recipe.width, order.recipe.height), Image.Resampling.NEAREST)
    file, xmp = io.BytesIO(), packet(description()) if marked else b""
    if order.file.format == "png":
        picture.save(file, "PNG", compress_level=1, pnginfo=png_info(xmp))
    else:
        quality = 90 if order.file.compression is None else order.file.compression
        picture.save(file, order.file.format, quality=quality, xmp=xmp)
    return file.getvalue()


def _svg(order: Order, about: str) -> bytes:
    stripes, width = _stripes(order), order.recipe.width / _STRIPES
    height = order.recipe.height
    rectangles = "".join(
        f'<rect x="{x * width:g}" width="{width:g}" height="{height}" fill="rgb{stripes.getpixel((x, 0))}"/>'
        for x in range(_STRIPES)
    )
    size = f'width="{order.recipe.width}" height="{order.recipe.height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><metadata>{about}</metadata>{rectangles}</svg>'.encode()
