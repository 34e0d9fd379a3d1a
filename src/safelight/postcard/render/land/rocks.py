"""Rock: mesas and canyon walls, cliffs, boulders, craters; and the mist between."""

import math
from dataclasses import dataclass, replace
from random import Random

from safelight.postcard.render.ground.dry import scrub
from safelight.postcard.render.ground.folds import folds
from safelight.postcard.render.ground.relief import Band, albedo, draw_rolling, grass
from safelight.postcard.render.ground.rock_face import RockFace, edge_of
from safelight.postcard.render.ground.scatter import scatter
from safelight.postcard.render.ground.stones import boulder
from safelight.postcard.render.paper.canvas import Point, ellipse, num, poly, smooth
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, scale
from safelight.postcard.render.paper.shapes import jagged, spread
from safelight.postcard.render.stage import Stage


def draw_mesas(stage: Stage, band: Band) -> None:
    """Table mountains in bands of rock: steep walls, a skirt of scree, one face in the light."""
    layer, frame = band.layer, stage.frame
    rng, rock = stage.rng("mesas", layer.detail), albedo(stage, layer)
    tall = layer.height * frame.rise
    _plain(stage, band, rock)
    count = max(2, round((1.5 + 3 * layer.density) * frame.width / 1300))
    places = [(layer.peak * frame.width, 1.0)] + [
        (x, rng.uniform(0.4, 0.82)) for x in spread(rng, count, -40, frame.width + 40)
    ]
    for x, share in sorted(places, key=lambda p: p[1]):
        _mesa(stage, band, rng, x, tall * share, tall * share * rng.uniform(0.28, 0.75), rock)


@dataclass(frozen=True)
class _Table:
    """A mesa's measures: it rises from its skirt of scree at the foot, above the knee as a steep wall."""

    x: float
    foot: float
    tall: float
    half: float
    knee: float

    @property
    def top(self) -> float:
        return self.foot - self.tall

    @property
    def skirt(self) -> float:
        return self.half * 1.0 + self.tall * 0.42


def _mesa(stage: Stage, band: Band, rng: Random, x: float, tall: float, half: float, rock: Rgb) -> None:
    light, canvas, foot = stage.light, stage.canvas, band.foot + 2
    table = _Table(x, foot, tall, half, knee=foot - tall * rng.uniform(0.28, 0.4))
    top, knee, skirt = table.top, table.knee, table.skirt
    left = [(x - skirt, foot), *jagged(rng, (x - half * 1.12, knee), (x - half, top), 0.09, 3), (x - half, top)]
    right = [*jagged(rng, (x + half, top), (x + half * 1.12, knee), 0.09, 3), (x + skirt, foot)]
    lit, shade = light.land(rock, band.distance, 0.6), light.land(rock, band.distance, -0.65)
    stops = ((0.0, shade, 1.0), (1.0, mix(shade, light.haze, 0.25), 1.0))
    canvas.path(poly([*left, *right]), canvas.linear(stops, 0, top, 0, foot))
    cut = x + half * rng.uniform(-0.3, 0.3)
    bend = (cut + half * 0.2, knee)
    edge = [*jagged(rng, (cut, top), bend, 0.12, 3), bend, (cut + skirt * 0.3, foot)]
    face = [*left, *edge] if light.side < 0 else [*right[::-1], *edge]
    stops = ((0.0, lit, 1.0), (1.0, mix(lit, light.haze, 0.2), 1.0))
    canvas.path(poly(face), canvas.linear(stops, 0, top, 0, foot), outlined=False)
    wall = RockFace(x - half * 1.02, x + half * 1.02, lambda _x: top, knee + 2, 0.12)
    wall.draw(stage, rng, rock, band.distance, 0.15)
    _seams(stage, band, table, rock)
    dark = [(x - skirt, foot), *left[1:]] if light.side > 0 else [(x + skirt, foot), *right[:-1][::-1]]
    canvas.path(poly([*edge, *dark]), scale(shade, 0.8), 0.42, outlined=False)
    _furrows(stage, band, table, rock)


