"""From the SVG drawing to pixels, in bands: a large picture is made piece by piece, and others may go between.

A band is drawn by moving the drawing up behind a window of the band's height. Rounded to single precision, pixels along
edges then differ from the picture in one piece: one in fifty by up to 60 levels of 255, one in ten in pencil by up to
44. But a size is always cut the same way, so a picture has the same bytes in all company.
"""

import io
import re
from collections.abc import Callable

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from safelight.postcard.render.paper import strokes, textures

Pause = Callable[[], None]

_LONGEST = 2560
"""Pixels of the longer side of a sheet that is put together anew: beyond 8 to 1 panes and strokes grow coarser."""
_BAND = 2**18
"""Pixels of one band: 50 to 100 ms of one core in most styles."""
_HEAD = re.compile(r"<svg\b[^>]*>")
_VIEW = re.compile(r'viewBox="([^"]*)"')


def never() -> None:
    """In place of a pause: goes on at once."""


def rasterise(svg: str, width: int, height: int, pause: Pause = never) -> NDArray[np.uint8]:
    """The drawing as an array of shape [height, width, 3], sRGB. Raises ValueError if ``svg`` is no drawing.

    ``pause`` is called between bands.
    """
    svg, grain = textures.taken_off(svg)
    bands = band_edges(width, height)
    if len(bands) == 1:
        picture = _drawn(svg, width, height)
        scale = width / _view(svg, width, height)[0]
        return picture if grain is None else textures.laid(picture, grain, scale, 0)
    picture = np.empty((height, width, 3), dtype=np.uint8)
    window = _Window(svg, width, height)
    for number, (top, foot) in enumerate(bands):
        if number:
            pause()
        band = _drawn(window.at(top, foot), width, foot - top)
        picture[top:foot] = band if grain is None else textures.laid(band, grain, window.scale, top)
    return picture


def band_edges(width: int, height: int) -> list[tuple[int, int]]:
    """First row and the row after the last of each band; they follow from the size alone."""
    rows = max(8, _BAND // width)
    return [(top, min(height, top + rows)) for top in range(0, height, rows)]


class _Window:
    """A drawing seen through windows of the picture's width."""

    def __init__(self, svg: str, width: int, height: int) -> None:
        head = _HEAD.search(svg)
        if head is None or not svg.rstrip().endswith("</svg>"):
            raise ValueError("this is no SVG drawing")
        wide, high = _view(head.group(), width, height)
        # As an SVG's viewBox is fitted: the same scale both ways, in the middle.
        self.scale = min(width / wide, height / high)
        self._width = width
        self._left, self._top = (width - wide * self.scale) / 2, (height - high * self.scale) / 2
        self._parts = strokes.parts(svg[head.end() : svg.rindex("</svg>")])

    def at(self, top: int, foot: int) -> str:
        """The document of the rows from ``top`` to ``foot``."""
        first, last = ((row - self._top) / self.scale for row in (top, foot))
        body = "".join(part if isinstance(part, str) else part.between(first, last) for part in self._parts)
        place = f"matrix({self.scale!r} 0 0 {self.scale!r} {self._left!r} {self._top - top!r})"
        size = f'width="{self._width}" height="{foot - top}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><g transform="{place}">{body}</g></svg>'


def _view(head: str, width: int, height: int) -> tuple[float, float]:
    """Width and height of a drawing in its own units; its corner is at zero."""
    view = _VIEW.search(head)
    if view is None:
        return float(width), float(height)
    _, _, wide, high = (float(part) for part in view.group(1).split())
    return wide, high


def _drawn(svg: str, width: int, height: int) -> NDArray[np.uint8]:
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as picture:
        return np.asarray(picture.convert("RGB"))


def small(svg: str, width: int, height: int, short: int) -> NDArray[np.uint8]:
    """The drawing at ``short`` pixels on its shorter side, for styles that put it together anew."""
    shrink = min(short / min(width, height), _LONGEST / max(width, height))
    return rasterise(svg, max(8, round(width * shrink)), max(8, round(height * shrink)))
