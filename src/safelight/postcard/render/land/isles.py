"""Islands in the water, islands in the air, and the sea of clouds below them."""

from random import Random

from safelight.postcard.render.ground.relief import Band, albedo, leaves
from safelight.postcard.render.paper.canvas import Point, ellipse, poly, smooth
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, rgb, scale
from safelight.postcard.render.paper.shapes import rolling, rounded_cloud, spread
from safelight.postcard.render.stage import Stage


def draw_islands(stage: Stage, band: Band) -> None:
    """Islands that rise from the water: rock at the foot, woods above, a strip of beach, their dark image below."""
    layer, frame = band.layer, stage.frame
    rng = stage.rng("islands", layer.detail)
    tall, green = max(0.04, layer.height) * frame.rise, albedo(stage, layer)
    places = [(layer.peak * frame.width, 1.0)]
    places += [(x, rng.uniform(0.25, 0.6)) for x in spread(rng, 1 + round(3 * layer.density), 0, frame.width)]
    for x, share in sorted(places, key=lambda p: -p[1]):
        high = tall * share
        foot = band.foot + (0 if share == 1.0 else rng.uniform(-2, 6))
        _island(stage, rng, (x, foot), high, high * rng.uniform(1.2, 2.0), green, band.distance)


def _island(
    stage: Stage, rng: Random, place: tuple[float, float], high: float, half: float, green: Rgb, away: float
) -> None:
    light, canvas, (x, foot) = stage.light, stage.canvas, place
    wave, summit = rolling(rng, half * 1.6, 0.9), rng.uniform(-0.25, 0.25)
    crest = []
    for k in range(25):
        t = k / 12 - 1
        rise = max(0.0, 1 - abs((t - summit) / (1 + abs(summit))) ** 1.5) * (0.86 + 0.22 * wave(t * half))
        crest.append((x + half * t, foot - high * min(1.05, rise) * (1 - t * t) ** 0.35))
    shade, bottom = light.land(green, away, -0.4), [(x + half, foot), (x - half, foot)]
    image = "".join(ellipse(x, foot + 5 + high * 0.075 * k, half * (1.02 - 0.13 * k), 2.6) for k in range(6))
    canvas.path(image, shade, 0.4, outlined=False)
    canvas.path(poly([*crest, *bottom]), shade)
    ridge = [p for p in crest if (p[0] - x - summit * half) * light.side > -0.02 * half]
    inner = [(x + summit * half - light.side * half * 0.1, foot), (x + light.side * half, foot)]
    lit = [*ridge, *inner[::-1]] if light.side > 0 else [*ridge, *inner]
    canvas.path(poly(lit), light.land(green, away, 0.35), 0.75, outlined=False)
    _grown(stage, rng, crest, foot, green, away)
    rock = []
    for k in range(12):
        t = (k + 0.5) / 6 - 1 + rng.uniform(-0.06, 0.06)
        w, h = half * rng.uniform(0.05, 0.12), high * rng.uniform(0.08, 0.24) * (1 - t * t) ** 0.5
        px = x + half * 0.93 * t
        rock.append(poly([(px - w, foot), (px - w * 0.7, foot - h * 0.8), (px + w * 0.2, foot - h), (px + w, foot)]))
    canvas.path("".join(rock), light.land(rgb("#8d8478"), away, 0.1), outlined=False)
    beach = ellipse(x, foot + 1, half * 1.05, max(2.0, high * 0.035))
    canvas.path(beach, light.land(rgb("#ead7ae"), away, 0.4), outlined=False)


def _grown(stage: Stage, rng: Random, crest: list[Point], foot: float, green: Rgb, away: float) -> None:
    """Crowns of trees over an island's flanks and along its crest."""
    light = stage.light
    crowns: list[tuple[float, float, float]] = []
    size = max(4.0, (foot - min(y for _, y in crest)) * 0.075)
    for px, py in crest[3:-3]:
        crowns += [
            (px + rng.uniform(-1, 1) * size * 2, py + (foot - py) * 0.8 * rng.random() ** 1.6, size) for _ in range(4)
        ]
    for tone, share, lift in ((-0.55, 1.0, 0.0), (0.6, 0.62, 0.35)):
        d = "".join(
            ellipse(px + light.side * r * lift, py - r * (0.3 + lift), r * share * 1.2, r * share)
            for px, py, r in ((px, py, r * (0.7 + 0.6 * ((px * 7) % 1))) for px, py, r in crowns)
        )
        stage.canvas.path(d, light.land(scale(green, 0.9), away, tone), outlined=False)


def draw_floating_isles(stage: Stage, band: Band) -> None:
    """Islands that hang in the air, the far ones first: turf with trees, a root of rock, a thread of falling water."""
    layer, frame = band.layer, stage.frame
    rng = stage.rng("isles", layer.detail)
    isles = []
    for i, x in enumerate(spread(rng, 2 + round(3 * layer.density), frame.width * 0.05, frame.width * 0.95)):
        half = frame.rise * (0.07 + 0.16 * layer.height) * rng.uniform(0.6, 1.4)
        isles.append((half, x, frame.horizon * rng.uniform(0.28, 0.8), i % 2 == 0))
    for half, x, y, wet in sorted(isles):
        away = 0.2 + 0.6 * (1 - half / (frame.rise * 0.3))
        _root(stage, rng, x, y, half, away)
        if wet:
            _thread(stage, x + half * rng.choice((-0.5, 0.5)), y, half)
        _turf(stage, rng, x, y, half, away, albedo(stage, layer))
    for y in (frame.horizon * rng.uniform(0.5, 0.7), frame.horizon * 0.92):
        mist = stage.canvas.soft(mix(stage.light.haze, WHITE, 0.2), 0.5)
        x = frame.width * rng.uniform(0.2, 0.8)
        stage.canvas.path(ellipse(x, y, frame.width * 0.4, frame.rise * 0.05), mist, outlined=False)


