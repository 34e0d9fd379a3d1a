"""Paths as texts, and gradients and veils as bands of plain colour."""

import itertools
from random import Random

import numpy as np

from safelight.postcard.render import rasterise
from safelight.postcard.render.paper.canvas import Canvas, ellipse, num, poly, rect, smooth


def test_a_path_is_written_at_once_as_its_numbers_are_written_one_by_one() -> None:
    rng = Random(1)
    points = [
        (0.0, -0.04),
        (9.96, 10.0),
        (10.05, -3.0),
        *((rng.uniform(-50, 2000), rng.gauss(0, 1)) for _ in range(99)),
    ]
    assert [num(value) for value in (0.0, -0.04, 10.0, 10.05, 100.04)] == ["0", "-0", "10", "10.1", "100"]
    assert poly(points) == "M" + "L".join(f"{num(x)} {num(y)}" for x, y in points) + "Z"
    assert poly([]) == "MZ"
    curve = f"M{num(points[0][0])} {num(points[0][1])}"
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        curve += f"Q{num(x)} {num(y)} {num((x + to_x) / 2)} {num((y + to_y) / 2)}"
    assert smooth(points) == curve + f"L{num(points[-1][0])} {num(points[-1][1])}"
    assert smooth(points, close=True).endswith("Z")
    for x, y in points:
        assert rect(x, y, x, y) == f"M{num(x)} {num(y)}v{num(y)}h{num(x)}v{num(-y)}Z"
        a, b = num(x), num(y)
        around = f"M{num(0.0)} {num(y)}a{a} {b} 0 1 0 {num(2 * x)} 0a{a} {b} 0 1 0 {num(-2 * x)} 0Z"
        assert ellipse(x, y, x, y) == around


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
