"""Strokes that a band does not need are left out of it."""

import numpy as np
import pytest

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper import strokes
from safelight.postcard.vocabulary import Style
from tests.postcard.scenes import SUNSET_MOUNTAINS, styled


@pytest.mark.parametrize("style", [Style.INK, Style.PENCIL, Style.OIL])
def test_strokes_that_are_left_out_of_a_band_do_not_reach_it(style: Style, monkeypatch: pytest.MonkeyPatch) -> None:
    svg = render_svg(styled(SUNSET_MOUNTAINS, style), 768, 768)
    taken, left_out = rasterise(svg, 768, 768), list[int]()
    some = strokes.Strokes.between

    def all_of_them(self: strokes.Strokes, first: float, last: float) -> str:
        left_out.append(len(self.strokes) - some(self, first, last).count("M"))
        return some(self, -1e9, 1e9)

    monkeypatch.setattr(strokes.Strokes, "between", all_of_them)
    assert np.array_equal(taken, rasterise(svg, 768, 768))
    assert sum(left_out) > 300
