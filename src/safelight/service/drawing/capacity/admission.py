"""Admission in seconds of work: what is accepted is bounded by how long it takes, not by how many requests it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from safelight.contract.errors import InvalidRequest, Unavailable
from safelight.contract.models.costs import CostPoint, Costs
from safelight.contract.requests.order import Order, Recipe, Share
from safelight.protocol.cluster.placing import Amount
from safelight.protocol.times import Timings
from safelight.scheduling.bounds import FairBound
from safelight.service.drawing.capacity.step_counts import StepCounts

# Before anything was measured: seconds for one megapixel. Wrong for any model by much, and forgotten after one picture.
_FIRST_GUESS_SECONDS_PER_MEGAPIXEL = 2.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What an order is expected to take, in seconds of one worker's time."""

    job_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Admitted:
    """An order that counts: whose it is, and the seconds that it has left."""

    group: str
    seconds: float


class Admission:
    """Accepts orders while the work ahead is at most `bound_seconds`, and learns what orders cost.

    Keys share the bound by weight (`FairBound`): since they share the devices too, it bounds how long a key's own work
    may have to wait. A key with nothing under way gets a picture in, however long it is and whatever others have asked
    for. No request may take more than `request_seconds` of drawing, unless it is one picture as the model draws it by
    itself: that one must be possible on a slow machine too. `workers` says how many draw at once now, which changes.
    """

    def __init__(
        self, bound_seconds: float, workers: Callable[[], int] = lambda: 1, request_seconds: float = math.inf
    ) -> None:
        self._count = workers
        self.bound_seconds = bound_seconds
        self._bound = FairBound(bound_seconds)
        self._request_seconds = request_seconds
        self._admitted: dict[str, _Admitted] = {}
        self._costs: dict[str, Costs] = {}
        self._steps = StepCounts()

    @property
    def workers(self) -> int:
        """At least one: one that has just died is replaced."""
        return max(1, self._count())

    @property
    def work_seconds(self) -> float:
        """Seconds until everything that was accepted is drawn."""
        return self._bound.total / self.workers

    def let_in(self) -> list[Amount]:
        """What is under way here, by owner."""
        return [Amount(owner=owner, weight=weight, seconds=seconds) for owner, weight, seconds in self._bound.amounts()]

    def admit(self, orders: Sequence[Order], *, accepted: bool = False) -> list[Cost]:
        """Take orders of one key in, all or none; those `accepted` before are not refused any more.

        An idle service takes any request.

        Raises:
            Unavailable: `engine_overloaded`; `Retry-After` is when the work ahead will have shrunk enough.
        """
        seconds = [self.estimate(order.recipe) for order in orders]
        if orders and not accepted:
            self._check(orders[0].share, seconds)
        return [self._take(order.id, order.share, each) for order, each in zip(orders, seconds, strict=True)]

    def admit_seconds(self, job_id: str, share: Share, seconds: float) -> Cost:
        """Take in work of another kind than pictures, that is expected to need so many seconds.

        Raises:
            Unavailable: as `admit`.
        """
        self._check(share, [seconds])
        return self._take(job_id, share, seconds)

    def wait_seconds(self, share: Share, parts: Sequence[float], coming: Sequence[Amount] = ()) -> float:
        """How long all of this work of one key would have to wait until it fits here, the next part of it coming when
        the last is in; 0 if it fits. `coming` is as good as admitted."""
        if not self._admitted and not coming:
            return 0.0
        self._bound.bound = self.bound_seconds * self.workers
        first, *rest = parts
        with ExitStack() as added:
            for each in coming:
                added.enter_context(self._bound.holding(each.owner, each.weight, each.seconds))
            if self._bound.has(share.group):
                rest = [first, *rest]
            else:  # a key with nothing under way has one at once
                added.enter_context(self._bound.holding(share.group, share.weight, first))
            return self._bound.excess(share.group, share.weight, sum(rest)) / self.workers if rest else 0.0

    def _take(self, job_id: str, share: Share, seconds: float) -> Cost:
        self._admitted[job_id] = _Admitted(share.group, seconds)
        self._bound.add(share.group, share.weight, seconds)
        return Cost(job_id, seconds)

    def _check(self, share: Share, parts: Sequence[float]) -> None:
        wait = self.wait_seconds(share, parts)
        if wait > 0:
            own = self._bound.of(share.group) / self.workers
            raise Unavailable(
                f"{len(self._admitted)} pictures or lists of texts are waiting or under way, about "
                f"{self.work_seconds:.0f} s of work, {own:.0f} s of it for your key; the limit is "
                f"{self.bound_seconds:.0f} s, shared among the keys that have work under way. Try again after "
                "the time in Retry-After.",
                code="engine_overloaded",
                retry_after_seconds=wait,
            )

    def check_size(self, orders: Sequence[Order], ordinary: Recipe) -> None:
        """Whether a request is small enough; it is where nobody knows yet what its model's pictures cost.

        `ordinary` is a picture as the model draws it by itself.

        Raises:
            InvalidRequest: it would take too long, and how to ask for less.
        """
        if not orders or orders[0].recipe.source not in self._costs:
            return
        seconds, one = sum(self.estimate(order.recipe) for order in orders), self.estimate(orders[0].recipe)
        allowed = max(self._request_seconds, self.estimate(ordinary))
        if seconds <= allowed:
            return
        fitting = math.floor(allowed / one) if one > 0 else 0
        less = f"`n` at most {fitting}, " if len(orders) > 1 and fitting else "`n: 1` and " if len(orders) > 1 else ""
        raise InvalidRequest(
            f"Drawing this request would take about {seconds:.0f} s; at most {allowed:.0f} s are allowed (the server's "
            f"setting `request_seconds`). Ask for less: {less}a smaller `size`, or fewer `steps` where the model takes "
            "them.",
            param="n" if len(orders) > 1 and fitting else "size",
        )

    def progress(self, cost: Cost, fraction_done: float) -> None:
        """Part of an order is done: only what remains counts from here on."""
        before = self._admitted.get(cost.job_id)
        if before is not None:
            left = cost.seconds * (1.0 - fraction_done)
            self._bound.change(before.group, left - before.seconds)
            self._admitted[cost.job_id] = _Admitted(before.group, left)

    def release(self, cost: Cost) -> None:
        """The order ended, however it did; saying so again changes nothing."""
        before = self._admitted.pop(cost.job_id, None)
        if before is not None:
            self._bound.remove(before.group, before.seconds)

    def set_costs(self, source: str, points: Iterable[CostPoint], steps: int | None) -> None:
        """What was measured when that model was loaded, and how many steps it takes when an order does not say."""
        if steps is not None:
            self._steps.set_own(source, steps)
        if source not in self._costs and (measured := tuple(points)):
            self._costs[source] = Costs(measured)

    def learn(self, recipe: Recipe, timings: Timings) -> None:
        """Learn from a finished picture."""
        self._costs.setdefault(recipe.source, Costs()).observe(timings.cost_of(recipe))
        self._steps.learn(recipe, len(timings.steps))

    def estimate(self, recipe: Recipe) -> float:
        """Expected seconds, by the model's step-time curve. Of an edit the steps that its `strength` leaves count, and
        that its pictures are encoded."""
        costs = self._costs.get(recipe.source)
        point = costs.at(recipe.pixels, passes=recipe.passes, pictures=recipe.pictures) if costs is not None else None
        if point is None:
            return _FIRST_GUESS_SECONDS_PER_MEGAPIXEL * recipe.pixels / 1e6
        return point.total(self._steps.expected(recipe))
