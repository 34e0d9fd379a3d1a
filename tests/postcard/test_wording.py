"""What people say is brought to the few forms that are read, and slips of the keyboard are mended."""

from __future__ import annotations

import re

import pytest

from safelight.postcard.instructions.slips import mended
from safelight.postcard.instructions.wording import clauses

_WORDS = frozenset(
    re.findall(r"\w+", "i it is the a an to of on and add remove make bright light board plus couple face my")
)


def is_word(word: str) -> bool:
    return word in _WORDS


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Get rid of the boats, please!", ["remove the boats"]),
        ("I’d like the sheep to be gone, thanks", ["remove the sheep"]),
        ("the tree has to go", ["remove the tree"]),
        ("take the cabin out", ["remove the cabin"]),
        ("take out the cabin", ["remove the cabin"]),
        ("I don't want any clouds", ["remove clouds"]),
        ("there should be no fog", ["remove fog"]),
        ("remove everything except the castle", ["leave only the castle"]),
        ("swap the castle for a windmill", ["replace the castle with a windmill"]),
        ("substitute a cat for the dog", ["replace the dog with a cat"]),
        ("camel -> elephant", ["replace camel with elephant"]),
        ("instead of a dog, a cat", ["replace a dog with a cat"]),
        ("a cat rather than a dog", ["replace a dog with a cat"]),
        ("I'd rather have a dog than a cat", ["replace a cat with a dog"]),
        ("Could you put a cow next to the castle?", ["add a cow next to the castle"]),
        ("would you mind making it snow", ["make it snow"]),
        ("can we have a sunset instead", ["have a sunset"]),
        ("there should be a rainbow", ["have a rainbow"]),
        ("it needs more trees", ["more trees"]),
        ("there are too many sheep", ["less sheep"]),
        ("the castle is too small", ["make the castle bigger"]),
        ("it's too dark", ["make it brighter"]),
        ("zoom in on the boats", ["make the boats bigger"]),
        ("the boats should be red", ["make the boats red"]),
        ("can the boats be red?", ["make the boats red"]),
        ("change the colour of the boat to green", ["make the boat green"]),
        ("the castle should be on the right", ["move the castle on the right"]),
        ("make the sky pink", ["make it pink sky"]),
        ("it's raining now", ["make it raining"]),
        ("same but in summer", ["in summer"]),
        ("give me the same scene as a linocut", ["as a linocut"]),
        ("use a pixel art style", ["make it pixel art"]),
        ("keep the castle but remove the trees", ["remove the trees"]),
        ("add a boat and a lighthouse", ["add a boat", "a lighthouse"]),
        ("a lighthouse at night", ["a lighthouse at night"]),
        ("please", []),
        ("", []),
    ],
)
def test_many_wordings_are_few_forms(said: str, meant: list[str]) -> None:
    assert clauses(said, lambda _: True) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("add a lighthuose", "add a lighthouse"),
        ("remove teh boat", "remove the boat"),
        ("a moutain", "a mountain"),
        ("bright board", "bright board"),  # words of other people's, and no slips
        ("pls add my face", "pls add my face"),
        ("a gzbo", "a gzbo"),  # near to nothing of ours
        ("boaf", "boaf"),  # as near to a boat as to a boar
        ("x" * 400, "x" * 400),
    ],
)
def test_what_is_no_word_is_the_one_of_ours_that_it_nearly_is(said: str, meant: str) -> None:
    assert mended(said, is_word) == meant
