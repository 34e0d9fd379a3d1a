"""Boats and what floats, each drawn by a pen: 100 high, the waterline at y = 0."""

from safelight.postcard.render.paper.canvas import circle, ellipse, num, poly, rect
from safelight.postcard.render.paper.colour import WHITE, Rgb, rgb, scale
from safelight.postcard.render.stage import LAMP, Pen
from safelight.postcard.scenes.vocabulary import Colour


def _hull(pen: Pen, left: float, right: float, deck: float, colour: Rgb | str, band: Rgb | str | None = None) -> None:
    """A hull with a raised bow at ``left`` (where the boat heads) and a line of colour under the rail."""
    wide = right - left
    d = (
        f"M{num(left)} {num(-deck * 1.25)}"
        f"Q{num(left + wide * 0.5)} {num(-deck * 0.75)} {num(right)} {num(-deck)}"
        f"Q{num(right - wide * 0.04)} 0 {num(right - wide * 0.14)} 4H{num(left + wide * 0.2)}"
        f"Q{num(left + wide * 0.06)} {num(-deck * 0.2)} {num(left)} {num(-deck * 1.25)}Z"
    )
    pen.fade(
        d,
        scale(rgb(colour) if isinstance(colour, str) else colour, 1.0),
        scale(rgb(colour) if isinstance(colour, str) else colour, 0.7),
        -deck,
        4,
    )
    if band is not None:
        rail = (
            f"M{num(left)} {num(-deck * 1.25)}"
            f"Q{num(left + wide * 0.5)} {num(-deck * 0.75)} {num(right)} {num(-deck)}"
            f"L{num(right - 1)} {num(-deck * 0.72)}"
            f"Q{num(left + wide * 0.5)} {num(-deck * 0.45)} {num(left + wide * 0.025)} {num(-deck * 0.95)}Z"
        )
        pen.fill(rail, band, 0.2)


def sailboat(pen: Pen) -> None:
    """A sloop with mainsail and jib."""
    sail = pen.main("#fbf5e8")
    hull = "#8a4f35" if pen.colour is Colour.NATURAL or pen.colour is Colour.WHITE else scale(sail, 0.62)
    pen.line("M-4 -10V-100", "#6d4c38", 1.6)
    pen.fill("M-1 -97Q31 -56 37 -18Q18 -21 -1 -17Z", sail, 0.45)
    pen.fill("M-1 -97Q13 -58 14 -19.5Q6 -19 -1 -17Z", sail, -0.25)
    pen.fill("M-7 -91Q-30 -52 -39 -17Q-22 -20 -7 -15Z", scale(sail, 0.96), -0.1)
    pen.line("M-1 -15H38", "#6d4c38", 1.4)
    pen.fill("M-4 -100l-11 3l11 3Z", "#d8433a")
    _hull(pen, -46, 44, 11, hull, "#f3e6cc")


def rowboat(pen: Pen) -> None:
    """A rowing boat with its oars."""
    wood = pen.main("#9a5f38")
    pen.line("M20 -40L120 0M-6 -40L-96 2", "#d8b384", 7)
    _hull(pen, -160, 150, 56, wood, scale(wood, 1.25))
    pen.fill(ellipse(-4, -46, 128, 12), scale(wood, 0.5), -0.3)
    pen.fill(rect(-50, -52, 18, 10) + rect(40, -50, 18, 10), scale(wood, 1.15), 0.3)


def canoe(pen: Pen) -> None:
    """A slim canoe."""
    red = pen.main("#c4463a")
    pen.fill("M-200 -66Q-170 -24 0 -26Q170 -24 200 -66Q188 6 110 8H-110Q-188 6 -200 -66Z", red, 0.1)
    pen.fill("M-190 -52Q-150 -22 0 -24Q150 -22 190 -52Q150 -12 0 -14Q-150 -12 -190 -52Z", scale(red, 0.55))
    pen.line("M-120 -62L100 -2", "#e2c79a", 7)


def gondola(pen: Pen) -> None:
    """A gondola with its curled iron bow."""
    dark = pen.main("#2b2b36")
    pen.fill("M-120 -72Q-112 -30 -60 -22H70Q104 -26 116 -58Q112 -2 74 4H-66Q-110 0 -120 -72Z", dark, 0.1)
    pen.line("M-120 -70q-7 -12 4 -18", "#d9c27a", 5)
    pen.fill("M-20 -22v-26q20 -14 40 0v26Z", "#b13a3a", 0.2)


def fishing_boat(pen: Pen) -> None:
    """A small trawler: wheelhouse, mast and derrick."""
    hull = pen.main("#2f6fa8")
    pen.line("M20 -30V-100M20 -92L-34 -34M20 -92L66 -30", "#5a4a40", 1.8)
    _hull(pen, -74, 70, 26, hull, "#f5efe2")
    pen.fill(rect(6, -62, 36, 38), "#f5efe2", 0.2)
    pen.fill(rect(6, -62, 12, 38), "#f5efe2", -0.4)
    pen.fill(rect(2, -67, 44, 6), "#c4553d", 0.3)
    pen.window(rect(11, -54, 11, 11) + rect(26, -54, 11, 11))
    if pen.stage.dark > 0.5:
        pen.glow(20, -98, 20, LAMP, 0.9)


