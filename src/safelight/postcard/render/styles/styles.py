"""Styles: how the same scene looks in another medium. A style turns colours, outlines shapes, finishes the sheet."""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

from safelight.postcard.render.paper import textures
from safelight.postcard.render.paper.canvas import Line, circle, ellipse, num, poly, rect, smooth
from safelight.postcard.render.paper.colour import WHITE, Rgb, contrast, hexcode, luma, mix, ramp, rgb, saturate
from safelight.postcard.render.paper.shapes import blob, jagged
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.styles import hatching, mosaic
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


def _watery(c: Rgb) -> Rgb:
    return mix(saturate(c, 1.12), _PAPER, 0.24 + 0.12 * luma(c))


def _inked(c: Rgb) -> Rgb:
    """Shades of grey; `_ink` turns them into black, paper and hatching."""
    level = contrast((min(1.0, luma(c) * 1.12),) * 3, 0.5)[0]
    return (level, level, level)


def _drawn(c: Rgb) -> Rgb:
    """Shades of grey, lifted; `_pencil` turns them into hatching."""
    level = contrast((min(1.0, 0.12 + luma(c) * 0.98),) * 3, 0.35)[0]
    return mix((level, level, level), c, 0.16)


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
    return ramp((rgb("#0a2a66"), rgb("#103878"), rgb("#17468c"), rgb("#2158a4"), rgb("#3a74c0")), luma(c))


def _printed(c: Rgb) -> Rgb:
    """Three inks on cream: deep blue, coral, yellow."""
    inks = ramp(
        (rgb("#1f2f6b"), rgb("#2f5fa8"), rgb("#e8635a"), rgb("#f7b25a"), rgb("#fbf0d8")),
        contrast((luma(c),) * 3, 0.3)[0],
    )
    return mix(inks, saturate(c, 1.5), 0.3)


_LOOKS: dict[Style, Look] = {
    Style.FLAT: Look(lambda c: c),
    Style.WATERCOLOUR: Look(_watery, Line(1.4, None, 0.66, 0.75)),
    Style.OIL: Look(lambda c: contrast(saturate(c, 1.28), 0.32), None),
    Style.INK: Look(_inked, Line(2.3, _INK)),
    Style.PENCIL: Look(_drawn, Line(1.3, rgb("#50525a"))),
    Style.PIXEL: Look(lambda c: contrast(saturate(c, 1.2), 0.15)),
    Style.PAPER: Look(_cut, relief=True),
    Style.LOW_POLY: Look(lambda c: contrast(saturate(c, 1.15), 0.12)),
    Style.NEON: Look(_glowing, Line(2.0, None, -1.0)),
    Style.STAINED_GLASS: Look(lambda c: contrast(saturate(c, 1.6), 0.25)),
    Style.BLUEPRINT: Look(_blue, Line(1.5, rgb("#f2f7ff"))),
    Style.RISOGRAPH: Look(_printed),
}


def look(style: Style) -> Look:
    """The look of a style."""
    return _LOOKS[style]


def finish(stage: Stage, style: Style, width: int, height: int) -> str:
    """The finished document: the style's texture and frame over the drawing, or the drawing made anew of its pieces."""
    if style in mosaic.MAKERS:
        return mosaic.MAKERS[style](stage, stage.canvas.svg(width, height), width, height)
    if style in _HATCHED:
        _HATCHED[style](stage)
    over = _FINISH.get(style)
    if over is not None:
        with stage.canvas.group('id="finish"'):
            over(stage)
    return stage.canvas.svg(width, height)


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
        f'<path class="margin" d="{outer}{poly(inner)}" fill="{hexcode(colour)}" fill-rule="evenodd"/>'
    )


def _watercolour(stage: Stage) -> None:
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
    _margin(stage, _PAPER, 34, 0.013, "brushed edge")
    textures.cover(canvas, textures.Grain("paper", 420))


def _ink(stage: Stage) -> None:
    """Black where it is darkest, hatching where it is dark, bare paper elsewhere, with a faint grey wash."""
    canvas = stage.canvas
    level = hatching.tones(canvas.svg(*_size(stage)), *_size(stage))

    def spot(c: Rgb) -> Rgb:
        return _INK if luma(c) < 0.2 else mix(_PAPER, (0.45, 0.44, 0.42), 0.3 * (1 - luma(c)) ** 1.5)

    _redraw(stage, spot)
    ink = "#1d1f26"
    hatching.hatched(
        stage,
        level,
        (
            hatching.Hatch(38, 10, 0.74, 1.3, ink),
            hatching.Hatch(-52, 10, 0.5, 1.5, ink),
            hatching.Hatch(4, 8, 0.32, 1.9, ink),
            hatching.Hatch(80, 8, 0.2, 2.2, ink),
        ),
    )


