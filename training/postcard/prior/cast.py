"""Who is in the picture: kinds, numbers and colours of things that belong together, and now and then strangers."""

from dataclasses import dataclass
from functools import cache

from training.postcard.families import ANIMALS, SHAPES, TREES
from training.postcard.prior.draw import Draw

from safelight.postcard.scenes.things import THINGS, ThingKind
from safelight.postcard.scenes.vocabulary import Colour, Place, Setting

SETTINGS = tuple(Setting)
_FAVOURED = {
    Setting.MOUNTAINS: 1.7,
    Setting.SEA: 1.4,
    Setting.BEACH: 1.3,
    Setting.LAKE: 1.3,
    Setting.CITY: 1.5,
    Setting.PLAIN: 1.3,
    Setting.DESERT: 1.2,
    Setting.HILLS: 1.2,
    Setting.FANTASY: 1.2,
    Setting.TABLE: 1.2,
}
SETTING_WEIGHTS = tuple(_FAVOURED.get(s, 1.0) for s in SETTINGS)

_POPULAR = """
cat dog horse cow sheep deer fox bear rabbit bird owl duck whale dolphin fish butterfly elephant camel penguin
person man woman child snowman apple lemon cake cup vase book lamp umbrella kite heart star circle square triangle
pine oak palm cactus mushroom glowing_mushroom cabin house castle church lighthouse windmill barn bridge tent tower
sailboat tall_ship rowboat rocket hot_air_balloon aeroplane train car taxi bus bicycle tractor cherry_tree astronaut
ufo planet ringed_planet dragon swan seagull bottle open_book balloon candle tulip rose submarine
"""
POPULAR = frozenset(_POPULAR.split())
"""What people ask for most: three times as frequent as the rest."""

UNUSUAL = 0.04
"""Share of scenes with a thing that does not belong: a cat in space, a whale over a city."""

COLOURS = tuple(c for c in Colour if c is not Colour.NATURAL)
_COMMON = {
    Colour.RED: 3.0,
    Colour.BLUE: 2.6,
    Colour.YELLOW: 2.3,
    Colour.GREEN: 2.0,
    Colour.WHITE: 2.0,
    Colour.BLACK: 1.6,
}
COLOUR_WEIGHTS = tuple(_COMMON.get(c, 1.0) for c in COLOURS)

OF_ONE_COLOUR = frozenset({"black_cat", "polar_bear", "green_apple", "jack_o_lantern", "santa", "earth"})
"""Kinds whose names say their colour."""

UNWANTED = {
    Setting.MOUNTAINS: frozenset({"penguin", "polar_bear", "seal", "iceberg", "santa", "mammoth"}),
    Setting.PINE_FOREST: frozenset({"pine"}),
    Setting.BROADLEAF_FOREST: frozenset({"oak", "birch"}),
    Setting.BIRCH_FOREST: frozenset({"birch"}),
    Setting.JUNGLE: frozenset({"palm", "fern"}),
    Setting.OASIS: frozenset({"palm"}),
    Setting.FLOWER_FIELD: frozenset({"tulip", "sunflower", "lavender"}),
    Setting.CITY: frozenset({"skyscraper"}),
    Setting.STREET: frozenset({"house", "tall_house"}),
    Setting.VILLAGE: frozenset({"house", "skyscraper"}),
    Setting.HARBOUR: frozenset({"skyscraper"}),
    Setting.PARK: frozenset({"skyscraper"}),
    Setting.GARDEN: frozenset({"tulip", "lavender", "bush"}),
}
"""Things that would be lost in a setting, being what its layers are made of, or that belong only to a kindred one."""


@dataclass(frozen=True, slots=True)
class Group:
    """Things of one kind and colour."""

    kind: ThingKind
    number: int
    colour: Colour


def _popularity(kind: ThingKind) -> float:
    return 3.0 if kind.key in POPULAR else 1.0


ALL = tuple(THINGS.values())
ALL_WEIGHTS = tuple(_popularity(k) for k in ALL)


FLYING = frozenset({"hot_air_balloon", "airship", "rocket", "fireworks", "comet"})
"""Large, but often in numbers."""

INDOORS = frozenset({Setting.TABLE, Setting.WINDOW})


def _welcome(kind: ThingKind, setting: Setting) -> bool:
    """Whether a thing could be there at all: on a table only what lies on tables; no single tree in its own wood."""
    return not (setting in INDOORS and Place.TABLE not in kind.places) and kind.key not in UNWANTED.get(setting, ())


