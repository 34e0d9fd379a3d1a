"""Trees, each drawn by a pen in its own units: 100 high, foot at (0, 0)."""

import math
from collections.abc import Sequence
from random import Random

from safelight.postcard.render.ground.relief import SNOW, leaves, needles
from safelight.postcard.render.paper.canvas import Point, circle, num, poly, smooth
from safelight.postcard.render.paper.colour import Rgb, rgb, scale, turn
from safelight.postcard.render.paper.shapes import blob
from safelight.postcard.render.stage import Pen
from safelight.postcard.scenes.vocabulary import Colour, Season


def foliage(pen: Pen, natural: Rgb) -> Rgb:
    """The crown's colour: the scene's, or the natural one, a little different on every tree."""
    base = pen.main("#000000") if pen.colour is not Colour.NATURAL else natural
    return turn(base, pen.rng.uniform(-9, 9), pen.rng.uniform(-0.025, 0.025))


def pine(pen: Pen) -> None:
    """A conifer of five tiers, the side towards the light brighter, snow on it in winter."""
    rng, green = pen.rng, foliage(pen, needles(pen.stage.world.season))
    pen.fill(poly([(-2, 0), (-1.6, -14), (1.6, -14), (2, 0)]), "#6b4a38")
    tiers = 6
    wide = rng.uniform(17, 22)
    left: list[Point] = []
    right: list[Point] = []
    for i in range(tiers):
        t = i / (tiers - 1)
        y, w = -9 - 74 * t, wide * (1 - 0.8 * t) * rng.uniform(0.92, 1.08)
        left += [(-w, y), (-w * 0.45, y - 7.5)]
        right += [(w, y + rng.uniform(-1, 1)), (w * 0.45, y - 7.5)]
    body = [*left, (0, -100), *right[::-1]]
    pen.fill(poly(body), green, -0.35)
    side = pen.stage.light.side * (-1 if pen.mirrored else 1)
    half = left if side < 0 else right
    lit = [*half, (0, -100)]
    inner = [
        (side * -w * 0.1 + (0.8 if i % 2 else -0.8), y)
        for i, (w, y) in enumerate((wide * 0.8 * (1 - t / 6), -9 - 14 * t) for t in range(6))
    ]
    pen.fill(poly([*lit, *inner[::-1]]), turn(green, -6, 0.03), 0.9 * side)
    if pen.stage.world.season is Season.WINTER and pen.colour is Colour.NATURAL:
        _snow_on_tiers(pen, left, right)


def _snow_on_tiers(pen: Pen, left: list[Point], right: list[Point]) -> None:
    caps = []
    for i in range(0, len(left) - 2, 2):
        (xl, yl), (il, yt) = left[i], left[i + 1]
        xr, ir = right[i][0], right[i + 1][0]
        caps.append(
            poly(
                [
                    (il, yt),
                    (xl, yl),
                    (xl * 0.55, yl - 4.2),
                    (xl * 0.1, yl - 1.5),
                    (xr * 0.45, yl - 4.6),
                    (xr, right[i][1]),
                    (ir, yt),
                ]
            )
        )
    pen.fill("".join(caps[1:]), SNOW, 0.4)
    pen.fill(poly([(-2.4, -88), (0, -100), (2.4, -88), (0, -91)]), SNOW, 0.6)


def _crown(pen: Pen, colour: Rgb, places: Sequence[tuple[float, float, float]], lumps: int = 11) -> None:
    """A crown of lumpy balls: shade below, the colour itself, light where the sun reaches."""
    rng, side = pen.rng, pen.stage.light.side * (-1 if pen.mirrored else 1)
    under = "".join(smooth(blob(rng, x, y, r, r * 0.92, lumps, 0.1), close=True) for x, y, r in places)
    pen.fill(under, scale(colour, 0.82), -0.55 * side)
    body = "".join(
        smooth(blob(rng, x + side * r * 0.1, y - r * 0.13, r * 0.84, r * 0.78, lumps, 0.1), close=True)
        for x, y, r in places
    )
    pen.stage.canvas.path(body, pen.tint(colour, 0.15 * side), outlined=False)
    lit = "".join(
        smooth(blob(rng, x + side * r * 0.3, y - r * 0.34, r * 0.5, r * 0.42, lumps, 0.14), close=True)
        for x, y, r in places
    )
    pen.stage.canvas.path(lit, pen.tint(turn(colour, -6, 0.06), 0.95 * side), outlined=False)


def oak(pen: Pen) -> None:
    """A broad-leaved tree with a full crown; bare under snow in winter."""
    if pen.stage.world.season is Season.WINTER and pen.colour is Colour.NATURAL:
        bare_tree(pen)
        return
    crowned(pen, foliage(pen, leaves(pen.stage.world.season)))


