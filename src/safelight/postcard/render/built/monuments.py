"""Towers, churches, castles and other landmarks, each drawn by a pen: 100 high, foot at (0, 0)."""

import math

from safelight.postcard.render.built.buildings import panes, roof_over, snowy, two_faced
from safelight.postcard.render.ground.relief import SNOW
from safelight.postcard.render.paper.canvas import circle, num, poly, rect
from safelight.postcard.render.paper.colour import Rgb, scale
from safelight.postcard.render.stage import LAMP, Pen
from safelight.postcard.scenes.vocabulary import Colour


def church(pen: Pen) -> None:
    """A village church: nave, steeple with a clock, cross."""
    walls = pen.main("#f1e9da")
    two_faced(pen, 22, 44, 26, 46, walls, "#8a4a3c")
    pen.fill(rect(-45, -58, 13, 58), walls, -0.5)
    pen.fill(rect(-32, -58, 13, 58), walls, 0.5)
    roof_over(pen, poly([(-47, -57), (-32, -94), (-32, -57)]), "#6b4f5a", -0.5)
    roof_over(pen, poly([(-17, -57), (-32, -94), (-32, -57)]), "#6b4f5a", 0.6)
    pen.line("M-32 -94v-6M-34.4 -98h4.8", "#d9b45a", 1.3)
    pen.fill(circle(-32, -49, 4), "#faf4e2", 0.3)
    pen.line("M-32 -49v-2.6M-32 -49h2", "#4a4040", 0.8)
    for x in (-6, 10, 26):
        pen.window(f"M{x} -5v-10a3.6 3.6 0 0 1 7.2 0v10Z")
    pen.window("M-34.6 -30v-6a2.6 2.6 0 0 1 5.2 0v6Z")
    pen.fill("M-37 0v-10a5 5 0 0 1 10 0v10Z", "#6a4632")


def castle(pen: Pen) -> None:
    """A castle of five towers with pointed roofs and banners."""
    stone, roof = pen.main("#c9bfb0"), "#4f6a9c" if pen.colour is Colour.NATURAL else scale(pen.main("#fff"), 0.65)
    for x, w, h in ((-24, 13, 72), (22, 14, 78)):
        _turret(pen, x, w, h, stone, roof, 0.3)
    _turret(pen, 0, 18, 84, stone, roof, 0.1)
    pen.fill(rect(-42, -36, 84, 36), stone, 0.15)
    pen.fill(rect(-42, -36, 30, 36), stone, -0.35)
    _battlements(pen, -42, 42, -36, stone)
    for x, w, h in ((-44, 16, 50), (44, 16, 56)):
        _turret(pen, x, w, h, stone, roof, 0.0)
    pen.fill("M-9 0v-15a9 9 0 0 1 18 0v15Z", "#4a3830")
    pen.line("M-5 0v-22M0 0v-24M5 0v-22M-9 -8h18M-9 -15h18", "#2e2420", 0.8)
    for x in (-26, 26):
        pen.window(f"M{x - 2} -16v-6a2 2 0 0 1 4 0v6Z")


def _turret(pen: Pen, x: float, w: float, h: float, stone: Rgb, roof: Rgb | str, banner: float) -> None:
    pen.round(rect(x - w / 2, -h, w, h), stone, x, w / 2)
    pen.round(rect(x - w * 0.6, -h - 3, w * 1.2, 5), scale(stone, 0.9), x, w * 0.6)
    top = -h - 3 - w * 1.5
    cap = SNOW if snowy(pen) else roof
    pen.fill(poly([(x - w * 0.68, -h - 3), (x, top), (x, -h - 3)]), cap, -0.5)
    pen.fill(poly([(x + w * 0.68, -h - 3), (x, top), (x, -h - 3)]), cap, 0.5)
    if banner > 0:
        pen.line(f"M{num(x)} {num(top)}v-8", "#5a4a40", 0.8)
        pen.fill(f"M{num(x)} {num(top - 8)}l9 2.4l-9 2.6Z", "#d8433a")
    pen.window(f"M{num(x - 1.6)} {num(-h + 14)}v-5a1.6 1.6 0 0 1 3.2 0v5Z")


