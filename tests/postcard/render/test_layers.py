"""Every kind of layer is drawn, in every setting."""

from dataclasses import replace
from itertools import cycle

import pytest
from benchmarks.scenes import SMALL, SUNSET_MOUNTAINS, spread

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.scenes.scene import Layer, Scene, Sky, World
from safelight.postcard.scenes.vocabulary import (
    Colour,
    LayerKind,
    Light,
    Season,
    Setting,
    SkyBody,
    Weather,
)


@pytest.mark.parametrize("kind", LayerKind)
def test_every_layer_is_drawn_in_two_lights_and_sizes(kind: LayerKind) -> None:
    order = list(LayerKind).index(kind)
    for step in (0, 1):
        light, size = list(Light)[(order + 3 * step) % 6], SMALL[(order + 4 * step) % 9]
        season = list(Season)[(order + step) % 4]
        world = World(Setting.HILLS, light, season=season, horizon=0.5, sky=Sky(SkyBody.NONE))
        with_layer = Scene(world, (Layer(kind, 0.2, 0.3, colour=Colour.NATURAL if step else Colour.BLUE),))
        assert (
            rasterise(render_svg(with_layer, *size), *size).tobytes()
            != rasterise(render_svg(Scene(world), *size), *size).tobytes()
        )


@pytest.mark.parametrize("setting", Setting)
def test_every_setting_is_drawn_in_every_light(setting: Setting) -> None:
    """Without pines and grass, which are most of that scene's shapes and the same in all settings."""
    few = tuple(layer for layer in SUNSET_MOUNTAINS.layers if layer.kind not in (LayerKind.PINES, LayerKind.GRASS))
    for light, weather, size in zip(Light, Weather, cycle(SMALL), strict=False):
        world = replace(SUNSET_MOUNTAINS.world, setting=setting, light=light, weather=weather)
        assert spread(replace(SUNSET_MOUNTAINS, world=world, layers=few), size) > 5
