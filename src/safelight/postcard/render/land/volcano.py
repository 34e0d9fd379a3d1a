"""The volcano: a cone of ash with its crater, lava in its gullies, glow and smoke."""

from safelight.postcard.render.ground.relief import Band, albedo, earth
from safelight.postcard.render.land.mountains import foothills
from safelight.postcard.render.land.terrain import foreground
from safelight.postcard.render.paper.canvas import Point, ellipse, poly, smooth
from safelight.postcard.render.paper.colour import mix, rgb, scale
from safelight.postcard.render.paper.shapes import blob, jagged
from safelight.postcard.render.stage import Stage


def draw_volcano(stage: Stage, band: Band) -> None:
    """A cone with a crater, lava in its gullies, a glow and a column of smoke."""
    layer, frame, canvas = band.layer, stage.frame, stage.canvas
    tall, foot, x = layer.height * frame.rise, band.foot, layer.peak * frame.width
    rock, top, mouth = albedo(stage, layer), foot - tall, tall * 0.13
    _smoke(stage, band, x, top, tall)
    canvas.path(ellipse(x, top, mouth * 5, mouth * 4), canvas.soft(rgb("#ff6a2a"), 0.75), outlined=False)
    wide = tall * 1.15
    _cone(stage, band, x, tall, wide, mouth)
    _gullies(stage, band, x, top, foot, wide, mouth)
    _lava(stage, band, x, top, foot, wide, mouth)
    canvas.path(ellipse(x, top + mouth * 0.22, mouth * 0.75, mouth * 0.17), rgb("#ffce54"), outlined=False)
    foothills(stage, band, rock, tall * 0.16, foot)
    if foot < stage.floor:
        foreground(stage, band, earth(stage), foot - 1)


def _cone(stage: Stage, band: Band, x: float, tall: float, wide: float, mouth: float) -> None:
    """The mountain with the notch of its crater, and the flank that lies in the light."""
    rng, light, canvas = stage.rng("volcano", band.layer.detail), stage.light, stage.canvas
    rock, foot, top = albedo(stage, band.layer), band.foot, band.foot - tall
    left = [*jagged(rng, (x - wide, foot), (x - mouth, top), 0.07, 4), (x - mouth, top)]
    right = [*jagged(rng, (x + mouth, top), (x + wide, foot), 0.07, 4), (x + wide, foot)]
    sag, drop = 0.13 * wide, tall * 0.05
    left = [(px - sag * (1 - (2 * i / len(left) - 1) ** 2), py + drop) for i, (px, py) in enumerate(left)]
    notch: list[Point] = [(x - mouth * 0.3, top + mouth * 0.35), (x + mouth * 0.4, top + mouth * 0.25)]
    shade = light.land(rock, band.distance, -0.7)
    paint = canvas.linear(((0.0, shade, 1.0), (1.0, mix(shade, light.haze, 0.4), 1.0)), 0, top, 0, foot)
    canvas.path(poly([*left, (x - mouth, top), *notch, *right]), paint)
    spine = [*jagged(rng, (x, top + mouth * 0.3), (x + wide * 0.1, foot), 0.16, 3), (x + wide * 0.1, foot)]
    flank = [*left, notch[0], *spine] if light.side < 0 else [*right[::-1], notch[1], *spine]
    canvas.path(poly(flank), light.land(rock, band.distance, 0.7), outlined=False)


def _gullies(stage: Stage, band: Band, x: float, top: float, foot: float, wide: float, mouth: float) -> None:
    """Furrows that rain has cut into the ash, fanning out from the crater: dark ones, and ribs in the light."""
    rng, light, rock = stage.rng("gullies", band.layer.detail), stage.light, albedo(stage, band.layer)
    dark: list[str] = []
    pale: list[str] = []
    for k in range(26):
        t = (k + 0.5) / 13 - 1 + rng.uniform(-0.05, 0.05)
        start, end = rng.uniform(0.06, 0.45), rng.uniform(0.6, 1.0)
        line = []
        for share in (start, (start + end) / 2, end):
            reach = mouth * 0.5 + (wide - mouth * 0.5) * share**1.25
            line.append((x + t * reach, top + (foot - top) * share))
        (x0, y0), (x1, y1), (x2, y2) = line
        w = wide * 0.022 * (0.5 + end)
        shape = poly([(x0, y0), (x1 - w * 0.4, y1), (x2 - w, y2), (x2 + w, y2), (x1 + w * 0.5, y1)])
        (dark if k % 2 else pale).append(shape)
    stage.canvas.path("".join(dark), light.land(scale(rock, 0.7), band.distance, -0.6), 0.6, outlined=False)
    stage.canvas.path("".join(pale), light.land(rock, band.distance, 0.5), 0.35, outlined=False)


