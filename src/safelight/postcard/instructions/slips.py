"""Slips of the keyboard: what is no word is taken for the one word of ours that it nearly is."""

# Tested in tests/postcard/test_wording.py.

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from safelight.postcard.instructions.words import terms

# Words of instructions that are no names.
_SAID = frozenset(re.findall(r"\w+", """
    with without make making add put place remove delete erase replace swap change turn paint colour color
    move bring take get give have want should could would please next beside near below behind bigger smaller larger
    closer farther less fewer another same everything one two three four five six from its their no not
"""))  # fmt: skip
# How people shorten words on purpose.
_SHORT = frozenset(
    re.findall(r"\w+", "pls plz thx u ur im id dont doesnt cant wont isnt lets bw ok okay ta pic pics img")
)
_LONG, _LONGEST = 8, 24


def mended(text: str, is_word: Callable[[str], bool]) -> str:
    """The text, in lower case, with each word that `is_word` and our own lists do not know as the only one of ours that
    is one slip away, or two from eight letters on. Where none is, or several, it stays."""
    return re.sub(r"[a-z]+", lambda found: _meant(found[0]) if not _is_known(found[0], is_word) else found[0], text)


def _is_known(word: str, is_word: Callable[[str], bool]) -> bool:
    return word in _ours() or word in _SHORT or is_word(word)


@cache
def _ours() -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", " ".join(terms()))) | _SAID


@cache
def _plain() -> frozenset[str]:
    """Words that everybody writes all the time; they are meant rather than a name that is as near."""
    return _SAID | {name for name, said in terms().items() if said[0].field == "filler"}


def _meant(word: str) -> str:
    if not 3 <= len(word) <= _LONGEST:
        return word
    most = 2 if len(word) >= _LONG else 1
    for slips in range(1, most + 1):
        near = {other for other in _ours() if abs(len(other) - len(word)) <= slips and _slips(word, other) == slips}
        said = near & _plain()
        if len(near) == 1 or len(said) == 1:
            return (said if len(said) == 1 else near).pop()
        if near:  # "boar" and "boat" are as near: nobody knows
            return word
    return word


def _slips(one: str, other: str) -> int:
    """Letters left out, put in, changed, or two neighbours in each other's place (optimal string alignment)."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and (a, b) == (other[j - 2], one[i - 2]):
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
