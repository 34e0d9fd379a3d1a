"""The pool of local workers: hands jobs out, restarts what dies, and draws its jobs again elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import Literal

import structlog

from safelight.adapters.workers.process import WORKER_COMMAND, WorkerProcess
from safelight.adapters.workers.tickets import MAX_ATTEMPTS, Ticket
from safelight.contract.errors import ProtocolError
from safelight.contract.messages import (
    Cancel,
    Cancelled,
    Configure,
    Draw,
    Event,
    Failed,
    Finished,
    Hello,
    Job,
    JobEvent,
    ModelDescribed,
    ModelFailed,
    ModelLoading,
    ModelReady,
    ModelResting,
    Ping,
    Pong,
    Preview,
    Started,
    Stepped,
    Watch,
)
from safelight.contract.traits import Traits
from safelight.service.ports import NEAREST_FIRST, EngineState, ModelState, Telemetry, Where

# Restarts wait 0, 0.5, 1, 2, … up to 30 s, counted from the last worker that was of use.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
# After this many deaths in a row before anything was drawn, callers are told instead of kept waiting.
_HOPELESS_AFTER = 3
# A worker whose reader thread does not answer for this long is stuck in the kernel or stopped.
_PING_EVERY_SECONDS, _PING_PATIENCE_SECONDS = 10.0, 60.0
# A worker schedules only what it has, so it is given more than it draws at once; what it lacks can go to another.
_IN_HAND = 4

log = structlog.get_logger(__name__)


class _Member:
    """A place in the pool: the worker that fills it now, what that one can draw and is drawing.

    `fruitless_starts` counts deaths since a job last ended, `failed_starts` those since it last spoke of a model.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: WorkerProcess | None = None
        self.models: dict[str, ModelReady | ModelFailed] = {}
        self.resting: dict[str, Where] = {}
        self.ready_at: dict[str, float] = {}  # when a model that is loaded is expected, on the monotonic clock
        self.traits: dict[str, Traits] = {}
        self.tickets: dict[str, Ticket] = {}
        self.fruitless_starts = 0
        self.failed_starts = 0
        self.last_heard = 0.0

    def can_draw(self, source: str) -> bool:
        return self.worker is not None and isinstance(self.models.get(source), ModelReady)

    def where(self, source: str) -> Where:
        """Where the weights of a model are that it can draw."""
        return self.resting.get(source, "device") if self.can_draw(source) else "none"


