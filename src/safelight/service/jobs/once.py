"""Drawing once for a caller who waits and may ask again with the same `Idempotency-Key`."""

# Tested in tests/hostile/test_bounds_at_once.py.

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import get_args

from safelight.contract.errors import ApiError, AuthenticationFailed, FilesUnavailable, InternalError, InvalidRequest
from safelight.contract.records.jobs import JobError, JobRecord
from safelight.contract.requests.request import ImageRequest
from safelight.protocol.messages import RefusalCode
from safelight.service.drawing.caller import Caller
from safelight.service.drawing.capacity.readiness import shutting_down
from safelight.service.drawing.drawing import Picture
from safelight.service.drawing.generate import Generate
from safelight.service.jobs.accept import Acceptance
from safelight.service.jobs.library import Library
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.stores.jobs import IdempotencyMark

# A row keeps the code of an error and not its parameter. With these codes it can be but one.
_PARAMS = {"content_policy_violation": "prompt", "unsupported_operation": "model"}
REVOKED = "This key was revoked while the request was under way."
_IS_DRAWN = (
    "The place where the server keeps pictures does not answer now. The picture is drawn, and kept as soon as it does: "
    "ask again with the same Idempotency-Key."
)


class DrawnOnce:
    """A job that is not listed for each picture, past the line of jobs. `revoked` are owners whose keys were ended."""

    def __init__(
        self,
        *,
        acceptance: Acceptance,
        library: Library,
        generate: Generate,
        runner: JobRunner,
        feed: JobFeed,
        disks: DiskSpace,
    ) -> None:
        self._acceptance = acceptance
        self._library = library
        self._generate = generate
        self._runner = runner
        self._feed = feed
        self._disks = disks
        self.revoked: set[str] = set()

    async def draw(
        self, request: ImageRequest, caller: Caller, key: str, *, listed: bool
    ) -> tuple[tuple[Picture, ...], float]:
        """Draw for a caller who waits and may ask again with the same key: the pictures and when they were finished.

        It goes on when the caller leaves, since the answer is promised to whoever asks again: however much waits by
        then, and however full a disk is.

        Raises:
            Unavailable: too much is waiting, the server shuts down, or the model took too long to load.
            InvalidRequest: `idempotency_key_reused`.
            FilesUnavailable: they are drawn, and cannot be kept now.
            InternalError: one of them could not be drawn.
        """
        digest = request.digest()
        # A caller's key holds no space: no other caller's key is the name of a second picture.
        marks = [self._acceptance.mark(f"{key} {index}" if index else key, digest) for index in range(request.n)]
        earlier = [await self._acceptance.marked(caller.key_id, mark) for mark in marks]
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
        reserved = await self._generate.reserve(request, caller)
        accepted = []
        try:
            for one, mark in zip(_one_by_one(request), marks, strict=True):
                new = await self._acceptance.new(one, caller, listed=listed, reserved=True)
                job, is_new = await self._acceptance.add(new, mark, one)
                if is_new:
                    if caller.reservation is not None:
                        caller.reservation.put_into_job()
                    self._runner.draw_at_once(job, reserved.pop())
                accepted.append(job)
        finally:
            for cost in reserved:  # of those that are drawn already
                self._generate.release(cost)
        return accepted

    async def _all_ended(self, request: ImageRequest, jobs: Sequence[JobRecord]) -> list[JobRecord]:
        """These jobs once they have ended, or the error that their model loads for too long, or that their pictures
        cannot be kept now: they wait on for either."""
        if all(job.has_ended for job in jobs):
            return list(jobs)
        ended = asyncio.ensure_future(self._one_after_another(jobs))
        loaded = asyncio.ensure_future(self._generate.readiness.loaded(request.model))
        unkept = asyncio.ensure_future(self._runner.running.cannot_keep([job.id for job in jobs]))
        try:
            await asyncio.wait((ended, loaded, unkept), return_when=asyncio.FIRST_COMPLETED)
            if loaded.done() and not ended.done():
                loaded.result()
                await asyncio.wait((ended, unkept), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                raise FilesUnavailable(_IS_DRAWN)
            return ended.result()
        finally:
            for task in (ended, loaded, unkept):
                task.cancel()
            await asyncio.gather(ended, loaded, unkept, return_exceptions=True)

    async def _one_after_another(self, jobs: Sequence[JobRecord]) -> list[JobRecord]:
        return [await self._ended(job) for job in jobs]

    async def _ended(self, job: JobRecord) -> JobRecord:
        with self._feed.watch(job.origin.owner, job.id) as watcher:
            job = await self._library.get(job.origin.owner, job.id)
            while not job.has_ended:
                update = await watcher.next()
                if update is None:
                    raise AuthenticationFailed(REVOKED) if job.origin.owner in self.revoked else shutting_down()
                job = update.job if update.kind == "end" else job
        return job

    async def _picture(self, job: JobRecord) -> Picture:
        if job.course.error is not None:
            raise _as_answer(job.course.error)
        if job.image is None and job.origin.owner in self.revoked:
            raise AuthenticationFailed(REVOKED)
        if job.image is None:
            raise InternalError("The drawing was cancelled.", retry_helps=False)
        _, image = await self._library.pictures.image(job.origin.owner, job.id)
        return Picture(
            image=image,
            output_format=job.wanted.output_format,
            seed=job.wanted.seed,
            drawn_by=job.wanted.drawn_by,
            fingerprint=job.image.fingerprint,
            cuts=job.image.cuts,
            job_id=job.id,
            revised_prompt=job.wanted.revised_prompt or "",
        )


def _one_by_one(request: ImageRequest) -> list[ImageRequest]:
    """A request for each of its pictures."""
    seeds = request.seeds(request.seed) if request.seed else (0,) * request.n
    return [request.one(seed) for seed in seeds]


def _as_answer(error: JobError) -> ApiError:
    """What the call that draws a picture says, as far as the row of its job still knows it."""
    if error.code in get_args(RefusalCode):
        return InvalidRequest(error.message, code=error.code, param=_PARAMS.get(error.code))
    return InternalError(error.message)
