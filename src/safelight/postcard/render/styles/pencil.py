"""Pencil: contours and tones of slanting strokes."""

from safelight.postcard.render.paper.canvas import Line
from safelight.postcard.render.paper.colour import Rgb, contrast, luma, mix, rgb
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques import hatching
from safelight.postcard.render.techniques.hatching import Hatch
from safelight.postcard.render.techniques.margin import margin
from safelight.postcard.render.techniques.medium import Medium

PAPER = rgb("#fdfbf5")


def _lifted(c: Rgb) -> Rgb:
    """Shades of grey, lifted; `_hatched` turns them into hatching."""
    level = contrast((min(1.0, 0.12 + luma(c) * 0.98),) * 3, 0.35)[0]
    return mix((level, level, level), c, 0.16)


def _hatched(stage: Stage) -> None:
    """Graphite: light contours, tones laid in with slanting strokes, crossed in the shadows."""
    level = hatching.tones(stage)
    hatching.redraw(stage, lambda c: mix(PAPER, c, 0.2 * (1 - luma(c))))
    grey = "#45474f"
    hatching.hatched(
        stage,
        level,
        (
            Hatch(-58, 6.5, 0.9, 1.4, grey, 0.5),
            Hatch(-50, 5.5, 0.7, 1.8, grey, 0.62),
            Hatch(-66, 5, 0.5, 2.1, grey, 0.72),
            Hatch(28, 5, 0.34, 2.2, "#2c2e35", 0.8),
        ),
    )


STYLE = Medium(
    Look(_lifted, Line(1.3, rgb("#50525a"))), _hatched, lambda stage: margin(stage, PAPER, 34, 0.006, "sheet")
)
