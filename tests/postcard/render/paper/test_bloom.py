"""Light around lines."""

import numpy as np
import pytest
from benchmarks.scenes import SCENES, styled

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper.pixels import bloom, librsvg
from safelight.postcard.scenes.vocabulary import Style


def test_a_bright_line_shines_in_its_own_colour_and_less_further_away() -> None:
    picture = np.zeros((256, 256, 3), dtype=np.uint8)
    picture[126:130] = (40, 80, 250)
    shone = bloom.shining(picture, 1.0).astype(int)
    near, further, far = shone[134, 128], shone[144, 128], shone[200, 128]
    assert near[2] > further[2] > far[2] == 0
    assert near[2] > 2 * near[1] > 2 * near[0]
    assert (shone >= picture).all()


def test_what_is_evenly_bright_shines_on_nothing() -> None:
    picture = np.full((200, 120, 3), 230, dtype=np.uint8)
    assert np.array_equal(bloom.shining(picture, 1.0), picture)


def test_pictures_of_any_size_have_it() -> None:
    rng = np.random.default_rng(0)
    for size in ((1, 1), (3, 200), (77, 5), (129, 131)):
        picture = rng.integers(0, 255, (*size, 3)).astype(np.uint8)
        assert bloom.shining(picture, 0.1).shape == picture.shape


@pytest.mark.parametrize("name", ["city night", "sunset mountains", "glowing night"])
def test_a_drawing_shines_as_its_pixels_do(name: str) -> None:
    """The filter is what browsers apply; librsvg applies it too, if it is left in."""
    svg = render_svg(styled(SCENES[name], Style.NEON), 384, 384)
    dark, lit = bloom.taken_off(svg)
    assert lit
    ours = rasterise(svg, 384, 384).astype(int)
    theirs, unlit = (librsvg.pixels(each, 384, 384)[..., :3].astype(int) for each in (svg, dark))
    assert np.abs(ours - theirs).mean() < 6
    assert np.abs(ours - theirs).mean() < 0.7 * np.abs(ours - unlit).mean()


def test_a_glow_is_taken_off_whole() -> None:
    plain = '<svg width="9" height="9" viewBox="0 0 90 90.5"><defs><g id="a"></g></defs><g id="b"></g></svg>'
    lit = bloom.put_on(plain)
    assert 'width="90" height="90.5"' in lit
    assert bloom.taken_off(lit) == (plain, True)
    assert bloom.taken_off(plain) == (plain, False)
    with pytest.raises(ValueError, match="no drawing"):
        bloom.put_on("<svg></svg>")


def test_only_neon_shines() -> None:
    scene = SCENES["city night"]
    for style in Style:
        assert bloom.taken_off(render_svg(styled(scene, style), 96, 96))[1] == (style is Style.NEON)
