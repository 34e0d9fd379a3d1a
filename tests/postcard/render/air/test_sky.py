"""Skies of every kind, and as much of each as was asked for."""

from dataclasses import replace
from itertools import cycle, product
from typing import Any

import numpy as np
import pytest

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.scenes.scene import Scene, Sky, World
from safelight.postcard.scenes.vocabulary import (
    CloudKind,
    Light,
    MoonPhase,
    SkyBody,
)


def test_skies_of_every_kind_are_drawn() -> None:
    for (kind, body), phase in zip(product(CloudKind, SkyBody), cycle(MoonPhase), strict=False):
        sky = Sky(body, 0.3, 0.5, phase=phase, cloud_kind=kind, clouds=0.8)
        bare = replace(sky, clouds=0.0)
        drawn, clear = (rasterise(render_svg(Scene(World(sky=s)), 96, 96), 96, 96) for s in (sky, bare))
        assert np.abs(drawn.astype(int) - clear.astype(int)).mean() > 0.5


@pytest.mark.parametrize("amount", ["clouds", "stars", "milky_way", "aurora", "rainbow", "lightning", "birds"])
def test_an_amount_of_none_draws_none_and_more_draws_it(amount: str) -> None:
    def sheet(value: float) -> bytes:
        values: dict[str, Any] = {amount: value}
        sky = replace(Sky(SkyBody.NONE), **values)
        return rasterise(render_svg(Scene(World(light=Light.NIGHT, sky=sky)), 128, 128), 128, 128).tobytes()

    assert sheet(0.05) == sheet(0.0)
    assert sheet(0.9) != sheet(0.0)
