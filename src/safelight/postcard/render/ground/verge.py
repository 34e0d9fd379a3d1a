"""What lies closest to the eye: tall grass at the lower edge with flowers in it, leafy stems in the corners."""

import math
from random import Random

from safelight.postcard.render.ground.relief import Band
from safelight.postcard.render.paper.canvas import circle, ellipse, num
from safelight.postcard.render.paper.colour import Rgb, rgb, scale, turn
from safelight.postcard.render.paper.shapes import spread
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import Colour, Season

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
        high = frame.rise * (0.028 + 0.1 * edge**2.4) * rng.uniform(0.45, 1.25)
        if not stage.free(x, 12, 0.985):
            high *= 0.3
        lean = rng.gauss(0, 0.22) * high + sway * high / 90
        y = frame.height + 6
        blades.setdefault(rng.randrange(3), []).append(_blade(x, y, high, lean))
        if high > 0.06 * frame.rise and rng.random() < 0.2:
            heads.append((x + lean, y - high, rng.uniform(5, 9)))
    for shade, shapes in sorted(blades.items()):
        tone = scale(light.land(turn(scale(colour, 0.5 + 0.13 * shade), 6 * shade), 0.0, -0.3 + 0.35 * shade), 0.9)
        stage.canvas.path("".join(shapes), tone, outlined=False)
    if not snowed:
        _stems(stage, band, colour)
    if stage.world.season in (Season.SPRING, Season.SUMMER):
        petal = rgb(BLOOMS[rng.randrange(6)])
        for x, y, r in heads:
            bloom(stage, band, x, y, r, petal, rng)


def _blade(x: float, y: float, high: float, lean: float) -> str:
    """A blade of grass from (x, y) that leans over, broader the higher it is."""
    w = 3.2 + high * 0.03
    return (
        f"M{num(x - w)} {num(y)}Q{num(x + lean * 0.2 - w * 0.4)} {num(y - high * 0.6)} {num(x + lean)} {num(y - high)}"
        f"Q{num(x + lean * 0.2 + w)} {num(y - high * 0.5)} {num(x + w)} {num(y)}Z"
    )


def _stems(stage: Stage, band: Band, colour: Rgb) -> None:
    """Leafy stems in the lower corners, dark before the light: a frame for what stands behind."""
    frame, light, rng = stage.frame, stage.light, stage.rng("stems", band.layer.detail)
    shapes: dict[int, list[str]] = {0: [], 1: []}
    for side in (-1, 1):
        corner = 0.0 if side < 0 else frame.width
        for k in range(rng.randrange(3, 7)):
            x = corner - side * frame.rise * (0.012 + 0.026 * k + rng.uniform(0, 0.02))
            if not stage.free(x, 30, 0.985):
                continue
            high = frame.rise * rng.uniform(0.09, 0.19) * (1 - 0.09 * k)
            lean = -side * high * rng.uniform(0.05, 0.4) + 40 * stage.world.wind
            shapes[k % 2].append(_stem(x, frame.height + 8, high, lean, rng.uniform(0.16, 0.24)))
    for pick, parts in shapes.items():
        tone = scale(light.land(turn(scale(colour, 0.42 + 0.14 * pick), 14 - 20 * pick), 0.0, -0.4 + 0.4 * pick), 0.85)
        stage.canvas.path("".join(parts), tone, outlined=False)


def _stem(x: float, y: float, high: float, lean: float, leaf: float) -> str:
    """A stem from (x, y) that leans over, with pairs of leaves that grow smaller upwards."""

    def at(t: float) -> tuple[float, float]:
        return x + lean * t * t, y - high * t

    tip = at(1.0)
    parts = [
        f"M{num(x - 2)} {num(y)}Q{num(x - 1)} {num(y - high * 0.5)} {num(tip[0])} {num(tip[1])}"
        f"Q{num(x + 2)} {num(y - high * 0.5)} {num(x + 2)} {num(y)}Z"
    ]
    for k in range(6):
        t = 0.3 + 0.13 * k
        (px, py), long = at(t), high * leaf * (1.25 - 0.8 * t)
        for s in (-1, 1):
            dx, dy = s * long, -long * 0.62
            parts.append(
                f"M{num(px)} {num(py)}q{num(dx * 0.2)} {num(dy * 1.15)} {num(dx)} {num(dy)}"
                f"q{num(-dx * 0.2)} {num(-dy * 0.2)} {num(-dx)} {num(-dy)}Z"
            )
    return "".join(parts)


def bloom(stage: Stage, band: Band, x: float, y: float, r: float, colour: Rgb, rng: Random) -> None:
    """A flower of five petals, seen from the front."""
    light, turned = stage.light, rng.uniform(0, 1.2)
    petals = []
    for k in range(5):
        a = turned + math.tau * k / 5
        petals.append(ellipse(x + 0.62 * r * math.cos(a), y + 0.5 * r * math.sin(a), 0.56 * r, 0.48 * r))
    stage.canvas.path("".join(petals), light.thing(colour, band.distance * 0.7, rng.uniform(0.1, 0.9)), outlined=False)
    stage.canvas.path(circle(x, y, 0.3 * r), light.land(rgb("#f5c542"), 0, 0.4), outlined=False)
