"""The heart of the engine: receive, choose, run, emit. One thread computes at a time, and it computes one call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import count
from queue import Empty, SimpleQueue

from safelight.engine.drawing.delivery import Delivery, Keep
from safelight.engine.drawing.encodings import Encodings
from safelight.engine.drawing.ends import Ends
from safelight.engine.drawing.inbox import Command, Inbox, Reader
from safelight.engine.drawing.roster import Roster
from safelight.engine.machine.stage_ages import StageAges
from safelight.engine.pipeline.stand_ins.standin import StepTaken
from safelight.engine.residency.loader import LoadOutcome
from safelight.engine.residency.residency import Residency
from safelight.engine.runs.run import Run
from safelight.engine.runs.turns import Computing, Turns
from safelight.protocol.messages import (
    Cancel,
    Draw,
    Embed,
    EncoderSpec,
    Event,
    ModelSpec,
    ShareCores,
    Started,
    Stepped,
    Watch,
)
from safelight.scheduling.policy import FairShare, Parked, Schedule

log = logging.getLogger(__name__)

# While all that there is to draw is decoded beside: a picture is late by that at most, and looking costs nothing then.
_LOOK_SECONDS = 0.001


class Loop:
    """Draws orders with the models that it was told to load. `put` and `stop` may be called from any thread; what is
    put into `inbox` directly comes to the same.

    `emit` is called from the loop's own thread and from those that encode; every order that was put ends with exactly
    one `Finished`, `Embedded`, `Failed` or `Cancelled`. At most `max_runs` pictures are in flight; the schedule says
    which other comes next.
    """

    def __init__(
        self,
        residency: Residency,
        emit: Callable[[Event], None],
        *,
        inbox: Inbox | None = None,
        max_runs: int = 8,
        schedule: Schedule | None = None,
        computing: Computing | None = None,
        keep: Keep = lambda model, points: None,
        ages: StageAges | None = None,
    ) -> None:
        self._ages = StageAges() if ages is None else ages
        self._emit, self._max_runs = emit, max_runs
        self._schedule = schedule or FairShare()
        self._inbox: Inbox = SimpleQueue() if inbox is None else inbox
        self._reader = Reader(self._inbox)
        self._models = residency.models(emit, self._inbox.put, self._ages)
        positions = count(1)
        ends = Ends(emit)
        self._roster = Roster(self._models, ends, positions, self._stepped, max_runs)
        self._turns = Turns(
            self._schedule, computing or Computing(), positions, begin=self._begin, conclude=self._conclude
        )
        self._encodings = Encodings(emit, ends, positions, self._schedule, self._ages)
        self._delivery = Delivery(emit, ends.say, keep, self._ages)

    def put(self, command: ModelSpec | EncoderSpec | Draw | Embed | Cancel | Watch | ShareCores) -> None:
        """Load that model, draw that order, or cancel one; returns at once."""
        self._inbox.put(command)

    def stop(self) -> None:
        """End `serve` after the turn that it is in; orders that have not ended are cancelled."""
        self._inbox.put(None)

    def serve(self) -> None:
        """Draw until stopped."""
        while self._receive():
            if self._turns.decodings.any:
                with self._ages.within("turn"):
                    self._turns.go_on_with_decoded()
            pictures, texts = self._roster.candidates(), self._encodings.candidates()
            if pictures or texts:
                chosen = self._schedule.choose([*pictures, *texts])
                if chosen.run in self._encodings:
                    self._encodings.turn(chosen.run)
                else:
                    self._turn(chosen, pictures)
        self._roster.cancel_all()
        self._encodings.cancel_all()
        self._models.close()
        self._delivery.close()

    def _receive(self) -> bool:
        """Take in all that has come; wait for something if there is nothing to draw. False: stop."""
        while True:
            try:
                command = self._reader.next(wait_seconds=self._patience())
            except Empty:
                return True
            if command is None:
                return False
            with self._ages.within("command"):
                self._obey(command)

    def _obey(self, command: Command) -> None:
        match command:
            case ModelSpec():
                self._models.add(command)
            case LoadOutcome():
                self._moved(command)
            case EncoderSpec():
                self._encodings.add(command)
            case Draw():
                self._roster.accept(command.order)
            case Embed():
                self._encodings.accept(command.order)
            case Cancel() if command.job_id in self._encodings:
                self._encodings.cancel(command.job_id)
            case Cancel():
                self._roster.cancel(command.job_id)
            case ShareCores():
                self._turns.threads.share(command.busy)
            case Watch():
                self._roster.watch(command.job_id, command.longest)

    def _patience(self) -> float | None:
        """Seconds to wait for a command: none while there is something to draw."""
        if self._roster.candidates() or self._encodings.candidates():
            return 0.0
        return _LOOK_SECONDS if self._turns.decodings.any else None

    def _moved(self, outcome: LoadOutcome) -> None:
        """Models came, or went."""
        brought = self._models.take(outcome)
        if brought is not None:
            self._roster.model_came(brought)
        self._models.settle()
        self._turns.models_moved()
        self._roster.want_models()

    def _turn(self, chosen: Parked, candidates: Sequence[Parked]) -> None:
        run = self._roster[chosen.run]
        others = [self._roster[parked.run] for parked in candidates if parked.run != chosen.run]
        room = self._max_runs - self._roster.in_flight
        with self._ages.within("turn", run.longest_turn_seconds):
            self._turns.take(run, others, room)

    def _begin(self, run: Run) -> None:
        self._roster.pin_model(run)
        self._emit(Started(job_id=run.order.id, fingerprint=run.model.fingerprint))

    def _conclude(self, run: Run) -> None:
        if run.failure is None:
            self._roster.drew(run)
            self._delivery.finish(run)
            self._roster.leave(run)
        else:
            log.error("%s failed: %s", run.order.named, run.failure.log)
            self._roster.fail(run, run.failure)

    def _stepped(self, run: Run, taken: StepTaken) -> None:
        """In the run, while the engine waits for it."""
        self._emit(Stepped(job_id=run.order.id, step=taken.step, steps=taken.steps))
        self._delivery.show(run, taken)
