"""Clouds: cumulus, stratus, cirrus and storm."""

from random import Random

from safelight.postcard.render.paper.canvas import circle, ellipse, num, poly, smooth
from safelight.postcard.render.paper.colour import WHITE, mix, scale
from safelight.postcard.render.paper.shapes import blob, rounded_cloud, spread
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import CloudKind


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
    """Banks of cloud drawn out along the wind: low billows on flat feet, flatter and paler towards the horizon."""
    frame, rng, canvas, mood = stage.frame, stage.rng("stratus"), stage.canvas, stage.light.mood
    low_sun = mood.dark < 0.6 and mood.tint < 0.7  # then the light comes from below
    for t in sorted(rng.random() for _ in range(3 + round(6 * amount))):
        y = frame.horizon * (0.08 + 0.84 * t)
        wide = frame.width * rng.uniform(0.16, 0.42) * (0.75 + 0.5 * amount)
        x, thick = frame.width * rng.uniform(-0.02, 1.02), (26 - 17 * t) * rng.uniform(0.8, 1.25)
        body, rim = _bank(rng, x, y, wide, thick, 1.0 if low_sun else -1.0)
        far = 0.55 * t
        canvas.path(rim, mix(mood.cloud_lit, stage.light.haze, far), 0.75, outlined=False)
        canvas.path(body, mix(mix(mood.cloud_shade, mood.cloud_lit, 0.25), stage.light.haze, far), 0.8)


def _bank(rng: Random, x: float, y: float, wide: float, thick: float, side: float) -> tuple[str, str]:
    """One bank of cloud around (x, y): low billows on a long flat foot; and the same moved towards the light."""
    body, rim = (
        [ellipse(x, y, wide * 0.52, thick * 0.3)],
        [ellipse(x, y + side * thick * 0.12, wide * 0.47, thick * 0.3)],
    )
    for k in range(9):
        t = (k + 0.5 + rng.uniform(-0.3, 0.3)) / 4.5 - 1
        rx, ry = wide * rng.uniform(0.07, 0.17), thick * (0.25 + 0.6 * (1 - t * t)) * rng.uniform(0.6, 1.1)
        cx, cy = x + t * wide * 0.42, y - ry * 0.55
        body.append(ellipse(cx, cy, rx, ry))
        rim.append(ellipse(cx + 0.1 * rx, cy + side * thick * 0.16, rx * 0.96, ry))
    trail = rng.choice((-1, 1))
    for k in range(2):
        cx, cy = x + trail * wide * (0.36 + 0.2 * k), y + thick * (0.3 + 0.22 * k)
        body.append(ellipse(cx, cy, wide * rng.uniform(0.12, 0.24), thick * 0.13))
    return "".join(body), "".join(rim)


def _cirrus(stage: Stage, amount: float) -> None:
    """Fans of ice: fine hooked strands that spread from one root."""
    frame, rng, canvas, mood = stage.frame, stage.rng("cirrus"), stage.canvas, stage.light.mood
    strands: list[str] = []
    veils: list[str] = []
    lean = rng.choice((-1.0, 1.0))
    for _ in range(4 + round(5 * amount)):
        x, y = frame.width * rng.uniform(-0.05, 1.0), frame.horizon * rng.uniform(0.08, 0.7)
        far = y / frame.horizon
        long = (420 - 260 * far) * rng.uniform(0.7, 1.2)
        rise = long * rng.uniform(0.16, 0.3)
        for k in range(9):
            t = k / 8 - 0.5
            sx, sy = x + long * rng.uniform(-0.16, 0.16), y + t * rise * 0.8
            ex, ey = sx + lean * long * rng.uniform(0.6, 1.0), sy - rise * (0.55 + 0.6 * t) * rng.uniform(0.8, 1.2)
            mx, my = sx + (ex - sx) * 0.62, sy + rise * 0.1
            thin = (2 + 7 * rng.random() ** 2) * (1.1 - 0.6 * far)
            (veils if k % 3 == 0 else strands).append(
                f"M{num(sx)} {num(sy)}Q{num(mx)} {num(my - thin)} {num(ex)} {num(ey)}"
                f"Q{num(mx)} {num(my + thin)} {num(sx)} {num(sy)}Z"
            )
    canvas.path("".join(strands), mood.cloud_lit, 0.42, outlined=False)
    canvas.path("".join(veils), mix(mood.cloud_lit, WHITE, 0.5), 0.7, outlined=False)


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
