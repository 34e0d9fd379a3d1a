"""A line that lives and does not answer: who notices has it begun anew, once."""

# Tested in tests/adapters/ray/line/test_silence.py.

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic

import structlog

log = structlog.get_logger(__name__)


class Silence:
    """Watches calls of one process to the line. Ray begins a line anew whose process has ended; one that is frozen has
    not, and everything would wait for it.

    `life` says how often the line was begun anew, None while none runs or nobody can tell. `end` ends the one that
    runs. A line is ended once two calls in turn, the second begun after the first was given up, have had no answer in
    all of one life. So neither a process that was frozen itself, nor one of many that notice it, ends the next, too.
    """

    def __init__(
        self,
        life: Callable[[], Awaitable[int | None]],
        end: Callable[[], Awaitable[None]],
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        self._life = life
        self._end = end
        self._elapsed = elapsed
        self._given_up: float | None = None
        self._seen: int | None = None

    def answered(self) -> None:
        """A call has had an answer."""
        self._given_up = None

    async def unanswered(self, began: float) -> None:
        """A call that began then, on the same clock, was given up. Some may be at once."""
        if self._given_up is None:
            self._given_up = self._elapsed()
            self._seen = await self._life()
        elif began >= self._given_up:
            before, self._given_up = self._seen, self._elapsed()
            self._seen = await self._life()
            if self._seen is not None and self._seen == before and self._given_up is not None:
                log.error("line_silent", effect="it is ended, and Ray begins it anew")
                await self._end()
