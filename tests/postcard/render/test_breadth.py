"""Everything in the vocabulary can be drawn, in every light, style and size."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice, product
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.figures.drawings import DRAWINGS, aspect_of
from safelight.postcard.render.figures.icons import icons
from safelight.postcard.render.paper.raster import small as small_sheet
from safelight.postcard.scene import Layer, Scene, Sky, Thing, World
from safelight.postcard.things import THING_KEYS, THINGS
from safelight.postcard.vocabulary import (
    CloudKind,
    Colour,
    LayerKind,
    Light,
    MoonPhase,
    Palette,
    Season,
    Setting,
    SkyBody,
    Style,
    Weather,
)
from tests.postcard.scenes import SIZES, STILL_LIFE, SUNSET_MOUNTAINS, small

_SMALL = tuple(small(size, 10) for size in SIZES)


_PLACED = re.compile(r'class="thing"[^>]*><g transform="translate\(([-\d.]+) [-\d.]+\) scale\(-?([\d.]+) ')


def _drawn(scene: Scene, size: tuple[int, int]) -> float:
    """Draws the scene and gives the spread of its colours: 0 would be an empty sheet."""
    return float(rasterise(render_svg(scene, *size), *size).std())


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
    for batch, size, light in zip(_batches(), cycle(_SMALL), cycle(Light), strict=False):
        things = tuple(Thing(key, (i + 0.5) / len(batch), 0.7, 0.1 * (i % 3)) for i, key in enumerate(batch))
        empty = Scene(World(Setting.PLAIN, light))
        full = replace(empty, things=things)
        assert _drawn(full, size) != _drawn(empty, size)
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


@pytest.mark.parametrize("style", Style)
def test_every_style_draws_every_moon(style: Style) -> None:
    for phase in MoonPhase:
        sky = Sky(SkyBody.MOON, 0.5, 0.8, 0.9, phase=phase)
        assert _drawn(Scene(World(light=Light.NIGHT, style=style, sky=sky)), (96, 96)) > 0


@pytest.mark.parametrize("key", ["violin", "lavender"])
def test_no_id_occurs_twice(key: str) -> None:
    layer = Layer(LayerKind.LAVENDER) if key == "lavender" else Layer(LayerKind.GRASS)
    scene = Scene(World(Setting.HILLS), (layer,), (Thing(key, 0.3, 0.7), Thing(key, 0.7, 0.7)))
    ids = [node.get("id") for node in ElementTree.fromstring(render_svg(scene, 256, 256)).iter() if node.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("style", [Style.STAINED_GLASS, Style.OIL, Style.PIXEL, Style.LOW_POLY])
def test_a_long_picture_is_put_together_anew_from_a_sheet_of_bounded_size(style: Style) -> None:
    scene = replace(SUNSET_MOUNTAINS, world=replace(SUNSET_MOUNTAINS.world, style=style))
    assert rasterise(render_svg(scene, 2048, 64), 2048, 64).std() > 0
    assert small_sheet(render_svg(SUNSET_MOUNTAINS, 4096, 64), 4096, 64, 320).shape[1] == 2560


@pytest.mark.parametrize("kind", LayerKind)
def test_every_layer_is_drawn_in_two_lights_and_sizes(kind: LayerKind) -> None:
    order = list(LayerKind).index(kind)
    for step in (0, 1):
        light, size = list(Light)[(order + 3 * step) % 6], _SMALL[(order + 4 * step) % 9]
        season = list(Season)[(order + step) % 4]
        world = World(Setting.HILLS, light, season=season, horizon=0.5, sky=Sky(SkyBody.NONE))
        with_layer = Scene(world, (Layer(kind, 0.2, 0.3, colour=Colour.NATURAL if step else Colour.BLUE),))
        assert (
            rasterise(render_svg(with_layer, *size), *size).tobytes()
            != rasterise(render_svg(Scene(world), *size), *size).tobytes()
        )


@pytest.mark.parametrize("setting", Setting)
def test_every_setting_is_drawn_in_every_light(setting: Setting) -> None:
    for light, weather, size in zip(Light, Weather, cycle(_SMALL), strict=False):
        scene = replace(
            SUNSET_MOUNTAINS, world=replace(SUNSET_MOUNTAINS.world, setting=setting, light=light, weather=weather)
        )
        assert _drawn(scene, size) > 5


@pytest.mark.parametrize("style", Style)
def test_every_style_changes_the_picture_at_sizes_of_its_share(style: Style) -> None:
    styled = replace(STILL_LIFE, world=replace(STILL_LIFE.world, style=style))
    order = list(Style).index(style)
    for size in (_SMALL[order % 9], _SMALL[(order + 4) % 9], _SMALL[(order + 6) % 9]):
        plain = rasterise(render_svg(STILL_LIFE, *size), *size).astype(int)
        other = rasterise(render_svg(styled, *size), *size).astype(int)
        assert other.shape == plain.shape
        assert (np.abs(other - plain).mean() > 1.5) == (style is not Style.FLAT)


@pytest.mark.parametrize("palette", Palette)
def test_every_palette_but_the_natural_turns_the_colours(palette: Palette) -> None:
    turned = replace(SUNSET_MOUNTAINS, world=replace(SUNSET_MOUNTAINS.world, palette=palette))
    changed = np.abs(
        rasterise(render_svg(turned, 96, 96), 96, 96).astype(int)
        - rasterise(render_svg(SUNSET_MOUNTAINS, 96, 96), 96, 96).astype(int)
    ).mean()
    assert (changed > 1.0) == (palette is not Palette.NATURAL)


def test_skies_of_every_kind_are_drawn() -> None:
    for (kind, body), phase in zip(product(CloudKind, SkyBody), cycle(MoonPhase), strict=False):
        sky = Sky(body, 0.3, 0.5, phase=phase, cloud_kind=kind, clouds=0.8)
        bare = replace(sky, clouds=0.0)
        drawn, clear = (rasterise(render_svg(Scene(World(sky=s)), 96, 96), 96, 96) for s in (sky, bare))
        assert np.abs(drawn.astype(int) - clear.astype(int)).mean() > 0.5


@pytest.mark.parametrize("amount", ["clouds", "stars", "milky_way", "aurora", "rainbow", "lightning", "birds"])
def test_an_amount_of_none_draws_none_and_more_draws_it(amount: str) -> None:
    def sheet(value: float) -> bytes:
        values: dict[str, Any] = {amount: value}
        sky = replace(Sky(SkyBody.NONE), **values)
        return rasterise(render_svg(Scene(World(light=Light.NIGHT, sky=sky)), 128, 128), 128, 128).tobytes()

    assert sheet(0.05) == sheet(0.0)
    assert sheet(0.9) != sheet(0.0)


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
