"""From the SVG drawing to pixels, in bands: a large picture is made piece by piece, and others may go between.

A band is drawn by moving the drawing up behind a window of the band's height. Cairo cuts shapes at a window's edge
without rounding them, so a band's shapes and lines are those of the picture in one piece. Its gradients are rounded by
where the window begins: pixels differ by a level of 255, some of those where several meet by up to four. A size is
always cut the same way, so a picture has the same bytes in all company.
"""

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from safelight.postcard.render.paper import librsvg, strokes, textures

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
    window = _Window(svg, width, height)
    picture = np.empty((height, width, 3), dtype=np.uint8)
    for number, (top, foot) in enumerate(band_edges(width, height)):
        if number:
            pause()
        band = window.drawn(top, foot)
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

    def drawn(self, top: int, foot: int) -> NDArray[np.uint8]:
        """The pixels of the rows from ``top`` to ``foot``."""
        return librsvg.pixels(self._document(top, foot), self._width, foot - top)[..., :3]

    def _document(self, top: int, foot: int) -> str:
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


def small(svg: str, width: int, height: int, short: int) -> NDArray[np.uint8]:
    """The drawing at ``short`` pixels on its shorter side, for styles that put it together anew."""
    shrink = min(short / min(width, height), _LONGEST / max(width, height))
    return rasterise(svg, max(8, round(width * shrink)), max(8, round(height * shrink)))
