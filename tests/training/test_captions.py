"""Captions are true: what they claim is in the scene, in the words that stand there."""

import random
import re
from functools import cache

import pytest
from training.postcard.captions import caption, sample_pair
from training.postcard.captions.claims import claims
from training.postcard.captions.forms import speak
from training.postcard.captions.names import names, noun_phrase, plural
from training.postcard.captions.single import SKY_WORDS, single
from training.postcard.captions.telling import choose
from training.postcard.captions.words import COLOUR_WORDS
from training.postcard.judge import read, score
from training.postcard.prompts import ASPECTS, HELD_OUT, HELD_OUT_WORDS

from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.things import THINGS
from safelight.postcard.scenes.vocabulary import Colour

NUMBERS = {"two": 2, "2": 2, "a pair of": 2, "a couple of": 2, "three": 3, "3": 3, "four": 4, "4": 4, "five": 5, "5": 5}
KINDS_BY_PLURAL: dict[str, set[str]] = {}
for _kind in THINGS.values():
    for _name in _kind.names:
        KINDS_BY_PLURAL.setdefault(plural(_name), set()).add(_kind.key)
COLOURS = {phrase: colour for colour, phrases in COLOUR_WORDS.items() for phrase in phrases}
COUNTED = re.compile(
    rf"\b({'|'.join(NUMBERS)}) (?:({'|'.join(sorted(COLOURS, key=len, reverse=True))}) )?"
    rf"({'|'.join(sorted(map(re.escape, KINDS_BY_PLURAL), key=len, reverse=True))})\b"
)


@cache
def pairs() -> list[tuple[Scene, str, float]]:
    """Made by the first test that asks: every process of a run collects this file, and few of them run it."""
    return [sample_pair(random.Random(f"captions/{i}")) for i in range(1500)]


def _clashes(found: tuple[str, str, str], scene: Scene) -> bool:
    """Whether a counted phrase of a caption is false of its scene."""
    number, colour, name = found
    if f"{colour} {name}" in KINDS_BY_PLURAL:  # "black cats" are a kind of their own
        colour, name = "", f"{colour} {name}"
    things = [t for t in scene.things if t.kind in KINDS_BY_PLURAL[name]]
    if colour:
        things = [t for t in things if t.colour == COLOURS[colour]]
    return len(things) != NUMBERS[number]


def test_every_claim_of_a_caption_holds_in_its_scene() -> None:
    false = []
    for i, (scene, _, _) in enumerate(pairs()):
        telling = choose(scene, random.Random(i))
        missed = score(scene, claims(telling)).missed
        if missed:
            false.append((missed, speak(telling, random.Random(i))))
    assert not false, false[:5]


def test_numbers_and_colours_read_back_from_the_words_count_what_is_there() -> None:
    read, false = 0, []
    for scene, text, _ in pairs():
        for found in COUNTED.findall(text.lower()):
            read += 1
            if _clashes(found, scene):
                false.append((found, text))
    assert read > 200
    assert not false, false[:5]


def test_a_caption_says_none_of_the_held_out_words() -> None:
    used = {word for _, text, _ in pairs() for word in re.findall(r"[a-z]+", text.lower())}
    assert not used & HELD_OUT_WORDS


def test_no_caption_is_a_held_out_prompt_of_more_than_a_word_or_two() -> None:
    prompts = {p.text.lower().rstrip(".") for p in HELD_OUT if len(p.text.split()) > 2}
    assert not prompts & {text.lower().rstrip(".") for _, text, _ in pairs()}


def test_captions_run_from_three_words_or_fewer_to_several_sentences() -> None:
    lengths = [len(text.split()) for _, text, _ in pairs()]
    sentences = [text.count(". ") + 1 for _, text, _ in pairs()]
    assert min(lengths) <= 3
    assert max(lengths) >= 25
    assert max(sentences) >= 5
    assert sum(n <= 60 for n in lengths) == len(lengths)


def test_the_same_seed_gives_the_same_pair() -> None:
    again = [sample_pair(random.Random(f"captions/{i}")) for i in range(50)]
    assert again == pairs()[:50]


def test_captions_of_one_scene_differ() -> None:
    scene = pairs()[0][0]
    assert len({caption(scene, random.Random(i)) for i in range(20)}) > 15


def test_a_style_other_than_the_usual_one_is_nearly_always_told() -> None:
    told = [
        choose(scene, random.Random(i)).style is not None
        for i, (scene, _, _) in enumerate(pairs())
        if read(scene).style != "flat"
    ]
    assert sum(told) / len(told) > 0.9


@pytest.mark.parametrize(
    ("name", "many"),
    [
        ("sheep", "sheep"),
        ("wolf", "wolves"),
        ("cup of coffee", "cups of coffee"),
        ("snowman", "snowmen"),
        ("water lily", "water lilies"),
        ("bus", "buses"),
        ("fox", "foxes"),
        ("church", "churches"),
        ("toy balloon", "toy balloons"),
        ("ruins", "ruins"),
    ],
)
def test_plurals(name: str, many: str) -> None:
    assert plural(name) == many


def test_a_colour_is_bound_to_its_thing() -> None:
    phrases = {noun_phrase(random.Random(i), "rowboat", 2, Colour.RED, True, True) for i in range(60)}
    assert all(
        re.fullmatch(r"(two|2|a pair of|a couple of) (red|scarlet|deep red|ruby) (.*boats|.*dinghies)", p)
        for p in phrases
    ), phrases


def test_a_name_that_holds_a_colour_is_not_used_for_a_thing_of_another_colour() -> None:
    assert all("red" not in name.split() for name in names("apple", coloured=True))
    assert any("red" in name.split() for name in names("apple", coloured=False))


def test_a_caption_of_one_word_names_what_is_seen_in_the_air_only_where_it_is_seen() -> None:
    words = {word: feature for feature, text in SKY_WORDS.items() for word in text.split("|")}
    named = 0
    for i, (scene, _, _) in enumerate(pairs()):
        reading = read(scene)
        for said in single(scene, random.Random(i)).split(", "):
            feature = words.get(said)
            if feature and said not in ("birds", "snowflakes", "cloudy sky"):  # said of things and weather, too
                named += 1
                weather = {"fog": "foggy", "rain": "rainy", "lightning": "stormy", "snowfall": "snowy"}.get(feature)
                assert feature in reading.sky or reading.weather == weather, (said, reading.sky)
    assert named > 100


def test_pairs_come_in_all_nine_aspects_of_the_service() -> None:
    aspects = [aspect for _, _, aspect in pairs()]
    for wanted in ASPECTS.values():
        assert any(abs(aspect - wanted) < 1e-9 for aspect in aspects)
