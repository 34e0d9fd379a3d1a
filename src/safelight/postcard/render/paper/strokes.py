"""Strokes by the thousand: of a path of short ones, a band of the picture needs only those that may reach it.

A path says with ``data-reach`` how far its strokes go from where they start, in user units and with half their width.
Those that start farther from the band than that do not touch it, so its pixels are the same without them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.postcard.render.paper.canvas import num

_PATH = re.compile(r'<path data-reach="([0-9.]+)" d="M([^"]*)"([^>]*)/>')


def path(strokes: list[str], reach: float, attributes: str) -> str:
    """A path of strokes, each ``M<x> <y>…`` and no farther than ``reach`` from there; lifted where nothing is drawn."""
    return f'<path data-reach="{num(reach)}" d="{"".join(strokes)}"{attributes}/>' if strokes else ""


@dataclass(frozen=True)
class Strokes:
    """A path that can be had in part. ``starts`` are y of its strokes, in their order."""

    strokes: list[str]
    starts: NDArray[np.float64]
    reach: float
    attributes: str

    def between(self, first: float, last: float) -> str:
        """The path with the strokes that may touch what lies between two heights; nothing if there are none."""
        near = np.flatnonzero((self.starts >= first - self.reach) & (self.starts <= last + self.reach))
        return path([f"M{self.strokes[k]}" for k in near.tolist()], self.reach, self.attributes)


def parts(body: str) -> list[str | Strokes]:
    """A drawing's body, taken apart where paths say their reach."""
    return list(_taken_apart(body))


def _taken_apart(body: str) -> Iterator[str | Strokes]:
    done = 0
    for found in _PATH.finditer(body):
        yield body[done : found.start()]
        strokes = found.group(2).split("M")
        starts = np.array([float(_START.match(stroke).group(1)) for stroke in strokes])  # type: ignore[union-attr]
        yield Strokes(strokes, starts, float(found.group(1)), found.group(3))
        done = found.end()
    yield body[done:]


_START = re.compile(r"[-0-9.]+ ([-0-9.]+)")
