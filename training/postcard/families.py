"""Families of things, as words such as "animals" or "boats" mean them."""

from safelight.postcard.scenes.things import THING_KEYS


def _span(first: str, last: str) -> frozenset[str]:
    """The catalogue from one kind up to, not including, another: it is written in families."""
    return frozenset(THING_KEYS[THING_KEYS.index(first) : THING_KEYS.index(last)])


ANIMALS = _span("cat", "person") - {"treasure_chest", "anchor", "diver", "submarine", "shell"}
PEOPLE = _span("person", "mermaid")
BOATS = _span("sailboat", "buoy") | {"motorboat", "ferry"}
BUILDINGS = _span("cabin", "tent") | {"skyscraper", "tower", "pagoda"}
CARS = _span("car", "bicycle")
FRUIT = _span("apple", "tomato")
FLOWERS = _span("rose", "clover")
BIRDS = _span("bird", "whale")
LEAPERS = frozenset({"dolphin", "whale", "humpback", "shark"})
SHAPES = frozenset({"circle", "square", "triangle", "star", "heart"})
TREES = _span("pine", "agave") | {"agave", "christmas_tree"}
