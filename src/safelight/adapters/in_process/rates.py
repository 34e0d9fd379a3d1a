"""Counting within one process."""

# Tested in tests/contracts/test_rate_port.py.

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from safelight.service.ports.stores.rates import Counted


class LocalRates:
    """A `RateCounter` in memory. A start forgets what was counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: dict[str, deque[float]] = {}

    async def hit(self, name: str, most: int, window_seconds: float) -> Counted:
        now = self._clock()
        times = self._taken.setdefault(name, deque())
        while times and times[0] <= now - window_seconds:
            times.popleft()
        accepted = len(times) < most
        if accepted:
            times.append(now)
        return Counted(accepted=accepted, count=len(times), oldest_leaves_seconds=times[0] + window_seconds - now)
