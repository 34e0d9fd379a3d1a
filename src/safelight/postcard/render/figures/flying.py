"""What flies or floats in space, each drawn by a pen in its own units: 100 high, foot at (0, 0)."""

import math

from safelight.postcard.render.paper.canvas import circle, ellipse, num, poly, rect, smooth
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, rgb, scale, turn
from safelight.postcard.render.paper.shapes import blob
from safelight.postcard.render.stage import LAMP, Pen
from safelight.postcard.scenes.vocabulary import Colour

_BALLOONS = (
    ("#d8433a", "#f6e7c8"),
    ("#2f7fb8", "#f7d36a"),
    ("#e8912f", "#fbe9c9"),
    ("#7a4fa6", "#f2a7c0"),
    ("#2f9a7f", "#f6e3a8"),
)


def hot_air_balloon(pen: Pen) -> None:
    """A striped envelope with its basket; the burner glows in the dark."""
    one, two = _BALLOONS[pen.rng.randrange(5)]
    first = pen.main(one)
    second = rgb(two) if pen.colour is Colour.NATURAL else mix(first, WHITE, 0.72)
    if pen.stage.dark > 0.4:
        pen.glow(0, -58, 62, LAMP, 0.5)
    pen.line("M-9 -26L-5 -9M9 -26L5 -9", "#5a4636", 0.8)
    whole = "M0 -100C-25 -100 -36 -83 -36 -65C-36 -48 -18 -36 -9 -26H9C18 -36 36 -48 36 -65C36 -83 25 -100 0 -100Z"
    pen.fill(whole, first, 0.0)
    side = pen.stage.light.side * (-1 if pen.mirrored else 1)
    for k, (a, b) in enumerate(
        ((36, 27), (27, 16.5), (16.5, 5.6), (5.6, -5.6), (-5.6, -16.5), (-16.5, -27), (-27, -36))
    ):
        colour = second if k % 2 else first
        shade = max(-1.0, min(1.0, side * (a + b) / 60))
        d = (
            f"M0 -100C{num(a * 0.7)} -100 {num(a)} -83 {num(a)} -65"
            f"C{num(a)} -48 {num(a * 0.5)} -36 {num(a * 0.25)} -26H{num(b * 0.25)}"
            f"C{num(b * 0.5)} -36 {num(b)} -48 {num(b)} -65C{num(b)} -83 {num(b * 0.7)} -100 0 -100Z"
        )
        pen.stage.canvas.path(d, pen.tint(colour, shade * side), outlined=k == 0)
    pen.fill("M-9 -26H9L7.5 -22.5H-7.5Z", scale(first, 0.7))
    pen.fill("M-6 -10H6L4.8 0H-4.8Z", "#8a5a36", 0.1)
    pen.fill(rect(-6.6, -11, 13.2, 2.2), "#6a4228", 0.3)


def airship(pen: Pen) -> None:
    """A zeppelin."""
    silver = pen.main("#d9c9a6")
    pen.fill(
        poly([(84, -66), (122, -96), (126, -96), (118, -60), (126, -24), (122, -24), (84, -52)]),
        scale(silver, 0.8),
        -0.2,
    )
    pen.fade(
        "M-130 -60Q-110 -100 0 -100Q90 -98 120 -60Q90 -22 0 -20Q-110 -20 -130 -60Z",
        mix(silver, WHITE, 0.2),
        scale(silver, 0.66),
        -100,
        -20,
    )
    pen.line("M-128 -62Q0 -50 118 -60M-120 -76Q0 -84 108 -72M-120 -46Q0 -30 104 -48", scale(silver, 0.78), 1.4)
    pen.fill("M-34 -20H30L20 0H-24Z", "#6a4a36", 0.1)
    pen.window("".join(rect(-22 + 12 * k, -15, 7, 6) for k in range(4)))


def biplane(pen: Pen) -> None:
    """A biplane in side view."""
    red = pen.main("#cf3f36")
    pen.fill("M-120 -58Q-118 -84 -70 -82Q20 -84 112 -58Q118 -52 110 -48Q20 -34 -70 -38Q-116 -38 -120 -58Z", red, 0.1)
    pen.fill("M-118 -54Q-20 -48 110 -50Q20 -34 -70 -38Q-112 -38 -118 -54Z", red, -0.6)
    pen.fill("M84 -60L112 -100Q124 -100 118 -58Z", scale(red, 0.9), 0.3)
    pen.fill("M-62 -100H34Q44 -92 34 -88H-62Q-72 -94 -62 -100Z", "#f4ead6", 0.4)
    pen.fill("M-56 -42H40Q50 -34 40 -30H-56Q-66 -36 -56 -42Z", "#f4ead6", 0.0)
    pen.line("M-40 -88V-42M20 -88V-42M-40 -88L20 -42", "#5a4636", 2)
    pen.fill("M-10 -82q8 -14 22 0Z", "#bfe0ea", 0.3)
    pen.line("M-44 -36L-52 -12M-20 -36L-38 -12", "#4a3c34", 3)
    pen.fill(circle(-46, -10, 11), "#33302f")
    pen.fill(circle(-46, -10, 4.4), "#cfc8bd")
    pen.fill(ellipse(-124, -59, 3, 42), "#8fa3b0", opacity=0.5)
    pen.fill(circle(-122, -59, 6), "#e0c060")


