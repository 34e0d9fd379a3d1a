"""Since when and why the cluster cannot be reached, and what is done when that takes long."""

# Tested in tests/adapters/ray/test_engine.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Away:
    """`reason` is empty while the cluster can be reached. `changed` is called whenever it changes, and `give_up` once
    it has not been empty for so many seconds."""

    def __init__(self, seconds: float, changed: Callable[[], None], give_up: Callable[[str], None]) -> None:
        self.reason = ""
        self._seconds = seconds
        self._changed = changed
        self._give_up = give_up
        self._timer: asyncio.TimerHandle | None = None

    def say(self, reason: str) -> None:
        """It cannot be reached, for that reason; or it can, where that is empty."""
        if reason == self.reason:
            return
        if reason:
            log.error("cluster_away", reason=reason, effect="it is joined again as soon as that can be")
        if not self.reason:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._take_long)
        elif not reason:
            self.stop()
        self.reason = reason
        self._changed()

    def stop(self) -> None:
        """Nothing is given up any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _take_long(self) -> None:
        self._give_up(self.reason)
