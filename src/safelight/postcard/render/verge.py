"""What lies closest to the eye: folds of the ground, tall grass at the lower edge with flowers in it."""

import math
from random import Random

from safelight.postcard.render.canvas import circle, ellipse, num, smooth
from safelight.postcard.render.colour import Rgb, rgb, scale, turn
from safelight.postcard.render.ground import Band
from safelight.postcard.render.shapes import rolling, spread
from safelight.postcard.render.stage import Stage
from safelight.postcard.vocabulary import Colour, Season

BLOOMS = ("#e8453c", "#f6c53a", "#f3f0ea", "#b65fc9", "#f08bb0", "#4f7fd6")
"""Colours of wild flowers."""


def verge(stage: Stage, band: Band, colour: Rgb) -> None:
    """Tall grass at the lower edge, close to the eye and dark against the light: it frames the picture."""
    frame, light, rng = stage.frame, stage.light, stage.rng("verge", band.layer.detail)
    if stage.floor < frame.height:
        return
    snowed = stage.world.season is Season.WINTER and band.layer.colour is Colour.NATURAL
    if snowed:
        colour = rgb("#b39a72")
    blades: dict[int, list[str]] = {}
    heads: list[tuple[float, float, float]] = []
    sway = 26 * stage.world.wind
    for x in spread(rng, int(frame.width / (26 if snowed else 9)), -10, frame.width + 10, 2.0):
        edge = abs(2 * x / frame.width - 1)
        high = frame.rise * (0.03 + 0.085 * edge**2.2) * rng.uniform(0.45, 1.25)
        if not stage.free(x, 12, 0.985):
            high *= 0.3
        lean = rng.gauss(0, 0.22) * high + sway * high / 90
        y = frame.height + 6
        tip = (x + lean, y - high)
        w = 3.2 + high * 0.03
        blades.setdefault(rng.randrange(3), []).append(
            f"M{num(x - w)} {num(y)}Q{num(x + lean * 0.2 - w * 0.4)} {num(y - high * 0.6)} {num(tip[0])} {num(tip[1])}"
            f"Q{num(x + lean * 0.2 + w)} {num(y - high * 0.5)} {num(x + w)} {num(y)}Z"
        )
        if high > 0.06 * frame.rise and rng.random() < 0.2:
            heads.append((*tip, rng.uniform(5, 9)))
    for shade, shapes in sorted(blades.items()):
        tone = scale(light.land(turn(scale(colour, 0.5 + 0.13 * shade), 6 * shade), 0.0, -0.3 + 0.35 * shade), 0.9)
        stage.canvas.path("".join(shapes), tone, outlined=False)
    if stage.world.season in (Season.SPRING, Season.SUMMER):
        petal = rgb(BLOOMS[rng.randrange(6)])
        for x, y, r in heads:
            bloom(stage, band, x, y, r, petal, rng)


def bloom(stage: Stage, band: Band, x: float, y: float, r: float, colour: Rgb, rng: Random) -> None:
    """A flower of five petals, seen from the front."""
    light, turned = stage.light, rng.uniform(0, 1.2)
    petals = []
    for k in range(5):
        a = turned + math.tau * k / 5
        petals.append(ellipse(x + 0.62 * r * math.cos(a), y + 0.5 * r * math.sin(a), 0.56 * r, 0.48 * r))
    stage.canvas.path("".join(petals), light.thing(colour, band.distance * 0.7, rng.uniform(0.1, 0.9)), outlined=False)
    stage.canvas.path(circle(x, y, 0.3 * r), light.land(rgb("#f5c542"), 0, 0.4), outlined=False)


def folds(stage: Stage, band: Band, colour: Rgb) -> None:
    """Two nearer rises of the ground where a layer lies open to the lower edge: each darker than the one behind."""
    frame, light, rng = stage.frame, stage.light, stage.rng("folds", band.layer.detail)
    top = band.crest(frame.width / 2)
    deep = frame.height - top
    if stage.floor < frame.height or deep < 0.2 * frame.rise:
        return
    for k, share in enumerate((0.36 + rng.uniform(-0.05, 0.05), 0.68 + rng.uniform(-0.04, 0.04))):
        wave, tall = rolling(rng, frame.width * rng.uniform(0.7, 1.1), 0.4), deep * rng.uniform(0.05, 0.09)
        lean = rng.uniform(-0.07, 0.07) * deep
        xs = [-12 + (frame.width + 24) * i / 30 for i in range(31)]
        crest = [(x, top + deep * share - tall * wave(x) + lean * (2 * x / frame.width - 1)) for x in xs]
        tone = light.land(scale(colour, 0.95 - 0.08 * k), band.distance * (0.6 - 0.3 * k), -0.08 - 0.18 * k)
        body = smooth(crest) + f"L{num(xs[-1])} {num(frame.height + 12)}L{num(xs[0])} {num(frame.height + 12)}Z"
        stage.canvas.path(body, tone)
        lit = light.land(colour, band.distance * 0.5, 0.6)
        stage.canvas.stroke(smooth(crest), lit, 2.4, 0.35)
