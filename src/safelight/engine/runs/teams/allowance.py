"""How many threads steps may take, by how long they took: policy alone, without a clock and without torch.

A neighbour on the cores, or a quota, makes a team of threads wait for its slowest: steps of two threads took ten times
what they take at rest, where one thread took 1.4 times. So the engine goes to fewer when steps take twice what they
took at their best, and back when those of fewer take what they should. Each return that did not last makes it wait
twice as long for the next.
"""

from __future__ import annotations

from collections.abc import Sequence

SLOW, CALM = 2.0, 1.25
"""Steps that take so many times their least are slow; so many times at most, calm."""
LONG = 8
"""More slow steps than others by so many, and it goes to fewer."""
_PATIENCE, _MOST_PATIENCE = 32, 1024


class Allowance:
    """Of `counts`, ascending, the one that steps may take at most. Told of every step how it compared to its least.

    It begins with the most that fit into the cores that are `left` by others: beside neighbours a team's first steps
    would all be slow, and there is no least yet to know it by.
    """

    def __init__(self, counts: Sequence[int], left: int | None = None) -> None:
        self._counts = tuple(counts)
        fitting = sum(left is None or count <= left for count in self._counts)
        self._level = max(1, fitting) - 1
        self._slow = self._calm = 0
        self._patience = _PATIENCE
        self._since_return: int | None = None

    @property
    def threads(self) -> int:
        return self._counts[self._level]

    def stepped(self, ratio: float) -> None:
        """A step took `ratio` times the least that such a step took with as many threads."""
        self._slow = self._slow + 1 if ratio >= SLOW else max(0, self._slow - 1)
        self._calm = self._calm + 1 if ratio <= CALM else max(0, self._calm - 2)
        if self._since_return is not None:
            self._since_return += 1
            if self._since_return > _MOST_PATIENCE:  # it has lasted
                self._since_return, self._patience = None, _PATIENCE
        if self._slow >= LONG and self._level > 0:
            if self._since_return is not None:
                self._patience = min(2 * self._patience, _MOST_PATIENCE)
            self._go(self._level - 1)
        elif self._calm >= self._patience and self._level < len(self._counts) - 1:
            self._go(self._level + 1)
            self._since_return = 0

    def _go(self, level: int) -> None:
        self._level, self._slow, self._calm, self._since_return = level, 0, 0, None
