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

    def strip(self, left: float, right: float, far: float, near: float) -> str:
        """What lies on the ground between two offsets from the middle and two nearnesses."""
        return poly([self.at(left, 0, far), self.at(right, 0, far), self.at(right, 0, near), self.at(left, 0, near)])


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
    """Pavements and roadway with their kerbs, what is painted on the road, and how it shines when wet or at night."""
    _floor(stage, band, view, wide)
    _kerbs(stage, band, view, wide)
    _marks(stage, band, view, wide)
    if stage.world.rain >= 0.08 or stage.dark > 0.6:
        shine = stage.canvas.soft(mix(LAMP, stage.light.mood.glow, 0.5), 0.34)
        x, y = view.at(0, 0, 0.55)
        stage.canvas.path(ellipse(x, y, wide * 0.6, stage.frame.rise * 0.16), shine, outlined=False)


def _floor(stage: Stage, band: Band, view: _View, wide: float) -> None:
    """Stone from edge to edge, and the road of tar on it."""
    frame, light, canvas, floor, top = stage.frame, stage.light, stage.canvas, stage.floor, band.foot - 2
    tar = albedo(stage, band.layer)
    sheet = poly([(-12, top), (frame.width + 12, top), (frame.width + 12, floor), (-12, floor)])
    far = mix(light.land(_STONE, band.distance, 0.2), light.haze, 0.3)
    near = light.land(scale(_STONE, 0.85), 0.0, 0.0)
    canvas.path(sheet, canvas.linear(((0.0, far, 1.0), (1.0, near, 1.0)), 0, top, 0, frame.height), outlined=False)
    far = mix(light.land(tar, band.distance, 0.2), light.haze, 0.25)
    near = light.land(scale(tar, 0.82), max(0.0, band.distance - 0.35), -0.1)
    paint = canvas.linear(((0.0, far, 1.0), (1.0, near, 1.0)), 0, top, 0, frame.height)
    canvas.path(view.strip(-wide, wide, 0.02, 1.0), paint)


def _kerbs(stage: Stage, band: Band, view: _View, wide: float) -> None:
    """The kerbs on both sides, and the joints of the slabs beyond them."""
    light, canvas = stage.light, stage.canvas
    kerb = "".join(view.strip(s * wide, s * wide * 1.045, 0.02, 1) for s in (-1, 1))
    canvas.path(kerb, light.land(rgb("#d9d5cb"), band.distance * 0.5, 0.3), outlined=False)
    slabs = "".join(
        _line(view.at(s * wide * 1.06, 0, t), view.at(s * wide * 1.42, 0, t)) for s in (-1, 1) for t in _STEPS
    )
    canvas.stroke(slabs, light.land(scale(_STONE, 0.7), 0.2, -0.2), 1.8, 0.5)


def _marks(stage: Stage, band: Band, view: _View, wide: float) -> None:
    """The dashes along the middle of the road, and the bars of a crossing."""
    light, canvas = stage.light, stage.canvas
    dashes = "".join(view.strip(-9, 9, t, t * 1.16) for t in _STEPS[::2])
    canvas.path(dashes, light.land(WHITE, band.distance * 0.6, 0.2), 0.85, outlined=False)
    bars = "".join(view.strip(wide * k, wide * (k + 0.11), 0.46, 0.54) for k in _BARS)
    canvas.path(bars, light.land(WHITE, band.distance * 0.4, 0.2), 0.75, outlined=False)


_STONE = rgb("#a8a39c")
_BARS = (-0.9, -0.66, -0.42, -0.18, 0.06, 0.3, 0.54, 0.78)
"""The left edges of a crossing's bars, against half the road's width."""

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
            lit = 0.55 if side * offset * stage.light.side < 0 else -0.5
            _draw_front(stage, _Front(view, side * offset, (t0, t1), high * reach, wall, rgb(awning), shop, lit))


