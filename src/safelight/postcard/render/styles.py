"""Styles: how the same scene looks in another medium. A style turns colours, outlines shapes, finishes the sheet."""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

from safelight.postcard.render import mosaic, textures
from safelight.postcard.render.canvas import Canvas, Line, num, poly, rect
from safelight.postcard.render.colour import WHITE, Rgb, luma, mix, ramp, rgb, saturate
from safelight.postcard.render.shapes import jagged
from safelight.postcard.render.stage import Stage
from safelight.postcard.vocabulary import Setting, Style

Tone = Callable[[Rgb], Rgb]

_PAPER = rgb("#fbf7ec")
_INK = rgb("#1d1f26")


@dataclass(frozen=True)
class Look:
    """What a style changes while the picture is drawn: every colour, and the outline of every shape."""

    tone: Tone
    line: Line | None = None
    relief: bool = False


def _contrast(c: Rgb, force: float) -> Rgb:
    r, g, b = (v + (v * v * (3 - 2 * v) - v) * force for v in c)
    return (r, g, b)


def _watery(c: Rgb) -> Rgb:
    return mix(saturate(c, 1.12), _PAPER, 0.24 + 0.12 * luma(c))


def _inked(c: Rgb) -> Rgb:
    level = luma(c)
    return mix(
        ramp((rgb("#2a2c33"), rgb("#77787b"), rgb("#c9c5ba"), rgb("#f0ebde"), _PAPER), min(1.0, level * 1.04)),
        c,
        0.07,
    )


def _drawn(c: Rgb) -> Rgb:
    return mix(ramp((rgb("#55575d"), rgb("#9a9a9b"), rgb("#d3d0c9"), rgb("#f4f1e8"), rgb("#fdfbf5")), luma(c)), c, 0.13)


def _cut(c: Rgb) -> Rgb:
    return mix(saturate(c, 1.15), _PAPER, 0.06)


def _glowing(c: Rgb) -> Rgb:
    """Towards night blue, violet and magenta, the brightest to pink and cyan."""
    h, light, s = colorsys.rgb_to_hls(*c)
    night = ramp(
        (rgb("#0b0620"), rgb("#1d0f4a"), rgb("#4a1480"), rgb("#c21d9a"), rgb("#ff7ac8"), rgb("#e6fbff")), light**1.15
    )
    own = colorsys.hls_to_rgb(h, light * 0.62, min(1.0, s * 1.5))
    return mix(night, own, 0.32)


def _blue(c: Rgb) -> Rgb:
    return ramp((rgb("#123a80"), rgb("#1b4c9c"), rgb("#2659b0"), rgb("#3a6dc2"), rgb("#6f9add")), luma(c))


def _printed(c: Rgb) -> Rgb:
    """Three inks on cream: deep blue, coral, yellow."""
    inks = ramp(
        (rgb("#1f2f6b"), rgb("#2f5fa8"), rgb("#e8635a"), rgb("#f7b25a"), rgb("#fbf0d8")),
        _contrast((luma(c),) * 3, 0.3)[0],
    )
    return mix(inks, saturate(c, 1.5), 0.3)


_LOOKS: dict[Style, Look] = {
    Style.FLAT: Look(lambda c: c),
    Style.WATERCOLOUR: Look(_watery, Line(1.7, None, 0.82)),
    Style.OIL: Look(lambda c: _contrast(saturate(c, 1.22), 0.3), None),
    Style.INK: Look(_inked, Line(2.2, _INK)),
    Style.PENCIL: Look(_drawn, Line(1.5, rgb("#4b4d54"))),
    Style.PIXEL: Look(lambda c: _contrast(saturate(c, 1.2), 0.15)),
    Style.PAPER: Look(_cut, relief=True),
    Style.LOW_POLY: Look(lambda c: _contrast(saturate(c, 1.15), 0.12)),
    Style.NEON: Look(_glowing, Line(2.0, None, -1.0)),
    Style.STAINED_GLASS: Look(lambda c: _contrast(saturate(c, 1.6), 0.25)),
    Style.BLUEPRINT: Look(_blue, Line(1.5, rgb("#e4eefc"))),
    Style.RISOGRAPH: Look(_printed),
}


def look(style: Style) -> Look:
    """The look of a style."""
    return _LOOKS[style]


def finish(stage: Stage, style: Style, width: int, height: int) -> str:
    """The finished document: the style's texture and frame over the drawing, or the drawing made anew of its pieces."""
    if style in mosaic.MAKERS:
        return mosaic.MAKERS[style](stage, stage.canvas.svg(width, height), width, height)
    over = _FINISH.get(style)
    if over is not None:
        with stage.canvas.group('id="finish"'):
            over(stage)
    return stage.canvas.svg(width, height)


