"""From the SVG drawing to pixels, in bands: a large picture is made piece by piece, and others may go between.

A band is drawn by moving the drawing up behind a window of the band's height. Cairo cuts shapes at a window's edge
without rounding them, so a band's shapes and lines are those of the picture in one piece. Its gradients are rounded by
where the window begins: pixels differ by a level of 255, some of those where several meet by up to four, and single
pixels of lines by up to 24. A drawing is always cut the same way, so a picture has the same bytes in all company.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from safelight.postcard.render.paper import librsvg, textures
from safelight.postcard.render.paper.extents import Drawing

Pause = Callable[[], None]

_LONGEST = 2560
"""Pixels of the longer side of a sheet that is put together anew: beyond 8 to 1 panes and strokes grow coarser."""
_PIECE_MS = 36.0
"""What drawing one band should take of a core. With what the estimate misses by, and what is done around it, a piece
between two pauses takes at most 50.
"""
_WHOLE = 0.75
"""Pieces up to which a drawing is drawn at once."""
_HALVES = 1.4
"""Pieces for which two halves do: taking the drawing apart would cost more than it saves."""
_AIM = 0.85
"""Pieces that the next band is to take: tried once more, each costs a tenth of what it draws."""
_LEAST_ROWS = 16
_MARGIN = 2
"""Rows above and below a band: what is smoothed may lie on the next one."""
_MS = {"pixel": 18e-6, "character": 0.055e-3, "stroke": 0.1e-3, "hatching": 1.05e-3, "dab": 8e-3}
"""Milliseconds for a pixel, a character of a document, one more for a character of a stroked path and of hatching,
whose lines are long, and for one stroke of many that have their pen from their group. Fitted to 576 bands of all styles
on an AMD EPYC (2 to 310 ms); the residual is 11 ms, most of it in whole drawings.
"""
_LONG = 80.0
"""User units that strokes are high, and things that are shown again."""
_MIRRORED = 1.8
"""Times that showing something again takes of reading it."""
_HEAD = re.compile(r"<svg\b[^>]*>")
_VIEW = re.compile(r'viewBox="([^"]*)"')
_STROKED = re.compile(r'<path[^>]* stroke="[^>]*>')
_HATCHING, _OWN_PEN = 'class="hatching"', "stroke-width"
_SYMBOL = re.compile(r'<g id="(\w+)"[^>]*>(.*?)</g>')
_USE = re.compile(r'<use href="#(\w+)"')


def never() -> None:
    """In place of a pause: goes on at once."""


def rasterise(svg: str, width: int, height: int, pause: Pause = never) -> NDArray[np.uint8]:
    """The drawing as an array of shape [height, width, 3], sRGB. Raises ValueError if ``svg`` is no drawing.

    ``pause`` is called between pieces of work.
    """
    svg, grain = textures.taken_off(svg)
    window = _Window(svg, width, height)
    picture = np.empty((height, width, 3), dtype=np.uint8)
    for top, foot, document in window.documents(pause):
        if top:
            pause()
        band = librsvg.pixels(document, width, foot - top)[..., :3]
        picture[top:foot] = band if grain is None else textures.laid(band, grain, window.scale, top)
    return picture


class _Window:
    """A drawing seen through windows of the picture's width."""

    def __init__(self, svg: str, width: int, height: int) -> None:
        head = _HEAD.search(svg)
        if head is None or not svg.rstrip().endswith("</svg>"):
            raise ValueError("this is no SVG drawing")
        wide, high = _view(head.group(), width, height)
        # As an SVG's viewBox is fitted: the same scale both ways, in the middle.
        self.scale = min(width / wide, height / high)
        self._width, self._height = width, height
        self._left, self._top = (width - wide * self.scale) / 2, (height - high * self.scale) / 2
        self._body = svg[head.end() : svg.rindex("</svg>")]
        self._symbols = {name: _reading_ms(text) for name, text in _SYMBOL.findall(self._body.partition("</defs>")[0])}

    def documents(self, pause: Pause) -> Iterator[tuple[int, int, str]]:
        """Bands from the top down: first row, the row after the last, and the document of these rows.

        They follow from drawing and size alone. A drawing that two halves do for is not taken apart.
        """
        share = self._milliseconds(self._body, self._height) / _PIECE_MS
        if share < _HALVES:
            edges = [0, self._height] if share < _WHOLE else [0, self._height // 2, self._height]
            for top, foot in itertools.pairwise(edges):
                yield top, foot, self._document(self._body, top, foot)
            return
        drawing, top, rows = Drawing(self._body, pause), 0, math.ceil(self._height / share)
        pause()
        while top < self._height:
            foot = min(self._height, top + rows)
            body = drawing.between(*((row - self._top) / self.scale for row in (top - _MARGIN, foot + _MARGIN)))
            share = self._milliseconds(body, foot - top) / _PIECE_MS
            rows = max(_LEAST_ROWS, int((foot - top) * min(2.0, max(0.4, _AIM / share))))
            if share > 1 and foot - top > _LEAST_ROWS:
                continue
            yield top, foot, self._document(body, top, foot)
            top = foot

    def _document(self, body: str, top: int, foot: int) -> str:
        place = f"matrix({self.scale!r} 0 0 {self.scale!r} {self._left!r} {self._top - top!r})"
        size = f'width="{self._width}" height="{foot - top}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><g transform="{place}">{body}</g></svg>'

    def _milliseconds(self, body: str, rows: int) -> float:
        """About how long drawing so many rows of a body takes."""
        symbols = sum(self._symbols.get(name, 0.0) for name in _USE.findall(body))
        drawn = _reading_ms(body, rows / self.scale) + _MIRRORED * symbols * _seen(rows / self.scale)
        return rows * self._width * _MS["pixel"] + drawn


def _reading_ms(body: str, high: float = math.inf) -> float:
    """About how long reading a body and walking its shapes takes. Of long strokes a band ``high`` user units shows a
    part, and the rest costs less.
    """
    total = len(body) * _MS["character"]
    seen = _seen(high)
    for path in _STROKED.findall(body):
        if _HATCHING in path:
            total += len(path) * _MS["hatching"] * (0.15 + 0.85 * seen)
        else:
            total += len(path) * _MS["stroke"]
            total += 0.0 if _OWN_PEN in path else path.count("M") * _MS["dab"] * (0.3 + 0.7 * seen)
    return total


def _seen(high: float) -> float:
    """The share of a stroke, or of a thing that is shown again, that a band of that height shows."""
    return 1.0 if high == math.inf else high / (high + _LONG)


def _view(head: str, width: int, height: int) -> tuple[float, float]:
    """Width and height of a drawing in its own units; its corner is at zero."""
    view = _VIEW.search(head)
    if view is None:
        return float(width), float(height)
    _, _, wide, high = (float(part) for part in view.group(1).split())
    return wide, high


def small(svg: str, width: int, height: int, short: int, pause: Pause) -> NDArray[np.uint8]:
    """The drawing at ``short`` pixels on its shorter side, for styles that put it together anew."""
    shrink = min(short / min(width, height), _LONGEST / max(width, height))
    pause()
    return rasterise(svg, max(8, round(width * shrink)), max(8, round(height * shrink)), pause)
