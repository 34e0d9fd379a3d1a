"""The pool of local workers: hands orders out, restarts what dies, and draws its orders again elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Sequence
from time import monotonic
from typing import Literal

import structlog
from msgspec import structs

from safelight.adapters.changes import Changes
from safelight.adapters.workers.growth import Growth
from safelight.adapters.workers.launching import WORKER_COMMAND, Launcher
from safelight.adapters.workers.loads import Loads
from safelight.adapters.workers.member import Member
from safelight.adapters.workers.patience import Trouble
from safelight.adapters.workers.process import WorkerProcess
from safelight.adapters.workers.tickets import MAX_ATTEMPTS, Ticket, acquit, blame
from safelight.contract.errors import ProtocolError
from safelight.contract.order import Order
from safelight.protocol.messages import (
    Cancel,
    Cancelled,
    Configure,
    Draw,
    Event,
    Failed,
    Finished,
    Hello,
    JobEvent,
    ModelDescribed,
    ModelFailed,
    ModelLoading,
    ModelReady,
    ModelResting,
    Ping,
    Pong,
    Preview,
    ShareCores,
    Started,
    Stepped,
    Watch,
)
from safelight.scheduling.line import FairLine, Verdict
from safelight.service.ports.engine import NEAREST_FIRST, EngineState, ModelState, WorkerState
from safelight.service.ports.telemetry import ModelLoaded, Telemetry, WorkerRestarted

# Restarts wait 0, 0.5, 1, 2, … up to 30 s, counted from the last worker that was of use.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
# After this many deaths in a row before anything was drawn, callers are told instead of kept waiting.
_HOPELESS_AFTER = 3
_PING_EVERY_SECONDS = 10.0
# Where others compute or orders come all the time it is never known; it is asked less and less, for some three hours.
_TRIES, _FIRST_TRY_PAUSE_SECONDS = 12, 5.0
# A worker schedules only what it has, so it is given more than it draws at once; what it lacks can go to another. Of
# every key that wants something it has one at least, beyond this if need be: so its schedule can be fair to all.
IN_HAND = 4

log = structlog.get_logger(__name__)


class LocalWorkers:
    """Fills the `Engine` port with `count` worker processes on this machine; None: one, and then
    as many as that one says serve best."""

    def __init__(
        self,
        configure: Configure,
        *,
        count: int | None = 1,
        telemetry: Telemetry,
        command: Sequence[str] = WORKER_COMMAND,
        first_pause_seconds: float = _FIRST_PAUSE_SECONDS,
        ping_every_seconds: float = _PING_EVERY_SECONDS,
    ) -> None:
        self._configure = configure
        self._telemetry = telemetry
        self._loads = Loads(configure.models)
        self._launcher = Launcher(configure, command)
        self._first_pause = first_pause_seconds
        self._ping_every = ping_every_seconds
        self._growth = Growth(configure) if count is None else None
        self._members = [Member(number, IN_HAND * configure.max_runs) for number in range(count or 1)]
        self._tickets: dict[str, Ticket] = {}
        self._line: FairLine[Ticket] = FairLine()
        self._suspects: dict[str, Ticket] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._changes = Changes()
        self._restarts = self._submitted = 0
        self._start_failure: str | None = None
        self._stopped = False

    # The Engine port

    async def start(self) -> None:
        """Start every worker; returns before they are ready."""
        self._tasks = [self._start(member) for member in self._members]

    async def stop(self) -> None:
        """End every worker; what is still waiting or being drawn, or comes later, ends as cancelled."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._launcher.close()
        for member in self._members:
            member.bury()
        for ticket in list(self._tickets.values()):
            self._end(ticket, Cancelled(job_id=ticket.order.id))

    def submit(self, order: Order) -> AsyncIterator[JobEvent]:
        """Queue an order; when it is its key's turn, it goes to the least busy worker that has its model."""
        self._submitted += 1
        ticket = self._tickets[order.id] = Ticket(order)
        if self._stopped:
            self._end(ticket, Cancelled(job_id=order.id))
        else:
            self._wait(ticket)
            self._hand_out()
        return ticket.events()

    def cancel(self, job_id: str) -> None:
        """End a waiting order now, a running one at its next step."""
        waiting = self._waiting(job_id)
        if waiting is not None:
            self._end(waiting, Cancelled(job_id=job_id))
            self._hand_out()
            return
        for member in self._members:
            if job_id in member.tickets and member.worker is not None:
                member.tickets[job_id].cancelled = True
                member.worker.send(Cancel(job_id=job_id))

    def watch(self, job_id: str, longest: int) -> None:
        """Have previews of an order told, by whichever worker draws it."""
        if job_id in self._tickets:
            self._tickets[job_id].longest_preview = longest
        for member in self._members:
            if job_id in member.tickets and member.worker is not None:
                member.worker.send(Watch(job_id=job_id, longest=longest))

    def state(self) -> EngineState:
        """How the workers stand."""
        running = sum(ticket.started for member in self._members for ticket in member.tickets.values())
        return EngineState(
            models=tuple(self._model_state(spec.source) for spec in self._configure.models),
            workers=sum(member.worker is not None for member in self._members),
            queued=len(self._tickets) - running,
            running=running,
            restarts=self._restarts,
        )

    def worker_states(self) -> tuple[WorkerState, ...]:
        """How each live worker stands."""
        return tuple(state for member in self._members if (state := member.state()) is not None)

    def changed(self) -> Awaitable[object]:
        """Done when a model's status changes after this call."""
        return self._changes.next()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the live workers."""
        return tuple(member.worker.pid for member in self._members if member.worker is not None)

    # Handing out

    def _wait(self, ticket: Ticket) -> None:
        """Put an order into the line, or end it if its model cannot be had."""
        state = self._model_state(ticket.order.recipe.source)
        if state.status == "failed":
            self._end(ticket, Failed(job_id=ticket.order.id, reason=state.reason or "", retry_helps=False))
        elif ticket.suspect:
            self._suspects[ticket.order.id] = ticket
        else:
            self._line.add(ticket.waiting())

    def _waiting(self, job_id: str) -> Ticket | None:
        return self._suspects.get(job_id) or self._line.get(job_id)

    def _end(self, ticket: Ticket, event: Failed | Cancelled | Finished) -> None:
        """Say how an order ended, unless that was said, and forget it."""
        self._leave_line(ticket)
        self._tickets.pop(ticket.order.id, None)
        ticket.tell(event)

    def _leave_line(self, ticket: Ticket) -> None:
        self._line.remove(ticket.order.id)
        self._suspects.pop(ticket.order.id, None)

    def _hand_out(self) -> None:
        """Give waiting orders to workers with room, as their keys' turns come; orders whose model nobody has yet stay.

        Suspects come first, each alone with a worker. One worker gets nothing else until it is free for the next.
        """
        kept_free: Member | None = None
        for ticket in self._suspects.values():
            if able := [member for member in self._able() if member.can_draw(ticket.order.recipe.source)]:
                kept_free = min(able, key=lambda m: len(m.tickets))
                if not kept_free.tickets:
                    self._leave_line(ticket)
                    self._give(ticket, kept_free)
                break
        members = [member for member in self._able() if member is not kept_free]
        while (waiting := self._line.take(lambda w: _verdict(members, w.item))) is not None:
            able = [member for member in members if member.judge(waiting.item) == "now"]
            self._give(waiting.item, min(able, key=lambda m: len(m.tickets)))
        self._share()

    def _able(self) -> list[Member]:
        """Workers that may draw: not beside the loading of a model in which one may have ended."""
        return [member for member in self._members if not self._loads.is_doubtful(member.models)]

    def _share(self) -> None:
        """Tell each worker, if it does not know, among how many the cores are shared: it may have come just now.

        Before the picture that changes it: a worker begins none with more threads than are its own.
        """
        busy = max(1, sum(bool(member.tickets) for member in self._members))
        for member in self._members:
            if member.worker is not None and member.sharers != busy:
                member.worker.send(ShareCores(busy=busy))
                member.sharers = busy

    def _give(self, ticket: Ticket, member: Member) -> None:
        assert member.worker is not None  # can_draw
        member.take(ticket)
        self._share()
        self._send(ticket, member)

    @staticmethod
    def _send(ticket: Ticket, member: Member) -> None:
        assert member.worker is not None
        member.worker.send(Draw(order=ticket.order))
        if ticket.longest_preview:
            member.worker.send(Watch(job_id=ticket.order.id, longest=ticket.longest_preview))

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
        given_up = self._loads.given_up.get(source)
        reason = failed.reason if failed is not None else given_up or self._start_failure
        if all(spec.source != source for spec in self._configure.models):
            reason = "No worker was told to load that model."
        status: Literal["loading", "failed"] = "loading" if reason is None else "failed"
        expected = min((m.ready_at[source] for m in self._members if source in m.ready_at), default=None)
        # What is overdue will take about as much longer as it is late by now: nobody knows better.
        ready_in = abs(expected - monotonic()) if expected is not None else None
        return ModelState(source=source, status=status, reason=reason, traits=traits, ready_in_seconds=ready_in)

    # Watching over

    def _start(self, member: Member) -> asyncio.Task[None]:
        return asyncio.create_task(self._keep(member), name=f"worker-{member.number}")

    def _grow(self) -> None:
        """As many workers as serve every model well: one measured them all first, alone on the machine."""
        said = self._members[0].models
        if self._growth is None or len(self._members) > 1 or len(said) < len(self._loads.offered):
            return
        growth, self._growth = self._growth, None
        ready = [event for event in said.values() if isinstance(event, ModelReady)]
        wanted = growth.wanted(ready)
        more = [Member(number, IN_HAND * self._configure.max_runs) for number in range(1, wanted)]
        self._members += more
        self._tasks += [self._start(member) for member in more]
        log.info("workers", count=len(self._members))
        if more and growth.is_open(ready, wanted):
            self._tasks.append(asyncio.create_task(self._try_out(growth, ready), name="workers-tried-out"))

    async def _try_out(self, growth: Growth, ready: Sequence[ModelReady]) -> None:
        """Whether those that came bring what one expected that measured alone; if not, they go again."""
        sources, count = [event.source for event in ready], len(self._members)
        while not all(member.can_draw(source) for member in self._members for source in sources):
            await self.changed()
        for tries in range(_TRIES):
            pays = await growth.pays(ready, count, self._draw_at_once)
            if pays is not None:
                break
            await asyncio.sleep(_FIRST_TRY_PAUSE_SECONDS * 2.0**tries)
        if pays is not False or any(member.tickets for member in self._members[1:]):
            return
        for member in self._members[1:]:
            self._tasks[member.number].cancel()
        del self._members[1:]
        log.info("workers", count=len(self._members))
        self._announce()

    async def _draw_at_once(self, orders: Sequence[Order]) -> float | None:
        """Each with another worker. Nobody waits for these: None where somebody else's order was there or came."""
        members = self._members[: len(orders)]
        if self._tickets or not all(m.can_draw(order.recipe.source) for m in members for order in orders):
            return None
        before, tickets = self._submitted, [Ticket(order) for order in orders]
        for ticket, member in zip(tickets, members, strict=True):
            self._tickets[ticket.order.id] = ticket
            member.take(ticket)
        self._share()
        for ticket, member in zip(tickets, members, strict=True):
            self._send(ticket, member)
        took = []
        for ticket in tickets:
            took += [event.timings.active async for event in ticket.events() if isinstance(event, Finished)]
        return max(took) if len(took) == len(orders) and self._submitted == before else None

    async def _keep(self, member: Member) -> None:
        """Keep one place filled, for as long as the pool runs."""
        while True:
            exit_status, last_words, member.stuck = None, "", None
            try:
                configure = structs.replace(self._configure, number=member.number, models=self._loads.offered)
                worker = await WorkerProcess.spawn(configure, self._launcher)
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

    async def _listen(self, member: Member, worker: WorkerProcess) -> None:
        try:
            async for event in worker.events():
                member.last_heard = monotonic()
                self._take(member, event)
        except ProtocolError as error:
            log.error("worker_protocol_error", worker_pid=worker.pid, error=str(error))
            worker.kill()

    async def _watch(self, member: Member, worker: WorkerProcess) -> None:
        """Ask the worker now and then whether it gets on, and end one that does not."""
        number = 0
        while (trouble := member.trouble()) is None:
            await asyncio.sleep(self._ping_every)
            number += 1
            worker.send(Ping(number=number))
        self._give_up(member, worker, trouble)

    def _give_up(self, member: Member, worker: WorkerProcess, trouble: Trouble) -> None:
        log.error("worker_stuck", worker_pid=worker.pid, reason=trouble.reason)
        member.stuck = trouble
        worker.kill()

    def _take(self, member: Member, event: Event) -> None:
        match event:
            case ModelReady() | ModelFailed():
                self._model_reported(member, event)
            case ModelLoading():
                member.ready_at[event.source] = monotonic() + event.seconds
                member.loading = event.source if event.begun else member.loading
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
                ticket = member.release(event.job_id)
                if ticket is not None:
                    if isinstance(event, Finished):
                        member.throughput.add(ticket.order.recipe.source)
                    self._settle(ticket, event)
                self._hand_out()
            case Pong():
                member.device_bytes = event.device_bytes
                trouble = member.trouble(event)
                if trouble is not None and member.worker is not None:
                    self._give_up(member, member.worker, trouble)
            case Hello():
                pass

    def _settle(self, ticket: Ticket, event: Finished | Failed | Cancelled) -> None:
        """A worker is done with an order; its key's account holds what it took instead of what was expected."""
        took = event.timings.active if isinstance(event, Finished) else 0.0
        self._line.correct(ticket.order.share.group, ticket.order.share.weight, took - ticket.order.share.seconds)
        self._end(ticket, event)

    def _model_reported(self, member: Member, event: ModelReady | ModelFailed) -> None:
        member.reported(event)
        self._loads.done(event.source)
        if isinstance(event, ModelReady):
            self._start_failure = None
            if not event.moved:
                self._telemetry.note(ModelLoaded(source=event.source, seconds=event.seconds))
            seconds = round(event.seconds, 3)
            log.info("model_ready", model=event.source, device=event.device, seconds=seconds, moved=event.moved)
        else:
            log.error("model_failed", model=event.source, reason=event.reason)
        self._grow()
        self._announce()

    def _bury(self, member: Member, exit_status: int | None, last_words: str) -> float:
        """A worker died: its orders wait again, as if they had never left. Returns the seconds until the next start."""
        log.error("worker_died", exit_status=exit_status, last_words=last_words, jobs=len(member.tickets))
        self._restarts += 1
        self._telemetry.note(WorkerRestarted())
        orphans = self._blame(member)
        for ticket in orphans:
            self._line.correct(ticket.order.share.group, ticket.order.share.weight, -ticket.order.share.seconds)
            if ticket.cancelled:
                self._end(ticket, Cancelled(job_id=ticket.order.id))
            elif ticket.attempts >= MAX_ATTEMPTS:
                reason = f"The drawing process died {ticket.attempts} times while it drew this picture."
                self._end(ticket, Failed(job_id=ticket.order.id, reason=reason, retry_helps=False))
            else:
                self._wait(ticket)
        if member.failed_starts >= _HOPELESS_AFTER:
            self._start_failure = (
                f"The drawing process ended {member.failed_starts} times in a row before it could draw. "
                "The server's log and `safelight doctor` say why."
            )
        pause = self._pause(member.fruitless_starts)
        member.fruitless_starts += 1
        self._announce()
        return pause

    def _blame(self, member: Member) -> list[Ticket]:
        """Whom its end falls on: what it was drawing, or the model that it was loading. Returns what it had in hand."""
        loading = member.loading
        hung = loading is not None and member.stuck is not None and member.stuck.loading
        orphans = member.bury()
        if hung:
            acquit(orphans)
        else:
            blame(orphans)
        if loading is not None and self._loads.ended(loading, certain=hung or not orphans):
            member.failed_starts = 0  # the next worker is not told to load it
        return orphans

    def _pause(self, fruitless_starts: int) -> float:
        if fruitless_starts == 0:
            return 0.0
        doubled: float = self._first_pause * 2.0 ** min(fruitless_starts - 1, 16)
        return min(_LONGEST_PAUSE_SECONDS, doubled)

    def _announce(self) -> None:
        self._changes.announce()
        failed = {state.source for state in self.state().models if state.status == "failed"}
        for ticket in [*self._suspects.values(), *self._line] if failed else ():
            if ticket.order.recipe.source in failed:
                self._leave_line(ticket)
                self._wait(ticket)
        self._hand_out()


def _verdict(members: Sequence[Member], ticket: Ticket) -> Verdict:
    """Whether any of them takes that order now."""
    verdicts = {member.judge(ticket) for member in members}
    return "now" if "now" in verdicts else "full" if "full" in verdicts else "not yet"
