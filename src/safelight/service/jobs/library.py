"""Looking back on durable jobs: find, star, cancel, delete."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from safelight.contract.records.jobs import JobRecord, JobUpdate
from safelight.service.jobs.pictures import JobPictures, there
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.jobs.thumbnails import Thumbnails
from safelight.service.keeping.retention import Retention
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.stores.files import FileStore
from safelight.service.ports.stores.jobs import Ending, JobFilter, JobStore

_TOLD_AGAIN = 1000
_AT_ONCE = 200


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of jobs, newest first. `next_before` is where the next one begins; `total` None was not counted."""

    jobs: tuple[JobRecord, ...]
    next_before: int | None
    total: int | None


class Library:
    """What a key has had drawn. Whatever is not its owner's is not there."""

    def __init__(
        self,
        *,
        store: JobStore,
        files: FileStore,
        feed: JobFeed,
        runner: JobRunner,
        retention: Retention,
        thumbnail_of: Callable[[bytes], bytes],
        most_queued: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self.pictures = JobPictures(store, files, Thumbnails(files, thumbnail_of))
        self._feed = feed
        self._runner = runner
        self._retention = retention
        self._most_queued = most_queued
        self._clock = clock

    async def get(self, owner: str, job_id: str) -> JobRecord:
        """One job.

        Raises:
            NotFound: there is none of that owner.
        """
        return there(await self._store.get(owner, job_id))

    async def page(self, wanted: JobFilter, limit: int, *, count: bool) -> Page:
        """A page of an owner's jobs, and how many there are in all where that is asked."""
        found = await self._store.page(wanted, limit + 1)
        total = await self._store.count(msgspec.structs.replace(wanted, before=None)) if count else None
        more = len(found) > limit
        return Page(jobs=tuple(found[:limit]), next_before=found[limit - 1].number if more else None, total=total)

    async def unfinished(self, owner: str, *, listed: bool = True) -> Sequence[JobRecord]:
        """An owner's queued and running jobs, newest first; or those that no list shows."""
        wanted = JobFilter(owner=owner, listed=listed, states=("queued", "running"))
        return await self._store.page(wanted, self._most_queued)

    async def ending_seen(self, said: int | None) -> int:
        """The ending after which a watcher is to be told: the last there was, or what it says that it has been told.

        A number that was never given is of another database, or of an earlier version: then those of the last thousand
        endings are told again.
        """
        last = await self._store.last_ending()
        if said is None:
            return last
        return said if said <= last else max(0, last - _TOLD_AGAIN)

    async def ended_after(self, owner: str, end_number: int) -> AsyncIterator[JobRecord]:
        """An owner's listed jobs that ended after that ending, in their order, until there is none."""
        while page := await self._store.ended_after(owner, end_number, _AT_ONCE):
            for job in page:
                yield job
                end_number = job.course.end_number or end_number

    async def star(self, owner: str, job_id: str, starred: bool) -> JobRecord:
        """Star a job, which keeps it for good, or take the star away.

        Raises:
            NotFound: there is none.
        """
        job = there(await self._store.star(owner, job_id, starred))
        self._feed.publish(JobUpdate(kind="job", job=job))
        return job

    async def cancel(self, owner: str, job_id: str) -> JobRecord:
        """Cancel a job, at once; one that has ended stays as it is, and is returned so.

        Raises:
            NotFound: there is none.
        """
        job = await self.get(owner, job_id)
        if job.has_ended:
            return job
        ended = await self._store.end(job_id, Ending(state="cancelled", when=self._clock()))
        if ended is None:
            return await self.get(owner, job_id)
        self._runner.drop(job_id)
        self._retention.ended_without_picture()
        self._feed.publish(JobUpdate(kind="end", job=ended))
        return ended

    async def cancel_or_delete(self, owner: str, job_id: str) -> JobRecord | None:
        """Cancel a job that has not ended; delete one that has, with its files, and return None.

        Raises:
            NotFound: there is none.
        """
        job = await self.get(owner, job_id)
        if not job.has_ended:
            return await self.cancel(owner, job_id)
        deleted = there(await self._store.delete(owner, job_id))
        await self._retention.remove_files(deleted)
        self._feed.publish(JobUpdate(kind="deleted", job=deleted))
        return None
