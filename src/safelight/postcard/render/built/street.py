"""A street in perspective: the roadway, pavements, and rows of house fronts that close it in on both sides."""

from dataclasses import dataclass
from random import Random

from safelight.postcard.render.ground.relief import Band, albedo, leaves
from safelight.postcard.render.paper.canvas import Point, ellipse, num, poly
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, named, rgb, scale
from safelight.postcard.render.stage import GLASS, LAMP, Stage
from safelight.postcard.scenes.vocabulary import Colour

_FRONTS = ("#c98a6a", "#d9c3a0", "#a9b4b8", "#b9705c", "#cfae7c", "#93a3a8", "#d6a48c", "#8f9c86", "#c2b6a4")
_AWNINGS = ("#b8473f", "#3f7a6a", "#d9a441", "#4a6a9a")


@dataclass(frozen=True)
class _View:
    """The street's perspective: everything runs to the vanishing point."""

    x: float
    y: float
    low: float
    centre: float  # x of the street's middle at the lower edge

    def at(self, offset: float, height: float, t: float) -> Point:
        """A point ``offset`` from the middle and ``height`` above the street at nearness t (0 far, 1 lower edge)."""
        return (self.x + (self.centre - self.x) * t + offset * t, self.y + (self.low - self.y) * t - height * t)


def draw_street(stage: Stage, band: Band) -> None:
    """The street from its foot at ``peak`` to the lower edge, between fronts where the picture is wide enough."""
    layer, frame, rng = band.layer, stage.frame, stage.rng("street", band.layer.detail)
    far_x = frame.width * (0.5 + 0.5 * (layer.peak - 0.5))
    view = _View(
        far_x, band.foot - 0.02 * frame.rise, frame.height + 12, frame.width * (0.5 + 0.2 * (layer.peak - 0.5))
    )
    wide = 0.5 * frame.rise * (0.8 + 0.4 * layer.density) * min(1.0, 0.55 + 0.45 * frame.width / 1300)
    _ground(stage, band, view, wide)
    far_t = 0.06
    for side in (-1, 1):
        _row(stage, band, view, side, wide * 1.42, far_t, rng)
    for side in (-1, 1):
        _lamps(stage, band, view, side * wide * 1.16, rng)


def _ground(stage: Stage, band: Band, view: _View, wide: float) -> None:
    frame, light, canvas = stage.frame, stage.light, stage.canvas
    stone, tar = rgb("#a8a39c"), albedo(stage, band.layer)
    top = band.foot - 2
    floor = stage.floor
    sheet = poly([(-12, top), (frame.width + 12, top), (frame.width + 12, floor), (-12, floor)])
    far = mix(light.land(stone, band.distance, 0.2), light.haze, 0.3)
    paint = canvas.linear(
        ((0.0, far, 1.0), (1.0, light.land(scale(stone, 0.85), 0.0, 0.0), 1.0)), 0, top, 0, frame.height
    )
    canvas.path(sheet, paint, outlined=False)
    road = poly([view.at(-wide, 0, 0.02), view.at(wide, 0, 0.02), view.at(wide, 0, 1.0), view.at(-wide, 0, 1.0)])
    near = light.land(scale(tar, 0.82), max(0.0, band.distance - 0.35), -0.1)
    paint = canvas.linear(
        ((0.0, mix(light.land(tar, band.distance, 0.2), light.haze, 0.25), 1.0), (1.0, near, 1.0)),
        0,
        top,
        0,
        frame.height,
    )
    canvas.path(road, paint)
    kerb = "".join(
        poly(
            [
                view.at(s * wide, 0, 0.02),
                view.at(s * wide * 1.045, 0, 0.02),
                view.at(s * wide * 1.045, 0, 1),
                view.at(s * wide, 0, 1),
            ]
        )
        for s in (-1, 1)
    )
    canvas.path(kerb, light.land(rgb("#d9d5cb"), band.distance * 0.5, 0.3), outlined=False)
    slabs = "".join(
        _line(view.at(s * wide * 1.06, 0, t), view.at(s * wide * 1.42, 0, t)) for s in (-1, 1) for t in _STEPS
    )
    canvas.stroke(slabs, light.land(scale(stone, 0.7), 0.2, -0.2), 1.8, 0.5)
    dashes = "".join(
        poly([view.at(-9, 0, t), view.at(9, 0, t), view.at(9, 0, t * 1.16), view.at(-9, 0, t * 1.16)])
        for t in _STEPS[::2]
    )
    canvas.path(dashes, light.land(WHITE, band.distance * 0.6, 0.2), 0.85, outlined=False)
    bars = "".join(
        poly(
            [
                view.at(wide * k, 0, 0.46),
                view.at(wide * (k + 0.11), 0, 0.46),
                view.at(wide * (k + 0.11), 0, 0.54),
                view.at(wide * k, 0, 0.54),
            ]
        )
        for k in (-0.9, -0.66, -0.42, -0.18, 0.06, 0.3, 0.54, 0.78)
    )
    canvas.path(bars, light.land(WHITE, band.distance * 0.4, 0.2), 0.75, outlined=False)
    if stage.world.rain >= 0.08 or stage.dark > 0.6:
        shine = canvas.soft(mix(LAMP, light.mood.glow, 0.5), 0.34)
        x, y = view.at(0, 0, 0.55)
        canvas.path(ellipse(x, y, wide * 0.6, frame.rise * 0.16), shine, outlined=False)


