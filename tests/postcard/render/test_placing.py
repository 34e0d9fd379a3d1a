"""Where things come to stand."""

import re
from dataclasses import replace

import pytest
from benchmarks.scenes import SIZES

from safelight.postcard.render import render_svg
from safelight.postcard.scenes.scene import Layer, Scene, Sky, Thing, World
from safelight.postcard.scenes.vocabulary import LayerKind, Setting, SkyBody

_SEA = Scene(World(Setting.SEA, horizon=0.5, sky=Sky(SkyBody.NONE)), (Layer(LayerKind.SEA, 0.0),))
_SHORE = replace(_SEA, layers=(Layer(LayerKind.SEA, 0.0), Layer(LayerKind.SAND, 0.6, 0.05)))


def _place(scene: Scene, thing: Thing, size: tuple[int, int] = (1000, 1000)) -> tuple[float, float]:
    """Where the foot of the scene's only thing is, in user units (the shorter side measures 1000)."""
    svg = render_svg(replace(scene, things=(thing,)), *size)
    found = re.search(r'class="thing"[^>]*><g transform="translate\(([-\d.]+) ([-\d.]+)\)', svg)
    assert found
    return float(found[1]), float(found[2])


def test_what_stands_nearer_stands_lower_and_is_larger() -> None:
    meadow = Scene(World(Setting.MEADOW, horizon=0.5), (Layer(LayerKind.GRASS, 0.0, 0.02),))
    far, near = (_place(meadow, Thing("deer", 0.5, depth))[1] for depth in (0.2, 0.8))
    assert far < near


def test_an_animal_set_on_the_water_goes_to_the_shore() -> None:
    _, y = _place(_SHORE, Thing("deer", 0.5, 0.3))
    assert y > 500 + 0.6 * 500


def test_an_animal_on_the_open_sea_gets_an_islet() -> None:
    svg = render_svg(replace(_SEA, things=(Thing("deer", 0.5, 0.4),)), 1000, 1000)
    without = render_svg(replace(_SEA, things=(Thing("sailboat", 0.5, 0.4),)), 1000, 1000)
    assert svg.count("reflection") == 0
    assert without.count("reflection") == 1


def test_a_boat_set_on_the_shore_goes_to_the_water() -> None:
    _, y = _place(_SHORE, Thing("sailboat", 0.5, 0.9))
    assert 500 < y < 500 + 0.6 * 500


def test_what_flies_keeps_its_height() -> None:
    low, high = (_place(_SEA, Thing("hot_air_balloon", 0.5, 0.5, lift))[1] for lift in (0.3, 0.8))
    assert high < low < 500 + 0.5 * 500


def test_a_house_on_a_headland_stands_on_its_top() -> None:
    cliffs = replace(_SEA, layers=(Layer(LayerKind.SEA, 0.0), Layer(LayerKind.CLIFFS, 0.2, 0.3, peak=0.2)))
    _, y = _place(cliffs, Thing("house", 0.1, 0.15, scale=0.5))
    assert y < 500


def test_things_lie_on_the_table_whatever_their_depth() -> None:
    table = Scene(World(Setting.TABLE, horizon=0.55), (Layer(LayerKind.WALL, 0.0), Layer(LayerKind.TABLE, 0.1)))
    for depth in (0.0, 0.5, 1.0):
        assert 550 < _place(table, Thing("cup", 0.5, depth))[1] < 1000


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_nothing_is_cut_at_the_side(size: tuple[int, int]) -> None:
    wide = 1000 * size[0] / min(size)
    for x in (0.0, 1.0):
        place, _ = _place(_SEA, Thing("sailboat", x, 0.5), size)
        assert 20 < place < wide - 20
