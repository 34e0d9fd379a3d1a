"""Panes: the picture cut into regions of one colour each, which follow its edges; their borders as smooth lines.

The regions are superpixels: R. Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel methods"
(TPAMI 2012), with one difference: the grid may have a finer part, so that things get smaller regions than the sky.
"""

import numpy as np
from numpy.typing import NDArray

from safelight.postcard.render.paper.pixels.bands import Pause, never

Grid = NDArray[np.float64]
Labels = NDArray[np.int64]
Loop = NDArray[np.int64]
"""Corners of pixels along a closed border, [n, 2] as x, y."""


def regions(
    picture: Grid, seeds: Grid, spacing: Grid, weight: float, rounds: int = 5, *, pause: Pause = never
) -> Labels:
    """Which seed each pixel belongs to: the nearest in colour and place.

    ``picture`` [rows, columns, 3]; ``seeds`` [n, 2] as x, y; ``spacing`` [n] pixels between neighbours of each;
    ``weight`` of a spacing's distance against colours from 0 to 255.
    """
    rows, columns = picture.shape[:2]
    places = seeds.copy()
    y, x = (np.clip(places[:, k].astype(int), 0, n - 1) for k, n in ((1, rows), (0, columns)))
    colours = picture[y, x].copy()
    labels = np.zeros((rows, columns), dtype=np.int64)
    weights = np.square(weight / spacing)
    for _ in range(rounds):
        pause()
        nearest = np.full((rows, columns), np.inf)
        # |p - c|^2 without |p|^2, which a pixel has from every seed: then colours are one product, not three squares.
        ours = np.square(colours).sum(axis=1)
        for k, (cx, cy) in enumerate(places):
            near_y, near_x = (_around(at, float(spacing[k]) * 1.6, most) for at, most in ((cy, rows), (cx, columns)))
            apart = picture[near_y, near_x] @ (-2 * colours[k])
            dx, dy = np.arange(near_x.start, near_x.stop) - cx, np.arange(near_y.start, near_y.stop) - cy
            apart += weights[k] * dx * dx + ours[k]
            apart += (weights[k] * dy * dy)[:, None]
            closer = apart < nearest[near_y, near_x]
            np.copyto(nearest[near_y, near_x], apart, where=closer)
            np.copyto(labels[near_y, near_x], k, where=closer)
        places, colours = _means(picture, labels, places, colours)
    return labels


def _around(middle: float, reach: float, most: int) -> slice:
    """The pixels within reach of a middle, of so many in a row or column."""
    return slice(max(0, int(middle - reach)), min(most, int(middle + reach) + 1))


def _means(picture: Grid, labels: Labels, places: Grid, colours: Grid) -> tuple[Grid, Grid]:
    """Middle and mean colour of every region; one that has no pixel keeps its own."""
    rows, columns = labels.shape
    flat, count = labels.ravel(), len(places)
    size = np.bincount(flat, minlength=count).astype(np.float64)
    some = size > 0
    y, x = (f.ravel().astype(np.float64) for f in np.mgrid[0:rows, 0:columns])
    sums = [np.bincount(flat, v, minlength=count) for v in (x, y, *picture.reshape(-1, 3).T)]
    means = np.stack(sums, axis=1) / np.maximum(size, 1)[:, None]
    return np.where(some[:, None], means[:, :2], places), np.where(some[:, None], means[:, 2:], colours)


def outlines(labels: Labels) -> dict[int, list[Loop]]:
    """For each region its closed borders as corners of pixels, in order.

    Around each pixel goes a side for each neighbour of another region, all in one direction. At a corner as many sides
    of a region begin as end, so that each goes on with one of those.
    """
    rows, columns = labels.shape
    padded = np.full((rows + 2, columns + 2), -1, dtype=np.int64)
    padded[1:-1, 1:-1] = labels
    inner, wide = padded[1:-1, 1:-1], columns + 1
    begins, ends, whose = list[Labels](), list[Labels](), list[Labels]()
    for other, begin, end in (
        (padded[:-2, 1:-1], 0, 1),
        (padded[1:-1, 2:], 1, wide + 1),
        (padded[2:, 1:-1], wide + 1, wide),
        (padded[1:-1, :-2], wide, 0),
    ):
        y, x = np.nonzero(inner != other)
        begins.append(y * wide + x + begin)
        ends.append(y * wide + x + end)
        whose.append(inner[y, x])
    begin, end, label = (np.concatenate(parts) for parts in (begins, ends, whose))
    corners = (rows + 1) * wide
    after = np.empty_like(begin)
    after[np.argsort(label * corners + end, kind="stable")] = np.argsort(label * corners + begin, kind="stable")
    found: dict[int, list[Loop]] = {}
    for sides in _cycles(after.tolist()):
        places = begin[sides]
        found.setdefault(int(label[sides[0]]), []).append(np.stack((places % wide, places // wide), axis=1))
    return found


def _cycles(after: list[int]) -> list[list[int]]:
    """The cycles of a permutation: each from its least member on."""
    seen, cycles = bytearray(len(after)), list[list[int]]()
    for start in range(len(after)):
        if not seen[start]:
            cycle, here = list[int](), start
            while not seen[here]:
                seen[here] = 1
                cycle.append(here)
                here = after[here]
            cycles.append(cycle)
    return cycles


def smoothed(loop: Loop, every: int = 3) -> Grid:
    """The border without its steps, [n, 2]: means of five corners around every third."""
    near = np.arange(0, len(loop), every)[:, None] + np.arange(-2, 3)
    mean: Grid = loop[near % len(loop)].mean(axis=1)
    return mean
