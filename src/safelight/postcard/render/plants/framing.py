"""What frames a picture from the front: trunks at the edges and boughs that hang in from above, in woods and parks."""

import math
from random import Random

from safelight.postcard.render.ground.relief import leaves, needles
from safelight.postcard.render.paper.canvas import Point, num, poly, smooth
from safelight.postcard.render.paper.colour import Rgb, mix, rgb, scale, turn
from safelight.postcard.render.paper.shapes import blob, jagged
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import Season, Setting

_FRAMED = {
    Setting.PINE_FOREST: 1.0,
    Setting.BROADLEAF_FOREST: 1.0,
    Setting.BIRCH_FOREST: 0.9,
    Setting.JUNGLE: 1.0,
    Setting.PARK: 0.7,
    Setting.WATERFALL: 0.6,
}
"""How often a setting is seen from under a tree."""


_OPEN = frozenset({Setting.JUNGLE, Setting.WATERFALL})
"""Settings seen from the open, where only boughs reach into the picture."""


def draw_framing(stage: Stage) -> None:
    """A trunk or boughs on those sides of the picture where nothing that the scene names would be hidden."""
    rng, frame = stage.rng("framing"), stage.frame
    if rng.random() >= _FRAMED.get(stage.world.setting, 0.0) or frame.height < 0.62 * frame.rise:
        return
    body_x = frame.width * stage.world.sky.body_x
    main = rng.choice((-1, 1))
    sides = [-1, 1] if frame.width > 900 else [main]
    with stage.canvas.group('id="frame-of-trees"'):
        for side in sides:
            deep = frame.rise * (rng.uniform(0.24, 0.34) if side == main else rng.uniform(0.14, 0.22))
            edge = 0.0 if side < 0 else frame.width
            near = [b for b in stage.boxes if abs((b[0] if side < 0 else b[2]) - edge) < deep]
            if any(b[1] < frame.height * 0.4 for b in near) or abs(body_x - edge) < deep * 0.9:
                continue
            if side == main and not near and stage.world.setting not in _OPEN:
                _trunk(stage, rng, edge, side)
            _boughs(stage, rng, edge, side, deep)


def _dark(stage: Stage, colour: Rgb, side: float) -> Rgb:
    """A colour close to the eye and against the light."""
    return mix(scale(stage.light.land(colour, 0.0, side), 0.62), stage.light.mood.land[-1], 0.3)


def _trunk(stage: Stage, rng: Random, edge: float, side: int) -> None:
    """A trunk cut by the edge of the picture, with its bark and the light on its inner rim."""
    frame, canvas = stage.frame, stage.canvas
    wide, low = frame.rise * rng.uniform(0.05, 0.075), frame.height + 12
    birch = stage.world.setting is Setting.BIRCH_FOREST
    bark = rgb("#cfcabf") if birch else rgb("#5a4536")
    x, lean = edge - side * wide * 0.25, wide * rng.uniform(-0.4, 0.7)
    inner: list[Point] = [
        (x - side * wide * 1.7, low),
        (x - side * wide * 1.06, low - frame.rise * 0.1),
        *jagged(rng, (x - side * wide * 0.94, low - frame.rise * 0.22), (x - side * (wide * 0.6 + lean), -12), 0.02, 3),
        (x - side * (wide * 0.6 + lean), -12),
    ]
    canvas.path(
        smooth(inner) + f"L{num(edge + side * 14)} -12L{num(edge + side * 14)} {num(low)}Z", _dark(stage, bark, -0.3)
    )
    rim = [(px + side * wide * 0.16, py) for px, py in reversed(inner)]
    if stage.light.side == -side:
        canvas.path(smooth(inner) + "L" + smooth(rim)[1:] + "Z", _dark(stage, bark, 1.0), 0.7, outlined=False)
    marks = []
    for _ in range(16):
        px, py = x - side * wide * rng.uniform(0.0, 0.8), frame.height * rng.random()
        if birch:
            marks.append(poly([(px, py), (px - side * wide * 0.4, py + 3), (px - side * wide * 0.1, py + 8)]))
        else:
            marks.append(poly([(px, py), (px + 4, py + frame.rise * 0.05), (px - 2, py + frame.rise * 0.1)]))
    canvas.path("".join(marks), scale(_dark(stage, rgb("#3a2c24"), -0.5), 0.8), 0.7, outlined=False)


