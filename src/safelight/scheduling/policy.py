"""What runs next: policy alone, without torch and without a clock, so that it can be tried out by the thousand.

Two questions at every step boundary. *Whose turn is it?* Start-time fair queueing (`shares`); a group that comes back
from idleness starts before the others by a few steps and by what goes around them (encoding, decoding), so that a
short request is answered at once; it has as much again when the others have had as much. *Which of its pictures?*
The one with the least due time, which is when it came (its own turns taken out) plus four times the work that it has
left: short remaining work first, but nothing is overtaken for ever. What waits for a worker or for its place among
durable jobs is chosen by the same two answers (`line`).

The bound that follows. With `n` groups of equal weight at work, a picture of `r` seconds that came when its group had
work `w` that goes before it is done after at most n * (w + r + credit) seconds, where only what comes within 4.2 r of
it can be in `w`, and credit is `CREDIT_STEPS` steps and what goes around those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from safelight.scheduling.shares import Claim, Shares

CREDIT_STEPS = 8.0
PATIENCE = 4.0
# A long picture that is almost done must not make a short one wait as long as that takes itself: so a little of its
# whole length counts too. Without, four steps behind the last six of fifty took 2.02 times their time alone.
_WHOLE = 0.05


def due(came: float, total: float, remaining: float) -> float:
    """The least is next within a group: for what came then, takes `total` seconds and has `remaining` of them left."""
    served = total - remaining
    return came + served + PATIENCE * (remaining + _WHOLE * total)


@dataclass(frozen=True)
class Parked:
    """A run that waits for its turn, as the policy sees it.

    `arrived` and `parked` are positions in the engine's one count of events, so smaller is earlier. `steps` is 0 until
    the pipeline has said how many it takes. `group` is on whose behalf it is drawn, `weight` that group's share beside
    others. `came` is when it came, `remaining` the seconds it is expected to need still, `step_seconds` those of one
    step, `around` those of all that is no step. `in_flight`: it has had a turn. `background`: it has one only while no
    other run wants one.
    """

    run: str
    stage: str
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
    background: bool = False
    around: float = 0.0

    @property
    def due(self) -> float:
        """Within its group, the least is next. Only waiting makes old: time in which it was served does not count."""
        return due(self.came, self.total, self.remaining)

    @property
    def credit(self) -> float:
        """The seconds by which its group goes before others when it comes: a picture of few steps is drawn to its end.

        With the steps alone a small model's picture, whose decoding takes longer than they do, was half drawn when its
        credit ended, and had a turn among others from there: 1.8 times its time alone instead of 1.5.
        """
        return CREDIT_STEPS * self.step_seconds + self.around


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
        self._shares = Shares()

    def choose(self, parked: Sequence[Parked]) -> Parked:
        heads: dict[str, Parked] = {}
        first: dict[str, tuple[float, int]] = {}
        for run in [run for run in parked if not run.background] or parked:
            turn, group = (run.due, run.arrived), run.group
            if group not in first or turn < first[group]:
                heads[group], first[group] = run, turn
        self._shares.enter({g: Claim(head.weight, head.credit) for g, head in heads.items()})
        return min(heads.values(), key=lambda run: (self._shares.used(run.group), run.arrived))

    def served(self, run: Parked, seconds: float) -> None:
        self._shares.serve(run.group, run.weight, seconds)
