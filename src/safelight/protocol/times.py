"""Seconds that a worker tells: where a picture's went, and for how long something has been under way."""

# Tested in tests/protocol/test_messages.py.

from __future__ import annotations

from typing import Literal

import msgspec

from safelight.contract.models.costs import CostPoint
from safelight.contract.models.stages import STAGES, STEPS
from safelight.contract.requests.order import Recipe


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds a job spent where, in the worker: `stages` by their names, `steps` each by itself. `wait` is time in the
    worker without computing for this job."""

    wait: float = 0.0
    stages: dict[str, float] = {}
    image_encode: float = 0.0
    steps: tuple[float, ...] = ()

    @property
    def active(self) -> float:
        """Seconds in which the device worked for it."""
        return sum(self.stages.values())

    def of(self, stage: str) -> float:
        """Seconds in that stage."""
        return self.stages.get(stage, 0.0)

    def cost_of(self, recipe: Recipe) -> CostPoint:
        """What a finished picture teaches about what drawing costs."""
        return CostPoint(
            pixels=recipe.pixels,
            passes=recipe.passes,
            step=self.of(STEPS) / max(1, len(self.steps)),
            once={stage: seconds for stage, seconds in self.stages.items() if not STAGES[stage].each_step},
        )


class StageSpan(msgspec.Struct, frozen=True):
    """A stage of one picture: when its first turn began and its last one ended, in Unix seconds by the worker's clock,
    and for how many seconds in between the worker worked for this picture. In the rest others had their turns."""

    stage: str
    begun: float
    ended: float
    active: float


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Which worker drew a picture (its machine's name, process id and device), and when it did what for it."""

    host: str
    process: int
    device: str
    stages: tuple[StageSpan, ...] = ()


BusyStage = Literal["import", "command", "load", "move", "warm_up", "turn", "encode_file", "preview", "keep"]
"""What a worker can be stuck in. A `turn` is a call of a run (a step, a prompt's encoding, a decoding) and what its
pipeline does until its next; a `command` is taken in between turns."""


class StageAge(msgspec.Struct, frozen=True):
    """How long something has been under way, and how long it was expected to be; 0: nobody knows."""

    stage: BusyStage
    seconds: float
    expected_seconds: float = 0.0
