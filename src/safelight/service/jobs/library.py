"""Durable jobs, for their owners: accept, look back, watch, star, cancel, delete."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager

import msgspec
import structlog

from safelight.contract.errors import AuthenticationFailed, InternalError, InvalidRequest, NotFound, SafelightError
from safelight.contract.jobs import (
    Course,
    JobRecord,
    JobUpdate,
    KeptImage,
    Origin,
    Progress,
    QueuePlace,
    Wanted,
    file_name,
    thumbnail_name,
)
from safelight.contract.request import ImageRequest
from safelight.service.drawing.caller import Caller
from safelight.service.drawing.drawing import ColorOf, Picture, kept_image
from safelight.service.drawing.generate import Generate
from safelight.service.drawing.readiness import shutting_down
from safelight.service.jobs.disk_space import DiskSpace
from safelight.service.jobs.feed import JobFeed, Watcher
from safelight.service.jobs.retention import IDEMPOTENCY_SECONDS, Retention
from safelight.service.jobs.runner import JobRunner
from safelight.service.jobs.suspects import Suspects
from safelight.service.ports.files import FileStore
from safelight.service.ports.jobs import Ending, IdempotencyMark, JobFilter, JobStore

_LOOK_FOR_REVOKED_SECONDS = 2.0
_TOLD_AGAIN = 1000
_AT_ONCE = 200
log = structlog.get_logger(__name__)

_REVOKED = "This key was revoked while the request was under way."
_NO_FILE = "The file of this picture is gone."
# Said to everybody alike: whether a job is somebody else's is nobody's business.
_NO_JOB = "There is no such job, or it was forgotten. GET /v1/jobs lists those of your key."


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of jobs, newest first. `next_before` is where the next one begins; `total` None was not counted."""

    jobs: tuple[JobRecord, ...]
    next_before: int | None
    total: int | None


