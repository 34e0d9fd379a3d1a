"""Brush strokes of oil, stamped: each is a mask of its length, direction and bend, through which its colour is laid on.

A rasteriser of paths follows the edges of every stroke through all its rows, and again in each band: 340 ms for a
picture of 1024x1024, of which 14,000 stamps take 100 (one core of an AMD EPYC). A stamp shows what a path cannot: the
bristles of a broad brush, and the ground through them where it runs dry. Broad strokes are laid on at half the size.
"""

import math
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from safelight.postcard.render.paper.pixels.bands import Fit, Pause

Mask = Image.Image

TURNS = 32
"""Directions of a stroke within half a turn."""
_LENGTHS, _LENGTH, _BENDS = 10, 0.45, 3
"""Different lengths, how much longer each is than the one before in widths of the brush, and bends to one side, none
and the other. Kinds are the same for all pictures of a size, so a worker makes their masks once (60 ms).
"""
_BEND = 0.1
"""Of a stroke's length, by which a bent one's control point lies beside it."""
_HALVED = 20.0
"""Pixels from which on a brush is broad: its strokes are laid on at half the size."""
_BRISTLED = 10.0
"""Pixels that a stroke needs for its bristles to be seen."""
_HAIRS = np.asarray(0.62 * np.random.Generator(np.random.PCG64(21)).uniform(0, 1, 62) ** 2, dtype=np.float32)
"""How much each hair of a brush may lack. A kind of stroke is drawn with some thirty that follow one another."""
_PIECE_MS = 25.0
_STROKE_MS, _PIXEL_MS = 3e-3, 3.4e-6
"""Milliseconds for a stroke, and for each pixel of its mask, on an AMD EPYC."""

_PAINTING = re.compile(r'<g id="painting"><path d="[^"]*" fill="(#[0-9a-f]{6})"/>(.*)</g>$', re.S)
_BRUSH = re.compile(
    r'<g id="brush-\d+" fill="none" stroke-linecap="(\w+)" stroke-linejoin="round" stroke-width="([\d.]+)">(.*?)</g>',
    re.S,
)
_STROKES = re.compile(r'<path d="([^"]*)" stroke="#([0-9a-f]{6})"/>')
_NUMBERS = str.maketrans("Mql", "   ")


def is_painting(body: str) -> bool:
    """Whether a drawing's body is strokes of a brush and nothing else."""
    return _PAINTING.match(body) is not None


