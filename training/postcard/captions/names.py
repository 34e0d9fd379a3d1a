"""Names of things in a sentence: articles, plurals, numbers, colours."""

import random
import re
from functools import cache

from training.postcard.captions.words import COLOUR_WORDS
from training.postcard.prompts import HELD_OUT_WORDS

from safelight.postcard.scenes.things import THINGS
from safelight.postcard.scenes.vocabulary import Colour

_IRREGULAR = {
    "man": "men",
    "woman": "women",
    "gentleman": "gentlemen",
    "snowman": "snowmen",
    "spaceman": "spacemen",
    "child": "children",
    "person": "people",
    "goose": "geese",
    "mouse": "mice",
    "wolf": "wolves",
    "leaf": "leaves",
    "loaf": "loaves",
    "sheep": "sheep",
    "deer": "deer",
    "fish": "fish",
    "clownfish": "clownfish",
    "moose": "moose",
    "bison": "bison",
    "cattle": "cattle",
    "aircraft": "aircraft",
    "cactus": "cacti",
    "ox": "oxen",
    "pufferfish": "pufferfish",
    "blowfish": "blowfish",
    "starfish": "starfish",
    "lily": "lilies",
    "die": "dice",
    "bus": "buses",
    "kiwi": "kiwis",
    "igloo": "igloos",
    "silo": "silos",
    "piano": "pianos",
    "radio": "radios",
    "photo": "photos",
    "bamboo": "bamboo",
    "seal": "seals",
}
_UNCOUNTABLE = frozenset(
    {"ruins", "glasses", "cattle", "bananas", "grapes", "blueberries", "cherries", "books", "columns", "bread", "wool"}
    | {"corn", "maize", "wheat", "honey", "milk", "bamboo", "cheese", "soup", "ramen", "music", "pancakes", "lovers"}
    | {"cacti", "dice", "sushi", "fireworks"}
)
_COLOURED = frozenset(word for words in COLOUR_WORDS.values() for phrase in words for word in phrase.split()) | {"gold"}


@cache
def plural(name: str) -> str:
    """The plural of a name of one or more words: "cup of coffee" becomes "cups of coffee"."""
    head, of, tail = re.match(r"(.*?)( (?:of|in|on|with) .*)?$", name).group(1, 2, 2)  # type: ignore[union-attr]
    words = head.split(" ")
    last = words[-1]
    if last in _IRREGULAR:
        words[-1] = _IRREGULAR[last]
    elif last in _UNCOUNTABLE or (last.endswith("s") and not last.endswith(("ss", "us"))):
        pass
    elif last.endswith(("s", "x", "ch", "sh", "z")) or last in ("tomato", "potato", "buffalo", "mango", "torpedo"):
        words[-1] = last + "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        words[-1] = last[:-1] + "ies"
    else:
        words[-1] = last + "s"
    return " ".join(words) + (tail if of else "")


@cache
def names(key: str, coloured: bool) -> tuple[str, ...]:
    """The names that captions may use for a kind; without those that hold a colour where another one will be said."""
    allowed = [n for n in THINGS[key].names if not HELD_OUT_WORDS & set(re.findall(r"[a-z]+", f"{n} {plural(n)}"))]
    allowed = [n for n in allowed if not n.startswith(("our ", "two "))]
    if coloured:
        allowed = [n for n in allowed if not _COLOURED & set(n.split())] or allowed
    return tuple(allowed)


def article(phrase: str) -> str:
    """The phrase with "a" or "an"; without one where it is a plural or has no number."""
    last = re.split(r" (?:of|in|on|with) ", phrase)[0].split()[-1]
    if last in _UNCOUNTABLE:
        return phrase
    vowel = phrase[0] in "aeiou" and not phrase.startswith(("uni", "one", "u-", "eu", "ew", "ufo"))
    return f"{'an' if vowel or phrase.startswith('hour') else 'a'} {phrase}"


_ONLY_MANY = frozenset({"cacti", "columns", "lovers", "bamboo stalks", "bananas", "cattle", "dice"})
_ONLY_ONE = frozenset({"bread", "cheese", "wheat", "corn", "maize", "honey", "milk", "soup", "ramen", "wool", "music"})


@cache
def _fit(allowed: tuple[str, ...], number: int) -> tuple[str, ...]:
    """Without plurals for one thing and without masses for several, if any other name is left."""
    unfit = _ONLY_MANY if number == 1 else _ONLY_ONE
    return tuple(n for n in allowed if n not in unfit) or allowed


NUMBERS = {
    2: ("two", "two", "2", "a pair of", "a couple of"),
    3: ("three", "three", "three", "3"),
    4: ("four", "four", "four", "4"),
    5: ("five", "five", "five", "5"),
}
MANY = ("several", "some", "a group of", "a few", "many")


def noun_phrase(rng: random.Random, key: str, number: int, colour: Colour, say_number: bool, say_colour: bool) -> str:
    """ "two red boats", "a pair of swans", "some birds", "a yellow umbrella"."""
    name = _fit(names(key, say_colour), number)
    # The first name is the plainest; take it half of the time.
    chosen = name[0] if rng.random() < 0.5 else name[int(rng.random() * len(name))]
    word = rng.choice(COLOUR_WORDS[colour]) + " " if say_colour else ""
    if number == 1:
        if rng.random() < 0.12:
            return f"{rng.choice(('one', 'a single', 'a lone', 'exactly one'))} {word}{chosen}"
        return article(word + chosen)
    if say_number:
        return f"{rng.choice(NUMBERS[number])} {word}{plural(chosen)}"
    many = rng.choice(MANY) + " " if number > 2 and rng.random() < 0.6 else ""
    return f"{many}{word}{plural(chosen)}"
