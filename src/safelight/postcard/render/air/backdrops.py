"""Settings without a sky of the usual kind: plain backgrounds, outer space, the sea from within."""

import math
from random import Random

from safelight.postcard.render.air.sky import sparkle
from safelight.postcard.render.light.moods import choose
from safelight.postcard.render.paper.canvas import circle, ellipse, poly
from safelight.postcard.render.paper.colour import NAMED, WHITE, Rgb, mix, multiply, ramp, rgb, scale, turn
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import Colour, Setting, SkyBody


def draw_backdrop(stage: Stage) -> bool:
    """Draws the backdrop of a setting that has one; says whether it did."""
    setting = stage.world.setting
    if setting is Setting.PLAIN:
        _plain(stage)
    elif setting is Setting.SPACE:
        _space(stage)
    elif setting is Setting.UNDERWATER:
        _underwater(stage)
    else:
        return False
    return True


_PLAINS = ("#f3e4cf", "#cfe3e2", "#f4cfc0", "#d9d3ec", "#f6dd9c", "#c4dcc0")


def plain_colour(stage: Stage) -> Rgb:
    """The colour of a plain background, dimmed by the light."""
    world = stage.world
    base = rgb(NAMED[world.accent]) if world.accent is not Colour.NATURAL else rgb(_PLAINS[choose(world, 6)])
    return mix(base, multiply(base, stage.light.mood.ambient), 0.75 * stage.dark)


def _plain(stage: Stage) -> None:
    """A sheet of colour with soft light from one side, and a floor line that is hardly there."""
    frame, canvas, base = stage.frame, stage.canvas, plain_colour(stage)
    with canvas.group('id="background"'):
        low = mix(base, scale(base, 0.8), 0.75)
        canvas.graded(0, 0, frame.width, frame.height, ((0.0, base), (0.5, base), (1.0, low)), frame.height)
        x = frame.width * (0.25 if stage.light.side < 0 else 0.75)
        reach = max(frame.width, frame.height)
        glow = canvas.soft(mix(base, WHITE, 0.5), 0.8)
        canvas.path(ellipse(x, frame.height * 0.24, reach * 0.5, frame.height * 0.42), glow, outlined=False)


_NEBULAE = (
    ("#5b2a86", "#b8397f", "#3fa7d6"),
    ("#123f6b", "#1f8f9e", "#c46bd8"),
    ("#6b1f4f", "#d9593d", "#f2b35e"),
    ("#2a2f86", "#6f5bd8", "#4fd0c8"),
)


def _space(stage: Stage) -> None:
    """Black between the stars, with nebulae and dust."""
    frame, canvas, rng = stage.frame, stage.canvas, stage.rng("space")
    colours = _nebula(stage)
    with canvas.group('id="space"'):
        deep = ((0.0, mix(colours[0], (0.02, 0.02, 0.07), 0.72)), (1.0, (0.02, 0.025, 0.07)))
        canvas.graded(0, 0, frame.width, frame.height, deep, frame.height)
        _clouds(stage, colours, rng)
        _stars(stage, colours, rng)
    if stage.world.sky.body is SkyBody.SUN:
        _star(stage)


def _nebula(stage: Stage) -> tuple[Rgb, ...]:
    """Three colours of a nebula: the scene's own, or those that its number chooses."""
    if stage.world.accent is Colour.NATURAL:
        return tuple(rgb(c) for c in _NEBULAE[choose(stage.world, 4)])
    own = rgb(NAMED[stage.world.accent])
    return scale(own, 0.7), own, turn(own, 30)


def _clouds(stage: Stage, colours: tuple[Rgb, ...], rng: Random) -> None:
    """Dust that glows, along a line across the picture."""
    frame, canvas, lean = stage.frame, stage.canvas, rng.uniform(-0.7, 0.7)
    for i in range(8):
        t = i / 7
        x = frame.width * t + rng.gauss(0, 60)
        y = frame.height * (0.5 + lean * (t - 0.5)) + rng.gauss(0, 0.13) * frame.height
        r = frame.rise * rng.uniform(0.12, 0.27)
        glow = canvas.soft(ramp(colours, rng.random()), rng.uniform(0.25, 0.5))
        canvas.path(ellipse(x, y, r * 1.35, r), glow, outlined=False)


