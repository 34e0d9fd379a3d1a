"""Compares what is in a scene with what a prompt asked for, and says where it is fair to be lenient.

Equivalences, all of them: labels of a prompt name every answer that its words allow (see `prompts.labels`); the milky
way counts as stars; the arctic counts as winter; where no number is asked, a layer of a kind counts as things of it (a
pine wood for "pines", a flock in the sky for "birds"); a thing that has a colour by itself counts as having it (a
natural lemon is yellow). A thing that is missing fails its number, colour and place as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from training.postcard.prompts import Negative, Prompt, Wanted
from training.postcard.reading import Reading, Seen, central, leftmost, read, rightmost

from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.vocabulary import Colour, LayerKind, Season, Setting

AS_LAYER: dict[str, frozenset[LayerKind]] = {
    "pine": frozenset({LayerKind.PINES}),
    "oak": frozenset({LayerKind.BROADLEAVES}),
    "birch": frozenset({LayerKind.BIRCHES}),
    "palm": frozenset({LayerKind.PALMS}),
    "cactus": frozenset({LayerKind.CACTI}),
    "mushroom": frozenset({LayerKind.MUSHROOMS}),
    "glowing_mushroom": frozenset({LayerKind.GLOWING_MUSHROOMS}),
    "iceberg": frozenset({LayerKind.ICEBERGS}),
    "tulip": frozenset({LayerKind.TULIPS}),
    "sunflower": frozenset({LayerKind.SUNFLOWERS}),
    "lavender": frozenset({LayerKind.LAVENDER}),
}
"""Layers that are made of a kind."""

BY_NATURE: dict[str, tuple[Colour, ...]] = {
    "apple": (Colour.RED,),
    "barn": (Colour.RED,),
    "rose": (Colour.RED,),
    "heart": (Colour.RED,),
    "black_cat": (Colour.BLACK,),
    "lemon": (Colour.YELLOW,),
    "taxi": (Colour.YELLOW,),
    "submarine": (Colour.YELLOW,),
    "bottle": (Colour.GREEN,),
    "cactus": (Colour.GREEN,),
    "swan": (Colour.WHITE,),
    "dove": (Colour.WHITE,),
    "crown": (Colour.GOLD,),
}
"""Colours that a thing has without being told."""


@dataclass(frozen=True, slots=True)
class Score:
    """For each category that the prompt says something about: (hits, asked)."""

    hits: dict[str, tuple[int, int]]

    @property
    def missed(self) -> tuple[str, ...]:
        """The categories with a miss."""
        return tuple(name for name, (hit, asked) in self.hits.items() if hit < asked)


def score(scene: Scene, prompt: Prompt) -> Score:
    """Hits of a scene on the labels of a prompt, by category."""
    reading = read(scene)
    verdicts: list[tuple[str, bool]] = []
    if prompt.setting:
        verdicts.append(("scene", reading.setting in prompt.setting))
    if prompt.light:
        verdicts.append(("light", reading.light in prompt.light))
    if prompt.weather:
        verdicts.append(("weather", reading.weather in prompt.weather))
    verdicts += [("weather", in_sky(reading, feature)) for feature in prompt.sky]
    if prompt.season:
        winter = Season.WINTER in prompt.season and reading.setting is Setting.TUNDRA
        verdicts.append(("season", winter or reading.season in prompt.season))
    if prompt.palette:
        verdicts.append(("palette", reading.palette in prompt.palette))
    if prompt.style:
        verdicts.append(("style", reading.style in prompt.style))
    for wanted in prompt.things:
        verdicts += _verdicts(reading, wanted, prompt.things)
    hits: dict[str, tuple[int, int]] = {}
    for category, hit in verdicts:
        before = hits.get(category, (0, 0))
        hits[category] = (before[0] + hit, before[1] + 1)
    return Score(hits)


def in_sky(reading: Reading, feature: str) -> bool:
    """Whether something is to be seen in the air."""
    return feature in reading.sky or (feature == "stars" and "milky_way" in reading.sky)


def _verdicts(reading: Reading, wanted: Wanted, all_wanted: Sequence[Wanted]) -> list[tuple[str, bool]]:
    found = [t for t in reading.things if t.kind in wanted.kinds]
    rivals = any(other is not wanted and set(other.kinds) & set(wanted.kinds) for other in all_wanted)
    if rivals and wanted.colours:
        found = [t for t in found if has_colour(t, wanted.colours)]
    present = bool(found) or (wanted.number is None and _as_layer(reading, wanted.kinds))
    verdicts = [("things", present)]
    if wanted.number is not None:
        verdicts.append(("number", len(found) == wanted.number))
    if wanted.colours:
        verdicts.append(("colour", bool(found) and all(has_colour(t, wanted.colours) for t in found)))
    if wanted.place:
        anchors = [t for t in reading.things if t.kind in wanted.anchor]
        verdicts.append(("place", bool(found) and stands(wanted.place, found, anchors, bool(wanted.anchor))))
    return verdicts


def _as_layer(reading: Reading, kinds: tuple[str, ...]) -> bool:
    if {"bird", "seagull"} & set(kinds) and "flock" in reading.sky:
        return True
    return any(AS_LAYER.get(kind, frozenset()) & reading.layers for kind in kinds)


def has_colour(thing: Seen, colours: Sequence[str]) -> bool:
    """Whether a thing has one of these colours, given or by nature."""
    if thing.colour is Colour.NATURAL:
        return Colour.NATURAL in colours or any(c in colours for c in BY_NATURE.get(thing.kind, ()))
    return thing.colour in colours


def stands(place: str, things: Sequence[Seen], anchors: Sequence[Seen], relative: bool) -> bool:
    """Whether things stand at a place of the picture, or so as seen from the anchors."""
    x, y, depth = _middle(things)
    if not relative:
        return {
            "left": leftmost(x),
            "right": rightmost(x),
            "centre": central(x),
            "far": depth < 0.42,
            "near": depth > 0.68,
        }[place]
    if not anchors:
        return False
    ax, ay, adepth = _middle(anchors)
    return {
        "left": x < ax - 0.04,
        "right": x > ax + 0.04,
        "above": y < ay - 0.08,
        "beside": abs(x - ax) < 0.6 and abs(y - ay) < 0.25,
        "behind": depth < adepth - 0.05,
        "in front of": depth > adepth + 0.05,
    }[place]


def _middle(things: Sequence[Seen]) -> tuple[float, float, float]:
    n = len(things)
    return sum(t.x for t in things) / n, sum(t.y for t in things) / n, sum(t.depth for t in things) / n


def negative_hit(scene: Scene, negative: Negative) -> bool:
    """Whether everything that the negative prompt names is absent."""
    reading = read(scene)
    present = {t.kind for t in reading.things} | reading.sky | {reading.light, reading.weather}
    grown = _as_layer(reading, tuple(k for k in negative.absent if k not in ("bird", "seagull")))
    return not present & set(negative.absent) and not grown


def diversity(scenes: Sequence[Scene]) -> float:
    """How much scenes of one prompt differ: mean over pairs, from 0 (alike) to 1 (nothing in common).

    A fifth each: layers, things, where things stand, the state of the air, and light within its hour and composition.
    """
    pairs = list(combinations(scenes, 2))
    return sum(_distance(a, b) for a, b in pairs) / len(pairs) if pairs else 0.0


def _distance(a: Scene, b: Scene) -> float:
    one, two = read(a), read(b)
    air: list[bool] = [
        getattr(one, n) != getattr(two, n) for n in ("setting", "light", "weather", "season", "palette", "style")
    ]
    sky, other = a.world.sky, b.world.sky
    view = [a.world.mood - b.world.mood, (a.world.horizon - b.world.horizon) * 4, sky.body_x - other.body_x]
    fifths = (
        _unlike(one.layers, two.layers),
        _unlike(frozenset(one.counts.items()), frozenset(two.counts.items())),
        _apart(one.things, two.things),
        sum(air) / len(air),
        sum(min(1.0, abs(v)) for v in view) / len(view),
    )
    return sum(fifths) / len(fifths)


def _unlike(a: frozenset[object], b: frozenset[object]) -> float:
    return 1 - len(a & b) / len(a | b) if a | b else 0.0


def _apart(a: Sequence[Seen], b: Sequence[Seen]) -> float:
    """How far apart the middles of the things are, in halves of the picture."""
    if not a or not b:
        return float(bool(a) != bool(b))
    (ax, ay, _), (bx, by, _) = _middle(a), _middle(b)
    return min(1.0, 2 * math.hypot(ax - bx, ay - by))


__all__ = ["Reading", "Score", "diversity", "has_colour", "negative_hit", "read", "score", "stands"]
