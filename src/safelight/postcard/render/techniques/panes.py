"""Panes: the picture cut into regions of one colour each, which follow its edges; their borders as smooth lines.

The regions are superpixels: R. Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel methods"
(TPAMI 2012), with one difference: the grid may have a finer part, so that things get smaller regions than the sky.
"""

import numpy as np
from numpy.typing import NDArray

from safelight.postcard.render.paper.bands import Pause, never

Grid = NDArray[np.float64]
Labels = NDArray[np.int64]


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
    for _ in range(rounds):
        pause()
        nearest = np.full((rows, columns), np.inf)
        for k in range(len(places)):
            (cx, cy), reach = places[k], float(spacing[k]) * 1.6
            x0, x1 = max(0, int(cx - reach)), min(columns, int(cx + reach) + 1)
            y0, y1 = max(0, int(cy - reach)), min(rows, int(cy + reach) + 1)
            apart = ((picture[y0:y1, x0:x1] - colours[k]) ** 2).sum(axis=2)
            dx, dy = np.arange(x0, x1) - cx, np.arange(y0, y1) - cy
            apart += (weight / spacing[k]) ** 2 * (dx[None, :] ** 2 + dy[:, None] ** 2)
            window = nearest[y0:y1, x0:x1]
            closer = apart < window
            window[closer] = apart[closer]
            labels[y0:y1, x0:x1][closer] = k
        places, colours = _means(picture, labels, places, colours)
    return labels


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


Loop = list[tuple[int, int]]


def outlines(labels: Labels) -> dict[int, list[Loop]]:
    """For each region its closed borders as corners of pixels (x, y), in order."""
    rows, columns = labels.shape
    padded = np.full((rows + 2, columns + 2), -1, dtype=np.int64)
    padded[1:-1, 1:-1] = labels
    steps: dict[int, dict[tuple[int, int], list[tuple[int, int]]]] = {}

    inner = padded[1:-1, 1:-1]
    for other, (ax, ay), (bx, by) in (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (1, 1)),
        (padded[2:, 1:-1], (1, 1), (0, 1)),
        (padded[1:-1, :-2], (0, 1), (0, 0)),
    ):
        ys, xs = np.nonzero(inner != other)
        for label, y, x in zip(inner[ys, xs].tolist(), ys.tolist(), xs.tolist(), strict=True):
            steps.setdefault(label, {}).setdefault((x + ax, y + ay), []).append((x + bx, y + by))
    return {label: _loops(ahead) for label, ahead in steps.items()}


def _loops(ahead: dict[tuple[int, int], list[tuple[int, int]]]) -> list[Loop]:
    loops: list[Loop] = []
    while ahead:
        start = here = next(iter(ahead))
        loop = []
        while True:
            loop.append(here)
            ways = ahead[here]
            after = ways.pop()
            if not ways:
                del ahead[here]
            here = after
            if here == start:
                break
        loops.append(loop)
    return loops


def smoothed(loop: Loop, every: int = 3) -> list[tuple[float, float]]:
    """The border without its steps: means of five corners around every third."""
    count = len(loop)
    points = []
    for k in range(0, count, every):
        near = [loop[(k + i) % count] for i in range(-2, 3)]
        points.append((sum(p[0] for p in near) / 5, sum(p[1] for p in near) / 5))
    return points
