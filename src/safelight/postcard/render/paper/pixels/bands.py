"""A drawing in pieces of work, between which others may go: sheets, each laid over those before, or bands.

A drawing that two or three pieces do for is cut by depth: what lies behind, and what is laid over it. So each shape is
walked once; halves of a picture, one above the other, would each walk nearly all of them. What takes longer is cut in
bands.

A band is drawn by moving the drawing up behind a window of the band's height. Cairo cuts shapes at a window's edge
without rounding them, so a band's shapes and lines are those of the picture in one piece. Its gradients are rounded by
where the window begins: pixels differ by a level of 255, some of those where several meet by up to four, and single
pixels of lines by up to 24. A drawing is always cut the same way, so a picture has the same bytes in all company.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from safelight.postcard.render.paper.pixels.extents import Drawing

Pause = Callable[[], None]


@dataclass(frozen=True)
class Fit:
    """User units become pixels: ``unit * scale + left`` across and ``+ top`` down, as an SVG's viewBox is fitted."""

    scale: float
    left: float = 0.0
    top: float = 0.0

    def times(self, share: float) -> "Fit":
        """The same on a sheet ``share`` of the size."""
        return Fit(self.scale * share, self.left * share, self.top * share)


class Piece(NamedTuple):
    """What is drawn at once: the first row, the row after the last, and their document. A piece of rows that were
    drawn before is laid over them.
    """

    top: int
    foot: int
    document: str


_PIECE_MS = 36.0
"""What drawing one piece should take of a core. With what the estimate misses by, and what is done around it, a piece
between two pauses takes at most 50.
"""
_WHOLE = 0.75
"""Pieces up to which a drawing is drawn at once."""
_SHEETS = {2: 2.0, 3: 2.6}
"""So many sheets, and pieces that may be drawn as these. Five bands of a watercolour took 134 ms and finding out what
each shows 32; in one piece it takes 97, as three sheets 105.
"""
_LARGER = 1.15
"""Pieces that the largest of several sheets may take."""
_AIM = 0.85
"""Pieces that the next band is to take: tried once more, each costs a tenth of what it draws."""
_LEAST_ROWS = 16
_MARGIN = 2
"""Rows above and below a band: what is smoothed may lie on the next one."""
_MS = {"pixel": 18e-6, "character": 0.055e-3, "stroke": 0.1e-3}
"""Milliseconds for a pixel, a character of a document, and one more for a character of a stroked path. Fitted to 576
bands of all styles on an AMD EPYC (2 to 310 ms); the residual is 11 ms, most of it in whole drawings.
"""
_LONG = 80.0
"""User units that things are high which are shown again."""
_MIRRORED = 1.8
"""Times that showing something again takes of reading it."""
_HEAD = re.compile(r"<svg\b[^>]*>")
_VIEW = re.compile(r'viewBox="([^"]*)"')
_STROKED = re.compile(r'<path[^>]* stroke="[^>]*>')
_SYMBOL = re.compile(r'<g id="([\w-]+)"[^>]*>(.*?)</g>')
_USE = re.compile(r'<use href="#([\w-]+)"')
_TAG = re.compile(r"<(/?)\w[^>]*>")
_NAME = re.compile(r'<g id="([\w-]+)"')
_PLAIN_GROUP = re.compile(r'<g id="([\w-]+)"(?: class="[\w-]+")?>')


def never() -> None:
    """In place of a pause: goes on at once."""


