"""Every order of a worker as a run, from its coming to its end, whether its model is here or not."""

# Tested in tests/engine/test_loop.py.

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from itertools import count

from safelight.contract.errors import ModelLoadError
from safelight.contract.requests.order import Order
from safelight.engine.drawing.ends import Ends
from safelight.engine.drawing.trial import is_trial, trial_after, trial_id
from safelight.engine.pipeline.arguments import JobRefused
from safelight.engine.pipeline.stand_ins.standin import StepTaken
from safelight.engine.residency.models import Models
from safelight.engine.residency.slot import ModelSlot
from safelight.engine.runs.failures import Failure, refusal_of
from safelight.engine.runs.run import Run
from safelight.protocol.messages import Cancelled, Failed
from safelight.scheduling.policy import Parked

log = logging.getLogger(__name__)


class Roster:
    """Brings runs and their models together: tells the models which are wanted and which must stay, and the runs when
    theirs is here. Only the engine's thread calls.
    """

    def __init__(
        self,
        models: Models,
        ends: Ends,
        positions: count[int],
        stepped: Callable[[Run, StepTaken], None],
        max_runs: int,
    ) -> None:
        self._models, self._ends, self._positions, self._stepped = models, ends, positions, stepped
        self._max_runs = max_runs
        self._runs: dict[str, Run] = {}

    def __getitem__(self, job_id: str) -> Run:
        return self._runs[job_id]

    @property
    def in_flight(self) -> int:
        """How many have had a turn and have not ended."""
        return sum(run.in_flight for run in self._runs.values())

    def candidates(self) -> list[Parked]:
        """Who may have a turn: everybody who can; those in flight alone when they are as many as there may be, or those
        that pin their model when another needs its room.
        """
        parked = [run.parked() for run in self._runs.values() if run.is_ready]
        if self.in_flight >= self._max_runs:
            return [run for run in parked if run.in_flight]
        if self._models.waits_for_room:
            return [run for run in parked if self._runs[run.run].pins_model] or parked
        return parked

    def accept(self, order: Order) -> None:
        """An order has come."""
        if not self._ends.expect(order.id):
            log.error("%s came twice; the second is ignored", order.named)
            return
        slot = self._models.slot(order.recipe.source)
        if slot is None or slot.error is not None:
            reason = str(slot.error) if slot else "This worker was not told to load that model."
            self._ends.say(Failed(job_id=order.id, reason=reason, retry_helps=False))
            return
        self._enter(order, slot)
        self.want_models()

    def _enter(self, order: Order, slot: ModelSlot) -> None:
        run = Run(order, slot, next(self._positions), self._stepped, time.perf_counter())
        self._runs[order.id] = run
        if slot.model is not None:
            self._prepare(run)

    def _prepare(self, run: Run) -> None:
        """The model that the run waits for is here."""
        try:
            run.prepare()
        except JobRefused as error:
            self.fail(run, refusal_of(error))

    def model_came(self, source: str) -> None:
        """Those that waited for a model can be drawn now, or fail with it. It was brought for them: it stays until they
        are done, whoever else wants its room.
        """
        waited = list(self._of(source))
        for run in waited:
            if run.slot.error is not None:
                self.fail(run, Failure(str(run.slot.error), retry_helps=False, log=""))
            else:
                self.pin_model(run)
        for run in waited:
            if run.slot.error is None and run.order.id in self._runs:  # the end of one may end others
                self._prepare(run)

    def want_models(self) -> None:
        """Have the models brought that runs wait for. Each may send away another, that others wait for then."""
        while any(self._models.want(source) for source in {run.slot.source: None for run in self._runs.values()}):
            pass

    def pin_model(self, run: Run) -> None:
        """The run's model stays until the run has left."""
        if not run.pins_model:
            run.pins_model = True
            self._models.use(run.slot.source)

    def leave(self, run: Run) -> None:
        """A run is over; its model may make room for another."""
        if self._runs.pop(run.order.id, None) is None:
            return
        if run.pins_model:
            run.pins_model = False
            self._models.release(run.slot.source)
        self.want_models()

    def watch(self, job_id: str, longest: int) -> None:
        """Previews of that job are wanted, or no more."""
        if job_id in self._runs:
            self._runs[job_id].longest_preview = longest

    def cancel(self, job_id: str) -> None:
        """Nobody wants that job any more."""
        run = self._runs.get(job_id)
        if run is not None:
            run.cancel()
            self.leave(run)
        self._ends.say(Cancelled(job_id=job_id))

    def cancel_all(self) -> None:
        """The engine stops."""
        for job_id in list(self._runs):
            self.cancel(job_id)

    def drew(self, run: Run) -> None:
        """A picture is there: its model can draw, and no trial has to show it."""
        if run.slot.known.ability == "on trial":
            self.cancel(trial_id(run.slot.source))
        run.slot.known.ability = "drew"

    def fail(self, run: Run, why: Failure) -> None:
        """A run has no picture. If its model never drew any, it is seen whether it can; if it cannot, that is said."""
        self._say_failed(run, why)
        if run.slot.model is not None:
            if is_trial(run.order) and not why.retry_helps and not why.is_flagged:
                self._give_up(run.slot.source, ModelLoadError(f"The model was loaded, but cannot draw. {why.reason}"))
            elif (trial := trial_after(why, run.order, run.slot)) is not None:
                run.slot.known.ability = "on trial"
                self._enter(trial, run.slot)
        self.leave(run)

    def _give_up(self, source: str, error: ModelLoadError) -> None:
        """All runs of that model end before it does: none holds on to its memory then."""
        runs = list(self._of(source))
        for run in runs:
            run.cancel()
            self._say_failed(run, Failure(str(error), retry_helps=False, log=""))
        self._models.fail(source, error)
        for run in runs:
            self.leave(run)

    def _say_failed(self, run: Run, why: Failure) -> None:
        self._ends.say(
            Failed(job_id=run.order.id, reason=why.reason, retry_helps=why.retry_helps, code=why.code, param=why.param)
        )

    def _of(self, source: str) -> Iterator[Run]:
        return (run for run in self._runs.values() if run.slot.source == source)
