"""Facts about whole drawings."""

import hashlib
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks.scenes import BOATS_AT_NOON, GLOWING_NIGHT, SCENES, SIZES, SUNSET_MOUNTAINS, small

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.scenes.scene import Layer, Scene, Thing, World, to_plain
from safelight.postcard.scenes.vocabulary import Light, Season, Setting, Weather

_ELSEWHERE = """
import hashlib, json, sys
from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.scenes.scene import from_plain
for plain in json.load(sys.stdin):
    svg = render_svg(from_plain(plain), 168, 96)
    print(hashlib.sha256(rasterise(svg, 168, 96).tobytes()).hexdigest())
"""


def _digest(scene: Scene) -> str:
    return hashlib.sha256(rasterise(render_svg(scene, 168, 96), 168, 96).tobytes()).hexdigest()


def test_the_same_scene_gives_the_same_pixels_in_another_process() -> None:
    scenes = list(SCENES.values())
    run = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE],
        input=json.dumps([to_plain(scene) for scene in scenes]),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert run.stdout.split() == [_digest(scene) for scene in scenes]


def test_drawings_made_at_the_same_time_do_not_disturb_each_other() -> None:
    alone = [render_svg(scene, 168, 96) for scene in SCENES.values()]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda scene: render_svg(scene, 168, 96), list(SCENES.values()) * 2))
    assert together == alone * 2


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_size_is_drawn_at_that_size(size: tuple[int, int]) -> None:
    width, height = small(size)
    for scene in (SUNSET_MOUNTAINS, GLOWING_NIGHT, BOATS_AT_NOON):
        picture = rasterise(render_svg(scene, width, height), width, height)
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.uint8
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_the_svg_is_well_formed_and_all_it_refers_to_is_in_it(scene: Scene) -> None:
    svg = render_svg(scene, 1344, 768)
    root = ElementTree.fromstring(svg)
    assert (root.get("width"), root.get("height")) == ("1344", "768")
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    referred = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    assert referred <= set(ids)
    assert "nan" not in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_groups_are_named_by_what_they_show() -> None:
    root = ElementTree.fromstring(render_svg(BOATS_AT_NOON, 1024, 1024))
    things = [node.get("data-kind") for node in root.iter() if node.get("class") == "thing"]
    assert sorted(str(kind) for kind in things) == ["lighthouse", "sailboat", "sailboat"]
    assert root.find(".//*[@id='sky']") is not None
    assert root.find(".//*[@id='sea-0']") is not None
    assert root.find(".//*[@id='sun']") is not None


def test_a_new_aspect_recomposes_and_stretches_nothing() -> None:
    for width, height in SIZES:
        root = ElementTree.fromstring(render_svg(BOATS_AT_NOON, width, height))
        _, _, wide, high = (float(v) for v in str(root.get("viewBox")).split())
        assert wide / high == pytest.approx(width / height, rel=1e-3)
        for node in root.iter():
            scale = re.search(r"scale\((-?[\d.e]+) (-?[\d.e]+)\)", node.get("transform") or "")
            if scale and "reflection" not in str(node.get("class")) and not node.tag.endswith("use"):
                assert abs(float(scale[1])) == pytest.approx(abs(float(scale[2])))


def test_things_keep_their_size_against_the_shorter_side_when_the_picture_widens() -> None:
    def height_of(width: int, height: int) -> float:
        svg = render_svg(replace(BOATS_AT_NOON, things=(Thing("sailboat", 0.5, 0.5),)), width, height)
        found = re.search(r'data-kind="sailboat"><g transform="translate\([^)]*\) scale\((?P<unit>[\d.]+)', svg)
        assert found
        return float(found["unit"])

    assert height_of(1536, 640) == pytest.approx(height_of(1024, 1024), rel=0.01)
    assert height_of(640, 1536) == pytest.approx(height_of(1024, 1024), rel=0.5)


@pytest.mark.parametrize("name", ["sunset mountains", "boats at noon", "storm over hills"])
def test_night_is_darker_than_noon(name: str) -> None:
    def brightness(light: Light) -> float:
        scene = SCENES[name]
        lit = replace(scene, world=replace(scene.world, light=light))
        return float(rasterise(render_svg(lit, 168, 96), 168, 96).mean())

    assert brightness(Light.NIGHT) < 0.7 * brightness(Light.NOON)


def test_distance_pales_what_stands_far() -> None:
    def contrast(depth: float) -> float:
        world = World(Setting.MEADOW, weather=Weather.FOGGY, fog=0.7, horizon=0.4)
        scene = Scene(world, (Layer(depth=0.0, height=0.05),), (Thing("black_cat", 0.5, depth, scale=2.0),))
        with_cat = rasterise(render_svg(scene, 192, 192), 192, 192).astype(int)
        without = rasterise(render_svg(replace(scene, things=()), 192, 192), 192, 192).astype(int)
        return float(np.abs(with_cat - without).max())

    assert contrast(0.15) < contrast(0.9)


def test_winter_whitens_the_land() -> None:
    def whiteness(season: Season) -> float:
        scene = Scene(World(Setting.HILLS, season=season), (Layer(depth=0.0, height=0.15),))
        land = rasterise(render_svg(scene, 96, 96), 96, 96)[70:]
        return float(land.min(axis=2).mean())

    assert whiteness(Season.WINTER) > whiteness(Season.SUMMER) + 40


def test_water_mirrors_what_stands_behind_it() -> None:
    svg = render_svg(SUNSET_MOUNTAINS, 672, 384)
    assert '<use href="#behind-3"' in svg


def test_numbers_off_the_grid_draw_as_the_grid_point() -> None:
    moved = replace(BOATS_AT_NOON, world=replace(BOATS_AT_NOON.world, horizon=0.5 + 1e-6))
    assert render_svg(moved, 168, 96) == render_svg(BOATS_AT_NOON, 168, 96)


def test_another_detail_seed_draws_other_details() -> None:
    other = replace(SUNSET_MOUNTAINS, world=replace(SUNSET_MOUNTAINS.world, detail=0.5))
    assert render_svg(other, 168, 96) != render_svg(SUNSET_MOUNTAINS, 168, 96)


def test_a_picture_at_another_size_of_the_same_aspect_is_the_same_drawing() -> None:
    small_one, large = render_svg(SUNSET_MOUNTAINS, 336, 192), render_svg(SUNSET_MOUNTAINS, 1344, 768)
    assert small_one.split(">", 1)[1] == large.split(">", 1)[1]
