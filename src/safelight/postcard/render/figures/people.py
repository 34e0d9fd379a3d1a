"""People, drawn from behind or in simple flat shapes: 100 high, foot at (0, 0)."""

from safelight.postcard.render.paper.canvas import circle, ellipse, num, rect
from safelight.postcard.render.paper.colour import Rgb, mix, rgb, scale
from safelight.postcard.render.stage import Pen

_SKIN = ("#e8b894", "#c98f68", "#8a5a3c", "#f2cdb0")
_HAIR = ("#3a2a22", "#7a4a2a", "#d9b36a", "#26242a", "#a34f2f")
_COATS = ("#d2553d", "#2f7f9a", "#e0a83a", "#5f7f4a", "#6a4f8a", "#c9506f")


def _figure(
    pen: Pen, coat: Rgb, x: float = 0.0, size: float = 1.0, dress: bool = False, hat: str | None = None
) -> None:
    """One standing figure of ``size`` times 100 units at ``x``."""
    rng = pen.rng
    skin, hair = _SKIN[rng.randrange(4)], _HAIR[rng.randrange(5)]
    with pen.stage.canvas.group(f'transform="translate({num(x)} 0) scale({size:.3g})"'):
        legs = "#33405a" if not dress else skin
        pen.fill("M-9 -46L-8 -2H-2.5L-0.5 -40H0.5L2.5 -2H8L9 -46Z", legs, -0.1)
        pen.fill("M-10 0q0 -4 4 -4h4v4ZM2 0v-4h4q4 0 4 4Z", "#3a2c28", 0.1)
        if dress:
            pen.round("M-9 -80Q0 -84 9 -80L8 -58Q16 -38 19 -22H-19Q-16 -38 -8 -58Z", coat, 0, 17)
        else:
            pen.round("M-12 -80Q0 -85 12 -80L13 -42H-13Z", coat, 0, 13)
        pen.fill("M-12 -79Q-18 -62 -17 -44L-12.5 -43L-9 -66Z", coat, -0.6)
        pen.fill("M12 -79Q18 -62 17 -44L12.5 -43L9 -66Z", coat, 0.6)
        pen.fill(circle(-14.6, -42, 3) + circle(14.6, -42, 3), skin)
        pen.fill(rect(-3, -86, 6, 7), skin, -0.3)
        pen.fill(circle(0, -91.5, 8), skin, 0.3)
        crown = "M-8.4 -90Q-9 -101 0 -101Q9 -101 8.4 -90Q4 -97 -4 -95Q-8 -94 -8.4 -90Z"
        long = "M-9 -92Q-9 -102 0 -102Q9 -102 9 -92L10 -74H5L6 -92Q0 -98 -6 -92L-5 -74H-10Z"
        pen.fill(long if dress else crown, hair, 0.1)
        if hat:
            pen.fill(ellipse(0, -97, 14, 3.2) + "M-7.6 -97Q-7 -106 0 -106Q7 -106 7.6 -97Z", hat, 0.3)


def _coat(pen: Pen) -> Rgb:
    return pen.main(_COATS[pen.rng.randrange(6)])


def man(pen: Pen) -> None:
    """A hiker with a rucksack, or a man."""
    coat = _coat(pen)
    _figure(pen, coat, hat="#6a4a34" if pen.variant > 0.5 else None)
    if pen.variant > 0.5:
        pen.round("M-9 -78h18q4 0 4 5v22q0 5 -4 5h-18q-4 0 -4 -5v-22q0 -5 4 -5Z", "#8a6a42", 0, 13)
        pen.line("M-9 -58h18", "#5a4028", 1.6)


def woman(pen: Pen) -> None:
    """A woman in a dress or coat."""
    _figure(pen, _coat(pen), dress=True)


def child(pen: Pen) -> None:
    """A child with a round head."""
    _figure(pen, _coat(pen), size=1.0, hat="#e0a83a" if pen.variant > 0.6 else None)


def couple(pen: Pen) -> None:
    """Two people side by side."""
    coat = _coat(pen)
    _figure(pen, coat, x=-17)
    _figure(pen, mix(scale(coat, 0.7), rgb("#f0d9b0"), 0.45), x=17, size=0.93, dress=True)


def farmer(pen: Pen) -> None:
    """A farmer in a straw hat, with a fork."""
    pen.line("M22 0V-84M17 -98V-86Q22 -80 27 -86V-98M22 -98V-82", "#7a5a3c", 1.8)
    _figure(pen, _coat(pen), hat="#e3c06a")


def diver(pen: Pen) -> None:
    """A diver with a bottle on the back."""
    suit = pen.main("#2c3340")
    pen.line("M80 -46L116 -34L128 -48", "#e8a23a", 9)
    pen.round("M-34 -72Q20 -84 84 -54L82 -38Q20 -46 -32 -44Z", suit, 0, 60)
    pen.line("M-20 -48L-70 -26", suit, 12)
    pen.fill("M-24 -92h62q8 0 8 9t-8 9h-62q-8 0 -8 -9t8 -9Z", "#e0b83a", 0.3)
    pen.fill(circle(-50, -62, 19), suit, 0.1)
    pen.fill("M-70 -68h26v17h-22q-4 0 -4 -4Z", "#9fd8e8", 0.3)
    bubbles = "".join(circle(-76 - 6 * (k % 2), -78 - 17 * k, 4 + 1.6 * k) for k in range(4))
    pen.fill(bubbles, "#d9f2f8", 0.3, opacity=0.6)


