"""What runs next: policy alone, without torch and without a clock, so that it can be tried out by the thousand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Stage = Literal["encode_prompt", "denoise", "decode"]


@dataclass(frozen=True)
class Parked:
    """A run that waits for its turn, as the policy sees it.

    `arrived` and `parked` are positions in the engine's one count of events, so smaller is earlier. `steps` is 0 until
    the pipeline has said how many it takes.
    """

    run: str
    stage: Stage
    arrived: int
    parked: int
    step: int
    steps: int


class Schedule(Protocol):
    """Chooses among parked runs; asked again after every turn."""

    def choose(self, parked: Sequence[Parked]) -> Parked:
        """One of `parked`, which is never empty."""


class RoundRobin:
    """Whoever has waited longest since its last turn: every run gets one call in turn, and none can starve."""

    def choose(self, parked: Sequence[Parked]) -> Parked:
        return min(parked, key=lambda run: run.parked)
