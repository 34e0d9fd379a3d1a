"""A host: an engine of one machine that draws for many api processes. What crosses to it and from it is bytes.

It knows no Ray: `replica.py` makes a Serve deployment of it.
"""

# Tested in tests/adapters/ray/hosts/test_host.py.

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from time import monotonic

import structlog
from msgspec.structs import replace

from safelight.adapters.changes import Changes
from safelight.adapters.ray.hosts.readers import Reader
from safelight.contract.errors import ProtocolError
from safelight.protocol.cluster.hosting import (
    BEAT_SECONDS,
    SILENCE_SECONDS,
    Drain,
    Follow,
    HandedBack,
    HostEvent,
    Leave,
    NotHere,
    Take,
    View,
    read_host_order,
)
from safelight.protocol.messages import Cancelled, Draw, Embed, End, Preview, Started, Stepped
from safelight.service.ports.engine import Engine

# Whoever follows a job that has just ended is told how. A picture has some megabytes, so not for long.
_ENDS_KEPT_SECONDS = 5.0
# Two api processes are told in one moment of a job that one of them brings.
_ARRIVAL_SECONDS = 2.0

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class OpenJob:
    """A job that is drawn here, and who reads it. `unread_since` is on the monotonic clock."""

    work: Draw | Embed
    readers: dict[str, Reader] = field(default_factory=dict)
    begun: Started | None = None
    step: Stepped | None = None
    unread_since: float | None = None
    task: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        return self.work.order.id


