"""Oil: the picture painted anew with brush strokes, broad ones first and finer ones where there is something to see.

After A. Hertzmann, "Painterly rendering with curved brush strokes of multiple sizes" (SIGGRAPH 1998): each layer of
strokes takes its colours from the drawing blurred to the brush's size, and paints only where that adds detail. Strokes
follow the edges, by the structure tensor.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from safelight.postcard.render.paper.colour import Rgb, contrast, saturate
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.paper.pixels.raster import small
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques.medium import Medium
from safelight.postcard.render.techniques.pieces import document

Grid = NDArray[np.float64]
TURNS = 32
"""Directions a stroke may take: coarse, so that the last bits of arithmetic never turn one."""


@dataclass(frozen=True)
class _Brush:
    """One layer: width and length of its strokes in small pixels, and the detail from which it paints."""

    width: float
    length: float
    needed: float
    share: float  # how many strokes it sets even where there is none
    bends: float = 1.0  # how much of a bend its strokes have; straight ones take half of a curve's time
    flat: bool = False  # a flat brush leaves a straight edge, a round one a round one at twice the time


_BRUSHES = (
    _Brush(17, 44, 0.0, 1.0),
    _Brush(8.5, 24, 7.0, 0.2),
    _Brush(4.2, 13, 17.0, 0.02, bends=0.0, flat=True),
    _Brush(2.2, 7, 34.0, 0.0, bends=0.0, flat=True),
)
_LEVELS = 24
"""Steps of each of a stroke's three colours: coarse, so that many strokes are one path."""
_TOGETHER = 500
"""Strokes that are drawn colour by colour; those after them lie over them."""


def _rich(c: Rgb) -> Rgb:
    return contrast(saturate(c, 1.28), 0.32)


def _painted(stage: Stage, svg: str, width: int, height: int) -> str:
    """The drawing as layers of brush strokes; the groups are named after the brushes."""
    pixels = small(svg, width, height, 320, stage.pause)
    picture = Image.fromarray(pixels)
    unit = stage.frame.width / picture.width
    level = pixels @ np.array([0.3, 0.55, 0.15])
    rng = np.random.Generator(np.random.PCG64(stage.rng("brush").randrange(2**32)))
    angle = _directions(level)
    detail = _detail(level)
    for x0, y0, x1, y1 in stage.boxes:  # the things are what is looked at: they get the fine brushes throughout
        left, right = (max(0, int(v / unit)) for v in (x0, x1))
        top, bottom = (max(0, int(v / unit)) for v in (y0, y1))
        detail[top:bottom, left:right] *= 3.0
    ground = "".join(f"{int(v):02x}" for v in pixels.mean(axis=(0, 1)))
    body = [f'<path d="M0 0H{stage.frame.width:.0f}V{stage.frame.height:.0f}H0Z" fill="#{ground}"/>']
    for number, brush in enumerate(_BRUSHES):
        stage.pause()
        painting = _layer(picture, angle, detail, brush, unit, rng)
        end = "square" if brush.flat else "round"
        pen = f'stroke-linecap="{end}" stroke-linejoin="round" stroke-width="{brush.width * unit:.1f}"'
        body.append(f'<g id="brush-{number}" fill="none" {pen}>{"".join(painting)}</g>')
    return document(stage, width, height, "painting", "".join(body))


def blurred(field: Grid, radius: int) -> Grid:
    """A box blur over the first two axes, the edge repeated."""
    for axis in (0, 1):
        pad = [(0, 0)] * field.ndim
        pad[axis] = (radius + 1, radius)
        sums = np.pad(field, pad, "edge").cumsum(axis=axis)
        size = 2 * radius + 1
        upper = np.take(sums, range(size, sums.shape[axis]), axis=axis)
        field = (upper - np.take(sums, range(sums.shape[axis] - size), axis=axis)) / size
    return field


def _slopes(level: Grid) -> tuple[Grid, Grid]:
    down, across = np.gradient(level)
    return np.asarray(across, dtype=np.float64), np.asarray(down, dtype=np.float64)


def _detail(level: Grid) -> Grid:
    """How much changes around each pixel."""
    across, down = _slopes(level)
    return np.asarray(blurred(np.abs(across) + np.abs(down), 2) * 2)


