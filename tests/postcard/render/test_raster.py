"""Facts about pixels: bands, strokes left out, textures laid by ourselves."""

import re
from dataclasses import replace

import numpy as np
import pytest

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper import strokes, textures
from safelight.postcard.render.paper.raster import _drawn, band_edges
from safelight.postcard.scene import Scene
from safelight.postcard.vocabulary import Style
from tests.postcard.scenes import SUNSET_MOUNTAINS


def styled(style: Style) -> Scene:
    return replace(SUNSET_MOUNTAINS, world=replace(SUNSET_MOUNTAINS.world, style=style))


@pytest.mark.parametrize("size", [(1024, 1024), (640, 1536), (4096, 4096), (9000, 70), (333, 1571), (16, 16)])
def test_bands_cover_every_row_once_and_are_small(size: tuple[int, int]) -> None:
    bands = band_edges(*size)
    assert [row for top, foot in bands for row in range(top, foot)] == list(range(size[1]))
    assert all((foot - top) * size[0] <= 2**18 for top, foot in bands)


@pytest.mark.parametrize("style", [Style.FLAT, Style.OIL, Style.STAINED_GLASS])
def test_a_picture_in_bands_is_the_one_in_one_piece_but_for_a_few_levels_at_edges(style: Style) -> None:
    svg = render_svg(styled(style), 700, 900)
    pauses = list[int]()
    banded = rasterise(svg, 700, 900, lambda: pauses.append(1)).astype(int)
    whole = _drawn(svg, 700, 900)
    differs = (banded != whole).any(axis=2)
    assert len(pauses) == len(band_edges(700, 900)) - 1 >= 2
    assert differs.mean() < 0.01
    assert np.abs(banded - whole).mean() < 0.02


def test_pausing_changes_no_byte() -> None:
    scene = styled(Style.INK)
    paused = list[int]()
    svg = render_svg(scene, 640, 640, lambda: paused.append(1))
    assert paused
    assert svg == render_svg(scene, 640, 640)
    assert np.array_equal(rasterise(svg, 640, 640, lambda: paused.append(1)), rasterise(svg, 640, 640))


@pytest.mark.parametrize("style", [Style.INK, Style.PENCIL, Style.OIL])
def test_strokes_that_are_left_out_of_a_band_do_not_reach_it(style: Style, monkeypatch: pytest.MonkeyPatch) -> None:
    svg = render_svg(styled(style), 768, 768)
    taken, left_out = rasterise(svg, 768, 768), list[int]()
    some = strokes.Strokes.between

    def all_of_them(self: strokes.Strokes, first: float, last: float) -> str:
        left_out.append(len(self.strokes) - some(self, first, last).count("M"))
        return some(self, -1e9, 1e9)

    monkeypatch.setattr(strokes.Strokes, "between", all_of_them)
    apart = np.abs(taken.astype(int) - rasterise(svg, 768, 768))
    assert (apart > 0).any(axis=2).mean() < 1e-3  # the rasteriser rounds a path otherwise that it has to cut
    assert apart.max() < 48  # a stroke that is missing shows more
    assert sum(left_out) > 300


@pytest.mark.parametrize("style", [Style.WATERCOLOUR, Style.PAPER, Style.RISOGRAPH])
def test_a_texture_laid_over_pixels_looks_as_its_pattern_in_the_drawing(style: Style) -> None:
    svg = render_svg(styled(style), 700, 700)
    bare, grain = textures.taken_off(svg)
    assert grain is not None
    assert 'class="texture"' not in bare
    ours, pattern = rasterise(svg, 700, 700).astype(float), _drawn(svg, 700, 700).astype(float)
    without = _drawn(bare, 700, 700).astype(float)
    assert np.abs(ours - pattern).mean() < 0.4 * np.abs(without - pattern).mean()
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
        svg = render_svg(styled(style), 128, 128)
        after = svg.partition('class="texture"')[2]
        assert len(re.findall("<(?:path|use|image)", after)) == 0, style
