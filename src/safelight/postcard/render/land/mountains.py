"""Mountain ranges: a pale ridge behind, overlapping peaks before it, mist and wooded foothills at their feet."""

import itertools
import math
from random import Random

from safelight.postcard.render.ground.relief import Band, albedo, earth, needles
from safelight.postcard.render.land.peaks import Peak, draw_peak, make_peak
from safelight.postcard.render.land.terrain import foreground
from safelight.postcard.render.paper.canvas import Point, num, poly
from safelight.postcard.render.paper.colour import Rgb, mix, scale
from safelight.postcard.render.paper.shapes import jagged, rolling
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import LayerKind, Season, Setting


def draw_mountains(stage: Stage, band: Band) -> None:
    """A range: one main summit near ``peak``, lesser ones around it, the lower before the higher."""
    layer, frame = band.layer, stage.frame
    rng = stage.rng("mountains", layer.detail)
    tall, foot = _tall(stage, band), band.foot
    rock = albedo(stage, layer)
    _far_ridge(stage, band, rng, tall, rock)
    peaks = _range(rng, frame.width, layer.peak, tall, foot, layer.roughness, layer.density)
    low = tall < 0.16 * frame.rise and stage.world.season is not Season.WINTER
    snow = -1.0 if low else _snowline(stage, tall, foot)  # what is low before a high range bears none
    for peak in peaks:
        draw_peak(stage, band, peak, rock, foot, snow)
    _mist(stage, foot, tall)
    foothills(stage, band, rock, tall * 0.2, foot)
    if foot < stage.floor:
        foreground(stage, band, earth(stage), foot - 1)


def _tall(stage: Stage, band: Band) -> float:
    """How high the main summit rises: more in a wide picture, where the same height would be a lump."""
    frame = stage.frame
    boost = math.sqrt(max(1.0, frame.width / 1250))
    room = max(0.1 * frame.rise, band.foot - 0.1 * frame.height)
    return min(max(band.layer.height, 0.06) * frame.rise * boost, room)


def _range(
    rng: Random, width: float, main: float, tall: float, foot: float, rough: float, density: float
) -> list[Peak]:
    """The peaks of a range, the highest first: they overlap, and none is a hill by itself."""
    spacing = max(120.0, tall * (1.0 - 0.4 * density))
    count = max(2, round(width / spacing))
    places = []
    for i in range(-1, count + 1):
        x = width * (i + 0.5 + rng.uniform(-0.34, 0.34)) / count
        t = abs(x / width - main) * max(1.0, width / 1600)
        places.append((tall * rng.uniform(0.4, 0.82) * (1 / (1 + 0.55 * t * t)), x))
    places.append((tall, width * main))
    peaks = []
    for high, x in sorted(places, reverse=True):
        wide = max(high * rng.uniform(1.05, 1.5) * (1.3 - 0.3 * rough), 0.9 * width / count)
        peaks.append(make_peak(rng, x, foot - high, foot, wide, rough))
    return peaks


def _far_ridge(stage: Stage, band: Band, rng: Random, tall: float, rock: Rgb) -> None:
    """Another range behind, as one pale mass: it closes the gaps and gives the near one its depth."""
    frame, light, canvas = stage.frame, stage.light, stage.canvas
    away = min(1.0, band.distance + 0.18)
    tone = mix(light.land(rock, away, -0.15), light.haze, 0.42)
    lit = mix(light.land(rock, away, 0.7), light.haze, 0.4)
    points: list[Point] = [(-40, band.foot)]
    x, faces = -40.0, []
    while x < frame.width + 60:
        wide, high = tall * rng.uniform(0.3, 0.62), tall * rng.uniform(0.3, 0.66)
        top = (x + wide * 0.5, band.foot - high)
        up = jagged(rng, points[-1], top, 0.08, 3)
        low = (x + wide, band.foot - high * rng.uniform(0.45, 0.8))
        down = [top, *jagged(rng, top, low, 0.08, 3)[1:], low]
        points += [*up[1:], *down]
        flank = [*up, top] if light.side < 0 else down
        faces.append(poly([*flank, (top[0] + light.side * wide * 0.12, top[1] + high * 0.55)]))
        x += wide
    canvas.path(poly([*points, (frame.width + 90, band.foot), (-40, band.foot)]), tone)
    canvas.path("".join(faces), lit, 0.55, outlined=False)


_SNOWLINES = {Season.WINTER: 0.12, Season.SPRING: 0.4, Season.SUMMER: 0.52, Season.AUTUMN: 0.46}


def _snowline(stage: Stage, tall: float, foot: float) -> float:
    return foot - max(tall, 60) * _SNOWLINES[stage.world.season]


def _mist(stage: Stage, foot: float, tall: float) -> None:
    """Haze that lies in the valleys before the peaks."""
    haze, canvas, frame = stage.light.haze, stage.canvas, stage.frame
    top = foot - tall * 0.55
    canvas.veil(-12, top, frame.width + 24, foot - top + 1, ((0.0, haze, 0.0), (1.0, haze, 0.62)), foot - top)


_BARE = frozenset({Setting.DESERT, Setting.CANYON, Setting.PLANET, Setting.OASIS, Setting.BEACH, Setting.VOLCANO})
"""Settings on whose hills nothing grows."""


def foothills(stage: Stage, band: Band, rock: Rgb, tall: float, foot: float) -> None:
    """The low hills before the peaks: two folds, with the serrated crest of a far forest where trees grow."""
    rng, light, frame = stage.rng("foothills", band.layer.detail), stage.light, stage.frame
    wooded = stage.world.setting not in _BARE and band.layer.kind is LayerKind.MOUNTAINS
    colour = mix(rock, needles(stage.world.season), 0.7) if wooded else scale(rock, 0.92)
    for k in range(2):
        wave = rolling(rng, frame.width * (0.6 - 0.2 * k), 0.8)
        high = tall * (1.0 - 0.5 * k)
        crest = [
            (x, foot - high * (0.62 + 0.38 * wave(x)))
            for x in (-12.0 + 26 * i for i in range(int(frame.width / 26) + 4))
        ]
        tone = mix(light.land(colour, band.distance * (1 - 0.12 * k), -0.15 - 0.2 * k), light.haze, 0.34 - 0.16 * k)
        line = _serrated(rng, crest, 5 + 6 * k) if wooded else poly(crest, close=False)
        stage.canvas.path(f"{line}L{num(frame.width + 60)} {num(foot + 2)}L-12 {num(foot + 2)}Z", tone)


def _serrated(rng: Random, crest: list[Point], high: float) -> str:
    """The crest with the tips of trees on it."""
    points: list[Point] = []
    for (x0, y0), (x1, y1) in itertools.pairwise(crest):
        for k in range(3):
            t = k / 3
            x, y = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
            tip = high * rng.uniform(0.5, 1.5)
            points += [(x, y), (x + 3.6, y - tip)]
    return poly(points, close=False)
