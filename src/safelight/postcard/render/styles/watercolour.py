"""Watercolour: pale washes that let the paper through."""

from safelight.postcard.render.paper import textures
from safelight.postcard.render.paper.canvas import Line, circle, ellipse, smooth
from safelight.postcard.render.paper.colour import WHITE, Rgb, luma, mix, saturate
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.paper.shapes import blob
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques.margin import PAPER, margin
from safelight.postcard.render.techniques.medium import Medium


def _watery(c: Rgb) -> Rgb:
    return mix(saturate(c, 1.12), PAPER, 0.24 + 0.12 * luma(c))


def _blooms_and_grain(stage: Stage) -> None:
    """Blooms where water ran back into the wash, the paper's grain, splashes, and the brushed edge."""
    frame, canvas, rng = stage.frame, stage.canvas, stage.rng("blooms")
    for _ in range(5):
        x, y, r = frame.width * rng.random(), frame.height * 0.6 * rng.random(), frame.rise * rng.uniform(0.1, 0.26)
        canvas.path(ellipse(x, y, r * 1.4, r), canvas.soft(WHITE, rng.uniform(0.2, 0.4)), outlined=False)
        ring = smooth(blob(rng, x, y, r * 0.9, r * 0.62, 14, 0.16), close=True)
        canvas.stroke(ring, mix(stage.light.mood.sky[1], stage.light.mood.land[1], rng.random()), 3.0, 0.14)
    drops = "".join(
        circle(frame.width * rng.random(), frame.height * rng.random(), 1.5 + 7 * rng.random() ** 4) for _ in range(46)
    )
    canvas.path(drops, stage.light.mood.land[1], 0.22, outlined=False)
    margin(stage, PAPER, 34, 0.013, "brushed edge")
    textures.cover(canvas, textures.Grain("paper", 420))


STYLE = Medium(Look(_watery, Line(1.4, None, 0.66, 0.75)), finish=_blooms_and_grain)
