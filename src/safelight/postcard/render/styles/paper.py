"""Cut paper: sheets in clear colours, each with its shadow."""

from safelight.postcard.render.paper import textures
from safelight.postcard.render.paper.colour import Rgb, mix, saturate
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques.margin import PAPER
from safelight.postcard.render.techniques.medium import Medium


def _cut(c: Rgb) -> Rgb:
    return mix(saturate(c, 1.15), PAPER, 0.06)


def _fibre(stage: Stage) -> None:
    """The faint tooth of coloured paper."""
    textures.cover(stage.canvas, textures.Grain("fibre", 256))


STYLE = Medium(Look(_cut, relief=True), finish=_fibre)