def crowned(pen: Pen, colour: Rgb) -> None:
    """Trunk, two boughs and a crown of this colour."""
    rng = pen.rng
    pen.round("M-4 0Q-2.6 -20 -3.4 -46L3.4 -46Q2.4 -20 4.6 0Z", "#6e4f3a", 0, 4.6)
    pen.line("M0 -30L-13 -52M1 -34L14 -54", "#6e4f3a", 2.6)
    j = rng.uniform
    places = [
        (-19 + j(-2, 2), -50, 17.0),
        (19 + j(-2, 2), -52, 17.0),
        (0, -54, 20.0),
        (-13, -70 + j(-2, 2), 18.0),
        (13 + j(-2, 2), -71, 18.0),
        (j(-3, 3), -83, 16.0),
    ]
    _crown(pen, colour, places)


def autumn_tree(pen: Pen) -> None:
    """A maple in red or gold, whatever the season."""
    crowned(pen, foliage(pen, rgb(("#d9532c", "#e8912f", "#c63d2f")[int(pen.variant * 2.99)])))


def cherry_tree(pen: Pen) -> None:
    """A tree in blossom."""
    crowned(pen, foliage(pen, rgb("#f5a9c0")))
    petals = "".join(circle(pen.rng.uniform(-32, 32), pen.rng.uniform(-3, 1), 0.9) for _ in range(12))
    pen.fill(petals, "#f7bfd0", 0.3)


def birch(pen: Pen) -> None:
    """A slender white trunk with dark marks under a light crown."""
    rng = pen.rng
    lean = rng.uniform(-3, 3)
    pen.round(f"M-2.2 0L{num(lean - 1.2)} -84L{num(lean + 1.2)} -84L2.2 0Z", "#f0ede4", 0, 2.6)
    marks = []
    for _ in range(9):
        y = rng.uniform(-72, -5)
        x, w = lean * -y / 84 + rng.choice((-1.5, 0.3)), rng.uniform(0.8, 1.8)
        marks.append(f"M{num(x)} {num(y)}q{num(w)} 0.6 {num(w * 1.3)} 0l0 0.9q{num(-w)} 0.6 {num(-w * 1.3)} 0Z")
    pen.stage.canvas.path("".join(marks), pen.tint("#3a3634"), outlined=False)
    season = pen.stage.world.season
    if season is Season.WINTER and pen.colour is Colour.NATURAL:
        twigs = "".join(
            f"M{num(lean * t)} {num(-84 * t)}l{num(s * 9)} -13" for t in (0.5, 0.65, 0.8, 0.95) for s in (-1, 1)
        )
        pen.line(twigs, "#8a7f7a", 1.0)
        return
    gold = {Season.SPRING: "#b5d66a", Season.SUMMER: "#8fbf5a", Season.AUTUMN: "#f0b93a", Season.WINTER: "#e4ebf2"}[
        season
    ]
    colour = foliage(pen, rgb(gold))
    places = [
        (lean * 0.6 - 9, -54, 9.0),
        (lean * 0.6 + 9, -58, 9.5),
        (lean - 7, -70, 11.0),
        (lean + 8, -73, 10.5),
        (lean, -85, 12.0),
    ]
    _crown(pen, colour, places, 9)


def bare_tree(pen: Pen) -> None:
    """Boughs that fork and fork again; snow lies on them in winter."""
    by_width: dict[int, list[str]] = {}
    _bough(pen.rng, 0, 0, 90.0, 34.0, 5, by_width)
    wood = pen.main("#5d4a42")
    for level, lines in sorted(by_width.items(), reverse=True):
        pen.line("".join(lines), wood, (0.8, 1.1, 1.7, 2.8, 4.6)[level - 1])
    if pen.stage.world.season is Season.WINTER:
        pen.line("".join(by_width.get(3, []) + by_width.get(2, [])), SNOW, 0.7, 0.8)


def _bough(rng: Random, x: float, y: float, angle: float, long: float, level: int, out: dict[int, list[str]]) -> None:
    end = (x + long * math.cos(math.radians(angle)), y - long * math.sin(math.radians(angle)))
    out.setdefault(level, []).append(f"M{num(x)} {num(y)}L{num(end[0])} {num(end[1])}")
    if level > 1:
        for turned in (rng.uniform(16, 34), -rng.uniform(16, 34)):
            _bough(rng, *end, angle + turned, long * rng.uniform(0.66, 0.8), level - 1, out)


def bush(pen: Pen) -> None:
    """A low, round shrub."""
    _crown(pen, foliage(pen, leaves(pen.stage.world.season)), [(-44, -34, 36.0), (44, -32, 36.0), (0, -50, 48.0)])
