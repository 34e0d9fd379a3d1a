"""Keeping and forgetting: what is too old or too much goes, starred pictures never."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

import structlog

from safelight.contract.errors import SafelightError
from safelight.contract.jobs import JobRecord, JobUpdate, file_name, thumbnail_name
from safelight.service.job_feed import JobFeed
from safelight.service.job_ports import FileStore, JobStore

DAY_SECONDS = 86_400.0
# An `Idempotency-Key` is honoured for 24 hours, and what is kept for its sake alone is kept as long.
IDEMPOTENCY_SECONDS = DAY_SECONDS
_ROUND_SECONDS = 60.0
_BATCH = 200
_YOUNG_SECONDS = 3600.0

log = structlog.get_logger(__name__)


class Keeping:
    """Forgets ended jobs after `keep_seconds`, and the oldest when files weigh more than `keep_bytes`; and removes
    files that belong to no job, which a killed process may leave.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        files: FileStore,
        feed: JobFeed,
        keep_seconds: float,
        keep_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._files = files
        self._feed = feed
        self._keep_bytes = keep_bytes
        self._clock = clock
        self.keep_seconds = keep_seconds

    async def go_on(self) -> None:
        """Sweep once, then look every minute, until cancelled."""
        await self._try(self.sweep)
        while True:
            await self._try(self.forget)
            await asyncio.sleep(_ROUND_SECONDS)

    async def forget(self) -> int:
        """Forget what is too old or too much; how many jobs that were."""
        now, forgotten = self._clock(), 0
        while batch := await self._store.expired(now - self.keep_seconds, now - IDEMPOTENCY_SECONDS, _BATCH):
            forgotten += await self._forget_all(batch)
        return forgotten + await self._forget_all(await self._store.over_budget(self._keep_bytes))

    async def sweep(self) -> int:
        """Remove files that belong to no job; how many."""
        removed = 0
        # Those of the last hour may belong to a picture whose row is just being written.
        async for names in self._files.names(self._clock() - _YOUNG_SECONDS):
            ids = {name: name.rpartition("/")[2].partition(".")[0] for name in names}
            known = await self._store.with_files(set(ids.values()))
            for name, job_id in ids.items():
                if job_id.startswith("job_") and job_id not in known:
                    await self._files.delete(name)
                    removed += 1
        return removed

    async def remove_files(self, job: JobRecord) -> None:
        """Remove what belongs to a job that is gone. A file that will not go is left to the next sweep."""
        for name in (file_name(job), thumbnail_name(job)):
            try:
                await self._files.delete(name)
            except OSError as error:
                log.warning("file_not_removed", job=job.id, reason=str(error))

    async def _forget_all(self, jobs: Iterable[JobRecord]) -> int:
        forgotten = 0
        for job in jobs:
            if await self._store.delete(job.owner, job.id) is not None:
                await self.remove_files(job)
                self._feed.publish(JobUpdate(kind="deleted", job=job))
                forgotten += 1
        if forgotten:
            log.info("jobs_forgotten", jobs=forgotten)
        return forgotten

    async def _try(self, round_of: Callable[[], Awaitable[int]]) -> None:
        try:
            await round_of()
        except (OSError, SafelightError) as error:
            log.error("forgetting_failed", reason=str(error))
