"""What lies and grows on dry ground: washes, pebbles, tufts of scrub."""

from safelight.postcard.render.ground.relief import Band
from safelight.postcard.render.ground.scatter import scatter
from safelight.postcard.render.paper.canvas import ellipse, num
from safelight.postcard.render.paper.colour import Rgb, mix, rgb, scale
from safelight.postcard.render.stage import Stage


def scrub(stage: Stage, band: Band, soil: Rgb) -> None:
    """Dresses bare ground of colour ``soil`` from the band's crest down to the next layer."""
    rng, light, canvas = stage.rng("scrub", band.layer.detail), stage.light, stage.canvas
    away = band.distance * 0.7
    washes, pebbles, shade = [], [], []
    for x, y, s in scatter(stage, band, rng, 16):
        wide, high = 260 * s * rng.uniform(0.6, 1.5), 11 * s
        washes.append(
            f"M{num(x - wide)} {num(y)}"
            f"Q{num(x - wide * 0.3)} {num(y - high * 1.7)} {num(x + wide)} {num(y - high * 0.6)}"
            f"Q{num(x + wide * 0.2)} {num(y + high)} {num(x - wide)} {num(y)}Z"
        )
    canvas.path("".join(washes), light.land(scale(soil, 0.84), away, -0.35), 0.45, outlined=False)
    for x, y, s in scatter(stage, band, rng, 60):
        r = 9 * s * rng.uniform(0.3, 1.2)
        shade.append(ellipse(x - light.side * r * 0.5, y + r * 0.15, r * 1.5, r * 0.35))
        pebbles.append(ellipse(x, y - r * 0.2, r, r * 0.62))
    canvas.path("".join(shade), light.land(scale(soil, 0.62), away, -0.6), 0.6, outlined=False)
    canvas.path("".join(pebbles), light.land(mix(soil, rgb("#9a8f84"), 0.35), away, 0.3), outlined=False)
    _tufts(stage, band, soil, away)


def _tufts(stage: Stage, band: Band, soil: Rgb, away: float) -> None:
    """Round dry bushes of fine twigs, in pairs and threes."""
    rng, light = stage.rng("dry tufts", band.layer.detail), stage.light
    dark: list[str] = []
    pale: list[str] = []
    for x, y, s in scatter(stage, band, rng, 22):
        for k in range(rng.randrange(1, 4)):
            cx, high = x + k * 26 * s * rng.uniform(-1, 1), 26 * s * rng.uniform(0.6, 1.3)
            if not stage.free(cx, high, 0.5):
                continue
            for i in range(9):
                lean = (i - 4) * 0.2 + rng.uniform(-0.06, 0.06)
                (pale if lean * light.side > 0.1 else dark).append(
                    f"M{num(cx - 1.2)} {num(y)}L{num(cx + lean * high)} {num(y - high * (1 - 0.3 * lean * lean))}"
                    f"L{num(cx + 1.2)} {num(y)}Z"
                )
    sage = mix(rgb("#8f9a5f"), soil, 0.25)
    stage.canvas.path("".join(dark), light.land(scale(sage, 0.7), away, -0.4), outlined=False)
    stage.canvas.path("".join(pale), light.land(sage, away, 0.5), outlined=False)
