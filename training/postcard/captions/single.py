"""Captions of one word or two, as they stand in negative prompts: "clouds", "people", "crowded, noisy"."""

import random

from training.postcard.captions import words as w
from training.postcard.captions.names import names, plural
from training.postcard.families import ANIMALS, BIRDS, BOATS, BUILDINGS, CARS, FLOWERS, FRUIT, PEOPLE, TREES
from training.postcard.reading import Reading, read

from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.things import THINGS
from safelight.postcard.scenes.vocabulary import Colour, LayerKind, Light

FAMILIES: dict[str, frozenset[str]] = {
    "people|person|humans|crowds of people|figures": PEOPLE,
    "boats|ships|boat|vessels": BOATS,
    "buildings|houses|architecture": BUILDINGS,
    "cars|traffic|vehicles": CARS,
    "fruit|fruits": FRUIT,
    "flowers|blossoms": FLOWERS,
    "birds|bird": BIRDS,
    "animals|animal|wildlife": ANIMALS,
    "trees|tree|plants": TREES - {"potted_plant", "clover", "seedling"},
}

LAYER_FAMILIES: dict[str, frozenset[LayerKind]] = {
    "trees|tree|forest": frozenset({LayerKind.PINES, LayerKind.BROADLEAVES, LayerKind.BIRCHES, LayerKind.PALMS}),
    "mountains|mountain": frozenset({LayerKind.MOUNTAINS}),
    "water": frozenset({LayerKind.SEA, LayerKind.LAKE, LayerKind.RIVER}),
    "buildings|houses": frozenset({LayerKind.SKYLINE, LayerKind.HOUSES}),
    "flowers": frozenset({LayerKind.FLOWERS, LayerKind.TULIPS, LayerKind.SUNFLOWERS, LayerKind.LAVENDER}),
    "snow": frozenset({LayerKind.SNOW}),
    "rocks": frozenset({LayerKind.ROCKS}),
}

SKY_WORDS = {
    "clouds": "clouds|cloud|cloudy sky|clouds in the sky",
    "fog": "fog|mist|haze|fog, mist",
    "rain": "rain|rain drops|raining",
    "snowfall": "snowfall|falling snow|snowflakes",
    "stars": "stars|star sky",
    "moon": "moon|the moon",
    "sun": "sun|the sun",
    "rainbow": "rainbow",
    "lightning": "lightning|thunderstorm",
    "aurora": "aurora|northern lights",
    "flock": "birds|flock of birds",
}


def single(scene: Scene, rng: random.Random) -> str:
    """One thing that is in the scene, named alone; empty if nothing is worth naming alone."""
    reading = read(scene)
    words = [SKY_WORDS[s] for s in SKY_WORDS if s in reading.sky]
    words += [text for text, kinds in FAMILIES.items() if any(t.kind in kinds for t in reading.things)]
    words += [text for text, layers in LAYER_FAMILIES.items() if layers & reading.layers]
    words += _things(reading)
    words += _manner(reading)
    if not words:
        return ""
    said = [rng.choice(rng.choice(words).split("|"))]
    if rng.random() < 0.25:
        said.append(rng.choice(rng.choice(words).split("|")))
    return ", ".join(dict.fromkeys(said))


def _things(reading: Reading) -> list[str]:
    kinds = sorted({t.kind for t in reading.things})
    out = []
    for kind in kinds:
        name = (names(kind, False) or THINGS[kind].names)[0]
        out.append(f"{name}|{plural(name)}")
    out += ["|".join(w.COLOUR_WORDS[t.colour]) for t in reading.things if t.colour is not Colour.NATURAL]
    return out


def _manner(reading: Reading) -> list[str]:
    words = ["|".join(w.LIGHT_TAGS[reading.light]), "|".join(w.SETTING_NOUNS[reading.setting])]
    if reading.light in (Light.DUSK, Light.NIGHT):
        words.append("dark|darkness|dark, gloomy")
    if len(reading.things) >= 5:
        words += ["crowded|busy|crowded, noisy|cluttered|crowded, noisy, chaotic|too many things"] * 3
    elif not reading.things:
        words += ["empty|nothing|lonely|deserted"]
    words.append("|".join((*w.WEATHER_TAGS[reading.weather], *w.SEASON_TAGS[reading.season])))
    return words
