"""Mountains with ridges, facets and snow; the volcano and icebergs are built of the same peaks."""

import itertools
from dataclasses import dataclass
from random import Random

from safelight.postcard.render.canvas import Point, ellipse, num, poly, smooth
from safelight.postcard.render.colour import WHITE, Rgb, mix, rgb, scale
from safelight.postcard.render.ground import Band, albedo, earth
from safelight.postcard.render.shapes import blob, jagged, rolling
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.terrain import foreground
from safelight.postcard.vocabulary import Season


@dataclass(frozen=True)
class Peak:
    """One summit: its outline to the left and right, and the ridge that comes down towards the eye."""

    top: Point
    left: list[Point]  # from the foot up to the summit
    right: list[Point]  # from the summit down to the foot
    ridge: list[Point]  # from the summit down


def _peak(rng: Random, x: float, top: float, foot: float, wide: float, rough: float) -> Peak:
    tall = foot - top
    wobble = 0.05 + 0.11 * rough
    left, right = wide * rng.uniform(0.8, 1.25), wide * rng.uniform(0.8, 1.25)
    up = [*jagged(rng, (x - left, foot), (x, top), wobble, 4), (x, top)]
    down = [*jagged(rng, (x, top), (x + right, foot), wobble, 4), (x + right, foot)]
    bend = x + wide * rng.uniform(-0.25, 0.25)
    spine = [*jagged(rng, (x, top), (bend, foot), 0.2, 3), (bend, foot)]
    spine = [(px, min(max(py, top + tall * i / len(spine) * 0.8), foot)) for i, (px, py) in enumerate(spine)]
    return Peak((x, top), up, down, spine)


def draw_mountains(stage: Stage, band: Band) -> None:
    """A range: one main summit near ``peak``, lesser ones around it, the lower before the higher."""
    layer, frame = band.layer, stage.frame
    rng = stage.rng("mountains", layer.detail)
    tall, foot = layer.height * frame.rise, band.foot
    rock = albedo(stage, layer)
    peaks = _range(rng, frame.width, layer.peak, tall, foot, layer.roughness, layer.density)
    snow = _snowline(stage, layer.roughness, tall, foot)
    _foothills(stage, band, rock, tall * 0.2, foot)
    for peak in peaks:
        _draw_peak(stage, band, peak, rock, foot, snow)
    if foot < stage.floor:
        foreground(stage, band, earth(stage), foot - 1)


def _range(
    rng: Random, width: float, main: float, tall: float, foot: float, rough: float, density: float
) -> list[Peak]:
    spacing = max(170.0, tall * (1.25 - 0.5 * density))
    count = max(2, round(width / spacing))
    peaks = []
    for i in range(-1, count + 1):
        x = width * (i + 0.5 + rng.uniform(-0.28, 0.28)) / count
        t = abs(x / width - main) * max(1.0, width / 1400)
        high = tall * rng.uniform(0.42, 0.8) * (1 / (1 + 1.1 * t * t))
        peaks.append((high, x))
    peaks.append((tall, width * main))
    return [
        _peak(rng, x, foot - high, foot, high * rng.uniform(0.85, 1.15) * (1.25 - 0.3 * rough), rough)
        for high, x in sorted(peaks, reverse=True)
    ]


def _snowline(stage: Stage, rough: float, tall: float, foot: float) -> float:
    share = {Season.WINTER: 0.16, Season.SPRING: 0.46, Season.SUMMER: 0.56, Season.AUTUMN: 0.52}[stage.world.season]
    return foot - max(tall, 60) * share


def _draw_peak(stage: Stage, band: Band, peak: Peak, rock: Rgb, foot: float, snowline: float) -> None:
    light, canvas = stage.light, stage.canvas
    left_lit = light.side < 0
    lit = light.land(rock, band.distance, 0.85)
    shade = light.land(rock, band.distance, -0.75)
    mist = mix(shade, light.haze, 0.25 + 0.35 * band.distance)
    mist_lit = mix(lit, light.haze, 0.2 + 0.35 * band.distance)
    top = peak.top[1]
    dark = canvas.linear(((0.0, shade, 1.0), (0.55, shade, 1.0), (1.0, mist, 1.0)), 0, top, 0, foot)
    bright = canvas.linear(((0.0, lit, 1.0), (0.5, lit, 1.0), (1.0, mist_lit, 1.0)), 0, top, 0, foot)
    canvas.path(poly([*peak.left, *peak.right]), dark)
    flank = [*peak.left, *peak.ridge] if left_lit else [*peak.right[::-1], *peak.ridge]
    canvas.path(poly(flank), bright, outlined=False)
    _facets(stage, band, peak, rock, left_lit)
    if top < snowline:
        _snow(stage, band, peak, snowline, left_lit)


