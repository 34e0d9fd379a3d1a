"""From an instruction to changes: which verbs there are, and what they say of what is named after them.

`wording` brings what people say to few forms. A prompt is an instruction if it begins with a verb of these, or only
says how the whole is to be ("at night", "more snow"), or where one thing is to be. All else is a description.
"""

# Tested in tests/postcard/test_instructions.py.

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from safelight.postcard.instructions.verbs import (
    ADD,
    BESIDE,
    BEYOND,
    BY,
    COMPARED,
    COUNTED,
    FARTHER,
    HAVE,
    LARGER,
    LESS,
    MORE,
    MOVE,
    NEARER,
    NUMBER,
    NUMBERS,
    OF_ALL,
    ONLY,
    PLACES,
    REMOVE,
    REPLACE,
    SEEN,
    SET,
    SIDE,
    SIDES,
    SMALLER,
    STATE,
    STATES,
    THEM,
    THOSE,
    WHERE,
    WHOLE,
    Change,
    Near,
    Verb,
)
from safelight.postcard.instructions.wording import clauses
from safelight.postcard.instructions.words import Term, named, unnamed


def _any_word(_: str) -> bool:
    return True


def changes_in(prompt: str, is_word: Callable[[str], bool] = _any_word) -> tuple[Change, ...]:
    """What a prompt asks to be changed; empty where it is a description, or an instruction that names nothing known.

    `is_word` says of a word in lower case whether it is one: what is none may be a slip of the keyboard.
    """
    remarks, instructions = _parted(clauses(prompt, is_word))
    return tuple(_changes(instructions, tuple(named(remarks[-1], "thing")) if remarks else ()))


def is_instruction(prompt: str, is_word: Callable[[str], bool] = _any_word) -> bool:
    """Whether a prompt begins as an instruction, whatever follows."""
    return bool(_parted(clauses(prompt, is_word))[1])


def is_beyond(prompt: str) -> bool:
    """Whether it asks for what cannot be done with a scene at all, as to write or to turn the picture round."""
    return any(BEYOND.match(clause) for clause in clauses(prompt, _any_word)[:1])


def _parted(found: list[str]) -> tuple[list[str], list[str]]:
    """What is said before the first verb ("the sky is too empty, add birds"), and the clauses of the instruction, each
    with its verb; of a description there are none."""
    first = next((n for n, each in enumerate(found) if (_has_verb(each) if n else _is_instruction(each))), None)
    if first is None or not all(_is_remark(each) for each in found[:first]):
        return found, []
    whole: list[str] = []
    for clause in found[first:]:
        # "add a boat and a lighthouse": the verb holds for both.
        verbless = whole and not _is_instruction(clause)
        whole.append(f"{_verb_of(whole[-1])} {clause}" if verbless else clause)
    return found[:first], whole


def _is_remark(clause: str) -> bool:
    """Whether it tells of what is there, or names nothing: no part of a description."""
    return not named(clause, *STATES, *SEEN) or bool(
        re.search(r"\b(?:is|are|was|looks?|seems?|feels?|i|we|has|does)\b", clause)
    )


def _has_verb(clause: str) -> bool:
    return any(verb.match(clause) for verb in (ADD, REMOVE, REPLACE, SET, MOVE, HAVE, MORE, LESS, ONLY, BEYOND))


def _is_instruction(clause: str) -> bool:
    return _has_verb(clause) or bool(COMPARED.match(clause)) or _is_state(clause) or _is_placed(clause)


def _is_state(clause: str) -> bool:
    """Whether it says of the whole how it is to be, and names nothing else."""
    if STATE.match(clause) and named(clause, *STATES) and not named(clause, "thing"):
        return True
    about_all = named(clause, *STATES, "sky")
    return bool(about_all) and not named(clause, "setting", "layer") and not _says_more(clause, *STATES, "sky")


def _is_placed(clause: str) -> bool:
    """Whether it names one thing, says where that is to be, and nothing else: "a balloon up in the sky". Or what one
    that is there is to look like: "the boat in red"."""
    if _says_more(clause, "thing", "colour") or not named(clause, "thing"):
        return False
    if THOSE.match(clause) and (_colour(clause) or _scale(clause)):
        return True
    head, *where = WHERE.split(f" {clause}", maxsplit=1)
    beside = BY.search(clause)
    placed = bool(where) and bool(SIDE.search(where[0]) or PLACES.search(where[0]))
    placed = placed or bool(beside and beside["what"].startswith("the ") and named(beside["what"], "thing"))
    return placed and bool(named(head, "thing"))


def _says_more(clause: str, *fields: str) -> bool:
    """Whether a clause has words beside the names of these fields that may be the names of other things."""
    return any(word not in NUMBERS for word in re.findall(r"[a-z0-9'-]+", unnamed(clause, *fields, "filler")))


def _verb_of(clause: str) -> str:
    for verb in (ADD, REMOVE, MOVE, HAVE, MORE, LESS):
        if found := verb.match(clause):
            return found[0]
    return "make it"


