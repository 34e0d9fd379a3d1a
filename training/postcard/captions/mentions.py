"""Which things a caption mentions, and how much of each: number, colour, place."""

import random
from dataclasses import dataclass

from training.postcard.reading import Reading, Seen

from safelight.postcard.scenes.things import THINGS
from safelight.postcard.scenes.vocabulary import Colour


@dataclass(frozen=True, slots=True)
class Mention:
    """Things of one kind and colour, and how much of them is told."""

    kind: str
    colour: Colour
    number: int
    seen: tuple[Seen, ...]
    say_number: bool
    say_colour: bool
    place: str | None = None
    anchor: int | None = None  # index of the mention that the place refers to

    @property
    def x(self) -> float:
        """The middle of the group."""
        return sum(s.x for s in self.seen) / len(self.seen)

    @property
    def y(self) -> float:
        """The middle of the group, downwards."""
        return sum(s.y for s in self.seen) / len(self.seen)

    @property
    def depth(self) -> float:
        """The depth of the group."""
        return sum(s.depth for s in self.seen) / len(self.seen)


def _groups(reading: Reading) -> list[tuple[str, Colour, tuple[Seen, ...]]]:
    groups: dict[tuple[str, Colour], list[Seen]] = {}
    for thing in reading.things:
        groups.setdefault((thing.kind, thing.colour), []).append(thing)
    return [(kind, colour, tuple(seen)) for (kind, colour), seen in groups.items()]


def mentions_of(reading: Reading, rng: random.Random, brief: float, focused: bool = False) -> tuple[Mention, ...]:
    """Main things nearly always, companions mostly; strangers, odd colours and pairs of colours always.

    `focused`: everything, with number and colour, and a place more often.
    """
    groups = _groups(reading)
    kinds = [kind for kind, _, _ in groups]
    mentions = []
    for i, (kind, colour, seen) in enumerate(groups):
        stranger = reading.setting not in THINGS[kind].settings
        doubled = kinds.count(kind) > 1
        coloured = colour is not Colour.NATURAL
        share = 1.0 if doubled or stranger else 0.92 if i == 0 else 0.9 if coloured else 0.82
        if brief < 1 and i > 0 and not doubled and not stranger:
            share *= 0.75
        if rng.random() > share and not focused:
            continue
        say_number = len(seen) == 1 or focused or rng.random() < 0.86
        say_colour = coloured and (doubled or focused or rng.random() < 0.94)
        mentions.append(Mention(kind, colour, len(seen), seen, say_number, say_colour))
    if rng.random() < 0.35:
        rng.shuffle(mentions)
    return tuple(_placed(mention, mentions, i, rng, focused) for i, mention in enumerate(mentions))


def _placed(mention: Mention, mentions: list[Mention], index: int, rng: random.Random, focused: bool) -> Mention:
    """The mention with a place, if there is one to tell and chance tells it."""
    place: tuple[str, int | None] | None = None
    if index > 0 and rng.random() < 0.65:
        place = _relation(mention, mentions[index - 1], index - 1, rng)
    if place is None and rng.random() < (0.8 if focused else 0.55 if len(mentions) > 1 else 0.42):
        choices = list(_spots(mention))
        place = (choices[int(rng.random() * len(choices))], None) if choices else None
    if place is None:
        return mention
    return Mention(
        mention.kind, mention.colour, mention.number, mention.seen, mention.say_number, mention.say_colour, *place
    )


def _spots(mention: Mention) -> list[str]:
    """Places on the picture that are plainly true of the whole group."""
    xs = [s.x for s in mention.seen]
    spots = []
    if max(xs) < 0.41:
        spots.append("left")
    if min(xs) > 0.59:
        spots.append("right")
    if 0.42 < mention.x < 0.58 and max(xs) - min(xs) < 0.5:
        spots.append("centre")
    if mention.depth < 0.36 and max(s.lift for s in mention.seen) < 0.1:
        spots += ["far", "far"]
    if mention.depth > 0.8 and max(s.lift for s in mention.seen) < 0.1:
        spots.append("near")
    return spots


def _relation(a: Mention, b: Mention, index: int, rng: random.Random) -> tuple[str, int | None] | None:
    """Where one group is as seen from another, if that is plain."""
    if a.kind == b.kind:
        return None
    dx, dy, dz = a.x - b.x, a.y - b.y, a.depth - b.depth
    found = []
    ordered = max(s.x for s in a.seen) < min(s.x for s in b.seen) or min(s.x for s in a.seen) > max(s.x for s in b.seen)
    if ordered and abs(dx) > 0.15:
        found.append("left" if dx < 0 else "right")
    if dy < -0.17 and abs(dx) < 0.4 and max(s.lift for s in a.seen) > 0.15:
        found += ["above", "above"]
    if abs(dx) < 0.5 and abs(dy) < 0.15 and abs(dz) < 0.15:
        found += ["beside", "beside"]
    if abs(dx) < 0.4 and abs(dz) > 0.2 and not any(s.lift > 0.1 for s in (*a.seen, *b.seen)):
        found += ["behind" if dz < 0 else "in front of"] * 2
    return (found[int(rng.random() * len(found))], index) if found else None
