"""Animals of our own, seen from the side and looking left, each drawn by a pen: 100 high, foot at (0, 0).

They stand beside the icon set's animals, so they keep its manner: few shapes, round corners, one eye.
"""

import math

from safelight.postcard.render.paper.canvas import circle, ellipse, num, poly
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, rgb, scale
from safelight.postcard.render.stage import Pen
from safelight.postcard.scenes.vocabulary import Colour

_DARK = rgb("#2b2624")


def _leg(x: float, wide: float, top: float) -> str:
    return (
        f"M{num(x - wide)} {num(top)}L{num(x - wide * 0.72)} -4"
        f"Q{num(x - wide * 0.9)} 0 {num(x - wide * 1.25)} 0H{num(x + wide * 0.72)}"
        f"L{num(x + wide)} {num(top)}Z"
    )


def _legs(pen: Pen, places: tuple[float, float, float, float], wide: float, top: float, colour: Rgb) -> None:
    """Two far legs in shade, two near ones in the light (places: near front, far front, near hind, far hind)."""
    pen.fill(_leg(places[1], wide, top) + _leg(places[3], wide, top), scale(colour, 0.72), -0.3)
    pen.fill(_leg(places[0], wide, top) + _leg(places[2], wide, top), colour, 0.0)


def _eye(pen: Pen, x: float, y: float, r: float = 2.6) -> None:
    pen.fill(circle(x, y, r), _DARK)


def _canine(pen: Pen, coat: Rgb, pale: Rgb, sock: Rgb, tail_tip: Rgb, mask: bool = False) -> None:
    """Fox, wolf, raccoon: pricked ears, pointed muzzle, a bushy tail."""
    pen.fill("M54 -52Q74 -40 92 -50Q118 -62 116 -98Q92 -98 78 -82Q66 -70 54 -64Z", coat, 0.3)
    pen.fill("M116 -98Q100 -98 90 -92Q100 -84 112 -76Q117 -86 116 -98Z", tail_tip, 0.4)
    if mask:
        pen.fill("M66 -68L84 -50L92 -50L74 -78ZM84 -86L104 -60L110 -70L94 -93Z", _DARK)
    _legs(pen, (-34, -20, 44, 56), 7, -40, sock)
    pen.fill("M-46 -66Q-10 -70 30 -68Q64 -66 64 -42Q62 -30 46 -30Q10 -32 -12 -29Q-40 -28 -46 -44Z", coat, 0.0)
    pen.fill("M-44 -46Q-20 -34 40 -36Q46 -31 40 -30Q10 -32 -12 -29Q-38 -28 -44 -46Z", pale, 0.1)
    pen.fill("M-96 -58L-70 -80L-64 -104L-52 -88L-44 -104L-36 -84Q-20 -62 -34 -46Q-62 -44 -96 -58Z", coat, 0.2)
    pen.fill("M-96 -58Q-74 -62 -62 -56Q-50 -50 -34 -46Q-62 -44 -96 -58Z", pale, 0.3)
    pen.fill(poly([(-63, -100), (-60, -88), (-55, -88)]), scale(coat, 0.6))
    if mask:
        pen.fill("M-82 -68Q-68 -78 -50 -68Q-62 -60 -82 -64Z", _DARK)
    pen.fill(circle(-95, -59, 4), _DARK)
    _eye(pen, -66, -70)


def fox(pen: Pen) -> None:
    """A red fox with dark stockings and a white brush."""
    coat = pen.main("#e0702c")
    _canine(
        pen,
        coat,
        mix(coat, WHITE, 0.82),
        rgb("#4a332b") if pen.colour is Colour.NATURAL else scale(coat, 0.5),
        rgb("#f7efe4"),
    )


def wolf(pen: Pen) -> None:
    """A grey wolf."""
    coat = pen.main("#8b9099")
    _canine(pen, coat, mix(coat, WHITE, 0.55), mix(coat, WHITE, 0.25), scale(coat, 0.6))


def raccoon(pen: Pen) -> None:
    """A raccoon with its mask and ringed tail."""
    coat = pen.main("#8e8a86")
    _canine(pen, coat, mix(coat, WHITE, 0.6), scale(coat, 0.62), scale(coat, 0.4), mask=True)


