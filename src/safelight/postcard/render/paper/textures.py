"""Textures as small tiles: paper, fibre, halftone, made once from fixed seeds and laid over the whole sheet.

A tile is black and white in one: dark where it takes light away, white where it adds some, with its strength in alpha.
In the drawing it is an SVG pattern. Our rasteriser takes that off and lays the tile over the pixels itself: 15 ms a
megapixel, and no tile is made anew for every band of a picture.
"""

import base64
import io
import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from safelight.postcard.render.paper.canvas import Canvas, num, rect

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


class Grain(NamedTuple):
    """A tile by its name, and how far apart its repetitions are in user units."""

    tile: str
    pitch: float


def paper() -> Field:
    """Watercolour paper with pigment that gathered in blots."""
    return _strengths(0.3 * _noise(1, 7) + 0.3 * _noise(2, 40) + 0.4 * _grain(3), 0.09, 0.26)


def fibre() -> Field:
    """The faint tooth of coloured paper."""
    return _strengths(0.5 * _grain(9) + 0.5 * _noise(10, 60), 0.1, 0.12)


def halftone() -> Field:
    """A slanted screen of dots with some ink missing, for printing on a stencil duplicator."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] * (2 * np.pi * 32 / SIDE)
    dots = np.cos(x + y) + np.cos(x - y)
    field = np.where(dots > 0.75, -0.55, 0.0) + 0.6 * np.clip(_grain(11), 0.2, 1) * (_grain(12) > 0.4)
    return _strengths(field, 0.3, 0.5)


_TILES: dict[str, Callable[[], Field]] = {"paper": paper, "fibre": fibre, "halftone": halftone}


def _strengths(field: Field, dark: float, light: float) -> Field:
    """How much each place darkens (below 0, at most ``dark``) or lightens (at most ``light``)."""
    field = np.clip(field, -1, 1)
    return np.where(field < 0, field * dark, field * light)


@cache
def _levels(tile: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The tile's grey and its alpha, [`SIDE`, `SIDE`] each."""
    field = _TILES[tile]()
    return np.where(field < 0, 24, 255).astype(np.uint8), (np.abs(field) * 255).astype(np.uint8)


@cache
def _data_uri(tile: str) -> str:
    stream = io.BytesIO()
    grey, alpha = (Image.fromarray(level) for level in _levels(tile))
    Image.merge("LA", (grey, alpha)).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def cover(canvas: Canvas, grain: Grain) -> None:
    """Lay a texture over the whole picture; nothing may be drawn after it."""
    size = f'width="{num(grain.pitch)}" height="{num(grain.pitch)}"'
    name = canvas.define(
        "pattern", f'{size} patternUnits="userSpaceOnUse"', f'<image {size} href="{_data_uri(grain.tile)}"/>'
    )
    mark = f'data-tile="{grain.tile}" data-pitch="{num(grain.pitch)}"'
    sheet = rect(0, 0, canvas.width, canvas.height)
    canvas.body.append(f'<path class="texture" {mark} d="{sheet}" fill="url(#{name})"/>')


_LAID = re.compile(r'<path class="texture" data-tile="(\w+)" data-pitch="([0-9.]+)"[^>]*/>')


def taken_off(svg: str) -> tuple[str, Grain | None]:
    """The drawing without its texture, and the texture, if it has one."""
    found = _LAID.search(svg)
    if found is None or found.group(1) not in _TILES:
        return svg, None
    return svg[: found.start()] + svg[found.end() :], Grain(found.group(1), float(found.group(2)))


def laid(pixels: NDArray[np.uint8], grain: Grain, scale: float, top: int) -> NDArray[np.uint8]:
    """Pixels [rows, columns, 3] under a texture. ``scale`` is pixels a user unit, ``top`` the first row's place."""
    light, keep = _resized(grain.tile, max(1, round(grain.pitch * scale)))
    side = len(light)
    rows = (top + np.arange(pixels.shape[0])) % side
    columns = np.arange(pixels.shape[1]) % side
    place = np.ix_(rows, columns)
    # All within 16 bits: a mean of two levels weighted to 255, divided by 255 and rounded.
    mixed = pixels * keep[place][..., None] + light[place][..., None]
    mixed += 128
    mixed += mixed >> 8
    return (mixed >> 8).astype(np.uint8)


@lru_cache(8)
def _resized(tile: str, side: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """The tile at so many pixels: the light it adds (times 255), and how much of what is below stays (of 255)."""
    grey, alpha = _levels(tile)
    added = ((grey.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)
    light, covering = (_stretched(level, side).astype(np.uint16) for level in (added, alpha))
    return np.minimum(light, covering) * np.uint16(255), np.uint16(255) - covering


def _stretched(level: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A tile in another size that still meets itself at its edges."""
    edge = 16
    image = Image.fromarray(np.pad(level, edge, "wrap"))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, (edge, edge, edge + SIDE, edge + SIDE)))
