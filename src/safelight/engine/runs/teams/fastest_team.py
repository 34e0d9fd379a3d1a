"""With how many threads steps of one kind are fastest, by those that were taken: policy alone, no clock, no torch.

What the warm-up measured comes from a moment in which the server is busy starting, and would be believed for good: a
disturbed one made Postcard take a tenth longer at rest. So it is where the first steps begin, and they correct it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median

ENOUGH = 5
"""So many steps with each number of threads, in turns, before it is decided."""
_REMEMBERED = 9
# Fewer threads that take this little longer leave a core to whoever asks, and are the same picture.
_AS_FAST = 1.02
_HOPELESS = 2.0
# A step with the others now and then, more seldom the more it costs and the more often nothing came of it.
_AGAIN, _SELDOM = 64, 4096


class FastestTeam:
    """Chooses among numbers of threads. `expected`: seconds of a step with each, as far as anybody measured them."""

    def __init__(self, expected: Mapping[int, float]) -> None:
        self._took = {threads: deque([seconds], maxlen=_REMEMBERED) for threads, seconds in expected.items()}
        self._again = self._until = _AGAIN
        self._leader: int | None = None
        self._trying: int | None = None

    def choose(self, most: int) -> int:
        """The number for the next step, at most `most`; that itself where nothing was ever measured with fewer."""
        able = [threads for threads in self._took if threads <= most]
        if not able:
            return most
        self._leader, self._trying = self._best(able), None
        unsure = [threads for threads in able if self._is_open(threads)]
        if unsure:
            return min(unsure, key=lambda threads: (len(self._took[threads]), self._seconds(threads)))
        if self._until <= 0 and len(able) > 1:
            self._trying = min((threads for threads in able if threads != self._leader), key=self._seconds)
        return self._trying or self._leader

    def took(self, threads: int, seconds: float) -> None:
        """A step took so long with so many threads."""
        self._took.setdefault(threads, deque(maxlen=_REMEMBERED)).append(seconds)
        if threads == self._leader:
            self._until -= 1
        elif threads == self._trying and self._leader is not None:
            self._tried_again(threads, self._leader, seconds)

    def _tried_again(self, threads: int, best: int, seconds: float) -> None:
        known = self._seconds(best)
        if seconds < known:  # so much may have changed that all of it is found anew
            self._took[threads] = deque([seconds], maxlen=_REMEMBERED)
            self._took[best] = deque([known], maxlen=_REMEMBERED)
            self._again = _AGAIN
        else:
            self._again = min(2 * self._again, _SELDOM)
        self._until = int(self._again * max(1.0, seconds / max(known, 1e-9)))

    def _is_open(self, threads: int) -> bool:
        """Whether it needs more steps to be judged; one that takes twice the time needs none."""
        best = min(self._seconds(other) for other in self._took)
        return len(self._took[threads]) < ENOUGH and self._seconds(threads) < _HOPELESS * max(best, 1e-9)

    def _seconds(self, threads: int) -> float:
        return median(self._took[threads])

    def _best(self, able: list[int]) -> int:
        least = min(map(self._seconds, able))
        return min(threads for threads in able if self._seconds(threads) <= _AS_FAST * least)