class Window:
    """A drawing seen through windows of the picture's width. Raises ValueError if ``svg`` is no drawing."""

    def __init__(self, svg: str, width: int, height: int) -> None:
        head = _HEAD.search(svg)
        if head is None or not svg.rstrip().endswith("</svg>"):
            raise ValueError("this is no SVG drawing")
        wide, high = _view(head.group(), width, height)
        scale = min(width / wide, height / high)  # the same both ways, in the middle
        self.fit = Fit(scale, (width - wide * scale) / 2, (height - high * scale) / 2)
        self._width, self._height = width, height
        body = svg[head.end() : svg.rindex("</svg>")]
        mark = body.find("</defs>") + len("</defs>") if body.startswith("<defs>") else 0
        self._defs, self.body = body[:mark], body[mark:]
        self._symbols = {name: _reading_ms(text) for name, text in _SYMBOL.findall(self._defs)}

    def pieces(self, body: str, pause: Pause) -> Iterator[Piece]:
        """The pieces of ``body``, which is all of the drawing's or a part of it, in their order.

        They follow from drawing and size alone.
        """
        whole = self._defs + body if "url(" in body or "href" in body else body
        share = self._milliseconds(whole, self._height) / _PIECE_MS
        sheets = [whole] if share < _WHOLE else self._sheets(body, share)
        for sheet in sheets or ():
            yield Piece(0, self._height, self._document(sheet, 0, self._height))
        if sheets is None:
            yield from self._bands(whole, share, pause)

    def _sheets(self, body: str, share: float) -> list[str] | None:
        """The body as sheets that take about as long; None where one would be too much.

        ``share``: pieces that the body takes.
        """
        elements = list(_opened(body, set(_USE.findall(body))))
        names = [found.group(1) if (found := _NAME.match(element)) else "" for element in elements]
        costs = self._costs(elements, names)
        fitting = (count for count, most in _SHEETS.items() if share < most)
        cuts = next((cuts for count in fitting if (cuts := _even(costs, count, _LARGER / share)) is not None), None)
        if cuts is None:
            return None
        sheets = []
        for first, last in itertools.pairwise(cuts):
            sheet = "".join(elements[first:last])
            shown = set(_USE.findall(sheet))
            again = "".join(elements[k] for k in range(first) if names[k] in shown)
            sheets.append(self._defs + (f"<defs>{again}</defs>" if again else "") + sheet)
        return sheets

    def _costs(self, elements: list[str], names: list[str]) -> list[float]:
        """Milliseconds of each element; what one shows again counts for it too."""
        known, costs = dict[str, float](), list[float]()
        for name, element in zip(names, elements, strict=True):
            shown = (known.get(used, self._symbols.get(used, 0.0)) for used in _USE.findall(element))
            costs.append(_reading_ms(element) + _MIRRORED * sum(shown))
            if name:
                known[name] = costs[-1]
        return costs

    def _bands(self, body: str, share: float, pause: Pause) -> Iterator[Piece]:
        drawing, top, rows = Drawing(body, pause), 0, math.ceil(self._height / share)
        pause()
        while top < self._height:
            foot = min(self._height, top + rows)
            seen = ((row - self.fit.top) / self.fit.scale for row in (top - _MARGIN, foot + _MARGIN))
            part = drawing.between(*seen)
            share = self._milliseconds(part, foot - top) / _PIECE_MS
            rows = max(_LEAST_ROWS, int((foot - top) * min(2.0, max(0.4, _AIM / share))))
            if share > 1 and foot - top > _LEAST_ROWS:
                continue
            yield Piece(top, foot, self._document(part, top, foot))
            top = foot

    def _document(self, body: str, top: int, foot: int) -> str:
        fit = self.fit
        place = f"matrix({fit.scale!r} 0 0 {fit.scale!r} {fit.left!r} {fit.top - top!r})"
        size = f'width="{self._width}" height="{foot - top}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><g transform="{place}">{body}</g></svg>'

    def _milliseconds(self, body: str, rows: int) -> float:
        """About how long drawing so many rows of a body takes."""
        symbols = sum(self._symbols.get(name, 0.0) for name in _USE.findall(body))
        high = rows / self.fit.scale
        return rows * self._width * _MS["pixel"] + _reading_ms(body) + _MIRRORED * symbols * high / (high + _LONG)


def _reading_ms(body: str) -> float:
    """About how long reading a body and walking its shapes takes."""
    strokes = sum(len(path) for path in _STROKED.findall(body))
    return len(body) * _MS["character"] + strokes * _MS["stroke"]


def _even(costs: list[float], count: int, most: float) -> list[int] | None:
    """Where to cut a row of elements in so many parts of about the same cost, ends included; None where one part would
    have more than the share ``most`` of all.
    """
    upto = [0.0, *itertools.accumulate(costs)]
    aims = [upto[-1] * number / count for number in range(1, count)]
    apart = np.abs(np.subtract.outer(aims, upto))
    cuts = [0, *apart.argmin(axis=1).tolist(), len(costs)]
    parts = [upto[last] - upto[first] for first, last in itertools.pairwise(cuts)]
    return cuts if costs and max(parts) <= most * upto[-1] else None


def _opened(body: str, shown: set[str]) -> Iterator[str]:
    """The outermost elements of a body, each with all that is within it; of groups that only name what is in them,
    unless it is shown again, those within."""
    depth = begun = 0
    for found in _TAG.finditer(body):
        closing, single = found.group(1), body[found.end() - 2] == "/"
        if depth == 0 and not single and (closing or _only_names(body, found.start(), shown)):
            begun = found.end()  # of a group that is opened
            continue
        depth += -1 if closing else 0 if single else 1
        if depth == 0:
            yield body[begun : found.end()]
            begun = found.end()


def _only_names(body: str, start: int, shown: set[str]) -> bool:
    group = _PLAIN_GROUP.match(body, start)
    return group is not None and group.group(1) not in shown


def _view(head: str, width: int, height: int) -> tuple[float, float]:
    """Width and height of a drawing in its own units; its corner is at zero."""
    view = _VIEW.search(head)
    if view is None:
        return float(width), float(height)
    _, _, wide, high = (float(part) for part in view.group(1).split())
    return wide, high