def _ursine(pen: Pen, coat: Rgb, head: Rgb, limbs: Rgb, muzzle: Rgb, ears: float = 9.0) -> None:
    """Bears: a heavy body with a hump, a round head held low."""
    _legs(pen, (-38, -22, 46, 60), 13, -40, limbs)
    pen.fill(
        "M-54 -44Q-58 -86 -14 -92Q34 -98 64 -74Q80 -56 72 -32Q60 -22 40 -26Q0 -22 -34 -26Q-52 -28 -54 -44Z", coat, 0.0
    )
    pen.fill("M-40 -84Q10 -100 60 -76Q30 -84 -6 -80Q-30 -78 -44 -62Q-48 -76 -40 -84Z", mix(coat, WHITE, 0.14), 0.5)
    pen.fill(circle(-72, -92, ears) + circle(-44, -94, ears), scale(limbs, 0.9), -0.2)
    pen.fill(circle(-59, -70, 27), head, 0.2)
    pen.fill(ellipse(-77, -59, 15, 12), muzzle, 0.3)
    pen.fill(ellipse(-86, -64, 6.5, 4.6), _DARK)
    _eye(pen, -68, -76, 3.2)


def bear(pen: Pen) -> None:
    """A brown bear."""
    coat = pen.main("#7d5236")
    _ursine(pen, coat, coat, scale(coat, 0.86), mix(coat, rgb("#e3c39a"), 0.6))


def polar_bear(pen: Pen) -> None:
    """A polar bear."""
    coat = pen.main("#f4f3ec")
    _ursine(pen, coat, coat, scale(coat, 0.93), scale(coat, 0.95), 7.0)


def panda(pen: Pen) -> None:
    """A panda: black limbs, ears and eye patches on white."""
    white = pen.main("#f5f3ee")
    black = rgb("#2f2d33")
    _ursine(pen, white, white, black, white)
    pen.fill("M-34 -90Q-12 -96 -2 -92Q-8 -60 -6 -26Q-24 -24 -36 -27Q-44 -60 -34 -90Z", black, 0.1)
    pen.fill(ellipse(-68, -75, 7.5, 6), black)
    pen.fill(circle(-69, -76, 2.2), "#f5f3ee")


def koala(pen: Pen) -> None:
    """A koala that sits."""
    grey = pen.main("#98a0a8")
    pen.fill("M-34 0Q-46 -46 -10 -54Q40 -56 42 0Z", grey, 0.1)
    pen.fill("M-18 0Q-26 -34 -4 -40Q18 -36 14 0Z", mix(grey, WHITE, 0.6), 0.2)
    pen.fill(circle(-48, -82, 19) + circle(32, -82, 19), grey, -0.2)
    pen.fill(circle(-48, -82, 11) + circle(32, -82, 11), mix(grey, WHITE, 0.6))
    pen.fill(ellipse(-8, -70, 37, 31), grey, 0.3)
    pen.fill("M-17 -76Q-8 -84 1 -76Q4 -58 -8 -54Q-20 -58 -17 -76Z", "#3a3638")
    _eye(pen, -28, -74, 3.6)
    _eye(pen, 12, -74, 3.6)
    pen.fill(ellipse(-24, -3, 14, 6) + ellipse(28, -3, 14, 6), scale(grey, 0.85))


def lion(pen: Pen) -> None:
    """A lion with his mane."""
    coat = pen.main("#e0a450")
    mane = rgb("#8a4f24") if pen.colour is Colour.NATURAL else scale(coat, 0.6)
    pen.line("M60 -60Q96 -62 92 -30", coat, 6)
    pen.fill(ellipse(92, -25, 7, 11), mane)
    _legs(pen, (-32, -18, 44, 57), 8.5, -40, scale(coat, 0.94))
    pen.fill("M-40 -72Q10 -76 48 -72Q68 -66 66 -44Q62 -30 44 -32Q0 -28 -30 -30Q-44 -40 -40 -72Z", coat, 0.1)
    points = []
    for k in range(28):
        r = 37 if k % 2 else 31
        points.append((-46 + r * math.cos(math.tau * k / 28), -66 + r * math.sin(math.tau * k / 28)))
    pen.fill(poly(points), mane, -0.1)
    pen.fill(circle(-52, -68, 21), coat, 0.3)
    pen.fill(circle(-62, -88, 6) + circle(-36, -88, 6), coat)
    pen.fill(ellipse(-64, -58, 12, 9), mix(coat, WHITE, 0.6), 0.3)
    pen.fill("M-76 -65h10l-5 6Z", _DARK)
    _eye(pen, -60, -74, 2.8)


