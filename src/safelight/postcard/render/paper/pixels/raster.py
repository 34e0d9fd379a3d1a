"""From the SVG drawing to pixels.

Shapes are drawn by librsvg, piece by piece (`bands`). What it would take longest for, and NumPy or Pillow do not, is
taken off the drawing and laid over the pixels: hatching (`pens`), strokes of a brush (`brushes`), textures and the glow
of lines (`bloom`).
"""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from safelight.postcard.render.paper import textures
from safelight.postcard.render.paper.pixels import bloom, brushes, librsvg, pens
from safelight.postcard.render.paper.pixels.bands import Pause, Window, never

_LONGEST = 2560
"""Pixels of the longer side of a sheet that is put together anew: beyond 8 to 1 panes and strokes grow coarser."""
_PIECE_PIXELS = 2_000_000
"""Pixels that a texture is laid over at once: some 30 ms."""
_FAINTEST, _OPAQUE = 1 << 24, 255 << 24
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
    picture, done = np.empty((height, width, 4), dtype=np.uint8), 0
    for text, hatching in _layers(window.body):
        for top, foot, document in window.pieces(text, pause):
            if done:
                pause()
            drawn = librsvg.pixels(document, width, foot - top)
            if foot > done:
                picture[top:foot] = drawn
                done = foot
            else:
                lay_over(picture[top:foot], drawn)
        if hatching:
            pause()
            pens.laid_over(picture, pens.read(hatching), window.fit, pause)
    return _opaque(picture)


def lay_over(picture: NDArray[np.uint8], sheet: NDArray[np.uint8]) -> None:
    """Lays a sheet [rows, columns, 4] over as many rows of the picture, as Pillow's `paste` does: what covers is
    copied whole, and only what something shines through is mixed. Most of a sheet is one or nothing.
    """
    above, below = (each.view("<u4")[..., 0] for each in (sheet, picture))  # opacity is the highest byte
    np.copyto(below, above, where=above >= _OPAQUE)
    some = np.flatnonzero((above >= _FAINTEST) & (above < _OPAQUE))
    colours, pixels = sheet.reshape(-1, 4)[some].astype(np.uint16), picture.reshape(-1, 4)
    opacity = colours[:, 3:]
    mixed = pixels[some] * (255 - opacity)
    mixed += colours * opacity
    mixed += 128
    mixed += mixed >> 8
    pixels[some] = mixed >> 8


def _opaque(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The colours [rows, columns, 3]: channel by channel, in a fourth of the time that a slice is copied in."""
    colours = np.empty((*picture.shape[:2], 3), dtype=np.uint8)
    for channel in range(3):
        colours[..., channel] = picture[..., channel]
    return colours


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
