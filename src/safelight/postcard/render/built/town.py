"""Bands of buildings: the skyline of a city, the houses of a village; piers."""

from collections.abc import Callable
from random import Random

from safelight.postcard.render.built import buildings, monuments
from safelight.postcard.render.ground.relief import Band, albedo, draw_rolling, earth, grass, leaves
from safelight.postcard.render.paper.canvas import circle, ellipse, num, poly, rect
from safelight.postcard.render.paper.colour import Rgb, mix, named, rgb, scale
from safelight.postcard.render.paper.shapes import spread
from safelight.postcard.render.stage import GLASS, LAMP, Pen, Stage
from safelight.postcard.scenes.vocabulary import Colour

_WALLS = ("#8296b4", "#a48f9c", "#71889c", "#b59f90", "#6c7796", "#94a6b2")


def draw_skyline(stage: Stage, band: Band) -> None:
    """Three ranks of towers, the farther paler; windows burn when it is dark."""
    frame, layer, light, canvas = stage.frame, band.layer, stage.light, stage.canvas
    rng = stage.rng("skyline", layer.detail)
    tall = max(0.12, layer.height) * frame.rise
    foot = band.foot + 0.015 * frame.rise
    for rank in range(3):
        near = rank / 2
        away = min(1.0, 0.6 * band.distance + 0.36 * (1 - near))
        x = -30.0
        while x < frame.width + 20:
            wide = rng.uniform(46, 96) * (0.7 + 0.4 * near) * (tall / 380) ** 0.4
            centre = abs((x + wide / 2) / frame.width - layer.peak)
            high = tall * rng.uniform(0.35, 1.0) * (1 - 0.55 * min(1.0, centre * 1.6)) * (1 - 0.26 * near)
            if rng.random() < 0.3 + 0.75 * layer.density:
                wall = (
                    rgb(_WALLS[rng.randrange(6)]) if layer.colour is Colour.NATURAL else named(layer.colour, "#888888")
                )
                _tower(stage, rng, x, foot, wide, high, wall, away)
            x += wide * rng.uniform(0.82, 1.15)
        if rank < 2:
            mist = canvas.linear(
                ((0.0, light.haze, 0.0), (1.0, light.haze, 0.42 - 0.2 * rank)), 0, foot - tall * 0.5, 0, foot
            )
            canvas.path(rect(-12, foot - tall * 0.5, frame.width + 24, tall * 0.5), mist, outlined=False)
    if stage.dark > 0.3:
        glow = canvas.linear(((0.0, LAMP, 0.0), (1.0, LAMP, 0.3 * stage.dark)), 0, foot - tall * 0.45, 0, foot)
        canvas.path(rect(-12, foot - tall * 0.45, frame.width + 24, tall * 0.45), glow, outlined=False)
    _pavement(stage, band, foot - 2)


def _pavement(stage: Stage, band: Band, top: float) -> None:
    """The paved ground before the towers: slabs in perspective, and a row of trees along the houses' feet."""
    frame, light, canvas, rng = stage.frame, stage.light, stage.canvas, stage.rng("pavement", band.layer.detail)
    stone, floor = rgb("#8b8f99"), stage.floor
    far, near = light.land(stone, band.distance * 0.7, 0.1), light.land(scale(stone, 0.8), 0.0, -0.1)
    paint = canvas.linear(((0.0, far, 1.0), (1.0, near, 1.0)), 0, top, 0, frame.height)
    canvas.path(rect(-12, top, frame.width + 24, max(4.0, floor - top)), paint, outlined=False)
    if floor - top < 0.08 * frame.rise:
        return
    canvas.stroke(_joints(frame.width, top, floor), light.land(scale(stone, 0.62), 0.2, -0.2), 2.2, 0.45)
    _row_of_trees(stage, band, top, rng)


def _joints(width: float, top: float, floor: float) -> str:
    """The joints between slabs: lines that run to the vanishing point, and lines across."""
    middle, lines = width / 2, []
    for k in range(-14, 15):
        end = middle + k * width * 0.14
        lines.append(f"M{num(middle + (end - middle) * 0.16)} {num(top + 3)}L{num(end)} {num(floor)}")
    for k in range(1, 9):
        lines += [f"M0 {num(top + (floor - top) * (k / 9) ** 1.8)}H{num(width)}"]
    return "".join(lines)


