"""From changes to a plan: the scene with what is asked for put in, and which of its fields are drawn anew.

All that a change does not name stays as it is. What is put in leaves open what nobody said of it: where it stands, how
large it is, which way it looks.
"""

# Tested in tests/postcard/test_instructions.py.

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from safelight.postcard.instructions.air import decrease, increase, set_light, set_setting, set_sky, set_weather
from safelight.postcard.instructions.draft import ALL_OF_A_LAYER, Draft, Fields, Plan
from safelight.postcard.instructions.places import beside, others_of, widest
from safelight.postcard.instructions.verbs import Change
from safelight.postcard.instructions.words import Term
from safelight.postcard.scenes.scene import MAX_LAYERS, MAX_THINGS, Layer, Scene, Thing
from safelight.postcard.scenes.things import THINGS
from safelight.postcard.scenes.vocabulary import (
    Colour,
    LayerKind,
    Light,
    Palette,
    Season,
    Setting,
    Style,
    Weather,
)

_PLACED: Fields = frozenset({"x", "depth", "lift", "scale", "facing", "variant", "detail"})
_SEVERAL = 3
_MORE = 2


def plan(scene: Scene, changes: Iterable[Change], *, apart: bool = True) -> Plan:
    """The changes made to a scene, one after the other. `apart`: things are added where there is most room."""
    held: Fields = frozenset()
    draft = Draft(scene.world, [(x, held) for x in scene.layers], [(x, held) for x in scene.things], apart=apart)
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
            case "have":
                _have(draft, change)
            case "only":
                draft.things = [(x, free) for x, free in draft.things if x.kind in _kinds(change)]
            case "more":
                _more(draft, change)
            case "less":
                for term in change.about:
                    _lessen(draft, term)
    return draft.plan()


def _have(draft: Draft, change: Change) -> None:
    """Of what is there already another number, size or colour may be meant; all else is added."""
    kinds = _kinds(change)
    there = sum(x.kind in kinds for x, _ in draft.things)
    if there and change.only and change.number is not None:
        if there > change.number:
            _remove(draft, change.about[0], replace(change, number=there - change.number, colour=None))
        elif there < change.number:
            _add(draft, replace(change, number=change.number - there))
    elif there and (change.there or (change.colour is not None and change.number is None)):
        _set(draft, change)
    else:
        _add(draft, change)


def _more(draft: Draft, change: Change) -> None:
    term = next((term for term in change.about if term.field != "thing" or _kinds(change)), None)
    if term is None:
        return
    if term.field == "thing":
        _add(draft, replace(change, number=change.number or _MORE))
    elif term.field == "sky":
        increase(draft, term.values[0])
    else:
        _add(draft, change)


