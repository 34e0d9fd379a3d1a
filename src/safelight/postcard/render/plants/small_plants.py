"""Small plants, cacti, mushrooms and flowers, each drawn by a pen in its own units: 100 high, foot at (0, 0)."""

import math

from safelight.postcard.render.paper.canvas import circle, ellipse, num, smooth
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, scale, turn
from safelight.postcard.render.paper.shapes import blob
from safelight.postcard.render.stage import Pen


def cactus(pen: Pen) -> None:
    """A saguaro with two arms and ribs."""
    green = pen.main("#4f9a5b")
    arm = pen.rng.uniform(-8, 8)

    def limb(x: float, low: float, high: float, r: float) -> None:
        d = f"M{num(x - r)} {num(low)}V{num(high + r)}A{num(r)} {num(r)} 0 0 1 {num(x + r)} {num(high + r)}V{num(low)}Z"
        pen.round(d, green, x, r)
        pen.line(
            f"M{num(x - r * 0.35)} {num(low - 2)}V{num(high + r)}M{num(x + r * 0.4)} {num(low - 2)}V{num(high + r)}",
            scale(green, 0.72),
            1.1,
        )

    pen.line(f"M0 {num(-36 + arm)}H-19V{num(-46 + arm)}", scale(green, 0.88), 10)
    pen.line(f"M0 {num(-28 - arm)}H20V{num(-42 - arm)}", scale(green, 0.88), 9)
    limb(-20, -36 + arm, -68 + arm, 5.6)
    limb(20, -28 - arm, -74 - arm, 5)
    limb(0, 0, -100, 9)
    if pen.variant > 0.5:
        pen.fill(circle(0, -101, 4) + circle(-20, -69 + arm, 3), "#ee6f9b", 0.4)


def agave(pen: Pen) -> None:
    """A rosette of thick pointed leaves."""
    green = pen.main("#6fa58a")
    for i in (0, 8, 1, 7, 2, 6, 3, 5, 4):
        angle = math.radians(180 - 22.5 * i)
        x, y = 95 * math.cos(angle), -20 - 80 * math.sin(angle)
        nx, ny = -math.sin(angle) * 13, math.cos(angle) * 9
        mid = (x * 0.45, y * 0.5)
        d = (
            f"M{num(-nx)} 0Q{num(mid[0] - nx)} {num(mid[1] + ny)} {num(x)} {num(y)}"
            f"Q{num(mid[0] + nx)} {num(mid[1] - ny)} {num(nx)} 0Z"
        )
        pen.fill(d, turn(green, (i - 4) * 3), math.cos(angle) * 0.8)


def mushroom(pen: Pen) -> None:
    """A toadstool: spotted cap, gills, ringed stem."""
    red = pen.main("#d8402f")
    pen.round("M-12 0Q-8 -30 -10 -56L10 -56Q8 -30 13 0Z", "#f1e5d0", 0, 13)
    pen.fill(ellipse(0, -50, 40, 9), "#e2cfae", -0.3)
    pen.line("M-10 -44Q0 -38 10 -44", "#d8c7a6", 3)
    pen.round("M-46 -50Q-44 -98 0 -100Q44 -98 46 -50Q0 -38 -46 -50Z", red, 0, 46)
    pen.fill(
        ellipse(-20, -72, 8, 6)
        + ellipse(8, -86, 9, 6)
        + ellipse(25, -64, 7, 6)
        + ellipse(-2, -60, 6, 4.5)
        + ellipse(-35, -58, 4, 4),
        "#fbf4e6",
        0.3,
    )


def glowing_mushroom(pen: Pen) -> None:
    """A tall mushroom that shines by itself: bright cap and gills, a halo, a pool of light at its foot."""
    shine = pen.main(_GLOWS[int(pen.variant * 4.99)])
    lean = pen.rng.uniform(-7, 7)
    canvas = pen.stage.canvas
    pen.glow(lean, -66, 88, shine, 0.6)
    if pen.shine:
        canvas.path(ellipse(0, 2, 62, 15), canvas.soft(shine, 0.6), outlined=False)
    _glowing_stem(pen, shine, lean)
    wide, high = (46, -88) if pen.rng.random() < 0.5 else (36, -100)
    _glowing_gills(pen, shine, lean, wide)
    _glowing_cap(pen, shine, lean, wide, high)
    specks = "".join(
        circle(lean + pen.rng.uniform(-70, 70), pen.rng.uniform(-128, -14), pen.rng.uniform(0.7, 1.7)) for _ in range(9)
    )
    canvas.path(specks, mix(shine, WHITE, 0.6), 0.85, outlined=False)


_GLOWS = ("#4fe3d6", "#7fa8ff", "#c77dff", "#6dffa8", "#ff8ad1")
_GLOWING_SPOTS = (
    (-0.5, 0.45, 1.1),
    (-0.1, 0.75, 1.4),
    (0.35, 0.6, 1.1),
    (0.62, 0.28, 0.8),
    (0.05, 0.38, 0.9),
    (-0.72, 0.18, 0.7),
)
"""Spots of a cap: where against its half width and height, and how large."""


