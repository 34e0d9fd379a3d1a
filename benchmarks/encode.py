"""From a finished picture to the body of the answer: Safelight's encoder beside Pillow's, 1024x1024, medians.

    python -m benchmarks.encode

The body is what the images endpoint sends: the PNG in base64 (pybase64) in JSON (orjson). Pictures: a photograph-like
one (octaves of noise with grain, the worst case for compression) and a drawing (gradients and flat shapes).
"""

from __future__ import annotations

import base64
import io
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import orjson
import pybase64
from numpy.typing import NDArray
from PIL import Image

from safelight.contract.requests.order import FileSpec, Order, Recipe
from safelight.engine.output.encode import encode
from safelight.engine.output.metadata import Facts

SIDE = 1024
REPEATS = 15
TARGET_MS = 30.0


def photograph() -> Image.Image:
    """Octaves of noise, each half the size and 0.6 of the strength of the one before, with a grain of one level."""
    rng = np.random.default_rng(0)
    sky: NDArray[np.float32] = np.zeros((SIDE, SIDE, 3), dtype=np.float32)
    for octave in range(1, 9):
        coarse = rng.normal(size=(3, 2**octave + 1, 2**octave + 1)).astype(np.float32)
        fine = [np.asarray(Image.fromarray(c).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for c in coarse]
        sky += np.stack(fine, axis=-1) * 0.6**octave
    scaled = (sky - sky.min()) / (sky.max() - sky.min()) * 255 + rng.normal(size=sky.shape)
    return Image.fromarray(scaled.clip(0, 255).astype(np.uint8))


def drawing() -> Image.Image:
    """A gradient with twelve flat discs."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:1:1024j, 0:1:1024j]
    values = np.stack([80 + 120 * y, 100 + 80 * y**2, 200 - 100 * y], axis=-1)
    for _ in range(12):
        centre_x, centre_y, radius = rng.random(3) * [1.0, 1.0, 0.2]
        values[(x - centre_x) ** 2 + (y - centre_y) ** 2 < radius**2] = rng.random(3) * 255
    return Image.fromarray(values.astype(np.uint8))


def job(output_format: str) -> Order:
    return Order(
        id="benchmark",
        recipe=Recipe(source="postcard", prompt="a benchmark", width=SIDE, height=SIDE, seed=1),
        file=FileSpec(format=output_format, model="stable-image-ultra"),
    )


def ours(picture: Image.Image, output_format: str) -> bytes:
    return encode(picture, job(output_format), Facts(used={"steps": 8, "guidance_scale": 3.0}, drawn_by="postcard"))


def pillow(picture: Image.Image, level: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=level)
    return file.getvalue()


def fast_body(data: bytes) -> bytes:
    image = pybase64.b64encode_as_string(data)
    return orjson.dumps({"created": 1, "data": [{"b64_json": image, "revised_prompt": ""}]})


def plain_body(data: bytes) -> bytes:
    image = base64.b64encode(data).decode()
    return json.dumps({"created": 1, "data": [{"b64_json": image, "revised_prompt": ""}]}).encode()


def median_ms(action: Callable[[], bytes], repeats: int) -> tuple[float, bytes]:
    action()
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        result = action()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds) * 1e3, result


def table(name: str, picture: Image.Image) -> float:
    """Print the rows for one picture; returns the milliseconds of our PNG's whole way."""
    rows: list[tuple[str, Callable[[], bytes], Callable[[bytes], bytes], int]] = [
        ("Safelight PNG: filter up, isal level 1", lambda: ours(picture, "png"), fast_body, REPEATS),
        ("Pillow PNG, level 1", lambda: pillow(picture, 1), plain_body, 5),
        ("Pillow PNG, default", lambda: pillow(picture, 6), plain_body, 3),
        ("Safelight JPEG, quality 90", lambda: ours(picture, "jpeg"), fast_body, REPEATS),
    ]
    print(f"\n{name:42}{'file ms':>9}{'body ms':>9}{'all ms':>9}{'ratio':>7}{'file kB':>9}")
    first = 0.0
    for label, write, answer, repeats in rows:
        file_ms, data = median_ms(write, repeats)
        body_ms, _ = median_ms(partial(answer, data), repeats)
        total = file_ms + body_ms
        first = first or total
        size = len(data) / 1e3
        print(f"{label:42}{file_ms:9.1f}{body_ms:9.2f}{total:9.1f}{total / first:7.1f}{size:9.0f}")
    return first


def main() -> int:
    slowest = max(table("photograph-like", photograph()), table("drawing", drawing()))
    print(f"\nPNG to finished answer: {slowest:.1f} ms at most (target: under {TARGET_MS:.0f} ms)")
    return 0 if slowest < TARGET_MS else 1


if __name__ == "__main__":
    raise SystemExit(main())