def alien(pen: Pen) -> None:
    """A small being with a large head."""
    green = pen.main("#7fc24a")
    pen.fill("M-11 -40L-13 -3Q-13 0 -18 0H-5L-2 -30H2L5 0H18Q13 0 13 -3L11 -40Z", scale(green, 0.86), -0.1)
    pen.round("M-13 -56Q0 -61 13 -56L12 -30H-12Z", green, 0, 13)
    pen.line("M-12 -53Q-24 -44 -25 -30M12 -53Q26 -52 30 -68", green, 5.5)
    pen.fill("M0 -52Q-30 -62 -30 -82Q-28 -100 0 -100Q28 -100 30 -82Q30 -62 0 -52Z", green, 0.25)
    pen.fill("M-7 -66Q-23 -68 -23 -82Q-10 -80 -7 -66ZM7 -66Q23 -68 23 -82Q10 -80 7 -66Z", "#232733")
    pen.fill(circle(-16, -77, 2) + circle(17, -77, 2), "#f2f6ea", 0.3)
    pen.line("M-4 -58Q0 -56 4 -58", scale(green, 0.5), 1.6)


def robot(pen: Pen) -> None:
    """A robot of rounded plates with a lit face."""
    steel = pen.main("#a9b4c0")
    dark = rgb("#2b3440")
    pen.line("M0 -92V-100M-22 -50Q-36 -44 -35 -28M22 -50Q36 -44 35 -28", scale(steel, 0.7), 5)
    pen.bright(circle(0, -101, 3.6), "#ff6b4a")
    pen.fill("M-16 -22h11v20q0 2 -2 2h-11q-3 0 -2 -3ZM16 -22h-11v20q0 2 2 2h11q3 0 2 -3Z", scale(steel, 0.72), 0.0)
    pen.round(
        "M-24 -56H24Q27 -56 26 -52L22 -22Q21 -18 17 -18H-17Q-21 -18 -22 -22L-26 -52Q-27 -56 -24 -56Z", steel, 0, 26
    )
    pen.fill(rect(-12, -46, 24, 14), dark)
    pen.bright(circle(-6, -39, 2.6), "#7fe0a0")
    pen.bright(circle(2, -39, 2.6), "#ffd35c")
    pen.round("M-24 -92H24Q29 -92 29 -87V-65Q29 -60 24 -60H-24Q-29 -60 -29 -65V-87Q-29 -92 -24 -92Z", steel, 0, 29)
    pen.fill("M-19 -87H19Q23 -87 23 -83V-69Q23 -65 19 -65H-19Q-23 -65 -23 -69V-83Q-23 -87 -19 -87Z", dark)
    pen.bright(circle(-10, -77, 4) + circle(10, -77, 4), "#6fe3ff")
    pen.fill(circle(-35, -25, 5) + circle(35, -25, 5), scale(steel, 0.8), 0.2)


def santa(pen: Pen) -> None:
    """Father Christmas with his sack."""
    red = pen.main("#c9322f")
    pen.round("M10 -60Q46 -66 44 -26Q42 0 16 -4Z", "#8a6238", 28, 18)
    pen.fill("M-15 -14h12v14h-15q-1 -6 3 -7ZM3 -14h12v7q4 1 3 7H3Z", "#2f2a2c", 0.1)
    pen.round("M-19 -66Q0 -72 19 -66L24 -12H-24Z", red, 0, 24)
    pen.fill(rect(-24, -17, 48, 7) + rect(-4, -66, 8, 52), "#f6f1e8", 0.2)
    pen.fill(rect(-22, -38, 44, 6), "#2f2a2c")
    pen.fill(rect(-5, -40, 10, 10), "#e3b24a", 0.3)
    pen.line("M-17 -60Q-30 -52 -27 -38M17 -60Q30 -58 26 -44", red, 9)
    pen.fill(circle(0, -79, 12), "#e8b894", 0.3)
    pen.fill("M-13 -80Q-15 -56 0 -54Q15 -56 13 -80Q6 -72 0 -75Q-6 -72 -13 -80Z", "#faf6ee", 0.2)
    pen.fill("M-13 -86Q-10 -102 6 -104Q18 -102 22 -88Q16 -92 12 -86Z", red, 0.3)
    pen.fill("M-15 -89H15Q17 -84 15 -83H-15Q-17 -84 -15 -89Z", "#faf6ee", 0.3)
    pen.fill(circle(22, -87, 4.4), "#faf6ee", 0.4)
    pen.fill(circle(-5, -80, 1.6) + circle(5, -80, 1.6), "#2f2a2c")