def _unlit(shine: Rgb) -> Rgb:
    """What of a glowing mushroom its own light does not reach."""
    return mix(shine, (0.1, 0.08, 0.35), 0.55)


def _glowing_stem(pen: Pen, shine: Rgb, lean: float) -> None:
    low = mix(_unlit(shine), pen.tint("#d8d0f0"), 0.5)
    stem = pen.stage.canvas.linear(((0.0, mix(shine, WHITE, 0.75), 1.0), (1.0, low, 1.0)), 0, -60, 0, 0)
    pen.stage.canvas.path(f"M-8 0Q-3 -26 {num(lean - 5)} -58L{num(lean + 5)} -58Q5 -26 9 0Z", stem)


def _glowing_gills(pen: Pen, shine: Rgb, lean: float, wide: float) -> None:
    canvas = pen.stage.canvas
    gills = canvas.linear(((0.0, WHITE, 1.0), (1.0, shine, 1.0)), 0, -62, 0, -48)
    canvas.path(ellipse(lean, -55, wide * 0.9, 7.5), gills, outlined=False)
    lines = "".join(f"M{num(lean + k * wide * 0.17)} -59L{num(lean + k * wide * 0.05)} -50" for k in range(-4, 5))
    canvas.stroke(lines, _unlit(shine), 0.9, 0.5)


def _glowing_cap(pen: Pen, shine: Rgb, lean: float, wide: float, high: float) -> None:
    """The cap, dark at its top, with spots."""
    canvas, cap = pen.stage.canvas, mix(shine, WHITE, 0.12)
    stops = ((0.0, _unlit(shine), 1.0), (0.55, cap, 1.0), (1.0, mix(cap, WHITE, 0.5), 1.0))
    canvas.path(
        (
            f"M{num(lean - wide)} -56Q{num(lean - wide * 0.9)} {num(high)} {num(lean)} {num(high)}"
            f"Q{num(lean + wide * 0.9)} {num(high)} {num(lean + wide)} -56"
            f"Q{num(lean)} -64 {num(lean - wide)} -56Z"
        ),
        canvas.linear(stops, 0, high, 0, -54),
    )
    spots = "".join(ellipse(lean + x * wide, -58 + (high + 58) * y, 3.4 * s, 2.6 * s) for x, y, s in _GLOWING_SPOTS)
    canvas.path(spots, mix(shine, WHITE, 0.8), 0.92, outlined=False)


def fern(pen: Pen) -> None:
    """Arching fronds from one root."""
    green = pen.main("#4f8f4a")
    for i in range(7):
        bend = (i - 3) * 24 + pen.rng.uniform(-4, 4)
        tall = -98 + abs(i - 3) * 15
        pen.line(
            f"M0 0Q{num(bend * 0.3)} {num(tall)} {num(bend)} {num(tall + abs(bend) * 0.35)}", scale(green, 0.75), 2
        )
        blades = []
        for k in range(2, 9):
            t = k / 9
            x = 2 * t * (1 - t) * bend * 0.3 + t * t * bend
            y = 2 * t * (1 - t) * tall + t * t * (tall + abs(bend) * 0.35)
            w = 15 * (1 - t) + 3
            blades.append(
                f"M{num(x)} {num(y)}q{num(-w)} {num(-w * 0.5)} {num(-w)} {num(-w * 0.1)}"
                f"q{num(w * 0.5)} {num(w * 0.5)} {num(w)} {num(w * 0.1)}"
                f"q{num(w)} {num(-w * 0.5)} {num(w)} {num(-w * 0.1)}"
                f"q{num(-w * 0.5)} {num(w * 0.5)} {num(-w)} {num(w * 0.1)}Z"
            )
        pen.fill("".join(blades), turn(green, -4 * abs(i - 3)), (i - 3) / 3)


def _stem(pen: Pen, top: float, leaf: bool = True) -> None:
    pen.line(f"M0 0Q-3 {num(top / 2)} 0 {num(top)}", "#4d8a43", 4)
    if leaf:
        pen.fill(f"M0 -6Q-26 {num(top * 0.3)} -20 {num(top * 0.75)}Q-4 {num(top * 0.4)} 0 -6Z", "#5b9a4c", -0.5)
        pen.fill(f"M0 -4Q24 {num(top * 0.22)} 22 {num(top * 0.6)}Q5 {num(top * 0.35)} 0 -4Z", "#67a854", 0.5)


def tulip(pen: Pen) -> None:
    """A tulip in full cup."""
    red = pen.main("#e0463f")
    _stem(pen, -58)
    pen.fill("M-17 -88Q-22 -58 0 -56Q22 -58 17 -88Q10 -94 8 -80L0 -98L-8 -80Q-10 -94 -17 -88Z", red, -0.2)
    pen.fill("M0 -98Q-14 -78 0 -57Q14 -78 0 -98Z", turn(red, -6, 0.06), 0.6)


