"""Hatching, drawn in NumPy: thousands of short thin strokes over the pixels of a picture.

A rasteriser of paths follows each stroke's edges through fifteen lines a pixel row, and again in each band: 100 to 200
ms for a picture of 1024x1024, here 25 to 50 (one core of an AMD EPYC). A stroke's cover of a pixel is the share of the
pixel's column (row, for steep strokes) within its width, so a drawing in one piece and in several is the same.
"""

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safelight.postcard.render.paper.pixels.bands import Fit, Pause

Cover = NDArray[np.uint8]

HATCHING = r'<path d="[^"]*" class="hatching"[^>]*/>'
"""A path of hatching, as a drawing has it."""
_PATH = re.compile(r'<path d="([^"]*)" class="hatching"([^>]*)/>')
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_NUMBERS = str.maketrans("MQ", "  ")
_TOGETHER = 200_000
"""Pixels looked at between two pauses: some 10 ms."""


@dataclass(frozen=True)
class Pen:
    """A set of strokes [n, 6] in user units (start, bend, end), drawn ``wide`` in one colour.

    Where the bend lies along a stroke is taken to be its middle, as in all hatching.
    """

    strokes: NDArray[np.float64]
    wide: float
    colour: tuple[int, int, int]
    opacity: float


def read(text: str) -> list[Pen]:
    """The pens of paths of hatching that follow one another."""
    return [_pen(d, attributes) for d, attributes in _PATH.findall(text)]


def _pen(d: str, attributes: str) -> Pen:
    had = dict(_ATTRIBUTE.findall(attributes))
    numbers = np.fromstring(d.translate(_NUMBERS), dtype=np.float64, sep=" ")
    red, green, blue = bytes.fromhex(had["stroke"].removeprefix("#"))
    opacity = float(had.get("stroke-opacity", 1))
    return Pen(numbers.reshape(-1, 6), float(had["stroke-width"]), (red, green, blue), opacity)


def laid_over(picture: NDArray[np.uint8], pens: list[Pen], fit: Fit, pause: Pause) -> None:
    """Draws the pens' strokes over the picture [height, width, 3 or 4], whose first three channels are changed."""
    for colour, mine in _by_colour(pens):
        stays = np.ones(picture.shape[:2], dtype=np.float32)
        for each in mine:
            cover = _cover(each, fit, (picture.shape[0], picture.shape[1]), pause)
            stays *= (1 - each.opacity * np.arange(256, dtype=np.float32) / 255).take(cover)
        pause()
        rows = np.flatnonzero((stays < 1).any(axis=1))
        if rows.size:
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            _mixed(picture[part], stays[part], colour)


def _by_colour(pens: list[Pen]) -> Iterator[tuple[tuple[int, int, int], list[Pen]]]:
    """Pens of one colour that follow one another: they are laid over the picture at once."""
    mine: list[Pen] = []
    for each in pens:
        if mine and mine[0].colour != each.colour:
            yield mine[0].colour, mine
            mine = []
        mine.append(each)
    if mine:
        yield mine[0].colour, mine


def _mixed(picture: NDArray[np.uint8], stays: NDArray[np.float32], colour: tuple[int, int, int]) -> None:
    """``stays`` is the share of each pixel that is still to be seen."""
    part = (stays * 256 + 0.5).astype(np.uint16)
    rest = 256 - part
    for channel, level in enumerate(colour):  # three passes are three times as fast as one with three values a pixel
        mixed = picture[..., channel] * part
        mixed += rest * np.uint16(level)
        mixed += 128
        mixed >>= 8
        picture[..., channel] = mixed


