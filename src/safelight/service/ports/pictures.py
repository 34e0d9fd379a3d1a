"""Pictures that somebody sent, made into pixels."""

# Tested in tests/contracts/test_picture_port.py.

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from safelight.contract.errors import SafelightError
from safelight.contract.values.pictures import PictureFile

MOST_PIXELS = 40_000_000
MOST_SIDE = 16_384
MOST_PIXELS_TOGETHER = 160_000_000
"""Of all pictures of one request: what one message to a worker holds."""

Use = Literal["image", "image with a mask", "mask"]
"""What a file is for: to be drawn from; the same, and where it is transparent it is drawn anew; to be a mask."""


class UnreadablePicture(SafelightError):
    """A file that cannot be drawn from. The message is the rest of a sentence whose subject is the file."""


class DecodedPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A file's picture, turned as its Exif says.

    `pixels` are rows of red, green and blue in sRGB; of a mask one byte a pixel, 255 where it is drawn anew. `mask` is
    that of a picture whose transparent parts are drawn anew, None where it has none. `scene` is what a picture of
    Postcard's says of itself.
    """

    width: int
    height: int
    pixels: bytes
    mask: bytes | None = None
    scene: bytes | None = None


class Pictures(Protocol):
    """Decodes files of strangers. PNG, JPEG and WebP by their content; of several frames the first.

    A file that is not to be trusted harms nobody but whoever sent it, and only until its time or memory is used up.
    """

    async def decode(self, file: PictureFile, use: Use) -> DecodedPicture:
        """The picture of a file.

        Raises:
            UnreadablePicture: it is none, of another format, cut short, too large, or takes too much to decode.
            Unavailable: nothing can decode it just now.
        """

    async def close(self) -> None:
        """End what decodes."""
