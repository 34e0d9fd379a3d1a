"""Houses, huts and tents, each drawn by a pen in its own units: 100 high, foot at (0, 0)."""

from safelight.postcard.render.ground.relief import SNOW
from safelight.postcard.render.paper.canvas import circle, ellipse, num, poly, rect
from safelight.postcard.render.paper.colour import Rgb, rgb, scale
from safelight.postcard.render.stage import LAMP, Pen
from safelight.postcard.scenes.vocabulary import Colour, Season


def snowy(pen: Pen) -> bool:
    return pen.stage.world.season is Season.WINTER


def roof_over(pen: Pen, d: str, colour: Rgb | str, where: float) -> None:
    pen.fill(d, SNOW if snowy(pen) else colour, where)


def panes(pen: Pen, x: float, y: float, w: float, h: float, lit: bool = True) -> None:
    """A window with a cross and a sill."""
    pen.fill(rect(x - 1, y - 1, w + 2, h + 2), "#f3ead8", 0.1)
    pen.window(rect(x, y, w, h), lit)
    pen.line(f"M{num(x + w / 2)} {num(y)}v{num(h)}M{num(x)} {num(y + h / 2)}h{num(w)}", "#f3ead8", 0.9)
    if lit and pen.stage.dark > 0.5:
        pen.glow(x + w / 2, y + h / 2, max(w, h) * 1.7, LAMP, 0.4)


def two_faced(
    pen: Pen, front: float, side: float, wall: float, ridge: float, walls: Rgb | str, roof: Rgb | str
) -> None:
    """A gabled body: gable front to the left, long side to the right, roof over the side."""
    eave, middle, corner = 4.0, -side + front / 2, -side + front
    gable = [(-side, 0), (-side, -wall), (middle, -ridge), (corner, -wall), (corner, 0)]
    pen.fill(poly(gable), walls, -0.5)
    pen.fill(poly([(corner, 0), (corner, -wall), (side, -wall), (side, 0)]), walls, 0.6)
    far_ridge, near_eave = (side - front / 4, -ridge - 2), (corner + eave * 0.4, -wall + 3)
    roof_over(pen, poly([(middle, -ridge - 2), far_ridge, (side + eave, -wall + 3), near_eave]), roof, 0.5)
    edge = [
        (-side - eave, -wall + 5),
        (middle, -ridge - 3),
        near_eave,
        (corner - 1.5, -wall + 6),
        (middle, -ridge + 3),
        (-side - eave + 3, -wall + 8),
    ]
    roof_over(pen, poly(edge), scale(rgb(roof) if isinstance(roof, str) else roof, 0.8), -0.3)


def _chimney(pen: Pen, x: float, y: float, smoke: bool = True) -> None:
    pen.fill(rect(x - 3.5, y - 13, 7, 15), "#8a5f50", 0.1)
    pen.fill(rect(x - 4.5, y - 15, 9, 3), "#6d4a40", 0.3)
    if smoke:
        for k in range(4):
            r = 4 + 2.4 * k
            pen.fill(
                circle(x + 3 * k + pen.rng.uniform(-2, 2), y - 21 - 11 * k, r), "#e8e6e6", 0.2, opacity=0.5 - 0.1 * k
            )


def house(pen: Pen) -> None:
    """A cottage with a gable, chimney and lit windows."""
    walls, roof = (
        pen.main(("#f2e3c6", "#f4efe4", "#e9c9a4", "#d9e2e4")[pen.rng.randrange(4)]),
        ("#c4553d", "#9a4b3f", "#5f6f86", "#b8693c")[pen.rng.randrange(4)],
    )
    _chimney(pen, 26, -82)
    two_faced(pen, 46, 58, 46, 88, walls, roof)
    pen.fill(rect(6, -30, 15, 30), "#7a4a35", 0.3)
    pen.fill(circle(18, -15, 1.2), "#f0c05a")
    panes(pen, -43, -38, 16, 17)
    panes(pen, 31, -37, 15, 16)
    pen.window(circle(-35, -62, 5.4))


def tall_house(pen: Pen) -> None:
    """A narrow town house with a stepped gable."""
    walls = pen.main(("#d98a5f", "#e8c07a", "#c96a5a", "#8fa9b8", "#e3d6c0")[pen.rng.randrange(5)])
    pen.fill(rect(-22, -78, 44, 78), walls, 0.15)
    pen.fill(rect(-22, -78, 9, 78), walls, -0.4)
    left = [(-22.0, -78.0), (-22.0, -84.0), (-15.0, -84.0), (-15.0, -91.0), (-8.0, -91.0), (-8.0, -98.0), (-3.0, -98.0)]
    steps = [*left, (-3.0, -100.0), (3.0, -100.0), *((-x, y) for x, y in reversed(left))]
    pen.fill(poly(steps), SNOW if snowy(pen) else scale(walls, 0.85))
    for row in range(3):
        for col in (-1, 0, 1):
            if row == 0 and col == 0:
                continue
            panes(pen, col * 12.5 - 4, -24 - row * 22, 8, 13, pen.rng.random() < 0.75)
    pen.fill(rect(-5, -20, 10, 20), "#5a3f38", 0.2)
    pen.window(circle(0, -84, 3.6))


def cabin(pen: Pen) -> None:
    """A log cabin: round logs, a deep roof, warm windows."""
    wood = pen.main("#a06a41")
    _chimney(pen, 30, -78)
    two_faced(pen, 50, 66, 40, 86, wood, "#6a4a3c")
    logs = "".join(f"M-66 {num(-y)}H-16M-16 {num(-y)}H66" for y in range(7, 40, 7))
    pen.line(logs, scale(wood, 0.66), 1.4)
    pen.fill(rect(-50, -30, 14, 30), "#5a3a28", -0.2)
    panes(pen, 6, -32, 16, 15)
    panes(pen, 36, -32, 16, 15)
    pen.window(poly([(-47, -54), (-41, -64), (-35, -54)]))


