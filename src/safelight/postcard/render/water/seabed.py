"""The floor of the sea: sand, corals, kelp."""

from random import Random

from safelight.postcard.render.ground.relief import Band, albedo, draw_rolling
from safelight.postcard.render.ground.scatter import scatter
from safelight.postcard.render.ground.stones import boulder
from safelight.postcard.render.paper.canvas import Point, ellipse, num, smooth
from safelight.postcard.render.paper.colour import NAMED, WHITE, Rgb, mix, rgb, scale, turn
from safelight.postcard.render.paper.shapes import blob, jagged, spread
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import Colour


def draw_seabed(stage: Stage, band: Band) -> None:
    """Sand under water: far rocks, ripples, the net of light that waves throw on it, stones with weed."""
    sand = albedo(stage, band.layer)
    rng, light, canvas = stage.rng("seabed", band.layer.detail), stage.light, stage.canvas
    _far_rocks(stage, band)
    draw_rolling(stage, band, mix(sand, rgb("#3f8fae"), 0.35))
    net: list[str] = []
    ripples: list[str] = []
    for x, y, s in scatter(stage, band, rng, 46):
        wide, high = 110 * s * rng.uniform(0.5, 1.4), 8 * s
        shape = (
            f"M{num(x - wide)} {num(y)}Q{num(x)} {num(y - high * 2)} {num(x + wide)} {num(y)}"
            f"Q{num(x)} {num(y - high)} {num(x - wide)} {num(y)}Z"
        )
        (net if rng.random() < 0.5 else ripples).append(shape)
    canvas.path("".join(ripples), light.land(scale(sand, 0.6), band.distance, -0.4), 0.4, outlined=False)
    canvas.path(
        "".join(net), mix(light.land(sand, band.distance, 0.9), WHITE, 0.3), 0.4 * (1 - stage.dark), outlined=False
    )
    for x, y, s in scatter(stage, band, rng, 12):
        boulder(stage, rng, x, y, 84 * s * rng.uniform(0.5, 1.2), rgb("#5f7f8c"), band.distance * 0.7)
    weed = []
    for x, y, s in scatter(stage, band, rng, 20):
        for k in (-1, 0, 1):
            high, lean = 70 * s * rng.uniform(0.6, 1.3), 16 * s * k + rng.uniform(-9, 9)
            weed.append(
                f"M{num(x - 3 * s)} {num(y)}Q{num(x - lean)} {num(y - high * 0.5)} {num(x + lean)} {num(y - high)}"
                f"Q{num(x - lean * 0.4 + 7 * s)} {num(y - high * 0.5)} {num(x + 4 * s)} {num(y)}Z"
            )
    canvas.path("".join(weed), light.land(rgb("#3f8a6a"), band.distance * 0.6, -0.1), outlined=False)


def _far_rocks(stage: Stage, band: Band) -> None:
    """Rocks and a school of fish that show only as shapes in the blue."""
    frame, canvas, rng = stage.frame, stage.canvas, stage.rng("far rocks", band.layer.detail)
    sea, deep = rgb("#1f86b0"), rgb("#0b3a66")
    for k in range(2):
        tone = scale(mix(sea, deep, 0.3 + 0.3 * k), 1 - 0.6 * stage.dark)
        line = [(x, band.crest(x) - frame.rise * (0.16 - 0.07 * k) * rng.random() ** 1.5) for x in _across(frame.width)]
        foot = band.foot + 0.1 * frame.rise
        canvas.path(smooth(line) + f"L{num(frame.width + 40)} {num(foot)}L-40 {num(foot)}Z", tone, 0.55, outlined=False)
    school, turned = [], rng.choice((-1, 1))
    cx, cy = frame.width * rng.uniform(0.2, 0.8), band.foot * rng.uniform(0.35, 0.7)
    for _ in range(22):
        x, y, s = cx + rng.gauss(0, 0.1) * frame.rise, cy + rng.gauss(0, 0.045) * frame.rise, rng.uniform(5, 9)
        school.append(
            f"M{num(x - turned * s)} {num(y)}Q{num(x)} {num(y - s * 0.7)} {num(x + turned * s)} {num(y)}"
            f"l{num(turned * s * 0.6)} {num(-s * 0.4)}v{num(s * 0.8)}l{num(-turned * s * 0.6)} {num(-s * 0.4)}"
            f"Q{num(x)} {num(y + s * 0.7)} {num(x - turned * s)} {num(y)}Z"
        )
    canvas.path("".join(school), scale(mix(sea, deep, 0.6), 1 - 0.6 * stage.dark), 0.6, outlined=False)


def _across(width: float) -> list[float]:
    return [-40 + (width + 80) * i / 22 for i in range(23)]


_CORAL = ("#f2676b", "#f59a5b", "#d86bb5", "#f2c14e", "#8f6bd8", "#ef86a6")


