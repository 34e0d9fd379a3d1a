"""Colours as sRGB triples from 0 to 1, and the few things the renderer does with them."""

import colorsys
from functools import cache

from safelight.postcard.scenes.vocabulary import Colour

Rgb = tuple[float, float, float]

WHITE: Rgb = (1.0, 1.0, 1.0)
BLACK: Rgb = (0.0, 0.0, 0.0)

NAMED: dict[Colour, str] = {
    Colour.RED: "#d8352f",
    Colour.ORANGE: "#f0812b",
    Colour.YELLOW: "#f7cf3d",
    Colour.GOLD: "#d9a22e",
    Colour.LIME: "#a5cf3c",
    Colour.GREEN: "#3f9a4b",
    Colour.TEAL: "#1f7f80",
    Colour.TURQUOISE: "#3cc0bb",
    Colour.LIGHT_BLUE: "#86c5ee",
    Colour.BLUE: "#2f6fd0",
    Colour.NAVY: "#1f3163",
    Colour.PURPLE: "#7a3fa6",
    Colour.LAVENDER: "#ab93dc",
    Colour.MAGENTA: "#cf2f8f",
    Colour.PINK: "#f194b4",
    Colour.BROWN: "#80512f",
    Colour.BEIGE: "#d8bf96",
    Colour.CREAM: "#f6e8c9",
    Colour.WHITE: "#f6f5f1",
    Colour.SILVER: "#bcc4cc",
    Colour.GREY: "#83898f",
    Colour.BLACK: "#26272c",
}


@cache
def rgb(code: str) -> Rgb:
    """``#rrggbb`` or ``#rgb`` as a triple."""
    digits = code.lstrip("#")
    if len(digits) == 3:
        digits = "".join(c * 2 for c in digits)
    return (int(digits[0:2], 16) / 255, int(digits[2:4], 16) / 255, int(digits[4:6], 16) / 255)


def hexcode(c: Rgb) -> str:
    """The triple as ``#rrggbb``, clamped."""
    r, g, b = c
    red, green, blue = int(r * 255 + 0.5), int(g * 255 + 0.5), int(b * 255 + 0.5)
    if not (0 <= red <= 255 and 0 <= green <= 255 and 0 <= blue <= 255):
        red, green, blue = (min(255, max(0, level)) for level in (red, green, blue))
    return f"#{red:02x}{green:02x}{blue:02x}"


def contrast(c: Rgb, force: float) -> Rgb:
    """More contrast around the middle: a blend with the smooth step."""
    r, g, b = (v + (v * v * (3 - 2 * v) - v) * force for v in c)
    return (r, g, b)


def named(colour: Colour, natural: str) -> Rgb:
    """The colour of this name; ``natural`` where the scene leaves the thing its own."""
    return rgb(NAMED.get(colour, natural))


def mix(a: Rgb, b: Rgb, t: float) -> Rgb:
    """From ``a`` (t = 0) to ``b`` (t = 1)."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def multiply(a: Rgb, b: Rgb) -> Rgb:
    """Pigment ``a`` under light ``b``."""
    return (a[0] * b[0], a[1] * b[1], a[2] * b[2])


def scale(a: Rgb, f: float) -> Rgb:
    """Brighter or darker by a factor, clamped."""
    return (min(1.0, a[0] * f), min(1.0, a[1] * f), min(1.0, a[2] * f))


def luma(c: Rgb) -> float:
    """Perceived brightness (Rec. 709 weights on the encoded values)."""
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]


def saturate(c: Rgb, f: float) -> Rgb:
    """Away from (f > 1) or towards (f < 1) the grey of the same brightness."""
    y = luma(c)
    r, g, b = (min(1.0, max(0.0, y + (v - y) * f)) for v in c)
    return (r, g, b)


def turn(c: Rgb, degrees: float, lift: float = 0.0) -> Rgb:
    """Hue turned by ``degrees``, lightness raised by ``lift``."""
    h, light, s = colorsys.rgb_to_hls(*c)
    return colorsys.hls_to_rgb((h + degrees / 360) % 1.0, min(1.0, max(0.0, light + lift)), s)


def ramp(stops: tuple[Rgb, ...], t: float) -> Rgb:
    """The colour at ``t`` in 0..1 along evenly spaced stops."""
    place = min(max(t, 0.0), 1.0) * (len(stops) - 1)
    index = min(int(place), len(stops) - 2)
    return mix(stops[index], stops[index + 1], place - index)