def _changes(instructions: list[str], last: tuple[Term, ...]) -> Iterator[Change]:
    for clause in instructions:
        for change in _change(clause, last):
            yield change
            if any(term.field == "thing" for term in change.about):
                last = change.instead or change.about


def _change(clause: str, last: tuple[Term, ...]) -> Iterator[Change]:
    """`last` is what "them" stands for."""
    for verb, name in _OF_THINGS.items():
        if found := verb.match(clause):
            rest = clause[found.end() :].strip()
            if name == "have" or (name in ("add", "move") and _is_whole(rest)):
                break
            if change := _about(name, rest, last):
                yield change
            return
    if found := REPLACE.match(clause):
        if change := _replacement(found, clause):
            yield change
            return
        if found["it"] is None:  # "turn day into night"
            clause = f"make it {found['new']}"
    if (found := HAVE.match(clause)) or not _has_verb(clause):
        rest = clause[found.end() :] if found else clause
        if found or COMPARED.match(rest) or _is_placed(rest):
            change = _about("have", rest.strip(), last)
            if change is not None and any(term.field in ("thing", "layer") for term in change.about):
                yield change
                return
    yield from _setting(clause, last)


_OF_THINGS: dict[re.Pattern[str], Verb] = {
    REMOVE: "remove",
    ADD: "add",
    MOVE: "move",
    MORE: "more",
    LESS: "less",
    ONLY: "only",
    HAVE: "have",
}


def _is_whole(rest: str) -> bool:
    """ "shift everything to autumn", "put it in winter"."""
    return bool(WHOLE.match(re.split(r"\s(?:to|into|in|at|on)\b", rest, maxsplit=1)[0].strip()))


def _about(verb: Verb, rest: str, last: tuple[Term, ...]) -> Change | None:
    number, beside = NUMBER.match(rest), BY.search(rest)
    near = _near(beside) if beside else None
    head = WHERE.split(f" {rest}", maxsplit=1)[0].strip()
    head = head.removeprefix(number[0]) if number else head
    fields = ("thing", "layer", "sky", "weather")
    about = tuple(named(head, *fields)) or tuple(named(rest if near is None else "", *fields[:3]))
    about = last if THEM.match(rest) else about
    if not about and verb != "add":
        return None
    placed, there = rest if near is None else head, bool(COMPARED.match(rest) or THOSE.match(rest))
    return Change(
        verb,
        about,
        colour=_colour(rest if there and verb == "have" else head),
        number=NUMBERS[number["number"]] if number and not rest.startswith("the ") else None,
        x=next((SIDES[side[1]] for side in [SIDE.search(placed)] if side), None),
        nearer=0.25 if NEARER.search(placed) else -0.25 if FARTHER.search(placed) else None,
        scale=_scale(head),
        near=near,
        only=bool(number and (number["only"] or (verb == "have" and COUNTED.match(rest) and "more" not in rest))),
        there=there,
        text=rest,
    )


def _near(found: re.Match[str]) -> Near | None:
    things = tuple(named(found["what"], "thing"))
    side = next(side for side in BESIDE if found[side])
    return Near(side, things) if things else None


def _replacement(found: re.Match[str], clause: str) -> Change | None:
    old, new = found["old"] or found["what"] or found["it"], found["new"]
    about, instead = named(old, "thing", "layer"), named(new, "thing", "layer")
    if WHOLE.match(old) or not about or not instead:
        return None
    number = NUMBER.match(new)
    count = NUMBERS[number["number"]] if number and COUNTED.match(new) else None
    return Change("replace", tuple(about), tuple(instead), colour=_colour(new), number=count, text=clause)


def _setting(clause: str, last: tuple[Term, ...]) -> Iterator[Change]:
    """ "make it night", "turn the scene into winter", "make the boat red", "at night", "have a starry night"."""
    rest = SET.sub("", clause).strip()
    things = () if OF_ALL.match(clause) else tuple(named(rest, "thing"))
    things = last if THEM.match(rest) and last else things
    colour, scale = _colour(clause), _scale(clause)
    if things and (colour is not None or scale is not None):
        yield Change("set", things, colour=colour, scale=scale, text=clause)
        return
    if things and COUNTED.match(rest):
        yield from filter(None, [_about("have", rest, last)])
        return
    about = tuple(named(clause, *STATES, "setting"))
    in_the_air = [term for term in named(clause, "sky") if term not in about]
    falls = [term for term in in_the_air if term.values[0] in _FALLS]
    about += tuple(Term("weather", (_FALLS[term.values[0]],)) for term in falls)
    if about:
        yield Change("set", about, text=clause)
    for term in in_the_air:
        if term not in falls:
            yield Change("add", (term,), text=clause)


_FALLS = {"rain": "rainy", "snowfall": "snowy", "fog": "foggy"}


def _colour(text: str) -> str | None:
    found = named(text, "colour")
    return found[-1].values[0] if found else None


def _scale(text: str) -> float | None:
    return 1.5 if LARGER.search(text) else 0.65 if SMALLER.search(text) else None
