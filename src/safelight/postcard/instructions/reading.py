"""From an instruction to changes: which verbs there are, and what they say of what is named after them.

A prompt is an instruction if it begins with such a verb. All else is a description, and drawn as one.
"""

# Tested in tests/postcard/test_instructions.py.

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from safelight.postcard.instructions.words import Term, named

Verb = Literal["add", "remove", "set", "replace", "move"]

_POLITE = re.compile(r"^(?:please|now|then|and|also|could you|can you|i want you to|let us|let's|just)\s+")
_ADD = re.compile(r"^(?:add|put|place|include|insert|introduce)\b(?:\s+in)?")
_REMOVE = re.compile(
    r"^(?:remove|delete|erase|take (?:away|out|off)|get rid of|clear away|hide|drop|lose|no more|no|without)\b"
)
_REPLACE = re.compile(
    r"^(?:(?:replace|swap|exchange) (?P<old>.+?) (?:with|by|for)|"
    r"(?:turn|change|make|convert|transform) (?P<what>.+?) (?:in)?to) (?P<new>.+)$"
)
_SET = re.compile(
    r"^(?:make|turn|change|set|let|paint|colou?r|recolou?r|redraw|restyle|render|switch|convert|transform|have)\b"
)
# A short prompt that says a time, a season or a manner, and nothing that is to be seen.
_STATE = re.compile(r"^(?:(?:the same |same )?(?:in|at|by|during|under|as)\b|in the style of\b)")
_WHOLE = re.compile(
    r"^(?:it|this|that|everything|all|(?:the |this |whole |entire )*(?:scene|picture|image|drawing|light|weather|"
    r"season|style|time of day|place|setting|landscape|sky|whole thing))$"
)
_OF_ALL = re.compile(r"^(?:make|turn|change|set|redraw|render|restyle) (?:it|this|everything|the (?:scene|picture))\b")
_CLAUSES = re.compile(r"(?:\s*[,;.]\s*|\s+)(?:and|then|and then)\s+|\s*[,;.]\s*")
_WITH_AND = {"black and white": "monochrome", "black-and-white": "monochrome", "pen and ink": "ink"}
_NUMBERS = {"a": 1, "an": 1, "one": 1, "another": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NUMBERS |= {"some": 2, "several": 3, "a few": 3, "a couple of": 2, "a pair of": 2, "many": 5}
_NUMBERS |= {str(n): n for n in range(1, 9)}
_NUMBER = re.compile(r"^(?:the )?(" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + r")\b(?: more)?")
_SIDES = {"left": 0.2, "right": 0.8, "middle": 0.5, "centre": 0.5, "center": 0.5}
_SIDE = re.compile(r"\b(left|right|middle|centre|center)\b")
_NEARER = re.compile(r"\b(?:closer|nearer|foreground|in front|forward)\b")
_FARTHER = re.compile(r"\b(?:farther|further|background|distance|away|back)\b")
_LARGER = re.compile(r"\b(?:bigger|larger|big|huge|taller|large)\b")
_SMALLER = re.compile(r"\b(?:smaller|small|tiny|little)\b")
# What follows says where the named thing is, and names nothing that the verb is about.
_WHERE = re.compile(r"\s(?:on|in|at|by|near|next to|beside|behind|above|under|below|over|from|to|into|in front of)\s")


@dataclass(frozen=True)
class Change:
    """What is asked for: a verb, the meanings of what it is about, and for "replace" those of what comes instead.

    `colour`, `number`, `x`, `nearer` and `scale` are said of a thing; None where nothing is said. `text` is the clause.
    """

    verb: Verb
    about: tuple[Term, ...] = ()
    instead: tuple[Term, ...] = ()
    colour: str | None = None
    number: int | None = None
    x: float | None = None
    nearer: float | None = None
    scale: float | None = None
    text: str = ""


def changes_in(prompt: str) -> tuple[Change, ...]:
    """What a prompt asks to be changed; empty where it is a description, or an instruction that names nothing known."""
    text = " ".join(prompt.lower().replace("’", "'").split()).strip(" .!")
    for phrase, meaning in _WITH_AND.items():
        text = text.replace(phrase, meaning)
    clauses = [_plain(clause) for clause in _CLAUSES.split(text) if clause]
    if not clauses or not _is_instruction(clauses[0]):
        return ()
    whole: list[str] = []
    for clause in clauses:
        if whole and not _is_instruction(clause):
            # "add a boat and a lighthouse": the verb holds for both.
            clause = f"{_verb_of(whole[-1])} {clause}"
        whole.append(clause)
    found = [_change(clause) for clause in whole]
    return tuple(change for change in found if change is not None)


def is_instruction(prompt: str) -> bool:
    """Whether a prompt begins as an instruction, whatever follows."""
    return _is_instruction(_plain(" ".join(prompt.lower().split())))


def _plain(clause: str) -> str:
    while (found := _POLITE.match(clause)) is not None:
        clause = clause[found.end() :]
    return clause.strip()


def _is_instruction(clause: str) -> bool:
    verbs = (_ADD, _REMOVE, _REPLACE, _SET, _MOVE)
    return any(verb.match(clause) for verb in verbs) or _is_state(clause)


def _is_state(clause: str) -> bool:
    return bool(_STATE.match(clause)) and bool(named(clause, *_STATES)) and not named(clause, "thing")


_STATES = ("light", "weather", "season", "palette", "style")
_MOVE = re.compile(r"^(?:move|shift|bring|push|pull)\b")


def _verb_of(clause: str) -> str:
    for verb in (_ADD, _REMOVE, _MOVE):
        if found := verb.match(clause):
            return found[0]
    return "make it"


def _change(clause: str) -> Change | None:
    if found := _REMOVE.match(clause):
        return _about("remove", clause[found.end() :])
    if (found := _ADD.match(clause)) and not re.match(r"^put (?:it|this) ", clause):
        return _about("add", clause[found.end() :])
    if found := _REPLACE.match(clause):
        old, new = found["old"] or found["what"], found["new"]
        if not _WHOLE.match(old) and (about := named(old, "thing", "layer")) and named(new, "thing", "layer"):
            return _replacement(about, new, clause)
    if found := _MOVE.match(clause):
        return _about("move", clause[found.end() :])
    return _setting(clause)


def _about(verb: Verb, rest: str) -> Change | None:
    rest = rest.strip()
    number = _NUMBER.match(rest)
    head = _WHERE.split(f" {rest}", maxsplit=1)[0]
    about = tuple(named(head, "thing", "layer", "sky", "weather")) or tuple(named(rest, "thing", "layer", "sky"))
    if not about and verb != "add":
        return None
    return Change(
        verb,
        about,
        colour=_colour(head),
        number=_NUMBERS[number[1]] if number and not rest.startswith("the") else None,
        x=next((_SIDES[side[1]] for side in [_SIDE.search(rest)] if side), None),
        nearer=0.25 if _NEARER.search(rest) else -0.25 if _FARTHER.search(rest) else None,
        scale=_scale(head),
        text=rest,
    )


def _replacement(about: list[Term], new: str, clause: str) -> Change:
    instead = tuple(named(new, "thing", "layer"))
    return Change("replace", tuple(about), instead, colour=_colour(new), text=clause)


def _setting(clause: str) -> Change | None:
    """ "make it night", "turn the scene into winter", "make the boat red", "at night", "paint the house blue"."""
    things = [t for t in named(_before_state(clause), "thing") if not _is_manner(clause)]
    colour, scale = _colour(clause), _scale(clause)
    if things and (colour is not None or scale is not None):
        return Change("set", tuple(things), colour=colour, scale=scale, text=clause)
    about = tuple(named(clause, *_STATES, "setting"))
    amounts = tuple(named(clause, "sky")) if re.search(r"\b(?:rain|snow|fog|mist)\b", clause) else ()
    about += tuple(Term("weather", (_FALLS[term.values[0]],)) for term in amounts if term.values[0] in _FALLS)
    return Change("set", about, text=clause) if about else None


def _before_state(clause: str) -> str:
    found = _SET.match(clause)
    return clause[found.end() :] if found else clause


def _is_manner(clause: str) -> bool:
    """Whether it is about the whole: what is named then is a place or a manner, and no thing."""
    return bool(_OF_ALL.match(clause))


_FALLS = {"rain": "rainy", "snowfall": "snowy", "fog": "foggy"}


def _colour(text: str) -> str | None:
    found = named(text, "colour")
    return found[-1].values[0] if found else None


def _scale(text: str) -> float | None:
    return 1.5 if _LARGER.search(text) else 0.65 if _SMALLER.search(text) else None
