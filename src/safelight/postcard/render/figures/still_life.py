"""Things that stand on a table, each drawn by a pen: 100 high, foot at (0, 0)."""

import math

from safelight.postcard.render.paper.canvas import circle, ellipse, num, rect
from safelight.postcard.render.paper.colour import WHITE, Rgb, mix, rgb, scale
from safelight.postcard.render.stage import LAMP, Pen


def treasure_chest(pen: Pen) -> None:
    """An open chest full of gold."""
    wood, gold = pen.main("#8a5430"), "#f2bf3a"
    pen.fill("M-66 -54Q-70 -100 -40 -100H52Q74 -98 68 -54Z", scale(wood, 0.62))
    pen.glow(0, -54, 70, gold, 0.5)
    pen.fill("".join(circle(-48 + 13.5 * k, -56 - 9 * math.sin(0.45 * k), 11) for k in range(8)), gold, 0.5)
    pen.fill(rect(-66, -54, 132, 54), wood, 0.1)
    pen.fill(rect(-66, -54, 132, 8) + rect(-48, -54, 10, 54) + rect(38, -54, 10, 54), "#d9a63a", 0.2)
    pen.fill(rect(-9, -52, 18, 20), "#e8c25a", 0.4)


def pot_body(pen: Pen, d: str, colour: Rgb, r: float) -> None:
    """A turned vessel with a gleam."""
    pen.round(d, colour, 0, r)


def vase(pen: Pen) -> None:
    """A vase of flowers."""
    c = pen.main("#3f7fa8")
    blooms = ("#e8524a", "#f2b63a", "#f3efe6", "#d96bb0", "#8a6fd0")
    for k in range(7):
        x = (k - 3) * 11.5 + pen.rng.uniform(-2, 2)
        y = -80 - 12 * math.cos((k - 3) / 2.4) + pen.rng.uniform(-4, 4)
        pen.line(f"M0 -44Q{num(x * 0.3)} {num(y * 0.8)} {num(x)} {num(y)}", "#4f8a45", 1.6)
    pen.fill(
        "".join(
            f"M{num(x * 0.4)} -52Q{num(x)} -70 {num(x * 1.3)} -62Q{num(x)} -54 {num(x * 0.4)} -52Z"
            for x in (-24, -14, 14, 24)
        ),
        "#5f9a4c",
        0.1,
    )
    for k in range(7):
        x = (k - 3) * 11.5
        y = -80 - 12 * math.cos((k - 3) / 2.4) + pen.rng.uniform(-3, 3)
        bloom = rgb(blooms[pen.rng.randrange(5)])
        pen.fill(
            "".join(ellipse(x + 5 * math.cos(a), y + 5 * math.sin(a), 4.4, 4.4) for a in (0.2, 1.46, 2.7, 3.97, 5.2)),
            bloom,
            (k - 3) / 4,
        )
        pen.fill(circle(x, y, 2.6), "#f6cf5a" if bloom != rgb("#f2b63a") else "#8a4f2a")
    pot_body(pen, "M-9 -50H9Q8 -42 14 -34Q24 -18 12 0H-12Q-24 -18 -14 -34Q-8 -42 -9 -50Z", c, 21)
    pen.fill(ellipse(0, -50, 10, 2.2), scale(c, 0.6))


def cup(pen: Pen) -> None:
    """A cup on its saucer, steaming."""
    c = pen.main("#f1ece2")
    pen.line("M-16 -84q-8 -9 0 -18M6 -84q-8 -9 0 -18", WHITE, 3.4, 0.5)
    pen.fill(ellipse(0, -5, 66, 9), scale(c, 0.92), 0.2)
    pen.fill(ellipse(0, -6.5, 44, 5), scale(c, 0.78))
    pen.stage.canvas.stroke("M38 -58Q66 -62 60 -40Q54 -26 32 -26", pen.tint(c, 0.2), 8)
    pot_body(pen, "M-43 -72H43Q42 -18 18 -7H-18Q-42 -18 -43 -72Z", c, 43)
    pen.fill(ellipse(0, -72, 43, 8), mix(c, WHITE, 0.3), 0.3)
    pen.fill(ellipse(0, -71, 37, 6), "#6a4026")