def _lessen(draft: Draft, term: Term) -> None:
    """Half of the things and of what is in the air; a layer stays, but thinner."""
    match term.field:
        case "thing":
            there = [x for x, _ in draft.things if x.kind in term.values]
            if there:
                _remove(draft, term, Change("remove", (term,), number=max(1, len(there) // 2)))
        case "layer":
            draft.layers = [
                (replace(x, density=x.density / 2) if x.kind in term.values else x, free) for x, free in draft.layers
            ]
        case "sky":
            decrease(draft, term.values[0])
        case "weather":
            set_weather(draft, Weather.CLEAR)


def _kinds(change: Change) -> set[str]:
    return {value for term in change.about if term.field == "thing" for value in term.values}


def _add(draft: Draft, change: Change) -> None:
    # Where one name means several, the first is added: a thing before a row of them, what falls before what lies.
    term = change.about[0] if change.about else Term("thing", ())
    if (
        change.there
        and (change.x is not None or change.near)
        and any(x.kind in _kinds(change) for x, _ in draft.things)
    ):
        _set(draft, change)  # "put the castle on the left"
        return
    match term.field:
        case "thing":
            _add_things(draft, term, change)
        case "layer":
            _add_layer(draft, LayerKind(term.values[0]))
        case "sky":
            set_sky(draft, term.values[0])
        case "weather":
            set_weather(draft, Weather(term.values[0]))


def _add_things(draft: Draft, term: Term, change: Change) -> None:
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
    others = others_of(draft, change.near)
    del draft.things[MAX_THINGS - count :]
    for _ in range(count):
        now, open_now = made, open_
        if change.near and others:
            now, held = beside(made, change.near.side, others, [x for x, _ in draft.things])
            open_now = open_ - held
        elif "x" in open_ and draft.apart and draft.things:
            now, open_now = replace(made, x=widest([x.x for x, _ in draft.things])), open_ - {"x"}
        draft.things.append((now, open_now))


def _add_layer(draft: Draft, kind: LayerKind) -> None:
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


def _remove(draft: Draft, term: Term, change: Change) -> None:
    match term.field:
        case "thing":
            going = [x for x, _ in draft.things if x.kind in term.values and change.colour in (None, x.colour)]
            going = going[-change.number :] if change.number is not None else going
            draft.things = [(x, free) for x, free in draft.things if x not in going]
        case "layer" if change.number is None:
            draft.layers = [(x, free) for x, free in draft.layers if x.kind not in term.values]
        case "sky":
            set_sky(draft, term.values[0], present=False)
        case "weather":
            set_weather(draft, Weather.CLEAR)


def _replace(draft: Draft, change: Change) -> None:
    old = {value for term in change.about for value in term.values}
    for term in change.instead:
        if term.field == "thing" and any(x.kind in old for x, _ in draft.things):
            draft.things = [
                (_as(x, term.values[0], change), free | _open_as(x, term.values[0])) if x.kind in old else (x, free)
                for x, free in draft.things
            ]
            surplus = sum(x.kind in term.values for x, _ in draft.things) - (change.number or MAX_THINGS)
            if surplus > 0:
                _remove(draft, term, Change("remove", (term,), number=surplus))
            return
        if term.field == "layer" and any(x.kind in old for x, _ in draft.layers):
            kind, open_ = LayerKind(term.values[0]), frozenset({"height", "roughness", "density"})
            draft.layers = [
                (replace(x, kind=kind, colour=Colour.NATURAL), free | open_) if x.kind in old else (x, free)
                for x, free in draft.layers
            ]
            return
    _add(draft, replace(change, verb="add", about=change.instead))  # nothing of the kind is there to make room


def _as(thing: Thing, kind: str, change: Change) -> Thing:
    return replace(thing, kind=kind, colour=Colour(change.colour or Colour.NATURAL))


def _open_as(thing: Thing, kind: str) -> Fields:
    """It stands where the other stood, unless something else carries it."""
    carried = {THINGS[each].places[0] for each in (thing.kind, kind)}
    return frozenset({"variant"} if len(carried) == 1 else {"variant", "depth", "lift"})


def _set(draft: Draft, change: Change) -> None:
    kinds = _kinds(change)
    if kinds:
        others = others_of(draft, change.near)
        for i, (thing, free) in enumerate(draft.things):
            if thing.kind in kinds:
                rest = [x for n, (x, _) in enumerate(draft.things) if n != i]
                draft.things[i] = _changed(thing, change, others, rest), free
        return
    for term in change.about:
        value = term.values[0]
        match term.field:
            case "light":
                set_light(draft, Light(value))
            case "weather":
                set_weather(draft, Weather(value))
            case "season":
                draft.world = replace(draft.world, season=Season(value))
            case "palette":
                draft.world = replace(draft.world, palette=Palette(value))
            case "style":
                draft.world = replace(draft.world, style=Style(value))
            case "setting":
                set_setting(draft, Setting(value))


def _changed(thing: Thing, change: Change, others: list[Thing], rest: list[Thing]) -> Thing:
    if change.colour is not None:
        thing = replace(thing, colour=Colour(change.colour))
    if change.scale is not None:
        thing = replace(thing, scale=thing.scale * change.scale)
    if change.x is not None:
        thing = replace(thing, x=change.x)
    if change.near and others:
        return beside(thing, change.near.side, others, rest)[0]
    if change.nearer is not None:
        thing = replace(thing, depth=min(1.0, max(0.0, thing.depth + change.nearer)))
    return thing
