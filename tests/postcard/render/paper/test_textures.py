"""Textures laid over pixels by ourselves."""

import re

import numpy as np
import pytest
from benchmarks.scenes import SUNSET_MOUNTAINS, styled

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper import textures
from safelight.postcard.render.paper.pixels import librsvg
from safelight.postcard.scenes.vocabulary import Style


@pytest.mark.parametrize("style", [Style.WATERCOLOUR, Style.PAPER, Style.RISOGRAPH])
def test_a_texture_laid_over_pixels_looks_as_its_pattern_in_the_drawing(style: Style) -> None:
    svg = render_svg(styled(SUNSET_MOUNTAINS, style), 700, 700)
    bare, grain = textures.taken_off(svg)
    assert grain is not None
    assert 'class="texture"' not in bare
    ours, pattern = rasterise(svg, 700, 700).astype(float), librsvg.pixels(svg, 700, 700)[..., :3].astype(float)
    without = librsvg.pixels(bare, 700, 700)[..., :3].astype(float)
    assert np.abs(ours - pattern).mean() < 0.65 * np.abs(without - pattern).mean()
    assert abs((ours - pattern).mean()) < 0.5


def test_a_texture_goes_on_across_bands() -> None:
    grain = textures.Grain("paper", 420)
    sheet = np.full((300, 64, 3), 120, dtype=np.uint8)
    whole = textures.laid(sheet, grain, 0.3, 0)
    halves = [textures.laid(sheet[:100], grain, 0.3, 0), textures.laid(sheet[100:], grain, 0.3, 100)]
    assert np.array_equal(whole, np.concatenate(halves))
    assert whole.std() > 1


def test_nothing_is_drawn_over_a_texture() -> None:
    for style in Style:
        svg = render_svg(styled(SUNSET_MOUNTAINS, style), 128, 128)
        after = svg.partition('class="texture"')[2]
        assert len(re.findall("<(?:path|use|image)", after)) == 0, style
