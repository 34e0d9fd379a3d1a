"""Stones."""

from random import Random

from safelight.postcard.render.paper.canvas import Point, poly
from safelight.postcard.render.paper.colour import Rgb, scale
from safelight.postcard.render.stage import Stage


def boulder(stage: Stage, rng: Random, x: float, y: float, wide: float, rock: Rgb, distance: float) -> None:
    """A faceted stone with its foot at (x, y)."""
    light, canvas, high = stage.light, stage.canvas, wide * rng.uniform(0.5, 0.8)
    top: list[Point] = [
        (x - wide * 0.3, y - high * 0.85),
        (x + wide * 0.05, y - high),
        (x + wide * 0.34, y - high * 0.7),
    ]
    body = [
        (x - wide / 2, y),
        (x - wide * 0.5, y - high * 0.4),
        *top,
        (x + wide / 2, y - high * 0.3),
        (x + wide * 0.46, y),
    ]
    mid = (x + wide * 0.05 * light.side, y - high * 0.5)
    canvas.path(poly(body), light.land(rock, distance, -0.55))
    lit = [body[0], body[1], *top[:2], mid] if light.side < 0 else [body[6], body[5], *top[:0:-1], mid]
    canvas.path(poly(lit), light.land(rock, distance, 0.6), outlined=False)
    canvas.path(poly([*top, mid]), light.land(scale(rock, 1.08), distance, 0.2), outlined=False)
