"""The names of all that a scene can hold: `words.tsv` for light, weather, layers and such, the catalogue for things."""

# Tested in tests/postcard/test_instructions.py.

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from safelight.postcard.scenes.things import THING_KEYS, THINGS

# Words for several kinds, of which the first is added. Spans of the catalogue, which is written in families.
_FAMILIES = {
    "person people man men woman women human humans crowd figure figures": ("person", "mermaid"),
    "boat boats vessel vessels": ("sailboat", "buoy"),
    "ship ships": ("tall_ship", "buoy"),
    "bird birds": ("bird", "whale"),
    "animal animals": ("cat", "person"),
    "tree trees": ("pine", "bush"),
    "building buildings": ("cabin", "tent"),
    "car cars vehicle vehicles traffic": ("car", "bicycle"),
    "flower flowers": ("rose", "clover"),
}
_MORE = {"hot_air_balloon": ("balloon", "balloons"), "aeroplane": ("aircraft",), "star": ()}
_MORE |= {"woman": ("grandmother", "grandma", "mother"), "man": ("grandfather", "grandpa", "father")}
_IRREGULAR = {
    "man": "men",
    "woman": "women",
    "person": "people",
    "child": "children",
    "goose": "geese",
    "mouse": "mice",
    "wolf": "wolves",
    "sheep": "sheep",
    "deer": "deer",
    "fish": "fish",
    "bison": "bison",
    "ox": "oxen",
    "cactus": "cacti",
    "snowman": "snowmen",
    "leaf": "leaves",
    "moose": "moose",
    "aircraft": "aircraft",
}


@dataclass(frozen=True)
class Term:
    """A word's meaning: the field of a scene that it is about ("light", "sky", "layer", "thing" …) and the values that
    it names, the first of which is added or set by it. `many`: it was said in the plural."""

    field: str
    values: tuple[str, ...]
    many: bool = False


def plural(name: str) -> str:
    """Of a name of one or more words, by its last, or the one before "of"."""
    head, of, tail = name.partition(" of ")
    before, _, last = head.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh", "z")):
        last = last if last.endswith("s") and not last.endswith(("ss", "us")) else last + "es"
    elif last.endswith("y") and last[-2:-1] not in tuple("aeiou"):
        last = last[:-1] + "ies"
    else:
        last += "s"
    return f"{before} {last}".strip() + of + tail


def _lines() -> Iterator[tuple[str, str, list[str]]]:
    text = resources.files(__package__).joinpath("words.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            field, value, names = line.split("\t")
            yield field, value, [name.strip() for name in names.split(",")]


def _things() -> Iterator[tuple[str, tuple[str, ...]]]:
    for names, (first, end) in _FAMILIES.items():
        kinds = THING_KEYS[THING_KEYS.index(first) : THING_KEYS.index(end)]
        for name in names.split():
            yield name, kinds
    for key, kind in THINGS.items():
        for name in (*kind.names, *_MORE.get(key, ())):
            yield name, (key,)
            yield plural(name), (key,)


@cache
def terms() -> dict[str, tuple[Term, ...]]:
    """All meanings of each name. Things come first: "add a house" is one house, "houses" may be a row of them."""
    found: dict[str, dict[str, list[str]]] = {}
    said = [*(("thing", kinds, name) for name, kinds in _things())]
    said += [(field, (value,), name) for field, value, names in _lines() for name in names]
    for field, values, name in said:
        known = found.setdefault(name, {}).setdefault(field, [])
        known.extend(value for value in values if value not in known)
    return {
        name: tuple(Term(field, tuple(values)) for field, values in fields.items()) for name, fields in found.items()
    }


@cache
def _pattern() -> re.Pattern[str]:
    names = sorted(terms(), key=len, reverse=True)
    return re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, names)) + r")(?![\w-])")


def named(text: str, *fields: str) -> list[Term]:
    """The meanings of all names in a text (in lower case) that are about these fields; the longest name counts."""
    return [
        replace(term, many=term.field == "thing" and found[0] in _plurals())
        for found in _pattern().finditer(text)
        for term in terms()[found[0]]
        if not fields or term.field in fields
    ]


def unnamed(text: str, *fields: str) -> str:
    """The text without the names that are about one of these fields."""
    said = terms()
    return _pattern().sub(lambda m: "" if any(term.field in fields for term in said[m[0]]) else m[0], text)


@cache
def _plurals() -> frozenset[str]:
    """Names that stand for several things and never for one."""
    single = {name for kind in THINGS.values() for name in kind.names}
    family = {name for names in _FAMILIES for name in names.split() if name.endswith("s")}
    return frozenset({plural(name) for name in single} | family | {"people", "men", "women"}) - single


@cache
def name_of(field: str, value: str) -> str:
    """The plainest name of a value."""
    return next(names[0] for about, known, names in _lines() if (about, known) == (field, value))
