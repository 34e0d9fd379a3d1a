"""A wall of rock: columns and blocks, each with a face to the light and one away from it, ledges and clefts."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from safelight.postcard.render.paper.canvas import Point, poly
from safelight.postcard.render.paper.colour import Rgb, mix, scale, turn
from safelight.postcard.render.stage import Stage

Top = Callable[[float], float]
"""y of the wall's upper edge over x."""


@dataclass
class RockFace:
    """A wall between ``left`` and ``right`` from ``top`` to ``foot``, its blocks about ``block`` of its height."""

    left: float
    right: float
    top: Top
    foot: float
    block: float = 0.13
    parts: dict[float, list[str]] = field(default_factory=dict)

    def draw(self, stage: Stage, rng: Random, rock: Rgb, distance: float, bright: float) -> None:
        """Draws the blocks over a body that is there already. ``bright`` from -1 (in shade) to 1 (in the sun)."""
        side = stage.light.side
        tall = max(
            8.0, self.foot - min(self.top(self.left), self.top(self.right), self.top((self.left + self.right) / 2))
        )
        x = self.left
        while x < self.right:
            wide = tall * self.block * rng.uniform(0.5, 1.5)
            self._column(rng, x, min(wide, self.right - x), tall, side)
            x += wide
        for tone, shapes in sorted(self.parts.items()):
            level = 0.45 * bright + tone
            colour = stage.light.land(turn(rock, 9 * tone), distance, max(-1.0, min(1.0, level)))
            stage.canvas.path("".join(shapes), colour, outlined=False)
        self._clefts(stage, rng, rock, distance, tall)

    def _column(self, rng: Random, x: float, wide: float, tall: float, side: float) -> None:
        y, end = max(self.top(x), self.top(x + wide)) + 0.02 * tall, self.foot
        edge = 0.68 if side < 0 else 0.32
        shift = 0.0
        while y < end - 2:
            deep = tall * self.block * rng.uniform(0.7, 2.6)
            low = min(end, y + deep)
            if end - low < 0.3 * tall * self.block:
                low = end
            drift = rng.uniform(-0.16, 0.16) * wide
            drop = (y - self.top(x + wide / 2)) / tall
            tone = round((rng.uniform(-0.28, 0.3) - 0.3 * drop) * 5) / 5
            cut, cut2 = x + wide * edge + shift, x + wide * edge + drift
            tip = rng.uniform(-0.1, 0.1) * wide
            front = [(x + shift, y), (cut, y + tip), (cut2, low + tip), (x + drift, low)]
            flank = [(cut, y + tip), (x + wide + shift, y - tip), (x + wide + drift, low - tip), (cut2, low + tip)]
            lit, dark = (front, flank) if side < 0 else (flank, front)
            self.parts.setdefault(round(tone + 0.16, 2), []).append(poly(lit))
            self.parts.setdefault(round(tone - 0.44, 2), []).append(poly(dark))
            if low < end and rng.random() < 0.5:
                thick = 0.02 * tall
                ledge: list[Point] = [(x + drift - 2, low - thick), (x + wide + drift, low - tip - thick)]
                self.parts.setdefault(0.7, []).append(
                    poly([*ledge, (x + wide + drift + 2, low - tip), (x + drift, low)])
                )
            y, shift = low, drift

    def _clefts(self, stage: Stage, rng: Random, rock: Rgb, distance: float, tall: float) -> None:
        """Dark gaps between columns, wide at the foot or at the top."""
        gaps = []
        for _ in range(max(2, round((self.right - self.left) / (tall * 0.45)))):
            x = rng.uniform(self.left, self.right)
            y, wide = self.top(x), tall * self.block * rng.uniform(0.12, 0.4)
            a, b = (y, y + tall * rng.uniform(0.3, 0.7)) if rng.random() < 0.5 else (self.foot, self.foot - tall * 0.4)
            b = max(b, y)
            gaps.append(poly([(x - wide / 2, a), (x + wide / 2, a), (x + wide * 0.2, (a + b) / 2), (x, b)]))
        tone = mix(stage.light.land(scale(rock, 0.6), distance, -0.9), stage.light.mood.land[-1], 0.25)
        stage.canvas.path("".join(gaps), tone, 0.7, outlined=False)


def edge_of(points: list[Point]) -> Top:
    """The upper edge through points that run from left to right or back."""
    line = sorted(points)

    def at(x: float) -> float:
        for (x0, y0), (x1, y1) in itertools.pairwise(line):
            if x <= x1 and x1 > x0:
                return y0 + (y1 - y0) * min(1.0, max(0.0, (x - x0) / (x1 - x0)))
        return line[-1][1]

    return at
