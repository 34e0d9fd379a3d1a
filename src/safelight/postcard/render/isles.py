"""Islands in the water, islands in the air, and the sea of clouds below them."""

from safelight.postcard.render.canvas import ellipse, poly, smooth
from safelight.postcard.render.colour import WHITE, mix, rgb
from safelight.postcard.render.ground import Band, albedo
from safelight.postcard.render.shapes import jagged, rounded_cloud, spread
from safelight.postcard.render.stage import Stage


def draw_islands(stage: Stage, band: Band) -> None:
    """Islands that rise from the water, wooded, with a pale shore."""
    layer, frame, light, canvas = band.layer, stage.frame, stage.light, stage.canvas
    rng = stage.rng("islands", layer.detail)
    tall, green = max(0.04, layer.height) * frame.rise, albedo(stage, layer)
    count = 1 + round(3 * layer.density)
    for i, x in enumerate([layer.peak * frame.width, *spread(rng, count, 0, frame.width)]):
        high = tall * (1.0 if i == 0 else rng.uniform(0.25, 0.6))
        half = high * rng.uniform(1.1, 2.0)
        foot = band.foot + (0 if i == 0 else rng.uniform(-2, 6))
        shape = [
            (x - half, foot),
            (x - half * 0.7, foot - high * 0.35),
            (x - half * 0.3, foot - high * 0.75),
            (x + rng.uniform(-0.1, 0.1) * half, foot - high),
            (x + half * 0.4, foot - high * 0.7),
            (x + half * 0.75, foot - high * 0.3),
            (x + half, foot),
        ]
        shade = light.land(green, band.distance, -0.45)
        paint = canvas.linear(((0.0, shade, 1.0), (1.0, mix(shade, light.haze, 0.35), 1.0)), 0, foot - high, 0, foot)
        canvas.path(smooth(shape) + "Z", paint)
        lit = (
            [p for p in shape if (p[0] - x) * light.side > -half * 0.15]
            if light.side > 0
            else [p for p in shape if p[0] - x < half * 0.15]
        )
        canvas.path(
            smooth([*lit, (x + light.side * half * 0.2, foot - high * 0.15)]) + "Z",
            light.land(green, band.distance, 0.5),
            0.75,
            outlined=False,
        )
        canvas.path(
            ellipse(x, foot, half * 1.08, max(2.0, high * 0.05)),
            light.land(rgb("#ead7ae"), band.distance, 0.4),
            outlined=False,
        )


def draw_floating_isles(stage: Stage, band: Band) -> None:
    """Islands that hang in the air: turf above, a hanging cone of rock, a thread of falling water."""
    layer, frame, light, canvas = band.layer, stage.frame, stage.light, stage.canvas
    rng, rock = stage.rng("isles", layer.detail), rgb("#8d7a78")
    green = albedo(stage, layer)
    count = 2 + round(3 * layer.density)
    for i, x in enumerate(spread(rng, count, frame.width * 0.05, frame.width * 0.95)):
        half = frame.rise * (0.07 + 0.16 * layer.height) * rng.uniform(0.6, 1.4)
        y = frame.horizon * rng.uniform(0.28, 0.8)
        away = 0.25 + 0.5 * (1 - half / (frame.rise * 0.3))
        under = [
            (x - half, y),
            *jagged(
                rng, (x - half * 0.8, y + half * 0.3), (x + half * rng.uniform(-0.2, 0.2), y + half * 1.25), 0.12, 3
            ),
            (x, y + half * 1.3),
            *jagged(rng, (x + half * 0.2, y + half), (x + half, y), 0.12, 3),
        ]
        paint = canvas.linear(
            ((0.0, light.land(rock, away, 0.1), 1.0), (1.0, mix(light.land(rock, away, -0.7), light.haze, 0.4), 1.0)),
            0,
            y,
            0,
            y + half * 1.3,
        )
        canvas.path(poly(under), paint)
        edge = 0.0 if light.side < 0 else half
        canvas.path(
            poly(
                [
                    (x - half + edge, y),
                    (x - half * 0.75 + edge * 1.5, y + half * 0.3),
                    (x - half * 0.1, y + half * 1.1),
                    (x - half * 0.1, y),
                ]
            ),
            light.land(rock, away, 0.7),
            0.6,
            outlined=False,
        )
        turf = [
            (x - half * 1.05, y + half * 0.06),
            (x - half * 0.6, y - half * 0.16),
            (x, y - half * rng.uniform(0.16, 0.32)),
            (x + half * 0.6, y - half * 0.14),
            (x + half * 1.05, y + half * 0.06),
            (x + half * 0.5, y + half * 0.16),
            (x - half * 0.4, y + half * 0.13),
        ]
        canvas.path(smooth(turf, close=True), light.land(green, away, 0.5))
        if i % 2 == 0:
            fx = x + half * 0.55
            fall = canvas.linear(
                ((0.0, mix(WHITE, light.haze, 0.2), 0.9), (1.0, light.haze, 0.0)), 0, y, 0, y + half * 2.2
            )
            canvas.path(
                poly(
                    [
                        (fx - half * 0.05, y + half * 0.02),
                        (fx + half * 0.07, y + half * 0.02),
                        (fx + half * 0.13, y + half * 2.2),
                        (fx - half * 0.1, y + half * 2.2),
                    ]
                ),
                fall,
                outlined=False,
            )


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
