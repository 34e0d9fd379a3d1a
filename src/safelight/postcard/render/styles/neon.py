"""Neon: night blue, violet and magenta; lines that shine."""

import colorsys

from safelight.postcard.render.paper.canvas import Line, rect
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, ramp, rgb
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.paper.pixels import bloom
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques.medium import Medium
from safelight.postcard.scenes.vocabulary import Setting


def _glowing(c: Rgb) -> Rgb:
    """Towards night blue, violet and magenta, the brightest to pink and cyan."""
    h, light, s = colorsys.rgb_to_hls(*c)
    night = ramp(
        (rgb("#0b0620"), rgb("#1d0f4a"), rgb("#4a1480"), rgb("#c21d9a"), rgb("#ff7ac8"), rgb("#e6fbff")), light**1.15
    )
    own = colorsys.hls_to_rgb(h, light * 0.62, min(1.0, s * 1.5))
    return mix(night, own, 0.32)


def _glow(stage: Stage) -> None:
    """The glow along the horizon."""
    frame, canvas = stage.frame, stage.canvas
    if stage.world.setting in (Setting.PLAIN, Setting.TABLE, Setting.WINDOW, Setting.SPACE, Setting.UNDERWATER):
        return
    glow = canvas.linear(
        ((0.0, WHITE, 0.0), (0.5, WHITE, 0.16), (1.0, WHITE, 0.0)), 0, frame.horizon - 90, 0, frame.horizon + 90
    )
    canvas.path(rect(0, frame.horizon - 90, frame.width, 180), glow, outlined=False)


def _lit(_stage: Stage, svg: str, _width: int, _height: int) -> str:
    return bloom.put_on(svg)


STYLE = Medium(Look(_glowing, Line(2.0, None, -1.0), striped_sun=True), finish=_glow, maker=_lit)