def _seams(stage: Stage, band: Band, table: _Table, rock: Rgb) -> None:
    """Bands of darker and paler rock across the wall."""
    x, top, knee, tall = table.x, table.top, table.knee, table.tall
    for k, deep, f in ((0.1, 0.05, 0.78), (0.26, 0.09, 1.2), (0.5, 0.05, 0.7), (0.72, 0.1, 1.15)):
        y, w = top + (knee - top) * k, table.half * (1.01 + 0.1 * k)
        lower = y + (knee - top) * deep
        seam = [(x - w, y), (x - w * 0.3, y + tall * 0.012), (x + w * 0.4, y - tall * 0.008), (x + w, y)]
        tone = stage.light.land(scale(rock, f), band.distance, 0.1)
        stage.canvas.path(poly([*seam, (x + w, lower), (x - w, lower)]), tone, 0.4, outlined=False)


def _furrows(stage: Stage, band: Band, table: _Table, rock: Rgb) -> None:
    """Gullies in the scree, fanning out from the knee."""
    x, knee, foot, skirt = table.x, table.knee, table.foot, table.skirt
    gullies = "".join(
        poly([(px, knee), (px + skirt * 0.03, knee), (x + (px - x) * 1.5, foot), (x + (px - x) * 1.42, foot)])
        for px in (x + table.half * k for k in (-0.8, -0.45, -0.1, 0.3, 0.65, 0.9))
    )
    stage.canvas.path(gullies, stage.light.land(scale(rock, 0.8), band.distance, -0.5), 0.4, outlined=False)


def _plain(stage: Stage, band: Band, rock: Rgb) -> None:
    """The desert floor before the mesas, with dry washes, pebbles and scrub."""
    frame, light = stage.frame, stage.light
    near = light.land(scale(rock, 0.95), max(0.0, band.distance - 0.35), 0.1)
    far = mix(light.land(rock, band.distance, 0.3), light.haze, 0.35)
    deep, down = max(1.0, stage.floor - band.foot), max(1.0, frame.height - band.foot)
    stage.canvas.graded(-12, band.foot, frame.width + 24, deep, ((0.0, far), (1.0, near)), down)
    scrub(stage, replace(band, crest=lambda _x: band.foot), rock)


def cliff_top(stage: Stage, band: Band) -> list[Point]:
    """The top of the headland from the picture's edge to where it falls."""
    layer, frame, rng = band.layer, stage.frame, stage.rng("cliff top", band.layer.detail)
    tall, foot = layer.height * frame.rise, band.foot + 4
    from_left = layer.peak < 0.5
    start = -20.0 if from_left else frame.width + 20
    edge = frame.width * (0.2 + 0.5 * layer.peak if from_left else 0.3 + 0.5 * layer.peak)
    shares = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    heights = [tall * (0.82 + 0.18 * math.sin(1.2 + t * 2.2) + 0.05 * rng.random()) for t in shares]
    return [(start + (edge - start) * t, foot - h) for t, h in zip(shares, heights, strict=True)]


_SKERRIES = ((0.22, 0.16), (0.36, 0.1), (0.12, 0.2))
"""Rocks off the foot of a cliff: how far out, and how wide, against its height."""