def _lava(stage: Stage, band: Band, x: float, top: float, foot: float, wide: float, mouth: float) -> None:
    """Streams that run down from the crater and fork, the glow they throw, sparks above."""
    rng, canvas, tall = stage.rng("lava", band.layer.detail), stage.canvas, foot - top
    glow, red, hot = [], [], []
    for i in range(5):
        side = (i - 2) / 2 + rng.uniform(-0.12, 0.12)
        start = (x + side * mouth * 0.75, top + mouth * 0.22)
        end = (x + side * wide * rng.uniform(0.4, 0.62), top + tall * rng.uniform(0.45, 0.95))
        run = [*jagged(rng, start, end, 0.12, 4), end]
        glow.append(smooth(run))
        red.append(_stream(run, tall * 0.028))
        hot.append(_stream(run[: len(run) * 3 // 4], tall * 0.011))
        fork = run[len(run) // 2]
        tip = (fork[0] + side * tall * 0.12 + rng.uniform(-0.05, 0.05) * tall, fork[1] + tall * rng.uniform(0.1, 0.22))
        red.append(_stream([*jagged(rng, fork, tip, 0.14, 2), tip], tall * 0.014))
    canvas.stroke("".join(glow), rgb("#ff5a1f"), tall * 0.06, 0.22)
    canvas.path("".join(red), rgb("#f2481c"), outlined=False)
    canvas.path("".join(hot), rgb("#ffd35c"), outlined=False)
    sparks = "".join(
        ellipse(x + rng.gauss(0, 0.9) * mouth, top - mouth * abs(rng.gauss(0, 1.5)), r, r)
        for r in (1.2 + 2.6 * rng.random() ** 2 for _ in range(26))
    )
    canvas.path(sparks, rgb("#ffb347"), 0.9, outlined=False)


def _stream(line: list[Point], wide: float) -> str:
    """A stream along a line, narrower towards its end."""
    last = len(line) - 1
    left = [(px - wide * (1 - 0.75 * i / last) / 2, py) for i, (px, py) in enumerate(line)]
    right = [(px + wide * (1 - 0.75 * i / last) / 2, py) for i, (px, py) in enumerate(line)]
    return smooth(left) + "L" + smooth(right[::-1])[1:] + "Z"


def _smoke(stage: Stage, band: Band, x: float, top: float, tall: float) -> None:
    """A column of smoke that rolls away with the wind, lit red from below."""
    rng, light, canvas = stage.rng("smoke", band.layer.detail), stage.light, stage.canvas
    drift = tall * (0.3 + 0.5 * abs(stage.world.wind)) * (1 if stage.world.wind >= 0 else -1)
    puffs = []
    for i in range(15):
        t = i / 14
        r = tall * (0.06 + 0.19 * t) * rng.uniform(0.8, 1.2)
        puffs.append((t, x + drift * t * t + rng.uniform(-0.6, 0.6) * r, top - tall * 0.8 * t, r))
    for tone, lift, size in ((-0.45, 0.0, 1.0), (0.1, 0.22, 0.78), (0.55, 0.4, 0.46)):
        for low in (True, False):
            d = "".join(
                smooth(
                    blob(rng, px + light.side * r * lift * 0.5, y - r * lift, r * 1.1 * size, r * size, 9), close=True
                )
                for t, px, y, r in puffs
                if (t < 0.4) == low
            )
            fire = 0.5 if low else 0.12
            colour = mix(light.land(rgb("#6a6068"), band.distance, tone), rgb("#ff7a3a"), fire * (0.9 - lift))
            canvas.path(d, colour, outlined=tone < 0)
