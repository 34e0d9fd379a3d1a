"""Water: sea, lake and river with the mirror image of what stands behind, ripples and the path of the sun."""

import math
from random import Random

from safelight.postcard.render.air.sky import body_place
from safelight.postcard.render.ground.copses import copses
from safelight.postcard.render.ground.dry import scrub
from safelight.postcard.render.ground.relief import Band, draw_rolling, earth, grass, swells
from safelight.postcard.render.ground.verge import verge
from safelight.postcard.render.land.terrain import tufts
from safelight.postcard.render.paper.canvas import Point, ellipse, num, smooth
from safelight.postcard.render.paper.colour import NAMED, WHITE, Rgb, mix, multiply, rgb
from safelight.postcard.render.paper.shapes import spread
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import Colour, LayerKind, SkyBody

_DEEP = {LayerKind.SEA: "#1f6fa8", LayerKind.LAKE: "#2a7f9e", LayerKind.RIVER: "#3488a8"}


def water_colours(stage: Stage, band: Band) -> tuple[Rgb, Rgb]:
    """Colour far away (it mirrors the low sky) and near by (it shows its own depth)."""
    light, mood = stage.light, stage.light.mood
    own = rgb(NAMED[band.layer.colour]) if band.layer.colour is not Colour.NATURAL else rgb(_DEEP[band.layer.kind])
    depth = 0.2 if band.layer.kind is LayerKind.RIVER else 0.0
    far = mix(mood.sky[-2], multiply(own, mood.key), 0.25 + 0.25 * mood.tint + depth)
    near = mix(
        mix(mood.sky[0], mood.land[-1], 0.35), multiply(own, mix(mood.ambient, mood.key, 0.5)), 0.2 + 0.55 * mood.tint
    )
    return mix(far, light.haze, 0.2 + 0.5 * light.fog), mix(near, light.haze, 0.3 * light.fog)


def draw_open_water(stage: Stage, band: Band, mirrored: str) -> None:
    """Sea or lake from its far shore to the lower edge. ``mirrored`` is the id of the group it reflects, or empty."""
    frame, canvas = stage.frame, stage.canvas
    top, floor = band.foot, stage.floor
    far, near = water_colours(stage, band)
    stops = ((0.0, far), (0.45, mix(far, near, 0.55)), (1.0, near))
    canvas.graded(-12, top, frame.width + 24, max(1.0, floor - top), stops, max(1.0, floor - top))
    calm = 1 - band.layer.roughness
    if mirrored:
        reflect(stage, top, mirrored)
        veil = ((0.0, far, 0.5 - 0.28 * calm), (0.5, mix(far, near, 0.6), 0.66 - 0.22 * calm), (1.0, near, 0.94))
        canvas.veil(-12, top, frame.width + 24, max(1.0, floor - top), veil, 0.75 * frame.rise)
    _sun_path(stage, band)
    _ripples(stage, band, far, near)
    if band.layer.roughness > 0.55:
        _waves(stage, band, near)
    if mirrored and top > frame.horizon + 2:
        _waterline(stage, band, far, near)


def reflect(stage: Stage, level: float, mirrored: str, region: str = "") -> None:
    """The mirror image of a group below ``level`` (within ``region``), shortened as it is when seen from above."""
    clip = f' clip-path="url(#{stage.canvas.define("clipPath", "", _only(region))})"' if region else ""
    squeeze = 0.82
    turn = f"matrix(1 0 0 {-squeeze} 0 {num(level * (1 + squeeze))})"
    stage.canvas.body.append(f'<g class="reflection"{clip}><use href="#{mirrored}" transform="{turn}"/></g>')


def _only(region: str) -> str:
    return f'<path d="{region}"/>'


