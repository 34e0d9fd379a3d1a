"""Facts about pixels: bands, and pauses between them."""

import numpy as np
import pytest

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper.raster import _drawn, band_edges
from safelight.postcard.vocabulary import Style
from tests.postcard.scenes import SUNSET_MOUNTAINS, styled


@pytest.mark.parametrize("size", [(1024, 1024), (640, 1536), (4096, 4096), (9000, 70), (333, 1571), (16, 16)])
def test_bands_cover_every_row_once_and_are_small(size: tuple[int, int]) -> None:
    bands = band_edges(*size)
    assert [row for top, foot in bands for row in range(top, foot)] == list(range(size[1]))
    assert all((foot - top) * size[0] <= 2**18 for top, foot in bands)


@pytest.mark.parametrize("style", [Style.FLAT, Style.OIL, Style.STAINED_GLASS])
def test_a_picture_in_bands_is_the_one_in_one_piece_but_for_a_few_levels_at_edges(style: Style) -> None:
    svg = render_svg(styled(SUNSET_MOUNTAINS, style), 700, 900)
    pauses = list[int]()
    banded = rasterise(svg, 700, 900, lambda: pauses.append(1)).astype(int)
    whole = _drawn(svg, 700, 900)
    differs = (banded != whole).any(axis=2)
    assert len(pauses) == len(band_edges(700, 900)) - 1 >= 2
    assert differs.mean() < 0.01
    assert np.abs(banded - whole).mean() < 0.02


def test_pausing_changes_no_byte() -> None:
    scene = styled(SUNSET_MOUNTAINS, Style.INK)
    paused = list[int]()
    svg = render_svg(scene, 640, 640, lambda: paused.append(1))
    assert paused
    assert svg == render_svg(scene, 640, 640)
    assert np.array_equal(rasterise(svg, 640, 640, lambda: paused.append(1)), rasterise(svg, 640, 640))