class Jobs:
    """The use cases of durable jobs. `start` first: it resumes what a stopped process left.

    `thumbnail_of` makes a small JPEG of a picture's file; it is run in a thread.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        files: FileStore,
        generate: Generate,
        feed: JobFeed,
        runner: JobRunner,
        retention: Retention,
        thumbnail_of: Callable[[bytes], bytes],
        color_of: ColorOf,
        most_queued: int,
        disks: DiskSpace,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._files = files
        self._generate = generate
        self._feed = feed
        self._runner = runner
        self._retention = retention
        self._thumbnail_of = thumbnail_of
        self._color_of = color_of
        self._most_queued = most_queued
        self._disks = disks
        self._suspects = Suspects(store, feed, runner, clock)
        self._clock = clock
        self._revoked: set[str] = set()
        self._thumbnails: dict[str, asyncio.Task[bytes]] = {}

    async def resume(self) -> int:
        """Take up what was accepted and has not ended; how many jobs that are. Once a start, by one process alone.

        What this process accepted before it was alone it draws already.
        """
        await self._disks.look()
        queued = await self._store.requeue(self._runner.ids)
        if queued:
            log.info("jobs_resumed", jobs=len(queued))
        await self._suspects.resume(queued)
        return len(queued)

    async def end_revoked(self, is_revoked: Callable[[str], Awaitable[bool]]) -> None:
        """End the jobs, requests and streams of keys that were ended, also by another process, until cancelled."""
        while True:
            for owner in self._owners():
                try:
                    if await is_revoked(owner):
                        self._revoked.add(owner)  # who waits for one of the jobs is told why it was cancelled
                        for listed in (True, False):
                            for job in await self.unfinished(owner, listed=listed):
                                await self.cancel(owner, job.id)
                        self._generate.refuse(owner, AuthenticationFailed(_REVOKED))
                        self._feed.dismiss(owner)
                except SafelightError as error:
                    log.error("revoked_jobs_not_ended", owner=owner, reason=str(error))
            await asyncio.sleep(_LOOK_FOR_REVOKED_SECONDS)

    def _owners(self) -> set[str]:
        """Whose jobs, requests or streams are under way."""
        return self._runner.owners | self._suspects.owners | self._generate.owners | set(self._feed.owners)

    async def claim(self) -> bool:
        """Whether the place for pictures is ours; see `Retention.claim`."""
        return await self._retention.claim()

    async def forget_forever(self) -> None:
        """Forget what is to be forgotten, until cancelled. In the process that resumed."""
        await self._retention.go_on()

    async def watch_disks(self) -> None:
        """Watch the disks for room, until cancelled."""
        await self._disks.watch()

    async def accept(self, request: ImageRequest, caller: Caller, key: str | None = None) -> JobRecord:
        """Accept a job: once this returns it will be drawn, whatever happens to the process.

        What was accepted under the same `Idempotency-Key` is given however much waits and however full a disk is.

        Raises:
            Unavailable: too many are waiting, or the server shuts down.
            InvalidRequest: `idempotency_key_reused`, or it would take longer than any request may.
        """
        mark = self._mark(key, request.digest())
        earlier = await self._marked(caller.key_id, mark)
        if earlier is not None:
            return earlier
        if self._generate.draining:
            raise shutting_down()
        self._generate.check_size(request)
        await self._disks.check()
        with self._runner.room(caller.key_id, caller.weight):
            job, is_new = await self._add(self._new(request, caller), mark)
            if is_new:
                self._runner.add(job, weight=caller.weight)
        return job

    async def draw_once(
        self, request: ImageRequest, caller: Caller, key: str, *, listed: bool
    ) -> tuple[tuple[Picture, ...], float]:
        """Draw for a caller who waits and may ask again with the same key: the pictures and when they were finished.

        It goes on when the caller leaves, since the answer is promised to whoever asks again: however much waits by
        then, and however full a disk is.

        Raises:
            Unavailable: too much is waiting, the server shuts down, or the model took too long to load.
            InvalidRequest: `idempotency_key_reused`.
            InternalError: one of them could not be drawn.
        """
        digest = request.digest()
        # A caller's key holds no space: no other caller's key is the name of a second picture.
        marks = [self._mark(f"{key} {index}" if index else key, digest) for index in range(request.n)]
        earlier = [await self._marked(caller.key_id, mark) for mark in marks]
        jobs = [job for job in earlier if job is not None]
        if len(jobs) < len(marks):
            jobs = await self._draw_at_once(request, caller, marks, listed=listed)
        ended = await self._all_ended(request, jobs)
        return tuple([await self._picture(job) for job in ended]), max(
            job.course.ended or job.origin.created for job in ended
        )

    async def _draw_at_once(
        self, request: ImageRequest, caller: Caller, marks: Sequence[IdempotencyMark | None], *, listed: bool
    ) -> list[JobRecord]:
        """A job under way for each picture, those of the marks that stood for one already among them."""
        await self._disks.check()
        reserved = self._generate.reserve(request, caller)
        accepted = []
        try:
            for one, mark in zip(_one_by_one(request), marks, strict=True):
                job, is_new = await self._add(self._new(one, caller, listed=listed), mark)
                if is_new:
                    self._runner.draw_at_once(job, reserved.pop())
                accepted.append(job)
        finally:
            for cost in reserved:  # of those that are drawn already
                self._generate.release(cost)
        return accepted

    async def _all_ended(self, request: ImageRequest, jobs: Sequence[JobRecord]) -> list[JobRecord]:
        """These jobs once they have ended, or the error that their model loads for too long: they wait on for it."""
        if all(job.has_ended for job in jobs):
            return list(jobs)
        ended = asyncio.ensure_future(self._one_after_another(jobs))
        loaded = asyncio.ensure_future(self._generate.readiness.loaded(request.model))
        try:
            await asyncio.wait((ended, loaded), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                loaded.result()
            return await ended
        finally:
            ended.cancel()
            loaded.cancel()
            await asyncio.gather(ended, loaded, return_exceptions=True)

    async def _one_after_another(self, jobs: Sequence[JobRecord]) -> list[JobRecord]:
        return [await self._ended(job) for job in jobs]

    async def _ended(self, job: JobRecord) -> JobRecord:
        with self._feed.watch(job.origin.owner, job.id) as watcher:
            job = await self.get(job.origin.owner, job.id)
            while not job.has_ended:
                update = await watcher.next()
                if update is None:
                    raise AuthenticationFailed(_REVOKED) if job.origin.owner in self._revoked else shutting_down()
                job = update.job if update.kind == "end" else job
        return job

    async def check_room(self) -> None:
        """Before a picture is drawn that is then to be kept.

        Raises:
            Unavailable: a disk is nearly full.
        """
        await self._disks.check()

    async def keep(self, request: ImageRequest, caller: Caller, picture: Picture) -> None:
        """Keep a picture that was drawn for a caller who waited (the setting `store` = "all").

        Raises:
            InternalError: it could not be written.
        """
        one = msgspec.structs.replace(request, n=1, seed=picture.seed) if request.n > 1 else request
        job = self._new(one, caller, seed=picture.seed)
        try:
            await self._files.put(file_name(job), picture.image)
        except OSError as error:
            raise InternalError("The picture was drawn and could not be kept; the server's log says why.") from error
        image = await kept_image(job, picture, self._color_of)
        course = Course(state="finished", started=job.origin.created, ended=self._clock())
        ended = msgspec.structs.replace(job, course=course, image=image)
        kept = await self._store.add(ended)
        if kept is not None:
            self._feed.publish(JobUpdate(kind="end", job=kept))

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
        """
        job, kept = await self._kept(owner, job_id)
        image = await self._files.get(kept.file)
        if image is None:
            raise NotFound(_NO_FILE)
        return job, image

    async def open_image(self, owner: str, job_id: str) -> tuple[JobRecord, int, AsyncIterator[bytes]]:
        """A finished job, the length of its file in bytes, and the file in pieces that are read when asked for.

        Raises:
            NotFound: there is no such job, or no picture.
        """
        job, kept = await self._kept(owner, job_id)
        opened = await self._files.open(kept.file)
        if opened is None:
            raise NotFound(_NO_FILE)
        return job, *opened

    async def _kept(self, owner: str, job_id: str) -> tuple[JobRecord, KeptImage]:
        job = await self.get(owner, job_id)
        if job.image is None:
            raise NotFound(f"This job has no picture: it is {job.course.state}.")
        return job, job.image

    async def thumbnail(self, owner: str, job_id: str) -> tuple[JobRecord, bytes]:
        """A finished job and a small JPEG of its picture, made when it is first asked for.

        Raises:
            NotFound: there is no such job, or no picture.
        """
        job = await self.get(owner, job_id)
        small = await self._files.get(thumbnail_name(job)) if job.image is not None else None
        if small is None:
            making = self._thumbnails.get(job.id)
            if making is None:
                making = asyncio.create_task(self._make_thumbnail(job), name=f"thumbnail-{job.id}")
                self._thumbnails[job.id] = making
                making.add_done_callback(lambda made: self._thumbnail_made(job.id, made))
            small = await asyncio.shield(making)  # others wait for it too
        return job, small

    async def _make_thumbnail(self, job: JobRecord) -> bytes:
        _, image = await self.image(job.origin.owner, job.id)
        small = await asyncio.to_thread(self._thumbnail_of, image)
        try:
            await self._files.put(thumbnail_name(job), small)
        except OSError as error:  # a full disk: it is made again when it is asked for again
            log.warning("thumbnail_not_kept", job=job.id, reason=str(error))
        return small

    def _thumbnail_made(self, job_id: str, made: asyncio.Task[bytes]) -> None:
        del self._thumbnails[job_id]
        if not made.cancelled():
            made.exception()  # marks it as seen: whoever asked may have left

    def standing(self) -> tuple[int, int, int]:
        """Jobs that wait, jobs that are being drawn, and what all that are kept weighed at the last round, in bytes."""
        return *self._runner.counts, self._retention.held_bytes

    def place(self, job: JobRecord) -> QueuePlace | None:
        """Where a job stands in the queue."""
        return self._runner.place(job.id)

    def progress(self, job: JobRecord) -> Progress | None:
        """How far a running job is."""
        return self._runner.progress(job.id)

    def preview(self, job: JobRecord) -> bytes:
        """The last preview that was made of a running job; empty where there is none."""
        return self._runner.preview(job.id)

    def expires(self, job: JobRecord) -> float | None:
        """When a job will be forgotten for its age, in Unix seconds; None while it is not to be."""
        return None if job.starred or job.course.ended is None else job.course.ended + self._retention.keep_seconds

    def watch(self, owner: str, job_id: str | None = None, *, looks: bool = False) -> AbstractContextManager[Watcher]:
        """Watch an owner's jobs, or one of them; who `looks` is told previews too."""
        return self._feed.watch(owner, job_id, looks=looks)

    async def settle(self, within_seconds: float | None = None) -> None:
        """Returns when what is being drawn has been drawn and kept, in a service that drains."""
        await self._runner.settle(within_seconds)

    def close(self) -> None:
        """End every watch: the server stops."""
        self._feed.close()

    def _mark(self, key: str | None, digest: bytes) -> IdempotencyMark | None:
        if key is None:
            return None
        return IdempotencyMark(key=key, digest=digest, since=self._retention.clock() - IDEMPOTENCY_SECONDS)

    async def _marked(self, owner: str, mark: IdempotencyMark | None) -> JobRecord | None:
        """The job that was asked for with that mark before. Nothing is reserved for what is there already."""
        found = None if mark is None else await self._store.marked(owner, mark)
        if found is None:
            return None
        job, is_same = found
        if not is_same:
            raise _used_for_another()
        return job

    async def _add(self, job: JobRecord, mark: IdempotencyMark | None) -> tuple[JobRecord, bool]:
        """The job that is in the store now, and whether it is this one: not if its mark was there already."""
        kept = await self._store.add(job, mark)
        if kept is None:
            raise _used_for_another()
        if kept.id == job.id:
            self._feed.publish(JobUpdate(kind="job", job=kept))
        return kept, kept.id == job.id

    def _new(self, request: ImageRequest, caller: Caller, *, seed: int = 0, listed: bool = True) -> JobRecord:
        width, height = request.size
        return JobRecord(
            id=f"job_{secrets.token_hex(12)}",
            origin=Origin(owner=caller.key_id, request_id=caller.request_id, created=self._clock(), listed=listed),
            wanted=Wanted(
                model=request.model.id,
                drawn_by=request.model.drawn_by,
                request=request.fields(),
                seed=seed or request.seed or self._generate.fresh_seed(),
                width=width,
                height=height,
                output_format=request.output_format,
            ),
        )

    async def _picture(self, job: JobRecord) -> Picture:
        if job.course.error is not None:
            if job.course.error.code == "content_policy_violation":
                raise InvalidRequest(job.course.error.message, code=job.course.error.code, param="prompt")
            raise InternalError(job.course.error.message)
        if job.image is None and job.origin.owner in self._revoked:
            raise AuthenticationFailed(_REVOKED)
        if job.image is None:
            raise InternalError("The drawing was cancelled.", retry_helps=False)
        _, image = await self.image(job.origin.owner, job.id)
        return Picture(
            image=image,
            output_format=job.wanted.output_format,
            seed=job.wanted.seed,
            drawn_by=job.wanted.drawn_by,
            fingerprint=job.image.fingerprint,
            cuts=job.image.cuts,
        )


def _one_by_one(request: ImageRequest) -> list[ImageRequest]:
    """A request for each of its pictures."""
    seeds = request.seeds(request.seed) if request.seed else (0,) * request.n
    return [msgspec.structs.replace(request, n=1, seed=seed) for seed in seeds]


def _used_for_another() -> InvalidRequest:
    return InvalidRequest(
        "This Idempotency-Key was used in the last 24 hours for another request. Send a new key with it.",
        code="idempotency_key_reused",
    )


def _there(job: JobRecord | None) -> JobRecord:
    if job is None:
        raise NotFound(_NO_JOB)
    return job
