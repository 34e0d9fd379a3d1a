"""The time that forgetting goes by: the wall clock, as long as a second witness agrees with it.

A clock that is wrong for a minute must delete nothing. The second witness is the time since the machine was started,
which nobody sets; between two runs of the server it is what the database saw last.
"""

# Tested in tests/service/test_retention.py.

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

# What a time service corrects by a step, and more than a round of forgetting is late.
_TOLERANCE_SECONDS = 120.0
# A clock that has run on for a day from its new time is believed.
_PATIENCE_SECONDS = 86_400.0
# A server that was off for longer than a week cannot tell that from a clock that is wrong, and waits as well.
_LONGEST_ABSENCE_SECONDS = 7 * 86_400.0

log = structlog.get_logger(__name__)


def since_boot() -> float:
    """Seconds that only ever grow, with those that a machine sleeps where the system counts them (Linux)."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class SteadyClock:
    """Unix seconds. A jump ahead is logged and counts only after a day; one back counts at once: it forgets less."""

    def __init__(self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = since_boot) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._date, self._at = wall(), elapsed()
        self._jump: tuple[float, float] | None = None

    def witness(self, seen: float) -> None:
        """Tell it once, at a start, the last moment that is known for certain; 0: there is none."""
        if seen and self._wall() - seen > _LONGEST_ABSENCE_SECONDS:
            self._date, self._at = seen, self._elapsed()

    def __call__(self) -> float:
        wall, elapsed = self._wall(), self._elapsed()
        steady = self._date + (elapsed - self._at)
        ahead = wall - steady
        if ahead <= _TOLERANCE_SECONDS:
            if ahead < -_TOLERANCE_SECONDS:
                log.warning("clock_jumped", seconds=round(ahead), effect="nothing is forgotten before its time")
            self._date, self._at, self._jump = wall, elapsed, None
            return wall
        if self._jump is None or abs(ahead - self._jump[0]) > _TOLERANCE_SECONDS:
            self._jump = (ahead, elapsed)
            log.warning(
                "clock_jumped",
                seconds=round(ahead),
                effect="nothing is forgotten for its age by the new time, until it has held for a day",
            )
        elif elapsed - self._jump[1] >= _PATIENCE_SECONDS:
            log.info("clock_believed", seconds=round(ahead))
            self._date, self._at, self._jump = wall, elapsed, None
            return wall
        return steady
