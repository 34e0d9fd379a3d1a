"""Jobs that the pool holds: each waits, runs with a worker, waits again if the worker dies, and ends exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from safelight.contract.messages import Cancelled, Failed, Finished, Job, JobEvent, Started

# A job that was with this many workers when they died is taken for the cause.
MAX_ATTEMPTS = 3


class Ticket:
    """A job in the pool, and the events that its submitter reads."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.attempts = 0
        self.longest_preview = 0
        self.started = False
        self.cancelled = False
        self.ended = False
        self._events: asyncio.Queue[JobEvent] = asyncio.Queue()

    def tell(self, event: JobEvent) -> None:
        """Pass an event on; after the end nothing more is said."""
        if self.ended:
            return
        self.ended = isinstance(event, Finished | Failed | Cancelled)
        self.started = self.started or isinstance(event, Started)
        self._events.put_nowait(event)

    async def events(self) -> AsyncIterator[JobEvent]:
        """The events, the end included."""
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Finished | Failed | Cancelled):
                return