def _stars(stage: Stage, colours: tuple[Rgb, ...], rng: Random) -> None:
    """Stars of two kinds, more of them in a larger picture, and a few glints."""
    frame, canvas = stage.frame, stage.canvas
    small: list[str] = []
    large: list[str] = []
    for _ in range(int(330 * frame.width * frame.height / 1.4e6)):
        (small if rng.random() < 0.8 else large).append(
            circle(frame.width * rng.random(), frame.height * rng.random(), 0.8 + 2.1 * rng.random() ** 3)
        )
    canvas.path("".join(small), WHITE, 0.7, outlined=False)
    canvas.path("".join(large), mix(WHITE, colours[2], 0.3), outlined=False)
    for _ in range(9):
        glint = sparkle(frame.width * rng.random(), frame.height * rng.random(), rng.uniform(7, 17))
        canvas.path(glint, WHITE, 0.9, outlined=False)


def _star(stage: Stage) -> None:
    """A near star at the place of the scene's sun."""
    frame, canvas, sky = stage.frame, stage.canvas, stage.world.sky
    x, y = frame.width * sky.body_x, frame.height * (0.85 - 0.7 * sky.body_height)
    r = 40 + 90 * sky.body_size
    with canvas.group('id="sun"'):
        canvas.path(circle(x, y, r * 5), canvas.soft(rgb("#ffcf7a"), 0.8), outlined=False)
        canvas.path(circle(x, y, r), rgb("#fff4d0"), outlined=False)


def _underwater(stage: Stage) -> None:
    """Water from within: light falls in shafts, it darkens downwards, bubbles rise."""
    frame, canvas, rng = stage.frame, stage.canvas, stage.rng("underwater")
    dark = stage.dark
    tops = ("#8fe3e0", "#7fd0ea", "#a5e6d0", "#86c6f0")
    top = (
        rgb(NAMED[stage.world.accent])
        if stage.world.accent is not Colour.NATURAL
        else rgb(tops[choose(stage.world, 4)])
    )
    middle, deep = mix(rgb("#1f86b0"), top, 0.2), mix(rgb("#0b3a66"), top, 0.06)
    dim = 1 - 0.62 * dark
    stops = (
        (0.0, scale(mix(top, WHITE, 0.25), dim)),
        (0.32, scale(mix(top, middle, 0.65), dim)),
        (0.72, scale(middle, dim * 0.9)),
        (1.0, scale(deep, dim)),
    )
    with canvas.group('id="water"'):
        canvas.graded(0, 0, frame.width, frame.height, stops, frame.height)
        sun_x = frame.width * stage.world.sky.body_x
        glow = canvas.soft(mix(top, WHITE, 0.6), 0.75 * dim)
        canvas.path(ellipse(sun_x, 0, frame.width * 0.36, frame.height * 0.34), glow, outlined=False)
        _shafts(stage, rng, sun_x, dim)
        bubbles = [
            circle(frame.width * rng.random(), frame.height * rng.random(), rng.uniform(2, 8)) for _ in range(30)
        ]
        canvas.path("".join(bubbles), mix(top, WHITE, 0.6), 0.4, outlined=False)


def _shafts(stage: Stage, rng: Random, sun_x: float, dim: float) -> None:
    """Light that falls from under the sun and spreads."""
    frame, canvas = stage.frame, stage.canvas
    for i in range(8):
        a = (i - 3.5) * 0.13 + rng.uniform(-0.04, 0.04)
        long, wide = frame.height * rng.uniform(0.6, 1.0), rng.uniform(14, 46)
        x = sun_x + i * 18 - 60
        end = x + math.tan(a * 1.6) * long
        ray = poly([(x - wide * 0.3, -5), (x + wide * 0.3, -5), (end + wide, long), (end - wide, long)])
        fade = canvas.linear(((0.0, WHITE, 0.34 * dim), (1.0, WHITE, 0.0)), 0, 0, 0, long)
        canvas.path(ray, fade, outlined=False)
