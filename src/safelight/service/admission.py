"""Admission in seconds of work: what is accepted is bounded by how long it takes, not by how many requests it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from safelight.contract.costs import CostPoint, Costs
from safelight.contract.errors import Unavailable
from safelight.contract.messages import Job, Timings

# Before anything was measured: seconds for one megapixel. Wrong for any model by much, and forgotten after one picture.
_FIRST_GUESS_SECONDS_PER_MEGAPIXEL = 2.0
_GUESSED_STEPS = 20


@dataclass(frozen=True, slots=True)
class Cost:
    """What a job is expected to take, in seconds of one worker's time."""

    job_id: str
    seconds: float


class Admission:
    """Accepts jobs while the work ahead is at most `bound_seconds`, and learns what jobs cost.

    An idle service accepts any job, however long: a bound shorter than one picture must not refuse everything.
    """

    def __init__(self, bound_seconds: float, workers: int = 1) -> None:
        self._bound = bound_seconds
        self._workers = max(1, workers)
        self._admitted: dict[str, float] = {}
        self._costs: dict[str, Costs] = {}
        self._steps: dict[str, int] = {}

    @property
    def work_seconds(self) -> float:
        """Seconds until everything that was accepted is drawn."""
        return sum(self._admitted.values()) / self._workers

    def admit(self, job: Job, *, accepted: bool = False) -> Cost:
        """Take a job in; one that was `accepted` before is not refused any more.

        Raises:
            Unavailable: `engine_overloaded`; `Retry-After` is when the work ahead will have shrunk enough.
        """
        if not accepted:
            self.check(job)
        cost = self.estimate(job)
        self._admitted[job.id] = cost
        return Cost(job.id, cost)

    def check(self, job: Job) -> None:
        """Whether a job would be taken now.

        Raises:
            Unavailable: as `admit` would.
        """
        cost = self.estimate(job)
        ahead = self.work_seconds
        excess = ahead + cost / self._workers - self._bound
        if self._admitted and excess > 0:
            raise Unavailable(
                f"{len(self._admitted)} pictures are waiting or being drawn, about {ahead:.0f} s of work; the limit is "
                f"{self._bound:.0f} s. Try again after the time in Retry-After.",
                code="engine_overloaded",
                retry_after_seconds=excess,
            )

    def progress(self, cost: Cost, fraction_done: float) -> None:
        """Part of a job is done: only what remains counts from here on."""
        if cost.job_id in self._admitted:
            self._admitted[cost.job_id] = cost.seconds * (1.0 - fraction_done)

    def release(self, cost: Cost) -> None:
        """The job ended, however it did."""
        self._admitted.pop(cost.job_id, None)

    def know(self, source: str, points: Iterable[CostPoint], steps: int | None) -> None:
        """What was measured when that model was loaded, and how many steps it takes when a job does not say."""
        if steps is not None:
            self._steps[source] = steps
        if source not in self._costs:
            self._costs[source] = Costs(points)

    def observe(self, job: Job, timings: Timings) -> None:
        """Learn from a finished job."""
        self._costs.setdefault(job.source, Costs()).observe(job.cost(timings))
        if job.steps is None:
            self._steps[job.source] = len(timings.steps)

    def estimate(self, job: Job) -> float:
        """Expected seconds, by the model's step-time curve."""
        costs = self._costs.get(job.source)
        point = costs.at(job.pixels, passes=job.passes) if costs is not None else None
        if point is None:
            return _FIRST_GUESS_SECONDS_PER_MEGAPIXEL * job.pixels / 1e6
        return point.total(job.steps or self._steps.get(job.source, _GUESSED_STEPS))
