"""Jobs on their way: from the line to a host, should that be lost on to another, and to one end each."""

# Tested in tests/adapters/ray/test_engine.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing

import structlog
from msgspec.structs import replace

from safelight.adapters.ray.cluster import HostLost
from safelight.adapters.ray.jobs.calls import HostCalls
from safelight.adapters.ray.jobs.job import ClusterJob
from safelight.protocol.cluster.hosting import Beat, HandedBack, HostEvent, Leave, NotHere, View
from safelight.protocol.cluster.placing import Ended, FromApi
from safelight.protocol.cluster.placing import Leave as LeaveLine
from safelight.protocol.messages import Cancelled, Embedded, End, Failed, Finished, JobEvent, Started
from safelight.service.ports.telemetry import FingerprintChanged, Telemetry

log = structlog.get_logger(__name__)


class JobsUnderWay:
    """Jobs of one api process. `say` tells the line, and `fingerprint_at` says which one a model has at a host, as far
    as that is known. `retries` counts the deaths after which a job was drawn again."""

    def __init__(
        self,
        calls: HostCalls,
        telemetry: Telemetry,
        *,
        say: Callable[[FromApi], None],
        fingerprint_at: Callable[[str, str], str | None],
    ) -> None:
        self.retries = 0
        self._calls = calls
        self._telemetry = telemetry
        self._say = say
        self._fingerprint_at = fingerprint_at
        self._jobs: dict[str, ClusterJob] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def running(self) -> int:
        """How many have had their first turn."""
        return sum(job.started for job in self._jobs.values())

    @property
    def waiting(self) -> Sequence[ClusterJob]:
        """Those that have no host."""
        return [job for job in self._jobs.values() if not job.host]

    def standing(self) -> list[FromApi]:
        """What a line that knows nothing is told of them."""
        return [job.standing() for job in self._jobs.values()]

    def add(self, job: ClusterJob) -> None:
        """A job comes. Nobody is told of it yet."""
        self._jobs[job.id] = job

    def ask(self, job: ClusterJob) -> None:
        """Have the line give a job a host."""
        self._say(job.ask())

    def placed(self, job_id: str, host: str, leader: str) -> None:
        """The line says where a job is drawn, and whom it follows there."""
        job = self._jobs.get(job_id)
        if job is None:  # it has ended meanwhile
            self._say(LeaveLine(job=job_id))
        elif (job.host, job.leader) != (host, leader):
            if job.reading is not None:
                job.reading.cancel()
            if job.placed(host, leader, self._fingerprint_at(host, job.order.source)):
                self._telemetry.note(FingerprintChanged(source=job.order.source))
            job.reading = asyncio.create_task(self._read(job, host), name=f"read-{job_id}")

    def hosts_gone(self, hosts: Collection[str]) -> None:
        """Whatever they had in hand is drawn elsewhere."""
        for job in [job for job in self._jobs.values() if job.host in hosts]:
            self._lost(job, job.host, "it is gone", blamed=job.started, silent=True)

    def let_go(self) -> None:
        """No host can be reached. What they draw is theirs to go on with, and is asked for once there is a line."""
        for job in [job for job in self._jobs.values() if job.host]:
            if job.reading is not None:
                job.reading.cancel()
            job.let_go()
            if job.cancelled:
                self.end(job, Cancelled(job_id=job.id))

    def give_up(self, reason: str) -> None:
        """No host has been reached for long: whoever waits had better ask elsewhere."""
        for job in self._jobs.values():
            job.give_up(reason)
        self._jobs.clear()

    def cancel(self, job_id: str) -> None:
        """End a job that waits now, a running one at its next step. Who else follows it is told on."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        job.cancelled = True
        if not job.host:
            self.end(job, Cancelled(job_id=job_id))
        elif job.connected:
            self._calls.tell(job.host, Leave(reader=job.reader, job_id=job.leader))

    def watch(self, job_id: str, longest: int) -> None:
        """Have previews of a job told, by whichever host draws it."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.longest_preview = longest
            if job.connected:
                self._calls.tell(job.host, View(reader=job.reader, job_id=job.leader, longest=longest))

    def end(self, job: ClusterJob, event: End) -> None:
        """Say how a job ended, once, and forget it."""
        self._jobs.pop(job.id, None)
        if not job.ended:
            placed = bool(job.host) and not job.follows
            self._say(Ended(job=job.id, seconds=_seconds(event)) if placed else LeaveLine(job=job.id))
            job.tell(event)

    async def stop(self) -> None:
        """End all as cancelled. Hosts are told that nobody here wants them any more."""
        reading = [job.reading for job in self._jobs.values() if job.reading is not None]
        for job in list(self._jobs.values()):
            if job.host:
                self._calls.tell(job.host, Leave(reader=job.reader, job_id=job.leader))
            self.end(job, Cancelled(job_id=job.id))
        await self._calls.settle()
        await asyncio.gather(*reading, return_exceptions=True)

    async def _read(self, job: ClusterJob, host: str) -> None:
        """A job's events from its host, until it has ended there or is drawn elsewhere."""
        try:
            async with aclosing(self._calls.events(host, job.wanted())) as events:
                async for event in events:
                    if not self._take(job, host, event):
                        return
        except HostLost as error:
            self._lost(job, host, str(error), blamed=job.started, silent=error.silent, foreign=error.foreign)

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
            self.end(job, event)
        else:
            if isinstance(event, Started):
                job.fingerprint = event.fingerprint or job.fingerprint
            job.tell(event)
            return True
        return False

    def _connected(self, job: ClusterJob) -> None:
        """Its host has it: what was said before can be told now."""
        if job.connected:
            return
        job.connected = True
        if job.cancelled:
            self._calls.tell(job.host, Leave(reader=job.reader, job_id=job.leader))
        elif job.longest_preview:
            self._calls.tell(job.host, View(reader=job.reader, job_id=job.leader, longest=job.longest_preview))

    def _lost(
        self, job: ClusterJob, host: str, reason: str, *, blamed: bool, silent: bool = False, foreign: bool = False
    ) -> None:
        """A host draws a job no more."""
        if job.ended or job.host != host:
            return
        log.warning("host_lost_job", job=job.id, host=host, reason=reason)
        self.retries += blamed
        given_up = job.lost(blamed=blamed, silent=silent, foreign=foreign)
        if job.cancelled:
            self.end(job, Cancelled(job_id=job.id))
        elif given_up is not None:
            self.end(job, Failed(job_id=job.id, reason=given_up, retry_helps=False))
        else:
            self.ask(job)


def _seconds(event: End) -> float:
    """For how long a device worked for a job."""
    match event:
        case Finished():
            return event.timings.active
        case Embedded():
            return event.seconds
    return 0.0