def rocket(pen: Pen) -> None:
    """A rocket with fins, a porthole and its flame."""
    red = pen.main("#d8433a")
    body = "#f4f1ea"
    pen.glow(0, 6, 40, "#ffb04a", 0.75)
    pen.bright("M-8 -10Q-13 8 0 26Q13 8 8 -10Z", "#ff8a3c")
    pen.bright("M-4.5 -10Q-7 3 0 14Q7 3 4.5 -10Z", "#fff0a8")
    pen.fill("M-13 -34Q-28 -20 -26 -2Q-18 -12 -10 -13Z", red, -0.6)
    pen.fill("M13 -34Q28 -20 26 -2Q18 -12 10 -13Z", red, 0.6)
    pen.round("M0 -100Q-17 -78 -16 -46Q-15 -24 -9 -10H9Q15 -24 16 -46Q17 -78 0 -100Z", body, 0, 16)
    pen.round("M0 -100Q-9 -89 -13 -74H13Q9 -89 0 -100Z", red, 0, 13)
    pen.fill(circle(0, -56, 8), scale(red, 0.8))
    pen.window(circle(0, -56, 5.6))
    pen.fill(rect(-2, -32, 4, 24), red, 0.2)


def planet(pen: Pen) -> None:
    """A planet in bands of cloud, its night side dark."""
    base = pen.main(("#d98a5a", "#5a9fd4", "#b56fc0", "#6fb58a", "#d9b45a")[pen.rng.randrange(5)])
    _globe(pen, base, True)


def _globe(pen: Pen, base: Rgb, banded: bool) -> None:
    canvas, side = pen.stage.canvas, pen.stage.light.side * (-1 if pen.mirrored else 1)
    pen.glow(0, -50, 62, mix(base, WHITE, 0.4), 0.4)
    canvas.path(circle(0, -50, 50), base, outlined=True)
    if banded:
        for k in range(6):
            y = -92 + 15.5 * k + pen.rng.uniform(-3, 3)
            high = pen.rng.uniform(4, 10)
            left, right = _chord(y), _chord(y + high)
            sag = 4
            d = (
                f"M{num(-left)} {num(y)}Q0 {num(y + sag)} {num(left)} {num(y)}L{num(right)} {num(y + high)}"
                f"Q0 {num(y + high + sag)} {num(-right)} {num(y + high)}Z"
            )
            canvas.path(d, turn(base, pen.rng.uniform(-18, 18), pen.rng.uniform(-0.1, 0.12)), 0.75, outlined=False)
    night = ((0.0, (0.02, 0.02, 0.08), 0.0), (0.55, (0.02, 0.02, 0.08), 0.1), (1.0, (0.02, 0.02, 0.08), 0.82))
    canvas.path(circle(0, -50, 50.3), canvas.radial(night, side * 24, -68, 84), outlined=False)


def _chord(y: float) -> float:
    return math.sqrt(max(0.0, 50**2 - (y + 50) ** 2)) * 0.985


def ringed_planet(pen: Pen) -> None:
    """A banded planet with a tilted ring, half of it in front."""
    base = pen.main(("#e0b56f", "#c98aa6", "#7fa8d9", "#d98a6a")[pen.rng.randrange(4)])
    canvas = pen.stage.canvas
    ring = mix(base, WHITE, 0.35)
    with canvas.group('transform="translate(0 -50) rotate(-16) scale(0.74) translate(0 50)"'):
        _ring(
            pen,
            ring,
            "M-96 -50A96 26 0 0 1 96 -50L74 -50A74 17 0 0 0 -74 -50Z",
            "M-70 -50A70 15 0 0 1 70 -50L61 -50A61 11 0 0 0 -61 -50Z",
        )
        _globe(pen, base, True)
        _ring(
            pen,
            ring,
            "M-96 -50A96 26 0 0 0 96 -50L74 -50A74 17 0 0 1 -74 -50Z",
            "M-70 -50A70 15 0 0 0 70 -50L61 -50A61 11 0 0 1 -61 -50Z",
        )


def _ring(pen: Pen, colour: Rgb, outer: str, inner: str) -> None:
    pen.stage.canvas.path(outer, colour, 0.92, outlined=False)
    pen.stage.canvas.path(inner, scale(colour, 0.82), 0.8, outlined=False)


def moon_thing(pen: Pen) -> None:
    """A cratered moon."""
    grey = pen.main("#c9c6c0")
    _globe(pen, grey, False)
    for x, y, r in ((-16, -64, 9), (12, -38, 12), (20, -72, 6), (-22, -34, 6), (-2, -80, 4.5), (30, -50, 4)):
        pen.stage.canvas.path(circle(x, y, r), scale(grey, 0.78), 0.6, outlined=False)
        pen.stage.canvas.path(circle(x + 0.8, y + 0.9, r * 0.8), scale(grey, 0.9), 0.6, outlined=False)


