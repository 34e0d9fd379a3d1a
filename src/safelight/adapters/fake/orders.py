"""The fake engine's orders on their way: each in a task of its own, until it ends or nobody wants it any more."""

# Tested in tests/contracts/test_engine_port.py.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

from safelight.adapters.fake.device import first
from safelight.adapters.fake.steps import LOOK_SECONDS
from safelight.adapters.workers.pending import PendingOrder
from safelight.protocol.messages import Cancelled, JobEvent

Work = Callable[[PendingOrder, asyncio.Event], Coroutine[None, None, None]]
"""What is done for an order, which ends it; the event is set once nobody wants it."""


class Orders:
    """Orders that have been entered and have not ended. After `stop`, those that come are cancelled at once."""

    def __init__(self) -> None:
        self._stopped = False
        self._pending: dict[str, PendingOrder] = {}
        self._inside: set[PendingOrder] = set()
        self._left: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def counts(self) -> tuple[int, int]:
        """How many wait, and how many are being drawn."""
        running = sum(entry.started for entry in self._pending.values())
        return len(self._pending) - running, running

    def enter(self, entry: PendingOrder, work: Work) -> AsyncIterator[JobEvent]:
        """Have an order worked on; its events."""
        job_id = entry.order.id
        if self._stopped:
            entry.tell(Cancelled(job_id=job_id))
            return entry.events()
        self._pending[job_id] = entry
        self._left[job_id] = asyncio.Event()
        task = asyncio.create_task(self._ended(entry, work), name=f"fake-{job_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return entry.events()

    async def _ended(self, entry: PendingOrder, work: Work) -> None:
        try:
            await work(entry, self._left[entry.order.id])
        finally:
            self._inside.discard(entry)
            del self._pending[entry.order.id], self._left[entry.order.id]

    def cancel(self, job_id: str) -> None:
        """Nobody wants that order any more."""
        if job_id in self._left:
            self._left[job_id].set()

    def watch(self, job_id: str, longest: int) -> None:
        """Previews of that order are wanted, at most so many pixels a side."""
        if job_id in self._pending:
            self._pending[job_id].longest_preview = longest

    async def may_begin(self, entry: PendingOrder) -> None:
        """Returns when nobody who has to be alone is in the way, or nobody wants it."""
        left = self._left[entry.order.id]
        while not left.is_set() and any(other.suspect or entry.suspect for other in self._inside):
            await first(left, seconds=LOOK_SECONDS)
        self._inside.add(entry)

    async def stop(self) -> None:
        """Cancel what is there and what will come; returns when all have ended."""
        self._stopped = True
        for job_id in self._pending:
            self.cancel(job_id)
        await asyncio.gather(*self._tasks)
