"""From changes to a plan: the scene with what is asked for put in, and which of its fields are drawn anew.

All that a change does not name stays as it is. What is put in leaves open what nobody said of it: where it stands, how
large it is, which way it looks.
"""

# Tested in tests/postcard/test_instructions.py.

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from safelight.postcard.instructions.reading import Change
from safelight.postcard.instructions.words import Term
from safelight.postcard.scene import MAX_LAYERS, MAX_THINGS, Layer, Scene, Thing, World, domains
from safelight.postcard.things import THINGS
from safelight.postcard.vocabulary import (
    CloudKind,
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

Fields = frozenset[str]
ALL_OF_A_LAYER: Fields = frozenset(name for name, _ in domains(Layer))
ALL_OF_A_THING: Fields = frozenset(name for name, _ in domains(Thing))
_PLACED: Fields = frozenset({"x", "depth", "lift", "scale", "facing", "variant", "detail"})
_LIGHTS_UP: Fields = frozenset({"body_x", "body_height", "body_size", "phase", "stars", "milky_way"})
_AMOUNT, _SEEN, _SEVERAL = 0.6, 0.15, 3
_EDGE = 0.02
_DARK = (Light.DUSK, Light.NIGHT)
# What a weather is seen by. The renderer draws an amount from 0.08 on.
_WEATHERS: dict[Weather, tuple[dict[str, Any], dict[str, Any]]] = {
    Weather.CLEAR: ({"fog": 0.0, "rain": 0.0, "snowfall": 0.0}, {"clouds": 0.0, "lightning": 0.0}),
    Weather.CLOUDY: ({}, {"clouds": 0.55, "cloud_kind": CloudKind.CUMULUS}),
    Weather.OVERCAST: ({}, {"clouds": 0.9, "cloud_kind": CloudKind.STRATUS}),
    Weather.FOGGY: ({"fog": 0.6}, {}),
    Weather.RAINY: ({"rain": 0.6, "snowfall": 0.0}, {"clouds": 0.7, "cloud_kind": CloudKind.STRATUS}),
    Weather.STORMY: (
        {"rain": 0.5, "wind": 0.6, "snowfall": 0.0},
        {"clouds": 0.9, "cloud_kind": CloudKind.STORM, "lightning": 0.5},
    ),
    Weather.SNOWY: ({"snowfall": 0.6, "rain": 0.0}, {"clouds": 0.6, "cloud_kind": CloudKind.STRATUS}),
}


@dataclass(frozen=True)
class Plan:
    """`things` and `layers` of the scene each have, at the same place, the fields that are drawn anew."""

    scene: Scene
    world: Fields = frozenset()
    sky: Fields = frozenset()
    layers: tuple[Fields, ...] = ()
    things: tuple[Fields, ...] = ()


@dataclass
class _Draft:
    """A plan in the making."""

    world: World
    layers: list[tuple[Layer, Fields]]
    things: list[tuple[Thing, Fields]]
    free_world: set[str] = field(default_factory=set)
    free_sky: set[str] = field(default_factory=set)
    apart: bool = True

    def sky(self, **values: Any) -> None:
        self.world = replace(self.world, sky=replace(self.world.sky, **values))

    def plan(self) -> Plan:
        layers, things = self.layers[:MAX_LAYERS], self.things[:MAX_THINGS]
        return Plan(
            Scene(self.world, tuple(x for x, _ in layers), tuple(x for x, _ in things)),
            frozenset(self.free_world),
            frozenset(self.free_sky),
            tuple(free for _, free in layers),
            tuple(free for _, free in things),
        )


def plan(scene: Scene, changes: Iterable[Change], *, apart: bool = True) -> Plan:
    """The changes made to a scene, one after the other. `apart`: things are added where there is most room."""
    held: Fields = frozenset()
    draft = _Draft(scene.world, [(x, held) for x in scene.layers], [(x, held) for x in scene.things], apart=apart)
    for change in changes:
        match change.verb:
            case "add":
                _add(draft, change)
            case "remove":
                for term in change.about:
                    _remove(draft, term, change)
            case "replace":
                _replace(draft, change)
            case "move" | "set":
                _set(draft, change)
    return draft.plan()


def _add(draft: _Draft, change: Change) -> None:
    # Where one name means several, the first is added: a thing before a row of them, what falls before what lies.
    term = change.about[0] if change.about else Term("thing", ())
    match term.field:
        case "thing":
            _add_things(draft, term, change)
        case "layer":
            _add_layer(draft, LayerKind(term.values[0]))
        case "sky":
            _sky(draft, term.values[0])
        case "weather":
            _weather(draft, Weather(term.values[0]))


def _add_things(draft: _Draft, term: Term, change: Change) -> None:
    """A kind that the catalogue does not name is left to the text encoder, which knows more words."""
    open_ = _PLACED if term.values else _PLACED | {"kind"}
    if change.x is not None:
        open_ -= {"x"}
    if change.scale is not None:
        open_ -= {"scale"}
    made = Thing(
        kind=term.values[0] if term.values else "deer",
        x=0.5 if change.x is None else change.x,
        scale=1.0 if change.scale is None else change.scale,
        colour=Colour(change.colour or Colour.NATURAL),
    )
    count = min(change.number or (_SEVERAL if term.many else 1), MAX_THINGS)
    del draft.things[MAX_THINGS - count :]
    for _ in range(count):
        if "x" in open_ and draft.apart and draft.things:
            made, open_now = replace(made, x=_widest([thing.x for thing, _ in draft.things])), open_ - {"x"}
        else:
            open_now = open_
        draft.things.append((made, open_now))


def _widest(taken: list[float]) -> float:
    """The middle of the widest gap between these and the edges: the denoiser often puts one thing before another."""
    edges = [_EDGE, *sorted(taken), 1 - _EDGE]
    left, right = max(pairwise(edges), key=lambda gap: gap[1] - gap[0])
    return (left + right) / 2


def _add_layer(draft: _Draft, kind: LayerKind) -> None:
    """Behind all others, or where there is most ground between two: what lies behind a near crest is not seen."""
    layers = [layer for layer, _ in draft.layers]
    if len(layers) == MAX_LAYERS:
        counts = Counter(layer.kind for layer in layers)
        going = max(range(len(layers)), key=lambda i: (counts[layers[i].kind] > 1, -i))
        del draft.layers[going], layers[going]
    depth = 0.03 if kind in _FAR else _open_ground([layer.depth for layer in layers])
    place = sum(layer.depth <= depth for layer in layers) if kind not in _FAR else 0
    draft.layers.insert(place, (Layer(kind, depth=depth), ALL_OF_A_LAYER - {"kind", "colour", "depth"}))


_FAR = frozenset(
    {LayerKind.MOUNTAINS, LayerKind.HILLS, LayerKind.DUNES, LayerKind.VOLCANO, LayerKind.SKYLINE, LayerKind.CLIFFS}
)


def _open_ground(depths: list[float]) -> float:
    """A depth in the widest gap, a third of the way from its far side: crests rise above their feet."""
    edges = [*sorted(depths), 1.0] if depths else [0.3, 1.0]
    far, near = max(pairwise(edges), key=lambda gap: gap[1] - gap[0])
    return far + 0.35 * (near - far)


def _remove(draft: _Draft, term: Term, change: Change) -> None:
    match term.field:
        case "thing":
            going = [x for x, _ in draft.things if x.kind in term.values and change.colour in (None, x.colour)]
            draft.things = [(x, free) for x, free in draft.things if x not in going[: change.number]]
        case "layer":
            draft.layers = [(x, free) for x, free in draft.layers if x.kind not in term.values]
        case "sky":
            _sky(draft, term.values[0], present=False)
        case "weather":
            _weather(draft, Weather.CLEAR)


def _replace(draft: _Draft, change: Change) -> None:
    old = {value for term in change.about for value in term.values}
    for term in change.instead:
        if term.field == "thing" and any(x.kind in old for x, _ in draft.things):
            draft.things = [
                (_as(x, term.values[0], change), free | _open_as(x, term.values[0])) if x.kind in old else (x, free)
                for x, free in draft.things
            ]
            return
        if term.field == "layer" and any(x.kind in old for x, _ in draft.layers):
            kind, open_ = LayerKind(term.values[0]), frozenset({"height", "roughness", "density"})
            draft.layers = [
                (replace(x, kind=kind, colour=Colour.NATURAL), free | open_) if x.kind in old else (x, free)
                for x, free in draft.layers
            ]
            return


def _as(thing: Thing, kind: str, change: Change) -> Thing:
    return replace(thing, kind=kind, colour=Colour(change.colour or Colour.NATURAL))


def _open_as(thing: Thing, kind: str) -> Fields:
    """It stands where the other stood, unless something else carries it."""
    carried = {THINGS[each].places[0] for each in (thing.kind, kind)}
    return frozenset({"variant"} if len(carried) == 1 else {"variant", "depth", "lift"})


def _set(draft: _Draft, change: Change) -> None:
    kinds = {value for term in change.about if term.field == "thing" for value in term.values}
    if kinds:
        draft.things = [(_changed(x, change), free) if x.kind in kinds else (x, free) for x, free in draft.things]
        return
    for term in change.about:
        value = term.values[0]
        match term.field:
            case "light":
                _light(draft, Light(value))
            case "weather":
                _weather(draft, Weather(value))
            case "season":
                draft.world = replace(draft.world, season=Season(value))
            case "palette":
                draft.world = replace(draft.world, palette=Palette(value))
            case "style":
                draft.world = replace(draft.world, style=Style(value))
            case "setting":
                _setting(draft, Setting(value))


def _changed(thing: Thing, change: Change) -> Thing:
    if change.colour is not None:
        thing = replace(thing, colour=Colour(change.colour))
    if change.scale is not None:
        thing = replace(thing, scale=thing.scale * change.scale)
    if change.x is not None:
        thing = replace(thing, x=change.x)
    if change.nearer is not None:
        thing = replace(thing, depth=min(1.0, max(0.0, thing.depth + change.nearer)))
    return thing


def _light(draft: _Draft, light: Light) -> None:
    """Also what shines: no sun at night, no stars by day."""
    was_dark, sky = draft.world.light in _DARK, draft.world.sky
    draft.world = replace(draft.world, light=light)
    draft.free_world.add("mood")
    if light in _DARK:
        draft.sky(body=SkyBody.MOON if sky.body is not SkyBody.NONE or not was_dark else SkyBody.NONE, rainbow=0.0)
    elif was_dark:
        draft.sky(body=SkyBody.SUN, stars=0.0, milky_way=0.0, aurora=0.0)
    elif sky.body is SkyBody.MOON:
        draft.sky(body=SkyBody.SUN)
    draft.free_sky |= _LIGHTS_UP if light in _DARK else _LIGHTS_UP - {"stars", "milky_way"}


def _weather(draft: _Draft, weather: Weather) -> None:
    world, sky = _WEATHERS[weather]
    draft.world = replace(draft.world, weather=weather, **world)
    draft.sky(**sky)


def _sky(draft: _Draft, what: str, *, present: bool = True) -> None:
    """Something in the air comes or goes; the weather is called after what is left."""
    world, amount = draft.world, _AMOUNT if present else 0.0
    match what:
        case "sun" | "moon":
            if present:
                draft.sky(body=SkyBody(what))
                draft.free_sky |= {"body_x", "body_height", "body_size", "phase"}
            elif world.sky.body == what:
                draft.sky(body=SkyBody.NONE)
        case "fog" | "rain" | "snowfall":
            values: dict[str, Any] = {what: amount}
            draft.world = replace(world, **values)
        case _:
            draft.sky(**{what: amount})
    calls = {"clouds": Weather.CLOUDY, "fog": Weather.FOGGY, "rain": Weather.RAINY, "snowfall": Weather.SNOWY}
    called = calls.get(what)
    if present and called is not None:
        draft.world = replace(draft.world, weather=called)
    elif not present and draft.world.weather in _CALLED_AFTER.get(what, ()):
        draft.world = replace(draft.world, weather=_left(draft.world))


_CALLED_AFTER = {
    "clouds": (Weather.CLOUDY, Weather.OVERCAST),
    "fog": (Weather.FOGGY,),
    "rain": (Weather.RAINY, Weather.STORMY),
    "snowfall": (Weather.SNOWY,),
    "lightning": (Weather.STORMY,),
}


def _left(world: World) -> Weather:
    """What a weather is called by what is still to be seen of it."""
    seen = {
        Weather.RAINY: world.rain,
        Weather.SNOWY: world.snowfall,
        Weather.FOGGY: world.fog,
        Weather.CLOUDY: world.sky.clouds,
    }
    most = max(seen, key=lambda weather: seen[weather])
    return most if seen[most] > _SEEN else Weather.CLEAR


def _setting(draft: _Draft, setting: Setting) -> None:
    """Another place: the ground is drawn anew, what stands on it and the light stay."""
    draft.world = replace(draft.world, setting=setting)
    draft.free_world |= {"horizon"}
    draft.layers = [(Layer(), ALL_OF_A_LAYER)] * MAX_LAYERS
