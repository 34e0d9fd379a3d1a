"""Drawing durable jobs: a few at a time, each ended exactly once."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager

import structlog

from safelight.contract.catalogue import Catalogue
from safelight.contract.errors import InvalidRequest
from safelight.contract.records.jobs import JobRecord, Progress, QueuePlace
from safelight.contract.requests.parsing import parse_image_request
from safelight.contract.requests.request import ImageRequest
from safelight.service.drawing.capacity.admission import Cost
from safelight.service.drawing.capacity.readiness import shutting_down
from safelight.service.drawing.generate import Generate
from safelight.service.jobs.inputs import known_fields
from safelight.service.jobs.running.in_hand import RunningJobs
from safelight.service.jobs.running.job_drawing import JobDrawing, JobInHand
from safelight.service.jobs.running.later import Later
from safelight.service.jobs.running.line import JobLine
from safelight.service.jobs.running.queue_news import QueueNews
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.stores.jobs import Hold

# So often it is looked whether one that waits for its own fingerprint may begin.
_PATIENT_LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class JobRunner:
    """Draws what is queued. A job whose drawing is cut short, by whatever, stays as it is in the store: whoever starts
    next draws it again with the same seed. `weight_of` says how much of a device an owner has beside others, and
    `seconds_elsewhere` how much of a worker's time other processes have in hand.
    """

    def __init__(
        self,
        *,
        drawing: JobDrawing,
        generate: Generate,
        catalogue: Catalogue,
        feed: JobFeed,
        line: JobLine,
        disks: DiskSpace,
        weight_of: Callable[[str], Awaitable[float]],
        seconds_elsewhere: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._seconds_elsewhere = seconds_elsewhere
        self._drawing = drawing
        self._generate = generate
        self._catalogue = catalogue
        self._line = line
        self._disks = disks
        self._weight_of = weight_of
        self.running = RunningJobs()
        self._stopping = False
        self._alone = False
        self._again = Later(_PATIENT_LOOK_SECONDS, self._hand_out)
        self._news = QueueNews(feed, line, self.place)
        feed.on_look(self._look_again)
        disks.on_room(self._hand_out)

    @property
    def ids(self) -> list[str]:
        """What it has taken and not done with."""
        return [*self._line.ids, *self.running.ids]

    @property
    def counts(self) -> tuple[int, int]:
        """How many jobs wait, and how many are being drawn."""
        return len(self._line), len(self.running)

    @property
    def waiting_ids(self) -> list[str]:
        """What waits here to be drawn."""
        return self._line.ids

    async def resume(self, jobs: Sequence[JobRecord]) -> None:
        """Take up jobs that are in the store: an earlier process left them there, or another accepted them."""
        weights = {owner: await self._weight_of(owner) for owner in {job.origin.owner for job in jobs}}
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
        if job.id in self._line or job.id in self.running:
            return
        request = self._request_of(job)
        source, seconds = (
            ("", 0.0) if request is None else (request.model.source, self._generate.expected_seconds(request))
        )
        self._line.add(job, source=source, seconds=seconds, weight=weight)
        self._hand_out()

    def draw_at_once(self, job: JobRecord, reserved: Cost) -> None:
        """Draw a job that is in the store, and past the line: somebody waits on an open connection."""
        self._begin(JobInHand(job, self._request_of(job), reserved))

    async def draw_alone(self, job: JobRecord) -> None:
        """Draw a job that is in the store while none of the line is drawn; returns when it has ended or was left.

        Who waits on an open connection is drawn for by another worker, or after it: whatever it does to the worker that
        draws it, it does to nobody else's picture.

        Raises:
            Unavailable: the server stops.
        """
        self._alone = True
        try:
            if beside := self.running.tasks:
                await asyncio.wait(beside)
            if self._stopping or self._generate.draining:
                raise shutting_down()
            entry = JobInHand(job, self._request_of(job), alone=True)
            await asyncio.wait([self._begin(entry)])
        finally:
            self._alone = False
            self._hand_out()

    def taken(self, job_id: str) -> None:
        """Another process draws that job."""
        self._line.taken(job_id)
        self._news.moved()

    def drop(self, job_id: str) -> None:
        """That job has been cancelled in the store: draw it no further."""
        self._line.remove(job_id)
        running = self.running.get(job_id)
        if running is not None and running.task is not None and not running.keeping:
            running.task.cancel()
        self._news.moved()

    def lose(self, hold: Hold) -> None:
        """That claim does not hold any more: what it was for is drawn no further here."""
        running = self.running.get(hold.job_id)
        if running is not None and Hold.of(running.job) == hold:
            log.warning("job_lost", job=hold.job_id, effect="it has ended, or another process draws it")
            self.drop(hold.job_id)

    def lose_try(self, job_id: str, tries: int) -> None:
        """Another process has taken back what was drawn in that try, wherever that was."""
        for hold in self.running.holds:
            if (hold.job_id, hold.tries) == (job_id, tries):
                self.lose(hold)

    def place(self, job_id: str) -> QueuePlace | None:
        """Where a job stands in the queue; None if it does not."""
        left = (self._generate.expected_seconds(r.request) * _left(r.progress) for r in self.running if r.request)
        ahead = sum(left) + self._seconds_elsewhere()
        return self._line.place(job_id, ahead) if job_id in self._line else None

    @property
    def owners(self) -> set[str]:
        """Whose jobs wait or are drawn."""
        return self.running.owners | set(self._line.owners)

    async def settle(self, within_seconds: float | None = None) -> None:
        """Returns when nothing is being drawn or kept any more. Nothing new is begun while the service drains.

        What cannot be recorded within that time is given up: it is drawn again after the next start.
        """
        await self.running.settle(within_seconds)

    @property
    def _may_begin(self) -> bool:
        return not (self._alone or self._stopping or self._generate.draining or self._disks.is_short)

    def _hand_out(self) -> None:
        while self._may_begin and (job := self._line.next()) is not None:
            self._begin(JobInHand(job, self._request_of(job)))
        self._again.ask(self._line.is_patient)
        self._news.moved()

    def _begin(self, entry: JobInHand) -> asyncio.Task[None]:
        self.running.add(entry)
        entry.task = asyncio.create_task(self._drawn(entry), name=f"job-{entry.job.id}")
        entry.task.add_done_callback(lambda _: self._done(entry))
        return entry.task

    async def _drawn(self, entry: JobInHand) -> None:
        if not await self._drawing.run(entry):
            self._stopping = True

    def _done(self, entry: JobInHand) -> None:
        self.running.remove(entry)
        self._line.leave(entry.job.id)
        if entry.reserved is not None:
            self._generate.release(entry.reserved)
        self._hand_out()

    def _look_again(self) -> None:
        for running in self.running:
            self._drawing.look(running)

    def _request_of(self, job: JobRecord) -> ImageRequest | None:
        """What to draw, as today's catalogue reads it; None where it no longer offers that."""
        try:
            fields, call = known_fields(job)
            return parse_image_request(fields, self._catalogue, call)
        except InvalidRequest:
            return None


def _left(progress: Progress) -> float:
    return 1.0 if not progress.steps else 1.0 - progress.step / progress.steps