def boar(pen: Pen) -> None:
    """A wild boar with a bristled back and tusk."""
    coat = pen.main("#5f4a42")
    _legs(pen, (-36, -22, 44, 56), 8, -36, scale(coat, 0.8))
    ridge = "".join(f"L{num(-50 + 9 * k)} {num(-88 - (7 if k % 2 else 0) + 0.28 * k * k)}" for k in range(12))
    pen.fill("M-58 -80" + ridge + "L60 -64Q58 -60 -40 -70Z", scale(coat, 0.6))
    pen.fill(
        "M-104 -38L-102 -52Q-80 -84 -44 -88Q20 -94 58 -70Q74 -52 64 -34Q30 -22 -36 -26Q-70 -26 -104 -38Z", coat, 0.1
    )
    pen.fill(ellipse(-103, -45, 6, 9), "#b58a7a", 0.2)
    pen.fill(poly([(-56, -80), (-46, -104), (-38, -80)]), scale(coat, 0.85))
    pen.fill("M-88 -40Q-96 -48 -92 -58Q-84 -50 -82 -42Z", "#f4eddc", 0.3)
    _eye(pen, -70, -66, 3)
    pen.line("M64 -56q12 6 8 18", coat, 3)


def moose(pen: Pen) -> None:
    """A moose with its shovels."""
    coat = pen.main("#6f4a36")
    _legs(pen, (-26, -12, 44, 56), 6, -46, mix(coat, WHITE, 0.35))
    pen.fill("M-38 -68Q-20 -84 10 -74Q46 -76 62 -62Q70 -44 56 -36Q20 -32 -24 -36Q-42 -48 -38 -68Z", coat, 0.1)
    pen.fill(
        "M-34 -40Q-48 -62 -56 -64L-78 -56Q-90 -54 -90 -62Q-90 -70 -78 -74L-52 -86Q-30 -84 -18 -60Z",
        scale(coat, 0.94),
        0.2,
    )
    pen.fill("M-50 -60Q-46 -48 -52 -40Q-58 -50 -58 -60Z", scale(coat, 0.8))
    antler = mix(coat, rgb("#e8cf9f"), 0.75)
    for s in (1, -1):
        x = -46
        pen.fill(
            (
                f"M{x} -84Q{x + s * 8} -92 {x + s * 16} -90L{x + s * 20} -102L{x + s * 26} -92L{x + s * 34} -104"
                f"L{x + s * 38} -92L{x + s * 47} -100Q{x + s * 46} -84 {x + s * 26} -80Q{x + s * 10} -78 {x} -84Z"
            ),
            antler,
            0.2 * s,
        )
    _eye(pen, -60, -74, 2.6)
    pen.fill(circle(-87, -63, 1.8), _DARK)


def unicorn(pen: Pen) -> None:
    """A white unicorn with a golden horn."""
    coat = pen.main("#f7f3f4")
    mane = rgb("#d98ad0") if pen.colour is Colour.NATURAL else scale(coat, 0.6)
    pen.fill("M56 -66Q84 -70 88 -40Q90 -22 80 -12Q76 -34 66 -46Z", mane, 0.2)
    _legs(pen, (-24, -12, 42, 53), 6, -44, scale(coat, 0.95))
    pen.fill("M-34 -66Q0 -66 34 -70Q62 -68 60 -46Q56 -36 42 -38Q8 -32 -22 -36Q-38 -46 -34 -66Z", coat, 0.1)
    pen.fill("M-36 -48Q-44 -70 -40 -82Q-36 -94 -24 -92Q-8 -82 -4 -60Q-18 -44 -36 -48Z", coat, 0.2)
    pen.fill("M-32 -92Q-44 -92 -50 -82L-64 -68Q-68 -60 -60 -58L-38 -66Q-24 -76 -24 -90Z", coat, 0.3)
    pen.fill("M-30 -96Q-8 -92 0 -58Q-12 -62 -16 -72Q-22 -84 -34 -90Z", mane, 0.4)
    pen.fill(poly([(-34, -90), (-30, -101), (-26, -90)]), coat)
    pen.bright(poly([(-42, -88), (-58, -112), (-36, -92)]), "#f2c64a")
    _eye(pen, -44, -78, 2.4)