def steamer(pen: Pen) -> None:
    """An ocean liner with two funnels and rows of portholes."""
    hull = pen.main("#26344f")
    for k in range(4):
        pen.fill(circle(14 + 26 * k, -92 - 8 * k, 7 + 4 * k), "#d9d6d6", 0.1, opacity=0.5 - 0.09 * k)
    for x in (-22, 14):
        pen.round(poly([(x - 7, -46), (x - 5, -84), (x + 9, -84), (x + 9, -46)]), "#d2553d", x, 8)
        pen.fill(poly([(x - 5.4, -76), (x - 5, -84), (x + 9, -84), (x + 9, -76)]), "#2a2c36")
    pen.fill(poly([(-74, -28), (-66, -41), (74, -41), (82, -28)]), "#f6f1e6", 0.2)
    pen.fill(poly([(-56, -41), (-50, -52), (54, -52), (60, -41)]), "#f6f1e6", 0.35)
    pen.window("".join(rect(-48 + 9 * k, -48.5, 5, 4) for k in range(11)))
    pen.window("".join(rect(-62 + 9 * k, -37, 5.5, 4.4) for k in range(15)))
    _hull(pen, -120, 112, 29, hull, "#f6f1e6")
    pen.window("".join(circle(-78 + 11 * k, -13, 1.9) for k in range(16)))


def cargo_ship(pen: Pen) -> None:
    """A container ship."""
    hull = pen.main("#a33b34")
    for row in range(3):
        for k in range(9 - row):
            tone = ("#d9713c", "#3f7fa8", "#4f9a6b", "#c9b23f", "#8a94a0")[pen.rng.randrange(5)]
            pen.fill(rect(-92 + 15.5 * k, -44 - 14 * row, 14.5, 13), tone, 0.2)
    pen.fill(rect(66, -84, 26, 56), "#f3efe4", 0.2)
    pen.window("".join(rect(69 + 6 * k, -78 + 10 * j, 4, 4) for k in range(4) for j in range(3)))
    _hull(pen, -128, 108, 31, hull, None)


def tall_ship(pen: Pen) -> None:
    """A three-master under full sail."""
    sail = pen.main("#f4ead2")
    for x, h in ((-38, 82), (2, 100), (38, 76)):
        pen.line(f"M{x} -16V{-h}", "#5f4534", 1.8)
        for k in range(3):
            w, y = 17 - 3.6 * k, -26 - (h - 26) * k / 3
            tall = (h - 30) / 3.3
            d = (
                f"M{num(x - w)} {num(y)}Q{num(x - w - 7)} {num(y - tall * 0.5)} {num(x - w + 3)} {num(y - tall)}"
                f"H{num(x + w - 3)}Q{num(x + w - 8)} {num(y - tall * 0.5)} {num(x + w)} {num(y)}"
                f"Q{num(x)} {num(y - 5)} {num(x - w)} {num(y)}Z"
            )
            pen.fill(d, sail, 0.4 if k % 2 else 0.1)
        pen.fill(f"M{x} {-h}l-11 -2.6l11 -2.8Z", "#c9402f")
    pen.line("M-58 -18L-84 -30M-38 -80L-82 -29M38 -74L64 -20", "#5f4534", 1)
    pen.fill("M-40 -68Q-62 -46 -78 -30Q-56 -34 -42 -30Z", sail, -0.2)
    _hull(pen, -64, 66, 18, "#6f452c", "#d6a24a")
    pen.window("".join(rect(-38 + 12 * k, -8.6, 3.6, 3.2) for k in range(8)))


def buoy(pen: Pen) -> None:
    """A sea mark with a lamp."""
    red = pen.main("#d8433a")
    pen.round("M-30 0L-13 -62H13L30 0Z", red, 0, 30)
    pen.fill("M-23 -24L-19 -40H19L23 -24Z", "#f7f2e6", 0.2)
    pen.fill(ellipse(0, 0, 42, 10), scale(red, 0.7))
    pen.line("M-11 -62L-6 -86M11 -62L6 -86", "#4a4a55", 3)
    pen.bright(circle(0, -91, 7), LAMP if pen.stage.dark > 0.3 else rgb("#f2d27a"))
    if pen.stage.dark > 0.3:
        pen.glow(0, -91, 60, LAMP, 0.8)


def paper_boat(pen: Pen) -> None:
    """A folded paper boat."""
    paper = pen.main("#f6f3ea")
    pen.fill(poly([(-8, -34), (16, -100), (50, -34)]), paper, 0.5)
    pen.fill(poly([(-8, -34), (16, -100), (16, -34)]), paper, -0.2)
    pen.fill(poly([(-92, -52), (-8, -34), (100, -56), (58, 4), (-50, 4)]), paper, 0.1)
    pen.fill(poly([(-92, -52), (-8, -34), (4, 4), (-50, 4)]), paper, -0.5)


def dock(pen: Pen) -> None:
    """A short jetty on posts."""
    wood = pen.main("#9a7450")
    for x in (-150, -75, 0, 75, 150):
        pen.fill(rect(x - 8, -88, 16, 92), scale(wood, 0.65), -0.2)
    pen.fill(poly([(-190, -62), (-160, -84), (190, -84), (170, -62)]), wood, 0.5)
    pen.fill(rect(-190, -62, 360, 13), scale(wood, 0.8), -0.2)
    pen.line("".join(f"M{-150 + 34 * k} -84l-14 22" for k in range(10)), scale(wood, 0.7), 2.4)


def iceberg(pen: Pen) -> None:
    """One iceberg."""
    ice = pen.main("#d3ebf6")
    pen.fill(poly([(-70, 0), (-58, -40), (-30, -62), (-12, -100), (22, -74), (44, -50), (78, 0)]), ice, -0.5)
    pen.fill(poly([(-70, 0), (-58, -40), (-30, -62), (-12, -100), (-4, -48), (-18, 0)]), WHITE, 0.4)
    pen.fill(poly([(-12, -100), (22, -74), (-4, -48)]), WHITE, 0.8)
    pen.fill(poly([(22, -74), (44, -50), (20, -30), (-4, -48)]), ice, 0.3)
