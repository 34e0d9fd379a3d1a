"""The verbs of instructions and what may be said with them: sides, sizes, numbers; and what comes of one, a change."""

# Tested in tests/postcard/test_instructions.py.

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from safelight.postcard.instructions.words import Term

Verb = Literal["add", "remove", "set", "replace", "move", "have", "more", "less", "only"]
Beside = Literal["by", "left", "right", "above", "before", "behind"]

ADD = re.compile(r"^(?:add|put|place|include|insert|introduce)\b(?:\s+in)?")
REMOVE = re.compile(r"^remove\b")
REPLACE = re.compile(
    r"^(?:replace (?P<old>.+?) with|turn (?P<what>.+?) into|make (?P<it>the .+?)(?= an? )) (?P<new>.+)$"
)
SET = re.compile(
    r"^(?:make|turn|change|set|let|paint|colou?r|recolou?r|redraw|restyle|render|switch|convert|transform|have)\b"
)
MOVE = re.compile(r"^(?:move|shift|bring|push|pull|slide|drag|nudge)\b")
HAVE, MORE, LESS, ONLY = (re.compile(rf"^{word}\b") for word in ("have", "more", "less", "leave only"))
# What no scene can hold: nothing is done then, since what the model made of it would be anything.
BEYOND = re.compile(
    r"^(?:write|type|zoom|crop|rotate|flip|mirror|blur|sharpen|upscale|enhance|animate|undo|tilt|stretch)\b"
)
# A short prompt that says a time, a season or a manner, and nothing that is to be seen.
STATE = re.compile(r"^(?:(?:in|at|by|during|under|as)\b|in the style of\b)")
WHOLE = re.compile(
    r"^(?:it|this|that|everything|all|(?:the |this |whole |entire )*(?:scene|picture|image|drawing|light|weather|"
    r"season|style|time of day|place|setting|landscape|sky|whole thing|thing|colou?rs?|mood|atmosphere|background))$"
)
OF_ALL = re.compile(
    r"^(?:make|turn|change|set|redraw|render|restyle) (?:it|this|everything|the (?:scene|picture)|"
    r"(?:the )?(?:whole|entire) \w+)\b"
)
NUMBERS = {"a": 1, "an": 1, "one": 1, "another": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
NUMBERS |= {"eight": 8, "a single": 1, "some": 2, "several": 3, "a few": 3, "a couple of": 2, "a pair of": 2, "many": 5}
NUMBERS |= dict.fromkeys(("a bunch of", "a group of", "a flock of", "a herd of"), 4)
NUMBERS |= dict.fromkeys(("a lot of", "lots of", "plenty of"), 5)
NUMBERS |= {str(n): n for n in range(1, 9)}
NUMBER = re.compile(
    r"^(?P<only>(?:only|just|exactly) )?(?:the )?(?P<number>"
    + "|".join(sorted(NUMBERS, key=len, reverse=True))
    + r")\b"
    r"(?: more)?(?: of)?"
)
COUNTED = re.compile(r"^(?:one|two|three|four|five|six|seven|eight|\d|a single)\b")
SIDES = {"left": 0.2, "right": 0.8, "middle": 0.5, "centre": 0.5, "center": 0.5}
SIDE = re.compile(r"\b(left|right|middle|centre|center)\b")
THEM = re.compile(r"^(?:(?:them|they)\b|(?:these|those|both|all)(?: of them)?$|it$)")
PLACES = re.compile(r"\b(?:sky|air|background|foreground|corner)\b")
THOSE = re.compile(r"^(?:the|these|those|all|both|my)\b")
NEARER = re.compile(r"\b(?:closer|nearer|foreground|in front|forward)\b")
FARTHER = re.compile(r"\b(?:farther|further|background|distance|away|back)\b")
LARGER = re.compile(r"\b(?:bigger|larger|big|huge|taller|large|giant|enormous)\b")
SMALLER = re.compile(r"\b(?:smaller|small|tiny|little)\b")
COMPARED = re.compile(
    r"^(?:a |the )?(?:(?:much|far|way|slightly|even|a bit|a little) )?(?:bigger|larger|taller|smaller)\b"
)
BESIDE: dict[Beside, str] = {
    "left": r"(?:(?:to|on|at) the )?left(?: side)? of|left from",
    "right": r"(?:(?:to|on|at) the )?right(?: side)? of|right from",
    "before": "in front of",
    "behind": "behind",
    "above": "above|over",
    "by": "next to|beside|besides|near|nearby|close to|by|alongside|beneath|under|around|with",
}
BY = re.compile(r"\b(?:" + "|".join(f"(?P<{name}>{said})" for name, said in BESIDE.items()) + r") (?P<what>.+)$")
# What follows says where the named thing is, and names nothing that the verb is about.
WHERE = re.compile(
    r"\s(?:on|in|at|by|near|next to|beside|besides|close to|(?:to )?the (?:left|right)|behind|above|under|below|over|"
    r"from|to|into|in front of|across|around|flying|standing|sitting|swimming|floating|sailing|up in|down by)\s"
)
STATES = ("light", "weather", "season", "palette", "style")
SEEN = ("thing", "layer", "sky", "setting")


@dataclass(frozen=True)
class Near:
    """Where a thing is to be, by others: on which side of them."""

    side: Beside
    things: tuple[Term, ...]


@dataclass(frozen=True)
class Change:
    """What is asked for: a verb, the meanings of what it is about, and for "replace" those of what comes instead.

    `colour`, `number`, `x`, `nearer`, `scale` and `near` are said of a thing; None where nothing is said. `only`: the
    number is how many there are to be; `there`: one that is there already is meant. `text` is the clause.
    """

    verb: Verb
    about: tuple[Term, ...] = ()
    instead: tuple[Term, ...] = ()
    colour: str | None = None
    number: int | None = None
    x: float | None = None
    nearer: float | None = None
    scale: float | None = None
    near: Near | None = None
    only: bool = False
    there: bool = False
    text: str = ""
