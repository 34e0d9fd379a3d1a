"""Palettes turn the colours."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.scenes import SUNSET_MOUNTAINS

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.scenes.vocabulary import (
    Palette,
)


@pytest.mark.parametrize("palette", Palette)
def test_every_palette_but_the_natural_turns_the_colours(palette: Palette) -> None:
    turned = replace(SUNSET_MOUNTAINS, world=replace(SUNSET_MOUNTAINS.world, palette=palette))
    changed = np.abs(
        rasterise(render_svg(turned, 96, 96), 96, 96).astype(int)
        - rasterise(render_svg(SUNSET_MOUNTAINS, 96, 96), 96, 96).astype(int)
    ).mean()
    assert (changed > 1.0) == (palette is not Palette.NATURAL)
