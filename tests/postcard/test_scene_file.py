"""A scene as its files carry it: it comes back as it was, and nothing else is read."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from benchmarks.scenes import SCENES

from safelight.postcard.scenes.scene import (
    MAX_LAYERS,
    MAX_THINGS,
    Choice,
    Layer,
    Part,
    Scene,
    Sky,
    Thing,
    World,
    domains,
    rounded,
)
from safelight.postcard.scenes.scene_file import MOST_BYTES, UnreadableScene, read, written
from tests.postcard.test_codec import random_scene

PLAIN = written(Scene())


@pytest.mark.parametrize("seed", range(50))
def test_a_scene_comes_back_as_it_is_drawn(seed: int) -> None:
    scene = random_scene(seed)
    assert read(written(scene)) == rounded(scene)


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_takes_about_a_kilobyte(name: str) -> None:
    assert len(written(SCENES[name])) < 1200


def longest(part: type[Part]) -> Part:
    """With the longest word and number in every field."""
    values: dict[str, Any] = {}
    for name, domain in domains(part):
        if isinstance(domain, Choice):
            values[name] = domain.kind(max(domain.options, key=len))
        else:
            values[name] = domain.high
    return part(**values)


def test_the_longest_scene_fits_twice() -> None:
    world = replace(longest(World), sky=longest(Sky))
    scene = Scene(world, (longest(Layer),) * MAX_LAYERS, (longest(Thing),) * MAX_THINGS)
    assert 2 * len(written(scene)) < MOST_BYTES


def test_it_needs_no_escaping() -> None:
    assert all(text.isascii() and not set(text) & set("<>&") for text in map(written, SCENES.values()))


def changed(**parts: Any) -> str:
    return json.dumps(json.loads(PLAIN) | parts)


WORLD = json.loads(PLAIN)["world"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[" * 4000,
        '{"postcard":' * 300,
        PLAIN + " " * MOST_BYTES,
        changed(postcard=2),
        changed(postcard=True),
        changed(postcard=1.0),
        changed(more=1),
        changed(world=WORLD[:-1]),
        changed(world=[*WORLD, 0]),
        changed(world={}),
        changed(world=["atlantis", *WORLD[1:]]),
        changed(world=[["mountains"], *WORLD[1:]]),
        changed(world=[*WORLD[:-1], -1]),
        changed(world=[*WORLD[:-1], 10**300]),
        changed(world=[*WORLD[:-1], 0.5]),
        changed(world=[*WORLD[:-1], False]),
        changed(world=[*WORLD[:-1], None]),
        changed(world=[*WORLD[:-1], float("nan")]),
        changed(layers="hills"),
        changed(layers=[["hills"]]),
        written(Scene(things=(Thing(),) * MAX_THINGS)).replace('"things":[', '"things":[["deer"],'),
        "{" + PLAIN[1:].replace('"sky"', '"world"', 1),
    ],
)
def test_nothing_else_is_read(text: str) -> None:
    with pytest.raises(UnreadableScene):
        read(text)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\x00", "\ud800", b'{"postcard":\xed\xa0\x80}'])
def test_what_is_no_text_is_refused(text: bytes | str) -> None:
    with pytest.raises(UnreadableScene):
        read(text)


def test_mutated_scenes_are_refused_or_read_and_nothing_else_happens() -> None:
    rng = random.Random(1)
    sources = [written(scene).encode() for scene in SCENES.values()]
    read_again = 0
    for _ in range(20_000):
        text = bytearray(rng.choice(sources))
        for _ in range(rng.randint(1, 4)):
            at, length = rng.randrange(len(text)), rng.randint(0, 3)
            text[at : at + length] = rng.choice((rng.randbytes(length), b'"', b"[", b"]", b",", b"9", b"-", b"e9", b""))
        try:
            scene = read(bytes(text))
        except UnreadableScene:
            continue
        read_again += 1
        assert scene == rounded(scene)
    assert read_again > 100
