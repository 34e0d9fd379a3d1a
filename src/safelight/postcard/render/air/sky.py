"""The sky: gradient, sun and moon, stars, milky way, aurora, rainbow, far birds."""

import math

from safelight.postcard.render.air.clouds import draw_clouds
from safelight.postcard.render.paper.canvas import Point, circle, ellipse, num, poly, rect
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, rgb, scale
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import MoonPhase, SkyBody, Weather

SHOWN = 0.08
"""Amounts below this are drawn as none."""


def draw_sky(stage: Stage) -> None:
    """Everything above the horizon, from the back: gradient, stars, bodies, aurora, clouds, birds."""
    sky, canvas = stage.world.sky, stage.canvas
    with canvas.group('id="sky"'):
        _gradient(stage)
        if sky.milky_way >= SHOWN:
            with canvas.group('id="milky-way"'):
                _milky_way(stage, sky.milky_way)
        if sky.stars >= SHOWN:
            with canvas.group('id="stars"'):
                _stars(stage, sky.stars)
        if sky.aurora >= SHOWN:
            with canvas.group('id="aurora"'):
                _aurora(stage, sky.aurora)
        if sky.body is SkyBody.SUN:
            with canvas.group('id="sun"'):
                _sun(stage)
        elif sky.body is SkyBody.MOON:
            with canvas.group('id="moon"'):
                _moon(stage)
        if sky.clouds >= SHOWN:
            with canvas.group('id="clouds"'):
                draw_clouds(stage, sky.clouds)
        if sky.rainbow >= SHOWN:
            with canvas.group('id="rainbow"'):
                _rainbow(stage, sky.rainbow)
        if sky.birds >= SHOWN:
            with canvas.group('id="birds"'):
                _birds(stage, sky.birds)


def body_place(stage: Stage) -> tuple[float, float, float]:
    """Centre and radius of the sun or moon."""
    sky, frame = stage.world.sky, stage.frame
    r = (40 + 130 * sky.body_size**1.3) * (0.72 if sky.body is SkyBody.MOON else 1.0)
    top = r * 1.5
    y = frame.horizon - (frame.horizon - top) * sky.body_height
    return frame.width * (0.06 + 0.88 * sky.body_x), y, r


def _gradient(stage: Stage) -> None:
    frame, mood = stage.frame, stage.light.mood
    end = max(frame.horizon, frame.height * 0.3)
    floor = min(frame.height, stage.floor)
    sky = list(mood.sky)
    if stage.world.sky.body is SkyBody.SUN and mood.tint < 0.8:  # a low sun lays a band of light along the horizon
        low = max(0.0, 0.75 - stage.world.sky.body_height)
        sky[-1], sky[-2] = mix(sky[-1], mood.glow, 0.8 * low), mix(sky[-2], mood.glow, 0.35 * low)
    stops = [(i / (len(sky) - 1), c) for i, c in enumerate(sky)]
    stage.canvas.graded(0, 0, frame.width, floor, stops, end)


def _stars(stage: Stage, amount: float) -> None:
    frame, rng = stage.frame, stage.rng("stars")
    count = int((60 + 240 * amount) * (frame.width * frame.horizon) / 1e6) + 10
    small: list[str] = []
    large: list[str] = []
    for _ in range(count):
        x, y = rng.uniform(0, frame.width), frame.horizon * rng.random() ** 1.25
        r = 0.8 + 1.5 * rng.random() ** 3
        (large if rng.random() < 0.16 else small).append(circle(x, y, r * (1.5 if rng.random() < 0.1 else 1)))
    shine = mix(WHITE, stage.light.mood.glow, 0.15)
    fade = 0.45 + 0.55 * stage.dark
    stage.canvas.path("".join(small), shine, 0.72 * fade, outlined=False)
    stage.canvas.path("".join(large), WHITE, 0.98 * fade, outlined=False)
    for _ in range(2 + int(7 * amount)):
        x, y, r = rng.uniform(0, frame.width), frame.horizon * rng.random() ** 1.4 * 0.9, rng.uniform(6, 12)
        stage.canvas.path(sparkle(x, y, r), WHITE, 0.9 * fade, outlined=False)


def sparkle(x: float, y: float, r: float) -> str:
    """A four-pointed glint."""
    s = r * 0.12
    points = [
        (x, y - r),
        (x + s, y - s),
        (x + r, y),
        (x + s, y + s),
        (x, y + r),
        (x - s, y + s),
        (x - r, y),
        (x - s, y - s),
    ]
    return poly(points)


