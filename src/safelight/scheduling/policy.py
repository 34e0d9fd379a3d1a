"""What runs next: policy alone, without torch and without a clock, so that it can be tried out by the thousand.

Two questions at every step boundary. *Whose turn is it?* Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996):
every group has a virtual time that grows by the seconds it was given, divided by its weight; the least is next. A group
that comes back from idleness starts a few steps before the others, so that a short request is answered at once, but no
earlier: idleness is no savings account. *Which of its pictures?* The one with the least due time, which is when it came
(its own turns taken out) plus four times the work that it has left: short remaining work first, but nothing is
overtaken for ever.

The bound that follows. With `n` groups of equal weight at work, a picture of `r` seconds that came when its group had
work `w` that goes before it is done after at most n * (w + r + credit) seconds, where only what comes within 4.2 r of
it can be in `w`, and credit is `CREDIT_STEPS` steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Stage = Literal["encode_prompt", "denoise", "decode"]

CREDIT_STEPS = 8.0
PATIENCE = 4.0
# A long picture that is almost done must not make a short one wait as long as that takes itself: so a little of its
# whole length counts too. Without, four steps behind the last six of fifty took 2.02 times their time alone.
_WHOLE = 0.05


@dataclass(frozen=True)
class Parked:
    """A run that waits for its turn, as the policy sees it.

    `arrived` and `parked` are positions in the engine's one count of events, so smaller is earlier. `steps` is 0 until
    the pipeline has said how many it takes. `group` is on whose behalf it is drawn, `weight` that group's share beside
    others. `came` is when it came, `remaining` the seconds it is expected to need still, `step_seconds` those of one
    step. `in_flight`: it has had a turn.
    """

    run: str
    stage: Stage
    arrived: int
    parked: int
    step: int
    steps: int
    group: str = ""
    weight: float = 1.0
    came: float = 0.0
    remaining: float = 0.0
    total: float = 0.0
    step_seconds: float = 0.0
    in_flight: bool = True

    @property
    def due(self) -> float:
        """Within its group, the least is next. Only waiting makes old: time in which it was served does not count."""
        served = self.total - self.remaining
        return self.came + served + PATIENCE * (self.remaining + _WHOLE * self.total)


class Schedule(Protocol):
    """Chooses among parked runs; asked again after every turn."""

    def choose(self, parked: Sequence[Parked]) -> Parked:
        """One of `parked`, which is never empty."""

    def served(self, run: Parked, seconds: float) -> None:
        """That run had a turn of so many seconds."""


class RoundRobin:
    """Whoever has waited longest since its last turn: every run gets one call in turn, and none can starve."""

    def choose(self, parked: Sequence[Parked]) -> Parked:
        return min(parked, key=lambda run: run.parked)

    def served(self, run: Parked, seconds: float) -> None:
        """Turns are counted, not seconds."""


class FirstComeFirstServed:
    """Run after run, each to its end: what others are measured against."""

    def choose(self, parked: Sequence[Parked]) -> Parked:
        return min(parked, key=lambda run: run.arrived)

    def served(self, run: Parked, seconds: float) -> None:
        """Seconds change nothing."""


class FairShare:
    """Groups by weighted fair share, and in each group short work first, with patience for long."""

    def __init__(self) -> None:
        self._virtual = 0.0
        self._used: dict[str, float] = {}
        self._weights: dict[str, float] = {}

    def choose(self, parked: Sequence[Parked]) -> Parked:
        heads: dict[str, Parked] = {}
        for run in parked:
            head = heads.get(run.group)
            if head is None or (run.due, run.arrived) < (head.due, head.arrived):
                heads[run.group] = run
        self._enter(heads)
        return min(heads.values(), key=lambda run: (self._used[run.group], run.arrived))

    def served(self, run: Parked, seconds: float) -> None:
        self._used[run.group] = self._used.get(run.group, self._virtual) + seconds / run.weight
        self._virtual += seconds / max(sum(self._weights.values()), run.weight)
        if len(self._weights) == 1:  # nobody to be ahead of: a credit is not kept for later
            self._used[run.group] = self._virtual

    def _enter(self, heads: dict[str, Parked]) -> None:
        """Groups that have nothing to do are forgotten once the others have caught up with what they used."""
        came = heads.keys() - self._weights.keys()
        self._weights = {group: head.weight for group, head in heads.items()}
        for group in came:
            credit = CREDIT_STEPS * heads[group].step_seconds / heads[group].weight
            self._used[group] = max(self._used.get(group, self._virtual - credit), self._virtual - credit)
        self._used = {g: used for g, used in self._used.items() if g in heads or used > self._virtual}
