"""The `Engine` port over a cluster: the line says where a job is drawn, and its host tells how it goes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from safelight.adapters.changes import Changes
from safelight.adapters.ray.away import Away
from safelight.adapters.ray.cluster import Cluster
from safelight.adapters.ray.jobs.calls import HostCalls
from safelight.adapters.ray.jobs.job import ClusterJob
from safelight.adapters.ray.jobs.known_hosts import KnownHosts
from safelight.adapters.ray.jobs.under_way import JobsUnderWay
from safelight.adapters.ray.line.talk import LineTalk
from safelight.contract.errors import SafelightError
from safelight.contract.requests.order import Order
from safelight.contract.requests.sentences import EmbedOrder
from safelight.protocol.cluster.hosting import SILENCE_SECONDS
from safelight.protocol.cluster.placing import Amount, FromApi, FromLine, Hosts, Joined, LineStanding, Placed
from safelight.protocol.messages import Cancelled, Failed, JobEvent
from safelight.service.ports.engine import EngineState, WorkerState
from safelight.service.ports.processes.line import Line
from safelight.service.ports.telemetry import Telemetry

_JOIN_AGAIN_SECONDS = 2.0
_CUT_OFF = (
    "This server is cut off from its Ray cluster: the node of Ray on its machine has ended. It goes on as soon as that "
    "runs again (`ray start`)."
)


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
        self._line = line
        self._changes = Changes()
        self._hosts = KnownHosts(sources, encoders)
        self._talk = LineTalk(self.name, line, heard=self._heard, everything=self._everything)
        self._jobs = JobsUnderWay(
            HostCalls(cluster, silence_seconds),
            telemetry,
            say=self._talk.say,
            fingerprint_at=self._hosts.fingerprint,
        )
        self._load_wait_seconds = load_wait_seconds
        self._running: asyncio.Task[None] | None = None
        self._away = Away(load_wait_seconds, self._changes.announce, self._jobs.give_up)
        self._closed = False

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
        self._away.stop()
        await self._jobs.stop()
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
        self._jobs.cancel(job_id)

    def watch(self, job_id: str, longest: int) -> None:
        """Have previews of an order told, by whichever host draws it."""
        self._jobs.watch(job_id, longest)

    def state(self) -> EngineState:
        """How models stand at all hosts, and what this process has there."""
        running = self._jobs.running
        return EngineState(
            models=self._hosts.model_states(),
            workers=self._hosts.workers,
            queued=len(self._jobs) - running,
            running=running,
            restarts=self._jobs.retries,
            away=self._away.reason,
        )

    def worker_states(self) -> tuple[WorkerState, ...]:
        """How each worker stood at its host's last report."""
        return self._hosts.worker_states()

    def changed(self) -> Awaitable[object]:
        """Done when a model's status changes after this call."""
        return self._changes.next()

    async def _run(self) -> None:
        while True:
            await self._join()
            talking = asyncio.create_task(self._talk.run(), name="cluster-talk")
            cut_off = asyncio.create_task(self._cluster.cut_off(), name="cluster-cut-off")
            try:
                await asyncio.wait((talking, cut_off), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (talking, cut_off):
                    task.cancel()
                await asyncio.gather(talking, cut_off, return_exceptions=True)
            if not talking.cancelled():
                talking.result()
            self._be_cut_off()
            await self._cluster.leave()

    async def _join(self) -> None:
        """However long it takes: the cluster may not be there yet, or not any more."""
        while True:
            try:
                await self._cluster.join()
            except SafelightError as error:
                self._away.say(str(error))
                await asyncio.sleep(_JOIN_AGAIN_SECONDS)
            else:
                self._away.say("")
                return

    def _be_cut_off(self) -> None:
        """Nothing of the cluster can be reached. Its hosts draw on what they have, and it is read again once we are
        back: the line says where, or a host anew."""
        self._away.say(_CUT_OFF)
        self._hosts.take(Hosts(whole=True))
        self._jobs.let_go()
        self._changes.announce()

    def _enter(self, order: Order | EmbedOrder) -> AsyncIterator[JobEvent]:
        job = ClusterJob(order, self.name, self._load_wait_seconds)
        self._jobs.add(job)
        if self._closed:
            self._jobs.end(job, Cancelled(job_id=order.id))
        elif not self._given_up(job):
            self._jobs.ask(job)
        return job.events()

    def _given_up(self, job: ClusterJob) -> bool:
        """Whether no host will ever draw a job, which has ended then."""
        reason = self._hosts.hopeless(job.order.source)
        if reason is not None:
            self._jobs.end(job, Failed(job_id=job.id, reason=reason, retry_helps=False))
        return reason is not None

    def _everything(self) -> Sequence[FromApi]:
        """What a new line is told."""
        return self._jobs.standing()

    def _heard(self, message: FromLine) -> None:
        match message:
            case Placed(job=job_id, host=host):
                self._jobs.placed(job_id, host, job_id)
            case Joined(job=job_id, leader=leader, host=host):
                self._jobs.placed(job_id, host, leader)
            case Hosts():
                self._take_hosts(message)

    def _take_hosts(self, message: Hosts) -> None:
        """Hosts stand otherwise than before."""
        before = self._hosts.model_states()
        self._hosts.take(message)
        self._jobs.hosts_gone(message.gone)
        if self._hosts.model_states() != before:
            self._changes.announce()
            for job in self._jobs.waiting:
                self._given_up(job)