def _row_of_trees(stage: Stage, band: Band, top: float, rng: Random) -> None:
    """Crowns along the houses' feet, in the shade and lit."""
    frame, light, green = stage.frame, stage.light, leaves(stage.world.season)
    trees = [(x, frame.rise * rng.uniform(0.014, 0.024)) for x in spread(rng, int(frame.width / 62), 0, frame.width)]
    crowns = {
        tone: "".join(
            ellipse(
                x + light.side * r * 0.25 * max(0.0, tone),
                top - r * (1.1 + 0.2 * tone),
                r * (1 - 0.2 * tone),
                r * (1 - 0.2 * tone),
            )
            for x, r in trees
        )
        for tone in (-0.5, 0.6)
    }
    for tone, shapes in crowns.items():
        stage.canvas.path(shapes, light.land(scale(green, 0.85), band.distance * 0.7, tone), outlined=tone < 0)


def _tower(stage: Stage, rng: Random, x: float, foot: float, wide: float, high: float, wall: Rgb, away: float) -> None:
    light, canvas = stage.light, stage.canvas
    top = foot - high
    lit_w = wide * rng.uniform(0.3, 0.45)
    shade, lit = light.land(wall, away, -0.45), light.land(wall, away, 0.5)
    shape, roof = rng.random(), []
    if shape < 0.25 and high > 150:
        roof = [(x, top), (x + wide * 0.5, top - wide * 0.5), (x + wide, top)]
    elif shape < 0.4:
        roof = [(x, top), (x + wide, top - wide * 0.35), (x + wide, top)]
    elif shape < 0.65:
        roof = [
            (x + wide * 0.2, top),
            (x + wide * 0.2, top - wide * 0.22),
            (x + wide * 0.8, top - wide * 0.22),
            (x + wide * 0.8, top),
        ]
    canvas.path(rect(x, top, wide, high), shade)
    face = x + wide - lit_w if light.side > 0 else x
    canvas.path(rect(face, top, lit_w, high), lit, outlined=False)
    if roof:
        canvas.path(poly(roof), light.land(wall, away, 0.1))
    if rng.random() < 0.22:
        mast = wide * rng.uniform(0.5, 0.9)
        canvas.stroke(f"M{num(x + wide / 2)} {num(top)}v{num(-mast)}", shade, 2)
        if stage.dark > 0.5:
            canvas.path(circle(x + wide / 2, top - mast, 2.6), rgb("#ff5a4a"), outlined=False)
    _windows(stage, rng, x, top, wide, high, away)


def _windows(stage: Stage, rng: Random, x: float, top: float, wide: float, high: float, away: float) -> None:
    light, cell = stage.light, max(9.0, wide / 6.2)
    cols, rows = max(2, int(wide / cell) - 1), int((high - cell) / (cell * 1.35))
    pad = (wide - cols * cell) / 2
    lit: list[str] = []
    dull: list[str] = []
    busy = rng.uniform(0.25, 0.62)
    for row in range(min(rows, 26)):
        for col in range(cols):
            box = rect(x + pad + col * cell + cell * 0.2, top + cell * (0.8 + row * 1.35), cell * 0.6, cell * 0.8)
            (lit if rng.random() < busy else dull).append(box)
    dark = stage.dark
    if dark > 0.3:
        shine = mix(mix(GLASS, LAMP, min(1.0, dark * 1.5)), light.haze, 0.6 * light.veil(away))
        stage.canvas.path("".join(lit), shine, 0.95, outlined=False)
    else:
        stage.canvas.path("".join(lit), light.land(rgb("#dcebf5"), away, 0.3), 0.5, outlined=False)
        stage.canvas.path("".join(dull), light.land(rgb("#4d6580"), away, -0.2), 0.4, outlined=False)


