"""Things whose shapes come from the icon set (Fluent Emoji Flat, MIT), put under the scene's light.

Every colour of the drawing becomes a gradient from the lit to the shaded side, faded by distance; a silhouette in the
light's colour, moved towards the sun behind it, gives a rim; a named colour takes the place of the main colour.
"""

import colorsys
import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from safelight.postcard.render.paper.canvas import num
from safelight.postcard.render.paper.colour import NAMED, Rgb, hexcode, luma, mix, multiply, rgb, saturate
from safelight.postcard.render.stage import Pen
from safelight.postcard.scenes.vocabulary import Colour, Setting

_FILL = re.compile(r'fill="(#[0-9a-f]{6})"')
_GRADIENT = re.compile(r'<linearGradient id="(\w+)".*?stop-color="(#[0-9a-f]{6})".*?</linearGradient>')


_NO_RIM = frozenset({Setting.PLAIN, Setting.TABLE, Setting.WINDOW, Setting.UNDERWATER})
"""Settings whose light has no one side."""


@dataclass(frozen=True)
class Icon:
    """One drawing on the 32-grid, the box its pixels fill (x, y, width, height) and each colour's share of it."""

    body: str
    box: tuple[float, float, float, float]
    shares: dict[str, float]

    @property
    def aspect(self) -> float:
        """Width against height."""
        return self.box[2] / self.box[3]


@cache
def icons() -> dict[str, Icon]:
    """All icons by name, read once from the package."""
    packed = resources.files(__package__).joinpath("icons.json.gz").read_bytes()
    entries = json.loads(gzip.decompress(packed)).items()
    return {name: Icon(_flat(e["body"]), tuple(e["box"]), e["shares"]) for name, e in entries}


def _flat(body: str) -> str:
    """Gradients of a drawing as their first colour: their ids would occur twice in a picture."""
    first = dict(_GRADIENT.findall(body))
    plain = re.sub(r"<defs>.*?</defs>", "", body, flags=re.DOTALL)
    return re.sub(r"url\(#(\w+)\)", lambda found: first[found[1]], plain)


def draw_icon(pen: Pen, name: str) -> None:
    """The icon with its foot at (0, 0), 100 units high."""
    icon = icons()[name]
    x, y, wide, high = icon.box
    unit = 100 / high
    place = f"translate({num(-(x + wide / 2) * unit)} {num(-(y + high) * unit)}) scale({unit:.4g})"
    side = pen.stage.light.side * (-1 if pen.mirrored else 1)
    shine = mix(pen.tint((1.0, 1.0, 1.0), side), pen.stage.light.mood.glow, 0.3)
    rim = pen.stage.canvas.code(mix(shine, pen.tint((0.6, 0.6, 0.6)), 0.6 - 0.35 * pen.stage.dark))
    shift = 0.015 * high * side
    if pen.stage.canvas.line is None and pen.stage.world.setting not in _NO_RIM:
        silhouette = _FILL.sub(f'fill="{rim}"', icon.body)
        pen.stage.canvas.body.append(
            f'<g class="rim" transform="{place} translate({shift:.2f} {-0.012 * high:.2f})">{silhouette}</g>'
        )
    recolour = _recoloured(icon, pen.colour)

    def paint(match: re.Match[str]) -> str:
        return f'fill="{_shaded(pen, recolour.get(match.group(1)) or _tamed(match.group(1)), icon, side)}"'

    drawing = _FILL.sub(paint, icon.body)
    pen.stage.canvas.body.append(f'<g class="icon" transform="{place}"{_stroke(pen, unit)}>{drawing}</g>')


_LOUD = {
    "#00d26a": "#5aae58",
    "#008463": "#3b7d56",
    "#86d72f": "#8fc04a",
    "#00a6ed": "#3f97cc",
    "#0084ce": "#3579b0",
    "#26c9fc": "#6cc0dd",
    "#f8312f": "#d8443a",
    "#f92f60": "#d94a66",
    "#ff6723": "#e2702f",
    "#ff822d": "#e88a42",
    "#fcd53f": "#f2cb52",
    "#ffb02e": "#eeb04a",
    "#e1d8ec": "#e6e0da",
    "#cdc4d6": "#d2cbc8",
    "#b4acbc": "#b5aeb0",
    "#ca0b4a": "#b83450",
    "#f70a8d": "#d9458c",
    "#ff6dc6": "#e88ab8",
    "#00f397": "#63b06a",
    "#c3ef3c": "#b6cf58",
    "#3f5fff": "#4a6fc0",
    "#5092ff": "#5f93cf",
    "#321b41": "#2e2833",
    "#433b6b": "#3f3d50",
    "#533566": "#4a4052",
    "#635994": "#605d74",
    "#ffc83d": "#e4b18a",
    "#fdbb11": "#d9a27c",
    "#ed9200": "#cf9470",
    "#f1a11e": "#7d4f30",
}
"""Colours of the set that are made for a screen's keyboard and too loud for a picture, with what stands for them."""


@cache
def _tamed(code: str) -> Rgb:
    """A colour of the set, brought to the strength of the palettes."""
    return saturate(rgb(_LOUD.get(code, code)), 0.9)


_HAIRLINES = {True: "#6a5a58", False: "#ff9be0"}
"""Outlines of icons where a style takes them from the fill: soft brown, or light that glows."""


def _stroke(pen: Pen, unit: float) -> str:
    line = pen.stage.canvas.line
    if line is None:
        return ""
    colour = hexcode(line.colour) if line.colour else _HAIRLINES[line.dark > 0]
    return f' stroke="{colour}" stroke-width="{1.5 * line.width / (unit * pen.scale):.2g}" stroke-linejoin="round"'


def _shaded(pen: Pen, colour: Rgb, icon: Icon, side: float) -> str:
    """The colour as a gradient across the icon: light from the sun's side, shade on the other."""
    x, y, wide, high = icon.box
    lit, shade = pen.tint(colour, 0.75 * side), pen.tint(colour, -0.6 * side)
    a, b = (x + wide, x) if side > 0 else (x, x + wide)
    return pen.stage.canvas.linear(((0.0, lit, 1.0), (1.0, shade, 1.0)), a, y, b, y + high)


def _recoloured(icon: Icon, colour: Colour) -> dict[str, Rgb]:
    """New colours for the icon's main hue: each keeps its lightness against the main colour."""
    if colour is Colour.NATURAL or not icon.shares:
        return {}
    target = rgb(NAMED[colour])
    main = max(icon.shares, key=lambda code: icon.shares[code] * (0.25 if _is_plain(rgb(code)) else 1.0))
    hue, level, vivid = _hls(rgb(main))
    changed = {}
    for code in icon.shares:
        c = rgb(code)
        h, light, s = _hls(c)
        apart = min(abs(h - hue), 1 - abs(h - hue))
        related = (apart < 0.1 and (s > 0.15) == (vivid > 0.15)) or code == main
        if related and not (luma(c) < 0.12 and luma(rgb(main)) > 0.3):
            changed[code] = _like(target, light - level)
    return changed


def _is_plain(c: Rgb) -> bool:
    """White, black and near-greys, which are seldom the colour that a thing is named by."""
    return max(c) - min(c) < 0.08 and (luma(c) > 0.85 or luma(c) < 0.2)


def _hls(c: Rgb) -> tuple[float, float, float]:
    return colorsys.rgb_to_hls(*c)


def _like(target: Rgb, lift: float) -> Rgb:
    if lift >= 0:
        return mix(target, (1.0, 1.0, 1.0), min(0.85, lift * 1.5))
    return multiply(target, (max(0.25, 1 + lift * 1.6),) * 3)
