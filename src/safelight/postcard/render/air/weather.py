"""Weather before the eye: fog, rain, falling snow, lightning."""

from random import Random

from safelight.postcard.render.air.sky import SHOWN
from safelight.postcard.render.paper.canvas import Point, circle, num, poly
from safelight.postcard.render.paper.colour import WHITE, mix, rgb
from safelight.postcard.render.paper.shapes import jagged
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import Setting


def draw_lightning(stage: Stage) -> None:
    """Bolts from the clouds to the horizon, with the glow they throw."""
    amount = stage.world.sky.lightning
    if amount < SHOWN:
        return
    frame, rng, canvas = stage.frame, stage.rng("lightning"), stage.canvas
    with canvas.group('id="lightning"'):
        for _ in range(1 + round(2 * amount)):
            x = frame.width * rng.uniform(0.12, 0.88)
            start, end = (
                (x, frame.horizon * rng.uniform(0.12, 0.3)),
                (x + rng.uniform(-120, 120), frame.horizon * rng.uniform(0.85, 1.0)),
            )
            bolt = [*jagged(rng, start, end, 0.3, 4), end]
            canvas.path(
                circle(x, (start[1] + end[1]) / 2, frame.horizon * 0.55),
                canvas.soft(rgb("#c9b8ff"), 0.4),
                outlined=False,
            )
            canvas.stroke(poly(bolt, close=False), rgb("#c7b5ff"), 13, 0.3)
            canvas.path(_tapered(bolt, 7.5), rgb("#fdfbff"), outlined=False)
            for _ in range(2 + rng.randrange(2)):
                _fork(stage, rng, bolt)


def _fork(stage: Stage, rng: Random, bolt: list[Point]) -> None:
    x, y = bolt[rng.randrange(3, len(bolt) - 3)]
    end = (x + rng.choice((-1, 1)) * rng.uniform(60, 150), y + rng.uniform(70, 170))
    stage.canvas.path(_tapered([*jagged(rng, (x, y), end, 0.3, 3), end], 4), rgb("#efe8ff"), outlined=False)


def _tapered(line: list[Point], wide: float) -> str:
    """A bolt that thins towards its end."""
    last = len(line) - 1
    left = [(x - wide * (1 - i / last) / 2 - 0.4, y) for i, (x, y) in enumerate(line)]
    right = [(x + wide * (1 - i / last) / 2 + 0.4, y) for i, (x, y) in enumerate(line)]
    return poly([*left, *reversed(right)])


def draw_air(stage: Stage) -> None:
    """All that is in the air before the eye."""
    if stage.world.setting not in (Setting.PLAIN, Setting.SPACE, Setting.UNDERWATER):
        draw_fog(stage)
        draw_rain(stage)
        draw_snowfall(stage)


def draw_fog(stage: Stage) -> None:
    """Fog over the whole depth: thickest at the horizon, with banks that drift before the near ground."""
    amount = stage.light.fog
    if amount < SHOWN:
        return
    frame, canvas, rng, haze = stage.frame, stage.canvas, stage.rng("fog"), stage.light.haze
    with canvas.group('id="fog"'):
        top, floor = frame.horizon * 0.45, frame.height
        stops = ((0.0, haze, 0.0), (0.4, haze, 0.36 * amount), (0.7, haze, 0.14 * amount), (1.0, haze, 0.0))
        canvas.veil(-12, top, frame.width + 24, floor - top, stops, floor - top)
        for _ in range(3):
            y = frame.horizon + (frame.height - frame.horizon) * rng.uniform(-0.25, 0.6)
            x, w, h = (
                frame.width * rng.random(),
                frame.width * rng.uniform(0.35, 0.7),
                frame.rise * rng.uniform(0.04, 0.09),
            )
            paint = canvas.soft(mix(haze, WHITE, 0.25), 0.6 * amount)
            canvas.path(
                (
                    f"M{num(x - w)} {num(y)}a{num(w)} {num(h)} 0 1 0 {num(2 * w)} 0"
                    f"a{num(w)} {num(h)} 0 1 0 {num(-2 * w)} 0Z"
                ),
                paint,
                outlined=False,
            )


def draw_rain(stage: Stage) -> None:
    """Slanted streaks in two depths."""
    amount = stage.world.rain
    if amount < SHOWN:
        return
    frame, rng = stage.frame, stage.rng("rain")
    slant = 0.12 + 0.55 * stage.world.wind
    tone = mix(WHITE, stage.light.haze, 0.35)
    with stage.canvas.group('id="rain"'):
        for long, width, share, opacity in ((34, 1.5, 260, 0.42), (70, 2.6, 110, 0.5)):
            drops = []
            for _ in range(int(share * (0.4 + amount) * frame.width * frame.height / 1.4e6)):
                x, y, drop = (
                    rng.uniform(-60, frame.width + 60),
                    rng.uniform(-40, frame.height),
                    long * rng.uniform(0.6, 1.3),
                )
                drops.append(f"M{num(x)} {num(y)}l{num(drop * slant)} {num(drop)}")
            stage.canvas.stroke("".join(drops), tone, width, opacity)


def draw_snowfall(stage: Stage) -> None:
    """Flakes in three depths."""
    amount = stage.world.snowfall
    if amount < SHOWN:
        return
    frame, rng = stage.frame, stage.rng("snowfall")
    tone = mix(WHITE, stage.light.mood.key, 0.2)
    with stage.canvas.group('id="snowfall"'):
        for r, share, opacity in ((2.2, 230, 0.75), (4.2, 100, 0.85), (8.5, 26, 0.8)):
            count = int(share * (0.3 + amount) * frame.width * frame.height / 1.4e6)
            flakes = [
                circle(frame.width * rng.random(), frame.height * rng.random(), r * rng.uniform(0.6, 1.3))
                for _ in range(count)
            ]
            stage.canvas.path("".join(flakes), tone, opacity, outlined=False)
