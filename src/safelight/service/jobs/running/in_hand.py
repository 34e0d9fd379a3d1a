"""The jobs that are being drawn or kept here: how far each is, and under which claim."""

# Tested in tests/api/test_claims.py.

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator

import structlog

from safelight.contract.records.jobs import JobRecord, Progress
from safelight.service.jobs.running.job_drawing import JobInHand
from safelight.service.ports.stores.jobs import Hold

log = structlog.get_logger(__name__)


class RunningJobs:
    """By id, each with the task that draws it."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobInHand] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def __iter__(self) -> Iterator[JobInHand]:
        return iter(self._jobs.values())

    def get(self, job_id: str) -> JobInHand | None:
        """That one; None if it is not drawn here."""
        return self._jobs.get(job_id)

    def add(self, entry: JobInHand) -> None:
        """It is drawn from now on."""
        self._jobs[entry.job.id] = entry

    def remove(self, entry: JobInHand) -> None:
        """It is drawn no longer."""
        del self._jobs[entry.job.id]

    @property
    def ids(self) -> list[str]:
        """Which they are."""
        return list(self._jobs)

    @property
    def owners(self) -> set[str]:
        """Whose they are."""
        return {running.job.origin.owner for running in self}

    @property
    def holds(self) -> set[Hold]:
        """The claims on them."""
        return {hold for running in self if (hold := Hold.of(running.job)) is not None}

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Those that draw them."""
        return [running.task for running in self if running.task is not None]

    def progress(self, job_id: str) -> Progress | None:
        """How far a job is; None if it is not being drawn."""
        running = self.get(job_id)
        return running.progress if running is not None else None

    def preview(self, job_id: str) -> bytes:
        """The last preview that was made of a job which is being drawn; empty where there is none."""
        running = self.get(job_id)
        return running.preview if running is not None else b""

    def under_way(self) -> list[tuple[JobRecord, Progress, bytes]]:
        """Each with how far it is, and its last preview."""
        return [(each.job, each.progress, each.preview) for each in self]

    async def cannot_keep(self, job_ids: Collection[str]) -> None:
        """Returns once the picture of one of these waits for the place for files to answer; never where each is kept at
        once, or is not drawn here."""
        waiting = [asyncio.ensure_future(each.waits_for_files.wait()) for each in self if each.job.id in job_ids]
        try:
            await asyncio.wait(waiting or [asyncio.Future()], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def settle(self, within_seconds: float | None) -> None:
        """Returns when there are none. What cannot be recorded in that time is given up: the next start draws it."""
        try:
            async with asyncio.timeout(within_seconds):
                while self._jobs:
                    await asyncio.wait(self.tasks)
        except TimeoutError:
            left = self.tasks
            log.error("jobs_not_recorded", jobs=len(left), effect="they are drawn again after the next start")
            for task in left:
                task.cancel()
