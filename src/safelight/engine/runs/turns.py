"""A turn: one call of one run, and what its pipeline does until its next; or a call each of several runs, at once."""

# Tested in tests/engine/test_loop.py.

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from safelight.contract.models.costs import CostPoint
from safelight.contract.models.stages import STEPS, comes_before_steps
from safelight.engine.machine.pace import Mark, Pace, mark
from safelight.engine.machine.streams import Beside, beside
from safelight.engine.pipeline.calls import Call
from safelight.engine.runs.decoding import Decodings
from safelight.engine.runs.embeddings import EmbeddingCache
from safelight.engine.runs.merging import MOST, Merger
from safelight.engine.runs.parking import HERE
from safelight.engine.runs.replaying import Replays
from safelight.engine.runs.run import Run
from safelight.engine.runs.threads import Threads
from safelight.scheduling.policy import Parked, Schedule


@dataclass(frozen=True)
class Computing:
    """How calls are computed. `embeddings` keeps what text encoders gave, `replays` runs what was recorded, with
    `merge` there may be batches of calls without a promise, and `beside` gives a device's second queue, for decodings.
    """

    embeddings: EmbeddingCache = field(default_factory=EmbeddingCache)
    merge: bool = False
    replays: Replays = field(default_factory=Replays)
    beside: Callable[[str], Beside | None] = beside


class Turns:
    """Takes turns with runs and accounts for them: to the run's times, the schedule, and what batches cost.

    `begin` is told of each run before its first turn, `conclude` when it has ended. Only the engine's thread calls.
    """

    def __init__(
        self,
        schedule: Schedule,
        computing: Computing,
        positions: count[int],
        *,
        begin: Callable[[Run], None],
        conclude: Callable[[Run], None],
    ) -> None:
        self._schedule, self._positions = schedule, positions
        self._embeddings, self._replays = computing.embeddings, computing.replays
        self._begin, self._conclude = begin, conclude
        self._merger = Merger(enabled=computing.merge)
        self._pace = Pace()
        self.decodings = Decodings(computing.beside)
        self.threads = Threads(self._replays.run)

    def take(self, run: Run, others: Sequence[Run], room: int) -> None:
        """A turn of that run, with those of `others` that make a batch with it, of which `room` may be begun for it."""
        group = [run, *self._batch_mates(run, others, room)] if self._merges(run) else [run]
        if len(group) == 1:
            self._alone(run)
            return
        device = run.model.device
        calls, begun = [each.call for each in group if each.call], mark(device)
        results, merged = self._merger.run(_batch_key(run, len(group)), calls, device)
        self._pace.turn(begun, mark(device), partial(self._account_batch, group, merged=merged))
        for each, result in zip(group, results, strict=True):
            each.merged = each.merged or merged
            self._go_on(each, result, mark(device))

    def models_moved(self) -> None:
        """Models came, went or moved: what was recorded of them is forgotten."""
        self._replays.sweep()
        self.threads.forget()

    def _merges(self, run: Run) -> bool:
        return not run.order.share.exact and run.call is not None and run.call.stage == STEPS and self._merger.enabled

    def _batch_mates(self, run: Run, others: Sequence[Run], room: int) -> list[Run]:
        """Who can be drawn in one batch with that run: like it in everything that decides shapes, brought to a step.

        Those that have not begun are begun for it, oldest first; what that takes is mostly their prompts' encoding.
        """
        like = [other for other in others if not other.order.share.exact and other.shape_key == run.shape_key]
        in_flight = [other for other in like if other.in_flight]
        like = [*in_flight, *[other for other in like if not other.in_flight][: max(0, room)]][: MOST - 1]
        if not like or not self._merger.may_pay(_batch_key(run, len(like) + 1)):
            return []
        for other in like:
            while not other.ended and (other.call is None or comes_before_steps(other.call.stage)):
                self._alone(other)
        return [other for other in like if other.call is not None and other.call.stage == STEPS]

    def _alone(self, run: Run) -> None:
        """One call of that run, if it waits for one."""
        if not run.in_flight:
            self._begin(run)
        if run.call is not None and self.decodings.begin(run, run.call):
            return
        begun = mark(run.model.device)
        self._go_on(run, self._compute(run, run.call) if run.call else None, begun)

    def go_on_with_decoded(self) -> None:
        """Let those go on whose pictures were decoded beside the steps."""
        for decoding in self.decodings.ready():
            run, parked = decoding.run, decoding.run.parked()
            if run.ended:
                continue  # cancelled
            with self.decodings.following(decoding):
                run.resume(decoding.result.have(), next(self._positions))
            self._account(run, parked, decoding.ended.seconds_since(decoding.begun), stepped=False)
            if run.ended:
                self._conclude(run)

    def _compute(self, run: Run, call: Call) -> Any:
        """Its result, or `HERE` for a call that its run makes itself once it goes on, pausing on its way."""
        if call.stops:
            return HERE
        key = self._embeddings.key(run.model.source, call)
        compute = partial(self.threads.compute, call, run.slot.known.by_threads, run.model.device, run.shape_key)
        if key is None:
            return compute()
        kept = self._embeddings.get(key)
        if kept is not None:
            return kept
        result = compute()
        self._embeddings.put(key, result)
        return result

    def _go_on(self, run: Run, result: Any, begun: Mark) -> None:
        """Give a run its result, and note the turn that began then."""
        parked, step = run.parked(), run.step
        run.resume(result, next(self._positions))
        account = partial(self._account, run, parked, stepped=run.step > step)
        self._pace.turn(begun, mark(run.model.device), account)
        if run.ended:
            self._pace.settle()  # its picture is here, so the device is done with it
            self._conclude(run)

    def _account(self, run: Run, parked: Parked, seconds: float, *, stepped: bool) -> None:
        run.times.turn(parked.stage, seconds, stepped=stepped)
        if stepped and run.model.device == "cpu":
            self.threads.stepped(run.shape_key, run.times.steps[-1])
        self._schedule.served(parked, seconds)

    def _account_batch(self, group: Sequence[Run], seconds: float, *, merged: bool) -> None:
        """Calls that went together: each is served its share; what its pipeline does next is a turn of its own."""
        first = group[0]
        if merged:
            point = CostPoint(
                pixels=first.order.recipe.pixels, passes=first.order.recipe.passes, batch=len(group), step=seconds
            )
            first.slot.known.costs.observe(point)
        for each in group:
            each.times.turn(STEPS, seconds / len(group), stepped=False)
            self._schedule.served(each.parked(), seconds / len(group))


def _batch_key(run: Run, size: int) -> tuple[Any, ...]:
    """What a verdict on batches holds for."""
    return (*run.shape_key, size)
