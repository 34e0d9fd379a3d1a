"""Ink and pencil: the drawing as lines, its tones as hatching that grows denser and crosses where it is darker."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.postcard.render.paper.canvas import num
from safelight.postcard.render.paper.colour import Rgb, hexcode, rgb
from safelight.postcard.render.paper.raster import small
from safelight.postcard.render.stage import Stage

_PAINT = re.compile(r'(fill|stop-color)="(#[0-9a-f]{6})"')


@dataclass(frozen=True)
class Hatch:
    """One set of parallel lines: drawn where the picture is darker than ``below`` (0 black, 1 white)."""

    degrees: float
    gap: float  # user units between lines
    below: float
    width: float
    colour: str
    opacity: float = 1.0


def _recoloured(svg: str, turn: Callable[[Rgb], Rgb]) -> str:
    """The drawing with every fill turned; its lines stay as they are."""
    known: dict[str, str] = {}

    def paint(match: re.Match[str]) -> str:
        code = match.group(2)
        if code not in known:
            known[code] = hexcode(turn(rgb(code)))
        return f'{match.group(1)}="{known[code]}"'

    return _PAINT.sub(paint, svg)


def redraw(stage: Stage, turn: Callable[[Rgb], Rgb]) -> None:
    """Turns the colours of all that is drawn so far."""
    canvas = stage.canvas
    canvas.body[:] = [_recoloured(part, turn) for part in canvas.body]
    canvas.defs[:] = [_recoloured(part, turn) for part in canvas.defs]


def tones(stage: Stage) -> NDArray[np.float64]:
    """How bright the drawing is so far, 0 to 1, at 288 pixels on its shorter side."""
    width, height = round(stage.frame.width), round(stage.frame.height)
    picture = small(stage.canvas.svg(width, height), width, height, 288, stage.pause).astype(np.float64)
    level: NDArray[np.float64] = picture @ (np.array([0.2126, 0.7152, 0.0722]) / 255)
    return level


def hatched(stage: Stage, level: NDArray[np.float64], hatches: tuple[Hatch, ...]) -> None:
    """Draws all hatches over the picture, each as one path in a group of its own name."""
    for number, hatch in enumerate(hatches):
        stage.pause()
        lines = _lines(stage, level, hatch, number)
        alpha = f' stroke-opacity="{hatch.opacity:.2g}"' if hatch.opacity < 1 else ""
        pen = f' fill="none" stroke="{hatch.colour}" stroke-width="{num(hatch.width)}" stroke-linecap="round"{alpha}'
        if lines:
            stage.canvas.body.append(f'<path d="{lines}" class="hatching"{pen} stroke-linejoin="round"/>')


_STEP = 9.0
_LONGEST = 22
"""Steps of one stroke at most: it is as long as a wrist turns."""


def _lines(stage: Stage, level: NDArray[np.float64], hatch: Hatch, number: int) -> str:
    """The hatch's lines, lifted where the picture is bright; each wavers a little, as a hand does."""
    frame, rng = stage.frame, stage.rng(f"hatch{number}")
    cos, sin = math.cos(math.radians(hatch.degrees)), math.sin(math.radians(hatch.degrees))
    rows, columns = level.shape
    scale = columns / frame.width
    reach = math.hypot(frame.width, frame.height) / 2
    cx, cy = frame.width / 2, frame.height / 2
    along = np.arange(-reach, reach, _STEP)
    across_x, across_y = cx + along * cos, cy + along * sin
    strokes: list[float] = []
    offset = -reach
    while offset < reach:
        offset += hatch.gap * rng.uniform(0.75, 1.25)
        below = hatch.below * rng.uniform(0.93, 1.05)
        x, y = across_x - offset * sin, across_y + offset * cos
        within = np.flatnonzero((x >= 0) & (x < frame.width) & (y >= 0) & (y < frame.height))
        if within.size == 0:
            continue
        first = int(within[0])  # a line crosses the sheet once
        x, y = x[first : int(within[-1]) + 1], y[first : int(within[-1]) + 1]
        i, j = np.minimum((y * scale).astype(int), rows - 1), np.minimum((x * scale).astype(int), columns - 1)
        dark = np.zeros(x.size + 2, dtype=np.int8)
        dark[1:-1] = level[i, j] < below
        ends = np.flatnonzero(dark[1:] != dark[:-1])
        for a, b in zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True):
            while a < b:
                c = min(b, a + rng.randrange(8, _LONGEST))
                wave = rng.uniform(-2.4, 2.4)
                x0, y0, x1, y1 = float(x[a]), float(y[a]), float(x[c - 1]) + cos * _STEP, float(y[c - 1]) + sin * _STEP
                mx, my = (x0 + x1) / 2 - sin * wave, (y0 + y1) / 2 + cos * wave
                strokes += (x0, y0, mx, my, x1, y1)
                a = c
    return "M%.0f %.0fQ%.0f %.0f %.0f %.0f" * (len(strokes) // 6) % tuple(strokes)
