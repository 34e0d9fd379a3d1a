"""The heart of the engine: receive, choose, run, emit. One thread computes at a time, and it computes one call."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from queue import Empty, SimpleQueue

from safelight.contract.errors import ModelLoadError
from safelight.contract.messages import (
    Cancel,
    Cancelled,
    Draw,
    Event,
    Failed,
    Finished,
    ModelSpec,
    ShareCores,
    Started,
    Stepped,
    Watch,
)
from safelight.contract.order import Order
from safelight.engine.drawing.delivery import Delivery, Keep
from safelight.engine.drawing.inbox import Inbox, Reader
from safelight.engine.drawing.trial import is_trial, trial_after, trial_id
from safelight.engine.drawing.turn_age import TurnAge
from safelight.engine.pipeline.arguments import JobRefused
from safelight.engine.pipeline.standin import StepTaken
from safelight.engine.residency.host_memory import HostMemory, Move, move
from safelight.engine.residency.load_times import LoadTimes
from safelight.engine.residency.loader import Loader, LoadFunction, LoadOutcome, WarmUp
from safelight.engine.residency.models import Models, ModelSlot
from safelight.engine.runs.embeddings import EmbeddingCache
from safelight.engine.runs.replaying import Replays
from safelight.engine.runs.run import Failure, Run
from safelight.engine.runs.turns import Turns
from safelight.scheduling.policy import FairShare, Parked, Schedule

log = logging.getLogger(__name__)


@dataclass
class _Held:
    """An order whose model is not loaded: what is kept of it until it becomes a run."""

    order: Order
    received: float
    position: int
    longest_preview: int = 0


class Loop:
    """Draws orders with the models that it was told to load. `put` and `stop` may be called from any thread; what is
    put into `inbox` directly comes to the same.

    `emit` is called from the loop's own thread and from those that encode; every order that was put ends with exactly
    one `Finished`, `Failed` or `Cancelled`. At most `max_runs` are in flight; the schedule says which other comes next.
    """

    def __init__(
        self,
        load: LoadFunction,
        emit: Callable[[Event], None],
        *,
        inbox: Inbox | None = None,
        max_runs: int = 8,
        schedule: Schedule | None = None,
        embeddings: EmbeddingCache | None = None,
        warm_up: WarmUp = lambda model, previewer: (),
        keep: Keep = lambda model, points: None,
        merge: bool = False,
        memory_bytes: int | None = None,
        host_memory_bytes: int = 0,
        move: Move = move,
        weigh: Callable[[ModelSpec], int] = lambda spec: 0,
        load_times: LoadTimes | None = None,
        replays: Replays | None = None,
    ) -> None:
        self._emit, self._max_runs = emit, max_runs
        self._schedule = schedule or FairShare()
        self._inbox: Inbox = SimpleQueue() if inbox is None else inbox
        self._reader = Reader(self._inbox)
        loader = Loader(load, warm_up, move, emit, self._inbox.put)
        self._models = Models(loader, emit, memory_bytes, HostMemory(host_memory_bytes), weigh, load_times)
        self._held: dict[str, list[_Held]] = {}
        self._runs: dict[str, Run] = {}
        self._open: set[str] = set()
        self._open_lock = threading.Lock()
        self._positions = count(1)
        self._turns = Turns(
            self._schedule,
            EmbeddingCache() if embeddings is None else embeddings,
            self._positions,
            merge=merge,
            replays=replays,
            begin=self._begin,
            conclude=self._conclude,
        )
        self._delivery = Delivery(emit, self._end, keep)
        self.turn = TurnAge()

    def put(self, command: ModelSpec | Draw | Cancel | Watch | ShareCores) -> None:
        """Load that model, draw that order, or cancel one; returns at once."""
        self._inbox.put(command)

    def stop(self) -> None:
        """End `serve` after the turn that it is in; orders that have not ended are cancelled."""
        self._inbox.put(None)

    def serve(self) -> None:
        """Draw until stopped."""
        while self._receive():
            if self._runs:
                candidates = self._candidates()
                self._turn(self._schedule.choose(candidates), candidates)
        for job_id in [*self._runs, *(held.order.id for orders in self._held.values() for held in orders)]:
            self._cancel(job_id)
        self._models.close()
        self._delivery.close()

    def _receive(self) -> bool:
        """Take in all that has come; wait for something if there is nothing to draw. False: stop."""
        while True:
            try:
                command = self._reader.next(wait=not self._runs)
            except Empty:
                return True
            match command:
                case None:
                    return False
                case ModelSpec():
                    self._models.add(command)
                case LoadOutcome():
                    brought = self._models.take(command)
                    del command  # it holds on to a model that may have to go next
                    if brought is not None:
                        self._let_in(brought, reserved=True)
                    self._models.settle()
                    self._turns.models_moved()
                    self._send_out()
                case Draw():
                    self._accept(command.order)
                case Cancel():
                    self._cancel(command.job_id)
                case ShareCores():
                    self._turns.threads.share(command.busy)
                case Watch():
                    self._watch(command.job_id, command.longest)

    def _candidates(self) -> list[Parked]:
        """Everything here; those in flight alone when they are `max_runs`, or when another model needs their room."""
        parked = [run.parked() for run in self._runs.values()]
        if sum(run.in_flight for run in parked) >= self._max_runs:
            return [run for run in parked if run.in_flight]
        if self._models.waits_for_room:
            return [run for run in parked if self._runs[run.run].pins_model] or parked
        return parked

    def _turn(self, chosen: Parked, candidates: Sequence[Parked]) -> None:
        others = [self._runs[parked.run] for parked in candidates if parked.run != chosen.run]
        room = self._max_runs - sum(parked.in_flight for parked in candidates)
        with self.turn.within(self._runs[chosen.run].longest_turn_seconds):
            self._turns.take(self._runs[chosen.run], others, room)

    def _begin(self, run: Run) -> None:
        self._hold_model(run)
        self._emit(Started(job_id=run.order.id))

    def _conclude(self, run: Run) -> None:
        del self._runs[run.order.id]
        if run.failure is None:
            if run.shelved.on_trial and not run.shelved.drew:  # now it is known
                self._cancel(trial_id(run.order.recipe.source))
            run.shelved.drew = True
            self._delivery.finish(run)
        else:
            log.error("job %s failed: %s", run.order.id, run.failure.log)
            why = run.failure
            self._end(Failed(job_id=run.order.id, reason=why.reason, retry_helps=why.retry_helps, code=why.code))
        self._leave(run)
        if run.failure is not None:
            self._doubt(run.order, run.shelved, run.failure)

    def _doubt(self, order: Order, slot: ModelSlot, failure: Failure) -> None:
        """A picture failed. If its model never drew any, it is seen whether it can; if it cannot, that is said."""
        if is_trial(order) and not failure.retry_helps:
            self._give_up(
                order.recipe.source, ModelLoadError(f"The model was loaded, but cannot draw. {failure.reason}")
            )
        elif (trial := trial_after(failure, order, slot)) is not None:
            slot.on_trial = True
            self._held.setdefault(order.recipe.source, []).append(
                _Held(trial, time.perf_counter(), next(self._positions))
            )
            self._let_in(order.recipe.source)

    def _give_up(self, source: str, error: ModelLoadError) -> None:
        for run in [run for run in self._runs.values() if run.order.recipe.source == source]:
            del self._runs[run.order.id]
            run.cancel()
            self._end(Failed(job_id=run.order.id, reason=str(error), retry_helps=False))
            self._leave(run)
        self._models.fail(source, error)
        self._let_in(source)

    def _accept(self, order: Order) -> None:
        if order.id in self._open:
            log.error("job %s came twice; the second is ignored", order.id)
            return
        with self._open_lock:
            self._open.add(order.id)
        slot = self._models.slot(order.recipe.source)
        if slot is None or slot.error is not None:
            reason = str(slot.error) if slot else "This worker was not told to load that model."
            self._end(Failed(job_id=order.id, reason=reason, retry_helps=False))
            return
        self._held.setdefault(order.recipe.source, []).append(_Held(order, time.perf_counter(), next(self._positions)))
        if slot.model is None:
            self._models.want(order.recipe.source)
            self._send_out()
        else:
            self._let_in(order.recipe.source)

    def _let_in(self, source: str, *, reserved: bool = False) -> None:
        """Those that waited for a model become runs, or fail with it.

        Those it was loaded for are `reserved`: the model stays until they are done, whoever else wants its room.
        """
        slot = self._models.slot(source)
        assert slot is not None  # orders of unknown models are not held
        refused: list[tuple[Order, Failure]] = []
        for held in self._held.pop(source, []):
            if slot.error is not None:
                self._end(Failed(job_id=held.order.id, reason=str(slot.error), retry_helps=False))
                continue
            try:
                run = Run(held.order, slot, held.position, self._stepped, held.received)
            except JobRefused as error:
                self._end(Failed(job_id=held.order.id, reason=str(error), retry_helps=False))
                refused.append((held.order, Failure(str(error), retry_helps=False, log=str(error))))
                continue
            run.longest_preview = held.longest_preview
            if reserved:
                self._hold_model(run)
            self._runs[held.order.id] = run
        for order, failure in refused:
            self._doubt(order, slot, failure)

    def _hold_model(self, run: Run) -> None:
        if not run.pins_model:
            run.pins_model = True
            self._models.use(run.order.recipe.source)

    def _leave(self, run: Run) -> None:
        """A run is over; its model may make room for another."""
        if run.pins_model:
            run.pins_model = False
            self._models.release(run.order.recipe.source)
        self._send_out()

    def _send_out(self) -> None:
        """Those that have not begun wait outside while their model makes room for another, which may send out more."""
        while (out := next((run for run in self._runs.values() if run.shelved.model is None), None)) is not None:
            del self._runs[out.order.id]
            held = _Held(out.order, out.received, out.position, out.longest_preview)
            self._held.setdefault(out.order.recipe.source, []).append(held)
            self._models.want(out.order.recipe.source)

    def _stepped(self, run: Run, taken: StepTaken) -> None:
        """In the run, while the engine waits for it."""
        self._emit(Stepped(job_id=run.order.id, step=taken.step, steps=taken.steps))
        self._delivery.show(run, taken)

    def _watch(self, job_id: str, longest: int) -> None:
        held = (held for orders in self._held.values() for held in orders if held.order.id == job_id)
        waiting = self._runs.get(job_id) or next(held, None)
        if waiting is not None:
            waiting.longest_preview = longest

    def _cancel(self, job_id: str) -> None:
        run = self._runs.pop(job_id, None)
        for source, orders in self._held.items():
            self._held[source] = [held for held in orders if held.order.id != job_id]
        if run is not None:
            run.cancel()
            self._leave(run)
        self._end(Cancelled(job_id=job_id))

    def _end(self, event: Finished | Failed | Cancelled) -> None:
        """Say how an order ended, unless that was said: a cancel may meet the last touches to its file."""
        with self._open_lock:
            if event.job_id not in self._open:
                return
            self._open.remove(event.job_id)
        self._emit(event)
