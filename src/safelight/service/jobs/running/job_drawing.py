"""Drawing one durable job and keeping its picture, however long a full disk makes that take."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import structlog

from safelight.contract.errors import ApiError, SafelightError, Unavailable
from safelight.contract.records.jobs import JobError, JobRecord, JobUpdate, Progress, file_name
from safelight.contract.requests.request import ImageRequest
from safelight.protocol.messages import Preview
from safelight.service.access.quotas import Reservation
from safelight.service.drawing.caller import Caller
from safelight.service.drawing.capacity.admission import Cost
from safelight.service.drawing.drawing import ColorOf, Drawing, Picture, kept_image
from safelight.service.drawing.generate import Generate
from safelight.service.entrance import Entrance
from safelight.service.jobs.inputs import JobInputs
from safelight.service.jobs.running.beginnings import beginning_kept
from safelight.service.jobs.running.claims import Claims
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.keeping.firmly import put_firmly
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.stores.files import FileStore
from safelight.service.ports.stores.jobs import Ending, JobStore

_PREVIEW_SIDE = 256

log = structlog.get_logger(__name__)


class JobInHand:
    """A job that is drawn, and what is to be drawn: None where today's catalogue no longer offers that.

    `reserved` is the room that was kept for it. Once it is `keeping` its picture, the task is not cancelled any more:
    what it must undo it then undoes itself. `waits_for_files` is set once the place for files was away for it.
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
        self.waits_for_files = asyncio.Event()
        self.drawing: Drawing | None = None
        self.preview = b""
        self.viewing = contextlib.ExitStack()
        self.wants_previews = False
        self.task: asyncio.Task[None] | None = None


class JobDrawing:
    """Draws jobs that are in the store, each to one end. `weight_of` says how much of a device an owner has.
    `holder` is the name under which this process claims them.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        files: FileStore,
        generate: Generate,
        entrance: Entrance,
        feed: JobFeed,
        disks: DiskSpace,
        inputs: JobInputs,
        color_of: ColorOf,
        weight_of: Callable[[str], Awaitable[float]],
        holder: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._claims = Claims(store, holder, clock)
        self._files = files
        self._generate = generate
        self._entrance = entrance
        self._feed = feed
        self._disks = disks
        self._inputs = inputs
        self._color_of = color_of
        self._weight_of = weight_of
        self._clock = clock

    async def run(self, running: JobInHand) -> bool:
        """Draw a job to its end. False: the server stops, and the job stays in the store as it is."""
        job = running.job
        if running.request is not None:
            # Until its model is there it is not begun: a server that ends in loading has not ended in drawing this.
            with contextlib.suppress(ApiError):
                await self._generate.readiness.loaded(running.request.model, math.inf)
        started = await self._claims.claim(job.id)
        if started is None:  # it has ended meanwhile, or another process draws it
            return True
        running.job = started
        self._feed.publish(JobUpdate(kind="job", job=started, progress=running.progress))
        try:
            picture = await self._draw(running)
        except Unavailable as error:  # the server stops, or reaches nothing that draws: another or the next resumes it
            log.info("job_left", job=job.id, code=error.code)
            with contextlib.suppress(SafelightError):
                await self._claims.put_back(started)
            return not self._generate.draining
        except ApiError as error:
            await self._end(running, Ending(state="failed", when=self._clock(), error=_told(error)))
        except Exception as error:  # becomes the job's end; the log has the cause
            log.error("job_failed", job=job.id, exc_info=error)
            why = JobError("internal_error", "Something went wrong inside the server; its log says what.")
            await self._end(running, Ending(state="failed", when=self._clock(), error=why))
        else:
            running.keeping = True
            await self._keep(running, picture)
        return True

    async def _draw(self, running: JobInHand) -> Picture:
        job = running.job
        fields, call = await self._inputs.fields(job)
        request = running.request = await self._entrance.read(fields, math.inf, call=call)
        self._entrance.check(request)  # terms may have been blocked since it was accepted

        def on_progress(step: int, steps: int) -> None:
            left = self._generate.expected_seconds(request) * (1 - step / steps)
            running.progress = Progress(step, steps, round(left, 2))
            self._feed.publish(JobUpdate(kind="progress", job=running.job, progress=running.progress))

        begin, seed = self._generate.begin, job.wanted.seed
        with (
            await begin(request, await self._caller(running), accepted_seed=seed, reserved=running.reserved) as drawing,
            drawing.follow(on_progress),
            beginning_kept(drawing, job.course.began_with, partial(self._claims.begun, job), job.id),
            self._shown(running, drawing),
        ):
            return await drawing.picture()

    async def _caller(self, running: JobInHand) -> Caller:
        """Who asked for the job, with what was reserved for it then."""
        origin, began_with = running.job.origin, running.job.course.began_with
        weight = await self._weight_of(origin.owner)
        reserved = None if origin.reservation is None else Reservation(origin.reservation, 1, of_job=True)
        return Caller(
            origin.request_id,
            origin.owner,
            weight,
            running.alone,
            reserved,
            trace=origin.trace,
            began_with=began_with,
        )

    @contextlib.contextmanager
    def _shown(self, running: JobInHand, drawing: Drawing) -> Iterator[None]:
        """While this is entered, previews are told to those who look; the engine makes none when nobody does."""
        running.drawing = drawing
        self.look(running)
        try:
            yield
        finally:
            running.viewing.close()
            running.drawing = None

    def look(self, running: JobInHand) -> None:
        """Have previews made while somebody looks."""
        wanted = self._feed.wants_previews(running.job)
        if running.drawing is None or wanted == running.wants_previews:
            return
        running.wants_previews = wanted
        if not wanted:
            running.viewing.close()
            return

        def on_preview(preview: Preview) -> None:
            running.preview = preview.image
            self._feed.publish(JobUpdate(kind="preview", job=running.job, preview=preview.image))

        running.viewing.enter_context(running.drawing.view(on_preview, _PREVIEW_SIDE))

    async def _keep(self, running: JobInHand, picture: Picture) -> None:
        """File first, row second: a row never promises a picture that is not there."""
        job = running.job
        name = file_name(job)
        try:
            await put_firmly(self._files, self._disks, name, picture.image, running.waits_for_files.set)
        except OSError as error:
            log.error("picture_not_kept", job=job.id, reason=str(error))
            why = JobError("internal_error", "The picture was drawn and could not be kept; the server's log says why.")
            await self._end(running, Ending(state="failed", when=self._clock(), error=why))
            return
        image = await kept_image(job, picture, self._color_of)
        if not await self._end(running, Ending(state="finished", when=self._clock(), image=image)):
            # It was cancelled in the meantime, or another draws it: no row names this file, whose name holds the try.
            # Should this fail, the sweep removes it.
            with contextlib.suppress(OSError):
                await self._files.delete(name)

    async def _end(self, running: JobInHand, ending: Ending) -> bool:
        """End a job that is ours still; whether it ended so."""
        running.keeping = True
        ended = await self._claims.end(running.job, ending)
        if ended is not None:
            self._feed.publish(JobUpdate(kind="end", job=ended))
        return ended is not None


def _told(error: ApiError) -> JobError:
    return JobError(error.code, error.message)
