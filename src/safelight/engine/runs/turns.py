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
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.decoding import Decodings
from safelight.engine.runs.embeddings import EmbeddingCache
from safelight.engine.runs.joining import form
from safelight.engine.runs.merging import MOST, Compute, Merger, plainly
from safelight.engine.runs.parking import HERE
from safelight.engine.runs.recordings.replaying import Replays
from safelight.engine.runs.run import Run
from safelight.engine.runs.teams.threads import Threads
from safelight.scheduling.policy import Parked, Schedule

_LIGHT_SECONDS = 0.05
"""Steps so short are mostly reading weights and what PyTorch does around each product, which a batch does once. Longer
ones would gain little, and finding out whether a batch of theirs changes no byte would hold others up."""


@dataclass(frozen=True)
class Computing:
    """How calls are computed. `embeddings` keeps what text encoders gave, `replays` runs what was recorded, with
    `merge` there may be batches of calls, and `beside` gives a device's second queue, for decodings.
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
        """A turn of that run, with those of `others` that make a batch with it; or of one of these that has not come to
        its steps yet, of which `room` may be begun."""
        mates = self._batch_mates(run, others, room) if others and self._merges(run) else []
        for mate in mates:
            if _comes_to_steps(mate):
                self._alone(mate)
                return
        # In one order at every step, whoever's turn it is: a denoiser finds again what it made of their prompts.
        group = sorted((run, *_of_one_form(run, mates)), key=lambda each: each.arrived)
        if len(group) == 1:
            self._alone(run)
            return
        device, exact = run.model.device, run.order.share.exact
        calls, begun = [each.call for each in group if each.call], mark(device)
        key, compute = _batch_key(run, len(group)), self._computing(run) if device == "cpu" else plainly
        results, merged = self._merger.run(key, calls, device, exact=exact, compute=compute)
        self._pace.turn(begun, mark(device), partial(self._account_batch, group, merged=merged))
        for each, result in zip(group, results, strict=True):
            each.is_batched = each.is_batched or merged
            each.merged = each.merged or (merged and not exact)
            each.step_kind = key if merged else None  # tried both ways, a step's time says nothing
            self._go_on(each, result, mark(device))

    def models_moved(self) -> None:
        """Models came, went or moved: what was recorded of them is forgotten."""
        self._replays.sweep()
        self.threads.forget()
        self._merger.forget()

    def _merges(self, run: Run) -> bool:
        if run.call is None or run.call.stage != STEPS or not self._merger.enabled:
            return False
        return not run.order.share.exact or (_is_light(run) and form(run.call) is not None)

    def _batch_mates(self, run: Run, others: Sequence[Run], room: int) -> list[Run]:
        """Who can be drawn in one batch with that run: like it in everything that decides shapes, at a step or before.

        Those that have not begun come after those that have, oldest first.
        """
        exact = run.order.share.exact
        like = [other for other in others if _shape_key(other) == _shape_key(run) and _may_go_with(other, run)]
        in_flight = [other for other in like if other.in_flight]
        like = [*in_flight, *[other for other in like if not other.in_flight][: max(0, room)]][: MOST - 1]
        sizes = range(len(like) + 1, 1, -1)  # four may give other bytes where three do not
        size = next((size for size in sizes if self._merger.may_pay(_batch_key(run, size), exact=exact)), 1)
        return like[: size - 1]

    def _alone(self, run: Run) -> None:
        """One call of that run, if it waits for one."""
        if not run.in_flight:
            self._begin(run)
        if run.call is not None and self.decodings.begin(run, run.call):
            return
        begun, run.step_kind = mark(run.model.device), _batch_key(run, 1)
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
        kept = None if key is None else self._embeddings.get(key)
        if kept is not None:
            return kept
        result = self._computing(run)(call, 1)
        if key is None:
            return result
        self._embeddings.put(key, result)
        return result

    def _computing(self, run: Run) -> Compute:
        """Runs a call of that run, or one that so many were joined to."""
        points, device = run.slot.known.by_threads, run.model.device
        return lambda call, size: self.threads.compute(call, points, device, _batch_key(run, size))

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
        if stepped and run.model.device == "cpu" and run.step_kind is not None:
            self.threads.stepped(run.step_kind, run.times.steps[-1])
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


def _is_light(run: Run) -> bool:
    """Whether batches of its steps are worth finding out about where they may change no byte."""
    return run.model.device == "cpu" and not run.model.compiled and run.parked().step_seconds <= _LIGHT_SECONDS


def _comes_to_steps(run: Run) -> bool:
    return run.call is None or comes_before_steps(run.call.stage)


def _may_go_with(other: Run, run: Run) -> bool:
    """What is past its steps takes none, what is in the background has no turn while somebody waits, and what has no
    promise is merged with its like."""
    if other.call is not None and other.call.stage != STEPS and not _comes_to_steps(other):
        return False
    if other.order.share.background and not run.order.share.background:
        return False
    return run.order.share.exact or not other.order.share.exact


def _of_one_form(run: Run, mates: Sequence[Run]) -> Sequence[Run]:
    """Those whose steps have the form of that run's, where a promise hangs on it: prompts of other lengths have not."""
    if not run.order.share.exact or run.call is None or not mates:
        return mates
    wanted = form(run.call)
    return [mate for mate in mates if mate.call is not None and form(mate.call) == wanted]


def _batch_key(run: Run, size: int) -> tuple[Any, ...]:
    """What a verdict on batches holds for, and what is known of how long a step takes."""
    return (*_shape_key(run), size)


def _shape_key(run: Run) -> tuple[Any, ...]:
    """What decides the shapes of its denoiser's calls."""
    recipe = run.order.recipe
    return recipe.source, recipe.width, recipe.height, recipe.passes