def frog(pen: Pen) -> None:
    """A frog that sits and looks."""
    green = pen.main("#5fae45")
    pen.fill("M30 -10Q80 -20 76 -46Q70 -64 44 -54Z", scale(green, 0.82), -0.2)
    pen.fill("M-50 -14Q-66 -66 -30 -76Q30 -84 62 -30Q70 -4 40 0H-24Q-46 0 -50 -14Z", green, 0.1)
    pen.fill("M-50 -26Q-40 -6 -4 -4Q-20 2 -36 0Q-50 -4 -50 -26Z", mix(green, rgb("#f6efb0"), 0.7), 0.2)
    pen.fill(circle(-42, -82, 15) + circle(-14, -84, 15), green, 0.3)
    pen.fill(circle(-44, -84, 9.5) + circle(-16, -86, 9.5), "#f7f2dc", 0.3)
    _eye(pen, -46, -84, 5)
    _eye(pen, -18, -86, 5)
    pen.line("M-54 -54Q-34 -44 -6 -52", scale(green, 0.55), 3)
    pen.fill("M-54 0Q-40 -12 -24 0ZM32 0Q60 -10 84 0Z", scale(green, 0.9), 0.1)


def chicken(pen: Pen) -> None:
    """A hen."""
    white = pen.main("#f6f1e6")
    pen.line("M-6 -24L-8 -1M14 -24L12 -1M-14 -1h12M6 -1h12", "#e59a35", 4)
    pen.fill(
        (
            "M-36 -96Q-18 -98 -16 -70Q10 -60 34 -74Q50 -96 58 -92Q66 -54 40 -30Q10 -12 -22 -26"
            "Q-46 -44 -44 -76Q-46 -90 -36 -96Z"
        ),
        white,
        0.1,
    )
    pen.fill("M-8 -54Q20 -56 34 -42Q14 -26 -6 -36Z", scale(white, 0.86), 0.3)
    pen.fill(circle(-38, -99, 6) + circle(-29, -102, 6) + circle(-22, -98, 5.5), "#d8382f", 0.2)
    pen.fill("M-44 -86L-60 -80L-44 -76Z", "#e9a13a", 0.2)
    pen.fill(ellipse(-44, -69, 5, 8), "#d8382f")
    _eye(pen, -34, -86, 2.8)


def fireworks(pen: Pen) -> None:
    """Three bursts of sparks."""
    hues = ("#ffd35c", "#ff6b8a", "#6fd8ff", "#b58aff", "#8affa0")
    for k, (x, y, r) in enumerate(((0, -62, 38), (-46, -40, 24), (44, -34, 28))):
        hue = pen.main(hues[(pen.rng.randrange(5) + k) % 5])
        pen.glow(x, y, r * 1.5, hue, 0.5)
        rays, dots = [], []
        for i in range(18):
            a, long = math.tau * i / 18, r * pen.rng.uniform(0.82, 1.05)
            ex, ey = x + long * math.cos(a), y + long * math.sin(a) + r * 0.06
            rays.append(f"M{num(x + 0.35 * (ex - x))} {num(y + 0.35 * (ey - y))}L{num(ex)} {num(ey)}")
            dots.append(circle(ex, ey, 1.5) + circle(x + 0.6 * (ex - x) * 1.1, y + 0.6 * (ey - y), 0.9))
        pen.stage.canvas.stroke("".join(rays), hue, 0.9, 0.85)
        pen.bright("".join(dots), mix(hue, WHITE, 0.6))
