"""The `Engine` port over a cluster: the line says where a job is drawn, and its host tells how it goes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from time import monotonic

import structlog
from msgspec.structs import replace

from safelight.adapters.changes import Changes
from safelight.adapters.ray.cluster import Cluster, HostLost
from safelight.adapters.ray.job import ClusterJob
from safelight.adapters.ray.known_hosts import KnownHosts
from safelight.adapters.ray.line_talk import LineTalk
from safelight.contract.errors import ProtocolError
from safelight.contract.order import Order
from safelight.contract.sentences import EmbedOrder
from safelight.protocol.hosting import (
    SILENCE_SECONDS,
    Beat,
    Drain,
    HandedBack,
    HostEvent,
    HostOrder,
    Leave,
    NotHere,
    Take,
    View,
    read_host_events,
    to_host,
)
from safelight.protocol.messages import Cancelled, Embedded, End, Failed, Finished, JobEvent
from safelight.protocol.placing import Amount, Ended, FromApi, FromLine, Hosts, Joined, LineStanding, Placed
from safelight.protocol.placing import Leave as LeaveLine
from safelight.service.ports.engine import EngineState, WorkerState
from safelight.service.ports.line import Line
from safelight.service.ports.telemetry import FingerprintChanged, Telemetry

# One who was spoken to just now is not given up at once, although nothing was heard of it for long: it may be new.
_LEAST_PATIENCE_SECONDS = 2.5

log = structlog.get_logger(__name__)


class ClusterEngine:
    """Jobs of one api process, drawn at hosts of a cluster.

    `sources` and `encoders` are what hosts are said to have; other orders fail. Every order ends once, whatever dies:
    it is drawn again elsewhere, with the same seed, and given up only after it may have killed three.
    """

    def __init__(
        self,
        cluster: Cluster,
        line: Line,
        telemetry: Telemetry,
        *,
        sources: Sequence[str],
        encoders: Sequence[str] = (),
        load_wait_seconds: float = 120.0,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.name = f"api-{uuid.uuid4().hex[:12]}"
        self._cluster = cluster
        self._telemetry = telemetry
        self._line = line
        self._changes = Changes()
        self._hosts = KnownHosts(sources, encoders)
        self._jobs: dict[str, ClusterJob] = {}
        self._talk = LineTalk(self.name, line, heard=self._heard, everything=self._everything)
        self._load_wait_seconds = load_wait_seconds
        self._silence_seconds = silence_seconds
        self._last_heard: dict[str, float] = {}
        self._running: asyncio.Task[None] | None = None
        self._sent: set[asyncio.Task[None]] = set()
        self._closed = False
        self._retries = 0

    async def look_at_line(self) -> LineStanding:
        """How the line stands.

        Raises:
            Unavailable: it cannot be reached just now.
        """
        return await self._line.standing()

    def tell_bound(self, under_way: Callable[[], Sequence[Amount] | None]) -> None:
        """Have the line told what this process has under way, by owner. None: it is asked about just now."""
        self._talk.under_way = under_way

    async def start(self) -> None:
        """Begin to join the cluster; returns at once."""
        self._running = asyncio.create_task(self._run(), name="cluster")

    async def stop(self) -> None:
        """Be part of the cluster no more; what is still there, or comes later, ends as cancelled. Hosts draw on."""
        self._closed = True
        reading = [job.reading for job in self._jobs.values() if job.reading is not None]
        for job in list(self._jobs.values()):
            if job.host:
                self._tell(job.host, Leave(reader=job.reader, job_id=job.leader))
            self._end(job, Cancelled(job_id=job.id))
        await asyncio.gather(*self._sent, *reading, return_exceptions=True)
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            await self._cluster.leave()

    def submit(self, order: Order) -> AsyncIterator[JobEvent]:
        """Ask the line for a host, and have the order drawn there."""
        return self._enter(order)

    def embed(self, order: EmbedOrder) -> AsyncIterator[JobEvent]:
        """The same for texts."""
        return self._enter(order)

    def cancel(self, job_id: str) -> None:
        """End a waiting order now, a running one at its next step. Who else follows it is told on."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        job.cancelled = True
        if not job.host:
            self._end(job, Cancelled(job_id=job_id))
        elif job.connected:
            self._tell(job.host, Leave(reader=job.reader, job_id=job.leader))

    def watch(self, job_id: str, longest: int) -> None:
        """Have previews of an order told, by whichever host draws it."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.longest_preview = longest
            if job.connected:
                self._tell(job.host, View(reader=job.reader, job_id=job.leader, longest=longest))

    def state(self) -> EngineState:
        """How models stand at all hosts, and what this process has there."""
        running = sum(job.started for job in self._jobs.values())
        return EngineState(
            models=self._hosts.model_states(),
            workers=self._hosts.workers,
            queued=len(self._jobs) - running,
            running=running,
            restarts=self._retries,
        )

    def worker_states(self) -> tuple[WorkerState, ...]:
        """How each worker stood at its host's last report."""
        return self._hosts.worker_states()

    def changed(self) -> Awaitable[object]:
        """Done when a model's status changes after this call."""
        return self._changes.next()

    async def _run(self) -> None:
        await self._cluster.join()
        await self._talk.run()

    def _enter(self, order: Order | EmbedOrder) -> AsyncIterator[JobEvent]:
        job = self._jobs[order.id] = ClusterJob(order, self.name, self._load_wait_seconds)
        if self._closed:
            self._end(job, Cancelled(job_id=order.id))
        elif (reason := self._hosts.hopeless(order.source)) is not None:
            self._end(job, Failed(job_id=order.id, reason=reason, retry_helps=False))
        else:
            self._talk.say(job.ask())
        return job.events()

    def _everything(self) -> list[FromApi]:
        """What a new line is told."""
        return [job.standing() for job in self._jobs.values()]

    def _heard(self, message: FromLine) -> None:
        match message:
            case Placed(job=job_id, host=host):
                self._placed(job_id, host, job_id)
            case Joined(job=job_id, leader=leader, host=host):
                self._placed(job_id, host, leader)
            case Hosts():
                self._take_hosts(message)

    def _placed(self, job_id: str, host: str, leader: str) -> None:
        job = self._jobs.get(job_id)
        if job is None:  # it has ended meanwhile
            self._talk.say(LeaveLine(job=job_id))
        elif (job.host, job.leader) != (host, leader):
            if job.reading is not None:
                job.reading.cancel()
            if job.placed(host, leader, self._hosts.fingerprint(host, job.order.source)):
                self._telemetry.note(FingerprintChanged(source=job.order.source))
            job.reading = asyncio.create_task(self._read(job, host), name=f"read-{job_id}")

    def _take_hosts(self, message: Hosts) -> None:
        """Hosts stand otherwise than before. Whatever one that is gone had in hand is drawn elsewhere."""
        before = self._hosts.model_states()
        self._hosts.take(message)
        for job in [job for job in self._jobs.values() if job.host in message.gone]:
            self._lost(job, job.host, "it is gone", blamed=job.started)
        if self._hosts.model_states() != before:
            self._changes.announce()
            for job in [job for job in self._jobs.values() if not job.host]:
                if (reason := self._hosts.hopeless(job.order.source)) is not None:
                    self._end(job, Failed(job_id=job.id, reason=reason, retry_helps=False))

    async def _read(self, job: ClusterJob, host: str) -> None:
        """A job's events from its host, until it has ended there or is drawn elsewhere."""
        wanted, since = job.wanted(), monotonic()
        try:
            async with aclosing(self._cluster.read(host, to_host(wanted), new=isinstance(wanted, Take))) as stream:
                while True:
                    async with asyncio.timeout_at(self._until(host, since)):
                        piece = await anext(stream, b"")
                    if not piece:
                        raise HostLost("Its stream ended before the job did.")
                    self._last_heard[host] = monotonic()
                    for event in read_host_events(piece):
                        if not self._take(job, host, event):
                            return
        except TimeoutError:
            self._lost(job, host, f"it has been silent for {self._silence_seconds:.0f} s", blamed=job.started)
        except (HostLost, ProtocolError) as error:
            if isinstance(error, HostLost) and error.replaced:
                self._tell(host, Drain())
            self._lost(job, host, str(error), blamed=job.started)

    def _until(self, host: str, since: float) -> float:
        """When a host's silence has been too long, on the loop's clock, which is the monotonic one."""
        heard = self._last_heard.get(host, since)
        return max(heard + self._silence_seconds, since + min(_LEAST_PATIENCE_SECONDS, self._silence_seconds))

    def _take(self, job: ClusterJob, host: str, event: HostEvent) -> bool:
        """A host says something of a job. False: it says no more."""
        if job.ended or job.host != host:
            return False
        match event:
            case Beat():
                self._connected(job)
            case NotHere():
                self._lost(job, host, "it does not take it", blamed=False)
                return False
            case HandedBack(begun=begun):
                job.started = job.started or begun
                self._lost(job, host, "its worker died", blamed=True)
                return False
            case _:
                return self._go_on(job, host, replace(event, job_id=job.id))
        return True

    def _go_on(self, job: ClusterJob, host: str, event: JobEvent) -> bool:
        if isinstance(event, Cancelled) and not job.cancelled:  # by its host, which ends or took it for nobody's
            self._lost(job, host, "it was given up there", blamed=False)
        elif isinstance(event, End):
            self._end(job, event)
        else:
            job.tell(event)
            return True
        return False

    def _connected(self, job: ClusterJob) -> None:
        """Its host has it: what was said before can be told now."""
        if job.connected:
            return
        job.connected = True
        if job.cancelled:
            self._tell(job.host, Leave(reader=job.reader, job_id=job.leader))
        elif job.longest_preview:
            self._tell(job.host, View(reader=job.reader, job_id=job.leader, longest=job.longest_preview))

    def _lost(self, job: ClusterJob, host: str, reason: str, *, blamed: bool) -> None:
        """A host draws a job no more."""
        if job.ended or job.host != host:
            return
        log.warning("host_lost_job", job=job.id, host=host, reason=reason)
        self._retries += blamed
        given_up = job.lost(blamed=blamed)
        if job.cancelled:
            self._end(job, Cancelled(job_id=job.id))
        elif given_up is not None:
            self._end(job, Failed(job_id=job.id, reason=given_up, retry_helps=False))
        else:
            self._talk.say(job.ask())

    def _end(self, job: ClusterJob, event: End) -> None:
        """Say how an order ended, once, and forget it."""
        self._jobs.pop(job.id, None)
        if not job.ended:
            placed = bool(job.host) and not job.follows
            self._talk.say(Ended(job=job.id, seconds=_seconds(event)) if placed else LeaveLine(job=job.id))
            job.tell(event)

    def _tell(self, host: str, order: HostOrder) -> None:
        """Say something to a host; one that is not reached will be found silent."""

        async def tell() -> None:
            try:
                async with asyncio.timeout(self._silence_seconds):
                    await self._cluster.tell_host(host, to_host(order))
            except (HostLost, TimeoutError) as error:
                log.info("host_not_told", host=host, reason=str(error))

        task = asyncio.create_task(tell())
        self._sent.add(task)
        task.add_done_callback(self._sent.discard)


def _seconds(event: End) -> float:
    """For how long a device worked for an order."""
    match event:
        case Finished():
            return event.timings.active
        case Embedded():
            return event.seconds
    return 0.0