def teapot(pen: Pen) -> None:
    """A round teapot."""
    c = pen.main("#c4553d")
    pen.stage.canvas.stroke("M46 -66Q84 -68 76 -38Q68 -20 42 -20", pen.tint(c, 0.3), 9)
    pen.fill("M-40 -34Q-62 -40 -72 -72L-86 -74Q-80 -30 -42 -14Z", c, -0.4)
    pot_body(pen, "M-46 -40Q-46 -76 0 -78Q46 -76 46 -40Q46 -8 24 0H-24Q-46 -8 -46 -40Z", c, 46)
    pen.fill("M-27 -76Q0 -96 27 -76Z", scale(c, 0.86), 0.2)
    pen.fill(circle(0, -92, 6.5), scale(c, 0.7), 0.3)


def bottle(pen: Pen) -> None:
    """A bottle with its label."""
    c = pen.main("#3f6f4a")
    pot_body(pen, "M-6 -100H6V-72Q16 -64 16 -52V-3Q16 0 13 0H-13Q-16 0 -16 -3V-52Q-16 -64 -6 -72Z", c, 16)
    pen.fill(rect(-15.6, -44, 31.2, 25), "#f1e6cc", 0.2)
    pen.line("M-9 -36H9M-9 -30H5", scale(c, 0.8), 1.6)
    pen.fill(rect(-6.6, -101, 13.2, 6), "#b0803f", 0.2)
    pen.stage.canvas.path("M-11 -62Q-12 -56 -12 -48L-9.4 -48Q-9.4 -56 -8 -62Z", WHITE, 0.5, outlined=False)


def jar(pen: Pen) -> None:
    """A jar of preserve."""
    c = pen.main("#d9782f")
    pot_body(pen, "M-32 -78Q-40 -72 -40 -62V-6Q-40 0 -34 0H34Q40 0 40 -6V-62Q40 -72 32 -78Z", c, 40)
    pen.fill(rect(-34, -98, 68, 20), "#e8e2d2", 0.2)
    pen.line("M-34 -92h68M-34 -85h68", "#b9b2a2", 1.4)
    pen.fill(rect(-24, -52, 48, 30), "#f6efdd", 0.2)
    pen.stage.canvas.path("M-34 -66v48h5v-48Z", WHITE, 0.4, outlined=False)


def lamp(pen: Pen) -> None:
    """A table lamp with a lit shade."""
    c = pen.main("#e3b45f")
    pen.glow(0, -70, 96, LAMP, 0.4 + 0.4 * pen.stage.dark)
    pen.round("M-4 -8L-3 -46H3L4 -8Z", "#6a4f3c", 0, 4)
    pen.round("M-24 0Q-22 -10 0 -11Q22 -10 24 0Z", "#6a4f3c", 0, 24)
    shade = pen.stage.canvas.linear(((0.0, mix(c, LAMP, 0.35), 1.0), (1.0, mix(c, WHITE, 0.6), 1.0)), 0, -100, 0, -46)
    pen.stage.canvas.path("M-20 -100H20L38 -46H-38Z", shade)


def lantern(pen: Pen) -> None:
    """A storm lantern."""
    c = pen.main("#4a4f58")
    pen.stage.canvas.stroke("M-24 -74Q-24 -104 0 -104Q24 -104 24 -74", pen.tint(c), 3)
    pen.glow(0, -42, 90, LAMP, 0.4 + 0.4 * pen.stage.dark)
    pen.bright("M-21 -68H21L25 -16H-25Z", mix(LAMP, WHITE, 0.25))
    pen.bright("M0 -56Q-11 -34 0 -22Q11 -34 0 -56Z", "#ff9a3c")
    pen.fill("M-29 -16H29L33 0H-33ZM-23 -68L-13 -86H13L23 -68Z", c, 0.2)
    pen.line("M-21 -68L-25 -16M21 -68L25 -16M0 -68V-60", c, 3)


def clock(pen: Pen) -> None:
    """An alarm clock with two bells."""
    c = pen.main("#d2553d")
    pen.line("M-26 -8L-34 2M26 -8L34 2M0 -84V-96", "#4a4048", 6)
    pen.fill("M-44 -74A20 20 0 0 1 -12 -92ZM44 -74A20 20 0 0 0 12 -92Z", c, 0.3)
    pot_body(pen, circle(0, -44, 43), c, 43)
    pen.fill(circle(0, -44, 34), "#faf4e4", 0.3)
    pen.line("M0 -44V-68M0 -44L15 -36", "#33303a", 3.6)
    pen.line("M0 -74v4M0 -18v4M-30 -44h4M26 -44h4", "#33303a", 2.4)
