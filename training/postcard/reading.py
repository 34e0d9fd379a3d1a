"""What is to be seen in a scene, read off its numbers. Captions speak from it and the judge compares with it.

Thresholds are those of sight: below them the renderer draws nothing, or too little to be named.
"""

from collections import Counter
from dataclasses import dataclass

from training.postcard.prior.size import View

from safelight.postcard.scenes.scene import Scene, Thing, World
from safelight.postcard.scenes.vocabulary import (
    Colour,
    LayerKind,
    Light,
    Palette,
    Season,
    Setting,
    SkyBody,
    Style,
    Weather,
)

SEEN = 0.15
"""Amounts (stars, clouds, fog, rain …) above this are plain to see; the renderer draws from 0.08 on."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing on the picture. `x` and `y` are its middle, from 0 to 1, y downwards; `depth` is 0 far, 1 near."""

    kind: str
    colour: Colour
    x: float
    y: float
    depth: float
    lift: float


@dataclass(frozen=True, slots=True)
class Reading:
    """Labels of a scene. `sky` holds what is seen in the air: "stars", "moon", "clouds", "fog", "rain" …"""

    setting: Setting
    light: Light
    weather: Weather
    season: Season
    palette: Palette
    style: Style
    sky: frozenset[str]
    layers: frozenset[LayerKind]
    things: tuple[Seen, ...]

    def count(self, kinds: tuple[str, ...], colours: tuple[str, ...] = ()) -> int:
        """How many things of these kinds there are; of these colours only, if any are given."""
        return sum(t.kind in kinds and (not colours or t.colour in colours) for t in self.things)

    @property
    def counts(self) -> Counter[str]:
        """Number of things by kind."""
        return Counter(t.kind for t in self.things)


def read(scene: Scene) -> Reading:
    """Read the labels off a scene."""
    world = scene.world
    view = View.of(scene, 1.0)
    return Reading(
        setting=world.setting,
        light=world.light,
        weather=world.weather,
        season=world.season,
        palette=world.palette,
        style=world.style,
        sky=frozenset(_sky(world)),
        layers=frozenset(layer.kind for layer in scene.layers),
        things=tuple(_seen(view, thing) for thing in scene.things),
    )


def _seen(view: View, thing: Thing) -> Seen:
    box = view.box(thing.kind, thing.x, thing.depth, thing.lift, thing.scale)
    return Seen(thing.kind, thing.colour, thing.x, (box.top + box.bottom) / 2, thing.depth, thing.lift)


def _sky(world: World) -> list[str]:
    sky = world.sky
    amounts = {
        "stars": sky.stars,
        "milky_way": sky.milky_way,
        "aurora": sky.aurora,
        "rainbow": sky.rainbow,
        "lightning": sky.lightning,
        "flock": sky.birds,
        "clouds": sky.clouds,
        "fog": world.fog,
        "rain": world.rain,
        "snowfall": world.snowfall,
    }
    seen = [name for name, amount in amounts.items() if amount > SEEN]
    if sky.body is SkyBody.MOON:
        seen += ["moon", str(sky.phase)]
    elif sky.body is SkyBody.SUN:
        seen.append("sun")
    return seen


def leftmost(x: float) -> bool:
    """Whether a thing at x is on the left of the picture."""
    return x < 0.43


def rightmost(x: float) -> bool:
    """Whether a thing at x is on the right of the picture."""
    return x > 0.57


def central(x: float) -> bool:
    """Whether a thing at x is in the middle of the picture."""
    return 0.37 < x < 0.63