def asteroid(pen: Pen) -> None:
    """A lump of rock with craters."""
    rock = pen.main("#8a7f78")
    pen.round(smooth(blob(pen.rng, 0, -50, 56, 46, 11, 0.14), close=True), rock, 0, 56)
    for x, y, r in ((-18, -62, 10), (16, -40, 13), (22, -72, 7), (-26, -30, 7)):
        pen.fill(ellipse(x, y, r, r * 0.8), scale(rock, 0.7), -0.3)
        pen.fill(ellipse(x + 1.5, y + 1.5, r * 0.7, r * 0.5), scale(rock, 0.85))


def kite(pen: Pen) -> None:
    """A diamond kite with its tail of bows."""
    one = pen.main("#e8524a")
    two = mix(one, rgb("#ffd35c"), 0.7)
    pen.line("M0 -38Q-16 -24 4 -14Q20 -6 2 4", "#e9e2d2", 1)
    pen.fill(poly([(0, -100), (-28, -68), (0, -72)]), one, -0.2)
    pen.fill(poly([(0, -100), (28, -68), (0, -72)]), two, 0.4)
    pen.fill(poly([(-28, -68), (0, -36), (0, -72)]), two, -0.3)
    pen.fill(poly([(28, -68), (0, -36), (0, -72)]), one, 0.3)
    for x, y, tone in ((-7, -25, one), (9, -12, two), (8, -1, one)):
        pen.fill(f"M{x} {y}l-6 -4v8ZM{x} {y}l6 -4v8Z", tone, 0.2)


def balloon(pen: Pen) -> None:
    """A toy balloon on its string."""
    red = pen.main(("#e0443c", "#3f8fd0", "#f2b63a", "#5fb36a", "#d96bb0")[pen.rng.randrange(5)])
    pen.line("M0 -39Q-6 -26 2 -16Q6 -8 0 0", "#d9d2c4", 1)
    pen.fill("M-3 -38L0 -43L3 -38Z", scale(red, 0.8))
    pen.round(
        "M0 -100C-20 -100 -27 -86 -27 -74C-27 -58 -10 -46 0 -42C10 -46 27 -58 27 -74C27 -86 20 -100 0 -100Z", red, 0, 27
    )
    pen.stage.canvas.path(
        "M-15 -86q2 -7 9 -8q2 3 -2 5q-4 2 -5 6q-3 1 -2 -3Z", mix(pen.tint(red), WHITE, 0.7), 0.85, outlined=False
    )


def seagull(pen: Pen) -> None:
    """A gull in flight."""
    white = pen.main("#f7f6f2")
    pen.fill("M-130 -88Q-70 -104 -22 -48Q-60 -66 -130 -88Z", "#9aa6b0", -0.3)
    pen.fill("M-130 -88Q-60 -92 -14 -36L6 -52Q-30 -108 -130 -88Z", white, 0.1)
    pen.fill("M130 -100Q60 -104 16 -40L-4 -52Q40 -118 130 -100Z", white, 0.5)
    pen.fill("M130 -100l-34 -1l8 14ZM-130 -88l32 -6l-6 14Z", "#3a4048")
    pen.fill("M-52 -38Q-40 -54 -14 -52Q26 -48 54 -22Q20 -16 -12 -22Q-42 -24 -52 -38Z", white, 0.3)
    pen.fill("M-50 -38l-18 3l17 5Z", "#eda23a")
    pen.fill(circle(-40, -40, 2.6), "#26282c")


def cloud_thing(pen: Pen) -> None:
    """One small cloud."""
    white = pen.main("#ffffff")
    lit, shade = pen.tint(white, 0.6), mix(pen.tint(white, -0.4), pen.stage.light.mood.cloud_shade, 0.5)
    paint = pen.stage.canvas.linear(((0.0, lit, 1.0), (1.0, shade, 1.0)), 0, -100, 0, 0)
    pen.stage.canvas.path(
        circle(-60, -32, 32)
        + circle(-18, -58, 42)
        + circle(36, -46, 40)
        + circle(76, -26, 26)
        + rect(-62, -40, 140, 40),
        paint,
    )


def dragonfly(pen: Pen) -> None:
    """A dragonfly with glassy wings."""
    blue = pen.main("#2f9ab8")
    for x, y in ((-90, -88), (90, -88), (-84, -56), (84, -56)):
        pen.fill(
            f"M0 -62Q{num(x * 0.5)} {num(y - 14)} {x} {y}Q{num(x * 0.6)} {num(y + 14)} 0 -58Z",
            "#d3edf2",
            0.2,
            opacity=0.75,
        )
    pen.round("M-4 -66Q-3 -20 0 0Q3 -20 4 -66Z", blue, 0, 4)
    pen.fill(ellipse(0, -70, 8, 12), blue, 0.3)
    pen.fill(circle(-6, -84, 7) + circle(6, -84, 7), scale(blue, 0.6))
