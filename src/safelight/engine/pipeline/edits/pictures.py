"""Pictures as pipelines take them: of PIL, in the size of what is drawn, and put together with what is kept of them."""

# Tested in tests/engine/test_edit.py.

from __future__ import annotations

from PIL import Image, ImageOps

from safelight.contract.requests.order import InputPicture


def as_image(picture: InputPicture) -> Image.Image:
    """RGB; a mask is "L", white where it is drawn anew."""
    mode = "L" if picture.role == "mask" else "RGB"
    return Image.frombytes(mode, (picture.width, picture.height), picture.pixels)


def fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    """Scaled to cover that size and cut in its middle. A mask stays black and white."""
    if image.size == (width, height):
        return image
    how = Image.Resampling.NEAREST if image.mode == "L" else Image.Resampling.LANCZOS
    return ImageOps.fit(image, (width, height), how)


def kept_outside(drawn: Image.Image, before: Image.Image, mask: Image.Image) -> Image.Image:
    """What was drawn where the mask is white, and what stood there before elsewhere. All are of one size."""
    return Image.composite(drawn.convert("RGB"), before, mask)
