"""Facts about grounds, gradients and strokes: what the renderer builds its surfaces from."""

import re
from dataclasses import replace

import numpy as np

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper.canvas import Canvas
from safelight.postcard.render.styles.panes import outlines, regions
from safelight.postcard.scene import Layer, Scene, Thing, World
from safelight.postcard.vocabulary import LayerKind, Light, Setting, Style
from tests.postcard.scenes import SUNSET_MOUNTAINS


def test_bands_of_plain_colour_are_the_gradient_to_within_a_level_or_two() -> None:
    stops = ((0.0, (0.1, 0.2, 0.6)), (0.5, (0.9, 0.5, 0.4)), (1.0, (1.0, 0.9, 0.6)))
    banded, smooth = (Canvas(200, 200, lambda c: c) for _ in range(2))
    banded.graded(0, 0, 200, 200, stops, 200)
    paint = smooth.linear([(at, colour, 1.0) for at, colour in stops], 0, 0, 0, 200)
    smooth.path("M0 0H200V200H0Z", paint)
    one, other = (rasterise(canvas.svg(200, 200), 200, 200).astype(int) for canvas in (banded, smooth))
    assert np.abs(one - other).max() <= 4


def test_a_veil_is_the_gradient_that_lets_through_to_within_a_few_levels() -> None:
    stops = ((0.0, (0.9, 0.8, 0.7), 0.0), (0.4, (0.9, 0.5, 0.4), 0.6), (1.0, (1.0, 0.9, 0.6), 0.2))
    banded, smooth = (Canvas(200, 200, lambda c: c) for _ in range(2))
    for canvas in (banded, smooth):
        canvas.path("M0 0H200V200H0Z", (0.2, 0.3, 0.5))
    banded.veil(0, 20, 200, 170, stops, 150)
    smooth.path("M0 20H200V190H0Z", smooth.linear(stops, 0, 20, 0, 170))
    one, other = (rasterise(canvas.svg(200, 200), 200, 200).astype(int) for canvas in (banded, smooth))
    assert np.abs(one - other).max() <= 4
    assert one[100].std(axis=0).max() < 1 < one[:, 100].std()


def test_nothing_of_the_ground_hangs_above_a_shore() -> None:
    """What lies on a layer is cut where water begins, or its mirror image would show over the far bank."""
    meadow = (Layer(LayerKind.GRASS, 0.0, 0.02, density=1.0), Layer(LayerKind.LAKE, 0.3, roughness=0.0))
    scene = Scene(World(Setting.LAKE, horizon=0.4), meadow)
    svg = render_svg(scene, 400, 400)
    behind = svg[svg.index('<g id="behind-1">') : svg.index('<g id="lake-1"')]
    shore = 400 + 600 * 0.3  # in user units: the horizon, and the lake's depth below it
    feet = [float(y) for y in re.findall(r"M[-\d.]+ ([-\d.]+)[QL]", behind)]
    assert feet
    assert max(feet) < shore + 12


def test_trees_that_frame_a_wood_hide_nothing_it_shows() -> None:
    wood = Scene(
        World(Setting.BROADLEAF_FOREST, horizon=0.5),
        (Layer(LayerKind.BROADLEAVES, 0.1, 0.3),),
    )
    framed = 0
    for detail in range(8):
        bare = replace(wood, world=replace(wood.world, detail=detail / 8))
        framed += "frame-of-trees" in render_svg(bare, 1344, 768)
        tall = replace(bare, things=(Thing("castle", 0.04, 0.8, scale=2.4), Thing("castle", 0.96, 0.8, scale=2.4)))
        assert 'id="frame-of-trees"' not in render_svg(tall, 1344, 768)
    assert framed > 4


def test_hatching_is_denser_where_the_picture_is_darker() -> None:
    def ink(light: Light) -> float:
        world = replace(SUNSET_MOUNTAINS.world, style=Style.INK, light=light)
        return float(rasterise(render_svg(replace(SUNSET_MOUNTAINS, world=world), 192, 192), 192, 192).mean())

    assert ink(Light.NIGHT) < ink(Light.NOON) - 8


def test_panes_follow_an_edge_and_cover_the_sheet() -> None:
    picture = np.zeros((40, 60, 3))
    picture[:, 31:] = 200.0
    seeds = np.array([(x, y) for x in (10.0, 28.0, 50.0) for y in (10.0, 30.0)])
    labels = regions(picture, seeds, np.full(6, 20.0), 20.0)
    left, right = set(labels[:, :31].ravel().tolist()), set(labels[:, 31:].ravel().tolist())
    assert not left & right
    corners = outlines(labels)
    area = sum(
        abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(loop, [*loop[1:], loop[0]], strict=True))) / 2
        for loops in corners.values()
        for loop in loops
    )
    assert area == 40 * 60