@cache
def residents(setting: Setting) -> tuple[tuple[ThingKind, ...], tuple[float, ...]]:
    """The kinds that belong in a setting, with weights. Those that go anywhere are rarer, not to be everywhere."""
    kinds = tuple(k for k in ALL if setting in k.settings and _welcome(k, setting))
    weights = [_popularity(k) * (0.25 if len(k.settings) > 25 else 1.0) for k in kinds]
    if setting is Setting.PLAIN:  # the home of shapes, which its other 300 kinds would drown
        weights = [w * 20 if k.key in SHAPES else w for k, w in zip(kinds, weights, strict=True)]
    return kinds, tuple(weights)


def sample_setting(draw: Draw, kind: ThingKind | None = None) -> Setting:
    """A setting; one where this kind of thing belongs, if given."""
    if kind is None:
        return draw.weighted(SETTINGS, SETTING_WEIGHTS)
    homes = sorted(s for s in kind.settings - {Setting.PLAIN} if _welcome(kind, s))
    if not homes or draw.chance(0.08):
        return Setting.PLAIN
    return draw.weighted(homes, [_FAVOURED.get(s, 1.0) for s in homes])


def sample_cast(draw: Draw) -> tuple[Setting, list[Group]]:
    """Setting and groups of things, the main one first. About half of the time the setting is chosen first."""
    if draw.chance(0.45):
        setting = sample_setting(draw)
        count = draw.weighted((0, 1, 2, 3), (0.52, 0.3, 0.13, 0.05))
        if setting in (Setting.PLAIN, Setting.TABLE, Setting.SPACE):
            count = max(1, count)
        groups = [_resident(draw, setting) for _ in range(count)]
    else:
        kind = draw.weighted(ALL, ALL_WEIGHTS)
        setting = draw.pick(SETTINGS) if draw.chance(UNUSUAL) else sample_setting(draw, kind)
        if not _welcome(kind, setting):
            setting = sample_setting(draw, kind)
        groups = [_group(draw, kind, setting)]
        for _ in range(draw.weighted((0, 1, 2), (0.42, 0.44, 0.14))):
            groups.append(_companion(draw, setting, groups[0]))
    return setting, _distinct(groups)


def _resident(draw: Draw, setting: Setting) -> Group:
    kinds, weights = residents(setting)
    if draw.chance(UNUSUAL / 2):
        stranger = draw.weighted(ALL, ALL_WEIGHTS)
        if _welcome(stranger, setting):
            return _group(draw, stranger, setting)
    return _group(draw, draw.weighted(kinds, weights), setting)


def _companion(draw: Draw, setting: Setting, first: Group) -> Group:
    """Mostly another resident; sometimes the same kind in another colour, which teaches to bind colours."""
    if draw.chance(0.16) and first.kind.recolourable:
        other = _colour(draw, first.kind, always=True)
        if Colour.NATURAL is not first.colour is not other is not Colour.NATURAL:
            return Group(first.kind, min(_number(draw, first.kind), 2), other)
    return _resident(draw, setting)


def _group(draw: Draw, kind: ThingKind, setting: Setting) -> Group:
    return Group(kind, _number(draw, kind, setting), _colour(draw, kind))


def _number(draw: Draw, kind: ThingKind, setting: Setting = Setting.PLAIN) -> int:
    large = kind.height >= 14 and kind.key not in FLYING and setting is not Setting.PLAIN
    return draw.weighted((1, 2, 3, 4, 5), (0.86, 0.1, 0.04, 0, 0) if large else (0.54, 0.17, 0.13, 0.08, 0.08))


def _colour(draw: Draw, kind: ThingKind, always: bool = False) -> Colour:
    if not kind.recolourable or kind.key in OF_ONE_COLOUR:
        return Colour.NATURAL
    share = 0.12 if kind.key in TREES else 0.25 if kind.key in ANIMALS else 0.42
    if not always and not draw.chance(share):
        return Colour.NATURAL
    return draw.weighted(COLOURS, COLOUR_WEIGHTS)


def _spoken(kind: ThingKind) -> set[str]:
    """What a caption may call a kind, one or several: a book and a pile of books share a word."""
    return {name.removesuffix("s") for name in kind.names}


def _distinct(groups: list[Group]) -> list[Group]:
    """At most eight things, and no two groups alike in kind and colour."""
    kept: dict[tuple[str, Colour], Group] = {}
    room = 8
    for group in groups:
        key = (group.kind.key, group.colour)
        alike = [colour for kind, colour in kept if _spoken(THINGS[kind]) & _spoken(group.kind)]
        if alike and Colour.NATURAL in (*alike, group.colour):
            continue  # only colours tell two groups of one kind, or of one name, apart
        if key not in kept and room >= group.number:
            kept[key] = group
            room -= group.number
    return list(kept.values())
