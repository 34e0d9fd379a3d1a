"""How many pictures a minute come of a worker just now, by model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

# Models that take a minute for a picture are to be told apart from those that take two.
_WINDOW_SECONDS = 300.0
# What is younger than this is counted as if it were so old: a first picture after a second is not 60 a minute.
_LEAST_SECONDS = 60.0


class Throughput:
    """Counts pictures of the last five minutes, or since it was made where that is less."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._finished: deque[tuple[float, str]] = deque()

    def add(self, source: str) -> None:
        """A picture of that model is finished."""
        self._finished.append((self._clock(), source))
        self._forget()

    def per_minute(self) -> dict[str, float]:
        """Pictures a minute by model, of those that drew any."""
        self._forget()
        minutes = min(_WINDOW_SECONDS, max(_LEAST_SECONDS, self._clock() - self._began)) / 60
        counts = dict[str, int]()
        for _, source in self._finished:
            counts[source] = counts.get(source, 0) + 1
        return {source: count / minutes for source, count in counts.items()}

    def _forget(self) -> None:
        while self._finished and self._finished[0][0] < self._clock() - _WINDOW_SECONDS:
            self._finished.popleft()
