"""A random source with the few verbs that art direction needs."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from safelight.postcard.scenes.scene import DETAIL_LEVELS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Draw:
    """Draws from one `random.Random` for a picture of one aspect (width over height)."""

    rng: random.Random
    aspect: float

    @property
    def tall(self) -> bool:
        """Whether the picture is a portrait."""
        return self.aspect < 0.9

    @property
    def wide(self) -> bool:
        """Whether the picture is a panorama."""
        return self.aspect > 1.6

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def between(self, low: float, high: float) -> float:
        """A number from the range, evenly."""
        return low + (high - low) * self.rng.random()

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, evenly."""
        return items[int(self.rng.random() * len(items))]

    def weighted(self, items: Sequence[T], weights: Sequence[float]) -> T:
        """One of the items, by weight."""
        return self.rng.choices(items, weights)[0]

    def third(self) -> float:
        """An x near one of the two vertical thirds."""
        return self.pick((0.33, 0.67)) + self.between(-0.06, 0.06)

    def detail(self) -> float:
        """A seed for what need not be chosen, on its grid."""
        return int(self.rng.random() * DETAIL_LEVELS) / (DETAIL_LEVELS - 1)
