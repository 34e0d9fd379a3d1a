"""Regions of one colour, and their borders."""

import numpy as np

from safelight.postcard.render.techniques.panes import outlines, regions


def test_panes_follow_an_edge_and_cover_the_sheet() -> None:
    picture = np.zeros((40, 60, 3))
    picture[:, 31:] = 200.0
    seeds = np.array([(x, y) for x in (10.0, 28.0, 50.0) for y in (10.0, 30.0)])
    labels = regions(picture, seeds, np.full(6, 20.0), 20.0)
    left, right = set(labels[:, :31].ravel().tolist()), set(labels[:, 31:].ravel().tolist())
    assert not left & right
    corners = outlines(labels)
    area = sum(
        abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(loop, [*loop[1:], loop[0]], strict=True))) / 2
        for loops in corners.values()
        for loop in loops
    )
    assert area == 40 * 60
