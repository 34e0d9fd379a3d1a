"""Gradients and veils as bands of plain colour."""

import numpy as np

from safelight.postcard.render import rasterise
from safelight.postcard.render.paper.canvas import Canvas


def test_bands_of_plain_colour_are_the_gradient_to_within_a_level_or_two() -> None:
    stops = ((0.0, (0.1, 0.2, 0.6)), (0.5, (0.9, 0.5, 0.4)), (1.0, (1.0, 0.9, 0.6)))
    banded, smooth = (Canvas(200, 200, lambda c: c) for _ in range(2))
    banded.graded(0, 0, 200, 200, stops, 200)
    paint = smooth.linear([(at, colour, 1.0) for at, colour in stops], 0, 0, 0, 200)
    smooth.path("M0 0H200V200H0Z", paint)
    one, other = (rasterise(canvas.svg(200, 200), 200, 200).astype(int) for canvas in (banded, smooth))
    assert np.abs(one - other).max() <= 4


def test_a_veil_is_the_gradient_that_lets_through_to_within_a_few_levels() -> None:
    stops = ((0.0, (0.9, 0.8, 0.7), 0.0), (0.4, (0.9, 0.5, 0.4), 0.6), (1.0, (1.0, 0.9, 0.6), 0.2))
    banded, smooth = (Canvas(200, 200, lambda c: c) for _ in range(2))
    for canvas in (banded, smooth):
        canvas.path("M0 0H200V200H0Z", (0.2, 0.3, 0.5))
    banded.veil(0, 20, 200, 170, stops, 150)
    smooth.path("M0 20H200V190H0Z", smooth.linear(stops, 0, 20, 0, 170))
    one, other = (rasterise(canvas.svg(200, 200), 200, 200).astype(int) for canvas in (banded, smooth))
    assert np.abs(one - other).max() <= 4
    assert one[100].std(axis=0).max() < 1 < one[:, 100].std()
