"""Things of the open air, each drawn by a pen in its own units: 100 high, foot at (0, 0)."""

import math

from safelight.postcard.render.paper.canvas import circle, ellipse, num, poly, rect, smooth
from safelight.postcard.render.paper.colour import WHITE, mix, rgb, scale, turn
from safelight.postcard.render.stage import Pen


def rock(pen: Pen) -> None:
    """A faceted boulder."""
    grey = pen.main("#8d8a88")
    pen.fill(poly([(-76, 0), (-82, -36), (-48, -84), (6, -100), (58, -70), (80, -30), (72, 0)]), grey, -0.5)
    side = pen.stage.light.side * (-1 if pen.mirrored else 1)
    left, right = (
        [(-76, 0), (-82, -36), (-48, -84), (6, -100), (-6, -46), (-20, 0)],
        [(72, 0), (80, -30), (58, -70), (6, -100), (-6, -46), (10, 0)],
    )
    pen.fill(poly([(float(a), float(b)) for a, b in (left if side < 0 else right)]), grey, 0.7 * side)
    pen.fill(poly([(-48, -84), (6, -100), (58, -70), (-6, -46)]), scale(grey, 1.08), 0.3)


def standing_stones(pen: Pen) -> None:
    """Three standing stones, two of them under a lintel."""
    grey = pen.main("#9a958c")
    for x, w, h in ((-62, 26, 78), (0, 26, 80), (58, 24, 62)):
        pen.round(poly([(x - w / 2, 0), (x - w * 0.42, -h), (x + w * 0.36, -h - 3), (x + w / 2, 0)]), grey, x, w / 2)
    pen.fill(poly([(-84, -78), (-82, -98), (22, -100), (24, -80)]), grey, 0.3)


def crystal(pen: Pen) -> None:
    """A cluster of crystals that shine a little."""
    hue = pen.main(("#7fd8e8", "#b58aff", "#ff9ad0", "#8affc0")[int(pen.variant * 3.99)])
    pen.glow(0, -46, 74, hue, 0.4)
    for x, w, h, lean in ((-34, 22, 58, -14), (34, 22, 66, 14), (-12, 24, 82, -5), (12, 26, 100, 4)):
        top = (x + lean, -h)
        pen.bright(
            poly([(x - w / 2, 0), (x - w / 2 + lean * 0.7, -h * 0.72), top, (x + lean * 0.8, 0)]), scale(hue, 0.62)
        )
        pen.bright(
            poly([(x + w / 2, 0), (x + w / 2 + lean * 0.7, -h * 0.72), top, (x + lean * 0.8, 0)]), mix(hue, WHITE, 0.3)
        )


def signpost(pen: Pen) -> None:
    """A post with two arms."""
    wood = pen.main("#a9794c")
    pen.fill(rect(-4, -100, 8, 100), scale(wood, 0.7), 0.1)
    pen.fill(poly([(-46, -92), (20, -92), (20, -74), (-46, -74), (-56, -83)]), wood, 0.3)
    pen.fill(poly([(44, -66), (-18, -66), (-18, -49), (44, -49), (54, -57.5)]), scale(wood, 1.1), 0.2)
    pen.line("M-38 -85h44M-38 -80h30M-8 -60h40", scale(wood, 0.55), 1.6)


def bench(pen: Pen) -> None:
    """A park bench."""
    wood, iron = pen.main("#a06b42"), "#3a3f47"
    pen.line("M-78 0V-46M78 0V-46M-70 -46L-78 -98M70 -46L78 -98", iron, 6)
    for y in (-96, -80, -64):
        pen.fill(rect(-92, y, 184, 11), wood, 0.3)
    pen.fill(poly([(-92, -40), (-98, -50), (98, -50), (92, -40)]), scale(wood, 1.12), 0.5)
    pen.fill(rect(-92, -40, 184, 6), scale(wood, 0.75))


def fountain(pen: Pen) -> None:
    """A two-tiered fountain in play."""
    stone, water = pen.main("#c3bcae"), "#bfe3f0"
    pen.line("M0 -88Q-26 -98 -30 -56M0 -88Q26 -98 30 -56M0 -88Q-12 -102 -14 -60M0 -88Q12 -102 14 -60", water, 2.6, 0.85)
    pen.round("M-5 -8L-3 -56H3L5 -8Z", stone, 0, 5)
    pen.round("M-34 -56H34Q28 -44 0 -43Q-28 -44 -34 -56Z", stone, 0, 34)
    pen.fill(ellipse(0, -56, 34, 4.6), water, 0.4)
    pen.line("M-30 -52Q-42 -40 -44 -22M30 -52Q42 -40 44 -22", water, 2, 0.8)
    pen.round("M-72 -22V-6Q0 10 72 -6V-22Z", stone, 0, 72)
    pen.fill(ellipse(0, -22, 72, 11), scale(stone, 1.1), 0.3)
    pen.fill(ellipse(0, -22, 63, 8.4), "#6fb6d0", 0.2)


