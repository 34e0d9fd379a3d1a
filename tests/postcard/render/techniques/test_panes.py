"""Regions of one colour, and their borders."""

import numpy as np

from safelight.postcard.render.techniques.panes import Loop, outlines, regions, smoothed


def test_panes_follow_an_edge_and_cover_the_sheet() -> None:
    picture = np.zeros((40, 60, 3))
    picture[:, 31:] = 200.0
    seeds = np.array([(x, y) for x in (10.0, 28.0, 50.0) for y in (10.0, 30.0)])
    labels = regions(picture, seeds, np.full(6, 20.0), 20.0)
    left, right = set(labels[:, :31].ravel().tolist()), set(labels[:, 31:].ravel().tolist())
    assert not left & right
    corners = outlines(labels)
    assert sum(area(loop) for loops in corners.values() for loop in loops) == 40 * 60


def area(loop: Loop) -> float:
    """Within a closed border; below zero where it goes round the other way, as that of a hole does."""
    (x0, y0), (x1, y1) = loop.T, np.roll(loop, -1, axis=0).T
    return float((x0 * y1 - x1 * y0).sum()) / 2


def test_borders_are_closed_and_leave_holes_out() -> None:
    """Also where two parts of a region meet in a corner alone."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, (30, 20))
    found = outlines(labels)
    for label, loops in found.items():
        for loop in loops:
            assert (np.abs(loop - np.roll(loop, 1, axis=0)).sum(axis=1) == 1).all()
        assert sum(map(area, loops)) == np.count_nonzero(labels == label)


def test_a_region_is_nearest_to_its_seed_in_colour_and_place() -> None:
    rng = np.random.default_rng(3)
    picture, seeds = rng.uniform(0, 255, (24, 24, 3)), rng.uniform(0, 24, (5, 2))
    labels = regions(picture, seeds, np.full(5, 60.0), 20.0, rounds=1)
    y, x = np.mgrid[0:24, 0:24]
    colours = picture[seeds[:, 1].astype(int), seeds[:, 0].astype(int)]
    apart = [
        np.square(picture - colour).sum(axis=2) + (20 / 60) ** 2 * ((x - cx) ** 2 + (y - cy) ** 2)
        for colour, (cx, cy) in zip(colours, seeds, strict=True)
    ]
    assert np.array_equal(labels, np.argmin(apart, axis=0))


def test_a_smooth_border_is_the_mean_of_five_corners() -> None:
    square = np.array([(x, 0) for x in range(10)] + [(10, y) for y in range(10)])
    points = smoothed(square)
    assert len(points) == 7
    assert points[1].tolist() == [3.0, 0.0]
    assert points[0].tolist() == [(10 + 10 + 0 + 1 + 2) / 5, (8 + 9) / 5]
