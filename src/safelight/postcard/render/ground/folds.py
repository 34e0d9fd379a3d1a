"""The near ground: slopes that overlap towards the eye, each with its lit edge, its fringe of grass and its patches."""

import itertools
from random import Random

from safelight.postcard.render.ground.relief import Band, grass
from safelight.postcard.render.ground.stones import boulder
from safelight.postcard.render.paper.canvas import Point, num, smooth
from safelight.postcard.render.paper.colour import Rgb, mix, rgb, scale, turn
from safelight.postcard.render.paper.shapes import rolling
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import Season


def folds(stage: Stage, band: Band, colour: Rgb) -> None:
    """Nearer rises of the ground where a layer lies open to the lower edge: each darker than the one behind."""
    frame, rng = stage.frame, stage.rng("folds", band.layer.detail)
    deep = frame.height - band.crest(frame.width / 2)
    if stage.floor < frame.height or deep < 0.16 * frame.rise:
        return
    green = colour == grass(stage.world.season) and stage.world.season is not Season.WINTER
    shares = (0.3, 0.66) if deep < 0.4 * frame.rise else (0.2, 0.46, 0.76)
    start = rng.choice((-1.0, 1.0))
    for k, share in enumerate(shares):
        crest = _crest(frame.width, band, deep, share + rng.uniform(-0.03, 0.03), start * (-1) ** k, rng)
        _slope(stage, band, colour, crest, k, rng)
        if green:
            _fringe(stage, band, colour, crest, 0.35 + 0.65 * share, k, rng)
    if min(colour) < 0.8:
        _stones(stage, band, colour, deep, rng)


def _crest(width: float, band: Band, deep: float, share: float, side: float, rng: Random) -> list[Point]:
    """One rise: it comes up from one side of the picture and falls away to the other."""
    wave, tall = rolling(rng, max(width, 1000) * rng.uniform(0.6, 0.9), 0.4), deep * rng.uniform(0.05, 0.08)
    top, lean = band.crest(width / 2) + deep * share, deep * rng.uniform(0.05, 0.11) * side
    xs = [-12 + (width + 24) * i / 36 for i in range(37)]
    return [(x, top - tall * wave(x) + lean * (2 * x / width - 1)) for x in xs]


def _slope(stage: Stage, band: Band, colour: Rgb, crest: list[Point], k: int, rng: Random) -> None:
    frame, light, canvas = stage.frame, stage.light, stage.canvas
    away = band.distance * (0.6 - 0.2 * k)
    tone = light.land(turn(scale(colour, 0.97 - 0.1 * k), 3.0 * k), away, -0.05 - 0.2 * k)
    low = frame.height + 12
    canvas.path(smooth(crest) + f"L{num(crest[-1][0])} {num(low)}L{num(crest[0][0])} {num(low)}Z", tone)
    lit = light.land(turn(colour, -6, 0.03), away, 0.75)
    thick, wave = frame.rise * (0.014 + 0.01 * k), rolling(rng, frame.width * 0.5, 0.5)
    under = [(x, y + max(2.0, thick * (1.1 + wave(x)))) for x, y in reversed(crest)]
    canvas.path(smooth(crest) + "L" + smooth(under)[1:] + "Z", lit, 0.5 - 0.08 * k, outlined=False)
    dark: list[str] = []
    pale: list[str] = []
    for _ in range(5):
        i = rng.randrange(2, len(crest) - 2)
        x, y = crest[i][0], crest[i][1] + frame.rise * (0.03 + rng.uniform(0.0, 0.1 + 0.04 * k))
        wide, high = frame.rise * rng.uniform(0.16, 0.42), frame.rise * rng.uniform(0.008, 0.02)
        (dark if rng.random() < 0.6 else pale).append(
            f"M{num(x - wide)} {num(y)}Q{num(x - wide * 0.2)} {num(y - high * 1.6)} {num(x + wide)} {num(y - high)}"
            f"Q{num(x + wide * 0.3)} {num(y + high * 1.4)} {num(x - wide)} {num(y)}Z"
        )
    canvas.path("".join(dark), scale(tone, 0.86), 0.55, outlined=False)
    canvas.path("".join(pale), mix(tone, lit, 0.6), 0.4, outlined=False)


def _fringe(stage: Stage, band: Band, colour: Rgb, crest: list[Point], size: float, k: int, rng: Random) -> None:
    """Clumps of grass along a crest: dark against the slope behind, some blades in the light."""
    light, frame = stage.light, stage.frame
    away, lean = band.distance * (0.6 - 0.2 * k), 10 * stage.world.wind
    shade: list[str] = []
    lit: list[str] = []
    for (x0, y0), (x1, y1) in itertools.pairwise(crest):
        if rng.random() < 0.34:
            continue
        for _ in range(7):
            t = rng.random()
            x, y = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + 2
            high = frame.rise * 0.021 * size * rng.uniform(0.4, 1.4)
            tip = x + rng.gauss(0, 0.35) * high + lean * size
            w = 1.2 + high * 0.08
            (lit if rng.random() < 0.35 else shade).append(
                f"M{num(x - w)} {num(y)}L{num(tip)} {num(y - high)}L{num(x + w)} {num(y)}Z"
            )
    body = light.land(scale(colour, 0.92 - 0.1 * k), away, -0.12 - 0.2 * k)
    stage.canvas.path("".join(shade), body, outlined=False)
    stage.canvas.path("".join(lit), light.land(turn(colour, -8, 0.04), away, 0.7), 0.8, outlined=False)


def _stones(stage: Stage, band: Band, colour: Rgb, deep: float, rng: Random) -> None:
    """A stone or two lying in the ground, off the middle."""
    frame = stage.frame
    for _ in range(rng.randrange(1, 4)):
        x = frame.width * rng.choice((rng.uniform(0.04, 0.3), rng.uniform(0.7, 0.96)))
        y = frame.height - deep * rng.uniform(0.1, 0.5)
        wide = 56 * frame.near((y - frame.horizon) / max(1.0, frame.height - frame.horizon)) * rng.uniform(0.6, 1.3)
        if stage.free(x, wide * 0.7, 1.0):
            boulder(stage, rng, x, y, wide, mix(rgb("#8d8a84"), colour, 0.25), band.distance * 0.5)
