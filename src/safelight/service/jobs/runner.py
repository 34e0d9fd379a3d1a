"""Drawing durable jobs: a few at a time, each ended exactly once."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import structlog

from safelight.contract.catalogue import Catalogue
from safelight.contract.errors import ApiError, InvalidRequest, SafelightError, Unavailable
from safelight.contract.jobs import JobError, JobRecord, JobUpdate, Progress, QueuePlace, file_name
from safelight.contract.messages import Preview
from safelight.contract.request import ImageRequest, parse_image_request
from safelight.service.drawing.admission import Cost
from safelight.service.drawing.caller import Caller
from safelight.service.drawing.drawing import ColorOf, Drawing, Picture, kept_image
from safelight.service.drawing.generate import Generate
from safelight.service.drawing.readiness import shutting_down
from safelight.service.entrance import Entrance
from safelight.service.jobs.disk_space import DiskSpace
from safelight.service.jobs.feed import JobFeed
from safelight.service.jobs.line import JobLine
from safelight.service.ports.files import FileStore
from safelight.service.ports.jobs import Ending, JobStore

# Who watches is told of a queue that moves this often at most.
_TELL_QUEUE_SECONDS = 0.2
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_PREVIEW_SIDE = 256

log = structlog.get_logger(__name__)


class _Entry:
    """A job that is drawn, and what is to be drawn: None where today's catalogue no longer offers that.

    `reserved` is the room that was kept for it. Once it is `keeping` its picture, the task is not cancelled any more:
    what it must undo it then undoes itself.
    """

    def __init__(
        self, job: JobRecord, request: ImageRequest | None, reserved: Cost | None = None, *, alone: bool = False
    ) -> None:
        self.job = job
        self.alone = alone
        self.request = request
        self.reserved = reserved
        self.progress = Progress(0, None, None)
        self.keeping = False
        self.drawing: Drawing | None = None
        self.preview = b""
        self.looks = contextlib.ExitStack()
        self.is_looked_at = False
        self.task: asyncio.Task[None] | None = None


class JobRunner:
    """Draws what is queued. A job whose drawing is cut short, by whatever, stays as it is in the store: whoever starts
    next draws it again with the same seed. `weight_of` says how much of a device an owner has beside others.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        files: FileStore,
        generate: Generate,
        catalogue: Catalogue,
        feed: JobFeed,
        line: JobLine,
        disks: DiskSpace,
        color_of: ColorOf,
        entrance: Entrance,
        weight_of: Callable[[str], Awaitable[float]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._files = files
        self._generate = generate
        self._catalogue = catalogue
        self._feed = feed
        self._line = line
        self._disks = disks
        self._color_of = color_of
        self._entrance = entrance
        self._weight_of = weight_of
        self._clock = clock
        self._running: dict[str, _Entry] = {}
        self._stopping = False
        self._alone = False
        self._places_told: dict[str, QueuePlace] = {}
        self._telling: asyncio.TimerHandle | None = None
        feed.on_look(self._look_again)
        disks.on_room(self._hand_out)

    @property
    def ids(self) -> list[str]:
        """What it has taken and not done with."""
        return [*self._line.ids, *self._running]

    @property
    def counts(self) -> tuple[int, int]:
        """How many jobs wait, and how many are being drawn."""
        return len(self._line), len(self._running)

    async def resume(self, jobs: Sequence[JobRecord]) -> None:
        """Take up jobs that an earlier process left in the store."""
        weights = {owner: await self._weight(owner) for owner in {job.origin.owner for job in jobs}}
        for job in jobs:
            self.add(job, weight=weights[job.origin.owner])

    def room(self, owner: str, weight: float) -> AbstractContextManager[None]:
        """While this is entered, room is kept in the line for a job that is on its way into the store.

        Raises:
            Unavailable: too many wait.
        """
        return self._line.room(owner, weight, self._generate.work_seconds)

    def add(self, job: JobRecord, *, weight: float = 1.0) -> None:
        """Take a job that is in the store. `weight` is its owner's."""
        if job.id in self._line or job.id in self._running:
            return
        request = self._request_of(job)
        source, seconds = ("", 0.0) if request is None else (request.model.source, self._expected_seconds(request))
        self._line.add(job, source=source, seconds=seconds, weight=weight)
        self._hand_out()

    def draw_at_once(self, job: JobRecord, reserved: Cost) -> None:
        """Draw a job that is in the store, and past the line: somebody waits on an open connection."""
        self._begin(_Entry(job, self._request_of(job), reserved))

    async def draw_alone(self, job: JobRecord) -> None:
        """Draw a job that is in the store while none of the line is drawn; returns when it has ended or was left.

        Who waits on an open connection is drawn for by another worker, or after it: whatever it does to the worker that
        draws it, it does to nobody else's picture.

        Raises:
            Unavailable: the server stops.
        """
        self._alone = True
        try:
            if beside := [running.task for running in self._running.values() if running.task is not None]:
                await asyncio.wait(beside)
            if self._stopping or self._generate.draining:
                raise shutting_down()
            entry = _Entry(job, self._request_of(job), alone=True)
            await asyncio.wait([self._begin(entry)])
        finally:
            self._alone = False
            self._hand_out()

    def drop(self, job_id: str) -> None:
        """That job has been cancelled in the store: draw it no further."""
        self._line.remove(job_id)
        running = self._running.get(job_id)
        if running is not None and running.task is not None and not running.keeping:
            running.task.cancel()
        self._queue_moved()

    def place(self, job_id: str) -> QueuePlace | None:
        """Where a job stands in the queue; None if it does not."""
        left = (self._expected_seconds(r.request) * _left(r.progress) for r in self._running.values() if r.request)
        return self._line.place(job_id, sum(left)) if job_id in self._line else None

    def progress(self, job_id: str) -> Progress | None:
        """How far a job is; None if it is not being drawn."""
        running = self._running.get(job_id)
        return running.progress if running is not None else None

    def preview(self, job_id: str) -> bytes:
        """The last preview that was made of a job which is being drawn; empty where there is none."""
        running = self._running.get(job_id)
        return running.preview if running is not None else b""

    @property
    def owners(self) -> set[str]:
        """Whose jobs wait or are drawn."""
        return {running.job.origin.owner for running in self._running.values()} | set(self._line.owners)

    async def settle(self, within_seconds: float | None = None) -> None:
        """Returns when nothing is being drawn or kept any more. Nothing new is begun while the service drains.

        What cannot be recorded within that time is given up: it is drawn again after the next start.
        """
        try:
            async with asyncio.timeout(within_seconds):
                while self._running:
                    await asyncio.wait([r.task for r in self._running.values() if r.task is not None])
        except TimeoutError:
            left = [r.task for r in self._running.values() if r.task is not None]
            log.error("jobs_not_recorded", jobs=len(left), effect="they are drawn again after the next start")
            for task in left:
                task.cancel()

    @property
    def _may_begin(self) -> bool:
        return not (self._alone or self._stopping or self._generate.draining or self._disks.is_short)

    def _hand_out(self) -> None:
        while self._may_begin and (job := self._line.next()) is not None:
            self._begin(_Entry(job, self._request_of(job)))
        self._queue_moved()

    def _begin(self, entry: _Entry) -> asyncio.Task[None]:
        job_id = entry.job.id
        self._running[job_id] = entry
        entry.task = asyncio.create_task(self._run(entry), name=f"job-{job_id}")
        entry.task.add_done_callback(lambda _: self._done(entry))
        return entry.task

    def _done(self, entry: _Entry) -> None:
        del self._running[entry.job.id]
        self._line.leave(entry.job.id)
        if entry.reserved is not None:
            self._generate.release(entry.reserved)
        self._hand_out()

    async def _run(self, running: _Entry) -> None:
        job = running.job
        if running.request is not None:
            # Until its model is there it is not begun: a server that ends in loading has not ended in drawing this.
            with contextlib.suppress(ApiError):
                await self._generate.readiness.loaded(running.request.model, math.inf)
        started = await self._firmly(lambda: self._store.start(job.id, self._clock()))
        if started is None:
            return
        running.job = started
        self._feed.publish(JobUpdate(kind="job", job=started, progress=running.progress))
        try:
            picture = await self._draw(running)
        except Unavailable as error:  # the server stops: the job stays as it is, and the next start resumes it
            self._stopping = True
            log.info("job_left", job=job.id, code=error.code)
            with contextlib.suppress(SafelightError):
                await self._store.put_back(job.id)
        except ApiError as error:
            await self._end(running, Ending(state="failed", when=self._clock(), error=_told(error)))
        except Exception as error:  # becomes the job's end; the log has the cause
            log.error("job_failed", job=job.id, exc_info=error)
            why = JobError("internal_error", "Something went wrong inside the server; its log says what.")
            await self._end(running, Ending(state="failed", when=self._clock(), error=why))
        else:
            running.keeping = True
            await self._keep(running, picture)

    async def _draw(self, running: _Entry) -> Picture:
        job = running.job
        request = running.request = await self._entrance.read(job.wanted.request, math.inf)
        self._entrance.check(request)  # terms may have been blocked since it was accepted

        def on_progress(step: int, steps: int) -> None:
            left = self._expected_seconds(request) * (1 - step / steps)
            running.progress = Progress(step, steps, round(left, 2))
            self._feed.publish(JobUpdate(kind="progress", job=running.job, progress=running.progress))

        origin = job.origin
        caller = Caller(origin.request_id, origin.owner, await self._weight(origin.owner), running.alone)
        with (
            await self._generate.begin(
                request, caller, accepted_seed=job.wanted.seed, reserved=running.reserved
            ) as drawing,
            drawing.follow(on_progress),
            self._shown(running, drawing),
        ):
            return await drawing.picture()

    @contextlib.contextmanager
    def _shown(self, running: _Entry, drawing: Drawing) -> Iterator[None]:
        """While this is entered, previews are told to those who look; the engine makes none when nobody does."""
        running.drawing = drawing
        self._look(running)
        try:
            yield
        finally:
            running.looks.close()
            running.drawing = None

    def _look_again(self) -> None:
        for running in self._running.values():
            self._look(running)

    def _look(self, running: _Entry) -> None:
        wanted = self._feed.is_looked_at(running.job)
        if running.drawing is None or wanted == running.is_looked_at:
            return
        running.is_looked_at = wanted
        if not wanted:
            running.looks.close()
            return

        def on_preview(preview: Preview) -> None:
            running.preview = preview.image
            self._feed.publish(JobUpdate(kind="preview", job=running.job, preview=preview.image))

        running.looks.enter_context(running.drawing.view(on_preview, _PREVIEW_SIDE))

    async def _keep(self, running: _Entry, picture: Picture) -> None:
        """File first, row second: a row never promises a picture that is not there."""
        job = running.job
        name = file_name(job)
        try:
            await self._put(name, picture.image)
        except OSError as error:
            log.error("picture_not_kept", job=job.id, reason=str(error))
            why = JobError("internal_error", "The picture was drawn and could not be kept; the server's log says why.")
            await self._end(running, Ending(state="failed", when=self._clock(), error=why))
            return
        image = await kept_image(job, picture, self._color_of)
        if not await self._end(running, Ending(state="finished", when=self._clock(), image=image)):
            # It was cancelled in the meantime. Should this fail, the sweep at the next start removes the file.
            with contextlib.suppress(OSError):
                await self._files.delete(name)

    async def _put(self, name: str, image: bytes) -> None:
        """Write a picture's file; where its disk is full, as often as it takes.

        Raises:
            OSError: it could not be written for another reason.
        """
        pauses = _pauses()
        while True:
            try:
                return await self._files.put(name, image)
            except OSError as error:
                if not await self._disks.look():
                    raise
                pause = next(pauses)
                log.error("picture_waits_for_room", file=name, reason=str(error), again_in_seconds=pause)
                await asyncio.sleep(pause)

    async def _end(self, running: _Entry, ending: Ending) -> bool:
        running.keeping = True
        ended = await self._firmly(lambda: self._store.end(running.job.id, ending))
        if ended is not None:
            self._feed.publish(JobUpdate(kind="end", job=ended))
        return ended is not None

    async def _firmly(self, change: Callable[[], Awaitable[JobRecord | None]]) -> JobRecord | None:
        """Make a change to the store, as often as it takes: a full disk must not lose a picture that is drawn."""
        pauses = _pauses()
        while True:
            try:
                return await change()
            except SafelightError as error:
                pause = next(pauses)
                log.error("job_store_failed", reason=str(error), again_in_seconds=pause)
            await asyncio.sleep(pause)

    def _request_of(self, job: JobRecord) -> ImageRequest | None:
        """What to draw, as today's catalogue reads it; None where it no longer offers that."""
        try:
            return parse_image_request(job.wanted.request, self._catalogue)
        except InvalidRequest:
            return None

    def _expected_seconds(self, request: ImageRequest) -> float:
        return self._generate.expected_seconds(request)

    async def _weight(self, owner: str) -> float:
        return 1.0 if self._weight_of is None else await self._weight_of(owner)

    def _queue_moved(self) -> None:
        """Tell those who watch, soon: a queue of a thousand that all end at once moves a thousand times."""
        if self._telling is None and len(self._line) and not self._feed.idle:
            self._telling = asyncio.get_running_loop().call_later(_TELL_QUEUE_SECONDS, self._tell_queue)

    def _tell_queue(self) -> None:
        self._telling, told, self._places_told = None, self._places_told, {}
        for owner in self._feed.owners:
            for job in self._line.of(owner):
                if self._feed.concerns_anybody(job) and (place := self.place(job.id)) is not None:
                    self._places_told[job.id] = place
                    if told.get(job.id) != place:
                        self._feed.publish(JobUpdate(kind="queue", job=job, place=place))


def _pauses() -> Iterator[float]:
    """Seconds to wait before something is tried again: twice as long each time, up to a bound."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)


def _left(progress: Progress) -> float:
    return 1.0 if not progress.steps else 1.0 - progress.step / progress.steps


def _told(error: ApiError) -> JobError:
    return JobError(error.code, error.message)
