"""What frames a picture from the front."""

from dataclasses import replace

from safelight.postcard.render import render_svg
from safelight.postcard.scenes.scene import Layer, Scene, Thing, World
from safelight.postcard.scenes.vocabulary import LayerKind, Setting


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
