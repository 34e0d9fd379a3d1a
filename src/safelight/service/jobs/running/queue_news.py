"""Telling those who watch how the queue moves, a few times a second at most."""

# Tested in tests/api/test_job_events.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable

from safelight.contract.records.jobs import JobUpdate, QueuePlace
from safelight.service.jobs.running.line import JobLine
from safelight.service.ports.processes.feed import JobFeed

# Who watches is told of a queue that moves this often at most.
_TELL_QUEUE_SECONDS = 0.2


class QueueNews:
    """`place` says where a job stands."""

    def __init__(self, feed: JobFeed, line: JobLine, place: Callable[[str], QueuePlace | None]) -> None:
        self._feed = feed
        self._line = line
        self._place = place
        self._told: dict[str, QueuePlace] = {}
        self._telling: asyncio.TimerHandle | None = None

    def moved(self) -> None:
        """Tell those who watch, soon: a queue of a thousand that all end at once moves a thousand times."""
        if self._telling is None and len(self._line) and not self._feed.idle:
            self._telling = asyncio.get_running_loop().call_later(_TELL_QUEUE_SECONDS, self._tell)

    def _tell(self) -> None:
        self._telling, told, self._told = None, self._told, {}
        for owner in self._feed.owners:
            for job in self._line.of(owner):
                if self._feed.concerns_anybody(job) and (place := self._place(job.id)) is not None:
                    self._told[job.id] = place
                    if told.get(job.id) != place:
                        self._feed.publish(JobUpdate(kind="queue", job=job, place=place))