@dataclass(frozen=True)
class _Front:
    """One house front: where it stands, and what it is made of."""

    view: _View
    off: float
    span: tuple[float, float]
    high: float
    wall: Rgb
    awning: Rgb
    shop: float  # from 0 to 1: which windows glow, and whether there is an awning
    lit: float

    @property
    def away(self) -> float:
        """How far in the haze."""
        return max(0.0, 0.85 - 1.1 * self.span[0]) * 0.8

    def near(self, share: float) -> float:
        """The nearness at a share of the front's length, as perspective has it."""
        t0, t1 = self.span
        return 1 / (1 / t0 + (1 / t1 - 1 / t0) * share)

    def patch(self, a: float, b: float, low: float, top: float) -> str:
        """The part of the front from share a to b of its length and between two shares of its height."""
        (ta, tb), at, off = (self.near(a), self.near(b)), self.view.at, self.off
        low, top = self.high * low, self.high * top
        return poly([at(off, low, ta), at(off, low, tb), at(off, top, tb), at(off, top, ta)])


def _draw_front(stage: Stage, front: _Front) -> None:
    """Wall, cornice and roof edge, rows of windows, a door or a shop with its awning."""
    light, canvas, away, lit, patch = stage.light, stage.canvas, front.away, front.lit, front.patch
    canvas.path(patch(0, 1, 0, 1), light.thing(front.wall, away, lit))
    canvas.path(patch(0, 1, 0.0, 0.24), light.thing(scale(front.wall, 0.72), away, lit), outlined=False)
    edges = patch(0, 1, 0.97, 1.05) + patch(0, 1, 0.24, 0.265)
    canvas.path(edges, light.thing(mix(front.wall, WHITE, 0.3), away, lit), outlined=False)
    _windows(stage, front)
    door, window = patch(0.1, 0.28, 0.0, 0.18), patch(0.36, 0.92, 0.05, 0.19)
    canvas.path(door, light.thing(rgb("#4a3a34"), away, lit), outlined=False)
    shine = mix(GLASS, LAMP, min(1.0, 0.3 + stage.dark))
    canvas.path(window, mix(shine, light.haze, 0.4 * light.veil(away)), 0.95, outlined=False)
    if front.shop < 0.6:
        _awning(stage, front)


def _windows(stage: Stage, front: _Front) -> None:
    """Rows of panes in their frames; three of five glow in the dark."""
    light, canvas, away = stage.light, stage.canvas, front.away
    cols, rows = (3, 3) if front.span[1] - front.span[0] > 0.12 else (2, 2)
    panes, frames = {True: "", False: ""}, ""
    for r in range(rows):
        for c in range(cols):
            a, low = (c + 0.26) / cols, 0.32 + 0.62 * r / rows
            box = (a, a + 0.48 / cols, low, low + 0.4 / rows)
            frames += front.patch(box[0] - 0.02, box[1] + 0.02, box[2] - 0.012, box[3] + 0.012)
            panes[(r * 7 + c * 3 + int(front.shop * 10)) % 5 < 3] += front.patch(*box)
    canvas.path(frames, light.thing(mix(front.wall, WHITE, 0.55), away, front.lit), outlined=False)
    dim = light.thing(mix(GLASS, rgb("#2b3445"), 0.35 + 0.4 * stage.dark), away, 0.3)
    for glowing, d in panes.items():
        glow = glowing and stage.dark > 0.3
        canvas.path(d, mix(LAMP, light.haze, 0.4 * light.veil(away)) if glow else dim, outlined=False)


def _awning(stage: Stage, front: _Front) -> None:
    """Cloth over a shop's window, which reaches out over the pavement."""
    at, off, out = front.view.at, front.off, front.off * 0.84
    ta, tb, top, edge = front.near(0.32), front.near(0.96), front.high * 0.235, front.high * 0.17
    cloth = [at(off, top, ta), at(off, top, tb), at(out, edge, tb), at(out, edge, ta)]
    stage.canvas.path(poly(cloth), stage.light.thing(front.awning, front.away, 0.4), outlined=False)


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