def _cover(pen: Pen, fit: Fit, size: tuple[int, int], pause: Pause) -> Cover:
    """How far each pixel is covered by the stroke that covers it most, 0 to 255."""
    height, width = size
    strokes = (pen.strokes * fit.scale + np.array([fit.left, fit.top] * 3)).astype(np.float32)
    radius = max(0.35, pen.wide * fit.scale / 2)
    steep = np.abs(strokes[:, 5] - strokes[:, 1]) > np.abs(strokes[:, 4] - strokes[:, 0])
    lying, standing = np.zeros((height, width), dtype=np.uint8), np.zeros((width, height), dtype=np.uint8)
    if not steep.all():
        _draw(lying, strokes[~steep], radius, pause)
    if steep.any():
        _draw(standing, strokes[steep][:, [1, 0, 3, 2, 5, 4]], radius, pause)
        np.maximum(lying, standing.T, out=lying)
    return lying


def _draw(cover: Cover, strokes: NDArray[np.float32], radius: float, pause: Pause) -> None:
    """Draws strokes that go more along the rows than across them."""
    strokes = np.where((strokes[:, 4] < strokes[:, 0])[:, None], strokes[:, [4, 5, 2, 3, 0, 1]], strokes)
    columns = cover.shape[1]
    first = np.clip(np.floor(strokes[:, 0] - radius), 0, columns).astype(np.int32)
    last = np.clip(np.ceil(strokes[:, 4] + radius), 0, columns).astype(np.int32)
    counts = np.maximum(last - first, 0)
    slope = (strokes[:, 5] - strokes[:, 1]) / np.maximum(strokes[:, 4] - strokes[:, 0], 1e-3)
    rows = math.ceil(2 * radius * math.sqrt(1 + float(np.square(slope).max()))) + 1
    total = np.cumsum(counts)
    step = max(1, _TOGETHER // rows)
    edges = [*np.unique(np.searchsorted(total, np.arange(0, int(total[-1]), step))).tolist(), len(total)]
    for a, b in itertools.pairwise(edges):
        _columns(cover, strokes[a:b], first[a:b], counts[a:b], radius, rows)
        pause()


def _columns(
    cover: Cover,
    strokes: NDArray[np.float32],
    first: NDArray[np.int32],
    counts: NDArray[np.int32],
    radius: float,
    rows: int,
) -> None:
    """Covers, in each of so many columns from each stroke's first on, at most ``rows`` pixels."""
    x0, y0, bend_x, bend_y, x1, y1 = strokes.T
    long = np.maximum(x1 - x0, np.float32(1e-3))
    slope = (y1 - y0) / long
    bow = 2 * (bend_y - (y0 + y1) / 2 - slope * (bend_x - (x0 + x1) / 2))
    high = np.float32(radius) * np.sqrt(1 + slope * slope)  # half of what a stroke covers of a column

    def each(of_stroke: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(of_stroke, counts)

    column = np.arange(int(counts.sum()), dtype=np.int32) + each((first - np.cumsum(counts) + counts).astype(np.int32))
    way = (column + np.float32(0.5) - each(x0)) / each(long)
    within = np.clip(way, 0, 1)
    middle = (each(y0) + way * each(y1 - y0)) + each(bow) * (within * (1 - within))
    beyond = np.abs(way - within) * each(long * high / np.float32(radius * radius))  # of a round end's radius
    half = each(high) * np.sqrt(np.maximum(0, 1 - beyond * beyond))
    _raise(cover, column, middle - half, middle + half, rows)


def _raise(
    cover: Cover, column: NDArray[np.int32], top: NDArray[np.float32], foot: NDArray[np.float32], rows: int
) -> None:
    """Raises the cover of at most ``rows`` pixels of each column to the share that lies between top and foot."""
    height, width = cover.shape
    row = np.floor(top)
    inside = row.size > 0 and row.min() >= 0 and row.max() + rows <= height
    place = row.astype(np.intp) * width + column
    flat = cover.ravel()
    for _ in range(rows):
        share = np.minimum(foot, row + 1) - np.maximum(top, row)
        seen = np.flatnonzero(share > 0 if inside else (share > 0) & (row >= 0) & (row < height))
        np.maximum.at(flat, place[seen], (np.minimum(share[seen], 1) * 255 + np.float32(0.5)).astype(np.uint8))
        row += 1
        place += width
