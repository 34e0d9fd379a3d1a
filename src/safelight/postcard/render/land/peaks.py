"""One mountain peak: its two flanks, the spurs that come down from its ridge, the snow on them."""

import itertools
import math
from dataclasses import dataclass
from random import Random

from safelight.postcard.render.ground.relief import Band
from safelight.postcard.render.paper.canvas import Point, poly
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, rgb
from safelight.postcard.render.paper.shapes import jagged
from safelight.postcard.render.stage import Stage


@dataclass(frozen=True)
class Peak:
    """One summit: its outline to the left and right, the ridge that comes down towards the eye, the spurs off it."""

    top: Point
    left: list[Point]  # from the foot up to the summit
    right: list[Point]  # from the summit down to the foot
    ridge: list[Point]  # from the summit down
    spurs: list[tuple[list[Point], int]]  # each from where it leaves the ridge, with its side: -1 left, 1 right


def make_peak(rng: Random, x: float, top: float, foot: float, wide: float, rough: float) -> Peak:
    """A peak around ``x`` from ``top`` down to ``foot``, about twice ``wide`` across; ``rough`` from 0 to 1."""
    tall = foot - top
    wobble = 0.035 + 0.075 * rough
    left, right = wide * rng.uniform(0.8, 1.25), wide * rng.uniform(0.8, 1.25)
    up = [*_concave(jagged(rng, (x - left, foot), (x, top), wobble, 4), tall, foot), (x, top)]
    down = [*_concave(jagged(rng, (x, top), (x + right, foot), wobble, 4), tall, foot), (x + right, foot)]
    bend = x + wide * rng.uniform(-0.3, 0.3)
    spine = [*jagged(rng, (x, top), (bend, foot), 0.2, 3), (bend, foot)]
    spine = [(px, min(max(py, top + tall * i / len(spine) * 0.8), foot)) for i, (px, py) in enumerate(spine)]
    spurs = []
    for side, base in ((-1, x - left), (1, x + right)):
        for start, share in ((0, 0.5), (2, 0.28), (4, 0.12)):
            end = (bend + (base - bend) * share * rng.uniform(0.8, 1.2), foot)
            spurs.append(([*jagged(rng, spine[start], end, 0.07 if start else 0.025, 3), end], side))
    return Peak((x, top), up, down, spine, spurs)


def _concave(line: list[Point], tall: float, foot: float) -> list[Point]:
    """Slopes that run out: the middle of a flank sags, as scree does."""
    return [(x, y + 0.3 * tall * (t := (foot - y) / tall) * (1 - t) if tall > 0 else y) for x, y in line]


def draw_peak(stage: Stage, band: Band, peak: Peak, rock: Rgb, foot: float, snowline: float) -> None:
    """The peak in the scene's light, with snow above ``snowline``."""
    light, canvas = stage.light, stage.canvas
    left_lit = light.side < 0
    high = 0.12 * (foot - peak.top[1]) / max(1.0, foot)
    shade = light.land(rock, band.distance, -0.62 - high)
    lit = light.land(rock, band.distance, 0.72 + high)
    canvas.path(poly([*peak.left, *peak.right]), shade)
    flank = [*peak.left, *peak.ridge] if left_lit else [*peak.right[::-1], *peak.ridge]
    canvas.path(poly(flank), lit, outlined=False)
    _spurs(stage, band, peak, rock, left_lit)
    if peak.top[1] < snowline:
        _snow(stage, band, peak, snowline, left_lit)


def _spurs(stage: Stage, band: Band, peak: Peak, rock: Rgb, left_lit: bool) -> None:
    """Spurs: on the lit flank each shades what lies behind it, on the dark one each catches some light."""
    facets: dict[bool, list[str]] = {True: [], False: []}
    for line, side in peak.spurs:
        lit_flank = (side < 0) == left_lit
        (x0, y0), (x1, y1) = line[0], line[-1]
        reach = (x1 - x0) * (-0.24 if lit_flank else 0.22)
        back = [(x0 + (x1 - x0) * t + reach * t**1.5, y0 + (y1 - y0) * t) for t in (1.0, 0.62, 0.3)]
        facets[lit_flank].append(poly([*line, *back]))
    for lit_flank, tone in ((True, -0.1), (False, 0.12)):
        stage.canvas.path("".join(facets[lit_flank]), stage.light.land(rock, band.distance, tone), 0.62, outlined=False)


def _snow(stage: Stage, band: Band, peak: Peak, snowline: float, left_lit: bool) -> None:
    light, canvas = stage.light, stage.canvas
    lit = mix(light.thing(WHITE, band.distance * 0.7, 1.0), light.mood.glow, 0.15)
    shade = mix(light.thing(rgb("#bccbe6"), band.distance * 0.7, -0.7), light.haze, 0.12)
    left = _cut(peak.left[::-1], snowline)
    right = _cut(peak.right, snowline)
    ridge = _cut(peak.ridge, snowline)
    low_left = _teeth(left[-1], ridge[-1])
    low_right = _teeth(right[-1], ridge[-1])
    sides = (
        (poly([*left, *low_left, *ridge[::-1]]), left_lit),
        (poly([*right, *low_right, *ridge[::-1]]), not left_lit),
    )
    for d, bright in sides:
        canvas.path(d, lit if bright else shade, outlined=False)
    veins = [poly(_vein(line, snowline)) for line, side in peak.spurs if ((side < 0) == left_lit) and len(line) > 3]
    canvas.path("".join(veins), shade, 0.75, outlined=False)


def _vein(line: list[Point], snowline: float) -> list[Point]:
    """The shaded sliver that a spur leaves in the snow."""
    kept = _cut(line, snowline)
    if len(kept) < 2:
        return [kept[0], kept[0], kept[0]]
    (x0, y0), (x1, y1) = kept[0], kept[-1]
    return [*kept, (x1 - (x1 - x0) * 0.16, y1), ((x0 + x1) / 2 - (x1 - x0) * 0.05, (y0 + y1) / 2)]


def _cut(line: list[Point], level: float) -> list[Point]:
    """The part of a descending line above ``level``."""
    kept = [line[0]]
    for (x0, y0), (x, y) in itertools.pairwise(line):
        if y >= level:
            t = (level - y0) / (y - y0) if y > y0 else 0.0
            kept.append((x0 + (x - x0) * t, level))
            return kept
        kept.append((x, y))
    return kept


def _teeth(a: Point, b: Point) -> list[Point]:
    """The ragged lower edge of the snow from ``a`` to ``b``: tongues in the gullies."""
    wide = b[0] - a[0]
    count = min(16, 4 + int(abs(wide) / 32))
    tongue = min(abs(wide) * 0.3, 16 + 0.07 * abs(wide))
    points = []
    for k in range(1, count):
        t, size = k / count, 0.7 + 0.5 * math.sin(k * 2.3 + a[0])
        points.append((a[0] + wide * t, a[1] + (b[1] - a[1]) * t + tongue * (size if k % 2 else -0.8 * size)))
    return points
