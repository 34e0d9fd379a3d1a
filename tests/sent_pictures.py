"""Files of pictures as callers send them, made here."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

RED, BLUE = (200, 30, 30), (20, 60, 200)


def file_of(picture: Image.Image, format_: str = "PNG", **options: Any) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


def one_colour(width: int = 96, height: int = 64, colour: Any = RED, mode: str = "RGB", **options: Any) -> bytes:
    """A file of one colour."""
    return file_of(Image.new(mode, (width, height), colour), **options)


def halves(width: int = 96, height: int = 64, format_: str = "PNG", **options: Any) -> bytes:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return file_of(picture, format_, **options)