def draw_houses(stage: Stage, band: Band) -> None:
    """A village: houses in two rows around a church now and then, with trees' green between."""
    frame, layer = stage.frame, band.layer
    rng = stage.rng("houses", layer.detail)
    draw_rolling(stage, band, earth(stage) if layer.colour is Colour.NATURAL else albedo(stage, layer))
    tall = max(0.06, layer.height) * frame.rise * 0.62
    for row in range(2):
        away = min(1.0, band.distance + 0.14 * (1 - row))
        size = tall * (0.78 + 0.22 * row)
        count = max(2, round(frame.width / (size * (1.9 - 0.9 * layer.density))))
        for i, x in enumerate(spread(rng, count, -10, frame.width + 10, 0.8)):
            if not stage.free(x, size * 0.5, layer.depth + 0.02) or rng.random() > 0.45 + 0.6 * layer.density:
                continue
            y = band.crest(min(max(x, 0), frame.width)) + (0.008 + 0.035 * row) * frame.rise
            special = row == 0 and i == count // 2
            draw = monuments.church if special else (buildings.tall_house if rng.random() < 0.2 else buildings.house)
            unit = size * (1.9 if special else rng.uniform(0.85, 1.15)) / 100
            place_pen(stage, Pen(stage, away, layer.colour, False, rng), draw, x, y, unit)
        if row == 0:
            _greenery(stage, band, rng, tall)


def _greenery(stage: Stage, band: Band, rng: Random, tall: float) -> None:
    tone = stage.light.land(scale(grass(stage.world.season), 0.72), band.distance, -0.1)
    dots = []
    for x in spread(rng, int(stage.frame.width / 70), 0, stage.frame.width, 1.4):
        r = tall * rng.uniform(0.12, 0.26)
        dots.append(ellipse(x, band.crest(x) + 0.028 * stage.frame.rise, r * 1.2, r))
    stage.canvas.path("".join(dots), tone, outlined=False)


def place_pen(stage: Stage, pen: Pen, draw: Callable[[Pen], None], x: float, y: float, unit: float) -> None:
    """Runs a pen drawing at (x, y), ``unit`` user units to one of its own."""
    with stage.canvas.scaled(x, y, unit, unit):
        draw(pen)


def draw_pier(stage: Stage, band: Band) -> None:
    """A wooden pier that runs out from the lower edge to its foot at ``peak``."""
    frame, layer, light, canvas = stage.frame, band.layer, stage.light, stage.canvas
    wood = albedo(stage, layer)
    far_x, near_x = frame.width * layer.peak, frame.width * (0.5 + 0.3 * (layer.peak - 0.5))
    far_w, near_w = 0.03 * frame.rise, (0.16 + 0.1 * layer.density) * frame.rise
    floor = frame.height + 14
    posts = []
    for i in range(7):
        t = (i / 6) ** 1.6
        y, w = band.foot + (floor - band.foot) * t, far_w + (near_w - far_w) * t
        x = far_x + (near_x - far_x) * t
        posts += [rect(x + s * w - w * 0.06, y - w * 0.35, w * 0.12, w * 0.75) for s in (-1, 1)]
    canvas.path("".join(posts), light.land(scale(wood, 0.6), band.distance, -0.3))
    deck = [(far_x - far_w, band.foot), (far_x + far_w, band.foot), (near_x + near_w, floor), (near_x - near_w, floor)]
    far, near = light.land(wood, band.distance, 0.4), light.land(wood, max(0.0, band.distance - 0.3), 0.2)
    canvas.path(poly(deck), canvas.linear(((0.0, far, 1.0), (1.0, near, 1.0)), 0, band.foot, 0, floor))
    planks = []
    for i in range(1, 26):
        t = (i / 26) ** 1.7
        y, w = band.foot + (floor - band.foot) * t, far_w + (near_w - far_w) * t
        x = far_x + (near_x - far_x) * t
        planks.append(f"M{num(x - w)} {num(y)}h{num(2 * w)}")
    canvas.stroke("".join(planks), light.land(scale(wood, 0.68), band.distance, -0.2), 2.4, 0.8)
