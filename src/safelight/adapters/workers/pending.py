"""Orders that the pool holds: each waits, runs with a worker, waits again if the worker dies, and ends exactly once."""

# Tested in tests/adapters/workers/test_pool.py.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import monotonic

from safelight.contract.errors import Unavailable
from safelight.contract.requests.order import Order
from safelight.contract.requests.sentences import EmbedOrder
from safelight.protocol.messages import End, JobEvent, Started
from safelight.scheduling.line import Waiting

# An order that was being drawn by this many workers when they died is taken for the cause.
MAX_ATTEMPTS = 3
# What draws could not be reached for long here; another server may reach it.
_RETRY_SECONDS = 5.0


class PendingOrder:
    """An order in the pool, and the events that its submitter reads.

    `attempts` counts the workers that died while they drew it, `deaths` those that died with it in their hands. A
    `suspect` may have been the cause of one, and is drawn alone from then on: so what is innocent shows it.
    """

    def __init__(self, order: Order | EmbedOrder) -> None:
        self.order = order
        self.came = monotonic()
        self.attempts = 0
        self.deaths = 0
        self.suspect = order.share.alone
        self.longest_preview = 0
        self.started = False
        self.cancelled = False
        self.ended = False
        self._events: asyncio.Queue[JobEvent | Unavailable] = asyncio.Queue()

    def waiting(self) -> Waiting[PendingOrder]:
        """How it stands in a line."""
        share, source = self.order.share, self.order.source
        return Waiting(
            self.order.id, self, share.group, source, share.seconds, self.came, share.weight, share.background
        )

    def tell(self, event: JobEvent) -> None:
        """Pass an event on; after the end nothing more is said."""
        if self.ended:
            return
        self.ended = isinstance(event, End)
        self.started = self.started or isinstance(event, Started)
        self._events.put_nowait(event)

    def give_up(self, reason: str) -> None:
        """Nothing that draws can be reached: whoever reads the events is told so, and no end."""
        if not self.ended:
            self.ended = True
            self._events.put_nowait(Unavailable(reason, code="engine_overloaded", retry_after_seconds=_RETRY_SECONDS))

    async def events(self) -> AsyncIterator[JobEvent]:
        """The events, the end included.

        Raises:
            Unavailable: it was given up.
        """
        while True:
            event = await self._events.get()
            if isinstance(event, Unavailable):
                raise event
            yield event
            if isinstance(event, End):
                return


def blame(entries: Sequence[PendingOrder]) -> None:
    """A worker died with these in its hands. Those that it was drawing are suspects; so are all if it drew none, and
    one that was there again and again: whatever kills before it is begun.
    """
    begun = any(entry.started for entry in entries)
    for entry in entries:
        entry.deaths += 1
        if entry.started or len(entries) == 1:
            entry.attempts += 1
        entry.suspect = entry.suspect or entry.started or not begun or entry.deaths >= MAX_ATTEMPTS
        entry.started = False


def acquit(entries: Sequence[PendingOrder]) -> None:
    """A worker died with these in its hands, of something else: they were merely there."""
    for entry in entries:
        entry.started = False
