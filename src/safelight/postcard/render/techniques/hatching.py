"""Ink and pencil: the drawing as lines, its tones as hatching that grows denser and crosses where it is darker."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.postcard.render.paper.canvas import num
from safelight.postcard.render.paper.colour import Rgb, hexcode, rgb
from safelight.postcard.render.paper.pixels.raster import small
from safelight.postcard.render.stage import Stage

_OUTLINE = re.compile(r'<path d="[^"]*" stroke-linejoin="round" fill="none"[^>]*/>')
"""What `Canvas` draws around shapes: no tone of its own, and half of the time that the small picture would take."""
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
    """How bright the drawing's surfaces are so far, 0 to 1, at 288 pixels on its shorter side."""
    width, height = round(stage.frame.width), round(stage.frame.height)
    toned = _OUTLINE.sub("", stage.canvas.svg(width, height))
    picture = small(toned, width, height, 288, stage.pause).astype(np.float64)
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
_SHORTEST, _LONGEST = 8, 22
"""Steps of one stroke: it is as long as a wrist turns, unless the tone ends."""
_WAVE = 2.4
"""User units by which a stroke's middle may lie beside it, twice."""


def _lines(stage: Stage, level: NDArray[np.float64], hatch: Hatch, number: int) -> str:
    """The hatch's lines, lifted where the picture is bright; each wavers a little, as a hand does."""
    frame, rng = stage.frame, np.random.Generator(np.random.PCG64(stage.rng(f"hatch{number}").randrange(2**32)))
    cos, sin = math.cos(math.radians(hatch.degrees)), math.sin(math.radians(hatch.degrees))
    rows, columns = level.shape
    scale = columns / frame.width
    reach = math.hypot(frame.width, frame.height) / 2
    count = math.ceil(2 * reach / hatch.gap)
    offset = (np.cumsum(hatch.gap * rng.uniform(0.75, 1.25, count)) - reach)[:, None]
    below = hatch.below * rng.uniform(0.93, 1.05, (count, 1))
    along = np.arange(-reach, reach, _STEP)[None, :]
    x, y = frame.width / 2 + along * cos - offset * sin, frame.height / 2 + along * sin + offset * cos
    within = (x >= 0) & (x < frame.width) & (y >= 0) & (y < frame.height)
    i, j = (np.clip((f * scale).astype(int), 0, top - 1) for f, top in ((y, rows), (x, columns)))
    dark = np.zeros((count, along.size + 1), dtype=bool)  # the last step lifts the pen before the next line
    dark[:, :-1] = within & (level[i, j] < below)
    first, last = _strokes(dark.ravel(), rng)
    # From places in a row of steps with one more to places in one without.
    first, last = (place - place // (along.size + 1) for place in (first, last))
    x0, y0 = x.ravel()[first], y.ravel()[first]
    x1, y1 = x.ravel()[last] + cos * _STEP, y.ravel()[last] + sin * _STEP
    wave = rng.uniform(-_WAVE, _WAVE, first.size)
    points = np.stack((x0, y0, (x0 + x1) / 2 - sin * wave, (y0 + y1) / 2 + cos * wave, x1, y1), axis=1)
    return "M%d %dQ%d %d %d %d" * first.size % tuple(np.rint(points).astype(int).ravel().tolist())


def _strokes(dark: NDArray[np.bool_], rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last step of each stroke: of all that is dark, lifted now and then. The last step is bright."""
    lifted = np.zeros(dark.size + 1, dtype=bool)
    cuts = np.cumsum(rng.integers(_SHORTEST, _LONGEST, dark.size // _SHORTEST + 1))
    lifted[cuts[cuts < dark.size]] = True
    before = np.concatenate(([False], dark[:-1]))
    first = np.flatnonzero(dark & (~before | lifted[:-1]))
    after = np.concatenate((dark[1:], [False]))
    last = np.flatnonzero(dark & (~after | lifted[1:]))
    return first, last
