"""The volcano: a cone of ash with its crater, lava in its gullies, glow and smoke."""

from safelight.postcard.render.canvas import ellipse, poly, smooth
from safelight.postcard.render.colour import mix, rgb
from safelight.postcard.render.ground import Band, albedo, earth
from safelight.postcard.render.mountains import foothills
from safelight.postcard.render.shapes import blob, jagged
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.terrain import foreground


def draw_volcano(stage: Stage, band: Band) -> None:
    """A cone with a crater, lava in its gullies, a glow and a column of smoke."""
    layer, frame, light, canvas = band.layer, stage.frame, stage.light, stage.canvas
    rng = stage.rng("volcano", layer.detail)
    tall, foot, x = layer.height * frame.rise, band.foot, layer.peak * frame.width
    rock, top, mouth = albedo(stage, layer), foot - tall, tall * 0.13
    _smoke(stage, band, x, top, tall)
    canvas.path(ellipse(x, top, mouth * 5, mouth * 4), canvas.soft(rgb("#ff6a2a"), 0.75), outlined=False)
    wide = tall * 1.15
    left = [*jagged(rng, (x - wide, foot), (x - mouth, top), 0.07, 4), (x - mouth, top)]
    right = [*jagged(rng, (x + mouth, top), (x + wide, foot), 0.07, 4), (x + wide, foot)]
    left = [
        (px - 0.13 * wide * (1 - (2 * i / len(left) - 1) ** 2), py + tall * 0.05) for i, (px, py) in enumerate(left)
    ]
    shade = light.land(rock, band.distance, -0.7)
    paint = canvas.linear(((0.0, shade, 1.0), (1.0, mix(shade, light.haze, 0.4), 1.0)), 0, top, 0, foot)
    canvas.path(
        poly(
            [
                *left,
                (x - mouth, top),
                (x - mouth * 0.3, top + mouth * 0.35),
                (x + mouth * 0.4, top + mouth * 0.25),
                *right,
            ]
        ),
        paint,
    )
    spine = [*jagged(rng, (x, top + mouth * 0.3), (x + wide * 0.1, foot), 0.16, 3), (x + wide * 0.1, foot)]
    flank = (
        [*left, (x - mouth * 0.3, top + mouth * 0.35), *spine]
        if light.side < 0
        else [*right[::-1], (x + mouth * 0.4, top + mouth * 0.25), *spine]
    )
    canvas.path(poly(flank), light.land(rock, band.distance, 0.7), outlined=False)
    for i in range(4):
        end = x + wide * (i - 1.5) * 0.32
        run = jagged(
            rng,
            (x + (i - 1.5) * mouth * 0.35, top + mouth * 0.25),
            (end, foot - tall * rng.uniform(0.05, 0.5)),
            0.14,
            3,
        )
        canvas.stroke(poly(run, close=False), rgb("#ff5a1f"), tall * 0.022)
        canvas.stroke(poly(run[: len(run) * 2 // 3], close=False), rgb("#ffd35c"), tall * 0.009)
    canvas.path(ellipse(x, top + mouth * 0.22, mouth * 0.75, mouth * 0.17), rgb("#ffce54"), outlined=False)
    foothills(stage, band, rock, tall * 0.16, foot)
    if foot < stage.floor:
        foreground(stage, band, earth(stage), foot - 1)


def _smoke(stage: Stage, band: Band, x: float, top: float, tall: float) -> None:
    rng, light = stage.rng("smoke", band.layer.detail), stage.light
    drift = tall * (0.25 + 0.5 * abs(stage.world.wind)) * (1 if stage.world.wind >= 0 else -1)
    for i in range(9):
        t = i / 8
        r = tall * (0.07 + 0.2 * t)
        tone = mix(light.land(rgb("#6a6068"), band.distance, 0.2 - 0.5 * (i % 2)), rgb("#ff7a3a"), 0.45 * (1 - t) ** 2)
        px, py = x + drift * t * t + rng.uniform(-0.3, 0.3) * r, top - tall * 0.75 * t
        stage.canvas.path(smooth(blob(rng, px, py, r * 1.15, r, 9), close=True), tone, 0.9)
