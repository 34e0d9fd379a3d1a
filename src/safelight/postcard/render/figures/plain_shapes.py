"""Plane figures and solids, each drawn by a pen: 100 high, foot at (0, 0)."""

import math

from safelight.postcard.render.paper.canvas import circle, poly, rect, smooth
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, scale
from safelight.postcard.render.stage import Pen


def _solid(pen: Pen, d: str, colour: Rgb) -> None:
    pen.fade(d, mix(colour, WHITE, 0.16), scale(colour, 0.84), -100, 0)


def heart(pen: Pen) -> None:
    """A heart with a gleam."""
    red = pen.main("#df3b45")
    _solid(pen, "M0 0Q-56 -40 -54 -70Q-50 -100 -24 -99Q-6 -97 0 -80Q6 -97 24 -99Q50 -100 54 -70Q56 -40 0 0Z", red)
    pen.stage.canvas.path(
        "M-40 -70Q-38 -86 -24 -88Q-22 -84 -26 -82Q-34 -80 -35 -68Q-39 -66 -40 -70Z",
        mix(pen.tint(red), WHITE, 0.75),
        0.85,
        outlined=False,
    )


def star(pen: Pen) -> None:
    """A five-pointed star."""
    points = [
        (
            (54 if k % 2 == 0 else 23) * math.sin(math.pi * k / 5),
            -48 - (54 if k % 2 == 0 else 23) * math.cos(math.pi * k / 5),
        )
        for k in range(10)
    ]
    _solid(pen, poly(points), pen.main("#f6c53a"))


def disc(pen: Pen) -> None:
    """A circle."""
    _solid(pen, circle(0, -50, 50), pen.main("#e0523f"))


def square(pen: Pen) -> None:
    """A square."""
    _solid(pen, rect(-48, -97, 96, 96), pen.main("#2f7fb8"))


def triangle(pen: Pen) -> None:
    """A triangle."""
    _solid(pen, poly([(-56, 0), (0, -98), (56, 0)]), pen.main("#3f9a6b"))


def diamond(pen: Pen) -> None:
    """A rhombus."""
    _solid(pen, poly([(0, 0), (-42, -50), (0, -100), (42, -50)]), pen.main("#7a4fa6"))


def hexagon(pen: Pen) -> None:
    """A hexagon."""
    points = [(52 * math.cos(math.pi * k / 3), -47 + 52 * math.sin(math.pi * k / 3)) for k in range(6)]
    _solid(pen, poly(points), pen.main("#e09a2f"))


def ring_shape(pen: Pen) -> None:
    """A ring."""
    hole = "M-30 -50a30 30 0 1 1 60 0a30 30 0 1 1 -60 0Z"
    _solid(pen, circle(0, -50, 50) + hole, pen.main("#3fa7a0"))


def cross_shape(pen: Pen) -> None:
    """A cross of equal arms."""
    _solid(pen, "M-17 0V-33H-50V-67H-17V-100H17V-67H50V-33H17V0Z", pen.main("#d8433a"))


def spiral(pen: Pen) -> None:
    """A spiral."""
    points = [(2.4 * k * 0.45 * math.cos(k * 0.33), -50 + 2.4 * k * 0.45 * math.sin(k * 0.33)) for k in range(47)]
    pen.line(smooth(points), pen.main("#8a5fc0"), 8)


def cube(pen: Pen) -> None:
    """A cube seen from one corner."""
    c = pen.main("#e0863a")
    pen.fill(poly([(0, -100), (48, -76), (0, -52), (-48, -76)]), mix(c, WHITE, 0.25), 0.3)
    pen.fill(poly([(-48, -76), (0, -52), (0, 0), (-48, -24)]), c, -0.7)
    pen.fill(poly([(48, -76), (0, -52), (0, 0), (48, -24)]), c, 0.7)


def sphere(pen: Pen) -> None:
    """A ball with light and shade."""
    c, side = pen.main("#3f8fd0"), pen.stage.light.side * (-1 if pen.mirrored else 1)
    lit = (
        (0.0, mix(pen.tint(c, side), WHITE, 0.6), 1.0),
        (0.4, pen.tint(c, 0.4 * side), 1.0),
        (1.0, pen.tint(scale(c, 0.6), -0.8 * side), 1.0),
    )
    pen.stage.canvas.path(circle(0, -50, 50), pen.stage.canvas.radial(lit, side * 18, -70, 86))


def cone(pen: Pen) -> None:
    """A cone."""
    pen.round("M-48 -8Q0 10 48 -8L0 -100Z", pen.main("#c9506f"), 0, 48)
