"""Where things stand: from x, depth and lift to a place and size in the picture, mended where it would be odd.

A thing that cannot swim is moved from water to the nearest land (or gets a small islet), a boat from land to the
nearest water, and nothing is cut by the picture's edge or buried behind the next hill.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from safelight.postcard.render.figures.drawings import aspect_of
from safelight.postcard.render.ground.relief import Band
from safelight.postcard.render.land.rocks import cliff_top
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.scene import Thing
from safelight.postcard.scenes.things import THINGS, ThingKind
from safelight.postcard.scenes.vocabulary import WATER_LAYERS, LayerKind, Place, Setting

_AIR = 0.06
"""Lift from which a thing that can fly does."""


@dataclass(frozen=True)
class Placed:
    """A thing in the picture: its foot at (x, y), ``size`` user units high, ``half`` its half-width."""

    thing: Thing
    kind: ThingKind
    x: float
    y: float
    size: float
    half: float
    depth: float
    carried: Place
    islet: bool = False


def place(stage: Stage, bands: Sequence[Band], things: Sequence[Thing]) -> list[Placed]:
    """All things of a scene at their places."""
    share = 1.4 if len(things) == 1 and stage.world.setting is Setting.PLAIN else 1.0
    return [_place(stage, bands, replace(thing, scale=thing.scale * share)) for thing in things]


def _carrier(stage: Stage, kind: ThingKind, lift: float, has_table: bool) -> Place:
    setting = stage.world.setting
    if setting is Setting.UNDERWATER:
        return Place.GROUND if lift < _AIR and Place.GROUND in kind.places else Place.UNDERWATER
    if setting is Setting.SPACE:
        return Place.SPACE
    if has_table and (Place.TABLE in kind.places or kind.height < 1):
        return Place.TABLE
    if lift >= _AIR and (Place.SKY in kind.places or Place.SPACE in kind.places or kind.places[0] is Place.GROUND):
        return Place.SKY if Place.SKY in kind.places or Place.SPACE in kind.places else Place.GROUND
    first = kind.places[0]
    if Place.WATER in kind.places or kind.places == (Place.UNDERWATER,):
        return Place.WATER
    return Place.SKY if first in (Place.SKY, Place.SPACE) else Place.GROUND


def _size(stage: Stage, kind: ThingKind, thing: Thing, depth: float, carried: Place) -> float:
    """Apparent height. Natural heights are compressed (power 0.42), so that a bird can be seen beside a castle."""
    rise = stage.frame.rise
    if stage.world.setting is Setting.PLAIN:
        return 0.3 * rise * float((kind.height / 1.75) ** 0.12) * thing.scale
    if carried is Place.TABLE:
        return 0.21 * rise * float((kind.height / 0.2) ** 0.5) * (0.75 + 0.45 * depth) * thing.scale
    natural = 0.215 * rise * float((kind.height / 1.75) ** 0.42) * thing.scale
    if carried is Place.SPACE:
        return natural * (0.55 + 0.55 * depth)
    if carried is Place.UNDERWATER:
        return natural * (0.65 + 0.4 * depth)
    return natural * stage.frame.near(max(depth, 0.12) if carried is Place.SKY else depth)


def _place(stage: Stage, bands: Sequence[Band], thing: Thing) -> Placed:
    frame, kind = stage.frame, THINGS[thing.kind]
    carried = _carrier(stage, kind, thing.lift, any(b.layer.kind is LayerKind.TABLE for b in bands))
    depth, islet = thing.depth, False
    if carried is Place.GROUND or carried is Place.WATER:
        depth, carried, islet = _settle(bands, thing, kind, carried)
    perch = _perch(stage, bands, thing) if carried is Place.GROUND or islet else None
    if perch is not None:
        carried, islet = Place.GROUND, False
        depth = max(perch[1] + 0.01, depth if depth > perch[1] else 0.0)
    size = min(_size(stage, kind, thing, depth, carried), 0.86 * frame.height)
    if perch is not None:
        size = min(size, perch[0] - 0.03 * frame.height)
    half = size * aspect_of(kind) / 2
    if half > 0.45 * frame.width:
        size, half = size * 0.45 * frame.width / half, 0.45 * frame.width
    x = min(max(thing.x * frame.width, half * 0.9 + 8), frame.width - half * 0.9 - 8)
    y = perch[0] if perch is not None else _foot(stage, bands, thing, carried, depth, x, size)
    return Placed(thing, kind, x, y, size, half, depth, carried, islet)


def _foot(
    stage: Stage, bands: Sequence[Band], thing: Thing, carried: Place, depth: float, x: float, size: float
) -> float:
    frame = stage.frame
    lift = thing.lift
    if carried is Place.SKY and lift < _AIR:
        lift = 0.5
    ground = frame.ground(depth)
    if carried is Place.TABLE:
        table = next(b for b in bands if b.layer.kind is LayerKind.TABLE)
        ground = max(table.foot, frame.ground(0.12)) + (frame.height - table.foot) * (0.1 + 0.72 * depth)
        return min(ground, frame.height - 6)
    if carried is Place.GROUND:
        for band in bands:
            if band.layer.depth <= depth:
                ground = max(ground, band.crest(x) + 2)
            elif band.layer.kind not in WATER_LAYERS:
                ground = min(ground, band.crest(x) + 0.06 * size)
    if carried in (Place.GROUND, Place.WATER) and stage.world.setting is not Setting.PLAIN:
        lift = 0.0
    foot = ground + (size + 6 - ground) * lift
    return min(foot, frame.height - 4)


def _settle(bands: Sequence[Band], thing: Thing, kind: ThingKind, carried: Place) -> tuple[float, Place, bool]:
    """The depth at which the thing finds what carries it; what carries it; whether it needs an islet."""
    waters = _waters(bands)
    wet = any(a <= thing.depth < b for a, b in waters)
    if carried is Place.WATER:
        if wet:
            return thing.depth, Place.WATER, False
        if not waters or Place.GROUND in kind.places:
            return thing.depth, Place.GROUND, False
        low, high = min(waters, key=lambda w: min(abs(thing.depth - w[0]), abs(thing.depth - w[1])))
        inside = min(max(thing.depth, low + 0.2 * (high - low)), low + 0.75 * (high - low))
        return inside, Place.WATER, False
    if not wet:
        return thing.depth, Place.GROUND, False
    low, high = next(w for w in waters if w[0] <= thing.depth < w[1])
    if high < 0.97:
        return min(1.0, high + 0.04 + 0.25 * (1 - high)), Place.GROUND, False
    if any(
        b.layer.depth < low and b.layer.kind not in (LayerKind.MOUNTAINS, LayerKind.ISLANDS, LayerKind.ICEBERGS)
        for b in bands
    ):
        return max(0.0, low - 0.01), Place.GROUND, False
    return thing.depth, Place.WATER, True


def _perch(stage: Stage, bands: Sequence[Band], thing: Thing) -> tuple[float, float] | None:
    """The top of a cliff that a thing stands on, and the cliff's depth, where the thing is over the headland."""
    x = thing.x * stage.frame.width
    for band in bands:
        if band.layer.kind is LayerKind.CLIFFS and thing.depth <= band.layer.depth + 0.22:
            top = cliff_top(stage, band)
            for (x0, y0), (x1, y1) in itertools.pairwise(top):
                if min(x0, x1) <= x < max(x0, x1):
                    y = y0 + (y1 - y0) * (x - x0) / (x1 - x0) + 3
                    return (y, band.layer.depth) if y > 0.2 * stage.frame.height else None
    return None


def _waters(bands: Sequence[Band]) -> list[tuple[float, float]]:
    """Spans of depth that are open water: from a water's far shore to the land before it."""
    spans = []
    for i, band in enumerate(bands):
        if band.layer.kind in (LayerKind.SEA, LayerKind.LAKE, LayerKind.WATERFALL):
            nearer = [b.layer.depth for b in bands[i + 1 :] if b.layer.kind not in _STANDING]
            spans.append((band.layer.depth, min(nearer, default=1.01)))
    return spans


_STANDING = frozenset(
    {
        LayerKind.PIER,
        LayerKind.ICEBERGS,
        LayerKind.ISLANDS,
        LayerKind.SEA,
        LayerKind.LAKE,
        LayerKind.WINDOW,
        LayerKind.CLIFFS,
    }
)
"""Layers that stand in the water and do not end it."""