def _milky_way(stage: Stage, amount: float) -> None:
    frame, rng, canvas = stage.frame, stage.rng("milky way"), stage.canvas
    lean = rng.choice((-1, 1)) * rng.uniform(0.35, 0.8)
    cx, glow = frame.width * rng.uniform(0.35, 0.65), mix(stage.light.mood.glow, rgb("#d9c8ff"), 0.5)
    length = frame.horizon * 1.25
    ends = ((cx - lean * length / 2, -60.0), (cx + lean * length / 2, frame.horizon + 60))
    along = math.hypot(ends[1][0] - ends[0][0], ends[1][1] - ends[0][1])
    angle = math.degrees(math.atan2(ends[1][1] - ends[0][1], ends[1][0] - ends[0][0]))
    warm, mx, my = mix(glow, rgb("#ff9ecf"), 0.4), cx, frame.horizon / 2
    for long, wide, colour, strength in (
        (0.52, 165.0, glow, 0.46),
        (0.42, 84.0, warm, 0.42),
        (0.34, 38.0, WHITE, 0.32),
    ):
        turned = f' transform="rotate({angle:.1f} {num(mx)} {num(my)})"'
        haze = canvas.soft(colour, strength * amount)
        canvas.path(ellipse(mx, my, along * long, wide), haze, outlined=False, extra=turned)
    for i in range(7):
        t = (i + rng.random()) / 7
        x, y = ends[0][0] + (ends[1][0] - ends[0][0]) * t, frame.horizon * t
        r = rng.uniform(40, 90)
        cloud = ellipse(x + rng.uniform(-50, 50), y, r * 1.3, r)
        canvas.path(cloud, canvas.soft(rng.choice((glow, warm, WHITE)), 0.26 * amount), outlined=False)
    dots = []
    for _ in range(int(260 * amount)):
        t, off = rng.random(), rng.gauss(0, 0.5) * 110
        y = t * frame.horizon + rng.gauss(0, 20)
        dots.append(circle(cx + lean * (t - 0.5) * length + off, y, rng.uniform(0.6, 1.5)))
    canvas.path("".join(dots), WHITE, 0.8, outlined=False)


def _sun(stage: Stage) -> None:
    """The disc in its halo."""
    canvas, mood = stage.canvas, stage.light.mood
    x, y, r = body_place(stage)
    dim = 0.35 if stage.world.weather in (Weather.OVERCAST, Weather.STORMY, Weather.RAINY) else 1.0
    reach = r * 1.8 + 80
    stops = (
        (0.0, mix(mood.glow, mood.sun, 0.4), 0.9 * dim),
        (0.3, mood.glow, 0.55 * dim),
        (0.6, mood.glow, 0.17 * dim),
        (1.0, mood.glow, 0.0),
    )
    canvas.path(circle(x, y, reach), canvas.radial(stops, x, y, reach), outlined=False)
    canvas.path(circle(x, y, r), mix(mood.sun, mood.glow, 0.22), 0.55 + 0.45 * dim)
    canvas.path(circle(x, y, r * 0.86), mix(mood.sun, WHITE, 0.4), 0.55 + 0.45 * dim, outlined=False)
    if stage.look.striped_sun:
        slits = []
        for k in range(6):
            drop = r * (0.12 + 0.15 * k)
            half, thick = math.sqrt(max(0.0, r * r - drop * drop)) + 2, r * (0.018 + 0.014 * k)
            slits.append(rect(x - half, y + drop, 2 * half, thick))
        canvas.path("".join(slits), mood.sky[-2], outlined=False)


_LIT = {MoonPhase.CRESCENT: 0.62, MoonPhase.HALF: 0.0, MoonPhase.GIBBOUS: -0.55, MoonPhase.FULL: -1.0}
"""Half-width of the terminator's ellipse against the disc: positive cuts into the lit half."""


