"""The scene: everything the renderer needs to know to draw a picture, as one small tree of frozen dataclasses.

This is Postcard's latent space. Each field says in its metadata what values it may take (``Choice`` or ``Number``), so
that a codec between scenes and slots of numbers can be written over the fields, not over their names. Three slot types
exist: one `World` (with its `Sky`), up to `MAX_LAYERS` of `Layer`, up to `MAX_THINGS` of `Thing`; the last two may be
absent.

Frame of reference: ``x`` runs from 0 (left) to 1 (right). ``depth`` runs from 0 (at the horizon) to 1 (the lower edge
of the picture, nearest to the eye). Heights are fractions of the picture's shorter side unless said otherwise. The
aspect ratio is no part of a scene: the renderer composes the same scene for any size.

What need not be chosen (the wobble of a ridge, the place of each star) is drawn from the ``detail`` numbers, which act
as seeds: two scenes that differ in them only show the same things, drawn afresh.
"""

# `choice` and `number` build dataclass fields; they are declarations, not default values computed once.
# ruff: noqa: RUF009

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar, cast

from safelight.postcard.scenes.things import THING_KEYS
from safelight.postcard.scenes.vocabulary import (
    CloudKind,
    Colour,
    Facing,
    LayerKind,
    Light,
    MoonPhase,
    Palette,
    Season,
    Setting,
    SkyBody,
    Style,
    Weather,
)

MAX_LAYERS = 5
MAX_THINGS = 8

DETAIL_LEVELS = 64
"""Seeds are rounded to this many values: coarse enough that the last bits of arithmetic never change one."""


@dataclass(frozen=True)
class Choice:
    """A field whose value is one of ``options`` (their order is the codec's numbering)."""

    options: tuple[str, ...]
    kind: type[str]

    def value(self, index: int) -> str:
        """The option with this number, as the field's own type."""
        return self.kind(self.options[index])


@dataclass(frozen=True)
class Number:
    """A field whose value lies in [``low``, ``high``] and is drawn on a grid of ``levels`` values."""

    low: float
    high: float
    levels: int = 201

    def step(self, value: float) -> int:
        """The grid point nearest to ``value``, counted from 0. Raises ValueError if it is not finite."""
        return round((min(max(value, self.low), self.high) - self.low) / (self.high - self.low) * (self.levels - 1))

    def at(self, step: int) -> float:
        """The value at that grid point."""
        return self.low + (self.high - self.low) * step / (self.levels - 1)

    def rounded(self, value: float) -> float:
        """``value`` clamped to the range and moved to the nearest grid point. Raises ValueError if it is not finite."""
        return self.at(self.step(value))


Domain = Choice | Number


def choice(options: type[StrEnum] | tuple[str, ...], default: str) -> Any:
    """A categorical field."""
    domain = Choice(options, str) if isinstance(options, tuple) else Choice(tuple(m.value for m in options), options)
    return field(default=cast(Any, domain.kind(default)), metadata={"domain": domain})


def number(low: float, high: float, default: float, levels: int = 201) -> Any:
    """A bounded continuous field."""
    return field(default=default, metadata={"domain": Number(low, high, levels)})


def detail_seed() -> Any:
    """A field that seeds what need not be chosen."""
    return number(0.0, 1.0, 0.0, DETAIL_LEVELS)


@dataclass(frozen=True)
class Sky:
    """What is seen above the horizon. Amounts run from 0 (none) to 1 (as much as fits); below 0.08 nothing is drawn."""

    body: SkyBody = choice(SkyBody, "sun")
    body_x: float = number(0.0, 1.0, 0.66)
    body_height: float = number(0.0, 1.0, 0.4)  # of the sky: 0 on the horizon, 1 at the upper edge
    body_size: float = number(0.0, 1.0, 0.4)  # 0: a disc of 4 % of the shorter side in radius, 1: of 22 %
    phase: MoonPhase = choice(MoonPhase, "full")
    cloud_kind: CloudKind = choice(CloudKind, "cumulus")
    clouds: float = number(0.0, 1.0, 0.0)
    stars: float = number(0.0, 1.0, 0.0)
    milky_way: float = number(0.0, 1.0, 0.0)
    aurora: float = number(0.0, 1.0, 0.0)
    rainbow: float = number(0.0, 1.0, 0.0)
    lightning: float = number(0.0, 1.0, 0.0)
    birds: float = number(0.0, 1.0, 0.0)  # a far flock, as a few strokes