def _pencil(stage: Stage) -> None:
    """Graphite: light contours, tones laid in with slanting strokes, crossed in the shadows."""
    canvas = stage.canvas
    level = hatching.tones(canvas.svg(*_size(stage)), *_size(stage))
    paper = rgb("#fdfbf5")
    _redraw(stage, lambda c: mix(paper, c, 0.2 * (1 - luma(c))))
    grey = "#45474f"
    hatching.hatched(
        stage,
        level,
        (
            hatching.Hatch(-58, 6.5, 0.9, 1.4, grey, 0.5),
            hatching.Hatch(-50, 5.5, 0.7, 1.8, grey, 0.62),
            hatching.Hatch(-66, 5, 0.5, 2.1, grey, 0.72),
            hatching.Hatch(28, 5, 0.34, 2.2, "#2c2e35", 0.8),
        ),
    )


def _size(stage: Stage) -> tuple[int, int]:
    return round(stage.frame.width), round(stage.frame.height)


def _redraw(stage: Stage, turn: Tone) -> None:
    """The drawing so far in other colours."""
    canvas = stage.canvas
    canvas.body[:] = [hatching.recoloured(part, turn) for part in canvas.body]
    canvas.defs[:] = [hatching.recoloured(part, turn) for part in canvas.defs]


def _paper(stage: Stage) -> None:
    textures.cover(stage.canvas, textures.Grain("fibre", 256))


def _risograph(stage: Stage) -> None:
    _margin(stage, rgb("#fbf0d8"), 26, 0.001, "sheet")
    textures.cover(stage.canvas, textures.Grain("halftone", 280))


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
    """The draughtsman's grid, the frame with its title block, dimension lines at the things."""
    frame, canvas = stage.frame, stage.canvas
    lines = "".join(f"M{num(x)} 0V{num(frame.height)}" for x in range(0, int(frame.width), 40))
    lines += "".join(f"M0 {num(y)}H{num(frame.width)}" for y in range(0, int(frame.height), 40))
    canvas.body.append(
        f'<path class="grid" d="{lines}" fill="none" stroke="#bcd3f5" stroke-opacity="0.2" stroke-width="1.2"/>'
    )
    edge = rect(22, 22, frame.width - 44, frame.height - 44) + rect(30, 30, frame.width - 60, frame.height - 60)
    box = rect(frame.width - 300, frame.height - 118, 270, 88)
    marks = (
        f"M{num(frame.width - 300)} {num(frame.height - 74)}h270M{num(frame.width - 190)} {num(frame.height - 74)}v44"
    )
    canvas.body.append(f'<path class="frame" d="{edge}{box}{marks}" fill="none" stroke="#e4eefc" stroke-width="2"/>')
    measures = "".join(_dimension(*extent) for extent in stage.boxes[:4])
    if measures:
        canvas.body.append(f'<path class="dimensions" d="{measures}" fill="none" stroke="#ffd98a" stroke-width="1.8"/>')


def _dimension(left: float, top: float, right: float, foot: float) -> str:
    """Dimension lines above and beside a thing, with the ticks that end them."""
    y, x, t = top - 16, right + 16, 7.0

    def tick(px: float, py: float) -> str:
        return f"M{num(px - t)} {num(py + t)}l{num(2 * t)} {num(-2 * t)}"

    across = f"M{num(left)} {num(y)}H{num(right)}" + tick(left, y) + tick(right, y)
    return across + f"M{num(x)} {num(top)}V{num(foot)}" + tick(x, top) + tick(x, foot)


_FINISH: dict[Style, Callable[[Stage], None]] = {
    Style.WATERCOLOUR: _watercolour,
    Style.INK: lambda stage: _margin(stage, _PAPER, 26, 0.003, "sheet"),
    Style.PENCIL: lambda stage: _margin(stage, rgb("#fdfbf5"), 34, 0.006, "sheet"),
    Style.PAPER: _paper,
    Style.RISOGRAPH: _risograph,
    Style.NEON: _neon,
    Style.BLUEPRINT: _blueprint,
}

_HATCHED: dict[Style, Callable[[Stage], None]] = {Style.INK: _ink, Style.PENCIL: _pencil}
"""Styles that draw tones as lines, before the finish."""