def _cover(canvas: Canvas, tile: str, size: float) -> None:
    """A texture over the whole picture."""
    image = f'<image width="{num(size)}" height="{num(size)}" href="{tile}"/>'
    name = canvas.define("pattern", f'width="{num(size)}" height="{num(size)}" patternUnits="userSpaceOnUse"', image)
    canvas.body.append(f'<path class="texture" d="{rect(0, 0, canvas.width, canvas.height)}" fill="url(#{name})"/>')


def _margin(stage: Stage, colour: Rgb, wide: float, rough: float, salt: str) -> None:
    """The unpainted edge of the sheet, torn or brushed."""
    frame, rng = stage.frame, stage.rng(salt)
    w, h = frame.width, frame.height
    corners = [(wide, wide), (w - wide, wide), (w - wide, h - wide), (wide, h - wide)]
    inner = []
    for a, b in zip(corners, [*corners[1:], corners[0]], strict=True):
        inner += jagged(rng, a, b, rough, 6)
    outer = f"M-2 -2V{num(h + 2)}H{num(w + 2)}V-2Z"
    stage.canvas.body.append(
        f'<path class="margin" d="{outer}{poly(inner)}" fill="#{_hex(colour)}" fill-rule="evenodd"/>'
    )


def _hex(c: Rgb) -> str:
    return "".join(f"{int(v * 255 + 0.5):02x}" for v in c)


def _watercolour(stage: Stage) -> None:
    _cover(stage.canvas, textures.paper(), 420)
    _margin(stage, _PAPER, 30, 0.009, "brushed edge")


def _oil(stage: Stage) -> None:
    _cover(stage.canvas, textures.strokes(), 460)


def _ink(stage: Stage) -> None:
    _cover(stage.canvas, textures.wash(), 460)
    _margin(stage, _PAPER, 26, 0.003, "sheet")


def _pencil(stage: Stage) -> None:
    _cover(stage.canvas, textures.graphite(), 260)
    _margin(stage, rgb("#fdfbf5"), 34, 0.006, "sheet")


def _paper(stage: Stage) -> None:
    _cover(stage.canvas, textures.fibre(), 256)


def _risograph(stage: Stage) -> None:
    _cover(stage.canvas, textures.halftone(), 280)
    _margin(stage, rgb("#fbf0d8"), 26, 0.001, "sheet")


def _neon(stage: Stage) -> None:
    """The glow along the horizon."""
    frame, canvas = stage.frame, stage.canvas
    if stage.world.setting in (Setting.PLAIN, Setting.TABLE, Setting.WINDOW, Setting.SPACE, Setting.UNDERWATER):
        return
    glow = canvas.linear(
        ((0.0, WHITE, 0.0), (0.5, WHITE, 0.16), (1.0, WHITE, 0.0)), 0, frame.horizon - 90, 0, frame.horizon + 90
    )
    canvas.path(rect(0, frame.horizon - 90, frame.width, 180), glow, outlined=False)


def _blueprint(stage: Stage) -> None:
    frame, canvas = stage.frame, stage.canvas
    lines = "".join(f"M{num(x)} 0V{num(frame.height)}" for x in range(0, int(frame.width), 40))
    lines += "".join(f"M0 {num(y)}H{num(frame.width)}" for y in range(0, int(frame.height), 40))
    canvas.body.append(
        f'<path class="grid" d="{lines}" fill="none" stroke="#bcd3f5" stroke-opacity="0.16" stroke-width="1.2"/>'
    )
    edge = rect(22, 22, frame.width - 44, frame.height - 44) + rect(30, 30, frame.width - 60, frame.height - 60)
    box = rect(frame.width - 300, frame.height - 118, 270, 88)
    marks = (
        f"M{num(frame.width - 300)} {num(frame.height - 74)}h270M{num(frame.width - 190)} {num(frame.height - 74)}v44"
    )
    canvas.body.append(f'<path class="frame" d="{edge}{box}{marks}" fill="none" stroke="#e4eefc" stroke-width="2"/>')


_FINISH: dict[Style, Callable[[Stage], None]] = {
    Style.WATERCOLOUR: _watercolour,
    Style.OIL: _oil,
    Style.INK: _ink,
    Style.PENCIL: _pencil,
    Style.PAPER: _paper,
    Style.RISOGRAPH: _risograph,
    Style.NEON: _neon,
    Style.BLUEPRINT: _blueprint,
}