def _boughs(stage: Stage, rng: Random, edge: float, side: int, deep: float) -> None:
    """Boughs from the upper corner: needles, leaves, bare twigs in winter or the jungle's fronds."""
    setting, season = stage.world.setting, stage.world.season
    if setting is Setting.PINE_FOREST:
        _needled(stage, rng, edge, side, deep)
    elif season is not Season.WINTER or setting is Setting.JUNGLE:
        _leafy(stage, rng, edge, side, deep, setting is Setting.JUNGLE)


def _needled(stage: Stage, rng: Random, edge: float, side: int, deep: float) -> None:
    """Branches of a conifer that droop from the edge, thick with needles, and their side twigs."""
    green, canvas = needles(stage.world.season), stage.canvas
    dark: list[str] = []
    pale: list[str] = []
    for k in range(4):
        y, long = stage.frame.rise * (0.01 + 0.06 * k), deep * (1.2 - 0.22 * k) * rng.uniform(0.85, 1.15)
        spine = [(edge - side * long * t, y + long * 0.3 * t * t) for t in (i / 44 for i in range(45))]
        for i, (px, py) in enumerate(spine[1:], 1):
            size = long * 0.13 * (1.15 - i / 46)
            for up in (-1, 1):
                tip = (
                    px - side * size * 0.75 * rng.uniform(0.7, 1.2),
                    py + up * size * rng.uniform(0.5, 0.9) + size * 0.3,
                )
                blade = poly([(px + side * 5, py - 3), (px + side * 5, py + 4), tip])
                (pale if up * 1.0 < 0 and i % 2 else dark).append(blade)
    canvas.path("".join(dark), _dark(stage, green, -0.4))
    canvas.path("".join(pale), _dark(stage, turn(green, -8), 0.4), outlined=False)


def _leafy(stage: Stage, rng: Random, edge: float, side: int, deep: float, fronds: bool) -> None:
    """Masses of leaves that fill the corner, lighter leaves on their lower rim."""
    colour = leaves(Season.SUMMER if fronds else stage.world.season)
    masses, leaf = [], []
    for _ in range(7):
        a, r = rng.uniform(0, math.pi / 2), deep * rng.uniform(0.25, 0.85)
        x, y = edge - side * r * math.cos(a), r * math.sin(a) * 0.55
        masses.append(smooth(blob(rng, x, y, deep * 0.3, deep * 0.2, 9, 0.2), close=True))
    for _ in range(46):
        a, r = rng.uniform(0.0, math.pi / 2), deep * rng.uniform(0.75, 1.25)
        x, y = edge - side * r * math.cos(a), r * math.sin(a) * 0.62
        long, lean = deep * (0.22 if fronds else 0.085) * rng.uniform(0.7, 1.3), rng.uniform(0.5, 2.4)
        dx, dy = -side * long * math.cos(lean), long * math.sin(lean)
        w = 0.28
        leaf.append(
            f"M{num(x)} {num(y)}q{num(dx * 0.5 - dy * w)} {num(dy * 0.5 + dx * w)} {num(dx)} {num(dy)}"
            f"q{num(-dx * 0.5 + dy * w)} {num(-dy * 0.5 - dx * w)} {num(-dx)} {num(-dy)}Z"
        )
    stage.canvas.path("".join(masses) + "".join(leaf[::2]), _dark(stage, colour, -0.4))
    stage.canvas.path("".join(leaf[1::2]), _dark(stage, turn(colour, -10), 0.5), outlined=False)
