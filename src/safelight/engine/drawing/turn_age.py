"""How long the engine has been in its turn, for whoever asks from another thread."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class TurnAge:
    """The engine's thread says when a turn begins and ends; any other may look."""

    def __init__(self) -> None:
        self._now: tuple[float, float] | None = None

    @contextmanager
    def within(self, expected_seconds: float) -> Iterator[None]:
        """While this is entered, a turn is taken that is expected to need so many seconds; 0: nobody knows."""
        self._now = time.monotonic(), expected_seconds
        try:
            yield
        finally:
            self._now = None

    def look(self) -> tuple[float, float]:
        """Seconds since the turn began, and those that it was expected to need; zeros while there is none."""
        now = self._now
        return (0.0, 0.0) if now is None else (time.monotonic() - now[0], now[1])
