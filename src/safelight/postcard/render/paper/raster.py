"""From the SVG drawing to pixels.

Shapes are drawn by librsvg, piece by piece (`bands`). What it would take longest for, and NumPy or Pillow do not, is
taken off the drawing and laid over the pixels: hatching (`pens`), strokes of a brush (`brushes`), textures and the glow
of lines (`bloom`).
"""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from safelight.postcard.render.paper import bloom, brushes, librsvg, pens, textures
from safelight.postcard.render.paper.bands import Pause, Window, never

_LONGEST = 2560
"""Pixels of the longer side of a sheet that is put together anew: beyond 8 to 1 panes and strokes grow coarser."""
_PIECE_PIXELS = 2_000_000
"""Pixels that a texture is laid over at once: some 30 ms."""
_HATCHINGS = re.compile(rf"((?:{pens.HATCHING})+)")


def rasterise(svg: str, width: int, height: int, pause: Pause = never) -> NDArray[np.uint8]:
    """The drawing as an array of shape [height, width, 3], sRGB. Raises ValueError if ``svg`` is no drawing.

    ``pause`` is called between pieces of work.
    """
    svg, grain = textures.taken_off(svg)
    svg, glows = bloom.taken_off(svg)
    window = Window(svg, width, height)
    if brushes.is_painting(window.body):
        return brushes.painted(window.body, window.fit, width, height, pause)
    picture = _drawn(window, width, height, pause)
    if glows:
        pause()
        picture = bloom.shining(picture, window.fit.scale)
    if grain is not None:
        rows = max(1, _PIECE_PIXELS // width)
        for top in range(0, height, rows):
            pause()
            picture[top : top + rows] = textures.laid(picture[top : top + rows], grain, window.fit.scale, top)
    return picture


def _drawn(window: Window, width: int, height: int, pause: Pause) -> NDArray[np.uint8]:
    """What is drawn by librsvg, with hatching between what lies below and above it."""
    picture, done = np.empty((height, width, 3), dtype=np.uint8), 0
    for text, hatching in _layers(window.body):
        for top, foot, document in window.pieces(text, pause):
            if done:
                pause()
            drawn = librsvg.pixels(document, width, foot - top)
            if foot > done:
                picture[top:foot] = drawn[..., :3]
                done = foot
            else:
                _lay_over(picture[top:foot], drawn)
        if hatching:
            pause()
            pens.laid_over(picture, pens.read(hatching), window.fit, pause)
    return picture


def _lay_over(picture: NDArray[np.uint8], sheet: NDArray[np.uint8]) -> None:
    """Lays a sheet [rows, columns, 4] over as many rows of the picture, where anything is drawn on it."""
    rows = np.flatnonzero(sheet[..., 3].any(axis=1))
    if rows.size:
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        below, above = Image.fromarray(picture[part]), Image.fromarray(sheet[part])
        below.paste(above, (0, 0), above)
        picture[part] = np.asarray(below)


def _layers(body: str) -> Iterator[tuple[str, str]]:
    """What is drawn, and the hatching over it, from the back."""
    parts = _HATCHINGS.split(body)
    for text, hatching in zip(parts[::2], [*parts[1::2], ""], strict=True):
        if text or hatching:
            yield text, hatching


def small(svg: str, width: int, height: int, short: int, pause: Pause) -> NDArray[np.uint8]:
    """The drawing at ``short`` pixels on its shorter side, for styles that put it together anew."""
    shrink = min(short / min(width, height), _LONGEST / max(width, height))
    pause()
    return rasterise(svg, max(8, round(width * shrink)), max(8, round(height * shrink)), pause)
