"""Something that is done again after a while, as long as it is of use."""

# Tested in tests/service/test_two_processes.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Later:
    """Does it so many seconds after it was asked for, once however often that was."""

    def __init__(self, seconds: float, do: Callable[[], None]) -> None:
        self._seconds = seconds
        self._do = do
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, wanted: bool) -> None:
        """Do it, if it is wanted."""
        if wanted and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._now)

    def _now(self) -> None:
        self._timer = None
        self._do()
