"""Fields and ways: flowers, rows of crops, streets, paths, fences."""

import math
from random import Random

from safelight.postcard.render.ground.relief import Band, albedo, draw_rolling, grass, swells
from safelight.postcard.render.ground.scatter import scatter
from safelight.postcard.render.ground.verge import BLOOMS, bloom
from safelight.postcard.render.paper.canvas import Point, circle, ellipse, num, poly, smooth
from safelight.postcard.render.paper.colour import Rgb, mix, named, rgb, scale, turn
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import Colour, LayerKind, Season


def draw_flowers(stage: Stage, band: Band) -> None:
    """A field of flowers of one colour, or of many; near ones have petals and stalks, far ones are dots of colour."""
    layer, light = band.layer, stage.light
    meadow = turn(grass(Season.SUMMER if stage.world.season is Season.WINTER else stage.world.season), -10 * layer.hue)
    draw_rolling(stage, band, meadow)
    swells(stage, band, meadow, 3, "flowers")
    rng = stage.rng("flowers", layer.detail)
    natural = [rng.choice(BLOOMS) for _ in range(3)]
    colours = [rgb(c) for c in natural] if layer.colour is Colour.NATURAL else [named(layer.colour, "#ffffff")] * 2
    spots: dict[int, list[str]] = {}
    near: list[tuple[float, float, float, int]] = []
    for x, y, s in scatter(stage, band, rng, int((150 + 480 * layer.density) * (stage.frame.width / 1300) ** 0.8)):
        pick = rng.randrange(len(colours))
        if s > 0.66 and len(near) < 130:
            near.append((y, x, s, pick))
        else:
            spots.setdefault(pick, []).append(ellipse(x, y, 3.5 + 9 * s, 2 + 6.5 * s))
    for pick, dots in spots.items():
        stage.canvas.path("".join(dots), light.thing(colours[pick], band.distance * 0.8, 0.5), outlined=False)
    _stalks(stage, band, [(x, y, s) for y, x, s, _ in near])
    for y, x, s, pick in sorted(near):
        bloom(stage, band, x, y - 34 * s, 14 * s, colours[pick], rng)


def _stalks(stage: Stage, band: Band, places: list[tuple[float, float, float]]) -> None:
    lean = stage.world.wind * 10
    d = "".join(
        f"M{num(x)} {num(y)}q{num(lean * s * 0.3)} {num(-17 * s)} {num(lean * s)} {num(-34 * s)}" for x, y, s in places
    )
    if d:
        stage.canvas.stroke(d, stage.light.land(rgb("#3d7a3a"), band.distance * 0.7, -0.3), 3.2)


_ROWS = {
    LayerKind.LAVENDER: ("#8d6fd1", "#6a9a58"),
    LayerKind.TULIPS: ("#e34b4b", "#5d9a4c"),
    LayerKind.SUNFLOWERS: ("#f4bf2a", "#55883c"),
    LayerKind.CROPS: ("#d9b650", "#a8843c"),
}


def draw_rows(stage: Stage, band: Band) -> None:
    """Rows that run together at the vanishing point: lavender, tulips, sunflowers, crops."""
    layer, frame = band.layer, stage.frame
    bloom, soil = _ROWS[layer.kind]
    colour = named(layer.colour, bloom)
    ground = rgb(soil)
    draw_rolling(stage, band, ground)
    rng = stage.rng("rows", layer.detail)
    vx, vy = frame.width * (0.15 + 0.7 * layer.peak), band.foot - frame.rise * 0.05
    count = int((9 + 9 * layer.density) * max(1.0, frame.width / 1200))
    floor = frame.height + 12
    for i in range(-count, 2 * count + 1):
        x0 = frame.width * (i + 0.5) / count
        pick = _tulip(i, colour) if layer.kind is LayerKind.TULIPS and layer.colour is Colour.NATURAL else colour
        _row(stage, band, (vx, vy), x0, floor, 0.52 * frame.width / count, pick, rng)


