"""Layers end where water begins."""

import re

from safelight.postcard.render import render_svg
from safelight.postcard.scenes.scene import Layer, Scene, World
from safelight.postcard.scenes.vocabulary import LayerKind, Setting


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
