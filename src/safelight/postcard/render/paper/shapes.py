"""Shapes that nature makes: rolling crests, jagged ridges, blobs. Each is drawn from a random stream of its own."""

import math
from collections.abc import Callable
from random import Random

from safelight.postcard.render.paper.canvas import Point

Crest = Callable[[float], float]
"""The height of a crest (y, downwards) over x, in user units."""


def rolling(rng: Random, span: float, roughness: float) -> Callable[[float], float]:
    """A smooth function of x within about [-1, 1]: four waves of falling length and height."""
    waves = []
    for octave in range(4):
        length = span * (0.9, 0.47, 0.21, 0.09)[octave] * rng.uniform(0.8, 1.25)
        size = (0.6, 0.34, 0.16 * (0.3 + 1.4 * roughness), 0.07 * roughness)[octave]
        waves.append((2 * math.pi / length, rng.uniform(0, 2 * math.pi), size))
    return lambda x: sum(size * math.sin(x * k + phase) for k, phase, size in waves)


def jagged(rng: Random, start: Point, end: Point, wobble: float, levels: int) -> list[Point]:
    """A broken line from ``start`` to ``end``: midpoints displaced sideways, less at each level. Without ``end``."""
    if levels == 0:
        return [start]
    dx, dy = end[0] - start[0], end[1] - start[1]
    t = rng.uniform(0.42, 0.58)
    shift = rng.uniform(-wobble, wobble)
    middle = (start[0] + dx * t - dy * shift, start[1] + dy * t + dx * shift)
    return jagged(rng, start, middle, wobble * 0.8, levels - 1) + jagged(rng, middle, end, wobble * 0.8, levels - 1)


def blob(rng: Random, x: float, y: float, rx: float, ry: float, lumps: int, wobble: float = 0.14) -> list[Point]:
    """Corners of a lumpy closed curve around (x, y), for `canvas.smooth`."""
    turn = rng.uniform(0, math.tau)
    points = []
    for i in range(lumps):
        angle = turn + math.tau * (i + rng.uniform(-0.2, 0.2)) / lumps
        reach = 1 + rng.uniform(-wobble, wobble)
        points.append((x + rx * reach * math.cos(angle), y + ry * reach * math.sin(angle)))
    return points


def spread(rng: Random, count: int, low: float, high: float, jitter: float = 0.7) -> list[float]:
    """``count`` places between ``low`` and ``high``, even but not regular."""
    step = (high - low) / max(count, 1)
    return [low + step * (i + 0.5 + rng.uniform(-jitter, jitter) / 2) for i in range(count)]


def along(crest: Crest, left: float, right: float, step: float) -> list[Point]:
    """Points of a crest every ``step`` units, ends included."""
    count = max(2, math.ceil((right - left) / step))
    return [(left + (right - left) * i / count, crest(left + (right - left) * i / count)) for i in range(count + 1)]


def rounded_cloud(rng: Random, width: float, height: float, lumps: int) -> list[tuple[float, float, float]]:
    """Circles (x, y, r) that make a cloud with a flat foot at y = 0, about ``width`` wide and ``height`` high."""
    puffs = []
    for i in range(lumps):
        t = (i + 0.5) / lumps * 2 - 1
        swell = (1 - t * t) ** 0.6
        r = height * (0.26 + 0.26 * swell) * rng.uniform(0.85, 1.15)
        puffs.append((t * (width / 2 - r * 0.6), -r * 0.7 - height * 0.34 * swell * rng.uniform(0.5, 1.2), r))
    return puffs