class LocalWorkers:
    """Fills the `Engine` port with `count` worker processes on this machine."""

    def __init__(
        self,
        configure: Configure,
        *,
        count: int = 1,
        telemetry: Telemetry,
        command: Sequence[str] = WORKER_COMMAND,
        first_pause_seconds: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        self._configure = configure
        self._telemetry = telemetry
        self._command = command
        self._first_pause = first_pause_seconds
        self._members = [_Member(number) for number in range(count)]
        self._waiting: deque[Ticket] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._restarts = 0
        self._start_failure: str | None = None

    # The Engine port

    async def start(self) -> None:
        """Start every worker; returns before they are ready."""
        self._tasks = [asyncio.create_task(self._keep(m), name=f"worker-{m.number}") for m in self._members]

    async def stop(self) -> None:
        """End every worker; what is still waiting or being drawn ends as cancelled."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for ticket in self._tickets():
            ticket.tell(Cancelled(job_id=ticket.job.id))
        self._waiting.clear()

    def submit(self, job: Job) -> AsyncIterator[JobEvent]:
        """Queue a job; it goes to the least busy worker that has its model."""
        ticket = Ticket(job)
        self._waiting.append(ticket)
        self._hand_out()
        return ticket.events()

    def cancel(self, job_id: str) -> None:
        """End a waiting job now, a running one at its next step."""
        for ticket in self._tickets():
            if ticket.job.id == job_id:
                ticket.cancelled = True
        for member in self._members:
            if job_id in member.tickets and member.worker is not None:
                member.worker.send(Cancel(job_id=job_id))
        self._hand_out()

    def watch(self, job_id: str, longest: int) -> None:
        """Have previews of a job told, by whichever worker draws it."""
        for ticket in self._tickets():
            if ticket.job.id == job_id:
                ticket.longest_preview = longest
        for member in self._members:
            if job_id in member.tickets and member.worker is not None:
                member.worker.send(Watch(job_id=job_id, longest=longest))

    def state(self) -> EngineState:
        """How the workers stand."""
        tickets = self._tickets()
        return EngineState(
            models=tuple(self._model_state(spec.source) for spec in self._configure.models),
            workers=sum(member.worker is not None for member in self._members),
            queued=sum(not ticket.started for ticket in tickets),
            running=sum(ticket.started for ticket in tickets),
            restarts=self._restarts,
        )

    async def changed(self) -> None:
        """Returns when a model's status next changes."""
        await self._changed.wait()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the live workers."""
        return tuple(member.worker.pid for member in self._members if member.worker is not None)

    # Handing out

    def _tickets(self) -> list[Ticket]:
        return [*self._waiting, *(ticket for member in self._members for ticket in member.tickets.values())]

    def _hand_out(self) -> None:
        """Give waiting jobs to workers with room, oldest first; jobs whose model nobody has yet stay."""
        still_waiting: deque[Ticket] = deque()
        room = _IN_HAND * self._configure.max_runs
        for ticket in self._waiting:
            job = ticket.job
            if ticket.cancelled:
                ticket.tell(Cancelled(job_id=job.id))
                continue
            state = self._model_state(job.source)
            if state.status == "failed":
                ticket.tell(Failed(job_id=job.id, reason=state.reason or "", retry_helps=False))
                continue
            able = [m for m in self._members if m.can_draw(job.source) and len(m.tickets) < room]
            if not able:
                still_waiting.append(ticket)
                continue
            self._give(ticket, min(able, key=lambda m: len(m.tickets)))
        self._waiting = still_waiting

    def _give(self, ticket: Ticket, member: _Member) -> None:
        assert member.worker is not None  # can_draw
        ticket.attempts += 1
        member.tickets[ticket.job.id] = ticket
        member.worker.send(Draw(job=ticket.job))
        if ticket.longest_preview:
            member.worker.send(Watch(job_id=ticket.job.id, longest=ticket.longest_preview))

    def _model_state(self, source: str) -> ModelState:
        said = [m.models[source] for m in self._members if m.worker is not None and source in m.models]
        traits = next((m.traits[source] for m in self._members if source in m.traits), None)
        ready = next((event for event in said if isinstance(event, ModelReady)), None)
        if ready is not None:
            return ModelState(
                source=source,
                status="ready",
                fingerprint=ready.fingerprint,
                device=ready.device,
                steps=ready.steps,
                load_seconds=ready.seconds,
                traits=traits,
                costs=ready.costs,
                bytes=ready.bytes,
                where=min((m.where(source) for m in self._members), key=NEAREST_FIRST.index),
            )
        failed = next((event for event in said if isinstance(event, ModelFailed)), None)
        reason = failed.reason if failed is not None else self._start_failure
        status: Literal["loading", "failed"] = "loading" if reason is None else "failed"
        expected = min((m.ready_at[source] for m in self._members if source in m.ready_at), default=None)
        # What is overdue will take about as much longer as it is late by now: nobody knows better.
        ready_in = abs(expected - monotonic()) if expected is not None else None
        return ModelState(source=source, status=status, reason=reason, traits=traits, ready_in_seconds=ready_in)

    # Watching over

    async def _keep(self, member: _Member) -> None:
        """Keep one place filled, for as long as the pool runs."""
        while True:
            exit_status, last_words = None, ""
            try:
                worker = await WorkerProcess.spawn(self._configure, self._command)
            except OSError as error:
                last_words = f"it could not be started: {error.strerror}"
            else:
                member.worker, member.last_heard = worker, monotonic()
                watch = asyncio.create_task(self._watch(member, worker), name=f"worker-watch-{worker.pid}")
                try:
                    await self._listen(member, worker)
                finally:
                    watch.cancel()
                    member.worker = None
                    exit_status = await worker.close()
                last_words = worker.last_words
            await asyncio.sleep(self._bury(member, exit_status, last_words))

    async def _listen(self, member: _Member, worker: WorkerProcess) -> None:
        try:
            async for event in worker.events():
                member.last_heard = monotonic()
                self._take(member, event)
        except ProtocolError as error:
            log.error("worker_protocol_error", worker_pid=worker.pid, error=str(error))
            worker.kill()

    async def _watch(self, member: _Member, worker: WorkerProcess) -> None:
        number = 0
        while monotonic() - member.last_heard < _PING_PATIENCE_SECONDS:
            await asyncio.sleep(_PING_EVERY_SECONDS)
            number += 1
            worker.send(Ping(number=number))
        log.error("worker_stuck", worker_pid=worker.pid, silent_seconds=_PING_PATIENCE_SECONDS)
        worker.kill()

    def _take(self, member: _Member, event: Event) -> None:
        match event:
            case ModelReady() | ModelFailed():
                self._model_reported(member, event)
            case ModelLoading():
                member.ready_at[event.source] = monotonic() + event.seconds
                self._announce()
            case ModelResting():
                member.resting[event.source] = event.where
            case ModelDescribed():
                member.traits[event.source] = event.traits
                self._announce()
            case Started() | Stepped() | Preview():
                with contextlib.suppress(KeyError):  # it was cancelled and has just ended
                    member.tickets[event.job_id].tell(event)
            case Finished() | Failed() | Cancelled():
                member.fruitless_starts = 0
                ticket = member.tickets.pop(event.job_id, None)
                if ticket is not None:
                    ticket.tell(event)
                self._hand_out()
            case Hello() | Pong():
                pass

    def _model_reported(self, member: _Member, event: ModelReady | ModelFailed) -> None:
        member.models[event.source] = event
        member.resting.pop(event.source, None)
        member.ready_at.pop(event.source, None)
        member.failed_starts = 0
        if isinstance(event, ModelReady):
            self._start_failure = None
            if not event.moved:
                self._telemetry.model_loaded(source=event.source, seconds=event.seconds)
            seconds = round(event.seconds, 3)
            log.info("model_ready", model=event.source, device=event.device, seconds=seconds, moved=event.moved)
        else:
            log.error("model_failed", model=event.source, reason=event.reason)
        self._announce()

    def _bury(self, member: _Member, exit_status: int | None, last_words: str) -> float:
        """A worker died: its jobs wait again, first in line. Returns the seconds until the next start."""
        log.error("worker_died", exit_status=exit_status, last_words=last_words, jobs=len(member.tickets))
        self._restarts += 1
        self._telemetry.worker_restarted()
        if not member.models:
            member.failed_starts += 1
        member.models.clear()
        member.resting.clear()
        member.ready_at.clear()
        orphans, member.tickets = list(member.tickets.values()), {}
        for ticket in reversed(orphans):
            ticket.started = False
            if ticket.attempts >= MAX_ATTEMPTS and not ticket.cancelled:
                reason = f"The drawing process died {ticket.attempts} times while it drew this picture."
                ticket.tell(Failed(job_id=ticket.job.id, reason=reason, retry_helps=False))
            else:
                self._waiting.appendleft(ticket)
        if member.failed_starts >= _HOPELESS_AFTER:
            self._start_failure = (
                f"The drawing process ended {member.failed_starts} times in a row before it could draw. "
                "The server's log and `safelight doctor` say why."
            )
        pause = self._pause(member.fruitless_starts)
        member.fruitless_starts += 1
        self._announce()
        return pause

    def _pause(self, fruitless_starts: int) -> float:
        if fruitless_starts == 0:
            return 0.0
        doubled: float = self._first_pause * 2.0 ** min(fruitless_starts - 1, 16)
        return min(_LONGEST_PAUSE_SECONDS, doubled)

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
        self._hand_out()
