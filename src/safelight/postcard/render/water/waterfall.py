"""The waterfall: a wall of rock with its ledges and bushes, the falling sheet, the pool below."""

from random import Random

from safelight.postcard.render.ground.relief import Band, grass, leaves
from safelight.postcard.render.ground.rock_face import RockFace, edge_of
from safelight.postcard.render.ground.stones import boulder
from safelight.postcard.render.paper.canvas import Point, ellipse, num, smooth
from safelight.postcard.render.paper.colour import WHITE, mix, rgb, scale
from safelight.postcard.render.paper.shapes import blob
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.water.surface import dash

_ROCK = rgb("#7b7a7c")


def draw_waterfall(stage: Stage, band: Band) -> None:
    """Water falling over a wall of rock at ``peak`` into a pool with mist."""
    layer, frame, rng = band.layer, stage.frame, stage.rng("waterfall", band.layer.detail)
    tall, x, foot = max(0.15, layer.height) * frame.rise, frame.width * layer.peak, band.foot
    top = foot - tall
    wall = _ledge(rng, x, top, tall, frame.width)
    _rock(stage, band, wall, top, rng)
    _turf(stage, band, wall, tall, rng)
    half = tall * (0.1 + 0.14 * layer.density)
    _thicket(stage, band, wall, x, half)
    _pool(stage, band, x, half)
    _fall(stage, band, x, top + tall * 0.005, foot, half)
    for side in (-1, 1):
        for k in range(3):
            bx, by = x + side * half * (1.2 + 0.55 * k), foot + 7 + 5 * k
            boulder(stage, rng, bx, by, half * rng.uniform(0.5, 0.85), _ROCK, band.distance * 0.8)


def _ledge(rng: Random, x: float, top: float, tall: float, width: float) -> list[Point]:
    """The upper edge of the wall, from left to right; the water falls where it is lowest, at x."""
    return [
        (-20, top - tall * rng.uniform(0.12, 0.34)),
        (x * 0.3, top - tall * rng.uniform(0.08, 0.26)),
        (x * 0.7, top - tall * rng.uniform(0.02, 0.12)),
        (x - tall * 0.22, top - tall * 0.03),
        (x, top + tall * 0.03),
        (x + tall * 0.22, top - tall * 0.04),
        (x + (width - x) * 0.4, top - tall * rng.uniform(0.02, 0.14)),
        (x + (width - x) * 0.75, top - tall * rng.uniform(0.1, 0.3)),
        (width + 20, top - tall * rng.uniform(0.12, 0.36)),
    ]


def _rock(stage: Stage, band: Band, wall: list[Point], top: float, rng: Random) -> None:
    """The wall from its upper edge to the foot, and the face of its rock."""
    light, canvas, foot, right = stage.light, stage.canvas, band.foot, stage.frame.width + 20
    shade = light.land(_ROCK, band.distance, -0.35)
    stops = ((0.0, light.land(_ROCK, band.distance, 0.2), 1.0), (1.0, mix(shade, light.haze, 0.15), 1.0))
    canvas.path(
        smooth(wall) + f"L{num(right)} {num(foot + 8)}L-20 {num(foot + 8)}Z",
        canvas.linear(stops, 0, top, 0, foot),
    )
    RockFace(-20, right, edge_of(wall), foot + 6, 0.13).draw(stage, rng, _ROCK, band.distance, 0.25)


def _turf(stage: Stage, band: Band, wall: list[Point], tall: float, rng: Random) -> None:
    """Grass that hangs over the edge."""
    turf = [(px, py - 2) for px, py in wall]
    under = [(px, py + tall * rng.uniform(0.05, 0.11)) for px, py in reversed(wall)]
    green = stage.light.land(grass(stage.world.season), band.distance, 0.45)
    stage.canvas.path(smooth(turf) + "L" + smooth(under)[1:] + "Z", green)


