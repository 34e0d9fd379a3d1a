"""Tones as lines."""

from dataclasses import replace

from benchmarks.scenes import SUNSET_MOUNTAINS

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.scenes.vocabulary import Light, Style


def test_hatching_is_denser_where_the_picture_is_darker() -> None:
    def ink(light: Light) -> float:
        world = replace(SUNSET_MOUNTAINS.world, style=Style.INK, light=light)
        return float(rasterise(render_svg(replace(SUNSET_MOUNTAINS, world=world), 192, 192), 192, 192).mean())

    assert ink(Light.NIGHT) < ink(Light.NOON) - 8
