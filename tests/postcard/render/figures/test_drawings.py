"""Everything that a scene can name is drawn, within the picture and in its colour."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice, product
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks.scenes import SMALL, spread

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.figures.drawings import DRAWINGS, aspect_of
from safelight.postcard.render.figures.icons import icons
from safelight.postcard.scenes.scene import Layer, Scene, Thing, World
from safelight.postcard.scenes.things import THING_KEYS, THINGS
from safelight.postcard.scenes.vocabulary import (
    Colour,
    LayerKind,
    Light,
    Setting,
)

_PLACED = re.compile(r'class="thing"[^>]*><g transform="translate\(([-\d.]+) [-\d.]+\) scale\(-?([\d.]+) ')


def test_every_thing_has_a_drawing() -> None:
    assert set(DRAWINGS) <= set(THING_KEYS)
    for kind in THINGS.values():
        assert kind.key in DRAWINGS or kind.icon in icons()
        assert 0.1 < aspect_of(kind) < 6


def _batches() -> Iterator[tuple[str, ...]]:
    keys = iter(THING_KEYS)
    while batch := tuple(islice(keys, 8)):
        yield batch


def test_every_thing_is_drawn_in_some_light_and_size() -> None:
    for batch, size, light in zip(_batches(), cycle(SMALL), cycle(Light), strict=False):
        things = tuple(Thing(key, (i + 0.5) / len(batch), 0.7, 0.1 * (i % 3)) for i, key in enumerate(batch))
        empty = Scene(World(Setting.PLAIN, light))
        full = replace(empty, things=things)
        assert spread(full, size) != spread(empty, size)
        # A group in which nothing was drawn is left out.
        shown = {node.get("data-kind") for node in ElementTree.fromstring(render_svg(full, *size)).iter()}
        assert shown >= set(batch)


def test_no_thing_leaves_the_picture() -> None:
    for key, x in product(THING_KEYS, (0.0, 1.0)):
        svg = render_svg(Scene(World(Setting.PLAIN), (), (Thing(key, x, 0.6, scale=0.6),)), 128, 128)
        found = _PLACED.search(svg)
        assert found
        foot, half = float(found[1]), 50 * float(found[2]) * aspect_of(THINGS[key])
        assert 0.85 * half < foot < 1000 - 0.85 * half, key


@pytest.mark.parametrize("key", ["violin", "lavender"])
def test_no_id_occurs_twice(key: str) -> None:
    layer = Layer(LayerKind.LAVENDER) if key == "lavender" else Layer(LayerKind.GRASS)
    scene = Scene(World(Setting.HILLS), (layer,), (Thing(key, 0.3, 0.7), Thing(key, 0.7, 0.7)))
    ids = [node.get("id") for node in ElementTree.fromstring(render_svg(scene, 256, 256)).iter() if node.get("id")]
    assert len(ids) == len(set(ids))


_HUES = {Colour.RED: 0, Colour.GREEN: 1, Colour.BLUE: 2}


@pytest.mark.parametrize("colour", _HUES)
@pytest.mark.parametrize("key", ["car", "sailboat", "house", "umbrella", "cat", "heart", "butterfly", "cup"])
def test_a_named_colour_is_the_colour_of_the_thing(key: str, colour: Colour) -> None:
    scene = Scene(World(Setting.PLAIN, accent=Colour.WHITE), (), (Thing(key, 0.5, 0.7, scale=2.0, colour=colour),))
    picture = rasterise(render_svg(scene, 128, 128), 128, 128).astype(float)
    bare = rasterise(render_svg(replace(scene, things=()), 128, 128), 128, 128).astype(float)
    own = picture[np.abs(picture - bare).sum(axis=2) > 90]
    vivid = own[own.max(axis=1) - own.min(axis=1) > 50]
    assert (vivid.argmax(axis=1) == _HUES[colour]).mean() > 0.5
