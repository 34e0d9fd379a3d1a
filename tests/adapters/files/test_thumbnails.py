"""The average colour of pictures of every kind that is kept."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from safelight.adapters.files.thumbnails import average_color


def picture(kind: str) -> bytes:
    """The left half orange, the right half black."""
    image = Image.new("RGB", (512, 256), "black")
    image.paste((255, 128, 0), (0, 0, 256, 256))
    file = io.BytesIO()
    image.save(file, kind, quality=95)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_has_the_average_of_its_pixels(kind: str) -> None:
    color = average_color(picture(kind))
    assert color is not None
    found = bytes.fromhex(color.removeprefix("#"))
    assert all(abs(one - other) <= 3 for one, other in zip(found, (128, 64, 0), strict=True)), color


def test_a_drawing_has_the_colour_that_it_shows() -> None:
    rectangle = '<rect width="40" height="20" fill="#123456"/>'
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">{rectangle}</svg>'
    assert average_color(drawing.encode()) == "#123456"


@pytest.mark.parametrize("file", [b"", b"no picture", b"<svg", picture("PNG")[:200]])
def test_what_is_no_picture_has_none(file: bytes) -> None:
    assert average_color(file) is None
