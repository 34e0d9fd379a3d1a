"""What a caption tells of a scene: a part of it, and always what is surprising.

Whatever a caption leaves out becomes free: the seed decides it. So what should not appear unasked (a storm, a style, a
purple dog, a camel at sea) is nearly always told where it is there; what belongs anyway is told about half of the time.
"""

import random
from dataclasses import dataclass

from training.postcard.captions.chances import (
    ABSENT,
    LAYERS_TOLD,
    LIGHT_TOLD,
    NAMING,
    SEASON_TOLD,
    SEASONLESS,
    SKY_TOLD,
    TELLABLE,
    UNWEATHERED,
    WEATHER_TOLD,
)
from training.postcard.captions.mentions import Mention, mentions_of
from training.postcard.reading import Reading, read

from safelight.postcard.scenes.scene import Layer, Scene
from safelight.postcard.scenes.things import THINGS
from safelight.postcard.scenes.vocabulary import Colour, LayerKind, Light, Palette, Season, Setting, Style, Weather


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told. Fields are None or empty where the caption is silent."""

    setting: Setting | None
    light: Light | None
    weather: Weather | None
    season: Season | None
    palette: Palette | None
    style: Style | None
    sky: tuple[str, ...]
    layers: tuple[Layer, ...]
    things: tuple[Mention, ...]
    accent: Colour | None = None  # colour of a plain background
    absent: str = ""  # what there is none of
    named_by: LayerKind | None = None  # a layer that gives the setting a name of its own


def choose(scene: Scene, rng: random.Random, focused: bool = False) -> Telling:
    """Choose what to tell of a scene: a part of everything, or, `focused`, all of its things and little else."""
    reading = read(scene)
    brief = 0.45 if focused or rng.random() < 0.28 else 1.0  # short captions leave out what belongs anyway
    usual = reading.setting not in UNWEATHERED
    things = mentions_of(reading, rng, brief, focused)
    told_setting = rng.random() < (0.72 if things else 0.97) * (0.8 if brief < 1 else 1.0)
    if things and reading.setting not in THINGS[things[0].kind].settings:
        told_setting = told_setting or rng.random() < 0.95
    if reading.setting is Setting.PLAIN and any(THINGS[m.kind].settings != {Setting.PLAIN} for m in things):
        told_setting = told_setting or rng.random() < 0.96  # "a fox" alone means a fox where foxes live
    light = reading.light if rng.random() < _light(reading) * (0.85 if brief < 1 else 1.0) else None
    return Telling(
        setting=reading.setting if told_setting or not things else None,
        light=light,
        weather=reading.weather if usual and rng.random() < _dear(WEATHER_TOLD[reading.weather], brief) else None,
        season=reading.season
        if reading.setting not in SEASONLESS and rng.random() < _dear(SEASON_TOLD[reading.season], brief)
        else None,
        palette=reading.palette if rng.random() < (0.02 if reading.palette is Palette.NATURAL else 0.93) else None,
        style=reading.style if rng.random() < (0.14 if reading.style is Style.FLAT else 0.97) else None,
        sky=_sky(reading, rng, brief, light),
        layers=() if focused else _layers(scene, rng, brief),
        things=things,
        accent=_accent(scene, rng),
        absent=_absent(reading, rng),
        named_by=next((layer.kind for layer in scene.layers if layer.kind in NAMING[reading.setting]), None)
        if reading.setting in NAMING
        else None,
    )


def _accent(scene: Scene, rng: random.Random) -> Colour | None:
    colour = scene.world.accent
    plain = scene.world.setting is Setting.PLAIN and colour is not Colour.NATURAL
    return colour if plain and rng.random() < 0.62 else None


def _absent(reading: Reading, rng: random.Random) -> str:
    """Now and then a caption says what there is none of."""
    if rng.random() > 0.04 or reading.setting in UNWEATHERED:
        return ""
    lacking = [text for text, kinds in ABSENT.items() if not any(t.kind in kinds for t in reading.things)]
    lacking += [name for name in ("fog", "rain", "clouds") if name not in reading.sky]
    return lacking[int(rng.random() * len(lacking))] if lacking else ""


def _dear(probability: float, brief: float) -> float:
    """Short captions drop what is usual, and keep what is not."""
    return probability if probability > 0.8 else probability * brief


def _light(reading: Reading) -> float:
    if reading.setting in (Setting.SPACE, Setting.PLAIN):
        return 0.1 if reading.light in (Light.NOON, Light.NIGHT) else 0.9
    if reading.setting is Setting.UNDERWATER:
        return 0.15 if reading.light is Light.NOON else 0.6
    return LIGHT_TOLD[reading.light]


def _sky(reading: Reading, rng: random.Random, brief: float, light: Light | None) -> tuple[str, ...]:
    if reading.setting is Setting.SPACE:
        return tuple(n for n in ("stars", "milky_way") if n in reading.sky and rng.random() < 0.4)
    told = [n for n, p in SKY_TOLD.items() if n in reading.sky and rng.random() < _dear(p, brief)]
    if "sun" in told and light in (Light.SUNSET, Light.DAWN):
        told.remove("sun")  # the light says so already
    phases = [p for p in ("crescent", "full") if p in reading.sky]
    if "moon" in told and phases and rng.random() < 0.5:
        told[told.index("moon")] = phases[0]
    if "milky_way" in told and "stars" in told and rng.random() < 0.7:
        told.remove("stars")
    return tuple(told[:2]) if rng.random() < 0.85 else tuple(told)


def _layers(scene: Scene, rng: random.Random, brief: float) -> tuple[Layer, ...]:
    told: list[Layer] = []
    for layer in scene.layers:
        share = LAYERS_TOLD.get(layer.kind, 0.14)
        if layer.colour is not Colour.NATURAL and layer.kind in (LayerKind.FLOWERS, LayerKind.TULIPS):
            share = max(share, 0.75)
        new = all(layer.kind is not t.kind for t in told)
        if new and layer.kind in TELLABLE and rng.random() < _dear(share, brief):
            told.append(layer)
    return tuple(told[:2])


__all__ = ["Mention", "Telling", "choose"]
