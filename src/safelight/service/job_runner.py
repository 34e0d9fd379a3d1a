"""Drawing durable jobs: in the order in which they were accepted, a few at a time, each ended exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator

import structlog

from safelight.contract.catalogue import Catalogue
from safelight.contract.errors import ApiError, InvalidRequest, SafelightError, Unavailable
from safelight.contract.jobs import (
    JobError,
    JobRecord,
    JobUpdate,
    KeptImage,
    Progress,
    QueuePlace,
    file_name,
)
from safelight.contract.messages import Preview
from safelight.contract.request import ImageRequest, parse_image_request
from safelight.service.drawing import Drawing, Picture
from safelight.service.generate import Asked, Generate
from safelight.service.job_feed import JobFeed
from safelight.service.job_ports import Ending, FileStore, JobStore

# One is drawn and the next already waits in the worker: it never stands idle, and who waits for an answer on an open
# connection is not behind a whole queue of those who do not.
_PLACES_PER_WORKER = 2
_LONGEST_PAUSE_SECONDS = 30.0
_PREVIEW_SIDE = 256

log = structlog.get_logger(__name__)


class _Entry:
    """A job that waits or is drawn, and what is to be drawn: None where today's catalogue no longer offers that.

    Once it is `keeping` its picture, the task is not cancelled any more: what it must undo it then undoes itself.
    """

    def __init__(self, job: JobRecord, request: ImageRequest | None) -> None:
        self.job = job
        self.request = request
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
        workers: int = 1,
        weight_of: Callable[[str], Awaitable[float]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._files = files
        self._generate = generate
        self._catalogue = catalogue
        self._feed = feed
        self._workers = workers
        self._weight_of = weight_of
        self._clock = clock
        self._queue: OrderedDict[str, _Entry] = OrderedDict()
        self._running: dict[str, _Entry] = {}
        self._stopping = False
        feed.on_look(self._look_again)

    @property
    def ids(self) -> list[str]:
        """What it has taken and not done with."""
        return [*self._queue, *self._running]

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return len(self._queue)

    def add(self, job: JobRecord, *, at_once: bool = False) -> None:
        """Take a job that is in the store. `at_once`: somebody waits on an open connection; it passes the queue."""
        if job.id in self._queue or job.id in self._running:
            return
        entry = _Entry(job, self._request_of(job))
        if at_once:
            self._begin(entry)
            return
        self._queue[job.id] = entry
        self._hand_out()

    def drop(self, job_id: str) -> None:
        """That job has been cancelled in the store: draw it no further."""
        self._queue.pop(job_id, None)
        running = self._running.get(job_id)
        if running is not None and running.task is not None and not running.keeping:
            running.task.cancel()
        self._queue_moved()

    def place(self, job_id: str) -> QueuePlace | None:
        """Where a job stands in the queue; None if it does not."""
        return next((place for job, place in self._places() if job.id == job_id), None)

    def places(self) -> dict[str, QueuePlace]:
        """Where every queued job stands, by id."""
        return {job.id: place for job, place in self._places()}

    def progress(self, job_id: str) -> Progress | None:
        """How far a job is; None if it is not being drawn."""
        running = self._running.get(job_id)
        return running.progress if running is not None else None

    def preview(self, job_id: str) -> bytes:
        """The last preview that was made of a job which is being drawn; empty where there is none."""
        running = self._running.get(job_id)
        return running.preview if running is not None else b""

    async def settle(self) -> None:
        """Returns when nothing is being drawn or kept any more. Nothing new is begun while the service drains."""
        while self._running:
            await asyncio.wait([r.task for r in self._running.values() if r.task is not None])

    def _hand_out(self) -> None:
        places = _PLACES_PER_WORKER * self._workers
        while self._queue and len(self._running) < places and not (self._stopping or self._generate.draining):
            _, entry = self._queue.popitem(last=False)
            self._begin(entry)
        self._queue_moved()

    def _begin(self, entry: _Entry) -> None:
        job_id = entry.job.id
        self._running[job_id] = entry
        entry.task = asyncio.create_task(self._run(entry), name=f"job-{job_id}")
        entry.task.add_done_callback(lambda _: self._done(job_id))

    def _done(self, job_id: str) -> None:
        del self._running[job_id]
        self._hand_out()

    async def _run(self, running: _Entry) -> None:
        job = running.job
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
        request = running.request = await self._generate.read(job.request, self._catalogue, math.inf)

        def on_progress(step: int, steps: int) -> None:
            left = self._generate.expected_seconds(request) * (1 - step / steps)
            running.progress = Progress(step, steps, round(left, 2))
            self._feed.publish(JobUpdate(kind="progress", job=running.job, progress=running.progress))

        weight = 1.0 if self._weight_of is None else await self._weight_of(job.owner)
        asked = Asked(job.request_id, job.owner, weight)
        with (
            await self._generate.begin(request, asked, accepted_seed=job.seed) as drawing,
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
            await self._files.put(name, picture.image)
        except OSError as error:
            log.error("picture_not_kept", job=job.id, reason=str(error))
            why = JobError("internal_error", "The picture was drawn and could not be kept; the server's log says why.")
            await self._end(running, Ending(state="failed", when=self._clock(), error=why))
            return
        image = KeptImage(file=name, bytes=len(picture.image), fingerprint=picture.fingerprint)
        if not await self._end(running, Ending(state="finished", when=self._clock(), image=image)):
            # It was cancelled in the meantime. Should this fail, the sweep at the next start removes the file.
            with contextlib.suppress(OSError):
                await self._files.delete(name)

    async def _end(self, running: _Entry, ending: Ending) -> bool:
        running.keeping = True
        ended = await self._firmly(lambda: self._store.end(running.job.id, ending))
        if ended is not None:
            self._feed.publish(JobUpdate(kind="end", job=ended))
        return ended is not None

    async def _firmly(self, change: Callable[[], Awaitable[JobRecord | None]]) -> JobRecord | None:
        """Make a change to the store, as often as it takes: a full disk must not lose a picture that is drawn."""
        pause = 0.5
        while True:
            try:
                return await change()
            except SafelightError as error:
                log.error("job_store_failed", reason=str(error), again_in_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)

    def _request_of(self, job: JobRecord) -> ImageRequest | None:
        """What to draw, as today's catalogue reads it; None where it no longer offers that."""
        try:
            return parse_image_request(job.request, self._catalogue)
        except InvalidRequest:
            return None

    def _expected_seconds(self, entry: _Entry) -> float:
        return self._generate.expected_seconds(entry.request) if entry.request is not None else 0.0

    def _places(self) -> list[tuple[JobRecord, QueuePlace]]:
        ahead = sum(self._expected_seconds(r) * _left(r.progress) for r in self._running.values())
        places = []
        for position, entry in enumerate(self._queue.values(), 1):
            places.append((entry.job, QueuePlace(position, round(ahead / self._workers, 1))))
            ahead += self._expected_seconds(entry)
        return places

    def _queue_moved(self) -> None:
        if self._feed.idle or not self._queue:
            return
        for job, place in self._places():
            self._feed.publish(JobUpdate(kind="queue", job=job, place=place))


def _left(progress: Progress) -> float:
    return 1.0 if not progress.steps else 1.0 - progress.step / progress.steps


def _told(error: ApiError) -> JobError:
    return JobError(error.code, error.message)
