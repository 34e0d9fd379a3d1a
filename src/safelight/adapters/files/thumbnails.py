"""Small copies of pictures, for lists of them."""

# Tested in tests/adapters/files/test_store.py.

from __future__ import annotations

import io

import resvg_py
from PIL import Image

LONGEST_SIDE = 384
_QUALITY = 82
# A JPEG is decoded at an eighth of its size, or nearest above this: each pixel then is the average of 64.
_COLOR_SIDE = 16


def thumbnail(image: bytes) -> bytes:
    """A JPEG of at most 384 pixels a side, without metadata, from a picture or drawing. Runs in a thread: some 20 ms.

    Raises:
        OSError: that is no picture that Pillow reads.
    """
    with Image.open(io.BytesIO(_pixels(image))) as picture:
        picture.draft("RGB", (LONGEST_SIDE * 2, LONGEST_SIDE * 2))
        small = picture.convert("RGB")
        # reducing_gap: first by a whole factor, which is quick, then properly; not to be told from the slow way at 2.0
        small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        file = io.BytesIO()
        small.save(file, "JPEG", quality=_QUALITY, optimize=True)
        return file.getvalue()


def average_color(image: bytes) -> str | None:
    """The average of all pixels, as `#rrggbb`; None of what Pillow does not read. Runs in a thread: some 10 ms."""
    try:
        with Image.open(io.BytesIO(_pixels(image))) as picture:
            picture.draft("RGB", (_COLOR_SIDE, _COLOR_SIDE))
            one = picture.convert("RGB").resize((1, 1), Image.Resampling.BOX)
    except (OSError, ValueError):
        return None
    return f"#{one.tobytes().hex()}"


def _pixels(image: bytes) -> bytes:
    """The file itself, or a PNG of what it draws."""
    if not image.startswith(b"<"):
        return image
    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=image.decode(), width=LONGEST_SIDE, skip_system_fonts=True))
    except ValueError as error:
        raise OSError("that is no drawing") from error
