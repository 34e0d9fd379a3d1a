"""Accepting durable jobs: once a job is in the store it will be drawn, whatever happens to the process."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import msgspec

from safelight.contract.errors import InternalError, InvalidRequest
from safelight.contract.records.jobs import Course, JobRecord, JobUpdate, Origin, Wanted, file_name
from safelight.contract.requests.request import ImageRequest
from safelight.service.drawing.caller import Caller
from safelight.service.drawing.capacity.readiness import shutting_down
from safelight.service.drawing.drawing import ColorOf, Picture, kept_image
from safelight.service.drawing.generate import Generate
from safelight.service.jobs.inputs import JobInputs
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.keeping.files_away import told_to_ask_again
from safelight.service.keeping.retention import IDEMPOTENCY_SECONDS
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.stores.files import FileStore
from safelight.service.ports.stores.jobs import IdempotencyMark, JobStore


class Acceptance:
    """Puts jobs into the store, and pictures that were drawn for callers who waited.

    `new_id` names jobs. `clock` gives Unix seconds; `steady` those that do not jump, by which a day of an
    `Idempotency-Key` is counted. `holder` is this process.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        files: FileStore,
        generate: Generate,
        feed: JobFeed,
        runner: JobRunner,
        disks: DiskSpace,
        inputs: JobInputs,
        color_of: ColorOf,
        new_id: Callable[[], Awaitable[str]],
        steady: Callable[[], float],
        holder: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._files = files
        self._generate = generate
        self._feed = feed
        self._runner = runner
        self._disks = disks
        self._inputs = inputs
        self._color_of = color_of
        self._new_id = new_id
        self._steady = steady
        self._holder = holder
        self._clock = clock

    async def accept(self, request: ImageRequest, caller: Caller, key: str | None = None) -> JobRecord:
        """Accept a job: once this returns it will be drawn, whatever happens to the process.

        What was accepted under the same `Idempotency-Key` is given however much waits and however full a disk is.

        Raises:
            Unavailable: too many are waiting, or the server shuts down.
            InvalidRequest: `idempotency_key_reused`, or it would take longer than any request may.
        """
        mark = self.mark(key, request.digest())
        earlier = await self.marked(caller.key_id, mark)
        if earlier is not None:
            return earlier
        if self._generate.draining:
            raise shutting_down()
        self._generate.check_size(request)
        await self._disks.check()
        with self._runner.room(caller.key_id, caller.weight):
            job, is_new = await self.add(await self.new(request, caller), mark, request)
            if is_new:
                if caller.reservation is not None:
                    caller.reservation.put_into_job()
                self._runner.add(job, weight=caller.weight)
        return job

    async def check_room(self) -> None:
        """Before a picture is drawn that is then to be kept.

        Raises:
            Unavailable: a disk is nearly full.
        """
        await self._disks.check()

    async def keep(self, request: ImageRequest, caller: Caller, picture: Picture, *, listed: bool) -> Picture:
        """Keep a picture that was drawn for a caller who waited; the picture, with its job's id.

        Raises:
            InternalError: it could not be written.
            Unavailable: the place for files is away.
        """
        one = request.one(picture.seed) if request.n > 1 else request
        job = await self.new(one, caller, seed=picture.seed, listed=listed)
        await self._inputs.put(job, request)
        try:
            with told_to_ask_again("This server gives no picture that it could not keep: ask again in a moment."):
                await self._files.put(file_name(job), picture.image)
        except OSError as error:
            raise InternalError("The picture was drawn and could not be kept; the server's log says why.") from error
        image = await kept_image(job, picture, self._color_of)
        course = Course(state="finished", started=job.origin.created, ended=self._clock())
        ended = msgspec.structs.replace(job, course=course, image=image)
        kept = await self._store.add(ended)
        if kept is not None:
            self._feed.publish(JobUpdate(kind="end", job=kept))
        return msgspec.structs.replace(picture, job_id=job.id)

    async def is_promised(self, owner: str, key: str, request: ImageRequest) -> bool:
        """Whether that was asked for with the same `Idempotency-Key` before: then it is only given again.

        Raises:
            InvalidRequest: `idempotency_key_reused`.
        """
        return await self.marked(owner, self.mark(key, request.digest())) is not None

    def mark(self, key: str | None, digest: bytes) -> IdempotencyMark | None:
        """What a request with an `Idempotency-Key` leaves in the store."""
        if key is None:
            return None
        return IdempotencyMark(key=key, digest=digest, since=self._steady() - IDEMPOTENCY_SECONDS)

    async def marked(self, owner: str, mark: IdempotencyMark | None) -> JobRecord | None:
        """The job that was asked for with that mark before. Nothing is reserved for what is there already."""
        found = None if mark is None else await self._store.marked(owner, mark)
        if found is None:
            return None
        job, is_same = found
        if not is_same:
            raise _used_for_another()
        return job

    async def add(self, job: JobRecord, mark: IdempotencyMark | None, request: ImageRequest) -> tuple[JobRecord, bool]:
        """The job that is in the store now, and whether it is this one, which the request asks for: not if its mark was
        there already. The pictures that it draws from are there before it is.

        Raises:
            InvalidRequest: `idempotency_key_reused`.
            InternalError: its pictures could not be kept.
        """
        kept = None
        await self._inputs.put(job, request)
        try:
            kept = await self._store.add(job, mark)
        finally:
            if kept is None or kept.id != job.id:
                await self._inputs.remove(job)
        if kept is None:
            raise _used_for_another()
        if kept.id == job.id:
            self._feed.publish(JobUpdate(kind="job", job=kept))
        return kept, kept.id == job.id

    async def new(
        self, request: ImageRequest, caller: Caller, *, seed: int = 0, listed: bool = True, reserved: bool = False
    ) -> JobRecord:
        """A job for the one picture of a request; it is not in the store yet. One that is `reserved` is drawn by this
        process at once, and by no other while this one lives."""
        width, height = request.size
        return JobRecord(
            id=await self._new_id(),
            origin=Origin(
                owner=caller.key_id,
                request_id=caller.request_id,
                created=self._clock(),
                listed=listed,
                reservation=None if caller.reservation is None else caller.reservation.id,
                traceparent=caller.trace.traceparent or None,
                tracestate=caller.trace.tracestate or None,
            ),
            wanted=Wanted(
                model=request.model.id,
                drawn_by=request.model.drawn_by,
                request=request.fields(),
                seed=seed or request.seed or self._generate.fresh_seed(),
                width=width,
                height=height,
                output_format=request.output_format,
                revised_prompt=request.revised_prompt or None,
            ),
            course=Course(holder=self._holder if reserved else None),
        )


def _used_for_another() -> InvalidRequest:
    return InvalidRequest(
        "This Idempotency-Key was used in the last 24 hours for another request. Send a new key with it.",
        code="idempotency_key_reused",
    )