def sunflower(pen: Pen) -> None:
    """A sunflower: two rings of petals around a seeded disc."""
    yellow = pen.main("#f6bf26")
    _stem(pen, -70)
    _rays(pen, 0, -74, 26, 16, scale(yellow, 0.86), -0.2, 0.1)
    _rays(pen, 0, -74, 23, 16, yellow, 0.5, 0.3)
    pen.fill(circle(0, -74, 11.5), "#5f3a1e")
    pen.fill(circle(1, -75, 7.5), "#7a4d28", 0.5)


def _rays(pen: Pen, x: float, y: float, r: float, count: int, colour: Rgb, where: float, turned: float) -> None:
    petals = []
    for i in range(count):
        a = math.tau * i / count + turned
        px, py = math.cos(a), math.sin(a)
        tip, mid, wide = (x + r * px, y + r * py), (x + r * 0.6 * px, y + r * 0.6 * py), r * 0.26
        left, right = (mid[0] + py * wide, mid[1] - px * wide), (mid[0] - py * wide, mid[1] + px * wide)
        petals.append(
            f"M{num(x + py * 2)} {num(y - px * 2)}Q{num(left[0])} {num(left[1])} {num(tip[0])} {num(tip[1])}"
            f"Q{num(right[0])} {num(right[1])} {num(x - py * 2)} {num(y + px * 2)}Z"
        )
    pen.fill("".join(petals), colour, where)


def daisy(pen: Pen) -> None:
    """A white daisy."""
    _stem(pen, -74)
    _rays(pen, 0, -76, 24, 14, pen.main("#fbfaf4"), 0.3, 0.0)
    pen.fill(circle(0, -76, 8), "#f2b92f", 0.3)


def poppy(pen: Pen) -> None:
    """A poppy: four crinkled petals around a dark heart."""
    red = pen.main("#e23b2e")
    pen.line("M0 0Q6 -40 0 -74", "#5a8f4a", 3)
    pen.fill(
        smooth(blob(pen.rng, -11, -76, 18, 17, 9), close=True) + smooth(blob(pen.rng, 12, -76, 18, 17, 9), close=True),
        red,
        -0.4,
    )
    pen.fill(
        smooth(blob(pen.rng, 0, -86, 19, 14, 9), close=True) + smooth(blob(pen.rng, 0, -68, 18, 12, 9), close=True),
        turn(red, 4, 0.03),
        0.5,
    )
    pen.fill(circle(0, -77, 6), "#2c1b24")
    pen.fill(circle(0, -77, 2.4), "#9fb36a")


def lavender(pen: Pen) -> None:
    """A tuft of lavender spikes."""
    violet = pen.main("#8f72d4")
    for i in range(7):
        x = (i - 3) * 13 + pen.rng.uniform(-3, 3)
        tall = pen.rng.uniform(78, 100)
        pen.line(f"M{num(x * 0.25)} 0Q{num(x * 0.6)} {num(-tall * 0.5)} {num(x)} {num(-tall * 0.62)}", "#6b9a5c", 2)
        buds = "".join(
            ellipse(x + x * 0.05 * k + (2.4 if k % 2 else -2.4), -tall * (0.62 + 0.063 * k), 4.2 - 0.35 * k, 3.6)
            for k in range(7)
        )
        pen.fill(buds, turn(violet, pen.rng.uniform(-8, 8)), (i - 3) / 3)


def water_lily(pen: Pen) -> None:
    """Lily pads and a flower on the water."""
    green = "#4f9a5a"
    for x, y, r in ((-70, 0, 62), (60, 8, 70), (0, -14, 44)):
        pen.fill(
            (
                f"M{num(x)} {num(y)}L{num(x + r)} {num(y - r * 0.1)}"
                f"A{num(r)} {num(r * 0.34)} 0 1 1 {num(x + r * 0.8)} {num(y + r * 0.2)}Z"
            ),
            green,
            0.3 if x < 0 else -0.1,
        )
    pink = pen.main("#f6a9c6")
    for k, tone in ((34, -0.4), (0, 0.6)):
        petals = "".join(
            (
                f"M-6 -12Q{num(a * 1.1)} {num(-40 - k * 0.3)} {num(a)} {num(-72 + abs(a) * 0.6 - k * 0.2)}"
                f"Q{num(a * 0.4)} -30 6 -12Z"
            )
            for a in ((-50, -28, 28, 50) if k else (-38, -14, 0, 14, 38))
        )
        pen.fill(petals, pink, tone)
    pen.fill(ellipse(0, -22, 8, 5), "#f6c84a", 0.4)


def pumpkin(pen: Pen) -> None:
    """A ribbed pumpkin with a stalk."""
    orange = pen.main("#e9822b")
    for x, r in ((-36, 26), (36, 26), (-19, 30), (19, 30), (0, 30)):
        pen.round(ellipse(x, -40, r, 40), orange, x, r)
    pen.fill("M-6 -76Q-6 -92 -16 -98L-4 -100Q6 -92 6 -76Z", "#6d7a3a")