def barn(pen: Pen) -> None:
    """A red barn with white braces and a hayloft."""
    red = pen.main("#b53a30")
    front = [(-62, 0), (-62, -44), (-52, -66), (-28, -88), (-4, -66), (6, -44), (6, 0)]
    pen.fill(poly([(6, 0), (6, -44), (66, -44), (66, 0)]), red, 0.6)
    roof_over(pen, poly([(-28, -91), (44, -91), (58, -68), (68, -43), (6, -43), (-4, -68)]), "#6f7682", 0.5)
    pen.fill(poly([(float(x), float(y)) for x, y in front]), red, -0.45)
    pen.line("M-62 -44L-52 -66L-28 -88L-4 -66L6 -44", SNOW if snowy(pen) else "#f2ece0", 4)
    pen.fill(rect(-44, -38, 32, 38), "#7f2822", -0.3)
    pen.line("M-44 0V-38H-12V0M-44 -38L-12 0M-12 -38L-44 0M-28 -38V0", "#f2ece0", 1.8)
    pen.window(rect(-34, -64, 12, 12))
    pen.line("M-34 -64h12v12h-12Z", "#f2ece0", 1.6)
    for x in (18, 36, 54):
        panes(pen, x - 5, -30, 9, 11)


def silo(pen: Pen) -> None:
    """A grain silo with a dome."""
    steel = pen.main("#b9c0c6")
    pen.round(rect(-17, -80, 34, 80), steel, 0, 17)
    pen.round(
        "M-17 -80Q-16 -100 0 -100Q16 -100 17 -80Z",
        "#8d5a4a" if pen.colour is Colour.NATURAL else scale(steel, 0.8),
        0,
        17,
    )
    pen.line("".join(f"M-17 {-y}Q0 {-y + 4} 17 {-y}" for y in range(12, 80, 12)), scale(steel, 0.75), 1)


def igloo(pen: Pen) -> None:
    """A dome of snow blocks."""
    snow = pen.main("#eef5fb")
    pen.round("M-80 0Q-80 -100 0 -100Q80 -100 80 0Z", snow, 0, 80)
    pen.line(
        (
            "M-76 -30Q0 -44 76 -30M-66 -58Q0 -72 66 -58M-44 -82Q0 -92 44 -82M-50 -34v-26M-14 -40v-27M40 -36"
            "v-26M-30 -64v-22M18 -66v-22M-30 0v-34"
        ),
        scale(snow, 0.78),
        1.6,
    )
    pen.round("M-4 0v-26a26 26 0 0 1 52 0v26Z", snow, 22, 26)
    pen.fill("M4 0v-24a18 18 0 0 1 36 0v24Z", "#31456a")
    if pen.stage.dark > 0.4:
        pen.glow(22, -12, 34, LAMP, 0.7)


def tent(pen: Pen) -> None:
    """A ridge tent, lit from inside when it is dark."""
    cloth = pen.main("#e07b39")
    pen.fill(poly([(-12, -100), (58, -88), (92, 0), (36, 0)]), cloth, 0.6)
    pen.fill(poly([(-70, 0), (-12, -100), (36, 0)]), cloth, -0.3)
    pen.fill(poly([(-34, 0), (-12, -84), (10, 0)]), "#3d2a26")
    if pen.stage.dark > 0.3:
        pen.bright(poly([(-34, 0), (-12, -84), (10, 0)]), scale(LAMP, 0.95))
        pen.glow(-12, -30, 85, LAMP, 0.55)
    pen.fill(poly([(-38, 0), (-12, -90), (-12, -76), (-24, 0)]), cloth, 0.2)
    pen.fill(poly([(14, 0), (-12, -90), (-12, -76), (2, 0)]), cloth, 0.4)
    pen.line("M-70 0L-92 4M92 0L108 4M-12 -100L-14 -106", "#7a6a58", 1.4)


def tipi(pen: Pen) -> None:
    """A tipi with crossed poles and a painted band."""
    hide = pen.main("#ecd9b6")
    pen.line("M-6 -82L12 -104M6 -82L-12 -104M0 -82L2 -106", "#7a5a40", 2.2)
    pen.round("M-48 0L0 -88L48 0Z", hide, 0, 48)
    pen.fill(poly([(-41, -13), (-36, -22), (36, -22), (41, -13)]), "#c4553d", 0.1)
    zig = "".join(f"L{num(-36 + 6 * k)} {num(-22 - (5 if k % 2 else 0))}" for k in range(13))
    pen.fill("M-36 -22" + zig + "Z", "#3f7f8a", 0.1)
    pen.fill("M-11 0L0 -40L11 0Z", "#4d3428")
    if pen.stage.dark > 0.3:
        pen.glow(0, -10, 34, LAMP, 0.8)


def well(pen: Pen) -> None:
    """A round well under a little roof."""
    stone = pen.main("#a79c90")
    pen.line("M-34 -40V-82M34 -40V-82", "#7a5840", 6)
    pen.line("M-34 -72H34M0 -72V-56", "#8a6a50", 3)
    pen.fill(rect(-7, -57, 14, 12), "#8a6a50", 0.2)
    pen.round("M-44 -42V-8Q0 8 44 -8V-42Z", stone, 0, 44)
    pen.fill(ellipse(0, -42, 44, 10), scale(stone, 1.1), 0.3)
    pen.fill(ellipse(0, -42, 33, 7), "#2a3440")
    roof_over(pen, poly([(-56, -76), (0, -104), (56, -76), (50, -72), (0, -95), (-50, -72)]), "#a04f3c", 0.2)
