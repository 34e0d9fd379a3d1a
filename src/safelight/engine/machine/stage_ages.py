"""How long each thing has been under way that this process may be stuck in, for whoever asks from another thread."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from safelight.protocol.times import BusyStage, StageAge


class StageAges:
    """Whoever begins something that can hang says so, from any thread; any other may look."""

    def __init__(self) -> None:
        self._under_way: dict[object, tuple[BusyStage, float, float]] = {}
        self._lock = Lock()

    @contextmanager
    def within(self, stage: BusyStage, expected_seconds: float = 0.0) -> Iterator[None]:
        """While this is entered, that is under way, and expected to need so many seconds; 0: nobody knows."""
        entry = object()
        with self._lock:
            self._under_way[entry] = stage, time.monotonic(), expected_seconds
        try:
            yield
        finally:
            with self._lock:
                del self._under_way[entry]

    def look(self) -> tuple[StageAge, ...]:
        """All that is under way, and for how long."""
        now = time.monotonic()
        with self._lock:
            under_way = list(self._under_way.values())
        return tuple(
            StageAge(stage=stage, seconds=now - since, expected_seconds=expected)
            for stage, since, expected in under_way
        )