def draw_cliffs(stage: Stage, band: Band) -> None:
    """A headland that falls steeply at ``peak``: grass on top, banded rock below. The rest stays open."""
    layer, frame, light, canvas = band.layer, stage.frame, stage.light, stage.canvas
    rng, rock = stage.rng("cliffs", layer.detail), albedo(stage, layer)
    tall, foot, from_left = layer.height * frame.rise, band.foot + 4, layer.peak < 0.5
    out = tall if from_left else -tall  # as far as it is high, towards the open side
    crest = cliff_top(stage, band)
    start, edge = crest[0][0], crest[-1][0]
    fall = [*jagged(rng, crest[-1], (edge + out * 0.2, foot), 0.14, 4), (edge + out * 0.2, foot)]
    lit_face = (light.side > 0) == from_left
    face = light.land(rock, band.distance, 0.6 if lit_face else -0.5)
    deep = mix(light.land(rock, band.distance, -0.2 if lit_face else -0.8), light.haze, 0.12)
    paint = canvas.linear(((0.0, face, 1.0), (1.0, deep, 1.0)), 0, foot - tall, 0, foot)
    canvas.path(poly([(start, foot), *crest, *fall]), paint)
    ends = sorted((start, edge + out * 0.18))
    wall = RockFace(max(-20.0, ends[0]), min(frame.width + 20, ends[1]), edge_of([*crest, *fall]), foot, 0.1)
    wall.draw(stage, rng, rock, band.distance, 0.8 if lit_face else -0.5)
    sea = light.mood.land[-1]
    wet = canvas.linear(((0.0, sea, 0.0), (1.0, sea, 0.4)), 0, foot - tall * 0.3, 0, foot)
    canvas.path(poly([(start, foot), (start, foot - tall * 0.3), *fall[-3:]]), wet, outlined=False)
    for j, (k, s) in enumerate(_SKERRIES):
        _skerry(stage, band, rng, edge + out * k, foot + 4 + 4 * j, tall * s)
    _grass_on(stage, band, rng, crest, (edge + out * 0.03, crest[-1][1] + tall * 0.05), tall)


def _skerry(stage: Stage, band: Band, rng: Random, x: float, y: float, wide: float) -> None:
    """A rock in the water, with foam around it."""
    boulder(stage, rng, x, y, wide, albedo(stage, band.layer), band.distance)
    foam = stage.light.land(WHITE, band.distance, 0.5)
    stage.canvas.path(ellipse(x, y + 1, wide * 0.66, wide * 0.07), foam, 0.7, outlined=False)


def _grass_on(stage: Stage, band: Band, rng: Random, crest: list[Point], tip: Point, tall: float) -> None:
    """Grass on the crest, which ends in a tip over the fall."""
    under = [(x, y + tall * (0.07 + 0.05 * rng.random())) for x, y in reversed(crest)]
    stage.canvas.path(
        smooth([*crest, tip]) + "L" + "L".join(f"{num(a)} {num(b)}" for a, b in under) + "Z",
        stage.light.land(grass(stage.world.season), band.distance, 0.5),
    )


def draw_rocks(stage: Stage, band: Band) -> None:
    """Stony ground with boulders."""
    rock = albedo(stage, band.layer)
    draw_rolling(stage, band, rock)
    folds(stage, band, rock)
    rng = stage.rng("boulders", band.layer.detail)
    places = sorted(scatter(stage, band, rng, 8 + round(26 * band.layer.density)), key=lambda p: p[1])
    for x, y, s in places:
        boulder(stage, rng, x, y, 70 * s * rng.uniform(0.5, 1.5), rock, band.distance * 0.8)


def draw_craters(stage: Stage, band: Band) -> None:
    """The ground of an airless world: craters with lit and shaded rims."""
    dust = albedo(stage, band.layer)
    draw_rolling(stage, band, dust)
    rng, light, canvas = stage.rng("craters", band.layer.detail), stage.light, stage.canvas
    places = sorted(scatter(stage, band, rng, 6 + round(14 * band.layer.density)), key=lambda p: p[1])
    for x, y, s in places:
        rx = 90 * s * rng.uniform(0.4, 1.5)
        ry = rx * 0.3
        canvas.path(ellipse(x, y, rx * 1.14, ry * 1.18), light.land(dust, band.distance, 0.7), 0.9)
        canvas.path(ellipse(x, y, rx, ry), light.land(scale(dust, 0.7), band.distance, -0.6), outlined=False)
        canvas.path(
            ellipse(x - light.side * rx * 0.12, y + ry * 0.22, rx * 0.78, ry * 0.66),
            light.land(dust, band.distance, 0.05),
            outlined=False,
        )
    boulders = sorted(scatter(stage, band, rng, 7), key=lambda p: p[1])
    for x, y, s in boulders:
        boulder(stage, rng, x, y, 46 * s, dust, band.distance)
