"""Textures as small tiles: paper, grain, brush strokes, halftone, made once from fixed seeds and set as SVG patterns.

A tile is black and white in one: dark where it takes light away, white where it adds some, with its strength in alpha.
So it can lie over the picture by plain compositing (blend modes would cost a second full picture).
"""

import base64
import io
import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float64]
SIDE = 256


def _noise(seed: int, cells: int, side: int = SIDE) -> Field:
    """Smooth noise that repeats at its edges, ``cells`` bumps across, within [-1, 1]."""
    grid = np.random.Generator(np.random.PCG64(seed)).uniform(-1, 1, (cells, cells))
    place = np.arange(side) * cells / side
    low = place.astype(int)
    part = place - low
    part = part * part * (3 - 2 * part)
    high = (low + 1) % cells
    rows = grid[low] * (1 - part)[:, None] + grid[high] * part[:, None]
    mixed: Field = rows[:, low] * (1 - part) + rows[:, high] * part
    return mixed


def _grain(seed: int, side: int = SIDE) -> Field:
    return np.random.Generator(np.random.PCG64(seed)).uniform(-1, 1, (side, side))


def _smear(field: Field, dx: int, dy: int, steps: int) -> Field:
    """Averages along a direction, around the edges: grain becomes strokes."""
    total = np.zeros_like(field)
    for k in range(steps):
        total += np.roll(field, (dy * k, dx * k), (0, 1))
    return total / math.sqrt(steps)


def _tile(field: Field, dark: float, light: float) -> str:
    """The field as a PNG data URI: negative values darken up to alpha ``dark``, positive lighten up to ``light``."""
    field = np.clip(field, -1, 1)
    alpha = np.where(field < 0, -field * dark, field * light)
    value = np.where(field < 0, 24, 255)
    pixels = np.stack([value, value, value, alpha * 255], axis=-1).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels, "RGBA").convert("LA").save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


@cache
def paper() -> str:
    """Watercolour paper with pigment that gathered in blots."""
    return _tile(0.3 * _noise(1, 7) + 0.3 * _noise(2, 40) + 0.4 * _grain(3), 0.09, 0.26)


@cache
def strokes() -> str:
    """Short brush strokes that run along and across."""
    along = _smear(_smear(_grain(4), 2, 1, 24), -1, 2, 3)
    across = _smear(_smear(_grain(5), 1, -2, 18), 2, 1, 3)
    mask = (_noise(6, 6) > 0).astype(float)
    return _tile(0.55 * (along * mask + across * (1 - mask)), 0.2, 0.2)


@cache
def graphite() -> str:
    """Slanting pencil strokes."""
    return _tile(0.7 * _smear(_grain(7), 1, -1, 20) + 0.25 * _grain(8), 0.32, 0.6)


@cache
def fibre() -> str:
    """The faint tooth of coloured paper."""
    return _tile(0.5 * _grain(9) + 0.5 * _noise(10, 60), 0.1, 0.12)


@cache
def halftone() -> str:
    """A slanted screen of dots with some ink missing, for printing on a stencil duplicator."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] * (2 * np.pi * 32 / SIDE)
    dots = np.cos(x + y) + np.cos(x - y)
    return _tile(np.where(dots > 0.75, -0.55, 0.0) + 0.6 * np.clip(_grain(11), 0.2, 1) * (_grain(12) > 0.4), 0.3, 0.5)


@cache
def wash() -> str:
    """Ink that dried unevenly."""
    return _tile(0.6 * _noise(13, 5) + 0.35 * _noise(14, 31) + 0.2 * _grain(15), 0.12, 0.3)
