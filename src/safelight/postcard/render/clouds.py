"""Clouds: cumulus, stratus, cirrus and storm."""

from safelight.postcard.render.canvas import circle, ellipse, num, poly, smooth
from safelight.postcard.render.colour import mix, scale
from safelight.postcard.render.shapes import blob, rounded_cloud, spread
from safelight.postcard.render.stage import Stage
from safelight.postcard.vocabulary import CloudKind


def draw_clouds(stage: Stage, amount: float) -> None:
    """Clouds of the scene's kind, more and lower with ``amount``."""
    {
        CloudKind.CUMULUS: _cumulus,
        CloudKind.STRATUS: _stratus,
        CloudKind.CIRRUS: _cirrus,
        CloudKind.STORM: _storm,
    }[stage.world.sky.cloud_kind](stage, amount)


def _cumulus(stage: Stage, amount: float) -> None:
    frame, rng = stage.frame, stage.rng("cumulus")
    count = max(2, round((2 + 7 * amount) * (frame.width / 1300) ** 0.7))
    places = sorted(((x, rng.random()) for x in spread(rng, count, -60, frame.width + 60, 0.9)), key=lambda p: -p[1])
    for x, t in places:
        high = 1 - t
        size = (0.45 + 0.75 * high) * rng.uniform(0.8, 1.25)
        y = max(frame.horizon * (0.86 - 0.68 * high), 168 * size)
        puff(stage, x, y, 330 * size, 120 * size, 0.45 * t, f"{x:.1f}")


def puff(stage: Stage, x: float, y: float, width: float, height: float, distance: float, salt: str) -> None:
    """One cumulus: a lit crown over a shaded body, its foot fading away."""
    canvas, mood, rng = stage.canvas, stage.light.mood, stage.rng("puff" + salt)
    veil = stage.light.veil(distance) * 0.9
    lit, shade = mix(mood.cloud_lit, stage.light.haze, veil), mix(mood.cloud_shade, stage.light.haze, veil)
    puffs = rounded_cloud(rng, width, height, 6 + rng.randrange(3))
    top = min(py - r for _, py, r in puffs)
    paint = canvas.linear(
        ((0.0, lit, 1.0), (0.5, mix(lit, shade, 0.45), 1.0), (1.0, mix(shade, stage.light.haze, 0.3), 1.0)),
        0,
        y + top,
        0,
        y,
    )
    edge = width / 2
    outline = "".join(circle(x + px, y + py, r) for px, py, r in puffs)
    foot = f"M{num(x + edge)} {num(y)}Q{num(x)} {num(y - height * 0.5)} {num(x - edge)} {num(y)}Z"
    base = ellipse(x, y - height * 0.16, edge * 0.96, height * 0.2)
    canvas.path(outline + base + foot, paint)
    crown = "".join(circle(x + px + stage.light.side * r * 0.2, y + py - r * 0.2, r * 0.72) for px, py, r in puffs)
    canvas.path(crown, lit, 0.5, outlined=False)


def _stratus(stage: Stage, amount: float) -> None:
    frame, rng, canvas, mood = stage.frame, stage.rng("stratus"), stage.canvas, stage.light.mood
    for i in range(5 + round(11 * amount)):
        t = rng.random()
        y = frame.horizon * (0.1 + 0.85 * t)
        w, h = frame.width * rng.uniform(0.22, 0.6) * (0.6 + 0.4 * (1 - t)), (34 - 24 * t) * rng.uniform(0.7, 1.3)
        x = frame.width * rng.uniform(-0.1, 1.1)
        colour = mix(mood.cloud_lit if i % 2 else mood.cloud_shade, stage.light.haze, 0.5 * t)
        canvas.path(_lens(rng.uniform(-0.2, 0.2), x, y, w, h), colour, 0.55)


def _lens(skew: float, x: float, y: float, w: float, h: float) -> str:
    """A streak of cloud: a long lens with a smaller one on its back and one that trails behind."""
    main = _streak(x, y, w, h)
    return (
        main
        + _streak(x + skew * w, y - h * 0.55, w * 0.5, h * 0.9)
        + _streak(x - skew * w * 1.9, y + h * 0.5, w * 0.62, h * 0.5)
    )


def _streak(x: float, y: float, w: float, h: float) -> str:
    crest = [
        (x - w / 2, y),
        (x - w * 0.3, y - h * 0.5),
        (x - w * 0.05, y - h),
        (x + w * 0.22, y - h * 0.62),
        (x + w / 2, y),
    ]
    return smooth([*crest, (x + w * 0.2, y + h * 0.3), (x - w * 0.2, y + h * 0.34)], close=True)


def _cirrus(stage: Stage, amount: float) -> None:
    frame, rng, canvas, mood = stage.frame, stage.rng("cirrus"), stage.canvas, stage.light.mood
    for _ in range(5 + round(9 * amount)):
        x, y = frame.width * rng.random(), frame.horizon * rng.uniform(0.06, 0.72)
        w, rise = rng.uniform(160, 420), rng.uniform(20, 80)
        for k in range(3):
            off, thin = k * rng.uniform(8, 18), rng.uniform(3, 9)
            a, b, c = (x, y + off), (x + w * 0.45, y + off - rise * 0.4), (x + w, y + off - rise)
            d = (
                f"M{num(a[0])} {num(a[1])}Q{num(b[0])} {num(b[1] - thin)} {num(c[0])} {num(c[1])}"
                f"Q{num(b[0])} {num(b[1] + thin)} {num(a[0])} {num(a[1])}Z"
            )
            canvas.path(d, mood.cloud_lit, 0.6, outlined=False)


def _storm(stage: Stage, amount: float) -> None:
    frame, canvas, mood = stage.frame, stage.canvas, stage.light.mood
    rng = stage.rng("storm")
    for row in range(4):
        t = row / 3
        y = frame.horizon * (0.62 - 0.6 * t) * (0.6 + 0.5 * amount)
        tone = mix(mix(mood.cloud_shade, mood.cloud_lit, 0.55 - 0.4 * t), (0.12, 0.14, 0.2), 0.15 + 0.25 * t * amount)
        lumps = []
        for x in spread(rng, int(9 * frame.width / 1300) + 4, -80, frame.width + 80):
            r = rng.uniform(90, 170) * (0.8 + 0.3 * t)
            lumps.append(smooth(blob(rng, x, y - r * 0.7, r * 1.35, r * 0.85, 9, 0.12), close=True))
        cover = poly([(-10, -10), (frame.width + 10, -10), (frame.width + 10, y - 90), (-10, y - 90)]) if y > 90 else ""
        paint = canvas.linear(((0.0, scale(tone, 0.75), 1.0), (1.0, tone, 1.0)), 0, y - 260, 0, y)
        canvas.path(cover, paint, outlined=False)
        canvas.path("".join(lumps), paint)