def _thicket(stage: Stage, band: Band, wall: list[Point], x: float, half: float) -> None:
    """Bushes along the top of the wall, most of them near the water."""
    light, rng = stage.light, stage.rng("thicket", band.layer.detail)
    green = scale(leaves(stage.world.season), 0.9)
    places = []
    for _ in range(16):
        side = rng.choice((-1, 1))
        px = x + side * (half * 1.25 + abs(rng.gauss(0, 0.32)) * stage.frame.width)
        near = min(wall, key=lambda p: abs(p[0] - px))
        r = stage.frame.rise * rng.uniform(0.018, 0.045)
        places.append((px, near[1] + r * 0.35, r))
    for tone, off, size in ((-0.5, 0.0, 1.0), (0.2, -0.16, 0.82), (0.85, -0.34, 0.5)):
        crowns = "".join(
            smooth(
                blob(rng, px + light.side * r * 0.3 * (1 - size), py + r * off, r * 1.25 * size, r * size, 9, 0.1),
                close=True,
            )
            for px, py, r in places
        )
        stage.canvas.path(crowns, light.land(green, band.distance, tone), outlined=tone < 0)


def _pool(stage: Stage, band: Band, x: float, half: float) -> None:
    """The pool below the fall, as wide as there is room, with rings where the water strikes."""
    frame, light, canvas, rng = stage.frame, stage.light, stage.canvas, stage.rng("pool", band.layer.detail)
    foot, floor = band.foot + 2, stage.floor
    deep = mix(light.land(rgb("#2f86a0"), 0.2, 0.0), light.mood.sky[-2], 0.22)
    pale = mix(deep, WHITE, 0.35)
    stops, down = ((0.0, pale), (0.5, deep), (1.0, scale(deep, 0.8))), max(floor - foot, 60.0)
    canvas.graded(-12, foot, frame.width + 24, max(1.0, floor - foot), stops, down)
    rings = "".join(
        dash(
            x + rng.gauss(0, 0.9) * half * 2,
            foot + (floor - foot) * rng.random() ** 1.4,
            half * rng.uniform(0.3, 1.1),
            rng.uniform(1.2, 3.2),
        )
        for _ in range(34)
    )
    canvas.path(rings, mix(pale, WHITE, 0.5), 0.6, outlined=False)


def _fall(stage: Stage, band: Band, x: float, top: float, foot: float, half: float) -> None:
    light, canvas, rng = stage.light, stage.canvas, stage.rng("fall", band.layer.detail)
    white = light.land(WHITE, band.distance * 0.6, 0.8)
    blue = mix(light.land(rgb("#8fc7e0"), band.distance * 0.6, 0.1), stage.light.mood.sky[-2], 0.2)
    sheet = (
        smooth([(x - half * 0.8, top), (x - half * 0.95, top + (foot - top) * 0.5), (x - half * 1.12, foot + 6)])
        + f"L{num(x + half * 1.12)} {num(foot + 6)}"
        + "L"
        + smooth([(x + half * 1.12, foot + 6), (x + half * 0.95, top + (foot - top) * 0.5), (x + half * 0.8, top)])[1:]
        + "Z"
    )
    canvas.path(
        sheet, canvas.linear(((0.0, blue, 1.0), (0.3, mix(blue, white, 0.55), 1.0), (1.0, white, 1.0)), 0, top, 0, foot)
    )
    streaks = []
    for _ in range(15):
        sx, sy = x + rng.uniform(-0.85, 0.85) * half, top + (foot - top) * rng.uniform(0.0, 0.55)
        long, w = (foot - top) * rng.uniform(0.15, 0.45), half * rng.uniform(0.025, 0.07)
        streaks.append(
            f"M{num(sx - w)} {num(sy)}Q{num(sx)} {num(sy + long)} {num(sx + w * 0.5)} {num(sy + long)}"
            f"Q{num(sx + w)} {num(sy + long * 0.4)} {num(sx + w)} {num(sy)}Z"
        )
    canvas.path("".join(streaks[::2]), white, 0.8, outlined=False)
    canvas.path("".join(streaks[1::2]), scale(blue, 0.86), 0.6, outlined=False)
    for k in range(7):
        r = half * rng.uniform(0.35, 0.7)
        canvas.path(
            ellipse(x + (k - 3) * half * 0.42, foot + 3, r * 1.3, r * 0.7), canvas.soft(white, 0.75), outlined=False
        )