def _battlements(pen: Pen, left: float, right: float, y: float, stone: Rgb) -> None:
    teeth = "".join(rect(left + k * 6, y - 4, 3.4, 4.5) for k in range(int((right - left) / 6)))
    pen.fill(teeth, stone, 0.1)


def tower(pen: Pen) -> None:
    """A round tower of stone with battlements."""
    stone = pen.main("#b3a898")
    pen.round("M-15 0L-12 -84L12 -84L15 0Z", stone, 0, 15)
    pen.round(rect(-15, -92, 30, 9), scale(stone, 0.94), 0, 15)
    _battlements(pen, -15, 17, -92, stone)
    for y in (-26, -48, -68):
        pen.window(f"M-2 {y}v-7a2 2 0 0 1 4 0v7Z")
    pen.fill("M-5 0v-10a5 5 0 0 1 10 0v10Z", "#5a4434")
    pen.line("M-10 -16h5M3 -34h6M-8 -58h5M2 -78h5M-12 -38h4", scale(stone, 0.78), 1)


def lighthouse(pen: Pen) -> None:
    """A banded lighthouse; its beams turn when it is dark."""
    red = pen.main("#d2413a")
    if pen.stage.dark > 0.5:
        canvas = pen.stage.canvas
        for s in (-1, 1):
            beam = canvas.linear(((0.0, LAMP, 0.6), (1.0, LAMP, 0.0)), 0, -89, s * 190, -89)
            canvas.path(poly([(0, -91.5), (s * 190, -112), (s * 190, -68), (0, -86)]), beam, outlined=False)
        pen.glow(0, -89, 34, LAMP, 0.95)

    def half(y: float) -> float:
        return 12.5 - 5.2 * -y / 80

    bands = 5
    for k in range(bands):
        a, b = -80 * k / bands, -80 * (k + 1) / bands
        pen.round(poly([(-half(a), a), (-half(b), b), (half(b), b), (half(a), a)]), "#f6f1e6" if k % 2 else red, 0, 12)
    pen.fill(rect(-10, -82.5, 20, 3), "#4a4a55", 0.2)
    pen.line("M-10 -86.5H10M-9 -86.5v4M-4.5 -86.5v4M0 -86.5v4M4.5 -86.5v4M9 -86.5v4", "#4a4a55", 0.8)
    pen.window(rect(-5.4, -93, 10.8, 10.5))
    pen.line("M-1.8 -93v10.5M1.8 -93v10.5", "#4a4a55", 0.7)
    pen.round("M-7.4 -93Q0 -101 7.4 -93Z", red, 0, 7.4)
    pen.fill("M-3.6 0v-9a3.6 3.6 0 0 1 7.2 0v9Z", "#5a4038")
    for y in (-30, -56):
        pen.window(rect(-1.6, y - 6, 3.2, 6))


def windmill(pen: Pen) -> None:
    """A smock mill with four lattice sails."""
    walls = pen.main("#e9dcc4")
    pen.round("M-18 0L-10 -58L10 -58L18 0Z", walls, 0, 18)
    pen.round("M-11.5 -57Q-10 -72 0 -72Q10 -72 11.5 -57Z", SNOW if snowy(pen) else "#8a4f3d", 0, 11.5)
    pen.fill("M-4.5 0v-11a4.5 4.5 0 0 1 9 0v11Z", "#6a4632")
    for y in (-24, -41):
        panes(pen, -3, y - 7, 6, 7)
    turn = 12 + 60 * pen.variant
    canvas = pen.stage.canvas
    with canvas.group(f'transform="translate(0 -62) rotate({num(turn)})"'):
        for k in range(4):
            with canvas.group(f'transform="rotate({90 * k})"'):
                pen.line("M0 0V-37", "#6d4c38", 1.6)
                pen.fill(rect(1, -37, 8, 29), "#f4ecdc", 0.3)
                pen.line("M1 -37h8v29h-8M5 -37v29M1 -30h8M1 -22.5h8M1 -15.5h8", "#8a6a50", 0.6)
    pen.fill(circle(0, -62, 2.6), "#5a4034")


