"""Risograph: three inks on cream, printed through a screen."""

from safelight.postcard.render.paper import textures
from safelight.postcard.render.paper.colour import Rgb, contrast, luma, mix, ramp, rgb, saturate
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques.margin import margin
from safelight.postcard.render.techniques.medium import Medium


def _printed(c: Rgb) -> Rgb:
    """Three inks on cream: deep blue, coral, yellow."""
    inks = ramp(
        (rgb("#1f2f6b"), rgb("#2f5fa8"), rgb("#e8635a"), rgb("#f7b25a"), rgb("#fbf0d8")),
        contrast((luma(c),) * 3, 0.3)[0],
    )
    return mix(inks, saturate(c, 1.5), 0.3)


def _screened(stage: Stage) -> None:
    """The bare edge of the sheet, and the screen."""
    margin(stage, rgb("#fbf0d8"), 26, 0.001, "sheet")
    textures.cover(stage.canvas, textures.Grain("halftone", 280))


STYLE = Medium(Look(_printed), finish=_screened)
