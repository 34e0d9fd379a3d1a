"""Palettes by name: a function that turns every colour of the picture."""

from collections.abc import Callable

from safelight.postcard.render.light.moods import Mood
from safelight.postcard.render.paper.colour import NAMED, WHITE, Rgb, contrast, luma, mix, multiply, ramp, rgb, saturate
from safelight.postcard.scenes.scene import World
from safelight.postcard.scenes.vocabulary import Colour, Palette

Tone = Callable[[Rgb], Rgb]


def grade(world: World, mood: Mood) -> Tone:
    """The tone of the scene's palette."""
    return {
        Palette.NATURAL: lambda c: saturate(c, 1.06),
        Palette.PASTEL: lambda c: mix(saturate(c, 0.82), (1.0, 0.97, 0.95), 0.36),
        Palette.VIBRANT: lambda c: contrast(saturate(c, 1.38), 0.35),
        Palette.WARM: lambda c: multiply(mix(saturate(c, 1.05), rgb("#e8a05c"), 0.16), (1.06, 0.98, 0.88)),
        Palette.COLD: lambda c: multiply(mix(saturate(c, 0.95), rgb("#5f92c8"), 0.17), (0.9, 1.0, 1.08)),
        Palette.EARTHY: lambda c: mix(multiply(saturate(c, 0.66), (1.04, 0.97, 0.86)), rgb("#8a6a48"), 0.12),
        Palette.MUTED: lambda c: mix(saturate(c, 0.55), rgb("#9a9a98"), 0.12),
        Palette.MONOCHROME: _duotone(world, mood),
    }[world.palette]


def _duotone(world: World, mood: Mood) -> Tone:
    base = rgb(NAMED[world.accent]) if world.accent is not Colour.NATURAL else saturate(mood.sky[0], 0.9)
    deep, pale = mix(multiply(base, (0.3, 0.3, 0.34)), (0.05, 0.06, 0.1), 0.4), mix(base, WHITE, 0.86)
    middle = mix(base, (0.5, 0.5, 0.52), 0.35)
    stops = (deep, mix(deep, middle, 0.7), middle, mix(middle, pale, 0.6), pale)
    return lambda c: ramp(stops, luma(c))