def _facets(stage: Stage, band: Band, peak: Peak, rock: Rgb, left_lit: bool) -> None:
    """Spurs: slivers of light on the dark flank and of shade on the lit one."""
    light, tops = stage.light, []
    for outline, lit_side in ((peak.left[::-1], left_lit), (peak.right, not left_lit)):
        for i in range(2, len(outline) - 4, 4):
            (x, y), (x2, y2) = outline[i], outline[i + 3]
            inward = (peak.ridge[min(i // 2 + 1, len(peak.ridge) - 1)][0] - x) * 0.5
            tip = (x + inward * 0.9, y2 + (y2 - y) * 0.9)
            mid = (x + inward * 0.35, y + (y2 - y) * 0.5)
            tops.append((poly([(x, y), mid, tip, (x2, y2)]), lit_side))
    for want in (True, False):
        d = "".join(shape for shape, lit_side in tops if lit_side is want)
        side = 0.25 if want else -0.2
        stage.canvas.path(d, light.land(rock, band.distance, side), 0.5, outlined=False)


def _snow(stage: Stage, band: Band, peak: Peak, snowline: float, left_lit: bool) -> None:
    light, canvas = stage.light, stage.canvas
    lit = mix(light.thing(WHITE, band.distance * 0.7, 1.0), light.mood.glow, 0.15)
    shade = mix(light.thing(rgb("#bccbe6"), band.distance * 0.7, -0.7), light.haze, 0.12)
    left = _cut(peak.left[::-1], snowline)
    right = _cut(peak.right, snowline)
    ridge = _cut(peak.ridge, snowline)
    low_left = _teeth(left[-1], ridge[-1])
    low_right = _teeth(right[-1], ridge[-1])
    canvas.path(poly([*left, *low_left, *ridge[::-1]]), lit if left_lit else shade, outlined=False)
    canvas.path(poly([*right, *low_right, *ridge[::-1]]), shade if left_lit else lit, outlined=False)


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
    tongue = abs(wide) * 0.32
    shares = ((0.12, -0.7), (0.26, 0.75), (0.42, -0.35), (0.6, 1.0), (0.78, -0.5), (0.9, 0.4))
    return [(a[0] + wide * t, a[1] + (b[1] - a[1]) * t + tongue * s) for t, s in shares]


def _foothills(stage: Stage, band: Band, rock: Rgb, tall: float, foot: float) -> None:
    rng = stage.rng("foothills", band.layer.detail)
    wave = rolling(rng, stage.frame.width * 0.5, 0.8)
    points = [(x, foot - tall * (0.6 + 0.4 * wave(x))) for x in range(-12, int(stage.frame.width) + 60, 44)]
    d = (
        smooth([(float(x), y) for x, y in points])
        + f"L{num(stage.frame.width + 60)} {num(foot + 2)}L-12 {num(foot + 2)}Z"
    )
    tone = mix(stage.light.land(rock, band.distance, -0.3), stage.light.haze, 0.3)
    stage.canvas.path(d, tone, outlined=False)


def draw_volcano(stage: Stage, band: Band) -> None:
    """A cone with a crater, lava in its gullies, a glow and a column of smoke."""
    layer, frame, light, canvas = band.layer, stage.frame, stage.light, stage.canvas
    rng = stage.rng("volcano", layer.detail)
    tall, foot, x = layer.height * frame.rise, band.foot, layer.peak * frame.width
    rock, top, mouth = albedo(stage, layer), foot - tall, tall * 0.13
    _smoke(stage, band, x, top, tall)
    canvas.path(ellipse(x, top, mouth * 5, mouth * 4), canvas.soft(rgb("#ff6a2a"), 0.75), outlined=False)
    wide = tall * 1.15
    left = [*jagged(rng, (x - wide, foot), (x - mouth, top), 0.07, 4), (x - mouth, top)]
    right = [*jagged(rng, (x + mouth, top), (x + wide, foot), 0.07, 4), (x + wide, foot)]
    left = [
        (px - 0.13 * wide * (1 - (2 * i / len(left) - 1) ** 2), py + tall * 0.05) for i, (px, py) in enumerate(left)
    ]
    shade = light.land(rock, band.distance, -0.7)
    paint = canvas.linear(((0.0, shade, 1.0), (1.0, mix(shade, light.haze, 0.4), 1.0)), 0, top, 0, foot)
    canvas.path(
        poly(
            [
                *left,
                (x - mouth, top),
                (x - mouth * 0.3, top + mouth * 0.35),
                (x + mouth * 0.4, top + mouth * 0.25),
                *right,
            ]
        ),
        paint,
    )
    spine = [*jagged(rng, (x, top + mouth * 0.3), (x + wide * 0.1, foot), 0.16, 3), (x + wide * 0.1, foot)]
    flank = (
        [*left, (x - mouth * 0.3, top + mouth * 0.35), *spine]
        if light.side < 0
        else [*right[::-1], (x + mouth * 0.4, top + mouth * 0.25), *spine]
    )
    canvas.path(poly(flank), light.land(rock, band.distance, 0.7), outlined=False)
    for i in range(4):
        end = x + wide * (i - 1.5) * 0.32
        run = jagged(
            rng,
            (x + (i - 1.5) * mouth * 0.35, top + mouth * 0.25),
            (end, foot - tall * rng.uniform(0.05, 0.5)),
            0.14,
            3,
        )
        canvas.stroke(poly(run, close=False), rgb("#ff5a1f"), tall * 0.022)
        canvas.stroke(poly(run[: len(run) * 2 // 3], close=False), rgb("#ffd35c"), tall * 0.009)
    canvas.path(ellipse(x, top + mouth * 0.22, mouth * 0.75, mouth * 0.17), rgb("#ffce54"), outlined=False)
    _foothills(stage, band, rock, tall * 0.16, foot)
    if foot < stage.floor:
        foreground(stage, band, earth(stage), foot - 1)


def _smoke(stage: Stage, band: Band, x: float, top: float, tall: float) -> None:
    rng, light = stage.rng("smoke", band.layer.detail), stage.light
    drift = tall * (0.25 + 0.5 * abs(stage.world.wind)) * (1 if stage.world.wind >= 0 else -1)
    for i in range(9):
        t = i / 8
        r = tall * (0.07 + 0.2 * t)
        tone = mix(light.land(rgb("#6a6068"), band.distance, 0.2 - 0.5 * (i % 2)), rgb("#ff7a3a"), 0.45 * (1 - t) ** 2)
        px, py = x + drift * t * t + rng.uniform(-0.3, 0.3) * r, top - tall * 0.75 * t
        stage.canvas.path(smooth(blob(rng, px, py, r * 1.15, r, 9), close=True), tone, 0.9)


def draw_icebergs(stage: Stage, band: Band) -> None:
    """Blocks of ice that stand in the water, blue in their shade."""
    layer, frame, light, canvas = band.layer, stage.frame, stage.light, stage.canvas
    rng = stage.rng("icebergs", layer.detail)
    tall, ice = max(0.05, layer.height) * frame.rise, albedo(stage, layer)
    for i in range(2 + round(4 * layer.density)):
        x = frame.width * rng.uniform(0.02, 0.98)
        high = tall * rng.uniform(0.35, 1.0)
        wide = high * rng.uniform(0.7, 1.3)
        foot = band.foot + rng.uniform(0, 0.03) * frame.rise
        cap = [
            (x - wide * 0.5, foot - high * 0.6),
            (x - wide * 0.15, foot - high),
            (x + wide * 0.2, foot - high * 0.8),
            (x + wide * 0.55, foot - high * 0.5),
        ]
        mid = (x + wide * 0.05, foot - high * 0.45)
        canvas.path(
            poly([(x - wide * 0.8, foot), *cap, (x + wide * 0.85, foot)]),
            light.land(scale(ice, 0.84), band.distance, -0.5),
        )
        face = [(x - wide * 0.8, foot), cap[0], cap[1], mid, (x - wide * 0.1, foot)]
        other = [(x + wide * 0.85, foot), cap[3], cap[2], mid, (x - wide * 0.1, foot)]
        canvas.path(poly(face if light.side < 0 else other), light.land(WHITE, band.distance, 0.9), outlined=False)
        canvas.path(poly([cap[1], cap[2], mid]), light.land(ice, band.distance, 0.3 if i % 2 else 0.6), outlined=False)