def _directions(level: Grid) -> NDArray[np.int64]:
    """The direction along the edges, in steps of half a turn / `TURNS`; slowly waving where nothing has an edge."""
    across, down = _slopes(blurred(level, 1))
    xx, yy, xy = (blurred(f, 5) for f in (across * across, down * down, across * down))
    edge = 0.5 * np.arctan2(2 * xy, xx - yy) + math.pi / 2
    y, x = np.mgrid[0 : level.shape[0], 0 : level.shape[1]]
    calm = 0.32 * np.sin(x / 37 + y / 23) + 0.2 * np.sin(y / 11 - x / 61)
    angle = np.where(xx + yy > 1.2, edge, calm)
    return np.asarray(np.round(angle / math.pi * TURNS).astype(np.int64) % TURNS)


def _layer(
    picture: Image.Image, angle: NDArray[np.int64], detail: Grid, brush: _Brush, unit: float, rng: np.random.Generator
) -> list[str]:
    """The strokes of one brush as paths, some hundreds of strokes at a time, those of one colour together."""
    rows, columns = detail.shape
    step = brush.width * 0.58
    y, x = np.mgrid[0:rows:step, 0:columns:step]
    y, x = (f.ravel() + rng.uniform(-0.5, 0.5, f.size) * step for f in (y, x))
    i, j = (np.clip(f.astype(int), 0, top - 1) for f, top in ((y, rows), (x, columns)))
    chosen = (detail[i, j] >= brush.needed) | (rng.random(x.size) < brush.share)
    order = np.flatnonzero(chosen)
    # From the top down, mixed over four lengths of a stroke.
    order = order[np.argsort(y[order] + rng.uniform(0, 4 * brush.length, order.size), kind="stable")]
    x, y, i, j = x[order], y[order], i[order], j[order]
    colours = np.asarray(picture.filter(ImageFilter.BoxBlur(round(brush.width / 5))))[i, j]
    colours = np.clip(colours * (1 + rng.normal(0, 0.035, (x.size, 1))) + rng.normal(0, 2.5, (x.size, 3)), 0, 255)
    codes = (colours / 255 * _LEVELS + 0.5).astype(int) @ [(_LEVELS + 1) ** 2, _LEVELS + 1, 1]
    turn = angle[i, j] * math.pi / TURNS
    long = brush.length * rng.uniform(0.6, 1.2, x.size) / (1 + detail[i, j] / 60)
    bend = rng.uniform(-0.16, 0.16, x.size) * long * brush.bends
    across, down = np.cos(turn) * long, np.sin(turn) * long
    way = np.stack((across / 2 - np.sin(turn) * bend, down / 2 + np.cos(turn) * bend, across, down), axis=1)
    strokes = np.concatenate((np.stack((x - across / 2, y - down / 2), axis=1), way), axis=1) * unit
    paths: list[str] = []
    for chunk in np.array_split(np.arange(x.size), max(1, x.size // _TOGETHER)):
        paths += _paths(np.round(strokes[chunk]).astype(int), codes[chunk], curved=brush.bends > 0)
    return paths


def _paths(strokes: NDArray[np.int64], codes: NDArray[np.int64], *, curved: bool) -> list[str]:
    """Strokes [n, 6] as one path for each colour: start, bend and end from there. Straight ones have no bend."""
    by_colour = np.argsort(codes, kind="stable")
    each, first = np.unique(codes[by_colour], return_index=True)
    sorted_strokes = strokes[by_colour] if curved else strokes[by_colour][:, [0, 1, 4, 5]]
    one = "M%d %dq%d %d %d %d" if curved else "M%d %dl%d %d"
    return [
        f'<path d="{one * len(mine) % tuple(mine.ravel().tolist())}" stroke="{_code(code)}"/>'
        for code, mine in zip(each.tolist(), np.split(sorted_strokes, first[1:]), strict=True)
    ]


def _code(number: int) -> str:
    levels = (number // (_LEVELS + 1) ** 2, number // (_LEVELS + 1) % (_LEVELS + 1), number % (_LEVELS + 1))
    return "#" + "".join(f"{round(v * 255 / _LEVELS):02x}" for v in levels)


STYLE = Medium(Look(_rich), maker=_painted)