def _moon(stage: Stage) -> None:
    canvas, mood = stage.canvas, stage.light.mood
    x, y, r = body_place(stage)
    pale = mix(mood.sun, WHITE, 0.35)
    stops = ((0.0, mood.glow, 0.5), (0.3, mood.glow, 0.22), (1.0, mood.glow, 0.0))
    canvas.path(circle(x, y, r * 3.2), canvas.radial(stops, x, y, r * 3.2), outlined=False)
    phase = stage.world.sky.phase
    if phase is not MoonPhase.FULL:
        canvas.path(circle(x, y, r), mix(mood.sky[1], pale, 0.2), 0.4, outlined=False)
    k = _LIT[phase]
    sweep = 0 if k > 0 else 1
    a, b, c = num(r), num(abs(k) * r), num(y + r)
    lit = f"M{num(x)} {num(y - r)}A{a} {a} 0 0 1 {num(x)} {c}A{b} {a} 0 0 {sweep} {num(x)} {num(y - r)}Z"
    disc = ((0.0, mix(pale, WHITE, 0.7), 1.0), (1.0, pale, 1.0))
    lean = f' transform="rotate(-24 {num(x)} {num(y)})"'
    canvas.path(lit, canvas.radial(disc, x + r * 0.3, y - r * 0.3, r * 1.4), extra=lean)
    if phase is MoonPhase.FULL or phase is MoonPhase.GIBBOUS:
        for dx, dy, size in (
            (0.1, -0.35, 0.22),
            (0.42, 0.1, 0.15),
            (0.12, 0.36, 0.27),
            (0.55, -0.32, 0.1),
            (0.48, 0.5, 0.11),
        ):
            canvas.path(circle(x + dx * r, y + dy * r, size * r), scale(pale, 0.86), 0.55, outlined=False)


_AURORA = (("#5dffb0", "#38d6c8"), ("#7dffa0", "#8f7bff"), ("#4fe8d8", "#c06bff"))


def _aurora(stage: Stage, amount: float) -> None:
    frame, rng, canvas = stage.frame, stage.rng("aurora"), stage.canvas
    low, high = rng.choice(_AURORA)
    for band in range(1 + round(amount)):
        base = frame.horizon * rng.uniform(0.45, 0.85)
        tall = frame.horizon * rng.uniform(0.3, 0.45) * (0.7 + 0.5 * amount)
        k, phase, lean = rng.uniform(1.2, 2.2), rng.uniform(0, 6.3), rng.uniform(-0.25, 0.25)
        feet: list[Point] = []
        for i in range(65):
            t = i / 64
            sway = math.sin(t * k * 6.3 + phase) * 0.55 + math.sin(t * k * 14 + phase * 2) * 0.25
            feet.append((t * (frame.width + 160) - 80, base + sway * frame.horizon * 0.13 + lean * (t - 0.5) * 400))
        tops = [(x, y - tall * (1.25 + 0.2 * math.sin(i * 0.43 + phase))) for i, (x, y) in enumerate(feet)]
        strength = (0.62, 0.42, 0.3)[min(band, 2)] * (0.5 + 0.5 * amount)
        for i in range(64):
            glow = strength * (0.62 + 0.26 * math.sin(i * 0.31 + phase) + 0.12 * math.sin(i * 1.7 + 2 * phase))
            stops = ((0.0, rgb(high), 0.0), (0.5, rgb(high), glow * 0.4), (0.88, rgb(low), glow), (1.0, rgb(low), 0.0))
            curtain = [feet[i], feet[i + 1], tops[i + 1], tops[i]]
            canvas.path(poly(curtain), canvas.upright(stops), outlined=False)


_BOW = ("#e8564b", "#f29a3f", "#f7dc5a", "#6cc26a", "#4f9be0", "#6a66c8", "#9a5bb8")


def _rainbow(stage: Stage, amount: float) -> None:
    frame, canvas = stage.frame, stage.canvas
    x = frame.width * (0.36 if stage.light.side > 0 else 0.64)
    r = min(frame.width * 0.55, frame.horizon * 0.92)
    band = r * 0.026
    for i, colour in enumerate(_BOW):
        size = r - band * i
        d = (
            f"M{num(x - size)} {num(frame.horizon + 40)}"
            f"A{num(size)} {num(size)} 0 0 1 {num(x + size)} {num(frame.horizon + 40)}"
        )
        canvas.stroke(d, mix(rgb(colour), stage.light.haze, 0.15), band * 1.15, 0.28 + 0.42 * amount)


def _birds(stage: Stage, amount: float) -> None:
    frame, rng = stage.frame, stage.rng("birds")
    x, y = frame.width * rng.uniform(0.2, 0.75), frame.horizon * rng.uniform(0.25, 0.6)
    ink: Rgb = mix(stage.light.mood.land[-1], stage.light.mood.sky[2], 0.25)
    for _ in range(2 + round(9 * amount)):
        s = rng.uniform(9, 19)
        px, py, dip = x + rng.gauss(0, 95), y + rng.gauss(0, 40), rng.uniform(0.2, 0.5)
        d = (
            f"M{num(px - s)} {num(py - s * dip)}Q{num(px - s * 0.4)} {num(py - s * 0.55)} {num(px)} {num(py)}"
            f"Q{num(px + s * 0.4)} {num(py - s * 0.55)} {num(px + s)} {num(py - s * dip)}"
        )
        stage.canvas.stroke(d, ink, 2.6)
