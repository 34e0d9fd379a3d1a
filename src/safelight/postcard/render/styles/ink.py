"""Ink: black, bare paper, and hatching between them."""

from safelight.postcard.render.paper.canvas import Line
from safelight.postcard.render.paper.colour import Rgb, contrast, hexcode, luma, mix, rgb
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques import hatching
from safelight.postcard.render.techniques.hatching import Hatch
from safelight.postcard.render.techniques.margin import PAPER, margin
from safelight.postcard.render.techniques.medium import Medium

INK = rgb("#1d1f26")


def _inked(c: Rgb) -> Rgb:
    """Shades of grey; `_hatched` turns them into black, paper and hatching."""
    level = contrast((min(1.0, luma(c) * 1.12),) * 3, 0.5)[0]
    return (level, level, level)


def _hatched(stage: Stage) -> None:
    """Black where it is darkest, hatching where it is dark, bare paper elsewhere, with a faint grey wash."""
    level = hatching.tones(stage)

    def spot(c: Rgb) -> Rgb:
        return INK if luma(c) < 0.2 else mix(PAPER, (0.45, 0.44, 0.42), 0.3 * (1 - luma(c)) ** 1.5)

    hatching.redraw(stage, spot)
    ink = hexcode(INK)
    hatching.hatched(
        stage,
        level,
        (
            Hatch(38, 10, 0.74, 1.3, ink),
            Hatch(-52, 10, 0.5, 1.5, ink),
            Hatch(4, 8, 0.32, 1.9, ink),
            Hatch(80, 8, 0.2, 2.2, ink),
        ),
    )


STYLE = Medium(Look(_inked, Line(2.3, INK)), _hatched, lambda stage: margin(stage, PAPER, 26, 0.003, "sheet"))