_STEPS = tuple(0.055 * 1.16**k for k in range(20))
"""Where the paving's joints and the road's dashes lie: each a sixth nearer than the one before."""


def _line(a: Point, b: Point) -> str:
    return f"M{num(a[0])} {num(a[1])}L{num(b[0])} {num(b[1])}"


def _row(stage: Stage, band: Band, view: _View, side: int, offset: float, far_t: float, rng: Random) -> None:
    """House fronts along one side, the far ones first."""
    frame = stage.frame
    t, houses = far_t, []
    while t < 1.5:
        end = t * rng.uniform(1.28, 1.5)
        houses.append((t, end, rng.uniform(0.55, 0.95), rng.choice(_FRONTS), rng.choice(_AWNINGS), rng.random()))
        t = end
    reach = frame.rise * 1.25
    for t0, t1, high, colour, awning, shop in houses:
        edge = view.at(side * offset, 0, t0)[0]
        if -frame.width * 0.3 < edge < frame.width * 1.3:
            wall = named(band.layer.colour, colour) if band.layer.colour is not Colour.NATURAL else rgb(colour)
            _front(stage, band, view, side * offset, (t0, t1), high * reach, wall, rgb(awning), shop)


def _front(
    stage: Stage,
    band: Band,
    view: _View,
    off: float,
    span: tuple[float, float],
    high: float,
    wall: Rgb,
    awning: Rgb,
    shop: float,
) -> None:
    """One front: wall, cornice and roof edge, rows of windows, a door or a shop with its awning."""
    light, canvas, (t0, t1) = stage.light, stage.canvas, span
    away = max(0.0, 0.85 - 1.1 * t0) * 0.8
    lit = 0.55 if off * light.side < 0 else -0.5

    def patch(a: float, b: float, low: float, top: float) -> str:
        """The part of the front from share a to b of its length and between two shares of its height."""
        ta, tb = 1 / (1 / t0 + (1 / t1 - 1 / t0) * a), 1 / (1 / t0 + (1 / t1 - 1 / t0) * b)
        return poly(
            [
                view.at(off, high * low, ta),
                view.at(off, high * low, tb),
                view.at(off, high * top, tb),
                view.at(off, high * top, ta),
            ]
        )

    canvas.path(patch(0, 1, 0, 1), light.thing(wall, away, lit))
    canvas.path(patch(0, 1, 0.0, 0.24), light.thing(scale(wall, 0.72), away, lit), outlined=False)
    canvas.path(
        patch(0, 1, 0.97, 1.05) + patch(0, 1, 0.24, 0.265),
        light.thing(mix(wall, WHITE, 0.3), away, lit),
        outlined=False,
    )
    cols, rows = (3, 3) if t1 - t0 > 0.12 else (2, 2)
    panes, frames = {True: "", False: ""}, ""
    for r in range(rows):
        for c in range(cols):
            a, low = (c + 0.26) / cols, 0.32 + 0.62 * r / rows
            box = (a, a + 0.48 / cols, low, low + 0.4 / rows)
            frames += patch(box[0] - 0.02, box[1] + 0.02, box[2] - 0.012, box[3] + 0.012)
            panes[(r * 7 + c * 3 + int(shop * 10)) % 5 < 3] += patch(*box)
    canvas.path(frames, light.thing(mix(wall, WHITE, 0.55), away, lit), outlined=False)
    for glowing, d in panes.items():
        dim = light.thing(mix(GLASS, rgb("#2b3445"), 0.35 + 0.4 * stage.dark), away, 0.3)
        canvas.path(
            d, mix(LAMP, light.haze, 0.4 * light.veil(away)) if glowing and stage.dark > 0.3 else dim, outlined=False
        )
    door = patch(0.1, 0.28, 0.0, 0.18)
    window = patch(0.36, 0.92, 0.05, 0.19)
    canvas.path(door, light.thing(rgb("#4a3a34"), away, lit), outlined=False)
    shine = mix(GLASS, LAMP, min(1.0, 0.3 + stage.dark))
    canvas.path(window, mix(shine, light.haze, 0.4 * light.veil(away)), 0.95, outlined=False)
    if shop < 0.6:
        depth = off * 0.84
        ta, tb = 1 / (1 / t0 + (1 / t1 - 1 / t0) * 0.32), 1 / (1 / t0 + (1 / t1 - 1 / t0) * 0.96)
        cloth = [
            view.at(off, high * 0.235, ta),
            view.at(off, high * 0.235, tb),
            view.at(depth, high * 0.17, tb),
            view.at(depth, high * 0.17, ta),
        ]
        canvas.path(poly(cloth), light.thing(awning, away, 0.4), outlined=False)


