"""Looking back on durable jobs: find, star, cancel, delete, and their pictures."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from safelight.contract.errors import NotFound
from safelight.contract.jobs import JobRecord, JobUpdate, KeptImage, input_names
from safelight.service.access.picture_links import NO_PICTURE
from safelight.service.jobs.runner import JobRunner
from safelight.service.jobs.thumbnails import Thumbnails
from safelight.service.keeping.files_away import told_to_ask_again
from safelight.service.keeping.retention import Retention
from safelight.service.ports.feed import JobFeed
from safelight.service.ports.files import FileStore
from safelight.service.ports.jobs import Ending, JobFilter, JobStore

_TOLD_AGAIN = 1000
_AT_ONCE = 200
_NO_FILE = "The file of this picture is gone."
_IS_KEPT = "The picture is kept: ask for it again in a moment."
# Said to everybody alike: whether a job is somebody else's is nobody's business.
_NO_JOB = "There is no such job, or it was forgotten. GET /v1/jobs lists those of your key."


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
        self._files = files
        self._feed = feed
        self._runner = runner
        self._retention = retention
        self._thumbnails = Thumbnails(files, thumbnail_of)
        self._most_queued = most_queued
        self._clock = clock

    async def get(self, owner: str, job_id: str) -> JobRecord:
        """One job.

        Raises:
            NotFound: there is none of that owner.
        """
        return _there(await self._store.get(owner, job_id))

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
        job = _there(await self._store.star(owner, job_id, starred))
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
        deleted = _there(await self._store.delete(owner, job_id))
        await self._retention.remove_files(deleted)
        self._feed.publish(JobUpdate(kind="deleted", job=deleted))
        return None

    async def image(self, owner: str, job_id: str) -> tuple[JobRecord, bytes]:
        """A finished job and its file.

        Raises:
            NotFound: there is no such job, or no picture.
            Unavailable: the place for files is away.
        """
        job, kept = await self._kept(owner, job_id)
        with told_to_ask_again(_IS_KEPT):
            image = await self._files.get(kept.file)
        if image is None:
            raise NotFound(_NO_FILE)
        return job, image

    async def open_image(self, owner: str, job_id: str) -> tuple[JobRecord, int, AsyncIterator[bytes]]:
        """A finished job, the length of its file in bytes, and the file in pieces that are read when asked for.

        Raises:
            NotFound: there is no such job, or no picture.
            Unavailable: the place for files is away.
        """
        job, kept = await self._kept(owner, job_id)
        with told_to_ask_again(_IS_KEPT):
            opened = await self._files.open(kept.file)
        if opened is None:
            raise NotFound(_NO_FILE)
        return job, *opened

    async def open_linked(self, job_id: str) -> tuple[JobRecord, int, AsyncIterator[bytes]]:
        """As `open_image`, for whoever holds a link to it, whose job it may be.

        Raises:
            NotFound: there is no such picture any more.
            Unavailable: the place for files is away.
        """
        job = next(iter(await self._store.these([job_id])), None)
        if job is None or job.image is None:
            raise NotFound(NO_PICTURE)
        with told_to_ask_again(_IS_KEPT):
            opened = await self._files.open(job.image.file)
        if opened is None:
            raise NotFound(NO_PICTURE)
        return job, *opened

    async def open_input(self, owner: str, job_id: str, place: int) -> tuple[int, AsyncIterator[bytes]]:
        """A picture that a job draws from, as it came: its length in bytes, and the file in pieces. The mask comes
        after the pictures; the first place is 0.

        Raises:
            NotFound: there is no such job, or nothing at that place.
            Unavailable: the place for files is away.
        """
        names = input_names(await self.get(owner, job_id))
        if not 0 <= place < len(names):
            raise NotFound(f"This job draws from {len(names)} pictures, counted from 0, the mask last.")
        with told_to_ask_again(_IS_KEPT):
            opened = await self._files.open(names[place])
        if opened is None:
            raise NotFound(_NO_FILE)
        return opened

    async def _kept(self, owner: str, job_id: str) -> tuple[JobRecord, KeptImage]:
        job = await self.get(owner, job_id)
        if job.image is None:
            raise NotFound(f"This job has no picture: it is {job.course.state}.")
        return job, job.image

    async def thumbnail(self, owner: str, job_id: str) -> tuple[JobRecord, bytes]:
        """A finished job and a small JPEG of its picture, made when it is first asked for.

        Raises:
            NotFound: there is no such job, or no picture.
            Unavailable: the place for files is away.
        """
        job = await self.get(owner, job_id)

        async def image() -> bytes:
            return (await self.image(owner, job_id))[1]

        with told_to_ask_again(_IS_KEPT):
            return job, await self._thumbnails.of(job, image)


def _there(job: JobRecord | None) -> JobRecord:
    if job is None:
        raise NotFound(_NO_JOB)
    return job
