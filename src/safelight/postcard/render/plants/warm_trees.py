"""Trees of warmer lands, each drawn by a pen: 100 high, foot at (0, 0)."""

import math

from safelight.postcard.render.ground.relief import leaves
from safelight.postcard.render.paper.canvas import Point, circle, num, poly, smooth
from safelight.postcard.render.paper.colour import mix, rgb, scale, turn
from safelight.postcard.render.paper.shapes import blob
from safelight.postcard.render.plants.trees import foliage
from safelight.postcard.render.stage import Pen


def palm(pen: Pen) -> None:
    """A leaning trunk in rings and a head of drooping fronds."""
    rng = pen.rng
    lean = rng.choice((-1, 1)) * rng.uniform(8, 20)
    top = (lean, -78.0)
    _palm_trunk(pen, lean)
    green = foliage(pen, rgb("#3f9355"))
    shade: list[str] = []
    lit: list[str] = []
    for i in range(9):
        angle = math.pi * (1.12 + 0.97 * -i / 8) + rng.uniform(-0.06, 0.06)
        long = 33 * rng.uniform(0.88, 1.1)
        shade_side = i % 2 == 0
        (shade if shade_side else lit).append(_frond(top, angle, long))
    pen.fill("".join(shade), scale(green, 0.8), -0.5)
    pen.fill("".join(lit), green, 0.5)
    pen.fill(circle(top[0] - 2, top[1] + 3, 2.3) + circle(top[0] + 2.4, top[1] + 3.4, 2.3), "#7a4f2c")


def _palm_trunk(pen: Pen, lean: float) -> None:
    """A trunk whose top leans aside, with the rings that fallen fronds have left."""
    left, right = f"{num(lean * 0.1 - 2)} -40 {num(lean - 1.6)}", f"{num(lean * 0.1 + 3)} -40 3.4"
    pen.round(f"M-3.4 0Q{left} -78L{num(lean + 1.6)} -78Q{right} 0Z", "#a17a52", lean * 0.4, 7)
    rings = []
    for i in range(10):
        t = (i + 0.5) / 10
        x, y = lean * t * t * 0.85 + 0.3, -78 * t
        rings.append(f"M{num(x - 2.4 + t)} {num(y)}q2 1.4 4.6 0")
    pen.line("".join(rings), "#6f5138", 0.8)


def _frond(top: Point, angle: float, long: float) -> str:
    """One arched palm leaf with a toothed lower edge."""
    x, y = top
    dx, dy = math.cos(angle) * long, -math.sin(angle) * long * 0.7
    tip = (x + dx, y + dy + long * 0.42)
    crest = (x + dx * 0.5, y + dy - long * 0.08)
    parts = [f"M{num(x)} {num(y)}Q{num(crest[0])} {num(crest[1] - long * 0.2)} {num(tip[0])} {num(tip[1])}"]
    for k in range(5, -1, -1):
        t = (k + 0.5) / 6.5
        a = (1 - t) ** 2
        b = 2 * t * (1 - t)
        px = a * x + b * crest[0] + t * t * tip[0]
        py = a * y + b * (crest[1] - long * 0.2) + t * t * tip[1]
        drop = long * (0.2 if k % 2 else 0.3) * (1 - 0.4 * t)
        parts.append(f"L{num(px + dx * 0.04)} {num(py + drop)}L{num(px - dx * 0.03)} {num(py + 2)}")
    return "".join(parts) + "Z"


def willow(pen: Pen) -> None:
    """A round crown whose branches hang to the ground."""
    colour = foliage(pen, mix(leaves(pen.stage.world.season), rgb("#a9b94f"), 0.4))
    pen.round("M-5 0Q-2 -26 -4 -50L4 -50Q2 -24 6 0Z", "#6a5240", 0, 6)
    side = pen.stage.light.side * (-1 if pen.mirrored else 1)
    for count, tone, shade in ((15, scale(colour, 0.8), -0.6), (13, colour, 0.0), (9, turn(colour, -6, 0.05), 0.8)):
        strands = []
        for i in range(count):
            x = -38 + 76 * (i + pen.rng.random()) / count
            top = -94 + 0.02 * x * x
            low = -pen.rng.uniform(6, 38) - (26 if shade > 0 else 0)
            strands.append(
                f"M{num(x * 0.55)} {num(top)}"
                f"Q{num(x * 1.08 - 3)} {num((top + low) / 2)} {num(x * 1.05)} {num(low)}"
                f"Q{num(x * 1.12 + 4)} {num((top + low) / 2)} {num(x * 0.55 + 8)} {num(top + 4)}Z"
            )
        if shade < 0:
            strands.append(smooth(blob(pen.rng, 0, -76, 34, 21, 12, 0.08), close=True))
        pen.fill("".join(strands), tone, shade * side)


def cypress(pen: Pen) -> None:
    """A tall, narrow flame of green."""
    green = foliage(pen, rgb("#3f7a52"))
    pen.fill(poly([(-1.6, 0), (1.6, 0), (1.2, -9), (-1.2, -9)]), "#6b4a38")
    pen.fill("M0 -100Q-11 -60 -10 -26Q-9 -5 0 -4Q9 -5 10 -26Q11 -60 0 -100Z", green, -0.4)
    side = pen.stage.light.side * (-1 if pen.mirrored else 1)
    x = num(side * 10)
    pen.fill(
        f"M0 -100Q{num(side * 11)} -60 {x} -26Q{num(side * 9)} -5 {num(side * 2)} -4Q{num(side * 5)} -40 0 -100Z",
        green,
        0.8 * side,
    )


def acacia(pen: Pen) -> None:
    """An umbrella crown on a forked trunk."""
    colour = foliage(pen, rgb("#7f9a4a"))
    pen.line("M2 0Q-2 -30 0 -46L-20 -74M0 -46L18 -76M-9 -60L-4 -76", "#6a4c36", 4)
    side = pen.stage.light.side * (-1 if pen.mirrored else 1)
    pen.fill(
        smooth([(-52, -72), (-40, -84), (-8, -92), (26, -91), (50, -78), (54, -71), (20, -73), (-20, -70)], close=True),
        scale(colour, 0.85),
        -0.4 * side,
    )
    pen.fill(
        smooth([(-42, -80), (-26, -90), (4, -98), (30, -93), (42, -84), (10, -84)], close=True), colour, 0.7 * side
    )


def bamboo(pen: Pen) -> None:
    """Jointed canes with narrow leaves."""
    green, rng = foliage(pen, rgb("#7fae4e")), pen.rng
    for x in (-14, -5, 6, 15):
        tall, lean = rng.uniform(80, 100), rng.uniform(-4, 4)
        pen.line(f"M{x} 0Q{x} {num(-tall / 2)} {num(x + lean)} {num(-tall)}", green, 2.8)
        pen.line(
            "".join(f"M{num(x - 1.8 + lean * t * t)} {num(-tall * t)}h3.6" for t in (0.15, 0.32, 0.5, 0.68, 0.85)),
            scale(green, 0.7),
            0.8,
        )
        blades = "".join(
            (
                f"M{num(x + lean * t)} {num(-tall * t)}q{num(s * 8)} -6 {num(s * 15)} {num(rng.uniform(-2, 6))}"
                f"q{num(-s * 8)} 1 {num(-s * 15)} {num(-rng.uniform(0, 2))}Z"
            )
            for t in (0.6, 0.75, 0.9, 0.97)
            for s in (-1, 1)
        )
        pen.fill(blades, green, 0.4)