def _lamps(stage: Stage, band: Band, view: _View, off: float, rng: Random) -> None:
    """Lamps along the kerb, or trees by chance; lit when it is dark."""
    light, canvas, high = stage.light, stage.canvas, stage.frame.rise * 0.5
    green = rng.random() < 0.5
    for t in (0.14, 0.24, 0.42, 0.74):
        (x, y), (_, top) = view.at(off, 0, t), view.at(off, high, t)
        if not stage.free(x, 46 * t, t):
            continue
        away, w = max(0.0, 0.7 - t), 9 * t
        if green and t in (0.24, 0.42):
            _tree(stage, x, y, y - top, away)
            continue
        iron = light.thing(rgb("#2f3338"), away, 0.0)
        post = poly([(x - w, y), (x - w * 0.4, top), (x + w * 0.4, top), (x + w, y)])
        canvas.path(post, iron)
        if stage.dark > 0.3:
            canvas.path(ellipse(x, top, 74 * t, 74 * t), canvas.soft(LAMP, 0.85 * stage.dark), outlined=False)
        head = poly([(x - 15 * t, top), (x - 11 * t, top - 34 * t), (x + 11 * t, top - 34 * t), (x + 15 * t, top)])
        canvas.path(head, LAMP if stage.dark > 0.3 else light.thing(rgb("#e9e4d4"), away, 0.3))
        canvas.path(
            poly([(x - 16 * t, top - 33 * t), (x, top - 48 * t), (x + 16 * t, top - 33 * t)]), iron, outlined=False
        )


def _tree(stage: Stage, x: float, y: float, high: float, away: float) -> None:
    light, canvas, r = stage.light, stage.canvas, high * 0.3
    w = high * 0.028
    canvas.path(
        poly([(x - w, y), (x - w * 0.6, y - high * 0.6), (x + w * 0.6, y - high * 0.6), (x + w, y)]),
        light.thing(rgb("#5a4334"), away),
    )
    leaf = leaves(stage.world.season)
    crowns = ((0, -0.78, 1.0), (-0.6, -0.6, 0.75), (0.6, -0.62, 0.75))
    canvas.path(
        "".join(ellipse(x + r * a, y + high * b, r * c, r * c) for a, b, c in crowns), light.land(leaf, away, -0.5)
    )
    lit = "".join(
        ellipse(x + r * (a + 0.2 * light.side), y + high * (b - 0.05), r * c * 0.72, r * c * 0.66) for a, b, c in crowns
    )
    canvas.path(lit, light.land(leaf, away, 0.5), outlined=False)