def draw_corals(stage: Stage, band: Band) -> None:
    """A reef: fans, tubes and brain corals on the seabed."""
    draw_seabed(stage, band)
    rng, light, frame = stage.rng("corals", band.layer.detail), stage.light, stage.frame
    tall, away = max(0.1, band.layer.height) * frame.rise, band.distance * 0.55
    for x in spread(rng, int((6 + 10 * band.layer.density) * frame.width / 1300), -20, frame.width + 20):
        if not stage.free(x, tall * 0.1, band.layer.depth + 0.02):
            continue
        y = band.crest(min(max(x, 0), frame.width)) + rng.uniform(6, 0.14 * frame.rise)
        tone = rgb(NAMED[band.layer.colour]) if band.layer.colour is not Colour.NATURAL else rgb(rng.choice(_CORAL))
        tones = light.land(tone, away, 0.35), light.land(scale(tone, 0.75), away, -0.3)
        kind = (_fan, _tubes, _brain)[rng.randrange(3)]
        kind(stage, rng, (x, y), tall * rng.uniform(0.35, 0.8), tones)


_Tones = tuple[Rgb, Rgb]
"""A coral's colour in the light and in the shade."""


def _fan(stage: Stage, rng: Random, foot: Point, high: float, tones: _Tones) -> None:
    """Five arms that spread from one foot."""
    x, y = foot
    for k in range(5):
        low = y - high * (1 - 0.12 * abs(k - 2))
        arm = jagged(rng, (x, y), (x + (k - 2) * high * 0.24, low), 0.16, 2)
        stage.canvas.stroke(smooth([*arm, (x + (k - 2) * high * 0.26, low)]), tones[(k + 1) % 2], high * 0.1)


def _tubes(stage: Stage, rng: Random, foot: Point, high: float, tones: _Tones) -> None:
    """Four pipes side by side, open at their tops."""
    (x, y), w, (colour, shade) = foot, high * 0.08, tones
    for k in range(4):
        tx, th = x + (k - 1.5) * high * 0.2, high * rng.uniform(0.5, 0.9)
        stage.canvas.path(
            f"M{num(tx - w * 0.7)} {num(y)}L{num(tx - w)} {num(y - th)}h{num(2 * w)}L{num(tx + w * 0.7)} {num(y)}Z",
            colour,
        )
        stage.canvas.path(ellipse(tx, y - th, w, w * 0.45), shade, outlined=False)


def _brain(stage: Stage, rng: Random, foot: Point, high: float, tones: _Tones) -> None:
    """A round lump, lit from the side."""
    (x, y), r, (colour, shade) = foot, high * 0.4, tones
    stage.canvas.path(smooth(blob(rng, x, y - r * 0.5, r, r * 0.75, 11, 0.06), close=True), shade)
    lit = blob(rng, x + stage.light.side * r * 0.15, y - r * 0.65, r * 0.72, r * 0.5, 11, 0.06)
    stage.canvas.path(smooth(lit, close=True), colour, outlined=False)


def draw_kelp(stage: Stage, band: Band) -> None:
    """Kelp that sways upwards from the seabed."""
    rng, light, frame = stage.rng("kelp", band.layer.detail), stage.light, stage.frame
    draw_seabed(stage, band)
    tall = max(0.1, band.layer.height) * frame.rise
    tone = rgb(NAMED[band.layer.colour]) if band.layer.colour is not Colour.NATURAL else rgb("#3f9a6a")
    for x in spread(rng, int((7 + 13 * band.layer.density) * frame.width / 1300), 0, frame.width, 1.3):
        if not stage.free(x, tall * 0.08, band.layer.depth + 0.02):
            continue
        y, high = band.crest(x) + rng.uniform(4, 50), tall * rng.uniform(0.45, 1.0)
        sway, w = rng.uniform(0.04, 0.1) * high, high * 0.035
        spine = [(x + sway * (1 if k % 2 else -1) * (0.4 + k / 8), y - high * k / 8) for k in range(9)]
        left = [(px - w * (1 - k / 9), py) for k, (px, py) in enumerate(spine)]
        right = [(px + w * (1 - k / 9), py) for k, (px, py) in enumerate(spine)]
        colour = light.land(turn(tone, rng.uniform(-16, 16)), band.distance * 0.7, rng.uniform(-0.5, 0.5))
        stage.canvas.path(smooth(left) + "L" + smooth(right[::-1])[1:] + "Z", colour)
        blades = []
        for k in range(1, 8):
            px, py = spine[k]
            s = 1 if k % 2 else -1
            blades.append(
                f"M{num(px)} {num(py)}"
                f"q{num(s * high * 0.07)} {num(-high * 0.06)} {num(s * high * 0.1)} {num(-high * 0.01)}"
                f"q{num(-s * high * 0.05)} {num(high * 0.03)} {num(-s * high * 0.1)} {num(high * 0.01)}Z"
            )
        stage.canvas.path("".join(blades), colour, outlined=False)