def painted(body: str, fit: Fit, width: int, height: int, pause: Pause) -> NDArray[np.uint8]:
    """The painting as [height, width, 3], sRGB. ``pause`` is called between pieces of some 25 ms."""
    found = _PAINTING.match(body)
    if found is None:
        raise ValueError("this is no painting in strokes")
    ground, brushes = found.groups()
    halved = True
    canvas = Image.new("RGB", ((width + 1) // 2, (height + 1) // 2), ground)
    for end, pen, strokes in _BRUSH.findall(brushes):
        wide = float(pen) * fit.scale
        if halved and wide < _HALVED:
            canvas, halved = _doubled(canvas, width, height), False
        share = 0.5 if halved else 1.0
        _laid_on(canvas, strokes, wide * share, end == "square", fit.times(share), pause)
    return np.array(_doubled(canvas, width, height) if halved else canvas)


def _doubled(canvas: Image.Image, width: int, height: int) -> Image.Image:
    """The canvas at its whole size; of an odd side the last half of a pixel lies beyond the edge."""
    return canvas.resize((width, height), Image.Resampling.BILINEAR, (0, 0, width / 2, height / 2))


def _laid_on(canvas: Image.Image, text: str, wide: float, flat: bool, fit: Fit, pause: Pause) -> None:
    """One brush's strokes, in their order."""
    paths = _STROKES.findall(text)
    if not paths:
        return
    colours = [tuple(bytes.fromhex(code)) for _, code in paths]
    curved = "q" in paths[0][0]
    numbers = np.fromstring(" ".join([d for d, _ in paths]).translate(_NUMBERS), dtype=np.float64, sep=" ")
    strokes = numbers.reshape(-1, 6 if curved else 4)
    counts = [d.count("M") for d, _ in paths]
    of = np.repeat(np.arange(len(paths)), counts).tolist()
    kinds, each = np.unique(_kinds(strokes, wide / fit.scale), return_inverse=True)
    masks = [_mask(wide, flat, int(kind)) for kind in kinds]
    size = np.array([mask.size for mask in masks])[each]
    middle = (strokes[:, :2] + strokes[:, -2:] / 2) * fit.scale + (fit.left, fit.top)
    corner = np.floor(middle - size / 2 + 0.5).astype(np.int64)
    cost = np.cumsum(_STROKE_MS + size.prod(axis=1) * _PIXEL_MS)
    boxes = np.concatenate((corner, corner + size), axis=1).tolist()
    edges = np.searchsorted(cost, np.arange(0.0, float(cost[-1]), _PIECE_MS)).tolist()
    which = each.tolist()
    for first, last in zip(edges, [*edges[1:], len(boxes)], strict=True):
        pause()
        for k in range(first, last):
            canvas.paste(colours[of[k]], tuple(boxes[k]), masks[which[k]])


def _kinds(strokes: NDArray[np.float64], pen: float) -> NDArray[np.int64]:
    """Each stroke's kind (length, direction, bend) as one number. ``pen``: the brush's width in the strokes' units."""
    across, down = strokes[:, -2], strokes[:, -1]
    lengths = np.hypot(across, down)
    level = np.clip(np.ceil(lengths / (pen * _LENGTH)), 1, _LENGTHS).astype(np.int64)
    half = np.round(np.arctan2(down, across) / math.pi * TURNS).astype(np.int64)
    turn = half % TURNS
    bend = np.ones(len(strokes), dtype=np.int64)
    if strokes.shape[1] == 6:
        aside = (strokes[:, 3] - down / 2) * across - (strokes[:, 2] - across / 2) * down
        share = aside / np.maximum(lengths * lengths, 1.0)
        bend += np.where(np.abs(share) < _BEND / 2, 0, np.sign(share)).astype(np.int64)
    bend = np.where((half < 0) | (half >= TURNS), 2 - bend, bend)  # seen from its other end
    return (level * TURNS + turn) * _BENDS + bend


@lru_cache(8192)
def _mask(wide: float, flat: bool, kind: int) -> Mask:
    """A stroke's mask, ``wide`` pixels and as long as its kind is. Its middle is the middle of the stroke."""
    rest, bend = divmod(kind, _BENDS)
    level, turn = divmod(rest, TURNS)
    long = wide * _LENGTH * (level - 0.5)
    angle, radius = turn * math.pi / TURNS, wide / 2
    cos, sin = math.cos(angle), math.sin(angle)
    reach = long / 2 + radius + 1
    columns = math.ceil(2 * (abs(cos) * reach + abs(sin) * (radius + _BEND * long / 2 + 1)))
    rows = math.ceil(2 * (abs(sin) * reach + abs(cos) * (radius + _BEND * long / 2 + 1)))
    x = (np.arange(columns, dtype=np.float32) - (columns - 1) / 2)[None, :]
    y = (np.arange(rows, dtype=np.float32) - (rows - 1) / 2)[:, None]
    along = x * cos + y * sin
    aside = y * cos - x * sin - (bend - 1) * _BEND * long / 2 * (1 - np.square(2 * along / max(long, 1.0)))
    beyond = np.maximum(np.abs(along) - long / 2, 0)
    if flat:
        cover = np.clip(radius - np.abs(aside) + 0.5, 0, 1) * np.clip(radius - beyond + 0.5, 0, 1)
    else:
        cover = np.clip(radius - np.hypot(beyond, aside) + 0.5, 0, 1)
    if wide >= _BRISTLED:
        cover = cover * _bristles((aside / radius).astype(np.float32), (along / reach).astype(np.float32), kind)
    return Image.fromarray((cover * 255 + 0.5).astype(np.uint8))


def _bristles(aside: NDArray[np.float32], along: NDArray[np.float32], kind: int) -> NDArray[np.float32]:
    """How much colour each bristle leaves: all of it where the brush was set down, less where it is lifted."""
    place = np.clip((aside + 1.2) / 2.4 * (len(_HAIRS) - 32), 0, len(_HAIRS) - 33).astype(np.int64) + kind % 32
    dry = np.clip(0.25 + 0.75 * along, 0.12, 1)
    return np.asarray(1 - _HAIRS[place] * dry, dtype=np.float32)