def _root(stage: Stage, rng: Random, x: float, y: float, half: float, away: float) -> None:
    """The rock below: shards that hang down, longest in the middle, each with a lit and a shaded side."""
    light, canvas, rock = stage.light, stage.canvas, rgb("#8d7a78")
    tips = []
    for k in range(9):
        t = (k + 0.5) / 4.5 - 1
        tips.append((x + t * half * 0.96, y + half * (1.35 * (1 - abs(t) ** 1.3) + 0.12) * rng.uniform(0.7, 1.1)))
    lit: list[str] = []
    dark: list[str] = []
    for tx, ty in sorted(tips, key=lambda p: p[1]):
        w = half * rng.uniform(0.2, 0.3)
        middle = tx + 0.2 * w * rng.uniform(-1, 1)
        left = [(tx - w, y), (middle, y), (tx + (x - tx) * 0.3, ty), (tx - w * 0.7, y + (ty - y) * 0.45)]
        right = [(middle, y), (tx + w, y), (tx + w * 0.7, y + (ty - y) * 0.45), (tx + (x - tx) * 0.3, ty)]
        (lit if light.side < 0 else dark).append(poly(left))
        (dark if light.side < 0 else lit).append(poly(right))
    body = [
        (x - half, y),
        (x + half, y),
        (x + half * 0.5, y + half * 0.6),
        (x, y + half),
        (x - half * 0.5, y + half * 0.6),
    ]
    canvas.path(poly(body), light.land(rock, away, -0.5))
    for shapes, tone in ((dark, -0.7), (lit, 0.35)):
        for k, shape in enumerate(shapes):
            canvas.path(shape, light.land(scale(rock, 0.86 + 0.07 * (k % 4)), away, tone), outlined=tone < 0)


def _thread(stage: Stage, x: float, y: float, half: float) -> None:
    """Water that falls over the rim and turns to mist."""
    pale = mix(WHITE, stage.light.haze, 0.2)
    fall = stage.canvas.linear(((0.0, pale, 0.95), (1.0, stage.light.haze, 0.0)), 0, y, 0, y + half * 2.2)
    wide, low = half * 0.06, y + half * 2.2
    stream = poly([(x - wide, y + 2), (x + wide, y + 2), (x + wide * 2, low), (x - wide * 1.7, low)])
    stage.canvas.path(stream, fall, outlined=False)


def _turf(stage: Stage, rng: Random, x: float, y: float, half: float, away: float, green: Rgb) -> None:
    """The grown top: turf that hangs over the rim in tufts, a grove on it."""
    light, canvas = stage.light, stage.canvas
    crest = [(x + half * t * 1.05, y - half * (0.2 * (1 - t * t) + rng.uniform(0, 0.05))) for t in _ACROSS]
    rim = []
    for k in range(14):
        t = 1 - (k + 0.5) / 7
        rim.append((x + half * t * 1.05, y + half * rng.uniform(0.02, 0.16)))
    canvas.path(smooth(crest) + "L" + poly(rim, close=False)[1:] + "Z", light.land(scale(green, 0.8), away, -0.1))
    upper = [(px, py + half * 0.1 * (1 - ((px - x) / half) ** 2)) for px, py in reversed(crest)]
    canvas.path(smooth(crest) + "L" + smooth(upper)[1:] + "Z", light.land(green, away, 0.7), outlined=False)
    leaf = scale(leaves(stage.world.season), 0.85)
    crowns = [(x + half * rng.uniform(-0.7, 0.7), half * rng.uniform(0.1, 0.2)) for _ in range(7)]
    for tone, size, lift in ((-0.5, 1.0, 0.0), (0.5, 0.66, 0.25)):
        d = ""
        for px, r in crowns:
            d += ellipse(px + light.side * r * lift, y - half * 0.16 - r * (0.7 + lift), r * size, r * size)
        canvas.path(d, light.land(leaf, away, tone), outlined=tone < 0)


_ACROSS = (-1.0, -0.8, -0.5, -0.2, 0.1, 0.45, 0.75, 1.0)


def draw_cloud_sea(stage: Stage, band: Band) -> None:
    """Clouds seen from above, rank before rank."""
    frame, light, canvas, mood = stage.frame, stage.light, stage.canvas, stage.light.mood
    rng = stage.rng("cloud sea", band.layer.detail)
    for row in range(4):
        t = row / 3
        y = band.foot + (frame.height - band.foot) * (0.02 + 0.75 * t)
        size = 60 + 150 * t
        lumps = []
        for x in spread(rng, int(frame.width / (size * 1.5)) + 3, -60, frame.width + 60):
            lumps += [ellipse(x + px, y + py, r * 1.1, r) for px, py, r in rounded_cloud(rng, size * 2.6, size, 5)]
        lit = mix(mood.cloud_lit, light.haze, 0.55 * (1 - t))
        shade = mix(mood.cloud_shade, light.haze, 0.6 * (1 - t))
        paint = canvas.linear(((0.0, lit, 1.0), (1.0, shade, 1.0)), 0, y - size, 0, y + size * 0.9)
        box = poly(
            [(-12, y - 4), (frame.width + 12, y - 4), (frame.width + 12, frame.height + 12), (-12, frame.height + 12)]
        )
        canvas.path("".join(lumps) + box, paint)
