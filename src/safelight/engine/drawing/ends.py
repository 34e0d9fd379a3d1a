"""Every job that came ends once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from safelight.protocol.messages import End, Event


class Ends:
    """Jobs that have come and not ended. Any thread may call."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._open: set[str] = set()
        self._lock = threading.Lock()

    def expect(self, job_id: str) -> bool:
        """That job will end. False: it is expected already."""
        with self._lock:
            if job_id in self._open:
                return False
            self._open.add(job_id)
            return True

    def say(self, event: End) -> None:
        """Say how a job ended, unless that was said: a cancel may meet the last touches to its file."""
        with self._lock:
            if event.job_id not in self._open:
                return
            self._open.remove(event.job_id)
        self._emit(event)
