"""What a picture that came back must be."""

from __future__ import annotations

import base64
import io

from PIL import Image

from safelight.adapters.fake.stripes import draw_stripes
from tests.clients.process import MODEL
from tests.orders import order

PROMPT = "A serene mountain landscape at sunset with vibrant colors"


def drawn(
    *,
    seed: int,
    prompt: str = PROMPT,
    negative_prompt: str = "",
    size: tuple[int, int] = (1024, 1024),
    output_format: str = "png",
    model: str = MODEL,
    steps: int | None = None,
) -> bytes:
    """The bytes that the shipped fake engine draws for a request: what every client must end up with."""
    return draw_stripes(
        order(
            id="",
            model=model,
            source="postcard",
            prompt=prompt,
            negative_prompt=negative_prompt,
            width=size[0],
            height=size[1],
            seed=seed,
            output_format=output_format,
            steps=steps,
        )
    )


def file_of(b64_json: str | None) -> bytes:
    """The file in an answer, which must be plain base64: no prefix, no line ends."""
    assert b64_json is not None
    return base64.b64decode(b64_json, validate=True)


def opened(picture: bytes | str | None) -> Image.Image:
    """A file, or its base64 text, as a picture that has been read to its last byte."""
    file = picture if isinstance(picture, bytes) else file_of(picture)
    image = Image.open(io.BytesIO(file))
    image.load()
    return image
