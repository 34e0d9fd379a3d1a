"""Light around lines."""

import numpy as np
from benchmarks.scenes import SCENES, styled

from safelight.postcard.render import render_svg
from safelight.postcard.render.paper import bloom
from safelight.postcard.vocabulary import Style


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


def test_only_neon_has_glows_to_take_off() -> None:
    scene = SCENES["city night"]
    svg = render_svg(styled(scene, Style.NEON), 128, 128)
    rest, had = bloom.taken_off(svg)
    assert had
    assert 'class="glow"' not in rest
    assert len(rest) < len(svg)
    flat = render_svg(styled(scene, Style.INK), 128, 128)
    assert bloom.taken_off(flat) == (flat, False)