@dataclass(frozen=True)
class World:
    """What holds for the whole picture."""

    setting: Setting = choice(Setting, "mountains")
    light: Light = choice(Light, "noon")
    weather: Weather = choice(Weather, "clear")
    season: Season = choice(Season, "summer")
    palette: Palette = choice(Palette, "natural")
    style: Style = choice(Style, "flat")
    accent: Colour = choice(Colour, "natural")  # the background of a plain setting; elsewhere a tint of the light
    horizon: float = number(0.2, 0.85, 0.58)  # from the upper edge, as a fraction of the height
    mood: float = number(0.0, 1.0, 0.5)  # which of the hand-made palettes of this light
    fog: float = number(0.0, 1.0, 0.0)
    rain: float = number(0.0, 1.0, 0.0)
    snowfall: float = number(0.0, 1.0, 0.0)
    wind: float = number(-1.0, 1.0, 0.0)  # slant of rain and snow, lean of grass; positive blows to the right
    detail: float = detail_seed()
    sky: Sky = field(default_factory=Sky)


@dataclass(frozen=True)
class Layer:
    """One band of terrain, water, plants or buildings, seen from its crest down to the next layer in front of it."""

    kind: LayerKind = choice(LayerKind, "hills")
    depth: float = number(0.0, 1.0, 0.0)  # where its foot stands between horizon and lower edge
    height: float = number(0.0, 1.0, 0.25)  # how far it rises above its foot; a full-height forest is 1
    roughness: float = number(0.0, 1.0, 0.5)  # smooth to jagged; ripples to waves for water
    density: float = number(0.0, 1.0, 0.5)  # how many trees, flowers, houses, waves
    peak: float = number(0.0, 1.0, 0.5)  # x where it is highest; the course of a river, path, pier, waterfall
    hue: float = number(-1.0, 1.0, 0.0)  # shifts its colour within the palette: colder to warmer
    colour: Colour = choice(Colour, "natural")
    detail: float = detail_seed()


@dataclass(frozen=True)
class Thing:
    """One thing in the picture, chosen from the catalogue (`safelight.postcard.scenes.things`)."""

    kind: str = choice(THING_KEYS, "deer")
    x: float = number(0.0, 1.0, 0.5)  # its middle
    depth: float = number(0.0, 1.0, 0.6)  # where it stands; also how large it looks
    lift: float = number(0.0, 1.0, 0.0)  # 0: its foot is on what carries it, 1: it touches the upper edge
    scale: float = number(0.4, 2.4, 1.0)  # against its usual size at that depth
    colour: Colour = choice(Colour, "natural")
    facing: Facing = choice(Facing, "left")
    variant: float = number(0.0, 1.0, 0.0)  # pose or build, where the drawing knows several
    detail: float = detail_seed()


@dataclass(frozen=True)
class Scene:
    """A whole picture. Layers go from far to near; things are drawn in order of depth, whatever their order here."""

    world: World = field(default_factory=World)
    layers: tuple[Layer, ...] = ()
    things: tuple[Thing, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError where there are more layers or things than slots."""
        if len(self.layers) > MAX_LAYERS or len(self.things) > MAX_THINGS:
            raise ValueError(f"a scene holds at most {MAX_LAYERS} layers and {MAX_THINGS} things")


Part = TypeVar("Part", World, Sky, Layer, Thing)


def domains(part: type[Any]) -> Iterator[tuple[str, Domain]]:
    """Name and domain of each own field of a slot type, in order (`World.sky` is a part of its own and left out)."""
    for item in dataclasses.fields(part):
        if "domain" in item.metadata:
            yield item.name, item.metadata["domain"]


def rounded(scene: Scene) -> Scene:
    """The scene with every number clamped to its range and moved to its grid, as the renderer draws it."""
    world = dataclasses.replace(_rounded(scene.world), sky=_rounded(scene.world.sky))
    return Scene(world, tuple(map(_rounded, scene.layers)), tuple(map(_rounded, scene.things)))


def _rounded(part: Part) -> Part:
    numbers = {n: d.rounded(getattr(part, n)) for n, d in domains(type(part)) if isinstance(d, Number)}
    return dataclasses.replace(part, **cast(Any, numbers))


def to_plain(scene: Scene) -> dict[str, Any]:
    """The scene as dictionaries, lists, strings and numbers, fit for JSON."""
    return dataclasses.asdict(scene)


def from_plain(plain: Mapping[str, Any]) -> Scene:
    """The inverse of `to_plain`. Raises ValueError or TypeError where a value is outside its vocabulary."""
    world = dict(plain["world"])
    sky = _parse(Sky, world.pop("sky"))
    return Scene(
        dataclasses.replace(_parse(World, world), sky=sky),
        tuple(_parse(Layer, item) for item in plain["layers"]),
        tuple(_parse(Thing, item) for item in plain["things"]),
    )


def _parse(part: type[Part], plain: Mapping[str, Any]) -> Part:
    known = dict(domains(part))
    values: dict[str, Any] = {}
    for name, value in plain.items():
        domain = known[name]
        if isinstance(domain, Choice) and value not in domain.options:
            raise ValueError(f"{part.__name__}.{name}: {value!r} is not in the vocabulary")
        values[name] = domain.kind(value) if isinstance(domain, Choice) else float(value)
    return part(**values)
