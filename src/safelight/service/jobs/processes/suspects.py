"""Jobs in whose drawing the server ended: is one of them guilty, or was it merely there?

A job that takes the whole server down must not be drawn for ever; one that was hit by kills from outside, however many,
must not fail. From the row alone the two look the same. What tells them apart is where they are tried again:

- alone, with nothing else in the line drawn beside it, so that no other is hit with it;
- once at once, since most are innocent and their callers wait; then only after the server has lived for a while, longer
  each time. A server that something else ends again and again does not live that long, and the job is not begun in
  vain; one that lives calmly and ends whenever this job is begun has found its culprit.

`attempts` counts what was begun and not ended: the first time in any company, then those alone.

Where several processes draw from one store, one that ends is no news, and its jobs must be drawn elsewhere soon. There
a job is tried a second time in any company, and a third and last time alone: whoever was merely hit twice beside a
guilty one is then drawn, and the guilty one has met three servers.
"""

# Tested in tests/hostile/test_suspects.py.

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from safelight.contract.errors import SafelightError, Unavailable
from safelight.contract.records.jobs import JobError, JobRecord, JobUpdate
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.stores.jobs import Ending, JobStore

# How long the server must have lived before a job is tried alone, for each time. A supervisor that restarts what fails
# does so within seconds (systemd: 0.1 s; Kubernetes: 10 s, then longer).
CALM_SECONDS = (0.0, 10.0, 60.0)
# Where several processes draw: begun so often without an end, a job is tried alone, and then no more.
ALONE_FROM = 2
MOST_TRIES = 3
_AGAIN_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Suspects:
    """Tries suspects again. One for each process: it knows how long that has lived."""

    def __init__(
        self,
        store: JobStore,
        feed: JobFeed,
        runner: JobRunner,
        clock: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._feed = feed
        self._runner = runner
        self._clock = clock
        self._elapsed = elapsed
        self._born = elapsed()
        self._waiting: dict[str, JobRecord] = {}
        self._one_is_tried = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def owners(self) -> set[str]:
        """Whose suspects wait."""
        return {job.origin.owner for job in self._waiting.values()}

    async def resume(self, queued: Sequence[JobRecord]) -> None:
        """Take up what an earlier process left: those for which no server ended as soon as nothing is tried alone."""
        self._waiting = {job.id: job for job in queued if job.course.attempts > 0}
        suspects = sorted(self._waiting.values(), key=lambda job: (job.course.attempts, job.number))
        at_once = [job for job in suspects if job.course.attempts == 1]
        for job in at_once:
            await self._try(job)
        await self._runner.resume([job for job in queued if job.course.attempts == 0])
        for job in suspects[len(at_once) :]:
            await self._try(job)

    async def take_up(self, lost: Sequence[JobRecord]) -> None:
        """Take up jobs that others lost, while more than one process draws. Those to be tried alone are reserved for
        this process."""
        for job in lost:
            if job.course.attempts >= ALONE_FROM:
                self._waiting[job.id] = job
                trying = asyncio.create_task(self._try_in_turn(job), name=f"suspect-{job.id}")
                self._tasks.add(trying)
                trying.add_done_callback(self._tasks.discard)
        await self._runner.resume([job for job in lost if job.course.attempts < ALONE_FROM])

    async def _try_in_turn(self, job: JobRecord) -> None:
        """They are reserved for this process, so it must not leave them, however often the store does not answer."""
        while job.id in self._waiting:
            try:
                if job.course.attempts >= MOST_TRIES:
                    ends = job.course.attempts
                    await self._give_up(job, f"{ends} servers ended while they drew this, one after the other.")
                    self._waiting.pop(job.id)
                    return
                async with self._one_is_tried:
                    await self._try(job)
                    return
            except SafelightError as error:
                log.error("suspect_not_tried", job=job.id, reason=str(error), again_in_seconds=_AGAIN_SECONDS)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _try(self, job: JobRecord) -> None:
        if job.course.attempts > len(CALM_SECONDS):
            ends = job.course.attempts - 1
            await self._give_up(job, f"The server ended {ends} times while it drew this and nothing else.")
        else:
            await asyncio.sleep(max(0.0, CALM_SECONDS[job.course.attempts - 1] - (self._elapsed() - self._born)))
            try:
                await self._runner.draw_alone(job)
            except Unavailable:  # the server stops: the next start takes it up
                return
        self._waiting.pop(job.id, None)

    async def _give_up(self, job: JobRecord, why: str) -> None:
        error = JobError("internal_error", f"{why} It is not tried again.")
        ending = Ending(state="failed", when=self._clock(), error=error)
        ended = await self._store.end(job.id, ending)
        if ended is not None:
            log.error("job_given_up", job=job.id, attempts=job.course.attempts)
            self._feed.publish(JobUpdate(kind="end", job=ended))