def wind_turbine(pen: Pen) -> None:
    """A wind turbine with three blades."""
    white = pen.main("#f3f5f6")
    pen.round("M-1.8 0L-0.9 -72L0.9 -72L1.8 0Z", white, 0, 1.8)
    with pen.stage.canvas.group(f'transform="translate(0 -72) rotate({num(10 + 100 * pen.variant)})"'):
        for k in range(3):
            with pen.stage.canvas.group(f'transform="rotate({120 * k})"'):
                pen.fill("M0 0Q2.8 -8 0.5 -28Q-1.6 -12 0 0Z", white, 0.4)
    pen.fill(circle(0, -72, 1.7), scale(white, 0.85))


def skyscraper(pen: Pen) -> None:
    """A tower block with a grid of windows, some of them lit."""
    wall = pen.main(("#7f93ab", "#9a8f98", "#6f8798")[pen.rng.randrange(3)])
    pen.fill(rect(-14, -92, 18, 92), wall, -0.45)
    pen.fill(rect(4, -92, 12, 92), wall, 0.55)
    pen.fill(rect(-8, -96, 14, 4), wall, 0.1)
    pen.line("M-1 -96v-8", wall, 0.8)
    dark: list[str] = []
    lit: list[str] = []
    for row in range(20):
        for col in range(4):
            (lit if pen.rng.random() < 0.45 else dark).append(rect(-12.4 + col * 4.2, -89 + row * 4.4, 2.6, 2.5))
        for col in range(2):
            (lit if pen.rng.random() < 0.45 else dark).append(rect(6 + col * 4.6, -89 + row * 4.4, 2.8, 2.5))
    pen.window("".join(dark), False)
    pen.window("".join(lit))


def bridge(pen: Pen) -> None:
    """A stone bridge of three arches."""
    stone = pen.main("#b5a794")
    pen.fill(
        f"M-168 0V-66Q0 -112 168 -66V0Z{''.join(f'M{x + 36} 0V-20A36 42 0 0 0 {x - 36} -20V0Z' for x in (-96, 0, 96))}",
        stone,
        -0.1,
    )
    pen.fill("M-170 -66Q0 -112 170 -66V-78Q0 -124 -170 -78Z", stone, 0.5)
    pen.line(
        "M-150 -60l14 0M-120 -74l12 -1M110 -76l14 1M132 -58l14 0M-52 -40l0 12M48 -40l0 12M-30 -86h14M20 -88h14",
        scale(stone, 0.72),
        2,
    )


def ruins(pen: Pen) -> None:
    """Columns of an old temple, one of them broken."""
    stone = pen.main("#e2d8c4")
    pen.fill(poly([(-78, 0), (-72, -8), (72, -8), (78, 0)]), stone, 0.2)
    pen.fill(poly([(-70, -8), (-66, -15), (66, -15), (70, -8)]), stone, 0.5)
    for x, h in ((-56, 78), (-28, 78), (0, 78), (28, 44), (54, 26)):
        pen.round(rect(x - 6.5, -h, 13, h - 15), stone, x, 6.5)
        pen.line(f"M{x - 2.4} {-h + 4}V-17M{x + 2.4} {-h + 4}V-17", scale(stone, 0.8), 1)
        if h > 70:
            pen.fill(rect(x - 9, -h - 4, 18, 5), stone, 0.4)
    pen.fill(poly([(-68, -82), (-68, -91), (14, -91), (10, -82)]), stone, 0.3)
    pen.fill(poly([(-66, -91), (-30, -100), (4, -96), (8, -91)]), stone, -0.2)


def pyramid(pen: Pen) -> None:
    """A pyramid: one face in the light, one in shade, courses of stone."""
    sand = pen.main("#e3b978")
    pen.fill(poly([(-92, 0), (12, -100), (30, 0)]), sand, -0.6)
    pen.fill(poly([(30, 0), (12, -100), (96, 0)]), sand, 0.8)
    lines = "".join(
        f"M{num(-92 + 104 * t)} {num(-100 * t)}L{num(30 - 18 * t)} {num(-100 * t)}L{num(96 - 84 * t)} {num(-100 * t)}"
        for t in (0.15, 0.3, 0.45, 0.6, 0.75)
    )
    pen.line(lines, scale(sand, 0.82), 0.7, 0.6)