def _sun_path(stage: Stage, band: Band) -> None:
    """The glittering path under the sun or moon."""
    body = stage.world.sky.body
    if body is SkyBody.NONE:
        return
    frame, rng, mood = stage.frame, stage.rng("path", band.layer.detail), stage.light.mood
    x, y, r = body_place(stage)
    low = 1 - min(1.0, (frame.horizon - y) / max(frame.horizon, 1))
    strength = (0.35 + 0.65 * low) * (0.75 if body is SkyBody.MOON else 1.0) * (1 - 0.8 * stage.light.fog)
    if stage.light.mood.dark < 0.2 and low < 0.4:
        strength *= 0.45
    deep = frame.height - band.foot
    shade = mix(mood.sun, mood.glow, 0.35)
    glow = stage.canvas.soft(shade, 0.35 * strength)
    stage.canvas.path(ellipse(x, band.foot + deep * 0.3, r * 2.6 + deep * 0.22, deep * 0.42), glow, outlined=False)
    dashes: dict[int, list[str]] = {}
    rows = 34
    for i in range(rows):
        t = (i + rng.random() * 0.6) / rows
        py = band.foot + 3 + deep * t**1.5
        half = (r * 0.55 + deep * 0.16 * t) * (0.75 + 0.5 * rng.random())
        for _ in range(2):
            px = x + rng.gauss(0, 0.5) * half
            w, h = half * rng.uniform(0.25, 0.9) * (1 - 0.35 * t), 1.6 + 6.5 * t
            dashes.setdefault(i * 3 // rows, []).append(dash(px, py, w, h))
    for third, shapes in dashes.items():
        stage.canvas.path("".join(shapes), mix(shade, WHITE, 0.2), (0.85 - 0.25 * third) * strength, outlined=False)


def _waterline(stage: Stage, band: Band, far: Rgb, near: Rgb) -> None:
    """The far shore: a dark line under the bank, broken by strips of still water that mirror the sky."""
    frame, rng, top = stage.frame, stage.rng("waterline", band.layer.detail), band.foot
    dark = mix(near, stage.light.mood.land[-1], 0.55)
    stage.canvas.path(
        "".join(
            dash(x, top + rng.uniform(-0.5, 2), rng.uniform(40, 150), 2.6) for x in spread(rng, 24, 0, frame.width)
        ),
        dark,
        0.55,
        outlined=False,
    )
    pale = "".join(
        dash(frame.width * rng.random(), top + 4 + 0.09 * frame.rise * rng.random() ** 1.6, rng.uniform(50, 260), 1.6)
        for _ in range(20)
    )
    stage.canvas.path(pale, mix(far, WHITE, 0.3), 0.6, outlined=False)


def dash(x: float, y: float, w: float, h: float) -> str:
    """A glint: a lens that tapers at both ends."""
    return (
        f"M{num(x - w)} {num(y)}Q{num(x)} {num(y - h)} {num(x + w)} {num(y)}"
        f"Q{num(x)} {num(y + h)} {num(x - w)} {num(y)}Z"
    )


def _ripples(stage: Stage, band: Band, far: Rgb, near: Rgb) -> None:
    frame, rng = stage.frame, stage.rng("water", band.layer.detail)
    deep = frame.height - band.foot
    pale: list[str] = []
    dark: list[str] = []
    count = int((46 + 70 * band.layer.density) * frame.width / 1300)
    for _ in range(count):
        t = rng.random() ** 1.3
        x, y = frame.width * rng.random(), band.foot + 4 + deep * t
        w = (10 + 90 * t) * rng.uniform(0.5, 1.4)
        (pale if rng.random() < 0.5 else dark).append(dash(x, y, w, 0.9 + 3.4 * t))
    stage.canvas.path("".join(pale), mix(far, WHITE, 0.35), 0.42, outlined=False)
    stage.canvas.path("".join(dark), mix(near, stage.light.mood.land[-1], 0.4), 0.3, outlined=False)


def _waves(stage: Stage, band: Band, near: Rgb) -> None:
    """Rows of waves with foam, higher towards the eye."""
    frame, rng, light, canvas = stage.frame, stage.rng("waves", band.layer.detail), stage.light, stage.canvas
    foam = light.land(WHITE, 0.1, 0.5)
    force = (band.layer.roughness - 0.55) / 0.45
    deep = frame.height - band.foot
    for row in range(7):
        t = ((row + 1) / 7) ** 1.5
        y, high = band.foot + deep * (0.04 + 0.96 * t), (8 + 46 * t) * (0.4 + 0.6 * force)
        length = (70 + 260 * t) * rng.uniform(0.85, 1.15)
        start = -rng.random() * length
        crest, caps, end = _row_of_waves(rng, (start, y), frame.width, length, high, 0.35 + 0.55 * force)
        low = y + high * 1.6
        body = smooth(crest) + f"L{num(end)} {num(low)}L{num(start)} {num(low)}Z"
        tone = mix(near, light.mood.land[-1], 0.25 * t)
        stops = ((0.0, mix(tone, light.haze, 0.25), 0.9), (1.0, tone, 0.0))
        canvas.path(body, canvas.linear(stops, 0, y - high, 0, low), outlined=False)
        canvas.path("".join(caps), foam, 0.85, outlined=False)


def _row_of_waves(
    rng: Random, start: Point, width: float, length: float, high: float, foaming: float
) -> tuple[list[Point], list[str], float]:
    """The crest of one row, caps of foam on a share `foaming` of its waves, and where it ends."""
    crest: list[Point] = []
    caps: list[str] = []
    x, y = start
    while x < width + length:
        crest += [(x + length * along, y - high * up) for along, up in _WAVE]
        if rng.random() < foaming:
            cx = x + length * 0.6
            caps.append(
                f"M{num(cx - length * 0.24)} {num(y - high * 0.32)}"
                f"Q{num(cx)} {num(y - high * 1.02)} {num(cx + length * 0.2)} {num(y - high * 0.3)}"
                f"Q{num(cx + length * 0.02)} {num(y - high * 0.62)}"
                f" {num(cx - length * 0.24)} {num(y - high * 0.32)}Z"
            )
        x += length
    return crest, caps, x


_WAVE = ((0.0, 0.0), (0.32, 0.25), (0.62, 1.0), (0.8, 0.35))
"""A wave's crest, against its length and height."""


def draw_shore(stage: Stage, band: Band) -> None:
    """Where water meets the land in front of it: shallows, lines of foam, the wet sand they leave."""
    frame, rng, light = stage.frame, stage.rng("shore", band.layer.detail), stage.light
    foam = light.land(WHITE, band.distance, 0.6)
    shallow = mix(light.land(rgb("#7fd6cc"), band.distance, 0.4), light.mood.sky[-2], 0.25)
    wet = light.land(rgb("#9a7f5c"), band.distance, -0.35)
    lines = [_edge(frame.width, band, off, rng) for off in (-58, -24, 4, 26)]
    stage.canvas.path(smooth(lines[0]) + "L" + smooth(lines[2][::-1])[1:] + "Z", shallow, 0.4, outlined=False)
    stage.canvas.path(smooth(lines[2]) + "L" + smooth(lines[3][::-1])[1:] + "Z", wet, 0.4, outlined=False)
    stage.canvas.path(smooth(lines[1]) + "L" + smooth(lines[2][::-1])[1:] + "Z", foam, 0.32, outlined=False)
    for line, width, opacity in ((lines[2], 8.0, 0.92), (lines[1], 4.0, 0.7), (lines[0], 2.6, 0.4)):
        stage.canvas.stroke(smooth(line), foam, width, opacity)


def _edge(width: float, band: Band, off: float, rng: Random) -> list[Point]:
    """The water's edge ``off`` below the crest of the land, scalloped as waves run out."""
    long, phase = rng.uniform(90, 150), rng.uniform(0, 6.3)
    xs = [-30.0 + 30 * i for i in range(int(width / 30) + 4)]
    return [
        (x, band.crest(x) + off + 7 * abs(math.sin(x / long + phase)) + 4 * math.sin(x / 47 + 2 * phase)) for x in xs
    ]


def river_course(stage: Stage, band: Band) -> list[tuple[float, float, float]]:
    """The river as (x, y, half-width) from its foot to the lower edge."""
    layer, frame = band.layer, stage.frame
    rng = stage.rng("river", layer.detail)
    start, sign = frame.width * layer.peak, rng.choice((-1, 1))
    end = frame.width * (0.5 + 0.5 * (layer.peak - 0.5)) + sign * frame.width * 0.08
    wide = frame.rise * (0.2 + 0.22 * layer.density)
    course = []
    for i in range(25):
        t = i / 24
        sway = math.sin(t**0.6 * math.pi * 2.3) * sign * frame.width * 0.17 * (0.1 + t)
        course.append(
            (
                start + (end - start) * t + sway,
                band.foot + (frame.height + 14 - band.foot) * t**1.25,
                3 + wide * t**1.35,
            )
        )
    return course


def draw_river(stage: Stage, band: Band, mirrored: str) -> None:
    """A river that winds down towards the eye, through ground of its own."""
    frame, canvas = stage.frame, stage.canvas
    _river_land(stage, band)
    course = river_course(stage, band)
    _river_bank(stage, band, course)
    left = [(x - w, y) for x, y, w in course]
    right = [(x + w, y) for x, y, w in course]
    shape = smooth(left) + "L" + smooth(right[::-1])[1:] + "Z"
    far, near = water_colours(stage, band)
    paint = canvas.linear(((0.0, far, 1.0), (1.0, near, 1.0)), 0, band.foot, 0, frame.height)
    canvas.path(shape, paint, outlined=False)
    if mirrored:
        reflect(stage, band.foot + 0.04 * frame.rise, mirrored, shape)
        canvas.path(shape, mix(far, near, 0.4), 0.66, outlined=False)
    rng = stage.rng("flow", band.layer.detail)
    glints = []
    for x, y, w in course[2:]:
        glints += [
            dash(x + rng.uniform(-0.7, 0.7) * w, y + rng.uniform(-8, 8), w * rng.uniform(0.1, 0.3), 0.8 + w * 0.012)
            for _ in range(3)
        ]
    canvas.path("".join(glints), mix(far, WHITE, 0.5), 0.6, outlined=False)


def _river_land(stage: Stage, band: Band) -> None:
    """What a river runs through: meadows with copses, or dry ground with scrub."""
    soil = earth(stage)
    draw_rolling(stage, band, soil)
    swells(stage, band, soil, 3, "river")
    if soil == grass(stage.world.season):
        copses(stage, band, 6)
        tufts(stage, band, soil)
        verge(stage, band, soil)
    else:
        scrub(stage, band, soil)


def _river_bank(stage: Stage, band: Band, course: list[tuple[float, float, float]]) -> None:
    """Sand on both sides of the water, a little broader than that."""
    left = [(x - 7 - w * 0.05, y) for x, y, w in course]
    right = [(x + 7 + w * 0.05, y + 2) for x, y, w in reversed(course)]
    sand = stage.light.land(rgb("#c9ad7c"), band.distance, 0.1)
    stage.canvas.path(smooth(left) + "L" + smooth(right)[1:] + "Z", sand)