def campfire(pen: Pen) -> None:
    """Logs in flames, with their light on the ground."""
    pen.stage.canvas.path(ellipse(0, 2, 150, 36), pen.stage.canvas.soft(rgb("#ff9a3c"), 0.5), outlined=False)
    pen.glow(0, -44, 120, "#ffab4a", 0.55)
    pen.bright(
        smooth([(-34, -6), (-42, -38), (-20, -58), (-16, -86), (2, -102), (8, -72), (30, -62), (38, -28), (30, -4)])
        + "Z",
        "#f2672a",
    )
    pen.bright(smooth([(-22, -5), (-28, -30), (-10, -46), (0, -76), (10, -48), (26, -28), (20, -4)]) + "Z", "#ffb23c")
    pen.bright(smooth([(-11, -4), (-14, -20), (0, -44), (13, -18), (10, -4)]) + "Z", "#fff2b0")
    pen.line("M-52 -2L44 -16M52 -2L-44 -16", "#6a4328", 11)
    pen.line("M-50 -4L40 -17", "#8a5c3a", 3)


def umbrella(pen: Pen) -> None:
    """An open umbrella."""
    red = pen.main("#d8433a")
    pen.line("M0 -88V-8Q0 0 -7 0Q-13 0 -13 -7", "#5a4034", 3)
    pen.fill(
        (
            "M-58 -46Q-52 -94 0 -96Q52 -94 58 -46Q48 -56 39 -46Q30 -56 20 -46Q10 -56 0 -46Q-10 -56 -20 -46"
            "Q-30 -56 -39 -46Q-48 -56 -58 -46Z"
        ),
        red,
        0.0,
    )
    pen.fill("M-20 -46Q-18 -84 0 -96Q18 -84 20 -46Q10 -56 0 -46Q-10 -56 -20 -46Z", mix(red, WHITE, 0.22), 0.3)
    side = pen.stage.light.side * (-1 if pen.mirrored else 1)
    pen.fill(
        (
            f"M{num(58 * side)} -46Q{num(52 * side)} -94 0 -96Q{num(34 * side)} -84 {num(39 * side)} -46"
            f"Q{num(48 * side)} -56 {num(58 * side)} -46Z"
        ),
        mix(red, WHITE, 0.1),
        0.8 * side,
    )
    pen.line("M0 -96v-5", "#5a4034", 2.4)


def starfish(pen: Pen) -> None:
    """A starfish with dots."""
    c = pen.main("#ee7f4a")
    arms = [
        (
            (58 if k % 2 == 0 else 24) * math.sin(math.pi * k / 5),
            -48 - (52 if k % 2 == 0 else 22) * math.cos(math.pi * k / 5),
        )
        for k in range(10)
    ]
    pen.fill(smooth(arms, close=True), c, 0.1)
    pen.fill(
        "".join(
            circle(r * math.sin(math.tau * k / 5), -48 - r * math.cos(math.tau * k / 5), 3)
            for k in range(5)
            for r in (10, 22, 33)
        ),
        mix(c, WHITE, 0.5),
        0.4,
    )


def seahorse(pen: Pen) -> None:
    """A seahorse."""
    c = pen.main("#f0a63a")
    pen.line("M-4 -62Q24 -56 20 -32Q14 -10 -4 -12Q-14 -14 -10 -24Q-6 -30 0 -26", c, 12)
    pen.fill("M16 -52Q36 -56 36 -40Q30 -34 20 -38Z", turn(c, -14), 0.4)
    pen.fill("M-34 -84Q-14 -78 -14 -60Q2 -58 8 -72Q16 -100 -4 -100Q-16 -100 -18 -88Q-28 -92 -34 -84Z", c, 0.2)
    pen.line("M-2 -100l4 -8M5 -98l8 -6M10 -90l9 -3", c, 4)
    pen.fill(circle(-8, -88, 3), "#26282c")
    pen.line("M6 -52l10 -3M9 -44l10 0M8 -34l10 3", scale(c, 0.75), 2)


def submarine(pen: Pen) -> None:
    """A rounded submarine with lit portholes."""
    c = pen.main("#e8b52f")
    pen.line("M-4 -76V-100H14", scale(c, 0.7), 5)
    pen.round("M-30 -62L-24 -84H22L30 -62Z", c, 0, 30)
    pen.fade(
        "M-112 -36Q-104 -70 -40 -70H52Q96 -66 112 -36Q96 -4 52 -2H-40Q-104 -2 -112 -36Z",
        mix(c, WHITE, 0.15),
        scale(c, 0.62),
        -70,
        0,
    )
    pen.fill(poly([(104, -36), (128, -62), (134, -62), (130, -36), (134, -10), (128, -10)]), scale(c, 0.72))
    for x in (-60, -14, 32):
        pen.fill(circle(x, -38, 13), scale(c, 0.6))
        pen.bright(circle(x, -38, 9.4), "#fff0b8")
