"""The clock of a PostgreSQL as its clients know it: what several servers write down and compare goes by one clock."""

# Tested in tests/adapters/sql/test_server_clock.py.

from __future__ import annotations

import time
from collections.abc import Callable

from safelight.service.keeping.steady_clock import since_boot


class ServerClock:
    """Unix seconds as the database's server has them, wrong by no more than an answer of it took. Until it was heard
    they are those of this machine.

    This machine only says how long ago that was, by a clock that nobody sets.
    """

    def __init__(self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = since_boot) -> None:
        self._elapsed = elapsed
        self._ahead = wall() - elapsed()
        self._was_heard = False

    def now(self) -> float:
        """Seconds, to be handed to `heard` as when it was asked."""
        return self._elapsed()

    def heard(self, said: float, asked: float) -> None:
        """The server said that time, asked at that moment of ours. It was so at some moment since: what fits to that
        stays, so that a slow answer moves nothing."""
        least, most = said - self._elapsed(), said - asked
        if not self._was_heard:
            self._was_heard, self._ahead = True, (least + most) / 2
        self._ahead = min(max(self._ahead, least), most)

    def __call__(self) -> float:
        return self._elapsed() + self._ahead