class Host:
    """Draws what it is given by its engine. `changed` is called when what it has in hand has changed.

    With `beat_seconds` and `silence_seconds` tests are faster than what is agreed on.
    """

    def __init__(
        self,
        engine: Engine,
        changed: Callable[[], None] = lambda: None,
        *,
        beat_seconds: float = BEAT_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.engine = engine
        self.draining = False
        self._changed = changed
        self._beat_seconds, self._silence_seconds = beat_seconds, silence_seconds
        self._jobs: dict[str, OpenJob] = {}
        self._ends: dict[str, tuple[float, OpenJob, HostEvent]] = {}
        self._arrivals = Changes()

    @property
    def in_hand(self) -> tuple[str, ...]:
        """Jobs that are drawn or wait here."""
        return tuple(self._jobs)

    @property
    def work_seconds(self) -> float:
        """What is in hand, in seconds of one worker's time, as it was estimated."""
        return sum(job.work.order.share.seconds for job in self._jobs.values())

    async def read(self, payload: bytes) -> AsyncGenerator[bytes, None]:
        """Take a job, or follow one: its events in pieces, until it has ended or is nobody's here.

        Raises:
            ProtocolError: that is neither.
        """
        order = read_host_order(payload)
        match order:
            case Take(reader=name, work=work):
                job = self._jobs.get(work.order.id) or self._begin(work)
            case Follow(reader=name, job_id=job_id):
                job = await self._arrived(job_id)
            case _:
                raise ProtocolError("That is no order to draw or to follow.")
        reader = Reader(name, self._beat_seconds)
        if job is None:
            job_id = order.work.order.id if isinstance(order, Take) else order.job_id
            self._tell_end(job_id, reader)
        else:
            _admit(job, reader)
        pieces = reader.pieces()
        try:
            async for piece in pieces:
                yield piece
        finally:
            await pieces.aclose()
            if job is not None and job.readers.get(name) is reader:
                self._left(job, name)

    def tell(self, payload: bytes) -> bytes:
        """Everything else; there is nothing to answer.

        Raises:
            ProtocolError: that is none of it.
        """
        match read_host_order(payload):
            case Leave(reader=name, job_id=job_id):
                self._leave(name, job_id)
            case View(reader=name, job_id=job_id, longest=longest):
                self._view(name, job_id, longest)
            case Drain():
                self.draining = True
                self._changed()
            case _:
                raise ProtocolError("That begins a stream.")
        return b""

    def handed_back(self, job_id: str, begun: bool) -> None:
        """The engine does not draw that job any more, as its worker died."""
        job = self._jobs.get(job_id)
        if job is not None:
            if job.task is not None:
                job.task.cancel()
            self._ended(job, HandedBack(job_id=job_id, begun=begun))

    def sweep(self) -> None:
        """Cancel what nobody has read for too long, and forget ends that nobody asked for."""
        now = monotonic()
        for job in self._jobs.values():
            if job.unread_since is not None and now - job.unread_since >= self._silence_seconds:
                log.warning("job_of_nobody", job=job.id, effect="it is cancelled")
                self.engine.cancel(job.id)
                job.unread_since = None
        self._ends = {name: kept for name, kept in self._ends.items() if now - kept[0] < _ENDS_KEPT_SECONDS}

    async def stop(self) -> None:
        """End the engine; what is still there ends as cancelled."""
        self.draining = True
        tasks = [job.task for job in self._jobs.values() if job.task is not None]
        await self.engine.stop()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _arrived(self, job_id: str) -> OpenJob | None:
        """That job, which another may just be bringing; None if it has ended, or does not come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ARRIVAL_SECONDS):
                while job_id not in self._jobs and job_id not in self._ends:
                    await self._arrivals.next()
        return self._jobs.get(job_id)

    def _begin(self, work: Draw | Embed) -> OpenJob | None:
        """A new job; None where none is taken."""
        if self.draining:
            return None
        job = self._jobs[work.order.id] = OpenJob(work)
        events = self.engine.embed(work.order) if isinstance(work, Embed) else self.engine.submit(work.order)

        async def draw() -> None:
            async for event in events:
                match event:
                    case Started():
                        job.begun = event
                    case Stepped():
                        job.step = event
                if isinstance(event, End):
                    self._ended(job, event)
                else:
                    _tell(job, event)

        job.task = asyncio.create_task(draw(), name=f"host-{job.id}")
        self._arrivals.announce()
        self._changed()
        return job

    def _ended(self, job: OpenJob, event: HostEvent) -> None:
        """It is over, one way or another; it is told once."""
        if self._jobs.get(job.id) is not job:
            return
        del self._jobs[job.id]
        self._ends[job.id] = (monotonic(), job, event)
        for reader in job.readers.values():
            reader.end(event)
        self._changed()

    def _tell_end(self, job_id: str, reader: Reader) -> None:
        """A job is not drawn here any more; who asks for one that ended just now is told all of it."""
        if job_id not in self._ends:
            reader.end(NotHere(job_id=job_id))
            return
        _, job, event = self._ends[job_id]
        _tell_before(job, reader)
        reader.end(event)

    def _leave(self, name: str, job_id: str) -> None:
        job = self._jobs.get(job_id)
        reader = job.readers.get(name) if job is not None else None
        if job is None or reader is None:
            return
        if len(job.readers) == 1:  # it ends as cancelled, and the reader with it
            self.engine.cancel(job_id)
        else:
            reader.end(Cancelled(job_id=job_id))
            self._left(job, name)

    def _left(self, job: OpenJob, name: str) -> None:
        del job.readers[name]
        if not job.readers:
            job.unread_since = monotonic()
        self._look(job)

    def _view(self, name: str, job_id: str, longest: int) -> None:
        job = self._jobs.get(job_id)
        if job is not None and name in job.readers:
            job.readers[name].longest = longest
            self._look(job)

    def _look(self, job: OpenJob) -> None:
        self.engine.watch(job.id, max((reader.longest for reader in job.readers.values()), default=0))


def _admit(job: OpenJob, reader: Reader) -> None:
    """A reader comes, and is told what the others know."""
    job.readers[reader.name] = reader
    job.unread_since = None
    _tell_before(job, reader)


def _tell_before(job: OpenJob, reader: Reader) -> None:
    """What has been told of a job: whoever counts its steps hears of each."""
    if job.begun is not None:
        reader.tell(job.begun)
    if job.step is not None:
        for step in range(1, job.step.step + 1):
            reader.tell(replace(job.step, step=step))


def _tell(job: OpenJob, event: HostEvent) -> None:
    for reader in job.readers.values():
        if not isinstance(event, Preview) or reader.longest:
            reader.tell(event)
