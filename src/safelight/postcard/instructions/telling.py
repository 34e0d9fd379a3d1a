"""A scene in a few words, for the text encoder: what it was asked for is not in it, and need not be."""

# Tested in tests/postcard/test_instructions.py.

from __future__ import annotations

from collections import Counter

from safelight.postcard.instructions.words import name_of, plural
from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.things import THINGS
from safelight.postcard.scenes.vocabulary import Colour, Palette, Setting, Style, Weather

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
_SEEN = 0.15


def told(scene: Scene, unknown: str = "") -> str:
    """Setting, things, light, weather, season and style; `unknown` is a thing that the catalogue does not name."""
    world = scene.world
    things = [unknown] if unknown else []
    for (kind, colour), count in Counter((x.kind, x.colour) for x in scene.things).items():
        name = THINGS[kind].name
        said = f"{_colour(colour)}{plural(name) if count > 1 else name}"
        things.append(f"{_NUMBERS[count]} {said}" if count > 1 else f"{'an' if said[0] in 'aeiou' else 'a'} {said}")
    place = world.setting.value.replace("_", " ") if world.setting is not Setting.PLAIN else "plain background"
    parts = [f"{place} with {', '.join(things)}" if things else place]
    parts += [name_of("light", world.light), name_of("season", world.season)]
    if world.weather is not Weather.CLEAR:
        parts.append(name_of("weather", world.weather))
    parts += [word for word in ("stars", "aurora", "rainbow") if getattr(world.sky, word) > _SEEN]
    if world.palette is not Palette.NATURAL:
        parts.append(name_of("palette", world.palette))
    if world.style is not Style.FLAT:
        parts.append(name_of("style", world.style))
    return ", ".join(parts)


def _colour(colour: Colour) -> str:
    return "" if colour is Colour.NATURAL else name_of("colour", colour) + " "