def _tulip(i: int, colour: Rgb) -> Rgb:
    return (colour, rgb("#f4a63a"), rgb("#ee7fa6"), rgb("#f5e9dc"), rgb("#a95cc0"))[(i // 2) % 5]


def _row(
    stage: Stage, band: Band, vanish: Point, x0: float, floor: float, wide: float, colour: Rgb, rng: Random
) -> None:
    """One row from the crest to the lower edge, as a strip of tufts that grow towards the eye."""
    light, layer = stage.light, band.layer
    vx, vy = vanish
    upper, lower = [], []
    shadow: list[str] = []
    tips: list[str] = []
    y = band.crest(x0 if abs(x0 - vx) < 1 else vx + (x0 - vx) * 0.1)
    y = max(y, vy + 3)
    while y < floor + 30:
        t = (y - vy) / (floor - vy)
        x = vx + (x0 - vx) * t
        if y >= band.crest(x) - 1:
            w = wide * t * 0.62
            upper.append((x - w, y))
            lower.append((x + w, y))
            if -w < x < stage.frame.width + w and w > 1.6:
                _tuft(layer.kind, tips, shadow, x, y, w, rng)
        y += max(4.0, wide * t * 0.62)
    if len(upper) < 2 or max(p[0] for p in lower) < 0 or min(p[0] for p in upper) > stage.frame.width:
        return
    body = poly([*upper, *reversed(lower)])
    stage.canvas.path(body, light.thing(scale(colour, 0.8), band.distance, -0.3), outlined=False)
    stage.canvas.path("".join(tips), light.thing(colour, band.distance * 0.8, 0.6), outlined=False)
    if shadow:
        stage.canvas.path("".join(shadow), light.land(rgb("#5a3a20"), band.distance * 0.8, 0), outlined=False)


def _tuft(kind: LayerKind, tips: list[str], dark: list[str], x: float, y: float, w: float, rng: Random) -> None:
    if kind is LayerKind.CROPS:
        tips.append(
            f"M{num(x - w)} {num(y)}q{num(w * 0.6)} {num(-w * 1.1)} {num(w)} 0"
            f"q{num(w * 0.5)} {num(-w * 0.9)} {num(w)} 0Z"
        )
        return
    off = rng.uniform(-0.3, 0.3) * w
    tips.append(
        ellipse(x + off - w * 0.45, y - w * 0.35, w * 0.5, w * 0.42)
        + ellipse(x + off + w * 0.42, y - w * 0.28, w * 0.5, w * 0.42)
    )
    if kind is LayerKind.SUNFLOWERS and w > 6:
        dark.append(
            circle(x + off - w * 0.45, y - w * 0.35, w * 0.2) + circle(x + off + w * 0.42, y - w * 0.28, w * 0.2)
        )


def draw_way(stage: Stage, band: Band) -> None:
    """A footpath that winds from its foot at ``peak`` to the lower edge, with worn edges and stones."""
    layer, frame, light, canvas = band.layer, stage.frame, stage.light, stage.canvas
    rng = stage.rng("way", layer.detail)
    colour = albedo(stage, layer) if layer.colour is not Colour.NATURAL else rgb("#dcb987")
    far_x, near_x = frame.width * layer.peak, frame.width * (0.5 + 0.4 * (layer.peak - 0.5))
    bend = rng.choice((-1, 1)) * frame.width * (0.04 + 0.12 * layer.roughness)
    wide = frame.rise * 0.2 * (0.8 + 0.4 * layer.density)
    left, right, stones = list[Point](), list[Point](), list[str]()
    for i in range(25):
        t = i / 24
        y = band.foot + (frame.height + 12 - band.foot) * t
        x = far_x + (near_x - far_x) * t + bend * math.sin(t * math.pi * 1.9) * (0.12 + t)
        w = wide * (0.03 + 0.97 * t**1.35)
        left.append((x - w * rng.uniform(0.94, 1.05), y))
        right.append((x + w * rng.uniform(0.94, 1.05), y))
        stones += [_stone(rng, x, y, w, t) for _ in range(3)]
    lit = light.land(colour, band.distance, 0.4)
    low = light.land(scale(colour, 0.85), max(0.0, band.distance - 0.3), -0.1)
    paint = canvas.linear(((0.0, mix(lit, light.haze, 0.2), 1.0), (1.0, low, 1.0)), 0, band.foot, 0, frame.height)
    canvas.path(smooth(left) + "L" + smooth(right[::-1])[1:] + "Z", paint)
    shaded, inner = (left, 1.0) if light.side < 0 else (right, -1.0)
    verge = [
        (x + inner * wide * 0.2 * ((y - band.foot) / max(1.0, frame.height - band.foot)) ** 1.3, y) for x, y in shaded
    ]
    canvas.path(smooth(shaded) + "L" + smooth(verge[::-1])[1:] + "Z", scale(low, 0.8), 0.5, outlined=False)
    canvas.path("".join(stones), scale(low, 0.82), 0.6, outlined=False)


def _stone(rng: Random, x: float, y: float, w: float, t: float) -> str:
    """A stone somewhere across a way whose middle is (x, y), at nearness t."""
    s = rng.uniform(-0.9, 0.9)
    return ellipse(x + s * w, y + rng.uniform(-8, 8) * t, (2 + 9 * t) * rng.uniform(0.4, 1.2), 1 + 3.4 * t)


def draw_fence(stage: Stage, band: Band) -> None:
    """A wooden fence across the picture."""
    layer, frame, light = band.layer, stage.frame, stage.light
    wood = named(layer.colour, "#b08a62")
    tall = max(0.04, min(layer.height, 0.16)) * frame.rise
    step = tall * 0.85
    posts, rails = [], []
    x = -step / 2
    while x < frame.width + step:
        y = band.crest(x) + tall * 0.1
        w = tall * 0.09
        posts.append(poly([(x - w, y), (x - w, y - tall), (x, y - tall * 1.12), (x + w, y - tall), (x + w, y)]))
        for k in (0.38, 0.76):
            y2 = band.crest(x + step) + tall * 0.1
            rails.append(
                poly(
                    [
                        (x, y - tall * k),
                        (x + step, y2 - tall * k),
                        (x + step, y2 - tall * (k - 0.11)),
                        (x, y - tall * (k - 0.11)),
                    ]
                )
            )
        x += step
    stage.canvas.path("".join(rails), light.land(scale(wood, 0.85), band.distance, -0.1))
    stage.canvas.path("".join(posts), light.land(wood, band.distance, 0.4))