def pagoda(pen: Pen) -> None:
    """Five storeys of upturned roofs."""
    red = pen.main("#b8443a")
    for k in range(5):
        w, y = 30 - 4.2 * k, -17.0 * k
        pen.fill(rect(-w * 0.62, y - 13, w * 1.24, 13), "#efe2c8", 0.1)
        pen.line(f"M{num(-w * 0.4)} {num(y)}v-12M0 {num(y)}v-12M{num(w * 0.4)} {num(y)}v-12", red, 1.6)
        pen.window(rect(-w * 0.24, y - 10, w * 0.48, 7))
        d = (
            f"M{num(-w * 1.25)} {num(y - 13)}Q{num(-w * 0.7)} {num(y - 13)} {num(-w * 0.5)} {num(y - 20)}"
            f"H{num(w * 0.5)}Q{num(w * 0.7)} {num(y - 13)} {num(w * 1.25)} {num(y - 13)}"
            f"Q{num(w)} {num(y - 9)} 0 {num(y - 10.5)}Q{num(-w)} {num(y - 9)} {num(-w * 1.25)} {num(y - 13)}Z"
        )
        roof_over(pen, d, scale(red, 0.7) if pen.colour is not Colour.NATURAL else "#3f5563", 0.3)
    pen.line("M0 -88V-101", "#d9b45a", 1.6)
    pen.fill(circle(0, -94, 1.9), "#d9b45a")


def torii(pen: Pen) -> None:
    """A shrine gate."""
    red = pen.main("#d4432f")
    pen.round("M-44 0L-38 -84L-31 -84L-35 0Z", red, -38, 7)
    pen.round("M44 0L38 -84L31 -84L35 0Z", red, 38, 7)
    pen.fill(rect(-50, -70, 100, 7), red, 0.1)
    pen.fill("M-66 -92Q0 -80 66 -92L63 -82Q0 -74 -63 -82Z", red, 0.4)
    pen.fill("M-70 -98Q0 -86 70 -98L66 -91Q0 -80 -66 -91Z", "#3a3036", 0.3)
    pen.fill(rect(-5, -80, 10, 12), red, 0.2)


def street_lamp(pen: Pen) -> None:
    """A lamp post; it burns when it is dark."""
    iron = pen.main("#3b3f48")
    pen.fill("M-7 0h14l-3 -5h-8ZM-2.2 -5h4.4l-0.8 -72h-2.8Z", iron, 0.2)
    pen.fill(poly([(-8, -92), (8, -92), (5, -77), (-5, -77)]), "#e9e2cc", 0.2)
    if pen.stage.dark > 0.3:
        pen.bright(poly([(-7, -91), (7, -91), (4.4, -78), (-4.4, -78)]), LAMP)
        pen.glow(0, -85, 58, LAMP, 0.75)
    pen.fill("M-10 -92L0 -100L10 -92ZM-1 -100h2v-4h-2Z", iron, 0.4)


def ferris_wheel(pen: Pen) -> None:
    """A ferris wheel with bright cabins."""
    steel = pen.main("#d9dde4")
    pen.line("M0 -54L-28 0M0 -54L28 0", scale(steel, 0.8), 3)
    pen.stage.canvas.stroke(circle(0, -54, 42) + circle(0, -54, 37), pen.tint(steel), 1.4)
    spokes, cabins = [], []
    for k in range(12):
        a = math.tau * k / 12 + 0.13
        x, y = 42 * math.cos(a), -54 + 42 * math.sin(a)
        spokes.append(f"M0 -54L{num(x)} {num(y)}")
        cabins.append((x, y))
    pen.line("".join(spokes), steel, 0.7)
    for k, (x, y) in enumerate(cabins):
        colour = ("#e8524a", "#f2b33d", "#3fa7c9", "#7cc06a")[k % 4]
        if pen.stage.dark > 0.5:
            pen.glow(x, y + 3, 9, colour, 0.7)
        pen.fill(f"M{num(x - 4)} {num(y)}h8v4q0 4 -4 4q-4 0 -4 -4Z", colour, 0.3)
    pen.fill(circle(0, -54, 4), scale(steel, 0.7))
